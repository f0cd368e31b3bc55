//! Rows as lines that fit: all columns where there is room, fewer on a narrow terminal, and two lines for each cluster on a very
//! narrow one. What is piped is never cut.

use unicode_width::UnicodeWidthStr as _;

use super::rows::{Cell, HEADERS, Look, Row, column};
use crate::printer::{Printer, cut};

/// Blanks between two columns.
const GAP: usize = 2;
/// Columns that the note needs to be worth anything.
const LEAST_NOTE: usize = 16;
/// What an owner is cut to before columns go.
const LEAST_OWNER: usize = 24;
/// The columns that go, in this order, when there is no room. The others stay.
const GOING: [usize; 6] =
    [column::NOTE, column::CLASS, column::COST, column::DATA, column::KIND, column::LEASE];

/// The lines of a table, with its header.
pub fn lines(rows: &[Row], width: Option<usize>, printer: &Printer) -> Vec<String> {
    match layout(rows, width) {
        Some(widths) => one_line_each(rows, &widths, printer),
        None => two_lines_each(rows, width.unwrap_or(usize::MAX), printer),
    }
}

/// The width of each column, 0 for one that is left out; `None` where not even the most important ones fit.
fn layout(rows: &[Row], width: Option<usize>) -> Option<[usize; HEADERS.len()]> {
    let mut widths = [0; HEADERS.len()];
    for row in rows {
        for (at, cell) in row.cells.iter().enumerate() {
            let tree = if at == column::CLUSTER { row.tree.width() } else { 0 };
            widths[at] = widths[at].max(tree + cell.text.width());
        }
    }
    for (at, widest) in widths.iter_mut().enumerate() {
        // A column in which nothing stands is not shown.
        if *widest > 0 {
            *widest = (*widest).max(HEADERS[at].width());
        }
    }
    let Some(width) = width else { return Some(widths) };
    let excess = |widths: &[usize]| total(widths).saturating_sub(width);
    let slots = rows.iter().filter(|row| row.cells[column::SLOTS_OWNER].text.contains(" used"));
    let slots = slots.map(|row| row.cells[column::SLOTS_OWNER].text.width()).max().unwrap_or(0);
    for going in GOING {
        let over = excess(&widths);
        if over == 0 {
            return Some(widths);
        }
        if going == column::NOTE && widths[column::NOTE] >= over + LEAST_NOTE {
            widths[column::NOTE] -= over;
            return Some(widths);
        }
        let owner = widths[column::SLOTS_OWNER];
        let least = LEAST_OWNER.max(slots).min(owner);
        if going != column::NOTE && owner - least >= over {
            widths[column::SLOTS_OWNER] -= over;
            return Some(widths);
        }
        widths[going] = 0;
    }
    let owner = widths[column::SLOTS_OWNER];
    widths[column::SLOTS_OWNER] = owner - excess(&widths).min(owner - LEAST_OWNER.max(slots).min(owner));
    (excess(&widths) == 0).then_some(widths)
}

fn total(widths: &[usize]) -> usize {
    let shown = widths.iter().filter(|width| **width > 0);
    shown.clone().sum::<usize>() + GAP * shown.count().saturating_sub(1)
}

fn one_line_each(rows: &[Row], widths: &[usize], printer: &Printer) -> Vec<String> {
    let header = HEADERS.map(|text| Cell { text: text.to_owned(), look: Look::Bold });
    let header = Row { tree: String::new(), below: String::new(), cells: header };
    std::iter::once(&header).chain(rows).map(|row| line(row, widths, printer)).collect()
}

fn line(row: &Row, widths: &[usize], printer: &Printer) -> String {
    let mut line = String::new();
    // Blanks are written only before something: a line has none at its end.
    let mut blanks = 0;
    for (at, cell) in row.cells.iter().enumerate().filter(|(at, _)| widths[*at] > 0) {
        let tree = if at == column::CLUSTER { row.tree.as_str() } else { "" };
        let text = cut(&cell.text, widths[at] - tree.width());
        let rest = widths[at] - tree.width() - text.width();
        let (left, right) = if at == column::COST { (rest, 0) } else { (0, rest) };
        if tree.is_empty() && text.is_empty() {
            blanks += left + right + GAP;
            continue;
        }
        line.push_str(&" ".repeat(blanks + left));
        line.push_str(tree);
        line.push_str(&styled(&text, cell.look, printer));
        blanks = right + GAP;
    }
    line
}

/// The name in one line, and what is most important in the next one, as far as it fits.
fn two_lines_each(rows: &[Row], width: usize, printer: &Printer) -> Vec<String> {
    let mut lines = Vec::new();
    for row in rows {
        let cell = &row.cells[column::CLUSTER];
        let text = cut(&cell.text, width.saturating_sub(row.tree.width()));
        lines.push(format!("{}{}", row.tree, styled(&text, cell.look, printer)));
        let mut second = row.below.clone();
        let mut room = width.saturating_sub(second.width());
        let order =
            [column::STATUS, column::SLOTS_OWNER, column::LEASE, column::KIND, column::DATA, column::COST];
        let mut first = true;
        for at in order {
            let cell = &row.cells[at];
            let text = match at {
                column::DATA if !cell.text.is_empty() => format!("data {}", cell.text),
                _ => cell.text.clone(),
            };
            let separator = if first { "" } else { ", " };
            let needed = separator.width() + text.width();
            // Half an owner is better than none.
            let fits =
                needed <= room || (at == column::SLOTS_OWNER && room >= separator.width() + LEAST_NOTE);
            if text.is_empty() || text == "-" || !(first || fits) {
                continue;
            }
            let text = cut(&text, room.saturating_sub(separator.width()));
            room = room.saturating_sub(needed);
            second.push_str(separator);
            second.push_str(&styled(&text, cell.look, printer));
            first = false;
        }
        if !first {
            lines.push(second);
        }
    }
    lines
}

fn styled(text: &str, look: Look, printer: &Printer) -> String {
    match look {
        _ if text.is_empty() => String::new(),
        Look::Plain => text.to_owned(),
        Look::Bold => printer.bold(text),
        Look::Dim => printer.dim(text),
        Look::Yellow => printer.yellow(text),
        Look::Red => printer.red(text),
    }
}
