//! `AllowedPattern`: the part of regular expressions that templates use, always against the whole text.
//!
//! Literals, `.`, classes, groups, alternatives, looks ahead, greedy repetition, `^`, `$` and `\d \w \s` with their opposites.
//! Anything else is refused loudly.

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(super) struct Pattern(Alternatives);

type Alternatives = Vec<Vec<Piece>>;

#[derive(Debug, Clone)]
struct Piece {
    what: What,
    least: usize,
    most: usize,
}

#[derive(Debug, Clone)]
enum What {
    Char(char),
    Any,
    Class { ranges: Vec<(char, char)>, not: bool },
    Group(Alternatives),
    Ahead { ahead: Alternatives, not: bool },
    Start,
    End,
}

impl Pattern {
    /// Compiles a pattern; the error says what is not simulated.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let mut reader = Reader { chars: text.chars().collect(), at: 0 };
        let alternatives = reader.alternatives()?;
        if reader.at < reader.chars.len() {
            return Err(format!("not simulated: the pattern {text}"));
        }
        Ok(Self(alternatives))
    }

    /// Whether the whole text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        any(&self.0, &text, 0, &mut |end| end == text.len())
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn alternatives(&mut self) -> Result<Alternatives, String> {
        let mut all = vec![self.sequence()?];
        while self.take('|') {
            all.push(self.sequence()?);
        }
        Ok(all)
    }

    fn sequence(&mut self) -> Result<Vec<Piece>, String> {
        let mut pieces = Vec::new();
        while self.peek().is_some_and(|next| next != '|' && next != ')') {
            let what = self.what()?;
            let (least, most) = self.repetition()?;
            pieces.push(Piece { what, least, most });
        }
        Ok(pieces)
    }

    fn what(&mut self) -> Result<What, String> {
        Ok(match self.next() {
            Some('.') => What::Any,
            Some('^') => What::Start,
            Some('$') => What::End,
            Some('[') => self.class()?,
            Some('(') => {
                let special = self.take('?').then(|| self.next());
                let inner = self.alternatives()?;
                if !self.take(')') {
                    return Err("a pattern's group does not end".to_owned());
                }
                match special {
                    None | Some(Some(':')) => What::Group(inner),
                    Some(Some(sign @ ('=' | '!'))) => What::Ahead { ahead: inner, not: sign == '!' },
                    Some(_) => return Err("not simulated: a look behind in a pattern".to_owned()),
                }
            }
            Some('\\') => {
                let (ranges, not) = self.escape()?;
                What::Class { ranges, not }
            }
            Some(c @ ('*' | '+' | '?' | '{')) => {
                return Err(format!("not simulated: a pattern with a bare {c}"));
            }
            Some(c) => What::Char(c),
            None => return Err("a pattern ends early".to_owned()),
        })
    }

    fn escape(&mut self) -> Result<(Vec<(char, char)>, bool), String> {
        let digits = vec![('0', '9')];
        let word = vec![('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_')];
        let space = vec![(' ', ' '), ('\t', '\r')];
        Ok(match self.next() {
            Some('d') => (digits, false),
            Some('D') => (digits, true),
            Some('w') => (word, false),
            Some('W') => (word, true),
            Some('s') => (space, false),
            Some('S') => (space, true),
            Some('n') => (vec![('\n', '\n')], false),
            Some('t') => (vec![('\t', '\t')], false),
            Some(c) if c.is_ascii_alphanumeric() => return Err(format!("not simulated: \\{c} in a pattern")),
            Some(c) => (vec![(c, c)], false),
            None => return Err("a pattern ends with a backslash".to_owned()),
        })
    }

    fn class(&mut self) -> Result<What, String> {
        let not = self.take('^');
        let mut ranges = Vec::new();
        loop {
            let low = match self.next() {
                Some(']') if !ranges.is_empty() => return Ok(What::Class { ranges, not }),
                Some('[') => return Err("not simulated: a class inside a class".to_owned()),
                Some('\\') => {
                    let (mut inner, opposite) = self.escape()?;
                    if opposite {
                        return Err("not simulated: an opposite inside a class".to_owned());
                    }
                    match inner.as_slice() {
                        [(a, b)] if a == b => *a,
                        _ => {
                            ranges.append(&mut inner);
                            continue;
                        }
                    }
                }
                Some(c) => c,
                None => return Err("a pattern's class does not end".to_owned()),
            };
            let is_range =
                self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|next| *next != ']');
            let high = if is_range {
                self.at += 1;
                self.next().unwrap_or(low)
            } else {
                low
            };
            ranges.push((low, high));
        }
    }

    fn repetition(&mut self) -> Result<(usize, usize), String> {
        let bounds = match self.peek() {
            Some('*') => (0, usize::MAX),
            Some('+') => (1, usize::MAX),
            Some('?') => (0, 1),
            Some('{') => {
                let rest: String = self.chars.iter().skip(self.at + 1).take_while(|c| **c != '}').collect();
                let (least, most) = rest.split_once(',').unwrap_or((&rest, &rest));
                let most = if most.is_empty() { Ok(usize::MAX) } else { most.parse() };
                let (Ok(least), Ok(most)) = (least.parse(), most) else {
                    return Err(format!("not simulated: {{{rest}}} in a pattern"));
                };
                self.at += rest.chars().count() + 1;
                (least, most)
            }
            _ => return Ok((1, 1)),
        };
        self.at += 1;
        if matches!(self.peek(), Some('?' | '+')) {
            return Err("not simulated: a lazy or possessive repetition in a pattern".to_owned());
        }
        Ok(bounds)
    }
}

