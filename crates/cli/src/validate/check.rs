//! Everything that there is to say about one template.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use aurora_clone_core::arn::Place;
use aurora_clone_core::settings::Settings;

use super::document::{self, Kind, Member, Node};
use super::evaluate::{Evaluator, Note, What, World};
use super::finding::{Finding, Position, Severity};
use super::judge::{Problem, Property, judge};
use super::references;
use super::template::Template;
use super::{place, policies};

/// How many worlds of one clone are looked at, and how many bytes are made of one file: more is an attack, or a mistake.
const MAX_WORLDS: usize = 200;
const BUDGET: usize = 100_000_000;

/// What templates are held against.
pub(super) struct Rules {
    /// The operator's settings.
    pub(super) settings: Settings,
    /// The type of a clone.
    pub(super) resource_type: String,
    /// Where the stack will be, if that is known.
    pub(super) place: Option<Place>,
    /// Values of parameters.
    pub(super) given: BTreeMap<String, String>,
}

/// What was found in one template.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// What is wrong.
    pub(super) findings: Vec<Finding>,
    /// How many clones there are.
    pub(super) clones: usize,
    /// How many properties are known only at deployment.
    pub(super) open: usize,
    /// The parameters that the template has.
    pub(super) parameters: BTreeSet<String>,
}

/// Checks a template's text.
pub(super) fn check(file: &str, text: &str, rules: &Rules) -> Checked {
    let document = document::load(text);
    let mut checker = Checker { file, rules, budget: Cell::new(BUDGET), checked: Checked::default() };
    for (at, severity, message) in document.notes {
        checker.say(at, severity, None, None, message);
    }
    if let Some(root) = document.root {
        checker.template(&root, &document.surprises);
    }
    let mut checked = checker.checked;
    checked.findings.sort_by_key(|finding| (finding.at, finding.severity));
    checked.findings.dedup();
    checked
}

struct Checker<'c> {
    file: &'c str,
    rules: &'c Rules,
    budget: Cell<usize>,
    checked: Checked,
}

