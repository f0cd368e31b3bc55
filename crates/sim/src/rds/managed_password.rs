//! The master password: set by a caller, or kept by RDS in a secret of its own.

use chrono::{DateTime, Duration, Utc};

use super::Rds;
use super::identifiers;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::settings::{Outcome, draw};
use super::state::Cluster;
use crate::rng::Rng;
use crate::world::Context;

/// The secret that RDS keeps a master password in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedSecret {
    /// `SecretArn`.
    pub arn: String,
    /// `SecretStatus`.
    pub status: String,
    /// `KmsKeyId`, an ARN.
    pub kms_key: String,
    /// The password in it; no answer of RDS shows it.
    pub password: String,
    /// What the status becomes, and how long that takes once there is an instance; `None` when it is under way.
    then: &'static str,
    takes: Option<Duration>,
}

impl ManagedSecret {
    /// A secret that has long been made.
    pub(super) fn active(arn: String, kms_key: String, password: String) -> Self {
        Self { arn, status: "active".to_owned(), kms_key, password, then: "active", takes: None }
    }

    /// Whether nothing happens to it until its cluster has an instance.
    pub(super) fn waits_for_an_instance(&self) -> bool {
        self.takes.is_some()
    }

    /// Begins to be made; returns when that is done.
    pub(super) fn begin(&mut self, at: DateTime<Utc>) -> DateTime<Utc> {
        at + self.takes.take().unwrap_or_else(Duration::zero)
    }

    /// It has been made.
    pub(super) fn finish(&mut self) {
        self.then.clone_into(&mut self.status);
    }
}

/// What a change says about the master password.
#[derive(Debug, Default)]
pub(super) struct PasswordChange {
    password: Option<String>,
    manage: Option<bool>,
    key: Option<String>,
}

impl PasswordChange {
    pub(super) fn take(parameters: &mut Parameters) -> Result<Self, Refusal> {
        let change = Self {
            password: parameters.take("MasterUserPassword"),
            manage: parameters.boolean("ManageMasterUserPassword")?,
            key: parameters.take("MasterUserSecretKmsKeyId"),
        };
        if change.manage == Some(true) && change.password.is_some() {
            return Err(Refusal::combination(
                "MasterUserPassword can't be specified when ManageMasterUserPassword is enabled.",
            ));
        }
        if change.manage != Some(true) && change.key.is_some() {
            return Err(Refusal::combination(
                "MasterUserSecretKmsKeyId needs ManageMasterUserPassword to be enabled in the same request.",
            ));
        }
        if let Some(password) = &change.password {
            identifiers::check_password(password)?;
        }
        Ok(change)
    }
}

impl Rds {
    /// Carries out what is done at once, and returns the password that is to be set.
    pub(super) fn change_password(
        &self,
        cx: &mut Context<'_>,
        cluster: &mut Cluster,
        change: PasswordChange,
    ) -> Result<Option<String>, Refusal> {
        let managed = cluster.managed_secret.is_some();
        let password = match (change.manage, managed, change.password) {
            (None, _, None) => return Ok(None),
            (Some(true), true, _) if change.key.is_some() => {
                return Err(Refusal::combination(
                    "MasterUserSecretKmsKeyId can't be changed while the master user password is managed.",
                ));
            }
            (Some(true), true, _) => return Ok(None),
            (Some(true), false, _) => random(cx.rng, 28),
            (Some(false), false, _) => {
                return Err(Refusal::combination(
                    "You cannot set ManageMasterUserPassword to false because the master user password is not currently managed by RDS.",
                ));
            }
            (Some(false), true, None) => {
                return Err(Refusal::combination(
                    "MasterUserPassword is required when ManageMasterUserPassword is disabled.",
                ));
            }
            (None, true, Some(_)) => {
                return Err(Refusal::combination(
                    "MasterUserPassword can't be specified: the master user password is managed by RDS in AWS Secrets Manager.",
                ));
            }
            (_, _, Some(password)) => password,
        };
        if cx.config.rds.password_reset == Outcome::RefusedAlways {
            return Err(Refusal::value(
                "The parameter MasterUserPassword is not a valid password. (simulated)",
            ));
        }
        cluster.managed_secret = match change.manage {
            Some(true) => Some(self.new_secret(cx, change.key.as_deref(), &password)?),
            _ => None,
        };
        cluster.inherited_secret = None;
        Ok(Some(password))
    }

    fn new_secret(
        &self,
        cx: &mut Context<'_>,
        key: Option<&str>,
        password: &str,
    ) -> Result<ManagedSecret, Refusal> {
        let settings = &cx.config.rds;
        Ok(ManagedSecret {
            arn: self.place.secret(&cx.rng.uuid(), &random(cx.rng, 6)),
            status: "creating".to_owned(),
            kms_key: self.usable_key(key.unwrap_or(&self.place.default_key("secretsmanager")))?,
            password: password.to_owned(),
            then: settings.managed_secret_status,
            takes: Some(draw(cx.rng, &settings.managed_secret_seconds)),
        })
    }
}

/// Random letters and digits.
pub(super) fn random(rng: &mut Rng, length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let index = |rng: &mut Rng| usize::try_from(rng.between(0, 61)).unwrap_or_default();
    (0..length).map(|_| char::from(ALPHABET[index(rng)])).collect()
}
