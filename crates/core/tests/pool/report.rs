//! What an operator reads about a family with everything in it.

use aurora_clone_core::names::tag;
use aurora_clone_core::pool::config::Prices;

use serde_json::json;

use crate::room::{Room, cluster, name};

/// A copy in every state, clones of ours, strangers and what was renamed.
pub fn family() -> Room {
    let mut room = Room::new(40)
        .copy(1, 10)
        .creating(2, 2)
        .copy(3, 20)
        .instance(&name(3), "")
        .copy(4, 80)
        .copy(5, 60)
        .marked(5, 30)
        .copy(6, 60)
        .status(&name(6), "deleting")
        .copy(7, 20)
        .status(&name(7), "failed")
        .copy(8, 20)
        .status(&name(8), "stopped")
        .creating(9, 30)
        .copy(10, 20)
        .instance(&name(10), "failed")
        .copy(11, 90)
        .tag(&name(11), tag::KEEP, "")
        .copy(12, 90)
        .marked(12, 90)
        .clones("prod", 3)
        .clones(&name(1), 1)
        .configured(|config| {
            config.max_copies = 12;
            config.prices = Prices { volume_gib: Some(500.0), ..Prices::default() };
        });
    let of_copy = room.get(&name(1)).tags.clone();
    room.clusters.push(cluster("by-hand"));
    room.clusters.push(aurora_clone_core::snapshot::Cluster { tags: of_copy, ..cluster("cloned-by-hand") });
    room = room.edit("clone-13", |c| c.identifier = "renamed".to_owned());
    room =
        room.tag("clone-14", tag::EXPIRES, "2026-06-30T00:00:00Z").tag("clone-15", tag::MANAGER, "another");
    let full = crate::room::lineage("clone-full", "prod", "clone", "full-copy");
    room.clusters.push(aurora_clone_core::snapshot::Cluster { tags: full, ..cluster("clone-full") });
    room
}

#[test]
fn one_line() {
    let copy = name(1);
    let copy = copy.trim_end_matches('1');
    let expected = format!(
        "prod: 40 slots wanted, 22 free, 28 coming; 12 copies (1 usable, 2 coming, 2 too old, 3 leaving, 4 broken), the oldest \
         3 d 18 h old, 600.00 a month; 3 clones of this manager, 4 of others; now 1 marked, 1 purged; \
         TROUBLE: the copy {copy}10 gives no slots: its instance {copy}10-1 is failed; \
         TROUBLE: the copy {copy}7 gives no slots: it is failed; \
         TROUBLE: the copy {copy}8 gives no slots: it is stopped; \
         TROUBLE: the copy {copy}9 gives no slots: it is creating for longer than copy-timeout, 12 h"
    );
    assert_eq!(family().plan().report.to_string(), expected);
    let quiet = Room::new(14).copy(1, 30).clones("prod", 1).plan().report.to_string();
    assert_eq!(
        quiet,
        "prod: 14 slots wanted, 27 free; 1 copy (1 usable), the oldest 1 d 6 h old; 1 clone of this manager, 0 of others"
    );
}

#[test]
fn every_cluster_and_what_was_decided_about_it() {
    let copy = name(1);
    let copy = copy.trim_end_matches('1');
    let report = family().plan().report;
    let lines = report.lines.iter().map(|line| {
        let slots = line.slots.map(|slots| format!(" {}/{}", slots.taken, slots.free)).unwrap_or_default();
        let host = line.takes_slot_of.as_ref().map(|host| format!(" of {host}")).unwrap_or_default();
        let owner = line.owner.as_ref().map(|owner| format!(" for {owner}")).unwrap_or_default();
        let text = format!("{} {}{slots}{host}{owner}: {}", line.kind, line.cluster, line.decision);
        text.replace(copy, "copy-")
    });
    let expected = "\
root prod 4/10: can be cloned
stranger by-hand of prod: takes a slot by its clone group; it is somebody's, and never touched
clone clone-14 of prod for web: takes a slot; leases and orphans are the sweep's
stranger clone-15 of prod: takes a slot; it is of the manager \"another\", and never touched
stranger renamed of prod: takes a slot; it carries the tags of clone-13: somebody cloned that one, or renamed it, and it is never touched
copy copy-1 2/12: can be cloned
clone clone-16 of copy-1 for web: takes a slot; leases and orphans are the sweep's
stranger cloned-by-hand of copy-1: takes a slot; it carries the tags of copy-1: somebody cloned that one, or renamed it, and it is never touched
copy copy-10 0/0: gives no slots: its instance copy-10-1 is failed; stays: somebody has to look at it
copy copy-11 0/0: is too old to count; stays for now: the age of its data is 3 d 18 h, max-copy-age is 3 d, but it has the tag aurora-clone:keep
copy copy-12 0/0: is marked; is purged now: it was marked 1 h 30 min ago
copy copy-2 0/0: is being made: it is creating
copy copy-3 0/0: gets an instance, and can be cloned then
copy copy-4 0/0: is too old to count; stays for now: a run takes away 3 copies at most, and the next one goes on
copy copy-5 0/0: is marked; is purged after 2026-06-21T02:45:00Z
copy copy-6 0/0: is being deleted
copy copy-7 0/0: gives no slots: it is failed; is marked now
copy copy-8 0/0: gives no slots: it is stopped; stays: somebody has to look at it
copy copy-9 0/0: gives no slots: it is creating for longer than copy-timeout, 12 h; stays: somebody has to look at it
clone clone-full: is a full copy and takes no slot";
    assert_eq!(lines.collect::<Vec<_>>().join("\n"), expected);
}

#[test]
fn its_steps_are_sentences() {
    let copy = name(1);
    let copy = copy.trim_end_matches('1');
    let steps = family().plan().report.steps.join("\n").replace(copy, "copy-");
    let expected = "\
copy-3 gets an instance, without which it can't be cloned
the instance copy-12-1 is deleted first: copy-12 is purged: it was marked 1 h 30 min ago
copy-12 is purged: it was marked 1 h 30 min ago
copy-7 is marked: it is failed";
    assert_eq!(steps, expected);
}

#[test]
fn as_json() {
    let report =
        Room::new(28).copy(1, 1).clones(&name(1), 1).configured(|config| config.max_copies = 1).plan().report;
    let expected = json!({
        "source": "prod",
        "wanted": 28,
        "free": 27,
        "coming": 0,
        "copies": { "usable": 1, "coming": 0, "old": 0, "leaving": 0, "broken": 0 },
        "oldest": 3_600,
        "owners": { "web": 1 },
        "strangers": 0,
        "monthlyCost": null,
        "begun": 0,
        "marked": 0,
        "purged": 0,
        "lines": [
            { "cluster": "prod", "kind": "root", "status": "available", "dataAge": 0, "slots": { "taken": 0, "free": 14 },
              "decision": "can be cloned" },
            { "cluster": name(1), "kind": "copy", "status": "available", "dataAge": 3_600, "slots": { "taken": 1, "free": 13 },
              "decision": "can be cloned" },
            { "cluster": "clone-2", "kind": "clone", "status": "available", "takesSlotOf": name(1), "owner": "web",
              "decision": "takes a slot; leases and orphans are the sweep's" },
        ],
        "steps": [],
        "troubles": ["prod has 27 free slots and 0 coming, 28 are wanted, and max-copies is 1 and there are 1"],
    });
    assert_eq!(serde_json::to_value(&report).unwrap(), expected);
}
