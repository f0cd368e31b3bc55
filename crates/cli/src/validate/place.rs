//! Which account and region a template is for, when nobody says: those that its own ARNs name.
//!
//! The source of a clone is in the stack's own account and region, its roles in the account, its keys in the region. What no ARN
//! names gets a stand-in, which the pseudo parameters then have as well, so that nothing disagrees with it.

use aurora_clone_core::arn::Place;

use super::document::{Kind, Node};

/// What stands in for what nobody names.
pub(super) fn stand_in() -> Place {
    Place { partition: "aws".to_owned(), region: "us-east-1".to_owned(), account: "123456789012".to_owned() }
}

/// The place that a clone's properties name.
pub(super) fn of(properties: &Node) -> Place {
    let arns = |names: &[&str]| -> Vec<Vec<String>> {
        let mut found = Vec::new();
        for name in names {
            if let Some(member) = properties.get(name) {
                literals(&member.value, &mut found);
            }
        }
        let parts = |arn: String| arn.split(':').map(str::to_owned).collect::<Vec<_>>();
        found.into_iter().map(parts).filter(|parts| parts.len() >= 6).collect()
    };
    let mut place = stand_in();
    let plain = |part: &&String| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let in_region = arns(&["SourceClusterId", "KmsKeyId", "PerformanceInsightsKMSKeyId"]);
    let in_account =
        arns(&["SourceClusterId", "MonitoringRoleArn", "AssociatedRoles", "AccessPrincipalArns"]);
    if let Some(region) = in_region.iter().map(|parts| &parts[3]).find(plain) {
        place.region.clone_from(region);
    }
    let is_account = |part: &&String| part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit());
    if let Some(account) = in_account.iter().map(|parts| &parts[4]).find(is_account) {
        place.account.clone_from(account);
    }
    let all = || in_region.iter().chain(&in_account);
    if let Some(partition) = all().map(|parts| &parts[1]).find(plain) {
        place.partition.clone_from(partition);
    }
    place
}

fn literals(node: &Node, found: &mut Vec<String>) {
    match &node.kind {
        Kind::Text(text) => {
            found.extend(
                text.split(',').map(str::trim).filter(|text| text.starts_with("arn:")).map(str::to_owned),
            );
        }
        Kind::List(items) => items.iter().for_each(|item| literals(item, found)),
        Kind::Map(members) => members.iter().for_each(|member| literals(&member.value, found)),
        Kind::Call(_, argument) => literals(argument, found),
        Kind::Null => {}
    }
}
