//! Update expressions: SET and REMOVE.

use super::expression::{DocumentPath, Parser, PathStep, Placeholders, Token};
use super::value::{Attribute, Item};

/// A parsed update.
#[derive(Debug, Default)]
pub(super) struct Update {
    sets: Vec<(DocumentPath, Source)>,
    removes: Vec<DocumentPath>,
}

/// What a SET assigns.
#[derive(Debug)]
enum Source {
    Value(Attribute),
    Path(DocumentPath),
    IfNotExists(DocumentPath, Box<Source>),
    Plus(Box<Source>, Box<Source>),
    Minus(Box<Source>, Box<Source>),
}

impl Update {
    /// Parses an update; `key` is the attribute that may not be changed.
    pub(super) fn parse(text: &str, placeholders: &mut Placeholders, key: &str) -> Result<Self, String> {
        let mut parser = Parser::new("UpdateExpression", text, placeholders)?;
        let mut update = Self::default();
        while !parser.done() {
            let section = match parser.peek() {
                Some(Token::Word(word)) => word.to_ascii_uppercase(),
                _ => return Err(parser.syntax()),
            };
            let repeated = match section.as_str() {
                "SET" => !update.sets.is_empty(),
                "REMOVE" => !update.removes.is_empty(),
                "ADD" | "DELETE" => return Err(format!("not simulated: {section} in an UpdateExpression")),
                _ => return Err(parser.syntax()),
            };
            if repeated {
                return Err(parser.invalid(&format!(
                    "The \"{section}\" section can only be used once in an update expression;"
                )));
            }
            parser.next();
            loop {
                let path = parser.path()?;
                if section == "SET" {
                    parser.expect("=")?;
                    let source = source(&mut parser)?;
                    update.sets.push((path, source));
                } else {
                    update.removes.push(path);
                }
                if !parser.symbol(",") {
                    break;
                }
            }
        }
        update.check_paths(key)?;
        Ok(update)
    }

    fn paths(&self) -> impl Iterator<Item = &DocumentPath> {
        self.sets.iter().map(|(path, _)| path).chain(&self.removes)
    }

    fn check_paths(&self, key: &str) -> Result<(), String> {
        if self.paths().any(|path| path.0.first() == Some(&PathStep::Key(key.to_owned()))) {
            return Err(format!(
                "One or more parameter values were invalid: Cannot update attribute {key}. This attribute is part of the key"
            ));
        }
        for (number, one) in self.paths().enumerate() {
            for two in self.paths().skip(number + 1) {
                let common = one.0.iter().zip(&two.0).take_while(|(a, b)| a == b).count();
                let differ = (one.0.get(common), two.0.get(common));
                let problem = match differ {
                    (None, _) | (_, None) => "overlap",
                    (Some(PathStep::Key(_)), Some(PathStep::Index(_)))
                    | (Some(PathStep::Index(_)), Some(PathStep::Key(_))) => "conflict",
                    _ => continue,
                };
                return Err(format!(
                    "Invalid UpdateExpression: Two document paths {problem} with each other; must remove or rewrite one of these paths; path one: {}, path two: {}",
                    one.shown(),
                    two.shown()
                ));
            }
        }
        Ok(())
    }

    /// Whether it makes an item that does not exist: only removing does not.
    pub(super) fn creates(&self) -> bool {
        !self.sets.is_empty()
    }

