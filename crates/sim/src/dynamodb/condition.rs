//! Condition expressions.

use std::cmp::Ordering;

use super::expression::{DocumentPath, Parser, Placeholders, Token};
use super::value::{Attribute, Item};

/// A parsed condition.
#[derive(Debug)]
pub(super) enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare(Operand, &'static str, Operand),
    Between(Operand, Operand, Operand),
    Exists(DocumentPath, bool),
    BeginsWith(Operand, Operand),
}

/// One side of a comparison.
#[derive(Debug, PartialEq)]
pub(super) enum Operand {
    Path(DocumentPath),
    Value(Attribute),
}

impl Operand {
    fn get<'i>(&'i self, item: &'i Item) -> Option<&'i Attribute> {
        match self {
            Self::Path(path) => path.get(item),
            Self::Value(value) => Some(value),
        }
    }
}

impl Condition {
    /// Parses a condition.
    pub(super) fn parse(text: &str, placeholders: &mut Placeholders) -> Result<Self, String> {
        let mut parser = Parser::new("ConditionExpression", text, placeholders)?;
        let condition = disjunction(&mut parser)?;
        if parser.done() { Ok(condition) } else { Err(parser.syntax()) }
    }

    /// Whether it holds for an item; one that does not exist has no attributes.
    pub(super) fn holds(&self, item: &Item) -> bool {
        match self {
            Self::And(first, second) => first.holds(item) && second.holds(item),
            Self::Or(first, second) => first.holds(item) || second.holds(item),
            Self::Not(condition) => !condition.holds(item),
            Self::Exists(path, expected) => path.get(item).is_some() == *expected,
            Self::BeginsWith(value, prefix) => match (value.get(item), prefix.get(item)) {
                (Some(Attribute::S(text)), Some(Attribute::S(prefix))) => text.starts_with(prefix.as_str()),
                _ => false,
            },
            Self::Between(value, low, high) => {
                compare(value.get(item), ">=", low.get(item))
                    && compare(value.get(item), "<=", high.get(item))
            }
            Self::Compare(left, operator, right) => compare(left.get(item), operator, right.get(item)),
        }
    }
}

/// What is absent equals nothing, not even what is absent too; and it has no place in any order.
fn compare(left: Option<&Attribute>, operator: &str, right: Option<&Attribute>) -> bool {
    let (Some(left), Some(right)) = (left, right) else { return operator == "<>" };
    match operator {
        "=" => left == right,
        "<>" => left != right,
        _ => order(left, right).is_some_and(|ordering| match operator {
            "<" => ordering == Ordering::Less,
            "<=" => ordering != Ordering::Greater,
            ">" => ordering == Ordering::Greater,
            _ => ordering != Ordering::Less,
        }),
    }
}

