//! The cases in `fixtures/sse_vectors.json`: how the format reads, and what an encoder must do.

use crate::parser::{Event, Transcript};
use serde::Deserialize;

/// All cases.
#[derive(Debug, Deserialize)]
pub struct Vectors {
    /// What a parser must see.
    pub stream: Vec<StreamVector>,
    /// What an encoder must do.
    pub encoder: Vec<EncoderVector>,
}

/// A stream and what a client must see in it.
#[derive(Debug, Deserialize)]
pub struct StreamVector {
    /// What the case is called.
    pub name: String,
    chunks: Vec<String>,
    /// The last event id that the client reconnects with, or nothing.
    #[serde(default)]
    pub resume: String,
    events: Vec<Event>,
    comments: Vec<String>,
    last_event_id: String,
    retry: Option<String>,
}

impl StreamVector {
    /// The writes of which the stream consists.
    pub fn chunks(&self) -> Vec<Vec<u8>> {
        self.chunks.iter().map(|chunk| bytes(chunk)).collect()
    }

    /// What a client must have seen at the end.
    pub fn expected(&self) -> Transcript {
        Transcript {
            events: self.events.clone(),
            comments: self.comments.clone(),
            last_event_id: self.last_event_id.clone(),
            retry: self.retry.clone(),
        }
    }
}

/// Values for an encoder, and what a client must see of them.
#[derive(Debug, Deserialize)]
pub struct EncoderVector {
    /// What the case is called.
    pub name: String,
    /// The values.
    pub give: Give,
    /// The encoder must return an error and write nothing.
    #[serde(default)]
    pub refuse: bool,
    /// The events that a client must see otherwise.
    #[serde(default)]
    pub see: Vec<Event>,
}

/// What one frame is made of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Give {
    /// The `id:` field.
    pub id: Option<String>,
    /// The `event:` field.
    pub event: Option<String>,
    /// The `retry:` field.
    pub retry_ms: Option<u64>,
    /// The `data:` field.
    pub data: Option<String>,
    /// A comment.
    pub comment: Option<String>,
}

/// Reads the fixture.
pub fn load() -> Vectors {
    serde_json::from_str(include_str!("../fixtures/sse_vectors.json")).expect("the fixture is JSON")
}

/// In the fixture a character stands for a byte.
fn bytes(characters: &str) -> Vec<u8> {
    characters.chars().map(|c| u8::try_from(c).expect("a character up to U+00FF")).collect()
}
