//! The sections of a template that matter for its clones.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::document::{Kind, Node};

/// A template's sections.
#[derive(Debug, Default)]
pub(super) struct Template {
    /// Its parameters.
    pub(super) parameters: BTreeMap<String, Parameter>,
    /// Its conditions.
    pub(super) conditions: BTreeMap<String, Rc<Node>>,
    mappings: Option<Rc<Node>>,
}

/// A parameter, as far as its value can be known.
#[derive(Debug, Default)]
pub(super) struct Parameter {
    /// Its default.
    pub(super) default: Option<String>,
    /// The only values that it takes; empty where that is not said.
    pub(super) allowed: Vec<String>,
    /// Whether its value is a list.
    is_list: bool,
    /// Whether its value is looked up in SSM.
    pub(super) is_looked_up: bool,
}

impl Template {
    /// Reads the sections.
    pub(super) fn read(root: &Node) -> Self {
        let section = |name: &str| root.get(name).map(|section| Rc::clone(&section.value));
        let mut template = Self { mappings: section("Mappings"), ..Self::default() };
        for member in section("Parameters").iter().flat_map(|section| section.members()) {
            template.parameters.insert(member.name.clone(), Parameter::read(&member.value));
        }
        for member in section("Conditions").iter().flat_map(|section| section.members()) {
            template.conditions.insert(member.name.clone(), Rc::clone(&member.value));
        }
        template
    }

    /// What `Fn::FindInMap` finds.
    pub(super) fn mapping(&self, map: &str, first: &str, second: &str) -> Option<Rc<Node>> {
        let first = Rc::clone(&self.mappings.as_ref()?.get(map)?.value.get(first)?.value);
        let found = &first.get(second)?.value;
        // A mapping holds no functions; one that names itself would never end.
        let plain = match &found.kind {
            Kind::Text(_) => true,
            Kind::List(items) => items.iter().all(|item| item.text().is_some()),
            _ => false,
        };
        plain.then(|| Rc::clone(found))
    }

    /// Whether a name is a parameter that is a list.
    pub(super) fn is_list(&self, name: &str) -> bool {
        self.parameters.get(name).is_some_and(|parameter| parameter.is_list)
    }
}

impl Parameter {
    fn read(node: &Node) -> Self {
        let text = |name: &str| node.get(name).and_then(|member| member.value.text());
        let kind = text("Type").unwrap_or_default();
        let allowed = node.get("AllowedValues").map(|member| member.value.items()).unwrap_or_default();
        Self {
            default: text("Default").map(str::to_owned),
            allowed: allowed.iter().filter_map(|value| value.text()).map(str::to_owned).collect(),
            is_list: kind == "CommaDelimitedList" || kind.starts_with("List<"),
            is_looked_up: kind.starts_with("AWS::SSM::Parameter::Value<"),
        }
    }
}
