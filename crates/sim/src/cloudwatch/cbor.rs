//! Smithy's RPC v2 protocol writes CBOR (RFC 8949), which is read into JSON here and written from it: a time is a tagged number of
//! seconds, and which members are times is known by their names.

use serde_json::{Map, Number, Value};

/// The members that are times, in answers.
const TIMES: [&str; 1] = ["Timestamps"];
/// How deep a document may be.
const DEEPEST: usize = 32;

/// Reads one document. A tag is dropped: only times have one.
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader { bytes, at: 0 };
    let value = reader.value(0)?;
    (reader.at == bytes.len()).then_some(value)
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

/// How many items or bytes follow.
enum Length {
    Of(usize),
    /// Until a break.
    Open,
}

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn big_endian(&mut self, count: usize) -> Option<u64> {
        let bytes = self.take(count)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The argument of a head with these five bits; `None` inside for an open length.
    fn argument(&mut self, low: u8) -> Option<Option<u64>> {
        Some(match low {
            0..=23 => Some(u64::from(low)),
            24 => Some(self.big_endian(1)?),
            25 => Some(self.big_endian(2)?),
            26 => Some(self.big_endian(4)?),
            27 => Some(self.big_endian(8)?),
            31 => None,
            _ => return None,
        })
    }

    fn length(&mut self, low: u8) -> Option<Length> {
        Some(match self.argument(low)? {
            Some(count) => Length::Of(usize::try_from(count).ok()?),
            None => Length::Open,
        })
    }

    fn broken_off(&mut self) -> bool {
        let ends = self.bytes.get(self.at) == Some(&0xff);
        self.at += usize::from(ends);
        ends
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        let head = *self.take(1)?.first()?;
        let (major, low) = (head >> 5, head & 31);
        match major {
            0 => Some(Value::from(self.argument(low)??)),
            1 => Some(Value::from(-1 - i64::try_from(self.argument(low)??).ok()?)),
            2 | 3 => self.text(low).map(Value::from),
            4 => {
                let length = self.length(low)?;
                let mut items = Vec::new();
                while self.goes_on(&length, items.len()) {
                    items.push(self.value(depth + 1)?);
                }
                Some(Value::Array(items))
            }
            5 => {
                let length = self.length(low)?;
                let (mut members, mut count) = (Map::new(), 0);
                while self.goes_on(&length, count) {
                    let key = self.value(depth + 1)?.as_str()?.to_owned();
                    members.insert(key, self.value(depth + 1)?);
                    count += 1;
                }
                Some(Value::Object(members))
            }
            6 => {
                self.argument(low)??;
                self.value(depth + 1)
            }
            _ => self.simple(low),
        }
    }

    fn goes_on(&mut self, length: &Length, count: usize) -> bool {
        match length {
            Length::Of(all) => count < *all,
            Length::Open => !self.broken_off(),
        }
    }

    fn text(&mut self, low: u8) -> Option<String> {
        match self.length(low)? {
            Length::Of(count) => String::from_utf8(self.take(count)?.to_vec()).ok(),
            Length::Open => {
                let mut text = String::new();
                while !self.broken_off() {
                    let head = *self.take(1)?.first()?;
                    text.push_str(&self.text(head & 31).filter(|_| matches!(head >> 5, 2 | 3))?);
                }
                Some(text)
            }
        }
    }

    fn simple(&mut self, low: u8) -> Option<Value> {
        let float = |number: f64| Number::from_f64(number).map(Value::Number);
        match low {
            20 => Some(Value::Bool(false)),
            21 => Some(Value::Bool(true)),
            22 | 23 => Some(Value::Null),
            26 => float(f64::from(f32::from_bits(u32::try_from(self.big_endian(4)?).ok()?))),
            27 => float(f64::from_bits(self.big_endian(8)?)),
            _ => None,
        }
    }
}

/// Writes a document.
pub(super) fn write(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, value, false);
    bytes
}

fn put(bytes: &mut Vec<u8>, value: &Value, is_time: bool) {
    match value {
        Value::Null => bytes.push(0xf6),
        Value::Bool(truth) => bytes.push(if *truth { 0xf5 } else { 0xf4 }),
        Value::Number(number) => {
            if is_time {
                head(bytes, 6, 1);
            }
            match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => head(bytes, 0, number),
                (None, Some(number)) => head(bytes, 1, number.unsigned_abs() - 1),
                (None, None) => {
                    bytes.push(0xfb);
                    bytes.extend(number.as_f64().unwrap_or_default().to_be_bytes());
                }
            }
        }
        Value::String(text) => {
            head(bytes, 3, text.len() as u64);
            bytes.extend(text.as_bytes());
        }
        Value::Array(items) => {
            head(bytes, 4, items.len() as u64);
            items.iter().for_each(|item| put(bytes, item, is_time));
        }
        Value::Object(members) => {
            head(bytes, 5, members.len() as u64);
            for (key, item) in members {
                put(bytes, &Value::from(key.as_str()), false);
                put(bytes, item, TIMES.contains(&key.as_str()));
            }
        }
    }
}

fn head(bytes: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    let all = argument.to_be_bytes();
    match argument {
        0..=23 => bytes.push(major | all[7]),
        24..=0xff => bytes.extend([major | 24, all[7]]),
        0x100..=0xffff => {
            bytes.push(major | 25);
            bytes.extend(&all[6..]);
        }
        0x1_0000..=0xffff_ffff => {
            bytes.push(major | 26);
            bytes.extend(&all[4..]);
        }
        _ => {
            bytes.push(major | 27);
            bytes.extend(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{read, write};

    #[test]
    fn what_is_written_is_read_again() {
        for value in [
            json!({}),
            json!({"a": [1, 23, 24, 255, 256, 65536, 4294967296_u64, -1, -25, 1.5, true, false, null, "ä"]}),
            json!({"Timestamps": [1782000000], "Values": [0.0, 7.0]}),
        ] {
            assert_eq!(read(&write(&value)), Some(value));
        }
    }

    // The examples of RFC 8949, appendix A.
    #[test]
    fn reads_what_the_standard_shows() {
        for (bytes, value) in [
            (&[0x1a, 0x00, 0x0f, 0x42, 0x40][..], json!(1_000_000)),
            (&[0x38, 0x63], json!(-100)),
            (&[0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a], json!(1.1)),
            (&[0xfa, 0x47, 0xc3, 0x50, 0x00], json!(100_000.0)),
            (&[0xc1, 0x1a, 0x51, 0x4b, 0x67, 0xb0], json!(1_363_896_240)),
            (
                &[0x7f, 0x65, 0x73, 0x74, 0x72, 0x65, 0x61, 0x64, 0x6d, 0x69, 0x6e, 0x67, 0xff],
                json!("streaming"),
            ),
            (&[0x9f, 0x01, 0x82, 0x02, 0x03, 0xff], json!([1, [2, 3]])),
            (&[0xbf, 0x61, 0x61, 0x01, 0x61, 0x62, 0x9f, 0x02, 0xff, 0xff], json!({"a": 1, "b": [2]})),
        ] {
            assert_eq!(read(bytes), Some(value));
        }
        for broken in [&[][..], &[0x62, 0x61], &[0x01, 0x02], &[0x9f, 0x01], &[0xfd], &[0xa1, 0x01, 0x02]] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
    }
}
