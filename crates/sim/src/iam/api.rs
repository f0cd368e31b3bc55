//! Who somebody is, by STS, and what they may do, by IAM's own simulation of policies.

use std::collections::BTreeMap;

use super::{Ask, Context, Iam, Person, Role, Verdict};
use crate::http::{Request, Response};
use crate::query::{self, IAM_NAMESPACE, STS_NAMESPACE, Xml};
use crate::rng::Rng;
use crate::world::Config;

/// How many results a page of a simulation has unless it is told.
const PAGE: usize = 100;

/// Why a call is refused: its status, its code, and a sentence.
type Refusal = (u16, &'static str, String);

impl Iam {
    /// Handles a call to STS or IAM.
    pub(crate) fn handle(
        &self,
        config: &Config,
        service: &str,
        request: &Request,
        request_id: &str,
    ) -> Response {
        let mut parameters = query::parameters(&request.body);
        parameters.remove("Version");
        let operation = parameters.remove("Action").unwrap_or_default();
        let (namespace, answer) = match (service, operation.as_str()) {
            ("sts", "GetCallerIdentity") => (STS_NAMESPACE, self.identity(config, request, &parameters)),
            ("iam", "SimulatePrincipalPolicy") => (IAM_NAMESPACE, self.simulate(config, parameters)),
            (_, other) => {
                let namespace = if service == "sts" { STS_NAMESPACE } else { IAM_NAMESPACE };
                (namespace, Err((400, "InvalidAction", format!("not simulated: operation {other}"))))
            }
        };
        match answer {
            Ok(result) => query::answer(namespace, &operation, request_id, |xml| {
                xml.append(&result);
            }),
            Err((status, code, message)) => query::error(namespace, status, code, &message, request_id),
        }
    }

    /// Everybody is an IAM user: one that was introduced, or one who is called as their access key id.
    fn identity(
        &self,
        config: &Config,
        request: &Request,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Xml, Refusal> {
        if let Some(name) = parameters.keys().next() {
            return Err(invalid(format!("not simulated: parameter {name}")));
        }
        let Some(key) = request.access_key().filter(|key| !key.is_empty()) else {
            let message = "Request is missing Authentication Token".to_owned();
            return Err((403, "MissingAuthenticationToken", message));
        };
        let name = self.people.get(key).map_or(key, |person| person.name.as_str());
        let mut xml = Xml::default();
        xml.text("Arn", user_arn(config, name))
            .text("UserId", user_id(config, name))
            .text("Account", &config.account);
        Ok(xml)
    }

    fn simulate(&self, config: &Config, parameters: BTreeMap<String, String>) -> Result<Xml, Refusal> {
        let asked = Asked::read(parameters)?;
        let who = self.who(config, &asked.source)?;
        let questions: Vec<Ask> = asked
            .actions
            .iter()
            .flat_map(|action| {
                let ask =
                    |resource: &String| Ask::new(action.clone(), resource.clone(), asked.context.clone());
                asked.resources.iter().map(ask)
            })
            .collect();
        let next = (asked.from + asked.most < questions.len()).then_some(asked.from + asked.most);
        let mut xml = Xml::default();
        xml.element("EvaluationResults", |xml| {
            for ask in questions.iter().skip(asked.from).take(asked.most) {
                xml.element("member", |xml| result(xml, who, ask));
            }
        });
        xml.text("IsTruncated", next.is_some()).optional("Marker", next);
        Ok(xml)
    }

    /// What a principal's policies are; `None` for an administrator's.
    fn who(&self, config: &Config, arn: &str) -> Result<Option<&Role>, Refusal> {
        let here = format!("arn:{}:iam::{}:", config.partition, config.account);
        let Some((kind, path)) = arn.strip_prefix(&here).and_then(|rest| rest.split_once('/')) else {
            return Err(invalid(format!(
                "Invalid Entity Arn: {arn} does not clearly define entity type and name."
            )));
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        let missing = || (404, "NoSuchEntity", format!("The {kind} with name {name} cannot be found."));
        match kind {
            "role" => {
                let role = self.roles.values().find(|role| role.name == name);
                role.map(|role| Some(role.as_ref())).ok_or_else(missing)
            }
            "user" => match self.people.values().find(|person| person.name == name) {
                Some(Person { policies, .. }) => Ok(policies.as_deref()),
                // Somebody who was never introduced is called as their access key id.
                None if name.starts_with("AKIA") => Ok(None),
                None => Err(missing()),
            },
            other => Err(invalid(format!("not simulated: the policies of a {other}"))),
        }
    }
}

/// What a simulation is asked.
struct Asked {
    source: String,
    actions: Vec<String>,
    resources: Vec<String>,
    context: Context,
    from: usize,
    most: usize,
}

impl Asked {
    fn read(mut parameters: BTreeMap<String, String>) -> Result<Self, Refusal> {
        let source = parameters.remove("PolicySourceArn");
        let source = source.ok_or_else(|| invalid("PolicySourceArn must not be null".to_owned()))?;
        let actions = list(&mut parameters, "ActionNames.member.");
        let actions: Vec<String> = actions.into_values().collect();
        if actions.is_empty() {
            return Err(invalid("ActionNames must not be empty".to_owned()));
        }
        if let Some(action) = actions.iter().find(|action| !action.contains(':') || action.contains('*')) {
            return Err(invalid(format!("Invalid Action: {action}")));
        }
        let mut resources: Vec<String> =
            list(&mut parameters, "ResourceArns.member.").into_values().collect();
        if resources.is_empty() {
            resources.push("*".to_owned());
        }
        let context = context(&mut parameters)?;
        let mut number = |name: &str, least: usize, default: usize| match parameters.remove(name) {
            None => Ok(default),
            Some(text) => match text.parse::<usize>() {
                Ok(number) if number >= least => Ok(number),
                _ => Err(invalid(format!("{name} can't be {text}"))),
            },
        };
        let (most, from) = (number("MaxItems", 1, PAGE)?, number("Marker", 0, 0)?);
        if let Some(name) = parameters.keys().next() {
            return Err(invalid(format!("not simulated: parameter {name}")));
        }
        Ok(Self { source, actions, resources, context, from, most })
    }
}

fn context(parameters: &mut BTreeMap<String, String>) -> Result<Context, Refusal> {
    let mut entries: BTreeMap<usize, (String, Vec<String>)> = BTreeMap::new();
    const BEFORE: &str = "ContextEntries.member.";
    let names: Vec<String> = parameters.keys().filter(|name| name.starts_with(BEFORE)).cloned().collect();
    for name in names {
        let value = parameters.remove(&name).unwrap_or_default();
        let rest = name.strip_prefix(BEFORE).unwrap_or_default();
        let (index, field) = rest.split_once('.').unwrap_or((rest, ""));
        let index = index.parse().map_err(|_| invalid(format!("not simulated: parameter {name}")))?;
        let entry: &mut (String, Vec<String>) = entries.entry(index).or_default();
        match field {
            "ContextKeyName" => entry.0 = value,
            // What a value is, the operator of a condition says as well.
            "ContextKeyType" => {}
            _ if field.starts_with("ContextKeyValues.member.") => entry.1.push(value),
            _ => return Err(invalid(format!("not simulated: parameter {name}"))),
        }
    }
    let context = Context::default();
    Ok(entries.into_values().fold(context, |context, (key, values)| context.with_all(&key, values)))
}

/// Takes out the members of a list, by their numbers.
fn list(parameters: &mut BTreeMap<String, String>, before: &str) -> BTreeMap<usize, String> {
    let index = |name: &String| name.strip_prefix(before)?.parse::<usize>().ok();
    let found: Vec<(usize, String)> =
        parameters.keys().filter_map(|name| Some((index(name)?, name.clone()))).collect();
    found.into_iter().filter_map(|(index, name)| Some((index, parameters.remove(&name)?))).collect()
}

fn result(xml: &mut Xml, who: Option<&Role>, ask: &Ask) {
    let (decision, by) = match who.map(|role| role.judge(ask)) {
        None => ("allowed", Some("AdministratorAccess".to_owned())),
        Some(Verdict::Allowed(grants)) => {
            let sid = grants.first().and_then(|grant| who?.statements.get(grant.statement));
            ("allowed", sid.map(|statement| statement.sid.clone()))
        }
        Some(Verdict::Denied(Some(sid))) => ("explicitDeny", Some(sid.to_owned())),
        Some(Verdict::Denied(None)) => ("implicitDeny", None),
    };
    xml.text("EvalActionName", &ask.action).text("EvalResourceName", &ask.resource);
    xml.text("EvalDecision", decision).element("MatchedStatements", |xml| {
        if let Some(by) = by {
            xml.element("member", |xml| {
                xml.text("SourcePolicyId", by).text("SourcePolicyType", "IAM Policy");
            });
        }
    });
    xml.element("MissingContextValues", |xml| {
        for key in who.map(|role| role.missing(ask)).into_iter().flatten() {
            xml.text("member", key);
        }
    });
}

fn invalid(message: String) -> Refusal {
    (400, "InvalidInput", message)
}

/// The ARN of a user.
pub(super) fn user_arn(config: &Config, name: &str) -> String {
    format!("arn:{}:iam::{}:user/{name}", config.partition, config.account)
}

/// A user's id, the same for the same name.
fn user_id(config: &Config, name: &str) -> String {
    let seed =
        name.bytes().fold(config.seed, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut rng = Rng::new(seed);
    let letters: String = (0..17)
        .map(|_| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[(rng.next_u64() >> 59) as usize]))
        .collect();
    format!("AIDA{letters}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::super::{Person, Role};
    use crate::{Config, World};

    fn world() -> World {
        let mut world = World::new(Config::default());
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "Look", "Effect": "Allow", "Action": "rds:Describe*", "Resource": "*"},
            {"Sid": "Ours", "Effect": "Allow", "Action": "rds:DeleteDBCluster", "Resource": "*",
             "Condition": {"StringEquals": {"aws:ResourceTag/team": "web"}}},
            {"Sid": "Never", "Effect": "Deny", "Action": "rds:StartExportTask", "Resource": "*"},
        ]});
        let role = Arc::new(Role::parse("Reader", &[policy]).unwrap());
        world.functions.register("f", chrono::Duration::seconds(3));
        world.iam.assume("f", Arc::clone(&role));
        world.iam.introduce("AKIAADA", Person { name: "ada".to_owned(), policies: None });
        world.iam.introduce("AKIABOB", Person { name: "bob".to_owned(), policies: Some(role) });
        world
    }

    fn ask(world: &mut World, key: &str, operation: &str, parameters: &[(&str, &str)]) -> String {
        let response = world.call_as(key, operation, parameters);
        format!("{} {}", response.status, String::from_utf8(response.body).unwrap())
    }

    #[test]
    fn everybody_may_ask_who_they_are() {
        let mut world = world();
        for (key, name) in [("AKIAADA", "ada"), ("AKIABOB", "bob"), ("AKIAX", "AKIAX")] {
            let answer = ask(&mut world, key, "GetCallerIdentity", &[]);
            assert!(answer.starts_with("200 <GetCallerIdentityResponse "), "{answer}");
            assert!(
                answer.contains(&format!("<Arn>arn:aws:iam::123456789012:user/{name}</Arn>")),
                "{answer}"
            );
            assert!(answer.contains("<Account>123456789012</Account>"), "{answer}");
        }
        assert!(ask(&mut world, "AKIAADA", "GetCallerIdentity", &[("For", "me")]).contains("not simulated"));
    }

    #[test]
    fn a_simulation_judges_by_the_roles_and_peoples_policies() {
        let mut world = world();
        let account = "arn:aws:iam::123456789012:";
        let mut decide = |who: &str, action: &str, more: &[(&str, &str)]| {
            let source = format!("{account}{who}");
            let mut parameters = vec![("PolicySourceArn", source.as_str()), ("ActionNames.member.1", action)];
            parameters.extend(more);
            ask(&mut world, "AKIAADA", "SimulatePrincipalPolicy", &parameters)
        };
        let decided = |answer: &str, decision: &str| {
            assert!(
                answer.contains(&format!("<EvalDecision>{decision}</EvalDecision>")),
                "{decision}: {answer}"
            );
        };
        for who in ["role/Reader", "role/a/path/Reader", "user/bob"] {
            decided(&decide(who, "rds:DescribeDBClusters", &[]), "allowed");
            decided(&decide(who, "rds:CreateDBCluster", &[]), "implicitDeny");
            decided(&decide(who, "rds:StartExportTask", &[]), "explicitDeny");
            let answer = decide(who, "rds:DeleteDBCluster", &[]);
            decided(&answer, "implicitDeny");
            assert!(
                answer.contains("<MissingContextValues><member>aws:resourcetag/team</member>"),
                "{answer}"
            );
            let tagged = [
                ("ContextEntries.member.1.ContextKeyName", "aws:ResourceTag/team"),
                ("ContextEntries.member.1.ContextKeyType", "string"),
                ("ContextEntries.member.1.ContextKeyValues.member.1", "web"),
            ];
            decided(&decide(who, "rds:DeleteDBCluster", &tagged), "allowed");
        }
        decided(&decide("user/ada", "rds:StartExportTask", &[]), "allowed");
        for (who, code) in
            [("role/None", "NoSuchEntity"), ("user/none", "NoSuchEntity"), ("group/g", "InvalidInput")]
        {
            let answer = decide(who, "rds:DescribeDBClusters", &[]);
            assert!(answer.contains(&format!("<Code>{code}</Code>")), "{answer}");
        }
        assert!(decide("user/ada", "rds:x", &[("PolicyInputList.member.1", "{}")]).contains("not simulated"));
    }

    #[test]
    fn what_is_asked_comes_action_by_action_and_page_by_page() {
        let mut world = world();
        let parameters = [
            ("PolicySourceArn", "arn:aws:iam::123456789012:user/ada"),
            ("ActionNames.member.1", "rds:A"),
            ("ActionNames.member.2", "rds:B"),
            ("ResourceArns.member.1", "arn:one"),
            ("ResourceArns.member.2", "arn:two"),
            ("MaxItems", "3"),
        ];
        let first = ask(&mut world, "AKIAADA", "SimulatePrincipalPolicy", &parameters);
        assert_eq!(first.matches("<EvalActionName>").count(), 3, "{first}");
        assert!(first.contains("<IsTruncated>true</IsTruncated><Marker>3</Marker>"), "{first}");
        let rest = [&parameters[..], &[("Marker", "3")]].concat();
        let rest = ask(&mut world, "AKIAADA", "SimulatePrincipalPolicy", &rest);
        assert!(rest.contains("<EvalActionName>rds:B</EvalActionName><EvalResourceName>arn:two"), "{rest}");
        assert!(rest.contains("<IsTruncated>false</IsTruncated>"), "{rest}");
    }

    #[test]
    fn who_has_policies_is_held_to_them() {
        let mut world = world();
        assert!(ask(&mut world, "AKIABOB", "DescribeDBClusters", &[]).starts_with("200"));
        let denied = ask(&mut world, "AKIABOB", "DescribeAccountAttributes", &[]);
        assert!(denied.starts_with("200"), "{denied}");
        let denied = ask(&mut world, "AKIABOB", "DeleteDBCluster", &[("DBClusterIdentifier", "x")]);
        assert!(denied.starts_with("403"), "{denied}");
        assert!(denied.contains("user/bob is not authorized to perform: rds:DeleteDBCluster"), "{denied}");
        assert_eq!(world.violations, Vec::<String>::new());
    }
}
