//! Who gets in, and what they see.

use crate::keys::Keys;
use crate::{ParcelMoved, Parcels, app};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, StatusCode, header};
use sse_framework::Hub;
use sse_framework::testing::{TestClient, TestError};
use std::error::Error;
use std::time::{Duration, SystemTime};
use tower::ServiceExt;

type Outcome = Result<(), Box<dyn Error>>;

fn parcels() -> Result<(Hub<ParcelMoved>, Keys, Router), Box<dyn Error>> {
    let (hub, keys) = (Hub::in_memory()?, Keys::new(b"of the test"));
    let ticket_lasts = Duration::from_secs(60);
    let parcels = Parcels { hub: hub.clone(), keys: keys.clone(), ticket_lasts };
    let app = app(parcels, HeaderValue::from_static("https://shop.example"));
    Ok((hub, keys, app))
}

fn in_a_minute() -> SystemTime {
    SystemTime::now() + Duration::from_secs(60)
}

fn moved(customer: &str, parcel: &str, place: &str) -> ParcelMoved {
    let [customer, parcel, place] = [customer, parcel, place].map(str::to_owned);
    ParcelMoved { customer, parcel, place }
}

async fn publish_some(hub: &Hub<ParcelMoved>) -> Outcome {
    hub.publish(moved("bob", "7", "Oslo")).await?;
    hub.publish(moved("ana", "8", "Turin")).await?;
    hub.publish(moved("ana", "7", "Rome")).await?;
    Ok(())
}

#[tokio::test]
async fn a_token_opens_what_is_the_customers() -> Outcome {
    let (hub, keys, app) = parcels()?;
    publish_some(&hub).await?;
    let bearer = format!("Bearer {}", keys.token("ana", in_a_minute())?);
    let client = TestClient::new(app).header(header::AUTHORIZATION, bearer.parse()?);
    let mut stream = client.subscribe("/events?last_event_id=earliest&topic=**").await?;
    assert_eq!(stream.event::<ParcelMoved>().await?, moved("ana", "8", "Turin"));
    assert_eq!(stream.event::<ParcelMoved>().await?, moved("ana", "7", "Rome"));
    Ok(())
}

#[tokio::test]
async fn a_ticket_opens_one_parcel_for_as_long_as_it_is_good() -> Outcome {
    let (hub, keys, app) = parcels()?;
    publish_some(&hub).await?;
    let bearer = format!("Bearer {}", keys.token("ana", in_a_minute())?);
    let request = Request::post("/tickets")
        .header(header::AUTHORIZATION, bearer)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(r#"{"parcel":"7"}"#))?;
    let answer = app.clone().oneshot(request).await?;
    assert_eq!(answer.status(), StatusCode::OK);
    let ticket = String::from_utf8(to_bytes(answer.into_body(), 1000).await?.to_vec())?;

    let path = format!("/events?ticket={ticket}&last_event_id=earliest&topic=**");
    let mut stream = TestClient::new(app).subscribe(&path).await?;
    assert_eq!(stream.event::<ParcelMoved>().await?, moved("ana", "7", "Rome"));
    // The connection breaks: the browser comes back to the same address.
    hub.publish(moved("ana", "7", "Pisa")).await?;
    let mut stream = stream.disconnect().resume().await?;
    assert_eq!(stream.event::<ParcelMoved>().await?, moved("ana", "7", "Pisa"));
    Ok(())
}

#[tokio::test]
async fn a_stream_ends_with_its_ticket() -> Outcome {
    let (_hub, keys, app) = parcels()?;
    // Times in tokens are whole seconds.
    let ticket = keys.ticket("ana", "7", SystemTime::now() + Duration::from_secs(3))?;
    let mut stream = TestClient::new(app).subscribe(&format!("/events?ticket={ticket}")).await?;
    let closed = stream.named("sse-close").await?;
    assert_eq!(closed.data, r#"{"reason":"expired"}"#);
    assert!(matches!(
        stream.disconnect().resume().await,
        Err(TestError::Refused { status: StatusCode::UNAUTHORIZED })
    ));
    Ok(())
}

#[tokio::test]
async fn nobody_else_gets_in() -> Outcome {
    let (_hub, keys, app) = parcels()?;
    let before = SystemTime::now() - Duration::from_secs(1);
    let others = Keys::new(b"of somebody else");
    let token = keys.token("ana", in_a_minute())?;
    // {"alg":"none","typ":"JWT"}, and the claims of a good one.
    let claims = keys.ticket("ana", "7", in_a_minute())?;
    let claims = claims.split('.').nth(1).ok_or("three parts")?;
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}.");
    let refused = [
        String::new(),
        "nonsense".to_owned(),
        keys.ticket("ana", "7", before)?,
        others.ticket("ana", "7", in_a_minute())?,
        unsigned,
        token.clone(),
    ];
    for ticket in refused {
        let request = Request::get(format!("/events?ticket={ticket}")).body(Body::empty())?;
        let answer = app.clone().oneshot(request).await?;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{ticket}");
    }
    let bearers = [
        keys.ticket("ana", "7", in_a_minute())?,
        keys.token("ana", before)?,
        others.token("ana", in_a_minute())?,
    ];
    for bearer in bearers {
        let request =
            Request::get("/events").header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        let answer = app.clone().oneshot(request.body(Body::empty())?).await?;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{bearer}");
    }
    let request = Request::get("/events").body(Body::empty())?;
    assert_eq!(app.oneshot(request).await?.status(), StatusCode::UNAUTHORIZED);
    Ok(())
}
