//! What condition and update expressions have in common: tokens, placeholders and document paths.

use std::collections::{BTreeMap, BTreeSet};

use super::reserved::is_reserved;
use super::value::{Attribute, Item};

const LARGEST: usize = 4096;

/// The placeholders of a request, and which of them its expressions used.
#[derive(Debug, Default)]
pub(super) struct Placeholders {
    pub(super) names: BTreeMap<String, String>,
    pub(super) values: BTreeMap<String, Attribute>,
    pub(super) used: BTreeSet<String>,
}

impl Placeholders {
    /// DynamoDB refuses what no expression uses.
    pub(super) fn all_used(&self) -> Result<(), String> {
        let unused = |names: &mut dyn Iterator<Item = &String>| {
            names.filter(|name| !self.used.contains(*name)).cloned().collect::<Vec<_>>().join(", ")
        };
        for (what, unused) in [
            ("ExpressionAttributeNames", unused(&mut self.names.keys())),
            ("ExpressionAttributeValues", unused(&mut self.values.keys())),
        ] {
            if !unused.is_empty() {
                return Err(format!("Value provided in {what} unused in expressions: keys: {{{unused}}}"));
            }
        }
        Ok(())
    }
}

/// A place in an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DocumentPath(pub(super) Vec<PathStep>);

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PathStep {
    Key(String),
    Index(usize),
}

impl DocumentPath {
    /// The attribute that the path leads to.
    pub(super) fn get<'i>(&self, item: &'i Item) -> Option<&'i Attribute> {
        let (PathStep::Key(first), rest) = self.0.split_first()? else { return None };
        rest.iter().try_fold(item.get(first)?, |value, step| match (value, step) {
            (Attribute::M(fields), PathStep::Key(key)) => fields.get(key),
            (Attribute::L(items), PathStep::Index(index)) => items.get(*index),
            _ => None,
        })
    }

    /// As DynamoDB's messages write it.
    pub(super) fn shown(&self) -> String {
        let steps = self.0.iter().map(|step| match step {
            PathStep::Key(key) => key.clone(),
            PathStep::Index(index) => format!("[{index}]"),
        });
        format!("[{}]", steps.collect::<Vec<_>>().join(", "))
    }
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword, a function, or an attribute's name.
    Word(String),
    /// `#name`
    Name(String),
    /// `:value`
    Value(String),
    /// Digits.
    Index(usize),
    /// Anything else.
    Symbol(&'static str),
}

/// Reads tokens one after the other.
pub(super) struct Parser<'p> {
    /// The member that holds the expression.
    pub(super) member: &'static str,
    pub(super) placeholders: &'p mut Placeholders,
    tokens: Vec<Token>,
    at: usize,
}

