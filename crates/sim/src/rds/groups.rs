//! Parameter groups and subnet groups: which exist, and which fit an engine.

use std::collections::{BTreeMap, BTreeSet};

use super::refusal::Refusal;

/// The groups of the account. The default ones always exist.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Names of subnet groups besides `default`.
    pub(super) subnet: BTreeSet<String>,
    /// The zones of a subnet group, where they are not all of the region's.
    pub(super) zones: BTreeMap<String, Vec<String>>,
    /// Names of subnet groups that IPv6 works in, too.
    pub(super) dual: BTreeSet<String>,
    /// Custom cluster parameter groups with their families.
    pub(super) cluster: BTreeMap<String, String>,
    /// Custom instance parameter groups with their families.
    pub(super) instance: BTreeMap<String, String>,
}

/// The parameter group family of an engine version, e.g. `aurora-postgresql16` or `aurora-mysql8.0`.
pub(super) fn family(engine: &str, version: &str) -> String {
    let mut numbers = version.split('.');
    let major = numbers.next().unwrap_or_default();
    match (engine, numbers.next()) {
        ("aurora-mysql", Some(minor)) => format!("{engine}{major}.{minor}"),
        _ => format!("{engine}{major}"),
    }
}

/// The group that is used when a request names none.
pub(crate) fn default_group(engine: &str, version: &str) -> String {
    format!("default.{}", family(engine, version))
}

impl Groups {
    /// Checks a subnet group.
    pub(super) fn check_subnet(&self, name: &str) -> Result<String, Refusal> {
        let name = name.to_lowercase();
        if name == "default" || self.subnet.contains(&name) {
            return Ok(name);
        }
        Err(Self::no_subnet_group(&name))
    }

    /// `DBSubnetGroupNotFoundFault`.
    pub(super) fn no_subnet_group(name: &str) -> Refusal {
        Refusal::missing("DBSubnetGroupNotFoundFault", format!("DB subnet group '{name}' does not exist."))
    }

    /// Checks a network type for a subnet group.
    pub(super) fn check_network(&self, network: &str, subnet_group: &str) -> Result<(), Refusal> {
        if network == "DUAL" && !self.dual.contains(subnet_group) {
            return Err(Refusal::fault(
                "NetworkTypeNotSupported",
                format!("The DB subnet group {subnet_group} does not support the network type DUAL"),
            ));
        }
        Ok(())
    }

    /// Checks a cluster parameter group for an engine version.
    pub(super) fn check_cluster(&self, name: &str, engine: &str, version: &str) -> Result<String, Refusal> {
        check(&self.cluster, name, &family(engine, version), "DBClusterParameterGroupNotFound")
    }

    /// Checks an instance parameter group for an engine version.
    pub(super) fn check_instance(&self, name: &str, engine: &str, version: &str) -> Result<String, Refusal> {
        check(&self.instance, name, &family(engine, version), "DBParameterGroupNotFound")
    }
}

fn check(
    groups: &BTreeMap<String, String>,
    name: &str,
    wanted: &str,
    code: &'static str,
) -> Result<String, Refusal> {
    let name = name.to_lowercase();
    let family = match name.strip_prefix("default.") {
        Some(family) if family.starts_with("aurora-") => family,
        _ => groups
            .get(&name)
            .ok_or_else(|| Refusal::missing(code, format!("The parameter group {name} does not exist.")))?,
    };
    if family != wanted {
        return Err(Refusal::combination(format!(
            "The parameter group {name} of the family {family} can't be used here; the family must be {wanted}."
        )));
    }
    Ok(name)
}
