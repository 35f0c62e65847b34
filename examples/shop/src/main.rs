//! Two shops share one app. Whoever works in a shop sees what happens in that shop, live, and
//! nothing of the other, not even how much happens there; whoever is not signed in sees nothing.
//!
//! ```sh
//! cargo run -p example-shop
//! curl -N -H 'Cookie: session=alice' 'http://127.0.0.1:3000/events?last_event_id=earliest'
//! curl -H 'Cookie: session=alice' --json '{"item":"cup","quantity":2}' http://127.0.0.1:3000/orders
//! ```

mod events;
mod tally;
#[cfg(test)]
mod tests;
mod user;

use axum::extract::{FromRef, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use events::{Announcement, ItemViewed, OrderPlaced, ShopEvent, StockChanged};
use serde::Deserialize;
use sse_framework::{
    Durability, Hub, IdStyle, PublishError, Retention, SledLog, Subscribe, Subscription,
    TopicFilter,
};
use std::error::Error;
use std::future::IntoFuture;
use std::time::Duration;
use tally::Tally;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use user::{Sessions, User};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    // ANCHOR: open
    let log = SledLog::new("data/shop").durability(Durability::Synced);
    let hub = Hub::<ShopEvent>::builder(log)
        .retention(Retention::forever().age(30 * DAY).events(1_000_000))
        .retry(Duration::from_secs(3))
        .ids(IdStyle::Opaque)
        .start()
        .await?;
    // ANCHOR_END: open
    let app = app(hub.clone(), Sessions::of_the_example());

    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("Listening on http://{}", listener.local_addr()?);
    // ANCHOR: stop
    let drained = hub.drained_by(asked_to_stop());
    let serving = sse_framework::serve(listener, app).with_graceful_shutdown(drained);
    tokio::select! {
        served = serving.into_future() => served?,
        () = asked_twice() => println!("Stopping without waiting for anybody."),
    }
    hub.shutdown().await?;
    // ANCHOR_END: stop
    Ok(())
}

// ANCHOR: signals
/// Ctrl-C, or what a process manager sends.
async fn asked_to_stop() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

async fn asked_twice() {
    asked_to_stop().await;
    asked_to_stop().await;
}
// ANCHOR_END: signals

/// What the handlers share.
#[derive(Clone, FromRef)]
struct Shops {
    hub: Hub<ShopEvent>,
    sessions: Sessions,
    tally: Tally,
}

/// The app, without a socket: tests call it as it is.
fn app(hub: Hub<ShopEvent>, sessions: Sessions) -> Router {
    let tally = Tally::follow(&hub);
    Router::new()
        .route("/events", get(events))
        .route("/sign-out", post(sign_out))
        .route("/orders", post(place_order))
        .route("/items/{item}", get(show_item))
        .route("/announcements", post(announce))
        .route("/tally", get(show_tally))
        .with_state(Shops { hub, sessions, tally })
}

// ANCHOR: subscribe
/// Only who is signed in gets here, and sees one shop and the news.
async fn events(
    State(hub): State<Hub<ShopEvent>>,
    user: User,
    request: Subscribe,
) -> Subscription<ShopEvent> {
    let own_shop = TopicFilter::under(["shops", &user.shop]);
    let news = TopicFilter::under(["news"]);
    hub.subscribe(request).key(user.name).until(user.until).topics([own_shop, news])
}
// ANCHOR_END: subscribe

// ANCHOR: sign_out
/// The session goes first: the browser comes back when its stream ends, and must be refused then.
async fn sign_out(
    State(hub): State<Hub<ShopEvent>>,
    State(sessions): State<Sessions>,
    user: User,
) -> StatusCode {
    sessions.end(&user);
    hub.disconnect(user.name);
    StatusCode::NO_CONTENT
}
// ANCHOR_END: sign_out

/// What a browser sends to order something.
#[derive(Deserialize)]
struct Order {
    item: String,
    quantity: u32,
}

// ANCHOR: publish_all
/// An order and what it leaves in stock: both are kept, or neither.
async fn place_order(
    State(hub): State<Hub<ShopEvent>>,
    User { shop, .. }: User,
    Json(Order { item, quantity }): Json<Order>,
) -> Result<StatusCode, NotPublished> {
    let left = 100 - quantity.min(100);
    let order = OrderPlaced { shop: shop.clone(), item: item.clone(), quantity };
    let stock = StockChanged { shop, item, left };
    hub.publish_all::<ShopEvent>([order.into(), stock.into()]).await?;
    Ok(StatusCode::CREATED)
}
// ANCHOR_END: publish_all

// ANCHOR: try_publish
/// Nobody should wait for a page because its view is being counted.
async fn show_item(
    State(hub): State<Hub<ShopEvent>>,
    User { shop, .. }: User,
    Path(item): Path<String>,
) -> String {
    let page = format!("{item}, as sold by {shop}");
    match hub.try_publish(ItemViewed { shop, item }) {
        Ok(_receipt) => {}
        Err(refused) => tracing::warn!(error = %refused.error, "a view was not counted"),
    }
    page
}
// ANCHOR_END: try_publish

// ANCHOR: publish
/// News have no shop, so they are told where to go.
async fn announce(
    State(hub): State<Hub<ShopEvent>>,
    _: User,
    Json(news): Json<Announcement>,
) -> Result<String, NotPublished> {
    let id = hub.publish(news).topic("news").await?;
    Ok(hub.encode_id(id))
}
// ANCHOR_END: publish

async fn show_tally(State(tally): State<Tally>, user: User) -> String {
    tally.orders(&user.shop).to_string()
}

// ANCHOR: errors
/// The answer to a request whose event was not published.
struct NotPublished(PublishError);

impl IntoResponse for NotPublished {
    fn into_response(self) -> Response {
        let status = match &self.0 {
            // This value is no event, and never will be.
            PublishError::Encode(_) | PublishError::Topic(_) => StatusCode::UNPROCESSABLE_ENTITY,
            PublishError::EventTooLarge { .. } | PublishError::BatchTooLarge { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            PublishError::TopicClosed { .. } => StatusCode::CONFLICT,
            // It is not in the log. The client may try again.
            PublishError::Refused(_) | PublishError::Closed | PublishError::QueueFull => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            // `OutcomeUnknown`, since there are no keys here: it may be in the log, so only who can
            // bear it twice should try again.
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, self.0.to_string()).into_response()
    }
}
// ANCHOR_END: errors

impl From<PublishError> for NotPublished {
    fn from(error: PublishError) -> Self {
        NotPublished(error)
    }
}
