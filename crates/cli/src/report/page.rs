//! The page: one file that asks nobody for anything, so that it can be kept, sent and opened anywhere.
//!
//! Troubles first, then figures for who has a minute, then each pool, then what the maintainer did.

use std::fmt::Write as _;

use super::data::{Data, Part, Source};
use super::markup::{age, cost, count, e, number, time};
use super::tables;

const STYLE: &str = include_str!("style.css");
/// Nothing is fetched, sent or run, whatever got into the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
/// What tells a report from other files.
pub const MARK: &str = r#"<meta name="generator" content="aurora-clone report"/>"#;

/// The page of a report.
pub fn page(data: &Data) -> String {
    let mut html = String::new();
    head(&mut html, data);
    html.push_str("<main>\n");
    tables::troubles(&mut html, data);
    figures(&mut html, data);
    for part in [Part::Configuration, Part::Rules, Part::Metrics] {
        if let Some(why) = data.why_missing(part) {
            let what = match part {
                Part::Configuration => "What is wanted of the pools is not known",
                Part::Rules => "The limits of single sources are not known, so slots may be fewer",
                Part::Metrics | Part::Log => "There are no plots",
            };
            let _ = writeln!(html, r#"<p class="card">{what}: {}</p>"#, e(why));
        }
    }
    if data.sources.is_empty() {
        html.push_str(
            "<p class=\"card\">No source is configured and there is no clone. A source of the maintenance configuration gets its \
             pool here; docs/pool.md describes it.</p>\n",
        );
    }
    if data.sources.len() > 1 {
        tables::pools(&mut html, data);
    }
    tables::sides(&mut html, data);
    for (number, source) in data.sources.iter().enumerate() {
        pool(&mut html, data, source, number);
    }
    if !data.without_root.is_empty() {
        html.push_str(
            "<section><h2>Without a root</h2>\n<p>The databases that these were made of are gone.</p>\n",
        );
        tables::family(&mut html, data, "Clusters without a root", &data.without_root);
        html.push_str("</section>\n");
    }
    tables::told(&mut html, data);
    html.push_str("</main>\n");
    foot(&mut html, data);
    html
}

/// What the page is called.
pub fn title(data: &Data) -> String {
    match data.simulated {
        true => format!("Simulation of {}", data.manager),
        false => format!("Aurora clones of {}", data.manager),
    }
}

fn head(html: &mut String, data: &Data) {
    let title = title(data);
    let _ = write!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"/>\n\
         {MARK}\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        e(&title),
    );
    let mut place = Vec::new();
    if data.simulated {
        place.push("Simulated: nothing of this ever was".to_owned());
    }
    place.extend(data.account.iter().map(|account| format!("Account {account}")));
    place.extend(data.region.iter().cloned());
    place.push(format!("{} UTC", time(data.at)));
    let period = format!("from {} to {} UTC", time(data.from), time(data.to));
    let _ = writeln!(
        html,
        "<header><h1>{}</h1>\n<p class=\"soft\">{}. Over time: {}.</p></header>",
        e(&title),
        e(place.join(" · ")),
        e(period),
    );
}

fn foot(html: &mut String, data: &Data) {
    html.push_str("<footer>\n<p>All times are UTC. ");
    if data.point > 0 {
        let _ = write!(
            html,
            "A point of a plot stands for {}: the fewest free slots in it, the most of everything else; what was begun and purged is \
             counted. A line breaks where nothing was measured. ",
            e(age(data.point)),
        );
    }
    html.push_str(
        "Costs are estimates by list prices or by those of the configuration: the bill knows better. Of a clone only the instances \
         count, not the pages that changed.</p>\n<p>Made by <code>aurora-clone report</code>.</p>\n</footer>\n</body>\n</html>\n",
    );
}

