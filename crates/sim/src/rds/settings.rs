//! The rules and durations of RDS that a World may set, and the questions that AWS's documents leave open.

use std::ops::RangeInclusive;

use chrono::Duration;

use crate::rng::Rng;

/// How RDS answers where its documents leave the answer open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The call is accepted.
    Accept,
    /// The call is refused.
    Refuse,
    /// The World's seed decides, once for the whole World.
    BySeed,
}

impl Choice {
    /// The decision in a World with this seed; `question` keeps the decisions of one World independent.
    pub fn accepts(self, seed: u64, question: &str) -> bool {
        match self {
            Choice::Accept => true,
            Choice::Refuse => false,
            Choice::BySeed => {
                let mixed = question
                    .bytes()
                    .fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
                Rng::new(mixed).next_u64() >> 63 == 1
            }
        }
    }
}

/// What becomes of a change of a master password.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It is accepted and done.
    #[default]
    Works,
    /// Every such call is refused with `InvalidParameterValue`.
    RefusedAlways,
    /// It is accepted, the status comes and goes, and the password stays pending for ever.
    Lost,
}

/// The rules and durations of RDS. Every duration is drawn, in whole seconds, from its range.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Clusters per account and region.
    pub cluster_quota: usize,
    /// Instances per account and region.
    pub instance_quota: usize,
    /// Living copy-on-write members per fully copied volume; the next one silently becomes a full copy.
    pub clone_limit: usize,
    /// A copy-on-write clone in `creating`.
    pub clone_seconds: RangeInclusive<u64>,
    /// A full copy in `creating`.
    pub full_copy_seconds: RangeInclusive<u64>,
    /// A new, empty cluster in `creating`.
    pub create_cluster_seconds: RangeInclusive<u64>,
    /// An instance in `creating`.
    pub create_instance_seconds: RangeInclusive<u64>,
    /// After an accepted change: still `available`, the change only in `PendingModifiedValues`.
    pub modify_lag_seconds: RangeInclusive<u64>,
    /// Then: `modifying`, `renaming` or `resetting-master-credentials`.
    pub modify_seconds: RangeInclusive<u64>,
    /// A cluster in `deleting`, from the moment its last instance is gone.
    pub delete_cluster_seconds: RangeInclusive<u64>,
    /// An instance in `deleting`.
    pub delete_instance_seconds: RangeInclusive<u64>,
    /// `CreateDBInstance` while the cluster is `creating`.
    pub instance_while_creating: Choice,
    /// `DeleteDBCluster` and `DeleteDBInstance` while the target is `creating`.
    pub delete_while_creating: Choice,
    /// `RestoreDBClusterToPointInTime` while the source is e.g. `backing-up` or `modifying`.
    pub restore_from_busy: Choice,
    /// A copy-on-write restore of a stopped source. A full copy of one is documented to work.
    pub clone_of_stopped: Choice,
    /// A change of a master password, by `MasterUserPassword` or `ManageMasterUserPassword`.
    pub password_reset: Outcome,
    /// What the `SecretStatus` of a managed secret becomes after `creating`: `active`, or stuck as `impaired`.
    pub managed_secret_status: &'static str,
    /// A managed secret in `creating`, from the moment that its cluster has an available instance.
    pub managed_secret_seconds: RangeInclusive<u64>,
    /// A restored cluster shows its source's `MasterUserSecret`, although nothing manages its own password.
    pub restore_shows_sources_secret: bool,
    /// IAM roles per cluster.
    pub role_quota: usize,
    /// An IAM role in `PENDING`, from the moment that its cluster is there.
    pub role_seconds: RangeInclusive<u64>,
    /// Manual cluster snapshots per account and region.
    pub snapshot_quota: usize,
    /// A cluster snapshot in `creating`.
    pub snapshot_seconds: RangeInclusive<u64>,
    /// `DeleteDBClusterSnapshot` while a restore from the snapshot is `creating`.
    pub delete_snapshot_in_use: Choice,
    /// A cluster of which a snapshot is taken is `backing-up` meanwhile; if not, it stays `available`.
    pub snapshot_shows_backing_up: Choice,
    /// `RestoreDBClusterFromSnapshot` without `EngineVersion` keeps the snapshot's; if not, it gets the engine's default.
    pub snapshot_keeps_version: Choice,
    /// How far back a stale read can look.
    pub memory: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cluster_quota: 40,
            instance_quota: 40,
            clone_limit: 15,
            clone_seconds: 120..=240,
            full_copy_seconds: 10_800..=10_800,
            create_cluster_seconds: 60..=120,
            create_instance_seconds: 240..=420,
            modify_lag_seconds: 0..=10,
            modify_seconds: 30..=60,
            delete_cluster_seconds: 60..=120,
            delete_instance_seconds: 120..=240,
            instance_while_creating: Choice::BySeed,
            delete_while_creating: Choice::BySeed,
            restore_from_busy: Choice::BySeed,
            clone_of_stopped: Choice::BySeed,
            password_reset: Outcome::Works,
            managed_secret_status: "active",
            managed_secret_seconds: 20..=90,
            restore_shows_sources_secret: false,
            role_quota: 5,
            role_seconds: 5..=60,
            snapshot_quota: 100,
            snapshot_seconds: 60..=300,
            delete_snapshot_in_use: Choice::BySeed,
            snapshot_shows_backing_up: Choice::BySeed,
            snapshot_keeps_version: Choice::BySeed,
            memory: Duration::hours(1),
        }
    }
}

