//! The endpoint that asks no questions.

use super::Subscribe;
use super::problem::method_not_allowed;
use crate::event::SseEvent;
use crate::hub::Hub;
use axum::routing::{MethodRouter, get};
use http::{StatusCode, header};

impl<E: SseEvent> Hub<E> {
    /// A route that lets anybody see every event.
    ///
    /// `GET` answers with the stream, `HEAD` with its headers, `OPTIONS` with what is allowed, any
    /// other method with `405 Method Not Allowed`, unless you add it to the route. To decide who may see what, write a handler and
    /// use [`subscribe`](Hub::subscribe).
    ///
    /// ```
    /// # fn app<E: sse_framework::SseEvent>(hub: sse_framework::Hub<E>) {
    /// let app: axum::Router = axum::Router::new().route("/events", hub.endpoint());
    /// # }
    /// ```
    pub fn endpoint<S: Clone + Send + Sync + 'static>(&self) -> MethodRouter<S> {
        let hub = self.clone();
        let events = move |request: Subscribe| {
            let subscription = hub.subscribe(request).everything();
            async move { subscription }
        };
        let allowed = || async { (StatusCode::NO_CONTENT, [(header::ALLOW, "GET,HEAD,OPTIONS")]) };
        get(events).options(allowed).fallback(method_not_allowed)
    }
}
