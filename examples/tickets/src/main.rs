//! Customers watch their parcels: a service with the bearer token that it has anyway, a browser on
//! another origin with a ticket, since `EventSource` sends no headers of the page's choosing.
//!
//! ```sh
//! cargo run -p example-tickets
//! ```
//!
//! prints a token and what to do with it.

mod keys;
mod reader;
#[cfg(test)]
mod tests;

use axum::extract::{FromRef, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use keys::{Customer, Keys};
use reader::Reader;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, SseEvent, Subscribe, Subscription};
use std::error::Error;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tower_http::cors::CorsLayer;

/// A parcel is somewhere else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "customers/{customer}/parcels/{parcel}")]
struct ParcelMoved {
    customer: String,
    parcel: String,
    place: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let hub = Hub::<ParcelMoved>::open(setting("DATA", "data/tickets")).await?;
    // Tickets must be good for the next process, too, so a secret is no random number.
    let keys = Keys::new(setting("SECRET", "a secret that everybody knows").as_bytes());
    let token = keys.token("ana", SystemTime::now() + Duration::from_secs(3600))?;
    let listener = TcpListener::bind(("127.0.0.1", setting("PORT", "3000").parse()?)).await?;
    let address = listener.local_addr()?;
    println!("A service reads events of all of Ana's parcels, from the first one on:");
    println!(
        "  curl -N -H 'Authorization: Bearer {token}' 'http://{address}/events?last_event_id=earliest'"
    );
    println!("A parcel moves:");
    println!(
        "  curl -H 'Authorization: Bearer {token}' --json '{{\"parcel\":\"7\",\"place\":\"Rome\"}}' http://{address}/moves"
    );
    println!("A browser watches one of them: http://{address}/#{token}");

    // It stands in addresses, which stand in logs: so a ticket does not last.
    let ticket_lasts = Duration::from_secs(setting("TICKET_SECONDS", "120").parse()?);
    let parcels = Parcels { hub: hub.clone(), keys, ticket_lasts };
    let app = app(parcels, HeaderValue::from_static("https://shop.example"));
    let drained = hub.drained_by(stop_signal());
    sse_framework::serve(listener, app).with_graceful_shutdown(drained).await?;
    hub.shutdown().await?;
    Ok(())
}

#[derive(Clone, FromRef)]
struct Parcels {
    hub: Hub<ParcelMoved>,
    keys: Keys,
    ticket_lasts: Duration,
}

fn app(parcels: Parcels, shop: HeaderValue) -> Router {
    // ANCHOR: cors
    let last_event_id = HeaderName::from_static("last-event-id");
    let cors = CorsLayer::new()
        .allow_origin(shop)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, last_event_id]);
    // ANCHOR_END: cors
    Router::new()
        .route("/", get(Html(include_str!("page.html"))))
        .route("/events", get(events))
        .route("/tickets", post(give_ticket))
        .route("/moves", post(report_move))
        .layer(cors)
        .with_state(parcels)
}

// ANCHOR: events
/// By token or by ticket: what the reader may see, and for how long, is decided by [`Reader`].
async fn events(
    State(hub): State<Hub<ParcelMoved>>,
    reader: Reader,
    request: Subscribe,
) -> Subscription<ParcelMoved> {
    hub.subscribe(request).key(reader.customer).until(reader.until).topics([reader.topics])
}
// ANCHOR_END: events

// ANCHOR: tickets
/// What a ticket is asked for.
#[derive(Deserialize)]
struct Wish {
    parcel: String,
}

/// For who has a token. A ticket opens one parcel, to read, and for a short time.
async fn give_ticket(
    State(Parcels { keys, ticket_lasts, .. }): State<Parcels>,
    Customer { name, .. }: Customer,
    Json(Wish { parcel }): Json<Wish>,
) -> Result<String, StatusCode> {
    let ticket = keys.ticket(&name, &parcel, SystemTime::now() + ticket_lasts);
    ticket.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
// ANCHOR_END: tickets

#[derive(Deserialize)]
struct Move {
    parcel: String,
    place: String,
}

async fn report_move(
    State(hub): State<Hub<ParcelMoved>>,
    Customer { name: customer, .. }: Customer,
    Json(Move { parcel, place }): Json<Move>,
) -> impl IntoResponse {
    match hub.publish(ParcelMoved { customer, parcel, place }).await {
        Ok(id) => (StatusCode::CREATED, id.to_string()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

async fn stop_signal() {
    let _ = tokio::signal::ctrl_c().await;
}
