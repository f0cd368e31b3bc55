//! The API of Parameter Store, as the wire carries it.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{ADVANCED_LIMIT, Parameter, STANDARD_LIMIT, Ssm};
use crate::http::{Request, Response};
use crate::json::{self, Answer, Members, constraint, error, invalid, seconds};
use crate::world::{Config, Context};

const KINDS: [&str; 3] = ["String", "StringList", "SecureString"];
/// How deep a hierarchy may be.
const LEVELS: usize = 15;

pub(super) fn handle(ssm: &mut Ssm, cx: &mut Context<'_>, request: &Request) -> Response {
    ssm.settle(cx.now);
    json::respond(Members::parse(&request.body).and_then(|members| match json::operation(request) {
        "GetParameter" => get_parameter(ssm, cx, &members),
        "PutParameter" => put_parameter(ssm, cx, &members),
        other => Err(json::unknown(other, "SSM")),
    }))
}

fn get_parameter(ssm: &Ssm, cx: &Context<'_>, members: &Members) -> Answer {
    members.only(&["Name", "WithDecryption"])?;
    let given = members.required("Name", 1, 2048)?;
    let decrypted = members.boolean("WithDecryption")?;
    let missing = || error("ParameterNotFound", &format!("Parameter {given} not found."));
    let parameter = match given.starts_with("arn:") {
        true => ssm.iter().find(|parameter| arn(cx.config, &parameter.name) == given),
        false if given.contains(':') => {
            return Err(invalid(&format!("not simulated: {given:?}, a version or label of a parameter")));
        }
        false => ssm.parameter(given),
    };
    let parameter = parameter.ok_or_else(missing)?;
    Ok(json!({"Parameter": {
        "Name": parameter.name,
        "Type": parameter.kind,
        "Value": if decrypted { parameter.value.clone() } else { encrypted(parameter) },
        "Version": parameter.version,
        "LastModifiedDate": seconds(parameter.modified_at),
        "ARN": arn(cx.config, &parameter.name),
        "DataType": "text",
    }}))
}

fn put_parameter(ssm: &mut Ssm, cx: &mut Context<'_>, members: &Members) -> Answer {
    members.only(&["Name", "Description", "Value", "Type", "Overwrite", "Tier", "DataType"])?;
    members.fixed("DataType", "text")?;
    members.text("Description", 0, 1024)?;
    let name = members.required("Name", 1, 2048)?;
    check_name(name)?;
    let value = members.required("Value", 1, usize::MAX)?;
    let overwrite = members.boolean("Overwrite")?;
    let before = ssm.parameter(name);
    let kind = match (members.text("Type", 1, 64)?, before) {
        (Some(kind), _) if !KINDS.contains(&kind) => {
            return Err(constraint("type", &format!("satisfy enum value set: [{}]", KINDS.join(", "))));
        }
        (Some(kind), _) => kind.to_owned(),
        (None, Some(before)) => before.kind.clone(),
        (None, None) => {
            return Err(invalid("A parameter type is required when you create a parameter."));
        }
    };
    if let Some(before) = before {
        if !overwrite {
            return Err(error(
                "ParameterAlreadyExists",
                "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
            ));
        }
        if (before.kind == "SecureString") != (kind == "SecureString") {
            let message = "You can't change a parameter from String or StringList to SecureString, or back.";
            return Err(error("HierarchyTypeMismatchException", message));
        }
    }
    let tier = tier(members.text("Tier", 1, 64)?, before, value)?;
    if let Some(before) = before {
        audit(cx, before);
    }
    let stored = ssm.store(cx.principal, name, &kind, value, tier);
    Ok(json!({"Version": stored.version, "Tier": stored.tier}))
}

/// The tier of a value; an advanced parameter stays one.
fn tier(asked: Option<&str>, before: Option<&Parameter>, value: &str) -> Result<&'static str, Response> {
    let was_advanced = before.is_some_and(|before| before.tier == "Advanced");
    let tier = match asked {
        Some("Standard") if was_advanced => {
            return Err(invalid("This parameter uses the advanced-parameter tier. You can't downgrade it."));
        }
        Some("Intelligent-Tiering") if value.len() > STANDARD_LIMIT => "Advanced",
        Some("Advanced") => "Advanced",
        None | Some("Standard" | "Intelligent-Tiering") if was_advanced => "Advanced",
        None | Some("Standard" | "Intelligent-Tiering") => "Standard",
        Some(_) => {
            let words = "satisfy enum value set: [Standard, Advanced, Intelligent-Tiering]";
            return Err(constraint("tier", words));
        }
    };
    let most = if tier == "Advanced" { ADVANCED_LIMIT } else { STANDARD_LIMIT };
    if value.len() > most {
        return Err(invalid(&format!(
            "{tier} tier parameters support a maximum parameter value of {most} characters."
        )));
    }
    Ok(tier)
}

fn check_name(name: &str) -> Result<(), Response> {
    if name.starts_with("arn:") {
        return Err(invalid("a parameter is put by its name, not by its ARN"));
    }
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte);
    let path = name.strip_prefix('/').unwrap_or(name);
    if !name.bytes().all(good) || path.is_empty() || path.split('/').any(str::is_empty) {
        return Err(invalid(
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_",
        ));
    }
    if path.contains('/') && !name.starts_with('/') {
        return Err(invalid("Parameter name must be a fully qualified name."));
    }
    if path.split('/').count() > LEVELS {
        let message = format!("a hierarchy can have at most {LEVELS} levels");
        return Err(error("HierarchyLevelLimitExceededException", &message));
    }
    let lower = path.to_ascii_lowercase();
    if ["aws", "ssm"].iter().any(|prefix| lower.starts_with(prefix)) {
        return Err(invalid("Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."));
    }
    Ok(())
}

/// What a secure string looks like to who doesn't ask for its decryption: nothing of the value.
fn encrypted(parameter: &Parameter) -> String {
    if parameter.kind != "SecureString" {
        return parameter.value.clone();
    }
    let digest = Sha256::digest(format!("{}:{}", parameter.name, parameter.version));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A parameter's ARN; the slash that a hierarchy begins with is there once.
fn arn(config: &Config, name: &str) -> String {
    let Config { partition, region, account, .. } = config;
    format!("arn:{partition}:ssm:{region}:{account}:parameter/{}", name.strip_prefix('/').unwrap_or(name))
}

/// To be called before a parameter gets another version.
fn audit(cx: &mut Context<'_>, parameter: &Parameter) {
    if cx.by_manager() && !cx.config.manager_keys.contains(&parameter.created_by) {
        cx.violations.push(format!(
            "S1 PutParameter by the manager hit the parameter {}, which {:?} made",
            parameter.name, parameter.created_by
        ));
    }
}
