//! What the values of a template will be, as far as that can be known before it is deployed.
//!
//! A condition that is not decided, or a parameter with `AllowedValues`, makes several worlds of one template; each is looked at. What
//! only the deployment knows is *open*, and nobody guesses it.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use aurora_clone_core::arn::Place;

use super::document::{Kind, Node};
use super::finding::Position;
use super::template::Template;

/// How deep conditions may name each other.
const MAX_CONDITIONS: usize = 20;

/// A value and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) at: Position,
    pub(super) what: What,
}

/// A value, as far as it is known.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// Every scalar.
    Text(String),
    /// A list.
    List(Vec<Known>),
    /// A map.
    Map(Vec<(String, Known)>),
    /// `AWS::NoValue`.
    Absent,
    /// Known only at deployment.
    Open,
}

/// What is assumed where the template leaves a choice.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    conditions: BTreeMap<String, bool>,
    /// Values of parameters; `None` is one that is not its default, whatever it is.
    parameters: BTreeMap<String, Option<String>>,
}

/// Reads values in one world.
pub(super) struct Evaluator<'t> {
    pub(super) template: &'t Template,
    /// Parameters that the caller gave.
    pub(super) given: &'t BTreeMap<String, String>,
    /// Where the stack is, or what stands in for it.
    pub(super) place: &'t Place,
    pub(super) world: &'t World,
    /// How many bytes may still be made of this file: a few lines can ask for a great many.
    pub(super) budget: &'t Cell<usize>,
    /// Whether a choice may still make worlds of this one.
    pub(super) may_fork: bool,
    /// The worlds to look at instead of this one, which left a choice open.
    pub(super) fork: Option<Vec<World>>,
    /// What the value that was read last depends on, as `Name=value`.
    pub(super) uses: BTreeSet<String>,
    /// What can't be looked into, and nulls.
    pub(super) notes: BTreeMap<Position, Note>,
    /// Parameters whose default was used.
    defaults: BTreeSet<String>,
}

/// Something that is not a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note {
    /// CloudFormation refuses it.
    Null,
    /// Only CloudFormation knows what becomes of it.
    Macro(String),
}

impl<'t> Evaluator<'t> {
    pub(super) fn new(
        template: &'t Template,
        given: &'t BTreeMap<String, String>,
        place: &'t Place,
        world: &'t World,
        budget: &'t Cell<usize>,
    ) -> Self {
        Self {
            template,
            given,
            place,
            world,
            budget,
            may_fork: true,
            fork: None,
            uses: BTreeSet::new(),
            notes: BTreeMap::new(),
            defaults: BTreeSet::new(),
        }
    }

    /// Takes what a value costs from the budget, and says whether there was enough.
    fn afford(&self, bytes: usize) -> bool {
        let left = self.budget.get().checked_sub(bytes + 16);
        self.budget.set(left.unwrap_or(0));
        left.is_some()
    }

    /// What a value will be.
    pub(super) fn value(&mut self, node: &Node) -> Known {
        let at = node.at;
        if !self.afford(node.text().map_or(0, str::len)) {
            return Known { at, what: What::Open };
        }
        let what = match &node.kind {
            Kind::Null => {
                self.notes.insert(at, Note::Null);
                What::Open
            }
            // What CloudFormation looks up in SSM or Secrets Manager.
            Kind::Text(text) if text.contains("{{resolve:") => What::Open,
            Kind::Text(text) => What::Text(text.clone()),
            Kind::List(items) => {
                let items = items.iter().map(|item| self.value(item));
                What::List(items.filter(|item| !matches!(item.what, What::Absent)).collect())
            }
            Kind::Map(members) => {
                let mut map = Vec::new();
                let mut whole = true;
                for member in members {
                    if is_macro(&member.name) {
                        self.notes.insert(member.at, Note::Macro(member.name.clone()));
                        whole = false;
                        continue;
                    }
                    let value = self.value(&member.value);
                    if !matches!(value.what, What::Absent) {
                        map.push((member.name.clone(), value));
                    }
                }
                if whole { What::Map(map) } else { What::Open }
            }
            Kind::Call(name, argument) => return Known { at, ..self.call(at, name, argument) },
        };
        Known { at, what }
    }

