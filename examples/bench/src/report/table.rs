//! Tables, for the terminal and for the book.

/// Rows under a head; the first column is text, the others are numbers.
#[derive(Debug)]
pub(crate) struct Table {
    title: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(title: &str, head: &[&str]) -> Self {
        let head = head.iter().map(|title| (*title).to_owned()).collect();
        Table { title: title.to_owned(), rows: vec![head] }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn text(&self) -> String {
        let widths = self.widths();
        let mut text = format!("{}\n", self.title);
        for row in &self.rows {
            let cells = row.iter().zip(&widths).enumerate();
            let cells: Vec<_> =
                cells.map(|(column, (cell, width))| padded(column, cell, *width)).collect();
            text.push_str(&format!("  {}\n", cells.join("  ").trim_end()));
        }
        text
    }

    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let columns = self.rows[0].len();
        let rule = (0..columns).map(|column| if column == 0 { "---" } else { "---:" });
        let rule: Vec<_> = rule.map(str::to_owned).collect();
        let rows: String = self.rows[1..].iter().map(|row| line(row)).collect();
        format!("**{}**\n\n{}{}{rows}", self.title, line(&self.rows[0]), line(&rule))
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..columns).map(width).collect()
    }
}

fn padded(column: usize, cell: &str, width: usize) -> String {
    match column {
        0 => format!("{cell:<width$}"),
        _ => format!("{cell:>width$}"),
    }
}

/// Whole numbers as they are, others with three digits that count; commas between thousands.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size.fract() == 0.0 => 0,
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    for (place, digit) in whole.char_indices() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_or_all_before_the_point() {
        let numbers = [0.0, 0.0512, 0.99, 1.004, 9.999, 15.26, 999.9, 50.0, 1_640_000.0];
        let texts = ["0", "0.051", "0.990", "1.00", "10.0", "15.3", "1,000", "50", "1,640,000"];
        assert_eq!(numbers.map(number), texts);
    }

    #[test]
    fn a_table_is_written_in_two_forms() {
        let mut table = Table::new("Paced", &["", "µs"]);
        table.row(["floor".to_owned(), "8.9".to_owned()]);
        assert_eq!(table.text(), "Paced\n          µs\n  floor  8.9\n");
        assert_eq!(table.markdown(), "**Paced**\n\n|  | µs |\n| --- | ---: |\n| floor | 8.9 |\n");
    }
}
