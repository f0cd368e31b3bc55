//! What came of a scenario, as text.

use aurora_clone_core::duration::{for_people, format_time};
use chrono::Duration;
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::figures::{Course, Figures, Told};
use super::vary::{Variation, shown};

/// How many failures are listed.
const LISTED: usize = 5;

/// The answer to one run.
pub fn one(told: &Told, width: Option<usize>) -> Vec<String> {
    let all: Vec<(&Course, Figures)> = told.courses.iter().map(|course| (course, course.figures())).collect();
    let mut lines = vec![period(told), String::new()];
    let mut clones =
        vec![row(["SOURCE", "CLONES", "USABLE", "WAITED", "REFUSED", "FAILED", "OPEN", "P50", "P95", "MAX"])];
    let copied = all.iter().any(|(_, figures)| figures.full_copies > 0);
    if copied {
        clones[0].insert(3, "FULL COPIES".to_owned());
    }
    for (course, figures) in &all {
        let mut cells = vec![course.source.clone()];
        cells.extend(demand(figures, copied));
        clones.push(cells);
    }
    lines.extend(table(&clones));
    lines.push(String::new());
    let head = [
        "SOURCE",
        "WANTED",
        "FREE MIN",
        "FREE MEAN",
        "COPIES MEAN",
        "COPIES MAX",
        "BEGUN",
        "PURGED",
        "COST/MONTH",
    ];
    let mut pools = vec![row(head)];
    for (course, figures) in &all {
        let wanted =
            course.policy.as_ref().map_or_else(|| "-".to_owned(), |policy| policy.target.to_string());
        pools.push(vec![
            course.source.clone(),
            wanted,
            figures.free_min.to_string(),
            format!("{:.1}", figures.free_mean),
            format!("{:.1}", figures.copies_mean),
            figures.copies_max.to_string(),
            figures.begun.to_string(),
            figures.purged.to_string(),
            cost(figures),
        ]);
    }
    lines.extend(table(&pools));
    lines.push(String::new());
    lines.push("Fewest free slots, day by day".to_owned());
    let longest = all.iter().map(|(course, _)| course.source.width()).max().unwrap_or(0);
    for (course, _) in &all {
        let days = course.by_day();
        let most = days.iter().max().copied().unwrap_or(0);
        let room = width.unwrap_or(usize::MAX).saturating_sub(longest + 14).max(10);
        lines.push(format!("{:<longest$}  {}  0 to {most}", course.source, spark(&squeeze(&days, room))));
    }
    lines.extend(troubles(told));
    lines
}

/// The answer to several runs: one row for each value.
pub fn several(variation: &Variation, runs: &[(Value, Told)]) -> Vec<String> {
    let of = |told: &Told| {
        let course = told.courses.iter().find(|course| course.source == variation.source);
        course.map(Course::figures)
    };
    let all: Vec<(&Value, Figures)> =
        runs.iter().filter_map(|(value, told)| Some((value, of(told)?))).collect();
    let mut lines = Vec::new();
    if let Some((_, told)) = runs.first() {
        lines.extend([format!("{}, {}", variation.source, period(told)), String::new()]);
    }
    let mut rows = vec![row([
        "",
        "CLONES",
        "USABLE",
        "WAITED",
        "REFUSED",
        "FAILED",
        "OPEN",
        "P50",
        "P95",
        "MAX",
        "FREE MIN",
        "COPIES MEAN",
        "COPIES MAX",
        "COST/MONTH",
    ])];
    rows[0][0] = variation.key.to_uppercase();
    let copied = all.iter().any(|(_, figures)| figures.full_copies > 0);
    if copied {
        rows[0].insert(3, "FULL COPIES".to_owned());
    }
    for (value, figures) in &all {
        let mut cells = vec![shown(value)];
        cells.extend(demand(figures, copied));
        cells.extend([
            figures.free_min.to_string(),
            format!("{:.1}", figures.copies_mean),
            figures.copies_max.to_string(),
            cost(figures),
        ]);
        rows.push(cells);
    }
    lines.extend(table(&rows));
    lines.push(String::new());
    lines.push(advice(variation, &all));
    for (value, told) in runs {
        let troubles = troubles(told);
        if !troubles.is_empty() {
            lines.push(String::new());
            lines.push(format!("With {}:", variation.title(value)));
            lines.extend(troubles);
        }
    }
    lines
}

