//! The rules of names.

use syn::Error;

use crate::ast::Name;
use crate::ctxt::Ctxt;

/// The longest name that sse-framework takes, in bytes.
const MAX_LENGTH: usize = 64;

pub(super) fn name(ctxt: &Ctxt, name: &Name) {
    if let Some(problem) = problem(&name.value) {
        let fix = match name.derived {
            true => "give it another name with `#[sse(name = \"...\")]`",
            false => "choose another name",
        };
        ctxt.push(Error::new(name.span, format!("{problem}: {fix}")));
    }
}

/// The rules of `EventType::check` in sse-framework.
fn problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("the event type's name is empty".to_owned());
    }
    if name.len() > MAX_LENGTH {
        let length = name.len();
        return Some(format!("the name is {length} bytes long, at most {MAX_LENGTH} fit"));
    }
    if name.contains(char::is_control) {
        return Some("line ends and other control characters break the event stream".to_owned());
    }
    if name.starts_with(' ') || name.ends_with(' ') {
        return Some("the name begins or ends with a space, which browsers lose".to_owned());
    }
    if matches!(name, "open" | "error") {
        return Some(format!("`{name}` is an event that `EventSource` sends about itself"));
    }
    if name.starts_with("sse-") {
        return Some("names that begin with `sse-` are the framework's own".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn names_that_break_on_the_wire_are_refused() {
        for name in ["", "a\n", "a\r", "a\0", "\u{85}", " a", "a ", "open", "error", "sse-a"] {
            assert!(problem(name).is_some(), "{name:?}");
        }
        assert!(problem(&"a".repeat(65)).is_some());
        assert_eq!(problem(&"a".repeat(64)), None);
        for name in ["opened", "sse", "message", "a b", "größe"] {
            assert_eq!(problem(name), None, "{name}");
        }
    }
}
