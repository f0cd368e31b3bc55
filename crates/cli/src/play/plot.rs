//! The picture of a scenario: for each source, or for each value of one, its free slots with what was wanted, and its copies.

use std::fmt::Display;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::figures::{Course, Sample};

const WIDTH: u32 = 1200;
const HEAD: u32 = 76;
const CHART: u32 = 210;
/// Points in a chart's width: more would lie on each other.
const POINTS: usize = 540;
// Of Okabe and Ito's palette, which those can tell apart who see fewer colours.
const FREE: RGBColor = RGBColor(0, 114, 178);
const WANTED: RGBColor = RGBColor(213, 94, 0);
const COPIES: RGBColor = RGBColor(0, 158, 115);
const GREY: RGBColor = RGBColor(90, 90, 90);

/// One row of the picture.
pub struct Panel<'p> {
    /// What it is about.
    pub title: String,
    /// What came of it.
    pub course: &'p Course,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws it, as SVG.
pub fn draw(title: &str, panels: &[Panel<'_>]) -> Result<String, String> {
    let mut svg = String::new();
    let height = HEAD + CHART * u32::try_from(panels.len()).unwrap_or(1);
    paint(&mut svg, (WIDTH, height), title, panels).map_err(|error| error.to_string())?;
    Ok(svg)
}

fn paint(
    svg: &mut String,
    size: (u32, u32),
    title: &str,
    panels: &[Panel<'_>],
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, size).into_drawing_area();
    area.fill(&WHITE)?;
    let (head, below) = area.split_vertically(HEAD);
    legend(&head, title)?;
    let (left, right) = below.split_horizontally(WIDTH * 3 / 5);
    let rows = panels.len().max(1);
    let (slots, copies) = (left.split_evenly((rows, 1)), right.split_evenly((rows, 1)));
    // The same scale for all of them, so that they can be compared by eye.
    let most = |value: fn(&Sample) -> usize| {
        let samples = panels.iter().flat_map(|panel| &panel.course.samples);
        samples.map(value).max().unwrap_or(0) as f64
    };
    let wanted = |course: &Course| course.policy.as_ref().map_or(0.0, |policy| f64::from(policy.target));
    let most_wanted = panels.iter().map(|panel| wanted(panel.course)).fold(0.0, f64::max);
    let (top_slots, top_copies) = (most(|sample| sample.free).max(most_wanted), most(|sample| sample.copies));
    for (number, panel) in panels.iter().enumerate() {
        let course = panel.course;
        let last = number + 1 == panels.len();
        let days = course.samples.len() as f64 / 24.0;
        let free = points(course, |some| some.iter().map(|sample| sample.free).min());
        let made = points(course, |some| some.iter().map(|sample| sample.copies).max());
        let wanted = [(0.0, wanted(course)), (days, wanted(course))];
        let mut curves: Vec<(&[(f64, f64)], RGBColor)> = vec![(&free, FREE)];
        if course.policy.is_some() {
            curves.push((&wanted, WANTED));
        }
        chart(&slots[number], &format!("{}: free slots", panel.title), (days, top_slots), last, &curves)?;
        let title = format!("{}: copies", panel.title);
        chart(&copies[number], &title, (days, top_copies), last, &[(&made, COPIES)])?;
    }
    area.present()?;
    Ok(())
}

/// The samples of a chart, several of them in one point where they are many.
fn points(course: &Course, of: fn(&[Sample]) -> Option<usize>) -> Vec<(f64, f64)> {
    let each = course.samples.len().div_ceil(POINTS).max(1);
    let chunks = course.samples.chunks(each).enumerate();
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for (number, some) in chunks {
        let (x, y) = ((number * each) as f64 / 24.0, of(some).unwrap_or(0) as f64);
        // A number of slots or copies holds until it changes.
        match steps.last().copied() {
            Some((_, before)) if before == y => {}
            Some((_, before)) => steps.extend([(x, before), (x, y)]),
            None => steps.push((x, y)),
        }
    }
    if let Some((_, y)) = steps.last().copied() {
        steps.push((course.samples.len() as f64 / 24.0, y));
    }
    steps
}

fn legend(area: &Area<'_>, title: &str) -> Result<(), Box<dyn std::error::Error>> {
    area.draw_text(title, &("sans-serif", 22).into_font().color(&BLACK), (20, 12))?;
    let entries =
        [(FREE, "free slots (the fewest)"), (WANTED, "target-clone-slots"), (COPIES, "copies (the most)")];
    for (number, (colour, text)) in entries.into_iter().enumerate() {
        let x = 20 + 280 * i32::try_from(number).unwrap_or(0);
        area.draw(&PathElement::new(vec![(x, 58), (x + 36, 58)], colour.stroke_width(4)))?;
        let style = ("sans-serif", 16).into_font().color(&BLACK);
        area.draw_text(text, &style.pos(Pos::new(HPos::Left, VPos::Center)), (x + 44, 58))?;
    }
    Ok(())
}

/// One of the small charts; only the lowest names the days.
fn chart(
    area: &Area<'_>,
    title: &str,
    (days, top): (f64, f64),
    lowest: bool,
    curves: &[(&[(f64, f64)], RGBColor)],
) -> Result<(), Box<dyn std::error::Error>> {
    // Below four the labels of a whole number's halves would be rounded to the same.
    let top = (top * 1.1).ceil().max(4.0);
    let mut chart = ChartBuilder::on(area)
        .margin(6)
        .margin_right(16)
        .caption(title, ("sans-serif", 16).into_font().color(&BLACK))
        .x_label_area_size(if lowest { 42 } else { 22 })
        .y_label_area_size(44)
        .build_cartesian_2d(0.0..days, 0.0..top)?;
    let small = ("sans-serif", 13).into_font().color(&GREY);
    let mut mesh = chart.configure_mesh();
    mesh.x_labels(10).y_labels(5).label_style(small).light_line_style(TRANSPARENT);
    mesh.bold_line_style(GREY.mix(0.2)).axis_style(GREY);
    let (of_days, of_numbers) = (|day: &f64| number(*day), |value: &f64| number(*value));
    mesh.x_label_formatter(&of_days).y_label_formatter(&of_numbers);
    if lowest {
        mesh.x_desc("days").axis_desc_style(("sans-serif", 14));
    }
    mesh.draw()?;
    for (points, colour) in curves {
        chart.draw_series(LineSeries::new(points.to_vec(), colour.stroke_width(2)))?;
    }
    Ok(())
}

/// Whole where it is whole.
fn number(value: f64) -> String {
    fn text(value: impl Display) -> String {
        value.to_string()
    }
    if value.fract().abs() < 1e-9 { text(value.round() as i64) } else { text(format_args!("{value:.1}")) }
}