/// Which value is the best of those that were played.
fn advice(variation: &Variation, all: &[(&Value, Figures)]) -> String {
    let smooth = all.iter().filter(|(_, figures)| figures.is_smooth());
    let cheapest = smooth.min_by(|(_, one), (_, other)| one.copies_mean.total_cmp(&other.copies_mean));
    match cheapest {
        Some((value, _)) => format!(
            "With {} every clone had a slot at once, and no other of these values does that with fewer copies.",
            variation.title(value)
        ),
        None => "With each of these values some clones waited, were refused or failed.".to_owned(),
    }
}

fn period(told: &Told) -> String {
    let (start, end) = told.time;
    let days = (end - start).num_days();
    let noun = if days == 1 { "day" } else { "days" };
    format!("{days} {noun} from {}, simulated", format_time(start))
}

fn demand(figures: &Figures, copied: bool) -> Vec<String> {
    let numbers = [figures.asked, figures.usable];
    let mut cells: Vec<String> = numbers.map(|number| number.to_string()).into();
    if copied {
        cells.push(figures.full_copies.to_string());
    }
    let numbers = [figures.waited, figures.refused, figures.failed, figures.open];
    cells.extend(numbers.map(|number| number.to_string()));
    match figures.until_usable {
        Some(times) => cells.extend(times.map(minutes)),
        None => cells.extend(["-", "-", "-"].map(str::to_owned)),
    }
    cells
}

/// To the minute, up: `7 min` for six and a half.
fn minutes(time: Duration) -> String {
    for_people(Duration::minutes((time.num_seconds() + 59) / 60))
}

fn cost(figures: &Figures) -> String {
    figures.monthly_cost.map_or_else(|| "-".to_owned(), |cost| format!("{cost:.2}"))
}

/// What somebody has to look at: what failed for another reason than slots, and what the maintainer says is wrong.
fn troubles(told: &Told) -> Vec<String> {
    use super::figures::Outcome;
    let mut troubles: Vec<(String, usize)> = Vec::new();
    let mut add = |text: String| match troubles.iter_mut().find(|(known, _)| *known == text) {
        Some((_, count)) => *count += 1,
        None => troubles.push((text, 1)),
    };
    for course in &told.courses {
        for asked in &course.asked {
            if let Outcome::Failed(why) = &asked.outcome {
                add(format!("a clone of {} failed: {why}", course.source));
            }
        }
    }
    for happening in told.happenings.iter().filter(|happening| happening.kind == "run-failed") {
        add(format!("the maintainer failed: {}", happening.why));
    }
    for happening in told.happenings.iter().filter(|happening| happening.kind == "pool-short") {
        let source = happening.source.as_deref().unwrap_or_default();
        add(format!("the pool of {source} was short: {}", happening.why));
    }
    if troubles.is_empty() {
        return Vec::new();
    }
    let more = troubles.len().saturating_sub(LISTED);
    let mut lines = vec![String::new(), "What somebody would have to look at".to_owned()];
    lines.extend(troubles.into_iter().take(LISTED).map(|(text, count)| match count {
        1 => format!("- {text}"),
        count => format!("- {count} times: {text}"),
    }));
    if more > 0 {
        lines.push(format!("- and {more} more; --json has all of them"));
    }
    lines
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).into()
}

/// Columns, two blanks apart: names on the left, numbers on the right.
fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ")
    };
    rows.iter().map(line).collect()
}

/// The least of neighbouring values, in at most so many places.
fn squeeze(values: &[usize], places: usize) -> Vec<usize> {
    let each = values.len().div_ceil(places).max(1);
    values.chunks(each).filter_map(|some| some.iter().min().copied()).collect()
}

/// A line of bars; an empty place is none at all.
fn spark(values: &[usize]) -> String {
    const BARS: [char; 9] = ['_', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().max().copied().unwrap_or(0).max(1);
    values.iter().map(|value| BARS[(value * 8).div_ceil(most)]).collect()
}

#[cfg(test)]
mod tests {
    use super::{spark, squeeze};

    #[test]
    fn a_line_of_bars_shows_where_there_is_nothing() {
        assert_eq!(spark(&[0, 1, 4, 8]), "_▁▄█");
        assert_eq!(spark(&[0, 0]), "__");
        assert_eq!(squeeze(&[3, 1, 2, 5, 4], 3), [1, 2, 4]);
        assert_eq!(squeeze(&[3, 1], 10), [3, 1]);
    }
}
