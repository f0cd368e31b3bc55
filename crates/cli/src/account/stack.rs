//! The manager's stack in a simulated account: the real template, deployed by the simulated CloudFormation, over what the
//! simulation has made by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use aurora_clone_sim::World;
use aurora_clone_sim::cloudformation::{StackOptions, read_template};
use aurora_clone_sim::iam::Role;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use crate::failure::Failure;

/// The manager's template.
pub const TEMPLATE: &str = include_str!("../../../../template/template.yaml");

/// Who deploys the stack, by the access key id.
const DEPLOYER: &str = "AKIADEPLOYER";
/// The key for passwords, in the template.
const KEY: &str = "DefaultAccessKey";

/// The stack of a manager.
#[derive(Debug, Clone, Copy)]
pub struct ManagerStack<'a> {
    /// Its name, which is the manager's.
    pub name: &'a str,
    /// Parameters that are not at their defaults.
    pub parameters: &'a [(&'a str, &'a str)],
    /// What stands behind a resource: logical ids, and the names of what was made by hand.
    pub made: &'a [(&'a str, &'a str)],
}

impl ManagerStack<'_> {
    /// Creates the stack and waits, in the World's time, until it is complete. The key for passwords is made on the way; its ARN is
    /// returned where the parameters ask for one.
    pub fn deploy(&self, world: &mut World) -> Result<Option<String>, Failure> {
        for (logical_id, name) in self.made {
            world.cloudformation.foretell(self.name, logical_id, name);
        }
        let parameters: BTreeMap<String, String> =
            self.parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let own_key = self.makes_a_key().then(|| create_key(world)).transpose()?;
        if let Some((id, _)) = &own_key {
            world.cloudformation.foretell(self.name, KEY, id);
        }
        let options =
            StackOptions { capabilities: vec!["CAPABILITY_IAM".to_owned()], ..StackOptions::default() };
        let created = world.settle(|services, cx| {
            services.cloudformation.create_stack(cx, self.name, TEMPLATE, &parameters, &options)
        });
        created.map_err(|error| Failure::new(format!("the stack {} is refused: {error}", self.name)))?;
        while let Some(due) = world.next_due().filter(|_| !world.cloudformation.is_settled(self.name)) {
            world.advance_to(due);
        }
        let stack = world.cloudformation.stack(self.name);
        match stack.map(|stack| (stack.status.as_str(), stack.reason.as_deref())) {
            Some(("CREATE_COMPLETE", _)) => {}
            status => return Err(Failure::new(format!("the stack {} is {status:?}", self.name))),
        }
        self.put_parameters(world);
        Ok(own_key.map(|(_, arn)| arn))
    }

    /// The parameters in SSM, unless they are there.
    fn put_parameters(&self, world: &mut World) {
        for properties in self.properties_of(world, "AWS::SSM::Parameter") {
            let (Some(name), Some(value)) = (properties["Name"].as_str(), properties["Value"].as_str())
            else {
                continue;
            };
            if world.ssm.parameter(name).is_none() {
                world.ssm.put(name, value);
            }
        }
    }

    /// Begins the template's schedules.
    pub fn schedule(&self, world: &mut World) -> Result<(), Failure> {
        for properties in self.properties_of(world, "AWS::Scheduler::Schedule") {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (expression, target) = (text(&properties["ScheduleExpression"]), &properties["Target"]);
            let (first, every) = times(&expression, world.now()).ok_or_else(|| {
                Failure::new(format!("the simulation knows no schedule like {expression:?}"))
            })?;
            let event = serde_json::from_str(&text(&target["Input"])).unwrap_or_default();
            world.schedule(&text(&target["Arn"]), first, every, event);
        }
        Ok(())
    }

    /// Lets the functions have the roles that the template gives them.
    pub fn grant(&self, world: &mut World) -> Result<(), Failure> {
        let resources =
            world.cloudformation.stack(self.name).map(|stack| stack.resources.clone()).unwrap_or_default();
        let by_arn = |arn: &Value| resources.values().find(|resource| resource.data.get("Arn") == Some(arn));
        for function in resources.values().filter(|resource| resource.kind == "AWS::Lambda::Function") {
            let Some(role) = by_arn(&function.properties["Role"]) else { continue };
            let list = |name: &str| role.properties[name].as_array().into_iter().flatten();
            let managed = list("ManagedPolicyArns")
                .filter_map(by_arn)
                .map(|policy| &policy.properties["PolicyDocument"]);
            let own = list("Policies").map(|policy| &policy["PolicyDocument"]);
            let documents: Vec<Value> = managed.chain(own).cloned().collect();
            let name = role.physical_id.as_deref().unwrap_or(&role.logical_id);
            let role = Role::parse(name, &documents)
                .map_err(|error| Failure::new(format!("the role {name} is not simulated: {error}")))?;
            world.iam.assume(function.physical_id.as_deref().unwrap_or_default(), Arc::new(role));
        }
        Ok(())
    }

    /// The environment of a function, by its logical id.
    pub fn variables(&self, world: &World, function: &str) -> BTreeMap<String, String> {
        let resource = world.cloudformation.resource(self.name, function);
        let variables = resource.map(|resource| &resource.properties["Environment"]["Variables"]);
        let variables = variables.and_then(Value::as_object).into_iter().flatten();
        variables.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
    }

    fn properties_of(&self, world: &World, kind: &str) -> Vec<Value> {
        let stack = world.cloudformation.stack(self.name);
        let resources = stack.into_iter().flat_map(|stack| stack.resources.values());
        resources
            .filter(|resource| resource.kind == kind)
            .map(|resource| resource.properties.clone())
            .collect()
    }

    fn makes_a_key(&self) -> bool {
        let given =
            |name: &str| self.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        given("SetupDefaultAccess").unwrap_or("true") == "true"
            && given("DefaultPasswordSecretKmsKeyId").unwrap_or_default().is_empty()
    }

    /// The environment of the functions, as the template makes it of the parameters: what is a parameter, and the stack's name.
    pub fn environment(&self) -> Result<Vec<(String, String)>, Failure> {
        let template = read_template(TEMPLATE).map_err(|error| Failure::new(error.to_string()))?;
        let variables = &template["Resources"]["CloneHandler"]["Properties"]["Environment"]["Variables"];
        let variables = variables.as_object().into_iter().flatten();
        let value = |name: &str| {
            let given = self.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
            let default = || template["Parameters"][name]["Default"].as_str();
            given.or_else(default).map(str::to_owned)
        };
        let variables = variables.filter_map(|(variable, reference)| {
            let name = reference["Ref"].as_str()?;
            let value = if name == "AWS::StackName" { Some(self.name.to_owned()) } else { value(name) };
            Some((variable.clone(), value?))
        });
        Ok(variables.collect())
    }
}

