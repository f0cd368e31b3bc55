//! Properties of the cluster and its instances.

use serde_json::Value;

use super::forms::{is_instance_class, is_security_group, kms_key, own_role, rds_name};
use super::read::{Reader, scalar, whole};
use super::{ClusterWish, InstanceWish};
use crate::engine::Capacity;
use crate::snapshot::AssociatedRole;

/// How many roles RDS lets a cluster have.
const MAX_ROLES: usize = 5;

/// How long Performance Insights may keep its data, in days (API reference, ModifyDBInstance).
fn is_retention(days: i32) -> bool {
    days == 7 || days == 731 || (days % 31 == 0 && (1..=23).contains(&(days / 31)))
}

impl Reader<'_> {
    pub fn cluster(&mut self) -> ClusterWish {
        let limits = &self.settings.limits;
        ClusterWish {
            subnet_group: self.text("DBSubnetGroupName", |text| {
                let name = rds_name(text, "a DB subnet group", " ")?;
                limits.subnet_group(&name)?;
                Ok(name)
            }),
            port: self.between("Port", 1_150..=65_535, ""),
            network_type: self.one_of("NetworkType", &["IPV4", "DUAL"]),
            security_groups: self.security_groups(),
            parameter_group: self
                .text("DBClusterParameterGroupName", |text| rds_name(text, "a cluster parameter group", "")),
            storage_type: self.one_of("StorageType", &["aurora", "aurora-iopt1"]),
            iam_authentication: self.boolean("EnableIAMDatabaseAuthentication"),
            log_exports: self.texts("EnableCloudwatchLogsExports", |text| {
                let fine = text.len() <= 60 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
                let wanted = "each is a type of log such as postgresql, audit or slowquery";
                if fine { Ok(text.to_owned()) } else { Err(wanted.to_owned()) }
            }),
            deletion_protection: self.boolean("DeletionProtection"),
            backup_retention: self.between("BackupRetentionPeriod", 1..=35, "days"),
            roles: self.roles(),
            engine_lifecycle_support: self.one_of(
                "EngineLifecycleSupport",
                &["open-source-rds-extended-support", "open-source-rds-extended-support-disabled"],
            ),
            capacity: self.capacity(),
        }
    }

    pub fn instances(&mut self) -> InstanceWish {
        let (place, limits) = (self.place, &self.settings.limits);
        let class = self.text("InstanceClass", |text| match text {
            "auto" => Ok(None),
            class if is_instance_class(class) => {
                limits.instance_class(class).map(|()| Some(class.to_owned()))
            }
            _ => Err("it takes auto, db.serverless, or a class such as db.r6g.large".to_owned()),
        });
        let wish = InstanceWish {
            class: class.flatten(),
            count: self.between("InstanceCount", 1..=16, "instances").map(i32::unsigned_abs),
            parameter_group: self
                .text("DBParameterGroupName", |text| rds_name(text, "a DB parameter group", "")),
            performance_insights: self.boolean("EnablePerformanceInsights"),
            performance_insights_retention: self.number(
                "PerformanceInsightsRetentionPeriod",
                is_retention,
                "it takes 7 or 731 days, or a multiple of 31 up to 713",
            ),
            performance_insights_key: self.text("PerformanceInsightsKMSKeyId", |text| {
                // RDS says which key it is, by its ARN, and nobody here can tell what an alias stands for.
                let fine = |key: &String| !key.starts_with("alias/") && !key.contains(":alias/");
                let wanted = || "it takes the id of a KMS key or its ARN, and no alias".to_owned();
                kms_key(text, place).and_then(|key| Some(key).filter(fine).ok_or_else(wanted))
            }),
            monitoring_interval: self.number(
                "MonitoringInterval",
                |seconds| [0, 1, 5, 10, 15, 30, 60].contains(&seconds),
                "it takes 0 (off), 1, 5, 10, 15, 30 or 60 seconds",
            ),
            monitoring_role: self.text("MonitoringRoleArn", |text| own_role(text, place)),
        };
        if wish.monitoring_interval.is_some_and(|seconds| seconds != 0) && !self.says("MonitoringRoleArn") {
            self.wrong("MonitoringInterval", "it needs MonitoringRoleArn, the role that writes the metrics");
        }
        if wish.performance_insights == Some(false) {
            for name in ["PerformanceInsightsRetentionPeriod", "PerformanceInsightsKMSKeyId"] {
                if self.says(name) {
                    self.contradiction(
                        "EnablePerformanceInsights",
                        name,
                        "there is nothing to keep, leave one out",
                    );
                }
            }
        }
        wish
    }

    fn security_groups(&mut self) -> Option<Vec<String>> {
        const NAME: &str = "VpcSecurityGroupIds";
        let limits = &self.settings.limits;
        let groups = self.texts(NAME, |text| {
            if !is_security_group(text) {
                return Err("each is the id of a VPC security group such as sg-0123456789abcdef0".to_owned());
            }
            limits.security_group(text)?;
            Ok(text.to_owned())
        })?;
        if groups.is_empty() {
            self.wrong(NAME, "it takes at least one: a clone never gets the VPC's default security group");
        }
        Some(groups)
    }

    fn roles(&mut self) -> Option<Vec<AssociatedRole>> {
        const NAME: &str = "AssociatedRoles";
        const WANTED: &str = "it takes a list of {RoleArn, FeatureName}, FeatureName if the engine needs it";
        let Some(list) = self.raw(NAME)?.as_array() else {
            self.wrong(NAME, WANTED);
            return None;
        };
        let place = self.place;
        let roles = self.items(NAME, list, |item| {
            let map = item.as_object().ok_or(WANTED)?;
            if let Some(other) = map.keys().find(|key| !["RoleArn", "FeatureName"].contains(&key.as_str())) {
                return Err(format!("{WANTED}, and no {:?}", other.chars().take(80).collect::<String>()));
            }
            let arn = map.get("RoleArn").and_then(scalar).ok_or(WANTED)?;
            let feature = match map.get("FeatureName") {
                None => None,
                Some(value) => {
                    let fine = |text: &str| {
                        (1..=60).contains(&text.len())
                            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
                    };
                    let text = scalar(value).filter(|text| fine(text));
                    Some(text.ok_or("FeatureName takes a name such as s3Export")?.into_owned())
                }
            };
            Ok(AssociatedRole { role: own_role(&arn, place)?, feature })
        })?;
        if roles.len() > MAX_ROLES {
            self.wrong(NAME, format!("a cluster has at most {MAX_ROLES} roles, not {}", roles.len()));
        }
        Some(roles)
    }

    fn capacity(&mut self) -> Option<Capacity> {
        const NAME: &str = "ServerlessV2ScalingConfiguration";
        let read = capacity(self.raw(NAME)?);
        read.map_err(|wanted| self.wrong(NAME, wanted)).ok()
    }
}