impl Checker<'_> {
    fn say(
        &mut self,
        at: Position,
        severity: Severity,
        resource: Option<&str>,
        property: Option<&str>,
        message: impl Into<String>,
    ) {
        self.checked.findings.push(Finding {
            file: self.file.to_owned(),
            at,
            severity,
            resource: resource.map(str::to_owned),
            property: property.map(str::to_owned),
            message: message.into(),
        });
    }

    fn template(&mut self, root: &Node, surprises: &BTreeMap<Position, String>) {
        let Kind::Map(_) = &root.kind else {
            return self.say(
                root.at,
                Severity::Error,
                None,
                None,
                "not a template, which is a map of sections",
            );
        };
        let template = Template::read(root);
        self.checked.parameters = template.parameters.keys().cloned().collect();
        let Some(resources) = root.get("Resources") else {
            let message = "not a template: it has no Resources";
            return self.say(root.at, Severity::Error, None, None, message);
        };
        if let Some(macros) = root.get("Transform") {
            self.transforms(macros);
        }
        let mut names = BTreeSet::new();
        let mut ids: BTreeMap<String, String> = BTreeMap::new();
        for resource in macros_apart(&resources.value) {
            match resource {
                Entry::Macro(at, name) => {
                    let message = format!("{name} makes resources at deployment, which can't be looked into");
                    self.say(at, Severity::Warning, None, None, message);
                }
                Entry::Resource(resource) => {
                    if self.is_clone(resource, &template) {
                        names.insert(resource.name.clone());
                        self.surprises(resource, surprises);
                        for id in self.clone(resource, &template) {
                            self.same_id(resource, id, &mut ids);
                        }
                    }
                }
            }
        }
        self.checked.clones = names.len();
        for missing in references::missing(root, &names) {
            let references::Missing { at, resource, attribute, nearest } = missing;
            let message = format!("{resource} has no attribute {attribute:?}; the nearest is {nearest}");
            self.say(at, Severity::Error, Some(&resource), None, message);
        }
        if self.budget.get() == 0 {
            let message = "too much is made of too little in this template: not all of it was looked at";
            self.say(resources.at, Severity::Warning, None, None, message);
        }
    }

    /// Macros see the whole template, and may change anything.
    fn transforms(&mut self, macros: &Member) {
        // Those of AWS of which it is known that they leave custom resources alone.
        const HARMLESS: [&str; 3] =
            ["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31", "AWS::CodeDeployBlueGreen"];
        let one = std::slice::from_ref(&macros.value);
        let all = if macros.value.items().is_empty() { one } else { macros.value.items() };
        for node in all {
            let name = node.text().or_else(|| node.get("Name")?.value.text()).unwrap_or("a macro");
            if !HARMLESS.contains(&name) && !name.starts_with("AWS::SecretsManager-") {
                let message =
                    format!("{name} may change everything at deployment, which can't be looked into");
                self.say(node.at, Severity::Warning, None, Some("Transform"), message);
            }
        }
    }

    /// Whether a resource is a clone, by its type or, where that is the general one, by whose function it calls.
    fn is_clone(&mut self, resource: &Member, template: &Template) -> bool {
        let kind = resource.value.get("Type");
        let properties = resource.value.get("Properties").map(|member| &member.value);
        match kind.and_then(|kind| kind.value.text()) {
            Some(text) if text == self.rules.resource_type => true,
            Some("AWS::CloudFormation::CustomResource") => {
                let token = properties.and_then(|properties| properties.get("ServiceToken"));
                let calls_us = token.is_some_and(|token| self.is_our_function(&token.value, template));
                if let Some(kind) = kind.filter(|_| calls_us) {
                    let wanted = &self.rules.resource_type;
                    let message = format!("the manager's function refuses this type; it makes {wanted}");
                    self.say(kind.value.at, Severity::Error, Some(&resource.name), Some("Type"), message);
                }
                calls_us
            }
            _ => false,
        }
    }

    fn is_our_function(&self, token: &Node, template: &Template) -> bool {
        let Kind::Call(name, argument) = &token.kind else { return false };
        let (place, world) = (place::stand_in(), World::default());
        let mut evaluator = Evaluator::new(template, &self.rules.given, &place, &world, &self.budget);
        evaluator.may_fork = false;
        let known = evaluator.value(argument);
        let export = known.as_text().or_else(|| match &argument.kind {
            Kind::Call(name, body) if name == "Fn::Sub" => body.text(),
            _ => None,
        });
        name == "Fn::ImportValue" && export.is_some_and(|export| export.ends_with("-LambdaArn"))
    }

    /// Scalars of a clone that are not what they look like.
    fn surprises(&mut self, resource: &Member, surprises: &BTreeMap<Position, String>) {
        for property in resource.value.get("Properties").iter().flat_map(|member| member.value.members()) {
            let mut at = Vec::new();
            texts(&property.value, &mut at);
            for at in at {
                if let Some(surprise) = surprises.get(&at) {
                    let name = Some(property.name.as_str());
                    self.say(at, Severity::Warning, Some(&resource.name), name, surprise.as_str());
                }
            }
        }
    }

    /// Checks a clone in all its worlds, and gives the identifiers that it may have.
    fn clone(&mut self, resource: &Member, template: &Template) -> BTreeSet<String> {
        for (at, severity, attribute, message) in policies::of(&resource.value) {
            self.say(at, severity, Some(&resource.name), Some(attribute), message);
        }
        let properties = resource.value.get("Properties");
        let place = match (&self.rules.place, properties) {
            (Some(place), _) => place.clone(),
            (None, Some(properties)) => place::of(&properties.value),
            (None, None) => place::stand_in(),
        };
        let condition = resource.value.get("Condition").and_then(|member| member.value.text());
        let mut told = BTreeSet::new();
        let (mut ids, mut open, mut notes) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        let (mut worlds, mut seen) = (vec![World::default()], 0);
        while let Some(world) = worlds.pop() {
            seen += 1;
            let budget = self.budget.clone();
            let mut evaluator = Evaluator::new(template, &self.rules.given, &place, &world, &budget);
            evaluator.may_fork = seen + worlds.len() < MAX_WORLDS;
            let absent = condition.is_some_and(|name| evaluator.decide(name) == Some(false));
            let read = match evaluator.fork {
                None if !absent => Some(read(&mut evaluator, properties)),
                _ => None,
            };
            self.budget.set(budget.get());
            if let Some(more) = evaluator.fork {
                worlds.extend(more.into_iter().rev());
                continue;
            }
            let Some((values, whole)) = read else { continue };
            notes.extend(evaluator.notes);
            open.extend(values.iter().filter(|one| !one.value.is_whole()).map(|one| one.name.clone()));
            ids.extend(fixed_id(&values));
            let at = properties.map_or(resource.at, |properties| properties.at);
            let also_open: &[&str] = if whole { &[] } else { &["SourceClusterId", "ServiceToken"] };
            let mut problems = judge(&values, also_open, at, &place, &self.rules.settings);
            problems.extend(service_token(&values, also_open, at));
            for Problem { at, property, message, uses } in problems {
                if told.insert((at, property.clone(), message.clone())) {
                    let uses: Vec<String> = uses.into_iter().collect();
                    let with =
                        if uses.is_empty() { String::new() } else { format!(" [{}]", uses.join(", ")) };
                    let message = message + &with;
                    self.say(at, Severity::Error, Some(&resource.name), Some(&property), message);
                }
            }
        }
        if seen >= MAX_WORLDS {
            let message = format!(
                "more than {MAX_WORLDS} combinations of conditions and parameters: not all were looked at"
            );
            self.say(resource.at, Severity::Warning, Some(&resource.name), None, message);
        }
        for (at, note) in notes {
            let (severity, message) = match note {
                Note::Null => {
                    (Severity::Error, "null values are not allowed in templates; leave it out".to_owned())
                }
                Note::Macro(name) => (
                    Severity::Warning,
                    format!("{name} gives this its properties at deployment, and can't be looked into"),
                ),
            };
            self.say(at, severity, Some(&resource.name), None, message);
        }
        self.checked.open += open.len();
        ids
    }

    fn same_id(&mut self, resource: &Member, id: String, ids: &mut BTreeMap<String, String>) {
        if let Some(other) = ids.get(&id) {
            let message = format!("{id:?} is the ClusterId of {other} as well: the second of them fails");
            let member = resource.value.get("Properties").and_then(|member| member.value.get("ClusterId"));
            let at = member.map_or(resource.at, |member| member.at);
            self.say(at, Severity::Warning, Some(&resource.name), Some("ClusterId"), message);
        } else {
            ids.insert(id, resource.name.clone());
        }
    }
}

