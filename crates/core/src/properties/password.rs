//! Properties of a clone's password.

use super::PasswordWish;
use super::forms::{kms_key, principal};
use super::read::Reader;
use crate::names::env;
use crate::settings::{MAX_SECRET_PREFIX, is_secret_name};

/// How many principals may be given: a secret's policy takes 20,480 characters.
const MAX_PRINCIPALS: usize = 30;

const MANAGED: &str = "ManageMasterUserPassword";

impl Reader<'_> {
    pub fn password(&mut self) -> PasswordWish {
        let place = self.place;
        let wish = PasswordWish {
            set: self.boolean("SetPassword"),
            managed: self.boolean(MANAGED),
            key: self.text("KmsKeyId", |text| kms_key(text, place)),
            make_key: self.boolean("ForceCreateKmsKey"),
            prefix: self.secret_prefix(),
            principals: self.principals(),
        };
        self.password_contradictions(&wish);
        wish
    }

    fn password_contradictions(&mut self, wish: &PasswordWish) {
        let managed = wish.managed == Some(true);
        let make_key = wish.make_key == Some(true);
        if wish.set == Some(true) && managed {
            let why = "either the manager sets a password or RDS keeps one, give one of them";
            self.contradiction("SetPassword", MANAGED, why);
        }
        if make_key && self.says("KmsKeyId") {
            let why = "a key is either given or made, give one of them";
            self.contradiction("KmsKeyId", "ForceCreateKmsKey", why);
        }
        if self.is_open(MANAGED) {
            // Whose the secret is decides everything below.
            return;
        }
        // What the secret that we keep would be like; RDS's own secret takes a key as well.
        let ours = [
            ("AccessPrincipalArns", true),
            ("SecretPrefix", true),
            ("SecretpPrefix", true),
            ("ForceCreateKmsKey", make_key),
            ("KmsKeyId", !managed),
        ];
        let (against, why) = match wish.set {
            _ if managed => (MANAGED, "RDS owns the secret that it keeps, and nothing of this can be chosen"),
            Some(false) => ("SetPassword", "without a password of its own the clone has no secret"),
            Some(true) | None => return,
        };
        for (name, _) in ours.into_iter().filter(|(_, counts)| *counts) {
            if self.says(name) {
                self.contradiction(against, name, why);
            }
        }
        if !managed && !self.settings.limits.source_password {
            let wanted = format!(
                "such a clone would have production's password, which the operator's limit {} refuses; leave it out, or \
                 set {MANAGED} to true",
                env::ALLOW_SOURCE_PASSWORD
            );
            self.wrong("SetPassword", wanted);
        }
    }

    /// The prefix, by either of its names.
    fn secret_prefix(&mut self) -> Option<String> {
        let fence = &self.settings.secret_prefix;
        let read = |text: &str| {
            if !text.starts_with(fence.as_str()) {
                let limit = env::DEFAULT_SECRET_PREFIX;
                return Err(format!("it must begin with the operator's limit {limit}, which is {fence:?}"));
            }
            match text.len() <= MAX_SECRET_PREFIX && is_secret_name(text) {
                true => Ok(text.to_owned()),
                false => {
                    Err(format!("it takes at most {MAX_SECRET_PREFIX} letters, digits and / _ + = . @ -"))
                }
            }
        };
        let new = self.text("SecretPrefix", read);
        let old = self.text("SecretpPrefix", read);
        if new.is_some() && old.is_some() && new != old {
            let why = "SecretpPrefix is the old name of SecretPrefix, give one of them";
            self.contradiction("SecretPrefix", "SecretpPrefix", why);
        }
        new.or(old)
    }

    fn principals(&mut self) -> Vec<String> {
        const NAME: &str = "AccessPrincipalArns";
        let (place, limits) = (self.place, &self.settings.limits);
        let principals = self.texts(NAME, |text| {
            let arn = principal(text, place)?;
            limits.principal(&arn, place)?;
            Ok(arn)
        });
        let principals = principals.unwrap_or_default();
        if principals.len() > MAX_PRINCIPALS {
            self.wrong(
                NAME,
                format!("it takes at most {MAX_PRINCIPALS} principals, not {}", principals.len()),
            );
        }
        principals
    }
}
