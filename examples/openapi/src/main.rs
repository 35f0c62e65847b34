//! A shop whose API is documented by utoipa, and its stream of events in the same document. Run it, and ask for
//! `/openapi.json`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sse_framework::{Hub, Problem, SseEvent, openapi};
use std::error::Error;
use tokio::net::TcpListener;
use utoipa::openapi::OpenApiVersion;
use utoipa::{OpenApi, ToSchema};

/// An order was accepted.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
struct OrderPlaced {
    number: u64,
    order: Order,
}

/// What somebody wants.
#[derive(Serialize, Deserialize, JsonSchema, ToSchema)]
struct Order {
    item: String,
    quantity: u32,
    /// What to write on it.
    note: Option<String>,
}

/// Everything that happens in the shop.
#[derive(Serialize, Deserialize, JsonSchema, SseEvent)]
enum ShopEvent {
    OrderPlaced(OrderPlaced),
    /// There is more or less of an item than before.
    StockChanged {
        item: String,
        left: u32,
    },
    /// The shop is open.
    Opened,
}

/// Takes an order.
#[utoipa::path(
    post,
    path = "/orders",
    request_body = Order,
    responses((status = 201, description = "It was taken."))
)]
async fn place_order(
    State(hub): State<Hub<ShopEvent>>,
    Json(order): Json<Order>,
) -> Result<StatusCode, Problem> {
    let left = 100 - order.quantity.min(100);
    let stock = ShopEvent::StockChanged { item: order.item.clone(), left };
    let placed = OrderPlaced { number: 7, order };
    hub.publish_all([placed.into(), stock]).await?;
    Ok(StatusCode::CREATED)
}

// ANCHOR: document
#[derive(OpenApi)]
#[openapi(info(title = "A shop", version = "1.0.0"), paths(place_order))]
struct Api;

/// The app's document, as utoipa makes it, with what there is to know of `/events`.
fn document() -> Result<Value, serde_json::Error> {
    let mut api = Api::openapi();
    api.openapi = OpenApiVersion::Version32;
    let mut api = serde_json::to_value(api)?;

    let mut events = openapi("events", ShopEvent::TYPES);
    let components = &mut events["components"];
    api["paths"]["/events"] = components["pathItems"]["events"].take();
    if let Value::Object(schemas) = components["schemas"].take() {
        for (name, schema) in schemas {
            api["components"]["schemas"][name] = schema;
        }
    }
    Ok(api)
}
// ANCHOR_END: document

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let hub = Hub::<ShopEvent>::open(setting("DATA", "data/openapi")).await?;
    hub.publish(ShopEvent::Opened).await?;
    // ANCHOR: routes
    let document = document()?;
    let app = Router::new()
        .route("/events", hub.endpoint())
        .route("/orders", post(place_order))
        .route("/openapi.json", get(async || Json(document)))
        .nest("/events/about", hub.schema_routes())
        .with_state(hub.clone());
    // ANCHOR_END: routes

    let listener = TcpListener::bind(("127.0.0.1", setting("PORT", "3000").parse()?)).await?;
    println!("http://{}/openapi.json", listener.local_addr()?);
    sse_framework::serve(listener, app)
        .with_graceful_shutdown(hub.drained_by(stop_signal()))
        .await?;
    hub.shutdown().await?;
    Ok(())
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

async fn stop_signal() {
    let _ = tokio::signal::ctrl_c().await;
}
