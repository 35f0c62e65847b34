//! Who is asking.

use crate::Shops;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

// ANCHOR: user
/// Somebody who is signed in, for how long, and the shop they work in.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) name: &'static str,
    pub(crate) shop: String,
    pub(crate) until: SystemTime,
}

/// A browser's `EventSource` sends cookies but no headers of the page's choosing.
impl FromRequestParts<Shops> for User {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, shops: &Shops) -> Result<Self, StatusCode> {
        let cookies = parts.headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
        let mut cookies = cookies.into_iter().flat_map(|cookies| cookies.split("; "));
        let session = cookies.find_map(|cookie| cookie.strip_prefix("session="));
        session.and_then(|session| shops.sessions.user(session)).ok_or(StatusCode::UNAUTHORIZED)
    }
}
// ANCHOR_END: user

/// Who is signed in. It stands in for the sessions or tokens of a real app.
#[derive(Clone, Debug)]
pub(crate) struct Sessions(Arc<Mutex<HashMap<&'static str, User>>>);

impl Sessions {
    /// Alice works in Rome, Bob in Oslo. Real session ids cannot be guessed.
    pub(crate) fn of_the_example() -> Self {
        let until = SystemTime::now() + Duration::from_secs(8 * 3600);
        let user = |name, shop: &str| (name, User { name, shop: shop.to_owned(), until });
        let users = [user("alice", "rome"), user("bob", "oslo")];
        Sessions(Arc::new(Mutex::new(HashMap::from(users))))
    }

    fn user(&self, session: &str) -> Option<User> {
        let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.get(session).filter(|user| SystemTime::now() < user.until).cloned()
    }

    pub(crate) fn end(&self, user: &User) {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.retain(|_, other| other.name != user.name);
    }
}
