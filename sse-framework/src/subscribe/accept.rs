//! Whether a client takes `text/event-stream` (RFC 9110, 12.5.1).

use http::{HeaderMap, header};

/// What a client says of `text/event-stream`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepts {
    /// It names it.
    ByName,
    /// It takes that as it would take other things.
    AmongOthers,
    Excluded,
}

/// The nearest range decides: the type by its name, before `text/*`, before `*/*`. What makes no sense
/// excludes nothing.
pub(super) fn of_event_stream(headers: &HeaderMap) -> Accepts {
    let values = headers.get_all(header::ACCEPT).iter();
    let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
    let (mut others, mut nearest) = (false, None);
    for value in values {
        for range in value.split(',').map(str::trim).filter(|range| !range.is_empty()) {
            let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
            let nearness = match name.trim_end() {
                "text/event-stream" => 3,
                "text/*" => 2,
                "*/*" | "*" => 1,
                _ => {
                    others = true;
                    continue;
                }
            };
            nearest = nearest.max(Some((nearness, weighs(parameters))));
        }
    }
    match nearest {
        Some((3, true)) => Accepts::ByName,
        Some((_, true)) => Accepts::AmongOthers,
        Some((_, false)) => Accepts::Excluded,
        None if others => Accepts::Excluded,
        None => Accepts::AmongOthers,
    }
}

/// Whether the parameters leave a range more than no weight.
fn weighs(parameters: &str) -> bool {
    let quality = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("q="));
    quality.and_then(|quality| quality.trim().parse().ok()) != Some(0.0_f32)
}
