//! A template: what a stack declares, and the plan that it becomes once its parameters have values.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::ApiError;
use super::conditions::Conditions;
use super::document;
use super::intrinsics;
use super::parameters::{self, Declaration, Given};
use super::stand_in;

/// A template, read and checked as far as that goes without parameters.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Template {
    /// `Description`.
    pub(super) description: Option<String>,
    /// `Parameters`.
    pub(super) parameters: Vec<(String, Declaration)>,
    conditions: Map<String, Value>,
    resources: Vec<(String, Declared)>,
    outputs: Vec<(String, Map<String, Value>)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Declared {
    definition: Definition,
    condition: Option<String>,
    depends_on: Vec<String>,
}

/// What happens to a physical resource that the stack no longer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Keep {
    /// `DeletionPolicy: Retain`, or `RetainExceptOnCreate`.
    pub(super) on_delete: bool,
    /// `DeletionPolicy: RetainExceptOnCreate`: a creation that is rolled back takes it away.
    pub(super) but_not_on_rollback: bool,
    /// `UpdateReplacePolicy: Retain`.
    pub(super) on_replace: bool,
}

/// One resource that a stack should have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Definition {
    /// Its name in the template.
    pub(super) logical_id: String,
    /// Its type.
    pub(super) kind: String,
    /// Its properties, conditions decided, other functions not yet.
    pub(super) properties: Value,
    /// The resources that come before it.
    pub(super) depends: BTreeSet<String>,
    /// What is kept.
    pub(super) keep: Keep,
}

/// One output that a stack should have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OutputPlan {
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) description: Option<String>,
    pub(super) export: Option<Value>,
}

/// A template with its conditions decided.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Plan {
    /// The resources, in the template's order.
    pub(super) resources: Vec<Definition>,
    /// The outputs.
    pub(super) outputs: Vec<OutputPlan>,
    /// The template's description.
    pub(super) description: Option<String>,
    /// The parameters' declarations.
    pub(super) parameters: Vec<(String, Declaration)>,
    /// The parameters' values.
    pub(super) values: Given,
}

impl Template {
    /// Reads a template body.
    pub(super) fn read(text: &str) -> Result<Self, ApiError> {
        let Value::Object(sections) = document::load(text)? else {
            return Err(ApiError::validation("Template format error: unsupported structure."));
        };
        let mut template = Self::default();
        for (name, section) in &sections {
            match name.as_str() {
                "AWSTemplateFormatVersion" if section == "2010-09-09" => {}
                "AWSTemplateFormatVersion" => {
                    return Err(ApiError::validation(
                        "Template format error: Unsupported template format version",
                    ));
                }
                "Description" => template.description = section.as_str().map(str::to_owned),
                "Metadata" => {}
                "Parameters" => {
                    for (key, value) in members(name, section)? {
                        template.parameters.push((key.clone(), Declaration::read(key, value)?));
                    }
                }
                "Conditions" => template.conditions = members(name, section)?.clone(),
                "Resources" => {
                    for (key, value) in members(name, section)? {
                        template.resources.push((key.clone(), declared(key, value)?));
                    }
                }
                "Outputs" => {
                    for (key, value) in members(name, section)? {
                        template.outputs.push((key.clone(), members(key, value)?.clone()));
                    }
                }
                "Mappings" | "Transform" | "Rules" => {
                    return Err(ApiError::validation(format!("not simulated: template section {name}")));
                }
                other => {
                    return Err(ApiError::validation(format!(
                        "Invalid template property or properties [{other}]"
                    )));
                }
            }
        }
        if template.resources.is_empty() {
            return Err(ApiError::validation(
                "Template format error: At least one Resources member must be defined.",
            ));
        }
        Ok(template)
    }

    /// Decides the conditions, and checks references and cycles.
    pub(super) fn plan(&self, given: &Given, pseudo: &Map<String, Value>) -> Result<Plan, ApiError> {
        let values = parameters::values(&self.parameters, given)?;
        let mut known = pseudo.clone();
        for (name, declaration) in &self.parameters {
            if let Some(value) = values.get(name) {
                known.insert(name.clone(), declaration.value(value));
            }
        }
        let mut conditions = Conditions::new(&self.conditions, &known);
        conditions.decide_all()?;
        let mut plan = Plan {
            description: self.description.clone(),
            parameters: self.parameters.clone(),
            values,
            ..Plan::default()
        };
        let names: BTreeSet<&str> = self.resources.iter().map(|(name, _)| name.as_str()).collect();
        let mut present: Vec<&Declared> = Vec::new();
        for (_, declared) in &self.resources {
            if conditions.holds(declared.condition.as_deref())? {
                present.push(declared);
            }
        }
        let live: BTreeSet<&str> =
            present.iter().map(|declared| declared.definition.logical_id.as_str()).collect();
        let mut unresolved = BTreeSet::new();
        for declared in present {
            let mut definition = declared.definition.clone();
            definition.properties = conditions.prune(&definition.properties)?.unwrap_or_default();
            for name in intrinsics::references(&definition.properties)? {
                if live.contains(name.as_str()) {
                    definition.depends.insert(name);
                } else if !known.contains_key(&name) {
                    unresolved.insert(name);
                }
            }
            for name in &declared.depends_on {
                if live.contains(name.as_str()) {
                    definition.depends.insert(name.clone());
                } else if !names.contains(name.as_str()) {
                    unresolved.insert(name.clone());
                }
            }
            plan.resources.push(definition);
        }
        refuse_unresolved(&unresolved, "Resources")?;
        refuse_cycles(&plan.resources)?;
        for (key, output) in &self.outputs {
            if let Some(output) = output_plan(key, output, &mut conditions)? {
                plan.outputs.push(output);
            }
        }
        let mut unresolved = BTreeSet::new();
        for output in &plan.outputs {
            for part in std::iter::once(&output.value).chain(&output.export) {
                let names = intrinsics::references(part)?;
                unresolved.extend(
                    names
                        .into_iter()
                        .filter(|name| !live.contains(name.as_str()) && !known.contains_key(name)),
                );
            }
        }
        refuse_unresolved(&unresolved, "Outputs")?;
        Ok(plan)
    }
}