fn any(all: &Alternatives, text: &[char], at: usize, then: &mut dyn FnMut(usize) -> bool) -> bool {
    all.iter().any(|pieces| sequence(pieces, text, at, then))
}

fn sequence(pieces: &[Piece], text: &[char], at: usize, then: &mut dyn FnMut(usize) -> bool) -> bool {
    match pieces.split_first() {
        None => then(at),
        Some((piece, rest)) => repeat(piece, rest, 0, text, at, then),
    }
}

fn repeat(
    piece: &Piece,
    rest: &[Piece],
    done: usize,
    text: &[char],
    at: usize,
    then: &mut dyn FnMut(usize) -> bool,
) -> bool {
    let more = done < piece.most
        && once(&piece.what, text, at, &mut |end| {
            (end > at || done < piece.least) && repeat(piece, rest, done + 1, text, end, then)
        });
    more || (done >= piece.least && sequence(rest, text, at, then))
}

fn once(what: &What, text: &[char], at: usize, then: &mut dyn FnMut(usize) -> bool) -> bool {
    let next = text.get(at).copied();
    match what {
        What::Group(inner) => any(inner, text, at, then),
        What::Ahead { ahead, not } => any(ahead, text, at, &mut |_| true) != *not && then(at),
        What::Start => at == 0 && then(at),
        What::End => at == text.len() && then(at),
        What::Any => next.is_some() && then(at + 1),
        What::Char(c) => next == Some(*c) && then(at + 1),
        What::Class { ranges, not } => {
            next.is_some_and(|c| ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *not)
                && then(at + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn whole_text() {
        for (pattern, yes, no) in [
            ("[a-z][a-z0-9-]*", &["a", "ab-1"][..], &["", "1a", "aB", "ab "][..]),
            ("^(dev|prod)(-\\d{1,3})?$", &["dev", "prod-12"], &["test", "dev-1234", "xdev"]),
            (
                "arn:[^:]+:rds:.*:cluster:[\\w-]+",
                &["arn:aws:rds:eu-west-1:1:cluster:a-b"],
                &["arn::rds::cluster:a"],
            ),
            ("(a*)*b", &["b", "aaab"], &["aaa"]),
            ("[\\]x-]+\\.\\S", &["]x-.y"], &["]x-. "]),
            (".{2,}", &["ab", "abc"], &["a"]),
            ("P(?=.)(\\d+D)?(T\\d+H)?", &["P1D", "PT1H", "P1DT1H"], &["P", "PD"]),
            ("[a-z](?:[a-z]|-(?!-))*", &["a", "a-b-", "ab"], &["a--b", "-a"]),
        ] {
            let compiled = Pattern::new(pattern).expect(pattern);
            for text in yes {
                assert!(compiled.matches(text), "{pattern} {text}");
            }
            for text in no {
                assert!(!compiled.matches(text), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn the_rest_is_loud() {
        for pattern in ["(?<=a)", "(?i)a", "a+?", "\\bx", "[a", "(a", "a)", "*"] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }
}
