//! Whoever makes a mistake in a derive is told where it is and how to mend it.

#[test]
fn derive_errors_teach() {
    let cases = trybuild::TestCases::new();
    for kind in ["unknown", "duplicate", "conflict", "serde", "path", "shape", "name", "topic"] {
        cases.compile_fail(format!("ui/{kind}/*.rs"));
    }
    cases.pass("ui/pass/*.rs");
}
