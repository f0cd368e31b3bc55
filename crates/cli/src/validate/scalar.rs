//! What CloudFormation makes of a YAML scalar that stands without quotes.
//!
//! It reads YAML 1.1, without timestamps, and hands everything to a custom resource as text. So `yes` is "true" and 012 is "10", which
//! few authors expect, and which YAML 1.2 reads otherwise.

/// A plain scalar as CloudFormation hands it on; `None` is a null.
#[derive(Debug, PartialEq)]
pub(super) struct Plain {
    /// The text that arrives.
    pub(super) text: Option<String>,
    /// What it was taken for, where that is a surprise.
    pub(super) surprise: Option<&'static str>,
}

/// Reads a plain scalar.
pub(super) fn plain(raw: &str) -> Plain {
    let fine = |text: &str| Plain { text: Some(text.to_owned()), surprise: None };
    match raw {
        "" | "~" | "null" | "Null" | "NULL" => return Plain { text: None, surprise: None },
        "true" | "True" | "TRUE" => return fine("true"),
        "false" | "False" | "FALSE" => return fine("false"),
        _ => {}
    }
    let surprising = |text: String, surprise| Plain { text: Some(text), surprise: Some(surprise) };
    match raw.to_ascii_lowercase().as_str() {
        "yes" | "on" => return surprising("true".to_owned(), "a boolean of YAML 1.1"),
        "no" | "off" => return surprising("false".to_owned(), "a boolean of YAML 1.1"),
        _ => {}
    }
    let (sign, digits) = match raw.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", raw.strip_prefix('+').unwrap_or(raw)),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return fine(raw);
    }
    let bare = digits.replace('_', "");
    if let Some((radix, digits, name)) = in_another_base(&bare) {
        return match i128::from_str_radix(digits, radix) {
            Ok(number) => surprising(format!("{sign}{number}"), name),
            Err(_) => fine(raw),
        };
    }
    if !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit()) {
        // With a zero in front and an 8 or a 9 it is no octal number, and no decimal one either.
        return if bare.len() > 1 && bare.starts_with('0') {
            fine(raw)
        } else {
            fine(&format!("{sign}{bare}"))
        };
    }
    if let Some(number) = in_sixties(&bare) {
        return surprising(format!("{sign}{number}"), "a number to the base of 60 of YAML 1.1");
    }
    let decimal = bare.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    match bare.parse::<f64>() {
        Ok(number) if decimal && bare.contains('.') && number.is_finite() => {
            fine(&format!("{sign}{number:?}"))
        }
        _ => fine(raw),
    }
}

/// Numbers that are written in another base than ten: the base, the digits, and what that is called.
fn in_another_base(bare: &str) -> Option<(u32, &str, &'static str)> {
    let all = |digits: &str, radix| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    if let Some(digits) = bare.strip_prefix("0x").filter(|digits| all(digits, 16)) {
        return Some((16, digits, "a hexadecimal number"));
    }
    if let Some(digits) = bare.strip_prefix("0b").filter(|digits| all(digits, 2)) {
        return Some((2, digits, "a binary number"));
    }
    let digits = bare.strip_prefix('0').filter(|digits| all(digits, 8))?;
    Some((8, digits, "an octal number"))
}

/// `1:30` is 90 in YAML 1.1.
fn in_sixties(bare: &str) -> Option<i128> {
    let mut parts = bare.split(':');
    let first = parts.next().filter(|first| !first.is_empty() && first.len() < 18)?;
    let mut number = first.parse::<i128>().ok().filter(|_| first.bytes().all(|b| b.is_ascii_digit()))?;
    let mut more = 0;
    for part in parts {
        let digit = part.parse::<i128>().ok().filter(|digit| (0..60).contains(digit) && part.len() <= 2)?;
        number = number.checked_mul(60)?.checked_add(digit)?;
        more += 1;
    }
    (more > 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn scalars_arrive_as_the_texts_that_cloudformation_makes_of_them() {
        for (raw, text) in [
            ("prod", "prod"),
            ("5432", "5432"),
            ("-1", "-1"),
            ("+5", "5"),
            ("1_000", "1000"),
            ("0", "0"),
            ("0.50", "0.5"),
            ("1.0", "1.0"),
            ("True", "true"),
            ("FALSE", "false"),
            ("2026-01-01", "2026-01-01"),
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            ("089", "089"),
            ("P3D", "P3D"),
            ("sg-1", "sg-1"),
            ("-", "-"),
            (".", "."),
            ("1.2.3", "1.2.3"),
            ("12:99", "12:99"),
            ("1e999", "1e999"),
        ] {
            let read = plain(raw);
            assert_eq!((read.text.as_deref(), read.surprise), (Some(text), None), "{raw}");
        }
    }

    #[test]
    fn surprises_are_named() {
        for (raw, text, what) in [
            ("yes", "true", "boolean"),
            ("Off", "false", "boolean"),
            ("012", "10", "octal"),
            ("0x1F", "31", "hexadecimal"),
            ("1:30", "90", "60"),
        ] {
            let read = plain(raw);
            assert_eq!(read.text.as_deref(), Some(text), "{raw}");
            assert!(read.surprise.is_some_and(|surprise| surprise.contains(what)), "{raw}");
        }
        for raw in ["", "~", "null"] {
            assert_eq!(plain(raw).text, None, "{raw}");
        }
    }
}
