//! Text as HTML, and the words for times, ages and money.
//!
//! Names, tags and descriptions are other people's text, so all of them go through [`e`]; and the page is well-formed XML as well,
//! so that a test can hold it to that.

use std::fmt::{self, Display, Write as _};

use aurora_clone_core::duration::for_people;
use chrono::{DateTime, Duration, Utc};

use super::data::Cost;

/// Text that shows as it is, in an element or in a quoted attribute.
pub struct Escaped<T>(T);

/// Escapes what is displayed.
pub fn e<T: Display>(text: T) -> Escaped<T> {
    Escaped(text)
}

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.write_str("&amp;")?,
                '<' => self.0.write_str("&lt;")?,
                '>' => self.0.write_str("&gt;")?,
                '"' => self.0.write_str("&quot;")?,
                '\'' => self.0.write_str("&#39;")?,
                '\n' | '\t' => self.0.write_char(' ')?,
                // Neither HTML nor XML has them, and the direction of text is not for a name to turn.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {
                    self.0.write_char('\u{fffd}')?;
                }
                other if other.is_control() => self.0.write_char('\u{fffd}')?,
                other => self.0.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// A time with its date.
pub fn time(time: DateTime<Utc>) -> String {
    time.format("%-d %b %Y, %H:%M").to_string()
}

/// A time that scripts can read as well.
pub fn time_element(at: DateTime<Utc>) -> String {
    let exact = at.format("%Y-%m-%dT%H:%M:%SZ");
    format!(r#"<time datetime="{exact}">{}</time>"#, at.format("%-d %b %H:%M"))
}

/// An age.
pub fn age(seconds: i64) -> String {
    for_people(Duration::seconds(seconds))
}

/// A number with its thousands apart, and no more digits than anybody wants.
pub fn number(value: f64) -> String {
    let whole = value.abs().round();
    if (value - value.round()).abs() > 0.05 && whole < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{whole:.0}");
    let mut text = String::new();
    if value < 0.0 && whole > 0.0 {
        text.push('−');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An amount, with the dollar's sign where it is dollars.
pub fn money(amount: f64, currency: Option<&str>) -> String {
    let number = if amount > 0.0 && amount < 100.0 { format!("{amount:.2}") } else { number(amount) };
    match currency {
        Some("USD") => format!("${number}"),
        Some(other) => format!("{number} {other}"),
        None => number,
    }
}

/// A cost, with a mark where it is only a part.
pub fn cost(cost: Cost, currency: Option<&str>) -> String {
    match cost {
        Cost { at_least: true, monthly: 0.0 } => "unknown".to_owned(),
        Cost { at_least: true, monthly } => format!("≥ {}", money(monthly, currency)),
        Cost { monthly, .. } => money(monthly, currency),
    }
}

/// A number of things.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", self::number(number as f64), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        let text = "<b onclick='x()'>\"a\" & b</b>\u{0}\u{202e}";
        let escaped = "&lt;b onclick=&#39;x()&#39;&gt;&quot;a&quot; &amp; b&lt;/b&gt;\u{fffd}\u{fffd}";
        assert_eq!(e(text).to_string(), escaped);
    }

    #[test]
    fn numbers_have_the_digits_that_people_want() {
        let texts = [0.0, 7.0, 12.5, 999.6, 1_234_567.0].map(number);
        assert_eq!(texts, ["0", "7", "12.5", "1,000", "1,234,567"]);
        assert_eq!(money(9.5, Some("USD")), "$9.50");
        assert_eq!(money(1_200.0, None), "1,200");
        assert_eq!(cost(Cost { monthly: 0.0, at_least: true }, None), "unknown");
    }
}
