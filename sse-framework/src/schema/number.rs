//! Which numbers there can be, and which of them fit into which type of Rust's.

use serde_json::Value;

/// A number, as schemars describes those of Rust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    integer: bool,
    format: Option<String>,
    bounds: [Option<i128>; 2],
    /// A bound is no integer.
    odd: bool,
    /// The bounds as they are written.
    stated: [Option<Value>; 2],
}

impl Number {
    pub(super) fn new(integer: bool, format: Option<&str>, bounds: [Option<&Value>; 2]) -> Self {
        let stated = bounds.map(|bound| bound.cloned());
        let [least, most] = bounds.map(|bound| bound.map(whole));
        let odd = [least, most].contains(&Some(None));
        let format = format.map(str::to_owned);
        Number { integer, format, bounds: [least.flatten(), most.flatten()], odd, stated }
    }

    /// Whether every number that this writes is one that `reader` reads. Bounds that a type of Rust's does
    /// not have by itself are not trusted of what was written, since serde does not look at them.
    pub(super) fn fits(&self, reader: &Number) -> bool {
        if self == reader {
            return true;
        }
        if self.odd || reader.odd || self.is_wide() || reader.is_wide() {
            return false;
        }
        let format = reader.format.as_deref();
        match (self.written_range(), reader.range()) {
            (Some(written), Some(read)) => {
                let [least, most] = reader.bounds;
                let same_kind = self.format == reader.format && self.bounds == reader.bounds;
                let within = read.0.max(least.unwrap_or(read.0)) <= written.0
                    && written.1 <= read.1.min(most.unwrap_or(read.1));
                same_kind || within
            }
            // Each of them is a float without loss.
            (Some((least, most)), None) if reader.is_float() && reader.bounds == [None; 2] => {
                let exact = if format == Some("float") { 1 << 24 } else { 1 << 53 };
                -exact <= least && most <= exact
            }
            (None, None) => {
                let unbounded = reader.bounds == [None; 2] && self.is_float();
                unbounded && self.format.as_deref() == Some("float") && format == Some("double")
            }
            _ => false,
        }
    }

    /// Whether this very number is one that is read.
    pub(super) fn reads(&self, value: &Value) -> bool {
        let Some(number) = whole(value) else { return false };
        let range = self.range().filter(|_| !self.odd && !self.is_wide());
        let Some((least, most)) = range else { return false };
        let [lower, upper] = self.bounds;
        let (least, most) = (least.max(lower.unwrap_or(least)), most.min(upper.unwrap_or(most)));
        (least..=most).contains(&number)
    }

    fn is_float(&self) -> bool {
        !self.integer && matches!(self.format.as_deref(), Some("float" | "double"))
    }

    /// serde reads these in fewer places than others.
    fn is_wide(&self) -> bool {
        matches!(self.format.as_deref(), Some("int128" | "uint128"))
    }

    /// Which integers can have been written: perhaps on a machine with wider ones.
    fn written_range(&self) -> Option<(i128, i128)> {
        match self.format.as_deref().filter(|_| self.integer) {
            Some("int") => Some((i64::MIN.into(), i64::MAX.into())),
            Some("uint") => Some((0, u64::MAX.into())),
            _ => self.range(),
        }
    }

    /// Which integers the type of Rust's has.
    fn range(&self) -> Option<(i128, i128)> {
        let of = |least: i128, most: i128| Some((least, most));
        match self.format.as_deref().filter(|_| self.integer)? {
            "int8" => of(i8::MIN.into(), i8::MAX.into()),
            "int16" => of(i16::MIN.into(), i16::MAX.into()),
            "int32" => of(i32::MIN.into(), i32::MAX.into()),
            "int64" => of(i64::MIN.into(), i64::MAX.into()),
            "int" => of(isize::MIN as i128, isize::MAX as i128),
            "uint8" => of(0, u8::MAX.into()),
            "uint16" => of(0, u16::MAX.into()),
            "uint32" => of(0, u32::MAX.into()),
            "uint64" => of(0, u64::MAX.into()),
            "uint" => of(0, usize::MAX as i128),
            _ => None,
        }
    }

    /// For people.
    pub(super) fn name(&self) -> String {
        let kind = if self.integer { "an integer" } else { "a number" };
        match &self.format {
            Some(format) => format!("{kind} ({format})"),
            None => kind.to_owned(),
        }
    }
}

/// The integer that a number of a schema is.
fn whole(value: &Value) -> Option<i128> {
    let number = value.as_number()?;
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::{JsonSchema, schema_for};
    use std::num::NonZeroU32;

    fn number<T: JsonSchema>() -> Number {
        let schema = schema_for!(T);
        let format = schema.get("format").and_then(Value::as_str);
        let integer = schema.get("type").and_then(Value::as_str) == Some("integer");
        Number::new(integer, format, [schema.get("minimum"), schema.get("maximum")])
    }

    fn fits<A: JsonSchema, B: JsonSchema>() -> bool {
        number::<A>().fits(&number::<B>())
    }

    #[test]
    fn an_integer_fits_where_all_of_its_values_do() {
        assert!(fits::<u8, u16>() && fits::<u32, i64>() && fits::<i8, i64>());
        assert!(fits::<u64, usize>() && fits::<NonZeroU32, u32>());
        assert!(!fits::<u16, u8>() && !fits::<u32, i32>() && !fits::<i8, u64>());
        assert!(!fits::<u64, i64>() && !fits::<u32, NonZeroU32>());
    }

    #[test]
    fn an_integer_of_the_machine_may_have_been_written_by_one_with_wider_ones() {
        assert_eq!(number::<usize>().written_range(), number::<u64>().range());
        assert_eq!(number::<isize>().written_range(), number::<i64>().range());
        assert_eq!(number::<u32>().written_range(), number::<u32>().range());
    }

    #[test]
    fn an_integer_is_a_float_where_nothing_is_lost() {
        assert!(fits::<u32, f64>() && fits::<i16, f32>());
        assert!(!fits::<u64, f64>() && !fits::<u32, f32>());
        assert!(!fits::<f64, u32>() && !fits::<f64, f32>() && fits::<f32, f64>());
    }

    #[test]
    fn wide_integers_fit_themselves_only() {
        assert!(fits::<u128, u128>() && fits::<i128, i128>());
        assert!(!fits::<u64, u128>() && !fits::<u8, i128>() && !fits::<u128, f64>());
    }
}