impl<'p> Parser<'p> {
    pub(super) fn new(
        member: &'static str,
        text: &str,
        placeholders: &'p mut Placeholders,
    ) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err(format!("Invalid {member}: The expression can not be empty;"));
        }
        if text.len() > LARGEST {
            return Err(format!("Invalid {member}: Expression size has exceeded the maximum allowed size;"));
        }
        let tokens = tokens(text).map_err(|token| {
            format!("Invalid {member}: Syntax error; token: \"{token}\", near: \"{text}\"")
        })?;
        Ok(Self { member, placeholders, tokens, at: 0 })
    }

    pub(super) fn invalid(&self, problem: &str) -> String {
        format!("Invalid {}: {problem}", self.member)
    }

    /// A syntax error where the parser stands.
    pub(super) fn syntax(&self) -> String {
        let token = match self.tokens.get(self.at) {
            None => "<EOF>".to_owned(),
            Some(Token::Word(text) | Token::Name(text) | Token::Value(text)) => text.clone(),
            Some(Token::Index(index)) => index.to_string(),
            Some(Token::Symbol(symbol)) => (*symbol).to_owned(),
        };
        self.invalid(&format!("Syntax error; token: \"{token}\""))
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    pub(super) fn peek_second(&self) -> Option<&Token> {
        self.tokens.get(self.at + 1)
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// Where the parser stands.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The position behind the parenthesis that closes the one at which the parser stands, if it stands at one.
    pub(super) fn behind_parenthesis(&self) -> Option<usize> {
        let mut depth = 0;
        for (number, token) in self.tokens.iter().enumerate().skip(self.at) {
            match token {
                Token::Symbol("(") => depth += 1,
                Token::Symbol(")") => depth -= 1,
                _ => {}
            }
            if depth <= 0 {
                return (number > self.at).then_some(number + 1);
            }
        }
        None
    }

    pub(super) fn done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Takes a keyword, in any case of letters.
    pub(super) fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    pub(super) fn symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(other)) if *other == symbol);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, symbol: &str) -> Result<(), String> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.syntax()) }
    }

    /// Takes the name of a function that is followed by a parenthesis, and the parenthesis.
    pub(super) fn function(&mut self) -> Option<String> {
        match (self.peek(), self.peek_second()) {
            (Some(Token::Word(name)), Some(Token::Symbol("("))) => {
                let name = name.clone();
                self.at += 2;
                Some(name)
            }
            _ => None,
        }
    }

    /// The value of a placeholder.
    pub(super) fn value(&mut self, name: &str) -> Result<Attribute, String> {
        self.placeholders.used.insert(name.to_owned());
        self.placeholders.values.get(name).cloned().ok_or_else(|| {
            self.invalid(&format!(
                "An expression attribute value used in expression is not defined; attribute value: {name}"
            ))
        })
    }

    pub(super) fn path(&mut self) -> Result<DocumentPath, String> {
        let mut steps = vec![PathStep::Key(self.attribute()?)];
        loop {
            if self.symbol(".") {
                steps.push(PathStep::Key(self.attribute()?));
            } else if self.symbol("[") {
                match self.peek() {
                    Some(Token::Index(index)) => steps.push(PathStep::Index(*index)),
                    _ => return Err(self.syntax()),
                }
                self.at += 1;
                self.expect("]")?;
            } else {
                return Ok(DocumentPath(steps));
            }
        }
    }

    /// The name of one attribute.
    fn attribute(&mut self) -> Result<String, String> {
        match self.peek().cloned() {
            Some(Token::Word(name)) if is_reserved(&name) => {
                Err(self.invalid(&format!("Attribute name is a reserved keyword; reserved keyword: {name}")))
            }
            Some(Token::Word(name)) => {
                self.at += 1;
                Ok(name)
            }
            Some(Token::Name(placeholder)) => {
                self.at += 1;
                self.placeholders.used.insert(placeholder.clone());
                self.placeholders.names.get(&placeholder).cloned().ok_or_else(|| {
                    self.invalid(&format!(
                        "An expression attribute name used in the document path is not defined; attribute name: {placeholder}"
                    ))
                })
            }
            _ => Err(self.syntax()),
        }
    }
}

/// The tokens of a text, or the character that begins none.
fn tokens(text: &str) -> Result<Vec<Token>, String> {
    const SYMBOLS: [&str; 14] = ["<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ".", ",", "+", "-"];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |from: usize| {
            let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            rest[from..].find(|c| !part(c)).map_or(rest.len(), |end| end + from)
        };
        let (token, end) = match first {
            '#' | ':' if word(1) > 1 => {
                let text = rest[..word(1)].to_owned();
                (if first == '#' { Token::Name(text) } else { Token::Value(text) }, word(1))
            }
            _ if first.is_ascii_alphabetic() => (Token::Word(rest[..word(0)].to_owned()), word(0)),
            _ if first.is_ascii_digit() => {
                let digits = &rest[..word(0)];
                (Token::Index(digits.parse().map_err(|_| digits.to_owned())?), word(0))
            }
            _ => {
                let symbol = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol));
                let symbol = symbol.ok_or_else(|| first.to_string())?;
                (Token::Symbol(symbol), symbol.len())
            }
        };
        tokens.push(token);
        rest = rest[end..].trim_start();
    }
    Ok(tokens)
}
