//! The app is tested through its real router: cookies, extractors, handlers and streams.

use crate::events::{Announcement, ItemViewed, OrderPlaced, ShopEvent, StockChanged};
use crate::tally::Tally;
use crate::user::Sessions;
use crate::{NotPublished, app};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::IntoResponse;
use sse_framework::testing::{TestClient, TestError};
use sse_framework::{Hub, IdStyle, MemoryLog, PublishError, SseEvent};
use std::error::Error;
use std::time::Duration;
use tower::ServiceExt;

// ANCHOR: helpers
type Outcome = Result<(), Box<dyn Error>>;

/// The app on a hub in memory.
fn shops() -> Result<(Hub<ShopEvent>, Router), Box<dyn Error>> {
    let hub = Hub::in_memory()?;
    Ok((hub.clone(), app(hub, Sessions::of_the_example())))
}

fn signed_in(app: &Router, session: &'static str) -> TestClient {
    TestClient::new(app.clone()).header(header::COOKIE, HeaderValue::from_static(session))
}

// ANCHOR_END: helpers
#[test]
fn every_payload_is_as_its_schema_says() -> Outcome {
    let [shop, item] = ["rome", "cup"].map(str::to_owned);
    let events: [ShopEvent; 4] = [
        order("rome", 3).into(),
        StockChanged { shop: shop.clone(), item: item.clone(), left: 0 }.into(),
        ItemViewed { shop, item }.into(),
        Announcement { text: "Closed on Monday.".to_owned() }.into(),
    ];
    for event in &events {
        let mut payload = Vec::new();
        event.encode(&mut payload)?;
        let schema = event.event_type().schema().ok_or("it has a schema")?;
        let payload = serde_json::from_slice(&payload)?;
        jsonschema::validate(schema.as_value(), &payload).map_err(|error| error.to_string())?;
    }
    let kinds: Vec<_> = events.iter().map(|event| event.event_type().name()).collect();
    let all: Vec<_> = ShopEvent::TYPES.iter().map(|event_type| event_type.name()).collect();
    assert_eq!(kinds, all);
    Ok(())
}

fn order(shop: &str, quantity: u32) -> OrderPlaced {
    OrderPlaced { shop: shop.to_owned(), item: "cup".to_owned(), quantity }
}

// ANCHOR: post
async fn post(app: &Router, path: &str, json: &'static str) -> Result<StatusCode, Box<dyn Error>> {
    let request = Request::post(path)
        .header(header::COOKIE, "session=alice")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(json))?;
    Ok(app.clone().oneshot(request).await?.status())
}
// ANCHOR_END: post