/// Strings compare by their UTF-8 bytes, numbers as numbers, and nothing else does.
fn order(left: &Attribute, right: &Attribute) -> Option<Ordering> {
    match (left, right) {
        (Attribute::S(left), Attribute::S(right)) => Some(left.cmp(right)),
        (Attribute::N(left), Attribute::N(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn disjunction(parser: &mut Parser<'_>) -> Result<Condition, String> {
    let mut condition = conjunction(parser)?;
    while parser.keyword("OR") {
        condition = Condition::Or(Box::new(condition), Box::new(conjunction(parser)?));
    }
    Ok(condition)
}

fn conjunction(parser: &mut Parser<'_>) -> Result<Condition, String> {
    let mut condition = negation(parser)?;
    while parser.keyword("AND") {
        condition = Condition::And(Box::new(condition), Box::new(negation(parser)?));
    }
    Ok(condition)
}

fn negation(parser: &mut Parser<'_>) -> Result<Condition, String> {
    if parser.keyword("NOT") {
        return Ok(Condition::Not(Box::new(negation(parser)?)));
    }
    if parser.symbol("(") {
        let inner = parser.behind_parenthesis();
        let condition = disjunction(parser)?;
        // `((…))`: the inner pair is all there is in the outer one.
        let redundant = inner == Some(parser.position());
        parser.expect(")")?;
        return if redundant {
            Err(parser.invalid("The expression has redundant parentheses;"))
        } else {
            Ok(condition)
        };
    }
    predicate(parser)
}

fn predicate(parser: &mut Parser<'_>) -> Result<Condition, String> {
    if let Some(function) = parser.function() {
        let first = operand(parser)?;
        let condition = match (function.as_str(), first) {
            ("attribute_exists", Operand::Path(path)) => Condition::Exists(path, true),
            ("attribute_not_exists", Operand::Path(path)) => Condition::Exists(path, false),
            ("attribute_exists" | "attribute_not_exists", Operand::Value(_)) => {
                return Err(parser.invalid(&format!(
                    "Operator or function requires a document path; operator or function: {function}"
                )));
            }
            ("begins_with", first) => {
                parser.expect(",")?;
                let prefix = operand(parser)?;
                for operand in [&first, &prefix] {
                    ordered(parser, operand, "operator or function: begins_with", &["S"])?;
                }
                Condition::BeginsWith(first, prefix)
            }
            ("contains" | "attribute_type" | "size", _) => {
                return Err(format!("not simulated: function {function} in a ConditionExpression"));
            }
            _ => return Err(parser.invalid(&format!("Invalid function name; function: {function}"))),
        };
        parser.expect(")")?;
        return Ok(condition);
    }
    let left = operand(parser)?;
    if parser.keyword("BETWEEN") {
        let low = operand(parser)?;
        if !parser.keyword("AND") {
            return Err(parser.syntax());
        }
        let high = operand(parser)?;
        for operand in [&left, &low, &high] {
            ordered(parser, operand, "operator or function: BETWEEN", &["S", "N"])?;
        }
        if let (Operand::Value(low), Operand::Value(high)) = (&low, &high) {
            match order(low, high) {
                None => {
                    return Err(parser
                        .invalid("The BETWEEN operator requires same data type for lower and upper bounds"));
                }
                Some(Ordering::Greater) => return Err(parser.invalid(
                    "The BETWEEN operator requires upper bound to be greater than or equal to lower bound",
                )),
                Some(_) => {}
            }
        }
        return Ok(Condition::Between(left, low, high));
    }
    if parser.keyword("IN") {
        return Err("not simulated: IN in a ConditionExpression".to_owned());
    }
    let Some(Token::Symbol(operator @ ("=" | "<>" | "<" | "<=" | ">" | ">="))) = parser.peek().cloned()
    else {
        return Err(parser.syntax());
    };
    parser.next();
    let right = operand(parser)?;
    if left == right
        && let Operand::Path(path) = &left
    {
        return Err(parser.invalid(&format!(
            "The first operand must be distinct from the remaining operands for this operator or function; operator: {operator}, first operand: {}",
            path.shown()
        )));
    }
    if !matches!(operator, "=" | "<>") {
        for operand in [&left, &right] {
            ordered(parser, operand, &format!("operator: {operator}"), &["S", "N"])?;
        }
    }
    Ok(Condition::Compare(left, operator, right))
}

/// A constant of a type that the operator does not take is an error; an attribute of such a type only fails.
fn ordered(parser: &Parser<'_>, operand: &Operand, operator: &str, types: &[&str]) -> Result<(), String> {
    match operand {
        Operand::Value(value) if !types.contains(&value.type_name()) => Err(parser.invalid(&format!(
            "Incorrect operand type for operator or function; {operator}, operand type: {}",
            value.type_name()
        ))),
        _ => Ok(()),
    }
}

fn operand(parser: &mut Parser<'_>) -> Result<Operand, String> {
    if let Some(Token::Value(name)) = parser.peek().cloned() {
        parser.next();
        return parser.value(&name).map(Operand::Value);
    }
    if let Some(function) = parser.function() {
        return Err(format!("not simulated: function {function} as an operand of a condition"));
    }
    parser.path().map(Operand::Path)
}
