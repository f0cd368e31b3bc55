//! Looks again and again, until somebody ends it.
//!
//! A terminal shows the latest look and nothing else, as `watch` does; what is piped gets one look after the other. A look that fails
//! is said, and the next one is made all the same: AWS throttles, and connections break.

use std::time::Duration;

use aurora_clone_core::duration::format_time;

use super::look::{Seen, Wish, look};
use super::{advice, text};
use crate::failure::Failure;
use crate::printer::{Printer, cut};
use crate::session::Session;
use crate::surroundings::{Soon, Surroundings};

/// The terminal's second screen, so that what was there before is there afterwards, without a cursor.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";
/// To the first line; the rest of a line, and the rest of the screen, become blank.
const HOME: &str = "\u{1b}[H";
const REST_OF_LINE: &str = "\u{1b}[K";
const REST_OF_SCREEN: &str = "\u{1b}[J";

/// Watches.
pub async fn run(
    session: &Session,
    wish: &Wish<'_>,
    json: bool,
    seconds: u64,
    around: &mut Surroundings,
) -> Result<(), Failure> {
    let mut stop = (around.stop)();
    let draws = around.printer.is_terminal() && !json;
    // Nothing is drawn over what is on the screen before there is something to show.
    let first = tokio::select! {
        number = &mut stop => return Err(Failure::Signal(number)),
        first = look(session, wish) => first?,
    };
    if draws {
        around.printer.raw(ENTER)?;
    }
    let ended = again(session, wish, Shown { json, draws, seconds }, first, &mut stop, around).await;
    if draws {
        around.printer.raw(LEAVE)?;
    }
    Err(ended.err().unwrap_or(Failure::Said))
}

/// How looks are shown.
#[derive(Clone, Copy)]
struct Shown {
    json: bool,
    draws: bool,
    seconds: u64,
}

/// Shows the first look and those that follow; ends with what ended it.
async fn again(
    session: &Session,
    wish: &Wish<'_>,
    shown: Shown,
    first: Seen,
    stop: &mut Soon<u8>,
    around: &mut Surroundings,
) -> Result<(), Failure> {
    let mut last = first;
    let mut failure: Option<Failure> = None;
    loop {
        if shown.draws {
            draw(&last, failure.as_ref(), shown.seconds, &mut around.printer)?;
        } else {
            append(&last, failure.as_ref(), shown.json, &mut around.printer)?;
        }
        let next = async {
            tokio::time::sleep(Duration::from_secs(shown.seconds)).await;
            look(session, wish).await
        };
        let next = tokio::select! {
            number = &mut *stop => return Err(Failure::Signal(number)),
            next = next => next,
        };
        failure = match next {
            Ok(seen) => {
                last = seen;
                None
            }
            Err(failure) => Some(failure),
        };
    }
}

/// One look after the other; what failed goes to standard error alone, so that each document or table is a whole one.
fn append(seen: &Seen, failure: Option<&Failure>, json: bool, printer: &mut Printer) -> Result<(), Failure> {
    if let Some(failure) = failure {
        for line in problem(failure) {
            printer.note(&line)?;
        }
        return Ok(());
    }
    if json {
        printer.line(&seen.json(false)?)?;
    } else {
        printer.line(&format!("--- {}", format_time(seen.overview.at)))?;
        for line in text::lines(seen, printer.width(), printer) {
            printer.line(&line)?;
        }
    }
    for line in remarks(seen) {
        printer.note(&line)?;
    }
    Ok(())
}

/// The whole screen anew, without a moment in which it is blank.
fn draw(seen: &Seen, failure: Option<&Failure>, seconds: u64, printer: &mut Printer) -> Result<(), Failure> {
    let width = printer.width();
    let height = terminal_size::terminal_size().map(|(_, rows)| usize::from(rows.0));
    let screen = screen(seen, failure, seconds, (width, height), printer);
    let mut text = HOME.to_owned();
    for (at, line) in screen.iter().enumerate() {
        if at > 0 {
            text.push_str("\r\n");
        }
        text.push_str(line);
        text.push_str(REST_OF_LINE);
    }
    text.push_str(REST_OF_SCREEN);
    printer.raw(&text)?;
    Ok(())
}

/// The lines of a screen: what is wrong at the top, where it is seen, then the table as far as it fits.
fn screen(
    seen: &Seen,
    failure: Option<&Failure>,
    seconds: u64,
    (width, height): (Option<usize>, Option<usize>),
    printer: &Printer,
) -> Vec<String> {
    let at = format_time(seen.overview.at);
    let head = format!("Every {seconds} s, Ctrl-C ends it. Seen at {at}.");
    let mut lines = text::wrapped(&head, width);
    for line in failure.map(problem).unwrap_or_default() {
        lines.extend(text::wrapped(&line, width).into_iter().map(|line| printer.red(&line)));
    }
    for line in remarks(seen) {
        lines.extend(text::wrapped(&line, width).into_iter().map(|line| printer.yellow(&line)));
    }
    lines.push(String::new());
    lines.extend(text::lines(seen, width, printer));
    if let Some(height) = height.filter(|height| lines.len() > *height) {
        let kept = height.saturating_sub(1);
        let more = format!("… {} more lines: name a SOURCE, or pipe it", lines.len() - kept);
        lines.truncate(kept);
        lines.push(cut(&more, width.unwrap_or(usize::MAX)));
    }
    lines
}

fn problem(failure: &Failure) -> Vec<String> {
    let hint = failure.next().map(|hint| format!("hint: {hint}"));
    std::iter::once(format!("error: {failure}")).chain(hint).collect()
}

fn remarks(seen: &Seen) -> Vec<String> {
    let notes = seen.notes.iter().map(|note| format!("note: {note}"));
    notes.chain(advice::hints(&seen.overview).into_iter().map(|hint| format!("hint: {hint}"))).collect()
}