    /// The item after the update. All sources are read before anything is written.
    pub(super) fn apply(&self, old: &Item) -> Result<Item, String> {
        let values =
            self.sets.iter().map(|(_, source)| source.value(old)).collect::<Result<Vec<_>, String>>()?;
        let mut item = old.clone();
        for ((path, _), value) in self.sets.iter().zip(values) {
            match (parent(&mut item, path)?, path.0.last()) {
                (Parent::Fields(fields), Some(PathStep::Key(key))) => {
                    fields.insert(key.clone(), value);
                }
                (Parent::Items(items), Some(PathStep::Index(index))) => match items.get_mut(*index) {
                    Some(place) => *place = value,
                    None => items.push(value),
                },
                _ => return Err(invalid_path()),
            }
        }
        // From the back, so that what was removed moves nothing that is still to be removed.
        let mut removes: Vec<&DocumentPath> = self.removes.iter().collect();
        removes.sort_by_key(|path| match path.0.last() {
            Some(PathStep::Index(index)) => std::cmp::Reverse(*index),
            _ => std::cmp::Reverse(usize::MAX),
        });
        for path in removes {
            match (parent(&mut item, path)?, path.0.last()) {
                (Parent::Fields(fields), Some(PathStep::Key(key))) => {
                    fields.remove(key);
                }
                (Parent::Items(items), Some(PathStep::Index(index))) => {
                    if *index < items.len() {
                        items.remove(*index);
                    }
                }
                _ => return Err(invalid_path()),
            }
        }
        Ok(item)
    }
}

enum Parent<'i> {
    Fields(&'i mut Item),
    Items(&'i mut Vec<Attribute>),
}

/// What holds the last step of a path.
fn parent<'i>(item: &'i mut Item, path: &DocumentPath) -> Result<Parent<'i>, String> {
    let mut parent = Parent::Fields(item);
    let steps = path.0.len().saturating_sub(1);
    for step in &path.0[..steps] {
        let next = match (parent, step) {
            (Parent::Fields(fields), PathStep::Key(key)) => fields.get_mut(key),
            (Parent::Items(items), PathStep::Index(index)) => items.get_mut(*index),
            _ => None,
        };
        parent = match next {
            Some(Attribute::M(fields)) => Parent::Fields(fields),
            Some(Attribute::L(items)) => Parent::Items(items),
            _ => return Err(invalid_path()),
        };
    }
    Ok(parent)
}

fn invalid_path() -> String {
    "The document path provided in the update expression is invalid for update".to_owned()
}

impl Source {
    fn value(&self, item: &Item) -> Result<Attribute, String> {
        let absent =
            || "The provided expression refers to an attribute that does not exist in the item".to_owned();
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Path(path) => path.get(item).cloned().ok_or_else(absent),
            Self::IfNotExists(path, otherwise) => match path.get(item) {
                Some(value) => Ok(value.clone()),
                None => otherwise.value(item),
            },
            Self::Plus(left, right) | Self::Minus(left, right) => {
                let (left, right) = (left.value(item)?, right.value(item)?);
                let (Attribute::N(left), Attribute::N(right)) = (left, right) else {
                    return Err("An operand in the update expression has an incorrect data type".to_owned());
                };
                let result =
                    if matches!(self, Self::Plus(..)) { left.plus(&right) } else { left.minus(&right) };
                result.map(Attribute::N)
            }
        }
    }
}

fn source(parser: &mut Parser<'_>) -> Result<Source, String> {
    let left = term(parser)?;
    for (symbol, make) in
        [("+", Source::Plus as fn(Box<Source>, Box<Source>) -> Source), ("-", Source::Minus)]
    {
        if parser.symbol(symbol) {
            let right = term(parser)?;
            for side in [&left, &right] {
                if let Source::Value(value) = side
                    && value.number().is_none()
                {
                    return Err(parser.invalid(&format!(
                        "Incorrect operand type for operator or function; operator or function: {symbol}, operand type: {}",
                        value.type_name()
                    )));
                }
            }
            return Ok(make(Box::new(left), Box::new(right)));
        }
    }
    Ok(left)
}

fn term(parser: &mut Parser<'_>) -> Result<Source, String> {
    if let Some(Token::Value(name)) = parser.peek().cloned() {
        parser.next();
        return parser.value(&name).map(Source::Value);
    }
    match parser.function() {
        None => parser.path().map(Source::Path),
        Some(name) if name == "if_not_exists" => {
            let path = parser.path()?;
            parser.expect(",")?;
            let otherwise = term(parser)?;
            parser.expect(")")?;
            Ok(Source::IfNotExists(path, Box::new(otherwise)))
        }
        Some(name) if name == "list_append" => {
            Err("not simulated: function list_append in an UpdateExpression".to_owned())
        }
        Some(name) => Err(parser.invalid(&format!("Invalid function name; function: {name}"))),
    }
}