fn members<'v>(name: &str, section: &'v Value) -> Result<&'v Map<String, Value>, ApiError> {
    section
        .as_object()
        .ok_or_else(|| ApiError::validation(format!("Template format error: [{name}] must be an object")))
}

fn declared(name: &str, value: &Value) -> Result<Declared, ApiError> {
    let map = members(name, value)?;
    const KNOWN: [&str; 7] =
        ["Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"];
    if let Some(key) = map.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(ApiError::validation(format!("not simulated: attribute {key} of resource {name}")));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(ApiError::validation(format!(
            "Template format error: Resource name {name} is non alphanumeric."
        )));
    }
    let kind = map.get("Type").and_then(Value::as_str).ok_or_else(|| {
        ApiError::validation(format!(
            "Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
        ))
    })?;
    if !matches!(
        kind,
        "AWS::CloudFormation::CustomResource" | "AWS::CloudFormation::WaitConditionHandle" | "Test::Fail"
    ) && !kind.starts_with("Custom::")
        && !stand_in::is_one(kind)
    {
        return Err(ApiError::validation(format!("not simulated: resource type {kind} of {name}")));
    }
    let depends_on = match map.get("DependsOn") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(_) => {
            return Err(ApiError::validation(
                "Template format error: DependsOn must be a string or list of strings.",
            ));
        }
    };
    let keeps = |key: &str| match map.get(key).and_then(Value::as_str) {
        None | Some("Delete") => Ok(false),
        Some("Retain") => Ok(true),
        Some("RetainExceptOnCreate") if key == "DeletionPolicy" => Ok(true),
        Some(other) => Err(ApiError::validation(format!("not simulated: {key} {other} of resource {name}"))),
    };
    let properties = map.get("Properties").cloned().unwrap_or_else(|| Value::Object(Map::new()));
    members(name, &properties)?;
    let definition = Definition {
        logical_id: name.to_owned(),
        kind: kind.to_owned(),
        properties,
        depends: BTreeSet::new(),
        keep: Keep {
            on_delete: keeps("DeletionPolicy")?,
            but_not_on_rollback: map
                .get("DeletionPolicy")
                .is_some_and(|policy| policy == "RetainExceptOnCreate"),
            on_replace: keeps("UpdateReplacePolicy")?,
        },
    };
    let condition = map.get("Condition").and_then(Value::as_str).map(str::to_owned);
    Ok(Declared { definition, condition, depends_on })
}

fn output_plan(
    key: &str,
    map: &Map<String, Value>,
    conditions: &mut Conditions<'_>,
) -> Result<Option<OutputPlan>, ApiError> {
    if let Some(other) =
        map.keys().find(|k| !["Value", "Description", "Export", "Condition"].contains(&k.as_str()))
    {
        return Err(ApiError::validation(format!("not simulated: attribute {other} of output {key}")));
    }
    if !conditions.holds(map.get("Condition").and_then(Value::as_str))? {
        return Ok(None);
    }
    let value = map.get("Value").ok_or_else(|| {
        ApiError::validation(format!(
            "Template format error: Every Outputs member must contain a Value object: {key}"
        ))
    })?;
    let export = match map.get("Export") {
        None => None,
        Some(export) => Some(export.get("Name").ok_or_else(|| {
            ApiError::validation(format!(
                "Template format error: Output {key} is malformed. Export needs a Name"
            ))
        })?),
    };
    let Some(value) = conditions.prune(value)? else { return Ok(None) };
    let export = match export {
        None => None,
        Some(export) => conditions.prune(export)?,
    };
    let description = map.get("Description").and_then(Value::as_str).map(str::to_owned);
    Ok(Some(OutputPlan { key: key.to_owned(), value, description, export }))
}

fn refuse_unresolved(names: &BTreeSet<String>, block: &str) -> Result<(), ApiError> {
    if names.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Err(ApiError::validation(format!(
        "Template format error: Unresolved resource dependencies [{}] in the {block} block of the template",
        names.join(", ")
    )))
}

/// Takes away what depends on nothing that is left, until nothing is left, or a cycle.
fn refuse_cycles(resources: &[Definition]) -> Result<(), ApiError> {
    let mut left: Vec<&Definition> = resources.iter().collect();
    loop {
        let names: BTreeSet<&str> = left.iter().map(|definition| definition.logical_id.as_str()).collect();
        let before = left.len();
        left.retain(|definition| definition.depends.iter().any(|name| names.contains(name.as_str())));
        if left.is_empty() {
            return Ok(());
        }
        if left.len() == before {
            let names: Vec<&str> = names.into_iter().collect();
            return Err(ApiError::validation(format!(
                "Circular dependency between resources: [{}]",
                names.join(", ")
            )));
        }
    }
}
