//! A plot for the book, which stands within a page and takes the page's colour of text.

use super::number;
use crate::figure::Figure::{self, *};
use crate::results::Results;
use crate::scenario::Scenario;
use crate::system::System;
use std::fmt::{self, Write};

/// What is plotted, and whether more of it is better.
const PANELS: [(&str, Scenario, Figure, bool); 6] = [
    ("Paced: CPU µs per delivery", Scenario::Paced, CpuPerDelivery, false),
    ("Closed loop: deliveries per second", Scenario::Closed, DeliveriesPerS, true),
    ("Burst: CPU µs per delivery", Scenario::Burst, CpuPerDelivery, false),
    ("Idle: KiB per connection", Scenario::Idle, PerConnection, false),
    ("Storm: ms until all have caught up", Scenario::Storm, CaughtUp, false),
    ("10,000 topics, calm: CPU µs per publish", Scenario::CalmTopics, CpuPerPublish, false),
];

const SYSTEMS: [(System, &str); 4] = [
    (System::Floor, "#8a8f98"),
    (System::ByHand, "#c9822b"),
    (System::Framework, "#2f81d6"),
    (System::UnderAxum, "#7fb2e6"),
];

const WIDTH: usize = 360;
const HEIGHT: usize = 124;
const LABELS: usize = 118;
const BARS: usize = 150;
const BAR: usize = 18;

/// Two columns of small bar charts, each with a scale of its own that begins at zero.
pub(crate) fn plot(results: &Results) -> String {
    let panels: Vec<_> = PANELS.into_iter().filter_map(|panel| Bars::of(results, panel)).collect();
    let height = panels.len().div_ceil(2) * HEIGHT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" role=\"img\" \
         aria-label=\"Figures of all systems\" font-family=\"sans-serif\" font-size=\"12\" \
         fill=\"currentColor\">\n",
        2 * WIDTH
    );
    for (place, panel) in panels.iter().enumerate() {
        let (x, y) = (place % 2 * WIDTH, place / 2 * HEIGHT);
        // Writing to a string does not fail.
        let _ = panel.draw(&mut svg, x, y);
    }
    svg + "</svg>\n"
}

struct Bars {
    title: String,
    bars: Vec<(&'static str, &'static str, f64)>,
}

impl Bars {
    fn of(results: &Results, panel: (&str, Scenario, Figure, bool)) -> Option<Self> {
        let (title, scenario, figure, more) = panel;
        let title = format!("{title} ({} is better)", if more { "more" } else { "less" });
        let bars = SYSTEMS.into_iter().filter_map(|(system, colour)| {
            let spread = results.spread(scenario, system, figure)?;
            Some((system.name(), colour, spread.median))
        });
        let bars: Vec<_> = bars.collect();
        (!bars.is_empty()).then_some(Bars { title, bars })
    }

    fn draw(&self, svg: &mut String, x: usize, y: usize) -> fmt::Result {
        let most = self.bars.iter().map(|(_, _, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
        writeln!(
            svg,
            "<text x=\"{x}\" y=\"{}\" font-weight=\"bold\">{}</text>",
            y + 16,
            self.title
        )?;
        for (row, (name, colour, value)) in self.bars.iter().enumerate() {
            let (top, base) = (y + 26 + row * (BAR + 3), y + 39 + row * (BAR + 3));
            let (left, width) = (x + LABELS, (value / most * BARS as f64).max(1.0));
            writeln!(
                svg,
                "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{name}</text>\
                 <rect x=\"{left}\" y=\"{top}\" width=\"{width:.0}\" height=\"{BAR}\" \
                 fill=\"{colour}\"/><text x=\"{:.0}\" y=\"{base}\">{}</text>",
                left - 6,
                left as f64 + width + 6.0,
                number(*value)
            )?;
        }
        Ok(())
    }
}
