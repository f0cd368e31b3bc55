//! An overview as rows of a table, each with its place in the tree.

use aurora_clone_core::duration::for_people;
use aurora_clone_core::overview::{
    Condition, Family, Instance, Lease, Member, MemberKind, Overview, Owner, Source, SourceKind,
};
use aurora_clone_core::prices::Cost;
use aurora_clone_core::snapshot::{Phase, Status};
use chrono::Duration;

/// What the columns are called, in order. Of sources the fourth says how many slots they have, of all others whose they are.
pub const HEADERS: [&str; 9] =
    ["CLUSTER", "KIND", "STATUS", "SLOTS/OWNER", "LEASE", "DATA", "COST", "CLASS", "NOTE"];

/// The columns by their places in [`HEADERS`].
pub mod column {
    pub const CLUSTER: usize = 0;
    pub const KIND: usize = 1;
    pub const STATUS: usize = 2;
    pub const SLOTS_OWNER: usize = 3;
    pub const LEASE: usize = 4;
    pub const DATA: usize = 5;
    pub const COST: usize = 6;
    pub const CLASS: usize = 7;
    pub const NOTE: usize = 8;
}

/// How a cell looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Look {
    /// As it is.
    #[default]
    Plain,
    /// It matters.
    Bold,
    /// It may be overlooked.
    Dim,
    /// Somebody should look at it.
    Yellow,
    /// It is wrong.
    Red,
}

/// One cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// Its text.
    pub text: String,
    /// How it looks.
    pub look: Look,
}

/// One cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// What the tree draws before its name.
    pub tree: String,
    /// What the tree draws before a second line of it.
    pub below: String,
    /// Its cells, in the order of [`HEADERS`]; the first is its name alone.
    pub cells: [Cell; HEADERS.len()],
}

/// The rows of everything, in order.
pub fn rows(overview: &Overview) -> Vec<Row> {
    let mut rows = Vec::new();
    for family in &overview.families {
        family_rows(&mut rows, family);
    }
    group_rows(&mut rows, "(without a root)", &overview.without_root);
    group_rows(&mut rows, "(no family)", &overview.elsewhere);
    rows
}

/// The root, what hangs off it, its copies with what hangs off them, and what takes no slot.
fn family_rows(rows: &mut Vec<Row>, family: &Family) {
    let Some((root, copies)) = family.sources.split_first() else { return };
    let children = root.members.len() + copies.len() + family.apart.len();
    rows.push(Row { tree: String::new(), below: below("", children), cells: source(root) });
    let mut left = children;
    let mut next = || {
        left -= 1;
        left == 0
    };
    for one in &root.members {
        rows.push(leaf("", next(), member(one)));
    }
    for copy in copies {
        let last = next();
        let inner = if last { "   " } else { "│  " };
        rows.push(Row {
            tree: branch("", last),
            below: below(inner, copy.members.len()),
            cells: source(copy),
        });
        for (at, one) in copy.members.iter().enumerate() {
            rows.push(leaf(inner, at + 1 == copy.members.len(), member(one)));
        }
    }
    for one in &family.apart {
        rows.push(leaf("", next(), member(one)));
    }
}

/// Clusters under a line that says what they have in common.
fn group_rows(rows: &mut Vec<Row>, name: &str, members: &[Member]) {
    if members.is_empty() {
        return;
    }
    let mut cells: [Cell; HEADERS.len()] = Default::default();
    cells[column::CLUSTER] = plain(name);
    rows.push(Row { tree: String::new(), below: below("", members.len()), cells });
    for (at, one) in members.iter().enumerate() {
        rows.push(leaf("", at + 1 == members.len(), member(one)));
    }
}

fn branch(before: &str, last: bool) -> String {
    format!("{before}{}", if last { "└─ " } else { "├─ " })
}

fn below(before: &str, children: usize) -> String {
    format!("{before}{}", if children > 0 { "│  " } else { "   " })
}

fn leaf(before: &str, last: bool, cells: [Cell; HEADERS.len()]) -> Row {
    let inner = if last { "   " } else { "│  " };
    Row { tree: branch(before, last), below: below(&format!("{before}{inner}"), 0), cells }
}

fn source(source: &Source) -> [Cell; HEADERS.len()] {
    let is_root = source.kind == SourceKind::Root;
    let slots = source.slots;
    let full = source.condition == Condition::Full;
    let slots_text = match slots.usable > 0 || full {
        true => format!("{}/{} used, {} free", slots.used, slots.limit, slots.usable),
        false => format!("{}/{} used", slots.used, slots.limit),
    };
    let mut notes = Vec::new();
    notes.extend(source.reason.as_ref().filter(|_| !full).cloned());
    notes.extend(source.kept.as_ref().map(|why| format!("kept: {why}")));
    [
        name(&source.identifier, source.named && !is_root),
        plain(if is_root { "root" } else { "copy" }),
        condition(source),
        Cell { text: slots_text, look: if full { Look::Red } else { Look::Plain } },
        Cell::default(),
        if is_root { plain("now") } else { plain(&age(source.data_age)) },
        plain(&cost(&source.monthly_cost)),
        plain(&classes(&source.instances)),
        dim(&notes.join("; ")),
    ]
}