impl Settings {
    /// The same rules, and every duration times `pace`: for a client that lives in real time and can't wait for hours. Up to
    /// whole seconds, so that nothing that takes time is done at once.
    #[must_use]
    pub fn paced(mut self, pace: f64) -> Self {
        let Self {
            clone_seconds,
            full_copy_seconds,
            create_cluster_seconds,
            create_instance_seconds,
            modify_lag_seconds,
            modify_seconds,
            delete_cluster_seconds,
            delete_instance_seconds,
            managed_secret_seconds,
            role_seconds,
            snapshot_seconds,
            ..
        } = &mut self;
        for seconds in [
            clone_seconds,
            full_copy_seconds,
            create_cluster_seconds,
            create_instance_seconds,
            modify_lag_seconds,
            modify_seconds,
            delete_cluster_seconds,
            delete_instance_seconds,
            managed_secret_seconds,
            role_seconds,
            snapshot_seconds,
        ] {
            *seconds = times(*seconds.start(), pace)..=times(*seconds.end(), pace);
        }
        self
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "seconds of days, and a cast of what is too large or no number stays within u64"
)]
fn times(seconds: u64, pace: f64) -> u64 {
    (seconds as f64 * pace).ceil() as u64
}

/// A duration out of a range of seconds.
pub(super) fn draw(rng: &mut Rng, seconds: &RangeInclusive<u64>) -> Duration {
    let drawn = rng.between(*seconds.start(), *seconds.end());
    Duration::seconds(i64::try_from(drawn).unwrap_or(i64::MAX / 1000))
}

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn a_pace_shrinks_every_duration_and_makes_none_of_them_nothing() {
        let paced = Settings::default().paced(0.005);
        assert_eq!((paced.clone_seconds, paced.full_copy_seconds), (1..=2, 54..=54));
        assert_eq!((paced.create_instance_seconds, paced.delete_instance_seconds), (2..=3, 1..=2));
        assert_eq!((paced.modify_lag_seconds, paced.modify_seconds), (0..=1, 1..=1));
        assert_eq!(paced.clone_limit, 15);
        // Whatever is added to the durations has to be added to the list as well.
        let slow = format!("{:?}", Settings::default().paced(1000.0));
        for field in
            format!("{:?}", Settings::default()).split(", ").filter(|field| field.contains("_seconds: "))
        {
            assert!(!slow.contains(&format!("{field}, ")), "{field}");
        }
    }
}
