//! The cases of `rename_all`, with the results that serde gives for variants.

/// How a type's or variant's name becomes an event type's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    #[default]
    Kebab,
    ScreamingKebab,
}

const CASES: [(&str, Case); 8] = [
    ("lowercase", Case::Lower),
    ("UPPERCASE", Case::Upper),
    ("PascalCase", Case::Pascal),
    ("camelCase", Case::Camel),
    ("snake_case", Case::Snake),
    ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
    ("kebab-case", Case::Kebab),
    ("SCREAMING-KEBAB-CASE", Case::ScreamingKebab),
];

impl Case {
    /// The case that is written like this.
    pub(crate) fn named(written: &str) -> Option<Self> {
        CASES.iter().find(|(name, _)| *name == written).map(|(_, case)| *case)
    }

    /// How all of them are written.
    pub(crate) fn names() -> [&'static str; 8] {
        CASES.map(|(name, _)| name)
    }

    /// `name`, in PascalCase as Rust has it, in this case.
    pub(crate) fn apply(self, name: &str) -> String {
        match self {
            Case::Lower => name.to_ascii_lowercase(),
            Case::Upper => name.to_ascii_uppercase(),
            Case::Pascal => name.to_owned(),
            Case::Camel => lower_first(name),
            Case::Snake => snake(name),
            Case::ScreamingSnake => snake(name).to_ascii_uppercase(),
            Case::Kebab => snake(name).replace('_', "-"),
            Case::ScreamingKebab => snake(name).to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn lower_first(name: &str) -> String {
    let mut rest = name.chars();
    let first = rest.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(rest).collect()
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (place, letter) in name.char_indices() {
        if place > 0 && letter.is_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written down from what `#[derive(Serialize)]` of serde 1.0.229 makes of these variants, in
    /// the order of [`CASES`]; where serde itself refuses to compile there is `None`.
    #[rustfmt::skip]
    const SERDE: [(&str, [Option<&str>; 8]); 9] = [
        ("Outcome", [Some("outcome"), Some("OUTCOME"), Some("Outcome"), Some("outcome"),
            Some("outcome"), Some("OUTCOME"), Some("outcome"), Some("OUTCOME")]),
        ("VeryTasty", [Some("verytasty"), Some("VERYTASTY"), Some("VeryTasty"), Some("veryTasty"),
            Some("very_tasty"), Some("VERY_TASTY"), Some("very-tasty"), Some("VERY-TASTY")]),
        ("A", [Some("a"), Some("A"), Some("A"), Some("a"),
            Some("a"), Some("A"), Some("a"), Some("A")]),
        ("Z42", [Some("z42"), Some("Z42"), Some("Z42"), Some("z42"),
            Some("z42"), Some("Z42"), Some("z42"), Some("Z42")]),
        ("Order2Go", [Some("order2go"), Some("ORDER2GO"), Some("Order2Go"), Some("order2Go"),
            Some("order2_go"), Some("ORDER2_GO"), Some("order2-go"), Some("ORDER2-GO")]),
        ("HTTPError", [Some("httperror"), Some("HTTPERROR"), Some("HTTPError"), Some("hTTPError"),
            Some("h_t_t_p_error"), Some("H_T_T_P_ERROR"), Some("h-t-t-p-error"), Some("H-T-T-P-ERROR")]),
        ("With_Line", [Some("with_line"), Some("WITH_LINE"), Some("With_Line"), Some("with_Line"),
            Some("with__line"), Some("WITH__LINE"), Some("with--line"), Some("WITH--LINE")]),
        ("GrößeÄndern", [Some("größeÄndern"), Some("GRößEÄNDERN"), Some("GrößeÄndern"), Some("größeÄndern"),
            Some("größe_Ändern"), Some("GRößE_ÄNDERN"), Some("größe-Ändern"), Some("GRößE-ÄNDERN")]),
        ("Ärger", [Some("Ärger"), Some("ÄRGER"), Some("Ärger"), None,
            Some("Ärger"), Some("ÄRGER"), Some("Ärger"), Some("ÄRGER")]),
    ];

    #[test]
    fn every_case_gives_what_serde_gives() {
        for (name, expected) in SERDE {
            for ((written, case), expected) in CASES.into_iter().zip(expected) {
                if let Some(expected) = expected {
                    assert_eq!(case.apply(name), expected, "{name} in {written}");
                }
            }
        }
    }

    #[test]
    fn what_serde_cannot_slice_stays_as_it_is() {
        assert_eq!(Case::Camel.apply("Ärger"), "Ärger");
    }

    #[test]
    fn cases_are_found_as_they_are_written() {
        for name in Case::names() {
            assert!(Case::named(name).is_some());
        }
        assert_eq!(Case::named("kebab_case"), None);
        assert_eq!(Case::named("kebab-case"), Some(Case::default()));
    }
}
