//! What holds of every copy that the maintainer deleted, by the World's own knowledge (S14, S15): what RDS showed right before, what
//! hung off it, and how many went in one run.

use std::collections::BTreeMap;

use aurora_clone_core::duration::parse_time;
use aurora_clone_core::names::tag;
use aurora_clone_sim::rds::Life;
use aurora_clone_sim::{Call, World};
use chrono::Duration;

use crate::pools::{MAINTAINER, PARAMETER};
use crate::{FUNCTION, MANAGER, MANAGER_KEY};

/// Longer than any Create can take.
const GRACE: Duration = Duration::minutes(75);

/// Looks at every deletion of a copy that AWS accepted from the maintainer.
pub fn check(world: &World) {
    let mut of_run: BTreeMap<String, Vec<&Call>> = BTreeMap::new();
    for (index, call) in world.log.iter().enumerate() {
        let deletes = call.operation == "DeleteDBCluster" && call.executed && call.status == 200;
        if !deletes || call.principal != MANAGER_KEY {
            continue;
        }
        let Some(life) = life(world, call).filter(|life| life.role() == Some("copy")) else { continue };
        // A neighbour's function is called like its manager.
        let function = call.invocation.and_then(|id| world.functions.record(id)).map(|r| r.function.as_str());
        if let Some(neighbour) = function.filter(|name| ![MAINTAINER, FUNCTION].contains(name)) {
            assert_eq!(life.tags.get(tag::MANAGER).map(String::as_str), Some(neighbour), "{}", life.id);
            continue;
        }
        let run = run(world, call).unwrap_or_else(|| panic!("{} was deleted by no run", life.id));
        check_one(world, index, life);
        of_run.entry(run).or_default().push(call);
    }
    for (run, calls) in of_run {
        let at = calls[0].at;
        let copies = world.rds.history().iter().filter(|life| life.lived_at(at) && is_ours(life));
        let most = (copies.count() / 4).max(2);
        assert!(calls.len() <= most, "{run} deleted {} copies, and {most} may go", calls.len());
    }
}

/// Whatever a copy is called: it was made as one for this manager, or a test says that it was.
fn is_ours(life: &Life) -> bool {
    life.truth.created_by == MANAGER_KEY && life.role() == Some("copy")
}

/// What a deletion hit.
fn life<'w>(world: &'w World, call: &Call) -> Option<&'w Life> {
    let id = call.parameters.get("DBClusterIdentifier")?;
    world.rds.history().iter().find(|life| life.id == *id && life.lived_at(call.at))
}

/// The run that an invocation belongs to.
fn run(world: &World, call: &Call) -> Option<String> {
    let record = world.functions.record(call.invocation?)?;
    let of_maintainer = record.function == MAINTAINER;
    let text = |key: &str| record.payload[key].as_str().map(str::to_owned);
    // As the maintainer names it itself.
    let schedule = || {
        let at = text("time").and_then(|time| parse_time(&time).ok()).unwrap_or(record.started_at);
        text("schedule").map(|schedule| format!("{schedule}-{}", at.format("%Y%m%dT%H%M%SZ")))
    };
    of_maintainer.then(|| text("run").or_else(schedule)).flatten()
}

fn check_one(world: &World, index: usize, life: &Life) {
    let (call, id) = (&world.log[index], &life.id);
    assert!(is_ours(life), "{id} is not ours: {life:?}");
    assert_eq!(life.tags.get(tag::MANAGER).map(String::as_str), Some(MANAGER), "{id}");
    let look = world.log[..index].iter().rev().find(|look| {
        look.invocation == call.invocation
            && look.operation == "DescribeDBClusters"
            && look.parameters.values().any(|value| value == id)
    });
    let look = look.unwrap_or_else(|| panic!("nobody looked at {id} before it was deleted"));
    assert!(call.at - look.at < Duration::minutes(1), "the look at {id} was at {}", look.at);
    let shown = String::from_utf8_lossy(&look.response);
    let value = |key: &str| {
        let (_, rest) = shown.split_once(&format!("<Key>{key}</Key><Value>"))?;
        Some(rest.split_once('<')?.0.to_owned())
    };
    let since = value(tag::RETIRING).unwrap_or_else(|| panic!("{id} was not marked: {shown}"));
    let since = parse_time(&since).unwrap();
    assert!(call.at - since >= GRACE, "{id} was marked at {since} and deleted at {}", call.at);
    assert!(value(tag::KEEP).is_none() && shown.contains("<DeletionProtection>false"), "{id} was to stay");
    let may_have_clones =
        world.ssm.parameter(PARAMETER).is_some_and(|p| p.value.contains("purge-copies-with-clones"));
    // What tags do not tell from the root's clones nobody can know of.
    let names_it =
        |clone: &Life| [tag::SOURCE, tag::CLUSTER].iter().any(|key| clone.tags.get(*key) == Some(id));
    let clones = world.rds.history().iter().filter(|clone| names_it(clone)).filter(|clone| {
        let of_it = |p: &aurora_clone_sim::rds::Parent| p.resource_id == life.resource_id;
        clone.lived_at(call.at) && clone.truth.parent.as_ref().is_some_and(of_it)
    });
    let clones: Vec<&str> = clones.map(|clone| clone.id.as_str()).collect();
    assert!(may_have_clones || clones.is_empty(), "{id} was deleted with {clones:?}");
}