    fn call(&mut self, at: Position, name: &str, argument: &Rc<Node>) -> Known {
        let text = |text: Option<String>| text.map_or(What::Open, What::Text);
        let what = match (name, argument.items()) {
            ("Ref", _) => argument.text().map_or(What::Open, |target| self.reference(at, target)),
            ("Fn::If", [condition, yes, no]) => match condition.text().and_then(|name| self.decide(name)) {
                Some(true) => return self.value(yes),
                Some(false) => return self.value(no),
                None => What::Open,
            },
            ("Fn::Sub", []) => text(argument.text().and_then(|body| self.substituted(body, &[]))),
            ("Fn::Sub", [body, map]) => {
                let own: Vec<_> =
                    map.members().iter().map(|m| (m.name.clone(), self.value(&m.value))).collect();
                text(body.text().and_then(|body| self.substituted(body, &own)))
            }
            ("Fn::Join", [separator, list]) => {
                let list = self.value(list);
                text(separator.text().and_then(|separator| self.joined(separator, &list)))
            }
            ("Fn::Select", [index, list]) => {
                let index = self.value(index).as_text().and_then(|index| index.parse::<usize>().ok());
                match (index, self.value(list).what) {
                    (Some(index), What::List(items)) => {
                        // What is absent or open in front moves nothing: CloudFormation refuses nulls here.
                        items.into_iter().nth(index).map_or(What::Open, |item| item.what)
                    }
                    _ => What::Open,
                }
            }
            ("Fn::Split", [separator, whole]) => match (separator.text(), self.value(whole).as_text()) {
                (Some(separator), Some(whole)) if !separator.is_empty() => {
                    let part = |part: &str| Known { at, what: What::Text(part.to_owned()) };
                    What::List(whole.split(separator).map(part).collect())
                }
                _ => What::Open,
            },
            ("Fn::FindInMap", [map, first, second]) => {
                let names = [map, first, second].map(|name| self.value(name).as_text().map(str::to_owned));
                match names {
                    [Some(map), Some(first), Some(second)] => {
                        let found = self.template.mapping(&map, &first, &second);
                        found.map_or(What::Open, |found| self.value(&found).what)
                    }
                    _ => What::Open,
                }
            }
            (name, _) if is_macro(name) => {
                self.notes.insert(at, Note::Macro(name.to_owned()));
                What::Open
            }
            _ => What::Open,
        };
        Known { at, what }
    }

    fn joined(&self, separator: &str, list: &Known) -> Option<String> {
        let What::List(items) = &list.what else { return None };
        let items = items.iter().map(Known::as_text).collect::<Option<Vec<&str>>>()?;
        self.afford(separator.len() * items.len()).then(|| items.join(separator))
    }

    fn reference(&mut self, at: Position, target: &str) -> What {
        match target {
            "AWS::NoValue" => What::Absent,
            _ => match self.named(target) {
                Some(text) if self.template.is_list(target) => {
                    // What an empty list of a parameter becomes is CloudFormation's secret.
                    if text.trim().is_empty() {
                        return What::Open;
                    }
                    let item = |item: &str| Known { at, what: What::Text(item.trim().to_owned()) };
                    What::List(text.split(',').map(item).collect())
                }
                Some(text) => What::Text(text),
                None => What::Open,
            },
        }
    }

    /// The text that a name stands for: a pseudo parameter, or a parameter.
    fn named(&mut self, name: &str) -> Option<String> {
        let Place { partition, region, account } = self.place;
        match name {
            "AWS::Region" => return Some(region.clone()),
            "AWS::AccountId" => return Some(account.clone()),
            "AWS::Partition" => return Some(partition.clone()),
            "AWS::StackName" => return Some("stack".to_owned()),
            "AWS::URLSuffix" => {
                let suffix = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
                return Some(suffix.to_owned());
            }
            _ => {}
        }
        let parameter = self.template.parameters.get(name)?;
        let value = if let Some(given) = self.given.get(name) {
            given.clone()
        } else if let Some(assumed) = self.world.parameters.get(name) {
            assumed.clone()?
        } else if parameter.is_looked_up {
            return None;
        } else if self.may_fork && !parameter.allowed.is_empty() {
            let world = |value: &String| {
                let mut world = self.world.clone();
                world.parameters.insert(name.to_owned(), Some(value.clone()));
                world
            };
            let worlds = parameter.allowed.iter().map(world).collect();
            self.fork.get_or_insert(worlds);
            return None;
        } else {
            let default = parameter.default.clone()?;
            self.defaults.insert(name.to_owned());
            default
        };
        // A parameter that looks its value up is given the name of where that is.
        if parameter.is_looked_up {
            return None;
        }
        if !self.afford(value.len()) {
            return None;
        }
        self.uses.insert(format!("{name}={}", value.chars().take(80).collect::<String>()));
        Some(value)
    }

