//! Properties from a file: those of a resource in a template, or of a template's one clone.

use aurora_clone_core::properties::table;
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value};

use crate::failure::Failure;

/// The most that is read of a file.
const MOST: usize = 1024 * 1024;

/// Reads the properties in `path`; `-` is standard input.
pub fn read(path: &str, resource: Option<&str>) -> Result<Map<String, Value>, Failure> {
    let unreadable = |error: std::io::Error| Failure::usage(format!("{path} can't be read: {error}"));
    let text = match path {
        "-" => std::io::read_to_string(std::io::stdin()).map_err(unreadable)?,
        path => std::fs::read_to_string(path).map_err(unreadable)?,
    };
    if text.len() > MOST {
        return Err(Failure::usage(format!("{path} has {} bytes, and at most {MOST} are read", text.len())));
    }
    properties(&text, resource).map_err(|wrong| {
        Failure::usage(format!("{path}: {wrong}"))
            .hint("it takes a map of the clone's properties, or a template with one clone, as YAML or JSON")
    })
}

/// The properties in a text.
fn properties(text: &str, resource: Option<&str>) -> Result<Map<String, Value>, String> {
    let documents = Yaml::load_from_str(text).map_err(|error| error.to_string())?;
    let [document] = documents.as_slice() else {
        return Err(format!("it has {} documents instead of one", documents.len()));
    };
    let Some(resources) = member(document, "Resources") else {
        if let Some(name) = resource {
            return Err(format!("it is no template, so it has no resource {name}"));
        }
        return map_of(document, "the document");
    };
    let (name, found) = the_clone(resources, resource)?;
    member(found, "Properties").map_or_else(|| Ok(Map::new()), |properties| map_of(properties, name))
}

/// The resource with the clone: the one that is named, or the only one.
fn the_clone<'a>(resources: &'a Yaml<'a>, named: Option<&'a str>) -> Result<(&'a str, &'a Yaml<'a>), String> {
    let all = resources.as_mapping().ok_or("Resources is no map")?;
    if let Some(name) = named {
        return member(resources, name)
            .map(|found| (name, found))
            .ok_or(format!("there is no resource {name}"));
    }
    let is_clone = |resource: &Yaml<'_>| {
        let kind = member(resource, "Type").and_then(|kind| kind.as_str().map(str::to_owned));
        kind.is_some_and(|kind| kind.starts_with("Custom::"))
            && member(resource, "Properties").is_some_and(|p| member(p, "SourceClusterId").is_some())
    };
    let clones: Vec<(&str, &Yaml<'_>)> = all
        .iter()
        .filter(|(_, resource)| is_clone(resource))
        .filter_map(|(name, resource)| Some((name.as_str()?, resource)))
        .collect();
    match clones.as_slice() {
        [one] => Ok(*one),
        [] => Err("no resource in it is a clone".to_owned()),
        several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| *name).collect();
            Err(format!("it has several clones ({}): name one with --resource", names.join(", ")))
        }
    }
}

fn member<'a>(node: &'a Yaml<'a>, name: &str) -> Option<&'a Yaml<'a>> {
    node.as_mapping()?.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
}

fn map_of(node: &Yaml<'_>, what: &str) -> Result<Map<String, Value>, String> {
    match value(node, what)? {
        Value::Object(map) => Ok(map),
        _ => Err(format!("{what} is no map of properties")),
    }
}

/// A node as CloudFormation would send it. What only CloudFormation knows can't be had here.
fn value(node: &Yaml<'_>, what: &str) -> Result<Value, String> {
    let intrinsic = |name: &str| {
        format!("{what} is {name}, which only CloudFormation can resolve: give the value itself, or a flag")
    };
    Ok(match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => Value::from(value.to_string()),
        Yaml::Value(Scalar::Integer(value)) => Value::from(value.to_string()),
        Yaml::Value(Scalar::FloatingPoint(value)) => Value::from(value.to_string()),
        Yaml::Value(Scalar::String(value)) => Value::from(value.to_string()),
        Yaml::Representation(text, ..) => Value::from(text.to_string()),
        Yaml::Sequence(items) => items.iter().map(|item| value(item, what)).collect::<Result<_, _>>()?,
        Yaml::Mapping(members) => {
            let mut map = Map::new();
            for (key, node) in members {
                let name = key.as_str().ok_or(format!("a key in {what} is no text"))?;
                // CloudFormation's, and of no meaning here.
                if name == "ServiceToken" {
                    continue;
                }
                if name == "Ref" || name.starts_with("Fn::") {
                    return Err(intrinsic(name));
                }
                let known = table::is_known(name);
                map.insert(name.to_owned(), value(node, if known { name } else { what })?);
            }
            Value::Object(map)
        }
        Yaml::Tagged(tag, _) => return Err(intrinsic(&format!("!{}", tag.suffix))),
        Yaml::Alias(_) | Yaml::BadValue => return Err(format!("{what} can't be read")),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::properties;

    fn read(text: &str, resource: Option<&str>) -> Result<Value, String> {
        properties(text, resource).map(Value::Object)
    }

    const TEMPLATE: &str = "Resources:\n  Clone:\n    Type: Custom::AuroraClone\n    Properties:\n      ServiceToken: !ImportValue x\n      \
                            SourceClusterId: prod\n";

    #[test]
    fn a_map_and_a_template_say_the_same() {
        let wanted = json!({ "SourceClusterId": "prod", "InstanceCount": "2", "Tags": { "team": "web" } });
        assert_eq!(
            read("SourceClusterId: prod\nInstanceCount: 2\nTags: {team: web}\n", None),
            Ok(wanted.clone())
        );
        assert_eq!(read(&wanted.to_string(), None), Ok(wanted));
        assert_eq!(read(TEMPLATE, None), Ok(json!({ "SourceClusterId": "prod" })));
        assert_eq!(read(TEMPLATE, Some("Clone")), Ok(json!({ "SourceClusterId": "prod" })));
    }

    #[test]
    fn what_can_not_be_had_is_named() {
        let two = format!(
            "{}  Other:\n    Type: Custom::AuroraClone\n    Properties: {{SourceClusterId: a}}\n",
            TEMPLATE
        );
        for (text, resource, part) in [
            ("- a", None, "no map of properties"),
            ("a: [", None, "line"),
            ("a: 1\n---\nb: 2", None, "2 documents"),
            (
                "SourceClusterId: !Ref X",
                None,
                "SourceClusterId is !Ref, which only CloudFormation can resolve",
            ),
            ("SourceClusterId: {Ref: X}", None, "SourceClusterId is Ref"),
            ("Resources: {}", None, "no resource in it is a clone"),
            (two.as_str(), None, "several clones (Clone, Other)"),
            (TEMPLATE, Some("Other"), "no resource Other"),
            ("a: 1", Some("Clone"), "no template"),
        ] {
            let error = read(text, resource).expect_err(text);
            assert!(error.contains(part), "{error}");
        }
    }
}
