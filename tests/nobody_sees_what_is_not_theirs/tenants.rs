//! Names that are as alike, and as hostile, as names can be.

use sse_framework::Topic;

/// Different texts, each of which somebody could take for another, or for syntax.
pub(crate) fn tenants(count: usize) -> Vec<String> {
    let hostile = [
        "a",
        "A",
        "á",
        "a\u{301}",
        "a ",
        " a",
        "a/",
        "/a",
        "a/b",
        "a%2Fb",
        "a%2fb",
        "a%252Fb",
        "*",
        "**",
        "***",
        "a*",
        "a/*",
        "a/**",
        "*/a",
        "%2A",
        "%2a",
        "%",
        "%%",
        "%00",
        "\0",
        "a\0",
        "\0a",
        "\n",
        "\r\n",
        "a\nid: 1",
        "\u{85}",
        "\u{2028}",
        "\u{7f}",
        ".",
        "..",
        "../a",
        "./a",
        "a.b",
        "{tenant}",
        "{}",
        "tenants",
        "tenants/a",
        "orders",
        "stock",
        "?topic=**",
        "&",
        "#",
        "a&topic=a",
        "+",
        "a+b",
        "1",
        "01",
        "1.0",
        "-1",
        "null",
        "ß",
        "SS",
        "ſs",
        "İ",
        "i",
        "\u{200b}",
        "\u{202e}a",
        "\u{feff}a",
        "🦀",
        "\\",
        "\\*",
        "'",
        "\"",
        "<b>",
    ];
    let more = hostile.iter().flat_map(|value| {
        [format!("{value}/orders"), format!("{value}*"), format!("{value}%"), format!("{value}.")]
    });
    let mut names = Vec::new();
    for name in hostile.iter().map(|&value| value.to_owned()).chain(more) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    assert!(names.len() >= count, "{} names", names.len());
    names.truncate(count);
    names
}

/// A topic of these segments, escaped for a filter and then for an address.
pub(crate) fn in_query(segments: &[&str]) -> String {
    escaped(Topic::from_segments(segments).unwrap().as_str())
}

/// As it stands in an address, every byte escaped.
pub(crate) fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
