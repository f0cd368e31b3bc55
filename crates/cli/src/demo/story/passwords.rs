//! Section 5: every clone has a password of its own.

use aurora_clone_sim::World;
use serde_json::{Value, json};

use super::super::account_view::{answers, call};
use super::super::{SOURCE, clones};
use super::{RESOURCES, STACK, Story, WIDTH};
use crate::account::OTHERS_KEY;
use crate::failure::Failure;
use crate::printer::wrap;

impl Story<'_> {
    pub(super) fn passwords(&mut self) -> Result<(), Failure> {
        self.section(5, "Passwords")?;
        self.tell_of(
            "A clone is restored with production's password. Each of these has its own since, set before it was \
             reported as ready, in a secret of its own. Two passwords are tried, against the simulated RDS: the one in \
             the secret, and production's.",
        )?;
        let mut rows = vec![["resource", "secret", "its own", "prod's"].map(str::to_owned)];
        let mut value = Value::Null;
        for resource in RESOURCES {
            let found = self.sim.with(|world| {
                let clone = clones::of_resource(world, STACK, resource)?;
                let (id, name) = (clone.id.clone(), clones::secret(world, clone)?.name.clone());
                let changed = call(world, "ModifyDBCluster", &id);
                let answers = answers(world, STACK, "Create");
                let answered = answers.iter().find(|answer| answer.data("ClusterId") == id)?.at;
                let output =
                    world.cloudformation.resource(STACK, resource)?.data.get("PasswordSecret").cloned();
                let told = clones::secret(world, clone).map(|secret| secret.arn.as_str())
                    == output.as_ref().and_then(Value::as_str);
                Some((id, name, told && changed.is_some_and(|changed| changed <= answered)))
            });
            let Some((id, name, in_time)) = found else {
                return Err(Failure::new(format!("{resource} has no clone with a secret")));
            };
            value = self.sim.with(|world| secret_value(world, &name));
            let password = value["password"].as_str().unwrap_or_default().to_owned();
            let opens = |password: &str| {
                self.sim.with(|world| world.rds.password_of(&id).is_some_and(|takes| takes == password))
            };
            let productions = self.sim.with(|world| world.rds.password_of(SOURCE).map(str::to_owned));
            let (own, productions) = (opens(&password), opens(&productions.unwrap_or_default()));
            let outcome = |opens: bool| if opens { "opens" } else { "refused" };
            rows.push([resource, &name, outcome(own), outcome(productions)].map(str::to_owned));
            self.check(own, format!("the password in {name} opens {id}"))?;
            self.check(!productions, format!("production's password does not open {id}"))?;
            self.check(
                in_time,
                format!("{id} is told to be ready, with its secret, after its password is set"),
            )?;
        }
        self.table(&rows)?;
        self.say("")?;
        let last = RESOURCES[RESOURCES.len() - 1];
        let length = value["password"].as_str().unwrap_or_default().len();
        self.say(&format!(
            "What the secret of {last} holds; the password has {length} letters and digits, and is not shown:"
        ))?;
        self.check(length >= 30, format!("a password has {length} characters"))?;
        value["password"] = json!("****");
        self.say(&format!("  {}", wrap(&value.to_string().replace(",\"", ", \""), WIDTH - 2, 2)))?;
        self.say(
            "Nobody is named in its policy, so whoever IAM allows may read it. Section 7 names somebody.",
        )
    }
}

/// The secret's text, as a person gets it.
fn secret_value(world: &mut World, name: &str) -> Value {
    let answer =
        world.call_json_as(OTHERS_KEY, "secretsmanager.GetSecretValue", &json!({ "SecretId": name }));
    let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    serde_json::from_str(answer["SecretString"].as_str().unwrap_or_default()).unwrap_or_default()
}