/// An entry of `Resources`.
enum Entry<'n> {
    Resource(&'n Member),
    Macro(Position, &'n str),
}

fn macros_apart(resources: &Node) -> Vec<Entry<'_>> {
    match &resources.kind {
        Kind::Call(name, _) => vec![Entry::Macro(resources.at, name)],
        _ => resources
            .members()
            .iter()
            .map(|member| match member.name.starts_with("Fn::") {
                true => Entry::Macro(member.at, &member.name),
                false => Entry::Resource(member),
            })
            .collect(),
    }
}

/// The properties of a clone, and whether these are all.
fn read(evaluator: &mut Evaluator<'_>, properties: Option<&Member>) -> (Vec<Property>, bool) {
    let Some(properties) = properties else { return (Vec::new(), true) };
    let node = &properties.value;
    let Kind::Map(members) = &node.kind else {
        // A function may stand for all properties; its own notes say what there is to say.
        evaluator.value(node);
        return (Vec::new(), false);
    };
    let (mut read, mut whole) = (Vec::new(), true);
    for member in members {
        if member.name.starts_with("Fn::") {
            evaluator.notes.insert(member.at, Note::Macro(member.name.clone()));
            whole = false;
            continue;
        }
        evaluator.uses.clear();
        let value = evaluator.value(&member.value);
        if !matches!(value.what, What::Absent) {
            let (name, at, uses) = (member.name.clone(), member.at, std::mem::take(&mut evaluator.uses));
            read.push(Property { name, at, value, uses });
        }
    }
    (read, whole)
}

/// CloudFormation refuses a custom resource that names no function.
fn service_token(values: &[Property], also_open: &[&str], at: Position) -> Option<Problem> {
    const NAME: &str = "ServiceToken";
    let wanted = "the ARN of the manager's function, such as !ImportValue aurora-clone-manager-LambdaArn";
    let (at, message, uses) = match values.iter().find(|property| property.name == NAME) {
        None if also_open.contains(&NAME) => return None,
        None => (at, format!("it is needed: {wanted}"), BTreeSet::new()),
        Some(Property { at, value, uses, .. }) => match value.what {
            What::Open => return None,
            What::Text(ref text) if text.starts_with("arn:") => return None,
            What::Text(ref text) => {
                let text: String = text.chars().take(80).collect();
                (*at, format!("{text:?}: it takes {wanted}"), uses.clone())
            }
            _ => (*at, format!("it takes {wanted}"), uses.clone()),
        },
    };
    Some(Problem { at, property: NAME.to_owned(), message, uses })
}

/// The identifier that a clone has, where it has a certain one.
fn fixed_id(values: &[Property]) -> Option<String> {
    let text = |name: &str| values.iter().find(|property| property.name == name)?.value.as_text();
    let id = text("ClusterId").filter(|_| text("NoFailOnExistingCluster") != Some("true"))?;
    let whole = |one: &Property| one.name != "NoFailOnExistingCluster" || one.value.is_whole();
    values.iter().all(whole).then(|| id.to_owned())
}

fn texts(node: &Node, found: &mut Vec<Position>) {
    match &node.kind {
        Kind::Null => {}
        Kind::Text(_) => found.push(node.at),
        Kind::List(items) => items.iter().for_each(|item| texts(item, found)),
        Kind::Map(members) => members.iter().for_each(|member| texts(&member.value, found)),
        Kind::Call(_, argument) => texts(argument, found),
    }
}
