//! Everything that the commands write, in one place: standard output is data, standard error is for people.

use std::io::{self, IsTerminal as _, Write as _};

/// Writes text, modestly styled on a terminal and plain everywhere else.
#[derive(Debug)]
pub struct Printer {
    styled: bool,
}

impl Printer {
    /// A printer for this process: styled if standard output is a terminal and `NO_COLOR` is not set.
    pub fn new() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { styled: io::stdout().is_terminal() && !unwanted }
    }

    /// A line of standard output.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()
    }

    /// A line on standard error.
    pub fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(io::stderr().lock(), "{text}")
    }

    /// Important text.
    pub fn bold(&self, text: &str) -> String {
        self.style("1", text)
    }

    /// Text that may be overlooked.
    pub fn dim(&self, text: &str) -> String {
        self.style("2", text)
    }

    fn style(&self, code: &str, text: &str) -> String {
        if self.styled { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
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
    use super::wrap;

    #[test]
    fn wraps_between_words_and_never_inside() {
        assert_eq!(wrap("", 10, 2), "");
        assert_eq!(wrap("a b  c", 3, 2), "a b\n  c");
        assert_eq!(wrap("averylongword x", 4, 1), "averylongword\n x");
        assert_eq!(wrap("ä ö ü", 3, 0), "ä ö\nü");
    }
}
