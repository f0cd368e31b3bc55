//! What the World knows of one resource's clone: its database, its instances and its secret.

use std::collections::BTreeMap;

use aurora_clone_core::names::tag;
use aurora_clone_sim::World;
use aurora_clone_sim::policy::Policy;
use aurora_clone_sim::rds::Cluster;
use aurora_clone_sim::secrets::Secret;
use serde_json::Value;

/// The database that a resource of a stack stands for at the moment.
pub fn of_resource<'w>(world: &'w World, stack: &str, resource: &str) -> Option<&'w Cluster> {
    let arn = world.cloudformation.resource(stack, resource)?.physical_id.as_deref()?;
    world.rds.clusters().find(|cluster| cluster.arn == arn)
}

/// The secret of a clone.
pub fn secret<'w>(world: &'w World, clone: &Cluster) -> Option<&'w Secret> {
    world.secrets.secret(clone.tags.get(tag::SECRET)?)
}

/// The password in the text of a secret.
pub fn password(text: &str) -> Option<String> {
    let text: Value = serde_json::from_str(text).ok()?;
    text.get("password")?.as_str().map(str::to_owned)
}

/// The role or user at the end of an ARN.
pub fn short(arn: &str) -> &str {
    arn.rsplit_once(':').map_or(arn, |(_, name)| name)
}

/// What a person sees of a clone, by name.
pub fn features(world: &World, clone: &Cluster) -> BTreeMap<&'static str, String> {
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    for instance in world.rds.instances_of(&clone.id) {
        *classes.entry(&instance.class).or_default() += 1;
    }
    let instances: Vec<String> = classes.iter().map(|(class, count)| format!("{count} of {class}")).collect();
    let tags = clone.tags.iter().filter(|(key, _)| !key.starts_with(tag::PREFIX));
    let tags: Vec<String> = tags.map(|(key, value)| format!("{key}={value}")).collect();
    let policy = secret(world, clone).and_then(|secret| secret.policy.as_deref());
    let policy = policy.and_then(|text| Policy::parse(text).ok());
    let readers = policy.as_ref().map(Policy::principals).unwrap_or_default();
    let readers: Vec<&str> = readers.into_iter().map(short).collect();
    let or_nothing = |list: String| if list.is_empty() { "-".to_owned() } else { list };
    BTreeMap::from([
        ("instances", or_nothing(instances.join(", "))),
        ("tags", or_nothing(tags.join(" "))),
        ("AccessPrincipalArns", or_nothing(readers.join(", "))),
    ])
}

/// Everything that there is to know of a clone: two portraits are equal only if nothing differs. It holds the password, so it
/// is compared and never shown.
pub fn portrait(world: &World, clone: &Cluster) -> String {
    let instances: Vec<_> = world.rds.instances_of(&clone.id).collect();
    format!("{clone:?} {instances:?} {:?}", secret(world, clone))
}
