//! The page `docs/quarter.md`: by what the run was made, and what came of it.
//!
//! The first part is a function of the code alone, so that a test can hold the page to it without telling the story.

use std::fmt::Write as _;

use super::{Figures, Member, Story, Told, cast, members};

/// The command that tells the story and writes the page and the plot.
pub const COMMAND: &str = "cargo run --release -p aurora-clone-tests --example quarter";

/// By what a run is made.
pub fn made_by(story: &Story) -> String {
    let mut text = format!(
        "# A quarter of a year\n\n\
         {days} simulated days of an account with {clusters} clusters, of which six are sources with a pool. The real `clone-handler` and the \
         real `pool-maintainer` run on the real AWS SDK over the simulator, in virtual time, with the template's two schedules (at 02:00 and \
         every 15 minutes). About {clones:.0} clones a day are asked for by stacks that come and go by chance, and about {hands:.0} times a day \
         somebody does something by hand: clones a copy, deletes or renames a clone, keeps or protects something, marks a copy, takes its \
         instance, stops it.\n\n\
         Written by `{COMMAND}`, from the seed {seed}; the same seed gives the same page. A test tells a few days of the same story.\n\n\
         Checked at every hour: no rule of the simulator is broken; no clone that the manager made is a full copy of its own; no source, no \
         cluster of another team or another manager, and no clone that people made by hand is changed or gone.\n\n\
         ![Free slots and copies of each source](quarter.svg)\n\n\
         ## The sources\n\n\
         | source | share of clones | a clone lives | configuration |\n|---|---|---|---|\n",
        days = story.days,
        clusters = story.bystanders + 7,
        clones = story.clones_a_day,
        hands = super::people::A_DAY * story.hands,
        seed = story.seed,
    );
    for Member { id, share, lives, about, .. } in members() {
        let _ = writeln!(text, "| `{id}` | {share} % | {} to {} hours | {about} |", lives.0, lives.1);
    }
    let configuration = serde_json::to_string_pretty(&cast::configuration(story, None)).unwrap();
    let _ = writeln!(text, "\n```json\n{configuration}\n```");
    text
}

/// The whole page.
pub fn page(told: &Told) -> String {
    let mut text = made_by(&told.story);
    let all: Vec<Figures> = (0..members().len()).map(|member| told.figures(member)).collect();
    let sum = told.sum();
    text += "\n## What came of it\n\n|";
    for name in members().iter().map(|member| member.id).chain(["all"]) {
        let _ = write!(text, " | {name}");
    }
    text += " |\n|---|";
    text += &"---:|".repeat(all.len() + 1);
    text.push('\n');
    for (name, value) in rows(&sum) {
        let _ = write!(text, "| {name}");
        for figures in all.iter().chain([&sum]) {
            let _ = write!(text, " | {}", value(figures));
        }
        text += " |\n";
    }
    text + &notes(told)
}

type Row = (String, Box<dyn Fn(&Figures) -> String>);

fn row(name: &str, value: impl Fn(&Figures) -> String + 'static) -> Row {
    (name.to_owned(), Box::new(value))
}

fn rows(sum: &Figures) -> Vec<Row> {
    let mut rows =
        vec![row("clones asked for", |f| f.asked.to_string()), row("made", |f| f.made.to_string())];
    for why in sum.failed.keys().copied() {
        rows.push(row(&format!("failed: {why}"), move |f| {
            f.failed.get(why).copied().unwrap_or(0).to_string()
        }));
    }
    rows.extend([
        row("still in the making", |f| f.open.to_string()),
        row("**asked for while no slot was free**", |f| format!("**{}**", f.full)),
        row("fewest free slots at any hour", |f| f.fewest.to_string()),
        row("hours with fewer than wanted", |f| f.below.to_string()),
        row("copies made", |f| f.copies.to_string()),
        row("copies purged", |f| f.purged.to_string()),
        row("most copies at once", |f| f.most.to_string()),
        row("copy-hours", |f| format!("{:.0}", f.copy_hours)),
        row("what they cost", |f| format!("{:.2}", f.cost)),
        row("clones ended by their lease", |f| f.by_lease.to_string()),
        row("orphans removed", |f| f.orphans.to_string()),
        row("clones that people deleted or renamed", |f| f.by_people.to_string()),
    ]);
    rows
}

fn notes(told: &Told) -> String {
    let days = told.story.days as f64;
    let mut text = String::from(
        "\nCopies are begun in the night alone, so between two nights free slots may fall below what is wanted: the target is what a day takes, \
         and some to spare for what people do. What counts is that no Create finds none. Free slots and hours are counted from the seventh hour \
         on, when the first copies are ready. Copies cost by the prices of the configuration, for the hours that they lived. Where a copy's \
         replacement is ready before the copy goes, both are paid for.\n\n",
    );
    let _ = writeln!(
        text,
        "`crm` is bounded by its budget on purpose: it is what a pool looks like that may not grow.\n\n\
         | calls of the manager to | a day | of them changing something |\n|---|---:|---:|"
    );
    let (mut all, mut changing) = (0, 0);
    for (service, (calls, changes)) in &told.calls {
        let _ = writeln!(text, "| {service} | {:.0} | {:.1} |", *calls as f64 / days, *changes as f64 / days);
        (all, changing) = (all + calls, changing + changes);
    }
    let _ = writeln!(text, "| all | {:.0} | {:.1} |", all as f64 / days, changing as f64 / days);
    let list = |pairs: Vec<String>| if pairs.is_empty() { "none".to_owned() } else { pairs.join(", ") };
    let _ = writeln!(
        text,
        "\nWhat changes something in DynamoDB are leases and records.\n\n\
         - Invocations of the maintainer: {} well, {} failed. Executions of its state machine: {}.\n\
         - Events: {}.\n- By hand: {}.",
        told.maintainer.succeeded,
        told.maintainer.failed,
        list(told.executions.iter().map(|(status, count)| format!("{count} {status}")).collect()),
        list(told.events.iter().map(|(kind, count)| format!("{count} `{kind}`")).collect()),
        list(told.people.iter().map(|(what, count)| format!("{count} {what}")).collect()),
    );
    text
}
