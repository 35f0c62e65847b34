//! The app is tested through its router.

use super::*;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use sse_framework::testing::TestClient;
use tower::ServiceExt;

type Outcome = Result<(), Box<dyn Error>>;

/// Asks, and gives the name of the answer.
async fn ask(app: &Router, prompt: &str) -> Result<String, Box<dyn Error>> {
    let request = Request::post("/answers")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(format!(r#"{{"prompt":"{prompt}"}}"#)))?;
    let answer = to_bytes(app.clone().oneshot(request).await?.into_body(), 1000).await?;
    Ok(String::from_utf8(answer.to_vec())?.trim_matches('"').to_owned())
}

/// All tokens of an answer, put together, and the end.
async fn read(app: &Router, answer: &str) -> Result<String, Box<dyn Error>> {
    let mut stream = TestClient::new(app.clone()).subscribe(&format!("/answers/{answer}")).await?;
    let mut text = String::new();
    while let Some(event) = stream.next().await? {
        match event.name.as_str() {
            "token" => text += token(&event.data),
            "sse-topic-close" => {}
            "sse-close" => assert_eq!(event.data, r#"{"reason":"complete"}"#),
            other => return Err(format!("an event of the type {other}").into()),
        }
    }
    Ok(text)
}

/// The text in a token, in which nothing is escaped.
fn token(data: &str) -> &str {
    data.split_once(r#""text":""#).and_then(|(_, rest)| rest.split_once('"')).map_or("", |it| it.0)
}

#[tokio::test]
async fn an_answer_is_a_stream_that_ends() -> Outcome {
    let app = app(Hub::in_memory()?, Duration::from_millis(1));
    let answer = ask(&app, "why").await?;
    let expected: String = model::tokens("why").collect();
    assert_eq!(read(&app, &answer).await?, expected, "live");
    assert_eq!(read(&app, &answer).await?, expected, "and again");
    assert_ne!(model::tokens("how").collect::<String>(), expected);
    Ok(())
}

#[tokio::test]
async fn an_answer_that_was_interrupted_goes_on_where_it_was() -> Outcome {
    let hub = Hub::in_memory()?;
    let tokens: Vec<_> = model::tokens("why").collect();
    let asked = |prompt: &str| hub.publish(Asked { prompt: prompt.to_owned() });
    let answer = asked("why").await?.to_string();
    let other = asked("how").await?.to_string();
    for text in tokens[..7].iter().cloned() {
        hub.publish(Token { answer: answer.clone(), text }).await?;
    }
    hub.close_topic(topic(&other)?).await?;

    let mut left = unfinished(&hub).await;
    assert_eq!(left.len(), 1, "the other is complete");
    let begun = left.remove(&answer).ok_or("it is not complete")?;
    assert_eq!((begun.prompt.as_str(), begun.tokens), ("why", 7));
    write(hub.clone(), answer.clone(), begun, Duration::ZERO).await?;
    assert_eq!(read(&app(hub, PACE), &answer).await?, tokens.concat());
    Ok(())
}
