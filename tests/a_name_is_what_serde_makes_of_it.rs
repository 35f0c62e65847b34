//! `rename_all` gives the names that serde's gives to variants, for the same words.
#![allow(
    non_camel_case_types,
    dead_code,
    clippy::upper_case_acronyms,
    reason = "names are the point"
)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_framework::{EventType, SseEvent};

/// In each case an enum of these variants, with the case for serde and for us, and one struct for
/// each of the words.
macro_rules! compare {
    ($($case:literal: [$($word:ident)*])*) => {$({
        #[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
        #[serde(rename_all = $case)]
        #[sse(rename_all = $case)]
        enum Set {
            $($word,)*
        }
        let names: Vec<_> = Set::TYPES.iter().map(EventType::name).collect();
        let serde = [$(serde_json::to_value(Set::$word).unwrap()),*];
        assert_eq!(names, serde, "variants in {}", $case);
        $({
            #[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
            #[sse(rename_all = $case)]
            struct $word;
            let serde = serde_json::to_value(Set::$word).unwrap();
            assert_eq!($word::TYPES[0].name(), serde, "a struct in {}", $case);
        })*
    })*};
}

/// Words that are the trouble of such tables: acronyms, digits, single letters, underscores at
/// every place, keywords, scripts with and without case, and letters that grow when their case
/// changes.
macro_rules! for_all_words {
    ($($case:literal)*) => {$(
        compare! { $case: [
            Outcome VeryTasty A AB ABC Z42 Order2Go Order22Go2 V2 HTTPError XMLHTTPRequest IOs OAuth2
            With_Line With__Lines Trailing_ Trailing__ _Leading __Leading_Two _1 _A snake_word
            SCREAMING_WORD mixedCase r#type r#match r#async GrößeÄndern StraßE Naïve ÑandÚ ΑλφαΒήτα
            ЗаказПринят 注文 注文Placed
        ] }
    )*};
}

#[test]
fn a_name_is_what_serde_makes_of_it() {
    for_all_words! {
        "lowercase" "UPPERCASE" "PascalCase" "snake_case" "SCREAMING_SNAKE_CASE" "kebab-case"
        "SCREAMING-KEBAB-CASE"
    }
    // serde's camelCase cannot take words that begin with more than one byte.
    compare! { "camelCase": [
        Outcome VeryTasty A AB ABC Z42 Order2Go Order22Go2 V2 HTTPError XMLHTTPRequest IOs OAuth2
        With_Line With__Lines Trailing_ Trailing__ _Leading __Leading_Two _1 _A snake_word
        SCREAMING_WORD mixedCase r#type r#match r#async GrößeÄndern StraßE Naïve
    ] }
}

#[test]
fn without_a_word_it_is_kebab_case() {
    #[derive(Debug, Serialize, Deserialize, JsonSchema, SseEvent)]
    enum Set {
        HTTPError,
        OrderPlaced,
        Total2,
    }
    let names: Vec<_> = Set::TYPES.iter().map(EventType::name).collect();
    assert_eq!(names, ["h-t-t-p-error", "order-placed", "total2"]);
}
