//! Which plots a pool has.

use super::axis::Unit;
use super::data::{Data, Measure, Point, Source};
use super::plot::{Line, Plot};

/// Colours and dashes, as the style has them: what is most looked at is whole, what it is held against is dashed.
const MAIN: &str = "a";
const LIMIT: &str = "b";
const SECOND: &str = "c";
const THIRD: &str = "d";
const FOURTH: &str = "e";

/// The figures of a source that have values.
pub fn of(data: &Data, source: &Source, at: usize) -> Vec<String> {
    let points = |measure: Measure| source.series.get(&measure).map(Vec::as_slice).unwrap_or_default();
    let coming = sum(points(Measure::FreeSlots), points(Measure::ComingSlots));
    let leaving = sum(
        &sum(points(Measure::CopiesTooOld), points(Measure::CopiesLeaving)),
        points(Measure::CopiesBroken),
    );
    let limit: Vec<Point> = match source.max_copy_age {
        None => Vec::new(),
        Some(limit) => {
            let ages = points(Measure::OldestCopyAge).iter();
            ages.map(|point| Point { value: limit as f64, ..*point }).collect()
        }
    };
    let line = |name, class, points| Line { name, class, filled: class == MAIN, points };
    // What never was anything but 0 says nothing.
    let some = |points: &[Point]| points.iter().any(|point| point.value != 0.0);
    let given = |line: Option<Line<'_>>| line.is_some_and(|line| some(line.points));
    let plot = |title, unit, height, lines| Plot {
        title,
        of: &source.name,
        unit,
        height,
        from: data.from,
        to: data.to,
        point: data.point,
        lines,
        events: Vec::new(),
    };

    let mut slots = vec![
        line("free", MAIN, points(Measure::FreeSlots)),
        line("wanted", LIMIT, points(Measure::WantedSlots)),
    ];
    if some(points(Measure::ComingSlots)) {
        slots.insert(1, line("free and coming", THIRD, &coming));
    }
    let mut clones = vec![line("of this manager", MAIN, points(Measure::Clones))];
    if some(points(Measure::StrangersClones)) {
        clones.push(line("of others", FOURTH, points(Measure::StrangersClones)));
    }
    let mut copies = vec![line("can be cloned", SECOND, points(Measure::CopiesUsable))];
    if some(points(Measure::CopiesComing)) {
        copies.push(line("being made", THIRD, points(Measure::CopiesComing)));
    }
    if some(&leaving) {
        copies.push(line("too old, leaving or broken", LIMIT, &leaving));
    }
    let ages = vec![
        line("oldest copy", MAIN, points(Measure::OldestCopyAge)),
        line("a copy goes at", LIMIT, &limit),
    ];
    let costs = vec![line("all copies", MAIN, points(Measure::MonthlyCost))];

    let mut plots = vec![
        plot("Free slots", Unit::Count, 190.0, slots),
        plot("Clones, each of which takes a slot", Unit::Count, 120.0, clones),
        Plot {
            events: vec![
                ("begun", '▲', points(Measure::CopiesBegun)),
                ("purged", '▼', points(Measure::Deletions)),
            ],
            ..plot("Copies in the pool", Unit::Count, 120.0, copies)
        },
        plot("Age of the oldest copy's data", Unit::Age, 120.0, ages),
    ];
    if given(costs.into_iter().next()) {
        let costs = vec![line("all copies", MAIN, points(Measure::MonthlyCost))];
        plots.push(plot(
            "Cost of the copies in a month",
            Unit::Money(data.currency.as_deref()),
            120.0,
            costs,
        ));
    }
    let plots = plots.into_iter().enumerate();
    plots.filter_map(|(number, plot)| plot.draw(&format!("plot-{at}-{number}"))).collect()
}

/// Two measures at once, where both were measured.
fn sum(one: &[Point], other: &[Point]) -> Vec<Point> {
    let both = one.iter().filter_map(|point| {
        let found = other.binary_search_by_key(&point.at, |other| other.at).ok()?;
        Some(Point { at: point.at, value: point.value + other[found].value })
    });
    both.collect()
}
