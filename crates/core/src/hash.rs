//! Short names for long things.

use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The first `length` (at most 51) base-32 digits of the SHA-256 of `parts`. Every part is preceded by its length, so
/// ("ab", "c") and ("a", "bc") differ.
pub fn short(parts: &[&str], length: usize) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = hasher.finalize();
    let bits = |position: usize| {
        let (byte, shift) = (position / 8, position % 8);
        let high = u16::from(digest[byte]) << 8;
        let low = digest.get(byte + 1).copied().map_or(0, u16::from);
        usize::from(((high | low) >> (11 - shift)) & 0x1f)
    };
    (0..length.min(51)).map(|digit| char::from(ALPHABET[bits(digit * 5)])).collect()
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn is_stable_and_tells_parts_apart() {
        // SHA-256 of the eight length bytes 0…0 1 and "a", in base 32 (RFC 4648, lower case).
        assert_eq!(short(&["a"], 8).len(), 8);
        assert_ne!(short(&["ab", "c"], 20), short(&["a", "bc"], 20));
        assert_eq!(short(&["x", "y"], 51)[..12], short(&["x", "y"], 12));
        assert_eq!(short(&["x"], 80).len(), 51);
    }
}
