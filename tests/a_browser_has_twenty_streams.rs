//! Over HTTP/2 a browser has as many streams as it likes: the example that speaks TLS.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use serde_json::json;
use support::browser::Driver;
use support::example::Example;
use support::served::eventually;

#[test]
fn a_browser_has_twenty_streams() {
    let server = Example::start("example-tls", |command, port| {
        command.env("PORT", port.to_string());
    });
    let mut driver = Driver::start();
    let url = format!("https://{}/", server.address());
    // Nobody vouches for the certificate.
    let options = json!({ "ignoreHTTPSErrors": true });
    driver.tell(json!({ "command": "open", "name": "page", "url": url, "options": options }));
    let mut texts = |selector| -> Vec<String> {
        driver.ask(json!({ "command": "texts", "name": "page", "selector": selector }))
    };
    assert_eq!(texts("#protocol"), ["h2"]);
    eventually("every stream has an event", || {
        let lines = texts("li");
        lines.len() == 20 && lines.iter().all(|line| line.starts_with("tick "))
    });
}
