//! Passwords and the secrets that they are kept in.
//!
//! RDS takes 8 to 41 characters for Aurora MySQL and up to 99 for Aurora PostgreSQL, without `/ " @ '` and spaces (Aurora User
//! Guide, "Quotas and constraints"). Ours are letters and digits, which need no quoting in URLs, shells and templates.

use serde_json::{Value, json};

/// How many characters a password has: 40 of 56 are 232 bits.
const LENGTH: usize = 40;
/// Letters and digits without those that people mistake for each other.
const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/// A text that nobody may see: it has no `Debug`, no `Display` and no `Serialize`, so it can't reach a log by accident.
///
/// ```compile_fail
/// fn shown(secret: &aurora_clone_core::password::Secret) -> String {
///     format!("{secret:?}")
/// }
/// ```
/// ```compile_fail
/// fn shown(secret: &aurora_clone_core::password::Secret) -> String {
///     format!("{secret}")
/// }
/// ```
/// ```compile_fail
/// fn shown(secret: &aurora_clone_core::password::Secret) -> String {
///     serde_json::to_string(secret).unwrap_or_default()
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Draws a password from `random`, which fills a buffer with random bytes. Bytes that would favour some characters are
/// thrown away.
pub fn draw<E>(mut random: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Secret, E> {
    // The largest multiple of the alphabet's size that a byte holds.
    let fair = (256 / ALPHABET.len()) * ALPHABET.len();
    let mut password = String::with_capacity(LENGTH);
    let mut bytes = [0_u8; 64];
    while password.len() < LENGTH {
        random(&mut bytes)?;
        let fair = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        let characters = fair.map(|byte| char::from(ALPHABET[byte % ALPHABET.len()]));
        password.extend(characters.take(LENGTH - password.len()));
    }
    Ok(Secret(password))
}

/// What stands in a secret beside the password: the JSON structure that Secrets Manager documents for Amazon RDS, which its
/// rotation functions and drivers read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// `aurora-mysql` or `aurora-postgresql`.
    pub engine: String,
    /// The writer's endpoint.
    pub host: String,
    /// The port.
    pub port: i32,
    /// The master user.
    pub username: String,
    /// The database that was made with the source; often none.
    pub database: Option<String>,
    /// The cluster's identifier.
    pub cluster: String,
}

impl Connection {
    /// The text of the secret.
    pub fn with(&self, password: &Secret) -> Secret {
        let mut text = json!({
            "engine": self.engine,
            "host": self.host,
            "port": self.port,
            "username": self.username,
            "password": password.0,
            "dbClusterIdentifier": self.cluster,
        });
        if let (Some(fields), Some(database)) = (text.as_object_mut(), &self.database) {
            fields.insert("dbname".to_owned(), json!(database));
        }
        Secret(text.to_string())
    }
}

/// The password in the text of a secret; `None` where there is none that RDS would take.
pub fn within(text: &str) -> Option<Secret> {
    let text: Value = serde_json::from_str(text).ok()?;
    let password = text.get("password")?.as_str()?;
    let fine = (8..=41).contains(&password.len())
        && password.bytes().all(|byte| byte.is_ascii_graphic() && !br#"/"@'"#.contains(&byte));
    fine.then(|| Secret(password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    /// Every byte once, then again, in steps that meet every place of a buffer: as even as chance can be.
    fn even() -> impl FnMut(&mut [u8]) -> Result<(), Infallible> {
        let mut next = 0_u8;
        move |bytes| {
            for byte in bytes.iter_mut() {
                *byte = next;
                next = next.wrapping_add(1);
            }
            // What is left of a buffer is thrown away, so that the next one begins elsewhere.
            next = next.wrapping_add(37);
            Ok(())
        }
    }

    #[test]
    fn passwords_are_what_both_engines_take() {
        let Ok(password) = draw(even());
        assert!((30..=41).contains(&password.expose().len()));
        assert!(password.expose().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn no_character_is_favoured() {
        let mut random = even();
        let mut counts: BTreeMap<char, usize> = BTreeMap::new();
        for _ in 0..ALPHABET.len() * 8 {
            let Ok(password) = draw(&mut random);
            for character in password.expose().chars() {
                *counts.entry(character).or_default() += 1;
            }
        }
        let (least, most) = (counts.values().min().copied(), counts.values().max().copied());
        assert_eq!(counts.len(), ALPHABET.len());
        assert!(most.zip(least).is_some_and(|(most, least)| most - least <= least / 4), "{counts:?}");
    }

    #[test]
    fn a_broken_source_of_chance_is_an_error() {
        assert!(draw(|_| Err("no chance")).is_err());
    }

    #[test]
    fn secrets_have_the_shape_of_rds_and_read_back() {
        let Ok(password) = draw(even());
        let connection = Connection {
            engine: "aurora-postgresql".into(),
            host: "clone-x.cluster-1.eu-west-1.rds.amazonaws.com".into(),
            port: 5432,
            username: "postgres".into(),
            database: Some("app".into()),
            cluster: "clone-x".into(),
        };
        let secret = connection.with(&password);
        let text: Value = serde_json::from_str(secret.expose()).expect("JSON");
        assert_eq!(text["port"], 5432);
        assert_eq!(text["dbname"], "app");
        assert!(within(secret.expose()) == Some(password));
        for text in
            ["", "x", "{}", r#"{"password":7}"#, r#"{"password":"short"}"#, r#"{"password":"with a space"}"#]
        {
            assert!(within(text).is_none(), "{text}");
        }
    }
}
