//! The tables and lists of the page.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::data::{Cost, Data, Part, Row, Sort};
use super::markup::{age, cost, count, e, number, time, time_element};
use super::page::is_short;

/// Clusters of one family that are listed: a page is for reading, and `status` lists them all.
const MOST_ROWS: usize = 150;
/// Owners that are listed.
const MOST_OWNERS: usize = 20;
/// Entries of what the maintainer did.
const MOST_TOLD: usize = 150;
/// Troubles that are listed.
const MOST_TROUBLES: usize = 50;

/// What somebody has to look at.
pub fn troubles(html: &mut String, data: &Data) {
    if data.troubles.is_empty() {
        return;
    }
    html.push_str("<section class=\"card troubles\"><h2>Somebody has to look</h2><ul>");
    for trouble in data.troubles.iter().take(MOST_TROUBLES) {
        let about = match trouble.about.is_empty() || trouble.what.contains(&trouble.about) {
            true => String::new(),
            false => format!(r#"<span class="name">{}</span>: "#, e(&trouble.about)),
        };
        let _ = write!(html, "<li>{about}{}</li>", e(&trouble.what));
    }
    html.push_str("</ul>");
    more(html, data.troubles.len(), MOST_TROUBLES, "aurora-clone status");
    html.push_str("</section>\n");
}

/// What all of it costs.
pub fn total(data: &Data) -> Option<Cost> {
    let without_root = data.without_root.iter().filter_map(|row| row.cost);
    let costs: Vec<Cost> = data.sources.iter().filter_map(|source| source.cost).chain(without_root).collect();
    let add = |sum: Cost, one: &Cost| Cost {
        monthly: sum.monthly + one.monthly,
        at_least: sum.at_least || one.at_least,
    };
    (!costs.is_empty()).then(|| costs.iter().fold(Cost::default(), add))
}

/// One line for each pool.
pub fn pools(html: &mut String, data: &Data) {
    let currency = data.currency.as_deref();
    html.push_str(
        "<div class=\"scroll\"><table><caption>Pools</caption><thead><tr><th scope=\"col\">Source</th><th scope=\"col\" class=\"n\">Free slots</th>\
         <th scope=\"col\" class=\"n\">Wanted</th><th scope=\"col\" class=\"n\">Clones</th><th scope=\"col\" class=\"n\">Copies</th>\
         <th scope=\"col\" class=\"n\">Oldest copy</th><th scope=\"col\" class=\"n\">Cost a month</th></tr></thead><tbody>",
    );
    for (at, source) in data.sources.iter().enumerate() {
        let n = |value: Option<u32>| value.map_or_else(|| "–".to_owned(), |value| value.to_string());
        let (class, short) = if is_short(source) { ("n bad", " too few") } else { ("n", "") };
        let _ = write!(
            html,
            "<tr><th scope=\"row\"><a href=\"#pool-{at}\">{}</a></th><td class=\"{class}\">{}{short}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            e(&source.name),
            n(source.free),
            n(source.wanted),
            n(source.clones),
            n(source.copies),
            e(source.oldest.map_or_else(|| "–".to_owned(), age)),
            e(source.cost.map_or_else(|| "–".to_owned(), |of| cost(of, currency))),
        );
    }
    html.push_str("</tbody></table></div>\n");
}

/// Owners and costs, side by side.
pub fn sides(html: &mut String, data: &Data) {
    let mut sides = String::new();
    owners(&mut sides, data);
    costs(&mut sides, data);
    if !sides.is_empty() {
        let _ = writeln!(html, "<div class=\"sides\">{sides}</div>");
    }
}

/// Whose the clones are, who has most first.
fn owners(html: &mut String, data: &Data) {
    let mut owners: BTreeMap<&str, (u32, Cost)> = BTreeMap::new();
    let rows = data.sources.iter().flat_map(|source| &source.rows).chain(&data.without_root);
    for row in rows {
        let Some(owner) = &row.owner else { continue };
        let (clones, sum) = owners.entry(owner).or_default();
        *clones += 1;
        // What nobody knows is not nothing.
        sum.at_least |= row.cost.is_none();
        if let Some(cost) = row.cost {
            *sum = Cost { monthly: sum.monthly + cost.monthly, at_least: sum.at_least || cost.at_least };
        }
    }
    if owners.is_empty() {
        return;
    }
    let number_of_owners = owners.len();
    let mut owners: Vec<(&str, (u32, Cost))> = owners.into_iter().collect();
    owners.sort_by(|(a, (n, _)), (b, (m, _))| m.cmp(n).then(a.cmp(b)));
    let most = owners.first().map_or(1, |(_, (clones, _))| *clones);
    html.push_str("<div class=\"scroll\"><table><caption>Owners</caption><thead><tr><th scope=\"col\">Owner</th><th scope=\"col\" class=\"n\">Clones</th><th scope=\"col\" class=\"track-cell\">Share of the most</th><th scope=\"col\" class=\"n\">Cost a month</th></tr></thead><tbody>");
    for (owner, (clones, sum)) in owners.into_iter().take(MOST_OWNERS) {
        bar(
            html,
            owner,
            f64::from(clones) / f64::from(most.max(1)),
            &clones.to_string(),
            &cost(sum, data.currency.as_deref()),
        );
    }
    html.push_str("</tbody></table>");
    more(html, number_of_owners, MOST_OWNERS, "aurora-clone status");
    html.push_str("</div>");
}

/// What each source costs, and all of them.
fn costs(html: &mut String, data: &Data) {
    let Some(total) = total(data) else { return };
    let currency = data.currency.as_deref();
    let all = total.monthly.max(0.01);
    html.push_str("<div class=\"scroll\"><table><caption>Costs <small>estimated, a month</small></caption><thead><tr><th scope=\"col\">Source</th><th scope=\"col\" class=\"n\">Clusters</th><th scope=\"col\" class=\"track-cell\">Share of the total</th><th scope=\"col\" class=\"n\">Cost a month</th></tr></thead><tbody>");
    let mut sources: Vec<_> = data.sources.iter().filter_map(|source| Some((source, source.cost?))).collect();
    sources.sort_by(|(a, x), (b, y)| y.monthly.total_cmp(&x.monthly).then(a.name.cmp(&b.name)));
    for (source, of) in sources.iter().take(MOST_OWNERS) {
        bar(html, &source.name, of.monthly / all, &source.rows.len().to_string(), &cost(*of, currency));
    }
    let _ = write!(
        html,
        "<tr><th scope=\"row\" class=\"name\">Total</th><td class=\"n\">{}</td><td class=\"track-cell\"></td><td class=\"n name\">{}</td></tr></tbody></table>",
        data.sources.iter().map(|source| source.rows.len()).sum::<usize>() + data.without_root.len(),
        e(cost(total, currency)),
    );
    more(html, sources.len(), MOST_OWNERS, "aurora-clone status");
    html.push_str("</div>");
}

fn bar(html: &mut String, name: &str, share: f64, n: &str, cost: &str) {
    let _ = write!(
        html,
        "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"track-cell\"><span class=\"track\" aria-hidden=\"true\"><span style=\"width:{:.1}%\"></span></span></td><td class=\"n\">{}</td></tr>",
        e(name),
        e(n),
        (share * 100.0).clamp(0.0, 100.0),
        e(cost),
    );
}

/// The clusters of a family.
pub fn family(html: &mut String, data: &Data, caption: &str, rows: &[Row]) {
    let _ = write!(
        html,
        "<div class=\"scroll\"><table><caption>{} <small>on {} UTC</small></caption><thead><tr><th scope=\"col\">Cluster</th><th scope=\"col\">Kind</th>\
         <th scope=\"col\">Status</th><th scope=\"col\" class=\"n\">Slots</th><th scope=\"col\" class=\"n\">Data</th><th scope=\"col\">Owner</th>\
         <th scope=\"col\">Lease ends</th><th scope=\"col\" class=\"n\">Cost a month</th></tr></thead><tbody>",
        e(caption),
        e(time(data.at)),
    );
    for row in rows.iter().take(MOST_ROWS) {
        let described = match &row.description {
            Some(text) => format!("<span class=\"soft\">{}</span>", e(text)),
            None => String::new(),
        };
        let lease = match row.lease {
            Some(end) if end <= data.at => format!("{} <span class=\"bad\">over</span>", time_element(end)),
            Some(end) => time_element(end),
            None => String::new(),
        };
        let _ = write!(
            html,
            "<tr><th scope=\"row\" class=\"in{}\">{}</th><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}{described}</td><td class=\"when\">{lease}</td><td class=\"n\">{}</td></tr>",
            row.depth.min(2),
            e(&row.cluster),
            e(&row.kind),
            e(&row.status),
            e(row.slots.map(|(taken, all)| format!("{taken} of {all}")).unwrap_or_default()),
            e(data_age(row)),
            e(row.owner.as_deref().unwrap_or_default()),
            e(row.cost.map(|of| cost(of, data.currency.as_deref())).unwrap_or_default()),
        );
    }
    html.push_str("</tbody></table>");
    more(html, rows.len(), MOST_ROWS, "aurora-clone status");
    html.push_str("</div>\n");
}

/// A root's data is always of now.
fn data_age(row: &Row) -> String {
    match row.data_age {
        Some(0) if row.depth == 0 => "now".to_owned(),
        other => other.map(age).unwrap_or_default(),
    }
}

/// What the maintainer did and why.
pub fn told(html: &mut String, data: &Data) {
    html.push_str("<section><h2>What the maintainer did, and why</h2>\n");
    if let Some(why) = data.why_missing(Part::Log) {
        let _ = writeln!(html, "<p class=\"card\">Its log could not be read: {}</p>", e(why));
    } else if data.told.is_empty() {
        html.push_str(
            "<p class=\"card\">It did nothing in this period, and there was nothing to find.</p>\n",
        );
    }
    if data.told.is_empty() {
        html.push_str("</section>\n");
        return;
    }
    let did = data.told.iter().filter(|told| told.sort == Sort::Did).count();
    let _ = write!(
        html,
        "<div class=\"scroll\"><table class=\"log\"><caption>The latest first <small>{}, {} of them done</small></caption><thead><tr><th scope=\"col\">When</th><th scope=\"col\">Sort</th><th scope=\"col\">Source</th><th scope=\"col\">What, and why</th></tr></thead><tbody>",
        count(data.told.len(), "entry", "entries"),
        number(did as f64),
    );
    for told in data.told.iter().take(MOST_TOLD) {
        let (class, word) = match told.sort {
            Sort::Did => ("did", "did"),
            Sort::Found => ("found", "found"),
            Sort::Waits => ("waits", "waits"),
            Sort::Trouble => ("trouble", "trouble"),
            Sort::Error => ("error", "error"),
        };
        let since = match told.times {
            0 | 1 => String::new(),
            times => format!("<span class=\"soft\">{times} times since {}</span>", time_element(told.first)),
        };
        let why = match told.why.is_empty() {
            true => String::new(),
            false => format!("<span class=\"soft\">{}</span>", e(&told.why)),
        };
        let _ = write!(
            html,
            "<tr><td class=\"when\">{}</td><td><span class=\"sort {class}\">{word}</span></td><td>{}</td><td class=\"words\">{}{why}{since}</td></tr>",
            time_element(told.at),
            e(&told.source),
            e(&told.what),
        );
    }
    html.push_str("</tbody></table>");
    more(html, data.told.len(), MOST_TOLD, "aurora-clone report --json");
    if let Some(since) = data.told_since {
        let _ = write!(
            html,
            "<p class=\"card soft\">What was logged before {} UTC was not read.</p>",
            e(time(since))
        );
    }
    html.push_str("</div></section>\n");
}

/// Says how many there are that are not shown, and who shows them.
fn more(html: &mut String, all: usize, shown: usize, who: &str) {
    if all > shown {
        let _ = write!(
            html,
            "<p class=\"soft more\">And {} more: <code>{who}</code> shows all of them.</p>",
            number((all - shown) as f64)
        );
    }
}
