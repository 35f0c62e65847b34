//! The grammar of `text/event-stream`, and nothing else.
