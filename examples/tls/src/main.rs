//! TLS in the app itself, so that browsers speak HTTP/2 to it: a page with far more streams than the
//! six that a browser opens over HTTP/1.1.
//!
//! ```sh
//! cargo run -p example-tls
//! ```
//!
//! The certificate is made anew at each start, and no browser knows who made it: let it pass.

mod tls;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, SseEvent};
use std::error::Error;
use std::future::IntoFuture;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A second has passed.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct Tick {
    n: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let hub = Hub::<Tick>::in_memory()?;
    let app = Router::new()
        .route("/", get(Html(include_str!("page.html"))))
        .route("/events", hub.endpoint());

    let made =
        rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    // ANCHOR: serve
    let port = std::env::var("PORT").unwrap_or_else(|_| "3443".to_owned());
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    let listener = tls::Listener::new(listener, vec![made.cert.into()], key)?;
    println!("Open https://localhost:{port} in a browser.");
    let serving = axum::serve(listener, app).with_graceful_shutdown(hub.drained_by(stop_signal()));
    // ANCHOR_END: serve
    tokio::select! {
        served = serving.into_future() => served?,
        () = tick(&hub) => {}
    }
    hub.shutdown().await?;
    Ok(())
}

async fn tick(hub: &Hub<Tick>) {
    for n in 1.. {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let Err(error) = hub.publish(Tick { n }).await {
            tracing::error!(error = &error as &dyn Error, "a tick was not published");
        }
    }
}

async fn stop_signal() {
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use sse_framework::{Received, Subscribe};

    #[tokio::test]
    async fn what_it_publishes_is_as_its_schema_says() -> Result<(), Box<dyn Error>> {
        let hub = Hub::<Tick>::in_memory()?;
        let mut ticks = hub.subscribe(Subscribe::default()).everything();
        let received = tokio::select! {
            received = ticks.next() => received,
            () = tick(&hub) => None,
        };
        let Some(Received::Event(ticked)) = received else { return Err("it does not tick".into()) };
        let mut payload = Vec::new();
        ticked.event.encode(&mut payload)?;
        let schema = ticked.event.event_type().schema().ok_or("it has a schema")?;
        let payload = serde_json::from_slice(&payload)?;
        jsonschema::validate(schema.as_value(), &payload).map_err(|error| error.to_string())?;
        Ok(())
    }
}