// ANCHOR: order
#[tokio::test]
async fn an_order_reaches_its_shop_with_what_it_leaves_in_stock() -> Outcome {
    let (_hub, app) = shops()?;
    let mut stream = signed_in(&app, "session=alice").subscribe("/events").await?;

    let status = post(&app, "/orders", r#"{"item":"cup","quantity":3}"#).await?;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(stream.event::<ShopEvent>().await?, order("rome", 3).into());
    let stock = StockChanged { shop: "rome".to_owned(), item: "cup".to_owned(), left: 97 };
    assert_eq!(stream.event::<ShopEvent>().await?, stock.into());
    Ok(())
}
// ANCHOR_END: order

// ANCHOR: foreign
#[tokio::test]
async fn a_user_sees_one_shop_whatever_the_client_asks_for() -> Outcome {
    for path in ["/events", "/events?topic=**", "/events?last_event_id=earliest"] {
        let (hub, app) = shops()?;
        hub.publish(order("oslo", 1)).await?;
        let mut stream = signed_in(&app, "session=alice").subscribe(path).await?;
        hub.publish_all([order("oslo", 2), order("rome", 3)]).await?;
        assert_eq!(stream.event::<ShopEvent>().await?, order("rome", 3).into());
    }
    Ok(())
}

#[tokio::test]
async fn an_id_says_nothing_of_the_other_shop() -> Outcome {
    let hub = Hub::builder(MemoryLog::new()).ids(IdStyle::Opaque).start().await?;
    let app = app(hub.clone(), Sessions::of_the_example());
    let mut stream = signed_in(&app, "session=alice").subscribe("/events").await?;
    let mut ids = Vec::new();
    for _ in 0..2 {
        hub.publish(order("oslo", 1)).await?;
        let request = Request::post("/announcements")
            .header(header::COOKIE, "session=alice")
            .header(header::CONTENT_TYPE, "application/json");
        let response = app.clone().oneshot(request.body(Body::from(r#"{"text":"Hi"}"#))?).await?;
        let body = axum::body::to_bytes(response.into_body(), 64).await?;
        // Who has published it recognises it in the stream.
        assert_eq!(stream.named("announcement").await?.last_event_id.as_bytes(), body);
        ids.push(String::from_utf8(body.to_vec())?);
    }
    assert!(ids.iter().all(|id| id.len() == 26 && !id.contains('-')), "{ids:?}");
    assert_eq!(hub.decode_id(&ids[1])?.seq(), hub.decode_id(&ids[0])?.seq() + 2);
    Ok(())
}

#[tokio::test]
async fn a_stranger_gets_no_stream() -> Outcome {
    let (_hub, app) = shops()?;
    let refused = TestClient::new(app).subscribe("/events").await;
    assert!(matches!(refused, Err(TestError::Refused { status: StatusCode::UNAUTHORIZED })));
    Ok(())
}
// ANCHOR_END: foreign

// ANCHOR: sign_out
#[tokio::test]
async fn who_signs_out_gets_nothing_more_and_does_not_come_back() -> Outcome {
    let (hub, app) = shops()?;
    let mut alice = signed_in(&app, "session=alice").subscribe("/events").await?;
    let mut bob = signed_in(&app, "session=bob").subscribe("/events").await?;
    assert_eq!(post(&app, "/sign-out", "").await?, StatusCode::NO_CONTENT);

    let close = alice.named("sse-close").await?;
    assert_eq!(close.data, r#"{"reason":"disconnected"}"#);
    let refused = alice.disconnect().resume().await;
    assert!(matches!(refused, Err(TestError::Refused { status: StatusCode::UNAUTHORIZED })));
    hub.publish(order("oslo", 1)).await?;
    assert_eq!(bob.event::<ShopEvent>().await?, order("oslo", 1).into());
    Ok(())
}
// ANCHOR_END: sign_out

// ANCHOR: resume
#[tokio::test]
async fn who_was_away_gets_what_was_missed_and_only_that() -> Outcome {
    let (hub, app) = shops()?;
    let mut stream = signed_in(&app, "session=bob").subscribe("/events").await?;
    hub.publish(order("oslo", 1)).await?;
    assert_eq!(stream.event::<ShopEvent>().await?, order("oslo", 1).into());

    let away = stream.disconnect();
    hub.publish(order("oslo", 2)).await?;
    let mut stream = away.resume().await?;
    assert_eq!(stream.event::<ShopEvent>().await?, order("oslo", 2).into());
    stream.silence(Duration::from_millis(50)).await?;
    Ok(())
}
// ANCHOR_END: resume

// ANCHOR: gap
#[tokio::test]
async fn a_hub_that_has_forgotten_says_so() -> Outcome {
    let (hub, app) = shops()?;
    let mut stream = signed_in(&app, "session=bob").subscribe("/events").await?;
    hub.publish(order("oslo", 1)).await?;
    stream.event::<ShopEvent>().await?;

    // The app starts again, and its log was only in memory.
    let (_hub, app) = shops()?;
    let mut stream = stream.disconnect().at(app).resume().await?;
    let gap = stream.named("sse-gap").await?;
    assert!(gap.data.contains(r#""reason":"unknown-id""#), "{}", gap.data);
    Ok(())
}
// ANCHOR_END: gap

#[tokio::test]
async fn a_client_may_ask_for_less() -> Outcome {
    let (hub, app) = shops()?;
    let path = "/events?topic=shops/rome/orders";
    let mut orders = signed_in(&app, "session=alice").subscribe(path).await?;
    hub.publish(StockChanged { shop: "rome".to_owned(), item: "cup".to_owned(), left: 9 }).await?;
    hub.publish(order("rome", 1)).await?;
    assert_eq!(orders.event::<ShopEvent>().await?, order("rome", 1).into());
    Ok(())
}

#[tokio::test]
async fn news_and_views_reach_who_may_see_them() -> Outcome {
    let (_hub, app) = shops()?;
    let mut stream = signed_in(&app, "session=alice").subscribe("/events").await?;
    let view = Request::get("/items/cup").header(header::COOKIE, "session=alice");
    assert_eq!(app.clone().oneshot(view.body(Body::empty())?).await?.status(), StatusCode::OK);
    let viewed = ItemViewed { shop: "rome".to_owned(), item: "cup".to_owned() };
    assert_eq!(stream.event::<ShopEvent>().await?, viewed.into());

    assert_eq!(post(&app, "/announcements", r#"{"text":"Hello"}"#).await?, StatusCode::OK);
    let hello = Announcement { text: "Hello".to_owned() };
    assert_eq!(stream.event::<ShopEvent>().await?, hello.into());
    Ok(())
}

// ANCHOR: tally
#[tokio::test]
async fn the_tally_counts_what_was_there_before_it() -> Outcome {
    let (hub, _app) = shops()?;
    hub.publish_all([order("rome", 1), order("rome", 2), order("oslo", 1)]).await?;
    let tally = Tally::follow(&hub);
    hub.publish(order("rome", 3)).await?;
    let counted = async {
        while (tally.orders("rome"), tally.orders("oslo")) != (3, 1) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), counted).await?;
    Ok(())
}
// ANCHOR_END: tally

#[tokio::test]
async fn a_hub_that_was_shut_down_asks_to_try_again() -> Outcome {
    let (hub, app) = shops()?;
    hub.shutdown().await?;
    let status = post(&app, "/announcements", r#"{"text":"Hello"}"#).await?;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let wrong = NotPublished(PublishError::EventTooLarge { name: "x", bytes: 2, limit: 1 });
    assert_eq!(wrong.into_response().status(), StatusCode::PAYLOAD_TOO_LARGE);
    Ok(())
}
