//! Signed statements about who may do what: JSON Web Tokens.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use jsonwebtoken::errors::Error;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Signs, and sees whether it has signed.
#[derive(Clone)]
pub(crate) struct Keys(Arc<(EncodingKey, DecodingKey)>);

/// What is signed. `aud` says what for: a ticket is no token, and a token no ticket.
#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    sub: String,
    exp: u64,
    parcel: Option<String>,
}

const API: &str = "parcels-api";
const EVENTS: &str = "parcels-events";

/// Who has shown a token, and how long it is good for.
#[derive(Debug)]
pub(crate) struct Customer {
    pub(crate) name: String,
    pub(crate) until: SystemTime,
}

/// What a ticket opens, to whom, and how long.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) customer: String,
    pub(crate) parcel: String,
    pub(crate) until: SystemTime,
}

impl Keys {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Keys(Arc::new((EncodingKey::from_secret(secret), DecodingKey::from_secret(secret))))
    }

    pub(crate) fn token(&self, customer: &str, until: SystemTime) -> Result<String, Error> {
        self.sign(API, customer, None, until)
    }

    pub(crate) fn ticket(
        &self,
        customer: &str,
        parcel: &str,
        until: SystemTime,
    ) -> Result<String, Error> {
        self.sign(EVENTS, customer, Some(parcel.to_owned()), until)
    }

    fn sign(
        &self,
        audience: &str,
        subject: &str,
        parcel: Option<String>,
        until: SystemTime,
    ) -> Result<String, Error> {
        let exp = until.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let claims = Claims { aud: audience.to_owned(), sub: subject.to_owned(), exp, parcel };
        encode(&Header::new(Algorithm::HS256), &claims, &self.0.0)
    }

    pub(crate) fn customer(&self, token: &str) -> Option<Customer> {
        let Claims { sub: name, exp, .. } = self.check(API, token)?;
        Some(Customer { name, until: time(exp) })
    }

    pub(crate) fn open(&self, ticket: &str) -> Option<Ticket> {
        let Claims { sub: customer, exp, parcel, .. } = self.check(EVENTS, ticket)?;
        Some(Ticket { customer, parcel: parcel?, until: time(exp) })
    }

    fn check(&self, audience: &str, signed: &str) -> Option<Claims> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["aud", "exp", "sub"]);
        validation.leeway = 0;
        let claims = decode::<Claims>(signed, &self.0.1, &validation).ok()?.claims;
        // In the very second of its end it is over, too (RFC 7519, section 4.1.4).
        (SystemTime::now() < time(claims.exp)).then_some(claims)
    }
}

fn time(exp: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(exp)).unwrap_or(UNIX_EPOCH)
}

impl<S> FromRequestParts<S> for Customer
where
    Keys: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, StatusCode> {
        let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = bearer.and_then(|bearer| bearer.strip_prefix("Bearer "));
        let customer = token.and_then(|token| Keys::from_ref(state).customer(token));
        customer.ok_or(StatusCode::UNAUTHORIZED)
    }
}
