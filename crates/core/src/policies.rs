//! The policies of secrets and keys: who may read a clone's password.

use serde_json::{Map, Value, json};

use crate::arn::Place;

/// The resource policy of a secret that some principals may read; `None` where there is nobody to name. Everybody else needs
/// IAM's word.
pub fn secret(principals: &[String]) -> Option<String> {
    if principals.is_empty() {
        return None;
    }
    let statement = json!({
        "Sid": "AccessPrincipalArns",
        "Effect": "Allow",
        "Principal": { "AWS": principals },
        "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
        "Resource": "*",
    });
    Some(document(vec![statement]))
}

/// The policy of a key that is made for a clone: IAM of the own account decides, and the same principals may decrypt, but only
/// what Secrets Manager asks for.
pub fn key(place: &Place, principals: &[String]) -> String {
    let domain = if place.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    let root = format!("arn:{}:iam::{}:root", place.partition, place.account);
    let mut statements = vec![json!({
        "Sid": "Account",
        "Effect": "Allow",
        "Principal": { "AWS": root },
        "Action": "kms:*",
        "Resource": "*",
    })];
    if !principals.is_empty() {
        statements.push(json!({
            "Sid": "AccessPrincipalArns",
            "Effect": "Allow",
            "Principal": { "AWS": principals },
            "Action": ["kms:Decrypt", "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {
                "StringEquals": { "kms:ViaService": format!("secretsmanager.{}.{domain}", place.region) }
            },
        }));
    }
    document(statements)
}

fn document(statements: Vec<Value>) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// Whether two policies say the same. AWS writes a list of one as that one, and orders as it likes.
pub fn same(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => match (serde_json::from_str(a), serde_json::from_str(b)) {
            (Ok(a), Ok(b)) => plain(a) == plain(b),
            _ => false,
        },
        _ => false,
    }
}

/// Whether a policy lets everybody in, as far as its principals say.
pub fn is_public(policy: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(policy) else { return true };
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.clone(),
        Some(one) => vec![one.clone()],
        None => return true,
    };
    statements.iter().any(|statement| {
        let principals = statement.get("Principal").map(Value::to_string).unwrap_or_else(|| "*".to_owned());
        statement.get("Effect").and_then(Value::as_str) == Some("Allow") && principals.contains('*')
    })
}

fn plain(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(plain).collect();
            items.sort_by_key(Value::to_string);
            match <[Value; 1]>::try_from(items) {
                Ok([one]) => one,
                Err(items) => Value::Array(items),
            }
        }
        Value::Object(map) => {
            let mut fields: Vec<(String, Value)> =
                map.into_iter().map(|(key, value)| (key, plain(value))).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(Map::from_iter(fields))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/app";

    #[test]
    fn policies_name_whom_they_admit_and_nobody_else() {
        let place =
            Place { partition: "aws".into(), region: "eu-west-1".into(), account: "123456789012".into() };
        assert_eq!(secret(&[]), None);
        let policy = secret(&[ROLE.to_owned()]).expect("a policy");
        assert!(policy.contains(ROLE) && !is_public(&policy), "{policy}");
        let key = key(&place, &[ROLE.to_owned()]);
        assert!(key.contains("secretsmanager.eu-west-1.amazonaws.com") && !is_public(&key), "{key}");
    }

    #[test]
    fn policies_are_compared_by_what_they_say() {
        let ours = secret(&[ROLE.to_owned()]);
        let theirs = format!(
            r#"{{"Statement":{{"Resource":"*","Action":["secretsmanager:GetSecretValue","secretsmanager:DescribeSecret"],
            "Principal":{{"AWS":"{ROLE}"}},"Effect":"Allow","Sid":"AccessPrincipalArns"}},"Version":"2012-10-17"}}"#
        );
        assert!(same(ours.as_deref(), Some(&theirs)));
        assert!(!same(ours.as_deref(), secret(&["arn:aws:iam::123456789012:role/b".to_owned()]).as_deref()));
        assert!(same(None, None) && !same(ours.as_deref(), None) && !same(Some("x"), Some("x")));
    }

    #[test]
    fn public_policies_are_seen() {
        for principal in [r#""*""#, r#"{"AWS":"*"}"#, r#"{"AWS":["arn:aws:iam::1:root","*"]}"#] {
            let policy = format!(r#"{{"Statement":[{{"Effect":"Allow","Principal":{principal}}}]}}"#);
            assert!(is_public(&policy), "{policy}");
        }
        assert!(is_public("not JSON") && is_public(r#"{"Statement":[{"Effect":"Allow"}]}"#));
    }
}
