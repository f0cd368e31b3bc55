//! The whole text of one look: the table, and what it adds up to.

use aurora_clone_core::duration::format_time;
use aurora_clone_core::overview::{Overview, Totals};

use super::look::Seen;
use super::{rows, table};
use crate::printer::{Printer, wrap};

/// Its lines.
pub fn lines(seen: &Seen, width: Option<usize>, printer: &Printer) -> Vec<String> {
    let overview = &seen.overview;
    let rows = rows::rows(overview);
    let mut lines = Vec::new();
    if rows.is_empty() {
        let Overview { manager, .. } = overview;
        lines.extend(wrapped(&format!("Nothing was cloned by {manager:?}, and it has no pool."), width));
    } else {
        lines.extend(table::lines(&rows, width, printer));
        lines.push(String::new());
        lines.extend(wrapped(&totals(&overview.totals), width));
    }
    let Overview { manager, region, account, at, .. } = overview;
    let where_and_when = format!("{manager}, {region}, account {account}, {}", format_time(*at));
    lines.extend(wrapped(&where_and_when, width).into_iter().map(|line| printer.dim(&line)));
    lines
}

/// Lines of a sentence, as wide as the terminal.
pub fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    match width {
        None => vec![text.to_owned()],
        Some(width) => wrap(text, width, 0).lines().map(str::to_owned).collect(),
    }
}

fn totals(totals: &Totals) -> String {
    let counted = [
        (totals.roots, "root", "roots"),
        (totals.copies, "copy", "copies"),
        (totals.clones, "clone", "clones"),
        (totals.strangers, "stranger", "strangers"),
    ];
    let counted = counted.into_iter().filter(|(number, ..)| *number > 0);
    let counted: Vec<String> = counted.map(|(number, one, many)| number_of(number, one, many)).collect();
    let mut parts = vec![counted.join(", ")];
    if totals.roots > 0 {
        parts.push(number_of(totals.slots.usable, "free slot", "free slots"));
    }
    let cost = &totals.monthly_cost;
    parts.push(match cost.is_unknown() {
        true => "nothing known of the cost".to_owned(),
        false => format!("estimated cost {} a month (USD)", rows::cost(cost)),
    });
    parts.join("; ")
}

/// A number of things, in words.
pub fn number_of(number: u32, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
