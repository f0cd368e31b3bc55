//! Lines over time as SVG, drawn by hand so that one picture fits a wide screen, a phone, paper, and light and dark.
//!
//! Places across are percentages and texts keep their size: what is stretched to the page is only the lines. Each line has its own
//! dash as well as its colour, and what a point says can be read by pointing at it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::axis::{Unit, dates, marks};
use super::data::Point;
use super::markup::{e, time};

/// The width that paths are drawn in before they are stretched.
const ACROSS: f64 = 1_000.0;
/// Above the plot, for the topmost number.
const HEAD: f64 = 8.0;
/// Below it, for the dates.
const FOOT: f64 = 22.0;

/// A line of a plot.
pub struct Line<'a> {
    /// What it is.
    pub name: &'static str,
    /// How it looks: a class of the page's style.
    pub class: &'static str,
    /// Whether what is below it is filled.
    pub filled: bool,
    /// Its values.
    pub points: &'a [Point],
}

/// A plot.
pub struct Plot<'a> {
    /// What it shows.
    pub title: &'a str,
    /// Whose it is.
    pub of: &'a str,
    /// What its numbers are.
    pub unit: Unit<'a>,
    /// How high the plot is, without the dates.
    pub height: f64,
    /// The period.
    pub from: DateTime<Utc>,
    /// Its end.
    pub to: DateTime<Utc>,
    /// What a point stands for, in seconds.
    pub point: i64,
    /// Its lines; those without values are left out.
    pub lines: Vec<Line<'a>>,
    /// Things that happened: a name, a sign and when, how many.
    pub events: Vec<(&'static str, char, &'a [Point])>,
}