fn capacity(value: &Value) -> Result<Capacity, String> {
    const WANTED: &str = "it takes a map of MinCapacity, MaxCapacity and, if you like, SecondsUntilAutoPause";
    let map = value.as_object().ok_or(WANTED)?;
    let known = ["MinCapacity", "MaxCapacity", "SecondsUntilAutoPause"];
    if let Some(other) = map.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("{WANTED}, and no {:?}", other.chars().take(80).collect::<String>()));
    }
    let units = |name: &str, least: f64| {
        let text = map.get(name).and_then(scalar).ok_or(WANTED)?;
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let number = text.parse::<f64>().ok().filter(|_| plain);
        number
            .filter(|number| (least..=256.0).contains(number) && (number * 2.0).fract() == 0.0)
            .ok_or_else(|| format!("{name} takes {least} to 256 capacity units in steps of 0.5"))
    };
    let (min, max) = (units("MinCapacity", 0.0)?, units("MaxCapacity", 1.0)?);
    if min > max {
        return Err("MinCapacity is more than MaxCapacity".to_owned());
    }
    let pause_after = match map.get("SecondsUntilAutoPause") {
        None => None,
        Some(_) if min > 0.0 => {
            return Err("SecondsUntilAutoPause takes a MinCapacity of 0: nothing else pauses".to_owned());
        }
        Some(value) => {
            let seconds = scalar(value).and_then(|text| whole(&text)).filter(|s| (300..=86_400).contains(s));
            Some(seconds.ok_or("SecondsUntilAutoPause takes a whole number from 300 to 86400 seconds")?)
        }
    };
    Ok(Capacity { min, max, pause_after })
}
