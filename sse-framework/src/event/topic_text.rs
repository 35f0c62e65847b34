//! A topic made from the literal parts and the values of a template.

use std::fmt::{self, Display, Write};

use super::EncodeError;
use crate::topic::{Topic, TopicError, escape_segment};

/// Builds the topic of one event.
#[derive(Debug)]
pub struct TopicText {
    event: &'static str,
    text: String,
    error: Option<TopicError>,
}

impl TopicText {
    /// Nothing yet; `event` is for the error.
    #[must_use]
    pub const fn new(event: &'static str) -> Self {
        TopicText { event, text: String::new(), error: None }
    }

    /// Appends a part of the template that is taken as it is.
    #[must_use]
    pub fn literal(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Appends a value, escaped so that it cannot leave its segment.
    #[must_use]
    pub fn value<T: TopicValue + ?Sized>(mut self, placeholder: &'static str, value: &T) -> Self {
        let start = self.text.len();
        let shown = write!(Escaped(&mut self.text), "{value}");
        if shown.is_err() || self.text.len() == start {
            self.error.get_or_insert(TopicError::NoValue { placeholder });
        }
        self
    }

    /// The topic.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Topic`]: [`TopicError::NoValue`] or [`TopicError::TooLong`]; the template's
    /// literal parts leave no other.
    pub fn finish(self) -> Result<Option<Topic>, EncodeError> {
        let topic = match self.error {
            None => self.text.parse(),
            Some(error) => Err(error),
        };
        topic.map(Some).map_err(|source| EncodeError::Topic { name: self.event, source })
    }
}

/// What a placeholder can stand for.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a topic",
    label = "this topic names a value without `Display`",
    note = "name a field within it, as in `{{field.inner}}`, or implement `Display` for `{Self}`"
)]
pub trait TopicValue: Display {}

#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> TopicValue for T {}

struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape_segment(text, self.0);
        Ok(())
    }
}
