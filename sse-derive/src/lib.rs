//! The derive macro of `sse-framework`.
