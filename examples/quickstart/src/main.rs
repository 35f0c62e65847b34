//! A shop tells its browsers what happens. Run it, open the page, place orders, kill it in any way
//! you like and start it again: the page goes on where it was.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, SseEvent};
use std::error::Error;
use tokio::net::TcpListener;

// ANCHOR: events
/// An order was accepted.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct OrderPlaced {
    item: String,
    quantity: u32,
}

/// Everything that happens in the shop.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
enum ShopEvent {
    OrderPlaced(OrderPlaced),
    StockChanged { item: String, left: u32 },
}
// ANCHOR_END: events

// ANCHOR: main
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let hub = Hub::<ShopEvent>::open(setting("DATA", "data/quickstart")).await?;
    let app = Router::new()
        .route("/", get(Html(include_str!("page.html"))))
        .route("/events", hub.endpoint())
        .route("/orders", post(place_order))
        .with_state(hub.clone());

    let listener = TcpListener::bind(("127.0.0.1", setting("PORT", "3000").parse()?)).await?;
    println!("Open http://{} in a browser.", listener.local_addr()?);
    // ANCHOR: serve
    sse_framework::serve(listener, app)
        .with_graceful_shutdown(hub.drained_by(stop_signal()))
        .await?;
    // ANCHOR_END: serve
    hub.shutdown().await?;
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: publish
/// Answers when the order is on disk, with the ids of its two events.
async fn place_order(
    State(hub): State<Hub<ShopEvent>>,
    Json(order): Json<OrderPlaced>,
) -> Result<Json<Vec<String>>, (StatusCode, String)> {
    let left = 100 - order.quantity.min(100);
    let stock = ShopEvent::StockChanged { item: order.item.clone(), left };
    match hub.publish_all([order.into(), stock]).await {
        Ok(ids) => Ok(Json(ids.iter().map(ToString::to_string).collect())),
        Err(error) => Err((StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
    }
}
// ANCHOR_END: publish

// ANCHOR: rest
fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

async fn stop_signal() {
    let _ = tokio::signal::ctrl_c().await;
}
// ANCHOR_END: rest