impl Plot<'_> {
    /// The figure; `id` is unique on the page. Nothing where there are no values.
    pub fn draw(&self, id: &str) -> Option<String> {
        let lines: Vec<&Line<'_>> = self.lines.iter().filter(|line| !line.points.is_empty()).collect();
        if lines.is_empty() || self.to <= self.from {
            return None;
        }
        let most = lines.iter().flat_map(|line| line.points).map(|point| point.value).fold(0.0, f64::max);
        let marks = marks(self.unit, most);
        let top = marks.last().copied().unwrap_or(1.0);
        let mut svg = String::new();
        let _ = write!(
            svg,
            r#"<figure class="plot"><figcaption><h4>{}</h4>{}</figcaption><svg role="img" aria-labelledby="{id}-t {id}-d" width="100%" height="{}"><title id="{id}-t">{}: {}</title><desc id="{id}-d">{}</desc>"#,
            e(self.title),
            self.legend(&lines),
            HEAD + self.height + FOOT,
            e(self.of),
            e(self.title),
            e(self.in_words(&lines)),
        );
        for mark in &marks {
            let y = HEAD + self.height * (1.0 - mark / top);
            let class = if *mark == 0.0 { "base" } else { "grid" };
            let _ = write!(
                svg,
                r#"<line class="{class}" x1="0" x2="100%" y1="{y:.1}" y2="{y:.1}"/><text class="tick" x="-6" y="{:.1}" text-anchor="end">{}</text>"#,
                y + 4.0,
                e(self.unit.text(*mark)),
            );
        }
        let dates = dates(self.from, self.to);
        for (number, (at, label)) in dates.iter().enumerate() {
            let x = self.part(*at) * 100.0;
            // A label at the edge stays on the page.
            let anchor = if x > 96.0 { "end" } else { "middle" };
            let odd = if number % 2 == 1 && dates.len() > 5 { " odd" } else { "" };
            let _ = write!(
                svg,
                r#"<line class="grid" x1="{x:.2}%" x2="{x:.2}%" y1="{HEAD}" y2="{:.1}"/><text class="tick{odd}" x="{x:.2}%" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
                HEAD + self.height,
                HEAD + self.height + 16.0,
                e(label),
            );
        }
        let _ = write!(
            svg,
            r#"<svg x="0" y="{HEAD}" width="100%" height="{}" viewBox="0 0 {ACROSS} {}" preserveAspectRatio="none">"#,
            self.height, self.height,
        );
        // The first is what matters most, and is not drawn over.
        for line in lines.iter().rev() {
            let (path, area) = self.paths(line.points, top);
            if line.filled {
                let _ = write!(svg, r#"<path class="area {}" d="{area}"/>"#, line.class);
            }
            let _ = write!(svg, r#"<path class="line {}" d="{path}"/>"#, line.class);
        }
        svg.push_str("</svg>");
        self.mark_events(&mut svg);
        self.hover(&mut svg, &lines);
        svg.push_str("</svg></figure>");
        Some(svg)
    }

    /// Where a time is, from 0 to 1.
    fn part(&self, at: DateTime<Utc>) -> f64 {
        let whole = (self.to - self.from).num_seconds() as f64;
        ((at - self.from).num_seconds() as f64 / whole).clamp(0.0, 1.0)
    }

    fn legend(&self, lines: &[&Line<'_>]) -> String {
        let mut legend = r#"<ul class="legend">"#.to_owned();
        for line in lines {
            let _ = write!(
                legend,
                r#"<li><svg width="26" height="10" aria-hidden="true"><path class="line {}" d="M0 5H26"/></svg> {}</li>"#,
                line.class,
                e(line.name),
            );
        }
        for (name, sign, points) in &self.events {
            if points.iter().any(|point| point.value > 0.0) {
                let _ =
                    write!(legend, r#"<li><span class="sign" aria-hidden="true">{sign}</span> {name}</li>"#);
            }
        }
        legend + "</ul>"
    }

    /// What somebody hears who doesn't see it.
    fn in_words(&self, lines: &[&Line<'_>]) -> String {
        let mut words = format!("From {} to {} UTC.", time(self.from), time(self.to));
        for line in lines {
            let mut values = line.points.iter().map(|point| point.value);
            let (least, most) = values.clone().fold((f64::MAX, f64::MIN), |(l, m), v| (l.min(v), m.max(v)));
            let last = values.next_back().unwrap_or_default();
            let text = |value| self.unit.text(value);
            let _ = match least < most {
                true => write!(
                    words,
                    " {}: between {} and {}, in the end {}.",
                    line.name,
                    text(least),
                    text(most),
                    text(last)
                ),
                false => write!(words, " {}: {} all the time.", line.name, text(last)),
            };
        }
        words
    }

    /// A line of steps, since a value holds until the next; and the same closed to the ground. It breaks where nothing was measured.
    fn paths(&self, points: &[Point], top: f64) -> (String, String) {
        let gap = self.gap(points);
        let (mut path, mut area) = (String::new(), String::new());
        let end = |point: &Point, next: Option<&Point>| match next {
            Some(next) if (next.at - point.at).num_seconds() <= gap => (next.at, true),
            _ => (point.at + chrono::Duration::seconds(self.point), false),
        };
        let mut goes_on = false;
        for (at, point) in points.iter().enumerate() {
            let (from, until) = (self.part(point.at) * ACROSS, end(point, points.get(at + 1)));
            let to = self.part(until.0) * ACROSS;
            let y = self.height * (1.0 - (point.value / top).clamp(0.0, 1.0));
            if goes_on {
                let _ = write!(path, "V{y:.1}H{to:.1}");
                let _ = write!(area, "V{y:.1}H{to:.1}");
            } else {
                let _ = write!(path, "M{from:.1} {y:.1}H{to:.1}");
                let _ = write!(area, "M{from:.1} {:.1}V{y:.1}H{to:.1}", self.height);
            }
            goes_on = until.1;
            if !goes_on {
                let _ = write!(area, "V{:.1}Z", self.height);
            }
        }
        (path, area)
    }

    /// From what distance on two points are of two lines: what is measured at a distance of its own may be rarer than the points.
    fn gap(&self, points: &[Point]) -> i64 {
        let mut distances: Vec<i64> =
            points.windows(2).map(|pair| (pair[1].at - pair[0].at).num_seconds()).collect();
        distances.sort_unstable();
        let usual = distances.get(distances.len() / 2).copied().unwrap_or(self.point);
        usual.max(self.point) * 3
    }

    fn mark_events(&self, svg: &mut String) {
        for (number, (_, sign, points)) in self.events.iter().enumerate() {
            for point in points.iter().filter(|point| point.value > 0.0) {
                let x = self.part(point.at) * 100.0;
                let y = HEAD + 12.0 + number as f64 * 13.0;
                let _ = write!(
                    svg,
                    r#"<text class="sign" x="{x:.2}%" y="{y:.0}" text-anchor="middle" aria-hidden="true">{sign}</text>"#
                );
            }
        }
    }

    /// Columns that tell their values to who points at them.
    fn hover(&self, svg: &mut String, lines: &[&Line<'_>]) {
        let times: BTreeSet<DateTime<Utc>> =
            lines.iter().flat_map(|line| line.points).map(|point| point.at).collect();
        svg.push_str(r#"<g class="hover">"#);
        for at in times {
            let (x, until) = (self.part(at), self.part(at + chrono::Duration::seconds(self.point)));
            let mut text = at.format("%-d %b %H:%M").to_string();
            for line in lines {
                if let Ok(found) = line.points.binary_search_by_key(&at, |point| point.at) {
                    let _ = write!(text, "\n{} {}", self.unit.text(line.points[found].value), line.name);
                }
            }
            for (name, _, points) in &self.events {
                if let Ok(found) = points.binary_search_by_key(&at, |point| point.at)
                    && points[found].value > 0.0
                {
                    let _ = write!(text, "\n{} {name}", self.unit.text(points[found].value));
                }
            }
            // A line break is one in a title.
            let text = text.split('\n').map(|line| e(line).to_string()).collect::<Vec<_>>().join("&#10;");
            let _ = write!(
                svg,
                r#"<rect x="{:.2}%" y="{HEAD}" width="{:.2}%" height="{}"><title>{text}</title></rect>"#,
                x * 100.0,
                ((until - x) * 100.0).max(0.2),
                self.height,
            );
        }
        svg.push_str("</g>");
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    fn points(values: &[Option<f64>]) -> Vec<Point> {
        let start: DateTime<Utc> = "2026-06-01T00:00:00Z".parse().unwrap();
        let at = |n: usize| start + Duration::hours(n as i64);
        let given = values.iter().enumerate();
        given.filter_map(|(n, value)| value.map(|value| Point { at: at(n), value })).collect()
    }

    fn plot(points: &[Point]) -> Plot<'_> {
        let from: DateTime<Utc> = "2026-06-01T00:00:00Z".parse().unwrap();
        let line = Line { name: "free", class: "a", filled: true, points };
        Plot {
            title: "Free slots",
            of: "prod",
            unit: Unit::Count,
            height: 100.0,
            from,
            to: from + Duration::hours(10),
            point: 3_600,
            lines: vec![line],
            events: Vec::new(),
        }
    }

    #[test]
    fn a_value_holds_until_the_next() {
        let points = points(&[Some(4.0), Some(2.0), Some(1.0)]);
        let (path, area) = plot(&points).paths(&points, 4.0);
        assert_eq!(path, "M0.0 0.0H100.0V50.0H200.0V75.0H300.0");
        assert_eq!(area, "M0.0 100.0V0.0H100.0V50.0H200.0V75.0H300.0V100.0Z");
    }

    #[test]
    fn nothing_is_drawn_where_nothing_was_measured() {
        let points = points(&[Some(4.0), Some(4.0), None, None, None, None, Some(2.0), Some(2.0)]);
        let (path, _) = plot(&points).paths(&points, 4.0);
        assert_eq!(path, "M0.0 0.0H100.0V0.0H200.0M600.0 50.0H700.0V50.0H800.0");
        assert_eq!(plot(&[]).draw("x"), None, "and nothing at all where there are no values");
    }

    #[test]
    fn it_is_told_in_words() {
        let points = points(&[Some(4.0), Some(2.0), Some(3.0)]);
        let drawn = plot(&points).draw("x").unwrap();
        assert!(drawn.contains("free: between 2 and 4, in the end 3."), "{drawn}");
        assert!(drawn.contains("<title>1 Jun 01:00&#10;2 free</title>"), "{drawn}");
    }
}
