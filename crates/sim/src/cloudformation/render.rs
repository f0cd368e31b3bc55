//! A template as CloudFormation would carry it out, without doing so: for whoever wants to know what a parameter changes, or what a
//! policy says once its names are filled in. Any resource type will do, since nothing is made.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ApiError;
use super::conditions::Conditions;
use super::document;
use super::intrinsics::{self, Scope};
use super::parameters::{self, Declaration, Given};
use crate::Config;

/// What `Ref` (no attribute) and `Fn::GetAtt` of a resource yield.
pub type OfResource<'r> = &'r dyn Fn(&str, Option<&str>) -> String;

/// Everything that a rendered template may refer to.
struct Known<'k> {
    known: &'k Map<String, Value>,
    resources: &'k Map<String, Value>,
    of_resource: OfResource<'k>,
}

impl Known<'_> {
    fn resource(&self, name: &str, attribute: Option<&str>) -> Result<Value, String> {
        let there = self.resources.contains_key(name);
        there
            .then(|| Value::String((self.of_resource)(name, attribute)))
            .ok_or_else(|| format!("Template format error: Unresolved resource dependencies [{name}]"))
    }
}

impl Scope for Known<'_> {
    fn reference(&self, name: &str) -> Result<Value, String> {
        self.known.get(name).map_or_else(|| self.resource(name, None), |value| Ok(value.clone()))
    }

    fn attribute(&self, resource: &str, attribute: &str) -> Result<Value, String> {
        self.resource(resource, Some(attribute))
    }

    /// An import stays visible as what it is.
    fn import(&self, name: &str) -> Result<Value, String> {
        Ok(Value::String(format!("import of {name}")))
    }
}

/// The `Resources` and `Outputs` of a template for a stack of this name, with parameters checked, conditions decided, and every
/// function done. What a condition takes away is not there.
///
/// # Errors
///
/// What CloudFormation would say about the template or about a parameter's value.
pub fn render(
    text: &str,
    stack: &str,
    given: &BTreeMap<String, String>,
    config: &Config,
    of_resource: OfResource<'_>,
) -> Result<Value, ApiError> {
    let template = document::load(text)?;
    let section = |name: &str| template.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let declared = section("Parameters")
        .iter()
        .map(|(name, value)| Ok((name.clone(), Declaration::read(name, value)?)))
        .collect::<Result<Vec<_>, ApiError>>()?;
    let given: &Given = given;
    let values = parameters::values(&declared, given)?;
    let mut known = pseudo(stack, config);
    for (name, declaration) in &declared {
        if let Some(value) = values.get(name) {
            known.insert(name.clone(), declaration.value(value));
        }
    }
    let declared = section("Conditions");
    let mut conditions = Conditions::new(&declared, &known);
    conditions.decide_all()?;
    let (mut resources, mut outputs) = (Map::new(), Map::new());
    for (from, into) in [("Resources", &mut resources), ("Outputs", &mut outputs)] {
        for (name, value) in section(from) {
            let condition = value.get("Condition").and_then(Value::as_str);
            if conditions.holds(condition)? {
                into.insert(name, conditions.prune(&value)?.unwrap_or_default());
            }
        }
    }
    let scope = Known { known: &known, resources: &resources, of_resource };
    let mut rendered = Map::new();
    for (name, section) in [("Resources", &resources), ("Outputs", &outputs)] {
        let value = intrinsics::resolve(&Value::Object(section.clone()), &scope);
        rendered.insert(name.to_owned(), value.map_err(ApiError::validation)?);
    }
    Ok(Value::Object(rendered))
}

/// CloudFormation's own parameters.
fn pseudo(stack: &str, config: &Config) -> Map<String, Value> {
    let Config { partition, region, account, .. } = config;
    let suffix = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    [
        ("AWS::Partition", partition.clone()),
        ("AWS::Region", region.clone()),
        ("AWS::AccountId", account.clone()),
        ("AWS::URLSuffix", suffix.to_owned()),
        ("AWS::StackName", stack.to_owned()),
        ("AWS::StackId", format!("arn:{partition}:cloudformation:{region}:{account}:stack/{stack}/0")),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), Value::String(value)))
    .collect()
}
