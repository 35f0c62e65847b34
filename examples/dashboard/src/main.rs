//! A dashboard that starts right and stays right: it gets the state first, and then every change.
//!
//! ```sh
//! cargo run -p example-dashboard
//! ```
//!
//! Open the page, in several windows if you like, change the stock, kill the server, start it again.
//!
//! The page is TypeScript. After a change of the events this makes their types anew, and then its JavaScript:
//!
//! ```sh
//! cargo run -p example-dashboard -- --typescript examples/dashboard/page/events.ts
//! tests/node_modules/.bin/tsc -p examples/dashboard/page
//! ```

mod stock;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{Hub, Retention, SledLog, Snapshot, SseEvent, Subscribe};
use std::error::Error;
use std::path::PathBuf;
use stock::Stock;
use tokio::net::TcpListener;

/// So much is left of an item.
#[derive(Clone, Serialize, Deserialize, JsonSchema, SseEvent)]
#[sse(topic = "stock/{item}")]
struct StockChanged {
    item: String,
    left: u32,
}

#[derive(Clone)]
struct Warehouse {
    hub: Hub<StockChanged>,
    stock: Stock,
}

// ANCHOR: typescript
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => serve(),
        [option, file] if option == "--typescript" => {
            Ok(std::fs::write(file, sse_framework::typescript(StockChanged::TYPES))?)
        }
        _ => Err("arguments: none, or --typescript FILE".into()),
    }
}
// ANCHOR_END: typescript

#[tokio::main]
async fn serve() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let data = PathBuf::from(setting("DATA", "data/dashboard"));
    // The state is kept beside the log, so of the history only what clients come back for is needed.
    let retention = Retention::forever().events(setting("KEEP_EVENTS", "1000").parse()?);
    let hub = Hub::<StockChanged>::builder(SledLog::new(data.join("events")));
    let hub = hub.retention(retention).start().await?;
    let stock = Stock::follow(&hub, data.join("stock.json"))?;
    let warehouse = Warehouse { hub: hub.clone(), stock };
    let script = |text: &'static str| get(([(header::CONTENT_TYPE, "text/javascript")], text));
    let app = Router::new()
        .route("/", get(Html(include_str!("../page/index.html"))))
        .route("/page.js", script(include_str!("../page/page.js")))
        .route("/plot.js", script(include_str!("../page/plot.js")))
        .route("/events.js", script(include_str!("../page/events.js")))
        .route("/events", get(events))
        .route("/stock", get(show))
        .route("/stock/{item}", post(change))
        .with_state(warehouse);

    let listener = TcpListener::bind(("127.0.0.1", setting("PORT", "3000").parse()?)).await?;
    println!("Open http://{} in a browser.", listener.local_addr()?);
    let drained = hub.drained_by(stop_signal());
    sse_framework::serve(listener, app).with_graceful_shutdown(drained).await?;
    hub.shutdown().await?;
    Ok(())
}

// ANCHOR: events
async fn events(State(warehouse): State<Warehouse>, request: Subscribe) -> impl IntoResponse {
    let Warehouse { hub, stock } = warehouse;
    hub.subscribe(request).everything().snapshot(async move |_| {
        let (stock, at) = stock.now();
        let snapshot = Snapshot::from(stock);
        Ok(if let Some(at) = at { snapshot.at(at) } else { snapshot })
    })
}
// ANCHOR_END: events

#[derive(Deserialize)]
struct Change {
    left: u32,
}

async fn change(
    State(warehouse): State<Warehouse>,
    Path(item): Path<String>,
    Json(Change { left }): Json<Change>,
) -> impl IntoResponse {
    match warehouse.hub.publish(StockChanged { item, left }).await {
        Ok(id) => (StatusCode::CREATED, id.to_string()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

async fn show(State(warehouse): State<Warehouse>) -> Json<Vec<StockChanged>> {
    Json(warehouse.stock.now().0)
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

async fn stop_signal() {
    let _ = tokio::signal::ctrl_c().await;
}
