//! Rows of text under their headers, as wide as what stands in them.

use unicode_width::UnicodeWidthStr as _;

use crate::printer::{Printer, cut, wrap};

/// The least that a last column is folded into; on a narrower terminal it stands below its row.
const LEAST: usize = 24;

/// Lines of a table. The last column is folded where the terminal is not wide enough, and stays whole where it is piped.
pub fn table(printer: &Printer, headers: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let mut widths: Vec<usize> = headers.iter().map(|header| header.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let last = widths.len().saturating_sub(1);
    let before: usize = widths.iter().take(last).map(|width| width + 2).sum();
    let header = printer.bold(line(headers.iter().copied(), &widths).trim_end());
    let mut lines = vec![header];
    for row in rows {
        let text = match (printer.width(), row.last()) {
            (Some(columns), Some(end)) if columns >= before + LEAST => {
                let folded = wrap(end, columns - before, before);
                let cells = row.iter().take(last).map(String::as_str).chain([folded.as_str()]);
                line(cells, &widths)
            }
            // Too narrow for that: it has lines of its own.
            (Some(columns), end) => {
                let cells = line(row.iter().take(last).map(String::as_str), &widths);
                let folded = wrap(end.map_or("", String::as_str), columns.saturating_sub(4), 4);
                format!("{}\n    {folded}", cut(&cells, columns))
            }
            (None, _) => line(row.iter().map(String::as_str), &widths),
        };
        lines.extend(text.lines().map(|line| line.trim_end().to_owned()));
    }
    lines
}

fn line<'c>(cells: impl Iterator<Item = &'c str>, widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width) in cells.zip(widths) {
        text.push_str(cell);
        text.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::printer::Printer;

    #[test]
    fn the_last_column_is_folded_on_a_terminal_and_whole_where_it_is_piped() {
        let rows = [vec!["prod".to_owned(), "one two three four five six seven".to_owned()]];
        let (printer, ..) = Printer::captured();
        let lines = table(&printer, &["NAME", "WHY"], &rows);
        assert_eq!(lines, ["NAME  WHY", "prod  one two three four five six seven"]);
        let mut printer = printer.on_terminal(32);
        printer.colour(crate::printer::Colour::Never);
        let lines = table(&printer, &["NAME", "WHY"], &rows);
        assert_eq!(lines, ["NAME  WHY", "prod  one two three four five", "      six seven"]);
        let (printer, ..) = Printer::captured();
        let mut printer = printer.on_terminal(20);
        printer.colour(crate::printer::Colour::Never);
        let lines = table(&printer, &["NAME", "WHY"], &rows);
        assert_eq!(lines[1..], ["prod", "    one two three", "    four five six", "    seven"]);
    }
}
