//! Who reads events.

use crate::keys::{Customer, Keys, Ticket};
use axum::extract::{FromRef, FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::Deserialize;
use sse_framework::TopicFilter;
use std::time::SystemTime;

// ANCHOR: reader
/// Who reads, what, and how long at most.
pub(crate) struct Reader {
    pub(crate) customer: String,
    pub(crate) topics: TopicFilter,
    pub(crate) until: SystemTime,
}

#[derive(Deserialize)]
struct Parameters {
    ticket: Option<String>,
}

impl<S> FromRequestParts<S> for Reader
where
    Keys: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, StatusCode> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            let Customer { name, until } = Customer::from_request_parts(parts, state).await?;
            let topics = TopicFilter::under(["customers", &name]);
            return Ok(Reader { customer: name, topics, until });
        }
        let parameters = Query::<Parameters>::try_from_uri(&parts.uri);
        let ticket = parameters.ok().and_then(|Query(Parameters { ticket })| ticket);
        let ticket = ticket.and_then(|ticket| Keys::from_ref(state).open(&ticket));
        let Ticket { customer, parcel, until } = ticket.ok_or(StatusCode::UNAUTHORIZED)?;
        let topics = TopicFilter::under(["customers", &customer, "parcels", &parcel]);
        Ok(Reader { customer, topics, until })
    }
}
// ANCHOR_END: reader