fn figures(html: &mut String, data: &Data) {
    let sum = |of: fn(&Source) -> Option<u32>| -> Option<u64> {
        let known: Vec<u64> = data.sources.iter().filter_map(of).map(u64::from).collect();
        (!known.is_empty()).then(|| known.iter().sum())
    };
    let text = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), |value| number(value as f64));
    html.push_str("<dl class=\"figures\">");
    let mut figure = |name: &str, value: String, note: String, bad: bool| {
        let class = if bad { r#" class="bad""# } else { "" };
        let _ = write!(
            html,
            "<div><dt>{}</dt><dd{class}>{}<small>{}</small></dd></div>",
            e(name),
            e(value),
            e(note)
        );
    };
    // Slots of one source are of no use to another, so a surplus must not hide a lack.
    let short = data.sources.iter().filter(|source| is_short(source)).count();
    let wanted = sum(|source| source.wanted);
    let note = match (wanted, short) {
        (None, _) => String::new(),
        (Some(wanted), 0) => format!("{} wanted", number(wanted as f64)),
        (Some(wanted), short) => {
            format!("{} wanted; too few in {}", number(wanted as f64), count(short, "pool", "pools"))
        }
    };
    figure("Free slots", text(sum(|source| source.free)), note, short > 0);
    let strangers = sum(|source| source.strangers).filter(|strangers| *strangers > 0);
    let note = strangers.map(|n| format!("and {} of others", number(n as f64))).unwrap_or_default();
    figure("Clones", text(sum(|source| source.clones)), note, false);
    let sources = data.sources.len();
    figure(
        "Copies",
        text(sum(|source| source.copies)),
        format!("of {}", count(sources, "source", "sources")),
        false,
    );
    let total = tables::total(data);
    let shown = total.map_or_else(|| "–".to_owned(), |total| cost(total, data.currency.as_deref()));
    figure("Cost a month", shown, "estimated".to_owned(), false);
    let troubles = data.troubles.len();
    let note = if troubles == 0 { "nobody has to look" } else { "somebody has to look" };
    figure("Troubles", number(troubles as f64), note.to_owned(), troubles > 0);
    html.push_str("</dl>\n");
}

/// Whether a source has fewer free slots than are wanted.
pub fn is_short(source: &Source) -> bool {
    source.free.zip(source.wanted).is_some_and(|(free, wanted)| free < wanted)
}

fn pool(html: &mut String, data: &Data, source: &Source, at: usize) {
    let _ = writeln!(html, r#"<section id="pool-{at}"><h2>{}</h2>"#, e(&source.name));
    let mut facts: Vec<String> = source.engine.iter().cloned().collect();
    if let Some(free) = source.free {
        let wanted = source.wanted.map(|wanted| format!(" of {wanted} wanted")).unwrap_or_default();
        facts.push(format!("{free} free slots{wanted}"));
    }
    facts.extend(source.used.map(|used| format!("{used} taken")));
    facts.extend(source.copies.map(|n| count(n as usize, "copy", "copies")));
    facts.extend(source.oldest.map(|oldest| format!("the oldest data is {} old", age(oldest))));
    if let Some(of_source) = source.cost {
        facts.push(format!("{} a month", cost(of_source, data.currency.as_deref())));
    }
    facts.extend(source.figures.iter().map(|figure| {
        let note = if figure.note.is_empty() { String::new() } else { format!(" ({})", figure.note) };
        format!("{}: {}{note}", figure.name, figure.value)
    }));
    if !facts.is_empty() {
        let _ = writeln!(html, "<p class=\"soft\">{}</p>", e(facts.join(" · ")));
    }
    let plots = super::plots::of(data, source, at);
    if plots.is_empty() {
        if data.why_missing(Part::Metrics).is_none() {
            html.push_str("<p class=\"card\">Nothing was measured in this period.</p>\n");
        }
    } else {
        let _ = writeln!(html, "<div class=\"plots\">{}</div>", plots.join("\n"));
    }
    if !source.rows.is_empty() {
        tables::family(html, data, &format!("Clusters of {}", source.name), &source.rows);
    }
    html.push_str("</section>\n");
}
