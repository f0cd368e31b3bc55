//! The plot `docs/quarter.svg`: for each source its free slots with what was wanted, and its copies, over the days.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Sample, Told, members};

/// Hours of which one point is made: the fewest free slots and the most copies in them.
const POINT: usize = 4;
const SIZE: (u32, u32) = (1200, 1300);
const HEAD: u32 = 70;
// Of Okabe and Ito's palette, which those can tell apart who see fewer colours.
const FREE: RGBColor = RGBColor(0, 114, 178);
const WANTED: RGBColor = RGBColor(213, 94, 0);
const COPIES: RGBColor = RGBColor(0, 158, 115);
const GREY: RGBColor = RGBColor(90, 90, 90);

/// Draws it.
pub fn draw(told: &Told) -> String {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).unwrap();
        let (head, below) = area.split_vertically(HEAD);
        legend(&head);
        let (left, right) = below.split_horizontally(700);
        let (slots, copies) = (left.split_evenly((6, 1)), right.split_evenly((6, 1)));
        for (number, member) in members().iter().enumerate() {
            let points: Vec<(f64, Sample)> = told
                .samples
                .chunks(POINT)
                .enumerate()
                .map(|(at, hours)| (day(at), worst(hours, number)))
                .collect();
            let last = number + 1 == members().len();
            let free = points.iter().map(|(at, s)| (*at, s.free as f64)).collect::<Vec<_>>();
            let wanted = points.iter().map(|(at, s)| (*at, f64::from(s.wanted))).collect::<Vec<_>>();
            let made = points.iter().map(|(at, s)| (*at, s.copies as f64)).collect::<Vec<_>>();
            let days = told.story.days as f64;
            let title = format!("{}: free slots", member.id);
            small(&slots[number], &title, days, last, &[(&free, FREE), (&wanted, WANTED)]);
            small(&copies[number], &format!("{}: copies", member.id), days, last, &[(&made, COPIES)]);
        }
        area.present().unwrap();
    }
    svg
}

fn day(point: usize) -> f64 {
    (point * POINT) as f64 / 24.0
}

fn worst(hours: &[[Sample; 6]], member: usize) -> Sample {
    let of_member = || hours.iter().map(|hour| hour[member]);
    Sample {
        free: of_member().map(|sample| sample.free).min().unwrap_or(0),
        wanted: of_member().map(|sample| sample.wanted).max().unwrap_or(0),
        copies: of_member().map(|sample| sample.copies).max().unwrap_or(0),
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
/// A line: where it goes and its colour.
type Curve<'a> = (&'a [(f64, f64)], RGBColor);

fn legend(area: &Area<'_>) {
    let title = ("sans-serif", 22).into_font().color(&BLACK);
    area.draw_text("A quarter of a year: six pools", &title, (20, 12)).unwrap();
    let entries = [
        (FREE, "free slots (fewest in 4 hours)"),
        (WANTED, "slots wanted (target-clone-slots)"),
        (COPIES, "copies (most in 4 hours)"),
    ];
    for (number, (colour, text)) in entries.into_iter().enumerate() {
        let x = 20 + 330 * number as i32;
        area.draw(&PathElement::new(vec![(x, 54), (x + 36, 54)], colour.stroke_width(4))).unwrap();
        let style = ("sans-serif", 16).into_font().color(&BLACK);
        area.draw_text(text, &style.pos(Pos::new(HPos::Left, VPos::Center)), (x + 44, 54)).unwrap();
    }
}

/// One of the small charts; only the lowest names the days.
fn small(area: &Area<'_>, title: &str, days: f64, lowest: bool, curves: &[Curve<'_>]) {
    let top = curves.iter().flat_map(|(points, _)| points.iter()).map(|(_, y)| *y).fold(1.0, f64::max);
    // Below four the labels of a whole number's halves would be rounded to the same.
    let top = (top * 1.1).ceil().max(4.0);
    let mut chart = ChartBuilder::on(area)
        .margin(6)
        .margin_right(16)
        .caption(title, ("sans-serif", 16).into_font().color(&BLACK))
        .x_label_area_size(if lowest { 40 } else { 20 })
        .y_label_area_size(44)
        .build_cartesian_2d(0.0..days, 0.0..top)
        .unwrap();
    let small_text = ("sans-serif", 13).into_font().color(&GREY);
    let mut mesh = chart.configure_mesh();
    mesh.x_labels(10).y_labels(5).label_style(small_text.clone()).light_line_style(TRANSPARENT);
    mesh.bold_line_style(GREY.mix(0.2)).x_label_formatter(&|day| format!("{day:.0}"));
    mesh.y_label_formatter(&|value| format!("{value:.0}")).axis_style(GREY);
    if lowest {
        mesh.x_desc("days").axis_desc_style(("sans-serif", 14));
    }
    mesh.draw().unwrap();
    for (points, colour) in curves {
        chart.draw_series(LineSeries::new(steps(points), colour.stroke_width(2))).unwrap();
    }
}

/// The same as steps: a number of slots or copies holds until it changes.
fn steps(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for (number, &(x, y)) in points.iter().enumerate() {
        let last = number + 1 == points.len();
        match steps.last().copied() {
            Some((_, before)) if before == y && !last => {}
            Some((_, before)) => steps.extend([(x, before), (x, y)]),
            None => steps.push((x, y)),
        }
    }
    steps
}