/// When a schedule is first due, and how often then: `rate(15 minutes)`, or a daily `cron(0 2 * * ? *)`.
fn times(expression: &str, now: DateTime<Utc>) -> Option<(DateTime<Utc>, Duration)> {
    if let Some(rate) = expression.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')) {
        let (count, unit) = rate.split_once(' ')?;
        let count: i64 = count.parse().ok()?;
        let every = match unit.trim_end_matches('s') {
            "minute" => Duration::try_minutes(count)?,
            "hour" => Duration::try_hours(count)?,
            "day" => Duration::try_days(count)?,
            _ => return None,
        };
        return (count > 0).then_some((now + every, every));
    }
    let cron = expression.strip_prefix("cron(")?.strip_suffix(')')?;
    let [minute, hour, "*", "*", "?", "*"] = cron.split(' ').collect::<Vec<_>>()[..] else { return None };
    let at = now.date_naive().and_hms_opt(hour.parse().ok()?, minute.parse().ok()?, 0)?.and_utc();
    Some((if at > now { at } else { at + Duration::days(1) }, Duration::days(1)))
}

/// A key with the policy that KMS gives one by default: its id and its ARN.
fn create_key(world: &mut World) -> Result<(String, String), Failure> {
    let body = json!({ "Description": "The passwords of clones" });
    let response = world.call_json_as(DEPLOYER, "TrentService.CreateKey", &body);
    let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let text = |name: &str| answer["KeyMetadata"][name].as_str().map(str::to_owned);
    let made = text("KeyId").zip(text("Arn"));
    made.ok_or_else(|| Failure::new(format!("the simulated KMS makes no key: {answer}")))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration, Utc};

    use super::times;

    #[test]
    fn the_times_of_schedules() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        let now = at("2026-06-21T00:30:00Z");
        for (expression, first, every) in [
            ("rate(15 minutes)", "2026-06-21T00:45:00Z", Duration::minutes(15)),
            ("rate(1 hour)", "2026-06-21T01:30:00Z", Duration::hours(1)),
            ("cron(0 2 * * ? *)", "2026-06-21T02:00:00Z", Duration::days(1)),
            ("cron(15 0 * * ? *)", "2026-06-22T00:15:00Z", Duration::days(1)),
        ] {
            assert_eq!(times(expression, now), Some((at(first), every)), "{expression}");
        }
        for expression in
            ["rate(0 minutes)", "rate(1 week)", "cron(0 2 ? * MON *)", "cron(0/5 * * * ? *)", "at(now)"]
        {
            assert_eq!(times(expression, now), None, "{expression}");
        }
    }
}
