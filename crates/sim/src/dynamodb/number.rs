//! Decimal numbers of up to 38 digits: exact, because a lock's expiry must not suffer from rounding.

use std::cmp::Ordering;
use std::fmt;

const DIGITS: usize = 38;

/// A number: 0.d₁d₂… × 10^exponent, without zeros at either end of its digits. Zero has no digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    negative: bool,
    digits: Vec<u8>,
    exponent: i32,
}

impl Number {
    /// Reads a number as the wire carries it.
    ///
    /// # Errors
    ///
    /// DynamoDB's message when it is none, or one that DynamoDB cannot hold.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("The parameter cannot be converted to a numeric value: {text}");
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| wrong())?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.len() + fraction.len() == 0
            || !(whole.bytes().chain(fraction.bytes())).all(|b| b.is_ascii_digit())
        {
            return Err(wrong());
        }
        let digits = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').collect();
        let exponent = i32::try_from(whole.len()).ok().and_then(|length| length.checked_add(exponent));
        Self::normal(negative, digits, exponent.ok_or_else(wrong)?)
    }

    fn normal(negative: bool, mut digits: Vec<u8>, mut exponent: i32) -> Result<Self, String> {
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        digits.drain(..zeros);
        exponent -= i32::try_from(zeros).unwrap_or(0);
        while digits.last() == Some(&0) {
            digits.pop();
        }
        if digits.is_empty() {
            return Ok(Self { negative: false, digits, exponent: 0 });
        }
        if digits.len() > DIGITS {
            return Err("Attempting to store more than 38 significant digits in a Number".to_owned());
        }
        match exponent {
            127.. => Err(
                "Number overflow. Attempting to store a number with magnitude larger than supported range"
                    .to_owned(),
            ),
            ..-129 => Err(
                "Number underflow. Attempting to store a number with magnitude smaller than supported range"
                    .to_owned(),
            ),
            _ => Ok(Self { negative, digits, exponent }),
        }
    }

    /// The sum.
    ///
    /// # Errors
    ///
    /// DynamoDB's message when it cannot hold the sum.
    pub fn plus(&self, other: &Self) -> Result<Self, String> {
        let lowest = |number: &Self| number.exponent - i32::try_from(number.digits.len()).unwrap_or(0);
        let (low, high) = (lowest(self).min(lowest(other)), self.exponent.max(other.exponent));
        let aligned = |number: &Self| -> Vec<u8> {
            // One digit more in front, for the carry.
            let lead = usize::try_from(high - number.exponent + 1).unwrap_or(0);
            let trail = usize::try_from(lowest(number) - low).unwrap_or(0);
            let mut digits = vec![0; lead];
            digits.extend(&number.digits);
            digits.extend(std::iter::repeat_n(0, trail));
            digits
        };
        let (mut big, mut small) = (aligned(self), aligned(other));
        let mut negative = self.negative;
        if self.negative == other.negative {
            let mut carry = 0;
            for (a, b) in big.iter_mut().zip(&small).rev() {
                let sum = *a + b + carry;
                (*a, carry) = (sum % 10, sum / 10);
            }
        } else {
            if big < small {
                std::mem::swap(&mut big, &mut small);
                negative = other.negative;
            }
            let mut borrow = 0;
            for (a, b) in big.iter_mut().zip(&small).rev() {
                let less = b + borrow;
                borrow = u8::from(*a < less);
                *a = *a + 10 * borrow - less;
            }
        }
        Self::normal(negative, big, high + 1)
    }

    /// The difference.
    ///
    /// # Errors
    ///
    /// DynamoDB's message when it cannot hold the difference.
    pub fn minus(&self, other: &Self) -> Result<Self, String> {
        let negated = Self { negative: !other.negative && !other.digits.is_empty(), ..other.clone() };
        self.plus(&negated)
    }

    /// The size that DynamoDB bills, about.
    pub(super) fn size(&self) -> usize {
        self.digits.len().div_ceil(2) + 1 + usize::from(self.negative)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let magnitude = |a: &Self, b: &Self| match (a.digits.is_empty(), b.digits.is_empty()) {
            (false, false) => a.exponent.cmp(&b.exponent).then_with(|| a.digits.cmp(&b.digits)),
            (a_is_zero, b_is_zero) => b_is_zero.cmp(&a_is_zero),
        };
        match (self.negative, other.negative) {
            (false, false) => magnitude(self, other),
            (true, true) => magnitude(other, self),
            (negative, _) => {
                if negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        // 19 digits always fit.
        Self::parse(&number.to_string()).unwrap_or(Self { negative: false, digits: Vec::new(), exponent: 0 })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        let length = i32::try_from(self.digits.len()).unwrap_or(0);
        if self.exponent <= 0 {
            f.write_str("0")?;
        }
        for place in (1..=self.exponent.max(length)).filter(|place| self.exponent > 0 || *place <= length) {
            let digit = usize::try_from(place - 1).ok().and_then(|index| self.digits.get(index));
            if place == 1 && self.exponent <= 0 {
                f.write_str(".")?;
                for _ in self.exponent..0 {
                    f.write_str("0")?;
                }
            } else if place == self.exponent + 1 {
                f.write_str(".")?;
            }
            write!(f, "{}", digit.unwrap_or(&0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).expect(text)
    }

    #[test]
    fn numbers_are_stored_in_one_form() {
        for (text, expected) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("007", "7"),
            ("1.50", "1.5"),
            ("-12.25", "-12.25"),
            ("1e3", "1000"),
            ("+1.5E-3", "0.0015"),
            (".5", "0.5"),
            ("5.", "5"),
            ("10", "10"),
            ("0.1", "0.1"),
            ("100.001", "100.001"),
            ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ] {
            assert_eq!(number(text).to_string(), expected, "{text}");
        }
        for text in
            ["", "-", ".", "1x", "0x1", "1e", "1 ", "NaN", "1e126", "1e-131", &"9".repeat(39), "--1", "+-1"]
        {
            assert!(Number::parse(text).is_err(), "{text}");
        }
        assert_eq!(number("9.9e125").to_string().len(), 126);
        assert_eq!(number("1e-130").to_string().len(), 132);
    }

    #[test]
    fn numbers_compare_as_numbers() {
        let ascending =
            ["-1e10", "-10", "-9", "-0.5", "0", "1e-20", "0.09", "0.1", "9", "10", "10.5", "1e38"];
        for (a, first) in ascending.iter().enumerate() {
            for (b, second) in ascending.iter().enumerate() {
                assert_eq!(number(first).cmp(&number(second)), a.cmp(&b), "{first} {second}");
            }
        }
        assert_eq!(number("1.0"), number("1"));
    }

    #[test]
    fn sums_are_exact() {
        for (a, b, sum, difference) in [
            ("0", "0", "0", "0"),
            ("1", "2", "3", "-1"),
            ("0.1", "0.2", "0.3", "-0.1"),
            ("999", "1", "1000", "998"),
            ("-5", "3", "-2", "-8"),
            ("-5", "-5", "-10", "0"),
            ("1000", "0.001", "1000.001", "999.999"),
            ("0", "-7", "-7", "7"),
            ("1e20", "-1e20", "0", "200000000000000000000"),
            ("1782000000123", "90000", "1782000090123", "1781999910123"),
        ] {
            assert_eq!(
                number(a).plus(&number(b)).map(|sum| sum.to_string()),
                Ok(sum.to_owned()),
                "{a} + {b}"
            );
            let found = number(a).minus(&number(b)).map(|difference| difference.to_string());
            assert_eq!(found, Ok(difference.to_owned()), "{a} - {b}");
        }
        assert!(number("1e100").plus(&number("1")).is_err(), "101 digits");
    }
}