fn member(member: &Member) -> [Cell; HEADERS.len()] {
    let kind = match member.kind {
        MemberKind::Clone => "clone",
        MemberKind::FullCopy => "full copy",
        MemberKind::Copy => "copy",
        MemberKind::Stranger => "stranger",
    };
    let is_ours = member.kind != MemberKind::Stranger;
    let mut notes = Vec::new();
    notes.extend(member.description.clone());
    notes.extend(member.quota_owner.as_ref().map(|owner| format!("counts to {owner}")));
    notes.extend(member.kept.as_ref().filter(|_| is_ours).map(|why| format!("kept: {why}")));
    notes.extend(member.manager.as_ref().filter(|_| !is_ours).map(|name| format!("of the manager {name}")));
    notes.extend(member.carries_tags_of.as_ref().map(|of| format!("carries the tags of {of}")));
    let source = member.source.as_ref().filter(|source| member.takes_slot_of.as_ref() != Some(source));
    notes.extend(
        source.filter(|_| member.carries_tags_of.is_none()).map(|source| format!("made of {source}")),
    );
    [
        name(&member.identifier, member.named),
        plain(kind),
        Cell { text: member.status.clone(), look: look_of(&member.status) },
        owner(&member.owner),
        lease(member.lease.as_ref()),
        plain(&age(member.data_age)),
        plain(&cost(&member.monthly_cost)),
        plain(&classes(&member.instances)),
        dim(&notes.join("; ")),
    ]
}

fn plain(text: &str) -> Cell {
    Cell { text: text.to_owned(), look: Look::Plain }
}

fn dim(text: &str) -> Cell {
    Cell { text: text.to_owned(), look: Look::Dim }
}

/// The name; the one that was asked for stands out, also where nothing is bold.
fn name(identifier: &str, asked_for: bool) -> Cell {
    if asked_for {
        return Cell { text: format!("{identifier} *"), look: Look::Bold };
    }
    plain(identifier)
}

fn look_of(status: &str) -> Look {
    match Status(status.to_owned()).phase() {
        Phase::Ready => Look::Plain,
        Phase::Stuck => Look::Red,
        Phase::Busy | Phase::Deleting | Phase::Unknown => Look::Yellow,
    }
}

/// The status of a source, and what the matter with it is where the status does not say so.
fn condition(source: &Source) -> Cell {
    let status = &source.status;
    let (more, look) = match source.condition {
        Condition::Usable | Condition::Full | Condition::Busy | Condition::Going => ("", look_of(status)),
        Condition::Coming => ("coming", Look::Yellow),
        Condition::NoInstance => ("no instance", Look::Yellow),
        Condition::Retiring => ("retiring", Look::Yellow),
        Condition::TooOld => ("too old", Look::Yellow),
        Condition::NotOurs => ("not ours", Look::Dim),
        Condition::Broken => ("broken", Look::Red),
    };
    let says_so = more.is_empty()
        || look_of(status) == Look::Red
        || (source.condition == Condition::Coming && status == "creating");
    Cell { text: if says_so { status.clone() } else { format!("{status}, {more}") }, look }
}

fn owner(owner: &Owner) -> Cell {
    match owner {
        Owner::Stack { name, logical_id, .. } if logical_id.is_empty() => plain(name),
        Owner::Stack { name, logical_id, .. } => plain(&format!("{name}/{logical_id}")),
        Owner::CommandLine { name } => plain(&format!("command line/{name}")),
        Owner::ByHand => plain("by hand"),
        Owner::Unknown => dim("-"),
    }
}

fn lease(lease: Option<&Lease>) -> Cell {
    let Some(lease) = lease else { return Cell::default() };
    match lease.left {
        None => Cell { text: "unreadable".to_owned(), look: Look::Yellow },
        Some(left) if left <= 0 => {
            let since = for_people(Duration::seconds(-left));
            Cell { text: format!("over for {since}"), look: Look::Yellow }
        }
        Some(left) => plain(&format!("{} left", for_people(Duration::seconds(left)))),
    }
}

fn age(seconds: Option<i64>) -> String {
    seconds.map_or_else(|| "?".to_owned(), |seconds| for_people(Duration::seconds(seconds)))
}

/// A cost as people read it.
pub fn cost(cost: &Cost) -> String {
    if cost.is_unknown() {
        return "?".to_owned();
    }
    let dollars = format!("{:.0}", cost.total());
    let mut grouped = String::new();
    for (at, digit) in dollars.char_indices() {
        if at > 0 && (dollars.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{}${grouped}", if cost.at_least { ">= " } else { "" })
}

/// The classes of instances, each once, with what is not available.
fn classes(instances: &[Instance]) -> String {
    let mut found: Vec<(String, usize)> = Vec::new();
    for instance in instances {
        let text = match Status(instance.status.clone()).is_ready() {
            true => instance.class.clone(),
            false => format!("{} {}", instance.class, instance.status),
        };
        match found.iter_mut().find(|(known, _)| *known == text) {
            Some((_, number)) => *number += 1,
            None => found.push((text, 1)),
        }
    }
    if found.is_empty() {
        return "none".to_owned();
    }
    let one = |(class, number): &(String, usize)| match number {
        1 => class.clone(),
        number => format!("{number} {class}"),
    };
    found.iter().map(one).collect::<Vec<_>>().join(", ")
}
