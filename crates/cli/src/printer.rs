//! Everything that the commands write, in one place: standard output is data, standard error is for people.

use std::io::{self, BufRead, IsTerminal as _, Write};
use std::sync::{Arc, Mutex};

use unicode_width::UnicodeWidthStr as _;

/// When text is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where output goes and where answers come from. Styled on a terminal, plain everywhere else.
pub struct Printer {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    input: Box<dyn BufRead + Send>,
    /// Whether standard output is a terminal.
    out_is_terminal: bool,
    /// Whether standard error is a terminal, so that progress can be drawn.
    err_is_terminal: bool,
    /// Whether somebody can answer a question.
    answers: bool,
    /// Columns, where they are not the terminal's.
    columns: Option<usize>,
    styled: bool,
    no_colour: bool,
}

/// What was written into a [`Printer`] that is not this process's.
#[derive(Debug, Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// The text so far.
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Printer {
    /// A printer for this process.
    pub fn new() -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let out_is_terminal = io::stdout().is_terminal();
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            input: Box::new(io::BufReader::new(io::stdin())),
            out_is_terminal,
            err_is_terminal: io::stderr().is_terminal(),
            answers: io::stdin().is_terminal(),
            columns: None,
            styled: out_is_terminal && !no_colour,
            no_colour,
        }
    }

    /// A printer whose output is kept, as if it were piped; and what was written to standard output and to standard error.
    pub fn captured() -> (Self, Captured, Captured) {
        let (out, err) = (Captured::default(), Captured::default());
        let printer = Self {
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            input: Box::new(io::empty()),
            out_is_terminal: false,
            err_is_terminal: false,
            answers: false,
            columns: None,
            styled: false,
            no_colour: false,
        };
        (printer, out, err)
    }

    /// The same, as if standard output were a terminal of so many columns.
    #[must_use]
    pub fn on_terminal(mut self, columns: usize) -> Self {
        self.out_is_terminal = true;
        self.columns = Some(columns);
        self.styled = !self.no_colour;
        self
    }

    /// The same, with somebody who answers questions with these lines.
    #[must_use]
    pub fn answering(mut self, lines: &str) -> Self {
        self.input = Box::new(io::Cursor::new(lines.to_owned()));
        self.answers = true;
        self
    }

    /// Colours as the command line says.
    pub fn colour(&mut self, colour: Colour) {
        self.styled = match colour {
            Colour::Auto => self.out_is_terminal && !self.no_colour,
            Colour::Always => true,
            Colour::Never => false,
        };
    }

    /// Whether standard output is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    /// Whether progress can be drawn on standard error.
    pub fn draws_progress(&self) -> bool {
        self.err_is_terminal
    }

    /// How many columns a line of standard output may have; `None` where it is not a terminal, and nothing is cut.
    pub fn width(&self) -> Option<usize> {
        if !self.out_is_terminal {
            return None;
        }
        let columns = || terminal_size::terminal_size().map(|(columns, _)| usize::from(columns.0));
        Some(self.columns.or_else(columns).unwrap_or(80).max(20))
    }

    /// A line of standard output.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// Text of standard output as it is, without a line's end.
    pub fn raw(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// A line on standard error.
    pub fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.err, "{text}")
    }

    /// Standard input, where it is data.
    pub fn input(&mut self) -> &mut dyn io::Read {
        &mut self.input
    }

    /// Asks on standard error; `None` where nobody can answer.
    pub fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        if !self.answers {
            return Ok(None);
        }
        write!(self.err, "{question} ")?;
        self.err.flush()?;
        let mut answer = String::new();
        if self.input.read_line(&mut answer)? == 0 {
            return Ok(None);
        }
        Ok(Some(answer.trim().to_owned()))
    }

    /// Important text.
    pub fn bold(&self, text: &str) -> String {
        self.style("1", text)
    }

    /// Text that may be overlooked.
    pub fn dim(&self, text: &str) -> String {
        self.style("2", text)
    }

    /// Text about what is well.
    pub fn green(&self, text: &str) -> String {
        self.style("32", text)
    }

    /// Text about what somebody should look at.
    pub fn yellow(&self, text: &str) -> String {
        self.style("33", text)
    }

    /// Text about what is wrong.
    pub fn red(&self, text: &str) -> String {
        self.style("31", text)
    }

    fn style(&self, code: &str, text: &str) -> String {
        if self.styled { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

impl Default for Printer {
    fn default() -> Self {
        Self::new()
    }
}

/// Text cut to so many columns, with a mark where something is missing.
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        let mut longer = kept.clone();
        longer.push(character);
        if longer.width() + 1 > columns {
            break;
        }
        kept = longer;
    }
    kept + "…"
}

/// `text` in lines of at most `width` characters where words allow; each line but the first begins with `indent` blanks.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = 0;
        }
        if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Printer, cut, wrap};

    #[test]
    fn wraps_between_words_and_never_inside() {
        assert_eq!(wrap("", 10, 2), "");
        assert_eq!(wrap("a b  c", 3, 2), "a b\n  c");
        assert_eq!(wrap("averylongword x", 4, 1), "averylongword\n x");
        assert_eq!(wrap("ä ö ü", 3, 0), "ä ö\nü");
    }

    #[test]
    fn cuts_by_columns_and_says_so() {
        assert_eq!(cut("clone-a", 7), "clone-a");
        assert_eq!(cut("clone-a", 6), "clone…");
        assert_eq!(cut("数据库", 5), "数据…");
    }

    #[test]
    fn only_a_terminal_is_styled_and_has_a_width() {
        let (printer, ..) = Printer::captured();
        assert_eq!((printer.bold("x").as_str(), printer.width()), ("x", None));
        let (printer, ..) = Printer::captured();
        let printer = printer.on_terminal(44);
        assert_eq!((printer.bold("x").as_str(), printer.width()), ("\u{1b}[1mx\u{1b}[0m", Some(44)));
    }

    #[test]
    fn nobody_is_asked_who_can_not_answer() {
        let (mut printer, _, err) = Printer::captured();
        assert_eq!(printer.ask("Delete?").unwrap(), None);
        assert_eq!(err.text(), "");
        let (printer, _, err) = Printer::captured();
        let mut printer = printer.answering("yes\n");
        assert_eq!(printer.ask("Delete?").unwrap().as_deref(), Some("yes"));
        assert_eq!(err.text(), "Delete? ");
    }
}