    /// The text of an `Fn::Sub`, if all that it names is known.
    fn substituted(&mut self, body: &str, own: &[(String, Known)]) -> Option<String> {
        let (mut out, mut rest, mut whole) = (String::new(), body, true);
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                out.push_str("${");
                rest = after;
                continue;
            };
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                out.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let name = name.trim();
            let value = match own.iter().find(|(own, _)| own == name) {
                Some((_, value)) => value.as_text().map(str::to_owned),
                None => self.named(name),
            };
            match value {
                Some(value) => out.push_str(&value),
                None => whole = false,
            }
        }
        out.push_str(rest);
        (whole && !out.contains("{{resolve:")).then_some(out)
    }

    /// Whether a condition holds. Where a default decides it, the other case is looked at as well, in which that parameter has
    /// another value.
    pub(super) fn decide(&mut self, name: &str) -> Option<bool> {
        if let Some(assumed) = self.world.conditions.get(name) {
            self.uses.insert(format!("{name}={assumed}"));
            return Some(*assumed);
        }
        let (uses, defaults) = (self.uses.clone(), std::mem::take(&mut self.defaults));
        let condition = self.template.conditions.get(name).cloned();
        let decided = condition.and_then(|condition| self.condition(&condition, 0));
        let soft = std::mem::replace(&mut self.defaults, defaults);
        self.uses = uses;
        if decided.is_some() && (soft.is_empty() || !self.may_fork) {
            return decided;
        }
        if self.may_fork {
            let world = |holds: bool| {
                let mut world = self.world.clone();
                world.conditions.insert(name.to_owned(), holds);
                if decided != Some(holds) {
                    world.parameters.extend(soft.iter().map(|name| (name.clone(), None)));
                }
                world
            };
            let worlds = vec![world(true), world(false)];
            self.fork.get_or_insert(worlds);
        }
        None
    }

    fn condition(&mut self, node: &Node, depth: usize) -> Option<bool> {
        if depth > MAX_CONDITIONS || !self.afford(0) {
            return None;
        }
        let (name, argument) = match &node.kind {
            Kind::Call(name, argument) => (name.as_str(), argument),
            Kind::Map(members) => match members.as_slice() {
                [only] => (only.name.as_str(), &only.value),
                _ => return None,
            },
            _ => return None,
        };
        match (name, argument.items()) {
            ("Condition", _) => {
                let name = argument.text()?;
                if let Some(assumed) = self.world.conditions.get(name) {
                    return Some(*assumed);
                }
                let condition = self.template.conditions.get(name).cloned()?;
                self.condition(&condition, depth + 1)
            }
            ("Fn::Equals", [left, right]) => {
                let (left, right) = (self.value(left), self.value(right));
                Some(left.as_text()? == right.as_text()?)
            }
            ("Fn::Not", [one]) => self.condition(one, depth + 1).map(|holds| !holds),
            ("Fn::And" | "Fn::Or", parts) => {
                let stops = name == "Fn::Or";
                let parts: Vec<_> = parts.iter().map(|part| self.condition(part, depth + 1)).collect();
                if parts.contains(&Some(stops)) {
                    return Some(stops);
                }
                parts.iter().all(Option::is_some).then_some(!stops)
            }
            _ => None,
        }
    }
}

/// Whether only CloudFormation, or a macro, knows what becomes of a function.
fn is_macro(name: &str) -> bool {
    name == "Fn::Transform" || name.starts_with("Fn::ForEach::")
}

impl Known {
    /// The text, if it is known and one.
    pub(super) fn as_text(&self) -> Option<&str> {
        if let What::Text(text) = &self.what { Some(text) } else { None }
    }

    /// Whether nothing of it is open.
    pub(super) fn is_whole(&self) -> bool {
        match &self.what {
            What::Text(_) | What::Absent => true,
            What::Open => false,
            What::List(items) => items.iter().all(Self::is_whole),
            What::Map(members) => members.iter().all(|(_, value)| value.is_whole()),
        }
    }
}
