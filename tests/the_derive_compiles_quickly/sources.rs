//! Sets of 100 variants.

/// What stands on and beside each type.
#[derive(Clone, Copy)]
pub(crate) struct Around {
    pub(crate) derives: Derives,
    /// Whether a function writes the type by serde, and another reads it.
    pub(crate) used: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Derives {
    None,
    Serde,
    /// Serde's, and that of schemars.
    Described,
    All,
}

pub(crate) type Source = fn(Around) -> String;

pub(crate) const SOURCES: [(&str, Source); 2] =
    [("100 variants that are events", own), ("100 variants that carry events", carrying)];

fn own(around: Around) -> String {
    let topic = around.sse("topic = \"shops/{shop}/{id}\"");
    let json = around.sse("json");
    let variant = |n: usize| match n % 4 {
        0 => format!("Unit{n},"),
        1 => format!("{topic} Struct{n} {{ id: u64, shop: String, price: Option<u32> }},"),
        2 => format!("Tuple{n}(u64, String),"),
        _ => format!("{json} Data{n}(Vec<String>),"),
    };
    let variants: String =
        (0..100).map(|n| format!("    /// Variant {n}.\n    {}\n", variant(n))).collect();
    around.on("Set", &format!("pub enum Set {{\n{variants}}}"))
}

fn carrying(around: Around) -> String {
    let events = (0..100).map(|n| {
        let fields = "{ pub id: u64, pub shop: String, pub price: Option<u32> }";
        around.on(&format!("Event{n}"), &format!("pub struct Event{n} {fields}"))
    });
    let variants: String = (0..100).map(|n| format!("    Event{n}(Event{n}),\n")).collect();
    let set = around.on("Set", &format!("pub enum Set {{\n{variants}}}"));
    events.chain([set]).collect()
}

impl Around {
    fn sse(self, words: &str) -> String {
        match self.derives {
            Derives::All => format!("#[sse({words})]"),
            _ => String::new(),
        }
    }

    fn on(self, name: &str, item: &str) -> String {
        let derives = match self.derives {
            Derives::None => "",
            Derives::Serde => "#[derive(serde::Serialize, serde::Deserialize)]",
            Derives::Described => {
                "#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]"
            }
            Derives::All => {
                "#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]\n\
                 #[derive(sse_framework::SseEvent)]"
            }
        };
        let uses = match (self.derives, self.used) {
            (Derives::None, _) | (_, false) => String::new(),
            _ => format!(
                "pub fn write_{name}(it: &{name}) -> serde_json::Result<Vec<u8>> \
                 {{ serde_json::to_vec(it) }}\n\
                 pub fn read_{name}(data: &[u8]) -> serde_json::Result<{name}> \
                 {{ serde_json::from_slice(data) }}\n"
            ),
        };
        format!("{derives}\n{item}\n{uses}")
    }
}
