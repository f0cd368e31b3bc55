//! Condition and update expressions, as tables of cases.

mod dynamodb_support;

use dynamodb_support::{call, get, outcome, put, world};
use serde_json::{Value, json};

/// The names and values that an expression mentions.
fn placeholders(body: &mut Value, expression: &str) {
    let values = json!({
        ":one": {"N": "1"}, ":ten": {"N": "10"}, ":nine": {"N": "9.0"}, ":ten_text": {"S": "10"}, ":a": {"S": "a"},
        ":b": {"S": "b"}, ":ab": {"S": "ab"}, ":t": {"BOOL": true}, ":f": {"BOOL": false}, ":null": {"NULL": true},
        ":list": {"L": [{"N": "1.0"}, {"S": "x"}]}, ":map": {"M": {"five": {"N": "5"}}}, ":empty": {"S": ""},
    });
    let names = json!({"#s": "status", "#n": "n", "#dotted": "with.dot", "#id": "id"});
    for (member, all) in [("ExpressionAttributeValues", values), ("ExpressionAttributeNames", names)] {
        let mentioned = |name: &str| {
            expression.match_indices(name).any(|(at, _)| {
                let next = expression[at + name.len()..].chars().next();
                !next.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
            })
        };
        let used: serde_json::Map<_, _> = all
            .as_object()
            .expect("an object")
            .clone()
            .into_iter()
            .filter(|(name, _)| mentioned(name))
            .collect();
        if !used.is_empty() {
            body[member] = Value::Object(used);
        }
    }
}

fn item() -> Value {
    json!({
        "n": {"N": "10.0"}, "word": {"S": "abc"}, "yes": {"BOOL": true}, "nil": {"NULL": true},
        "things": {"L": [{"N": "1"}, {"S": "x"}]}, "nest": {"M": {"five": {"N": "5"}, "bottom": {"L": [{"S": "a"}]}}},
        "status": {"S": "a"}, "with.dot": {"S": "b"}, "ten_too": {"N": "1e1"}, "nothing": {"S": ""},
    })
}

const REFUSED_FUNCTIONS: [&str; 4] = [" IN (", "size(", "contains(", "attribute_type("];

#[test]
fn conditions_on_an_item() {
    let (yes, no, bad) = ("Ok", "ConditionalCheckFailed", "Validation");
    for (condition, expected) in [
        ("attribute_exists(n)", yes),
        ("attribute_exists(id)", yes),
        ("attribute_exists(gone)", no),
        ("attribute_not_exists(n)", no),
        ("attribute_not_exists(gone)", yes),
        ("attribute_exists(nest.five)", yes),
        ("attribute_exists(nest.six)", no),
        ("attribute_exists(nest.bottom[0])", yes),
        ("attribute_exists(things[2])", no),
        ("attribute_exists(word.x)", no),
        ("attribute_exists(nil)", yes),
        // Numbers are numbers.
        ("n = :ten", yes),
        ("n = ten_too", yes),
        ("n > :nine", yes),
        ("n >= :ten", yes),
        ("n < :ten", no),
        ("n <= :ten", yes),
        (":nine < n", yes),
        ("n BETWEEN :nine AND :ten", yes),
        ("n between :one and :nine", no),
        // Types never mix.
        ("n = :ten_text", no),
        ("n <> :ten_text", yes),
        ("n > :a", no),
        ("n < :a", no),
        ("things < :ten", no),
        ("yes = :t", yes),
        ("yes = :f", no),
        ("yes <> :f", yes),
        ("nil = :null", yes),
        ("things = :list", yes),
        ("nest = :map", no),
        ("nothing = :empty", yes),
        // What is absent.
        ("gone = :a", no),
        ("gone <> :a", yes),
        ("NOT gone = :a", yes),
        ("gone < :ten", no),
        ("gone >= :ten", no),
        ("gone = missing_too", no),
        ("gone <> missing_too", yes),
        ("gone BETWEEN :one AND :ten", no),
        // Strings.
        ("word > :ab", yes),
        ("word < :b", yes),
        ("begins_with(word, :ab)", yes),
        ("begins_with(word, :b)", no),
        ("begins_with(n, :a)", no),
        ("begins_with(gone, :a)", no),
        ("begins_with(word, :one)", bad),
        // Names.
        ("#s = :a", yes),
        ("#dotted = :b", yes),
        ("#n = :ten", yes),
        ("nest.#n = :ten", no),
        ("status = :a", bad),
        ("nest.status = :a", bad),
        ("attribute_exists(Status)", bad),
        // Logic.
        ("attribute_exists(n) AND attribute_exists(gone)", no),
        ("attribute_exists(n) OR attribute_exists(gone)", yes),
        ("attribute_exists(n) OR attribute_exists(gone) AND attribute_exists(gone)", yes),
        ("(attribute_exists(n) OR attribute_exists(gone)) AND attribute_exists(gone)", no),
        ("NOT attribute_exists(gone) AND attribute_exists(n)", yes),
        ("NOT (attribute_exists(gone) OR attribute_exists(n))", no),
        ("not NOT attribute_exists(n)", yes),
        ("attribute_not_exists(id) OR n < :nine OR #s = :a", yes),
        ("(n = :ten)", yes),
        ("((n = :ten) AND (yes = :t))", yes),
        ("((n = :ten))", bad),
        ("n BETWEEN :one AND :ten AND yes = :t", yes),
        // Refused.
        ("", bad),
        (" ", bad),
        ("n", bad),
        ("n =", bad),
        ("n == :ten", bad),
        ("n = :ten AND", bad),
        ("n = :ten yes = :t", bad),
        ("(n = :ten", bad),
        ("n = :ten)", bad),
        ("n = 10", bad),
        ("n = 'a'", bad),
        ("n = :unknown", bad),
        ("#unknown = :a", bad),
        ("n = n", bad),
        ("n < :t", bad),
        ("n > :list", bad),
        ("n BETWEEN :ten AND :one", bad),
        ("n BETWEEN :one AND :a", bad),
        ("attribute_exists(:a)", bad),
        ("attribute_exists(n", bad),
        ("dog(n)", bad),
        ("Attribute_Exists(n)", bad),
        // Not simulated.
        ("n IN (:one, :ten)", bad),
        ("size(word) > :one", bad),
        ("contains(word, :a)", bad),
        ("attribute_type(word, :a)", bad),
        ("a-b = :a", bad),
    ] {
        let mut world = world();
        put(&mut world, item());
        let mut body = json!({"Key": {"id": {"S": "k"}}, "ConditionExpression": condition});
        placeholders(&mut body, condition);
        let result = call(&mut world, "DeleteItem", body.clone());
        let message = result.err().map(|error| error["message"].as_str().unwrap_or_default().to_owned());
        let reserved = message.as_deref().is_some_and(|message| message.contains("reserved keyword"));
        assert_eq!(reserved, condition.to_lowercase().replace("#s", "").contains("status"), "{condition}");
        let unknown = message.is_some_and(|message| message.contains("not simulated"));
        assert_eq!(unknown, REFUSED_FUNCTIONS.iter().any(|name| condition.contains(name)), "{condition}");
        put(&mut world, item());
        assert_eq!(outcome(&mut world, "DeleteItem", body.clone()), expected, "{condition}");
        assert_eq!(world.dynamodb.item("locks", "k").is_none(), expected == yes, "{condition}");
        // The same on every kind of write, and no write when it fails.
        put(&mut world, item());
        let before = get(&mut world);
        let mut update = body.clone();
        update["UpdateExpression"] = json!("REMOVE n");
        assert_eq!(outcome(&mut world, "UpdateItem", update), expected, "{condition}");
        assert_eq!(get(&mut world) == before, expected != yes, "{condition}");
        put(&mut world, item());
        let mut replace = body;
        replace.as_object_mut().expect("an object").remove("Key");
        replace["Item"] = json!({"id": {"S": "k"}, "new": {"N": "1"}});
        assert_eq!(outcome(&mut world, "PutItem", replace), expected, "{condition}");
        assert_eq!(get(&mut world) == before, expected != yes, "{condition}");
    }
}

#[test]
fn conditions_on_nothing() {
    for (condition, expected) in [
        ("attribute_not_exists(id)", "Ok"),
        ("attribute_exists(id)", "ConditionalCheckFailed"),
        ("n = :ten", "ConditionalCheckFailed"),
        ("n <> :ten", "Ok"),
        ("attribute_not_exists(id) OR n < :ten", "Ok"),
        ("NOT n = :ten", "Ok"),
    ] {
        let mut world = world();
        let mut body = json!({"Item": {"id": {"S": "k"}}, "ConditionExpression": condition});
        placeholders(&mut body, condition);
        assert_eq!(outcome(&mut world, "PutItem", body), expected, "{condition}");
    }
}

#[test]
fn updates() {
    let cases: Vec<(&str, Result<Value, &str>)> = vec![
        ("SET n = :one", Ok(json!({"n": {"N": "1"}}))),
        ("set fresh = :a, n = n + :one", Ok(json!({"fresh": {"S": "a"}, "n": {"N": "11"}}))),
        ("SET n = n - :ten", Ok(json!({"n": {"N": "0"}}))),
        ("SET n = :ten - :one", Ok(json!({"n": {"N": "9"}}))),
        ("SET n = if_not_exists(n, :one)", Ok(json!({}))),
        ("SET c = if_not_exists(c, :one)", Ok(json!({"c": {"N": "1"}}))),
        ("SET c = if_not_exists(c, :nine) + :one", Ok(json!({"c": {"N": "10"}}))),
        ("SET n = if_not_exists(n, :nine) + :one", Ok(json!({"n": {"N": "11"}}))),
        ("SET c = if_not_exists(c, n)", Ok(json!({"c": {"N": "10"}}))),
        // Everything is read before anything is written.
        ("SET n = ten_too + :one, ten_too = n - :one", Ok(json!({"n": {"N": "11"}, "ten_too": {"N": "9"}}))),
        ("SET word = nothing, nothing = word", Ok(json!({"word": {"S": ""}, "nothing": {"S": "abc"}}))),
        ("REMOVE n", Ok(json!({"n": null}))),
        ("REMOVE n, gone, word SET #s = :b", Ok(json!({"n": null, "word": null, "status": {"S": "b"}}))),
        (
            "SET nest.six = :one",
            Ok(
                json!({"nest": {"M": {"five": {"N": "5"}, "bottom": {"L": [{"S": "a"}]}, "six": {"N": "1"}}}}),
            ),
        ),
        (
            "SET nest.bottom[7] = :b",
            Ok(json!({"nest": {"M": {"five": {"N": "5"}, "bottom": {"L": [{"S": "a"}, {"S": "b"}]}}}})),
        ),
        ("SET things[0] = :b", Ok(json!({"things": {"L": [{"S": "b"}, {"S": "x"}]}}))),
        ("REMOVE things[0], things[1]", Ok(json!({"things": {"L": []}}))),
        ("REMOVE nest.bottom", Ok(json!({"nest": {"M": {"five": {"N": "5"}}}}))),
        ("REMOVE nest.gone", Ok(json!({}))),
        ("", Err("can not be empty")),
        ("n = :one", Err("Syntax error")),
        ("SET n", Err("Syntax error")),
        ("SET n = :one,", Err("Syntax error")),
        ("SET n = :one SET word = :a", Err("only be used once")),
        ("REMOVE n REMOVE word", Err("only be used once")),
        ("SET n = :one, n = :ten", Err("overlap")),
        ("SET n = :one REMOVE n", Err("overlap")),
        ("SET nest.five = :one, nest = :map", Err("overlap")),
        ("SET nest.five = :one, nest[0] = :a", Err("conflict")),
        ("SET #id = :a", Err("part of the key")),
        ("REMOVE id", Err("part of the key")),
        ("SET status = :a", Err("reserved keyword")),
        ("SET n = gone", Err("does not exist in the item")),
        ("SET n = gone + :one", Err("does not exist in the item")),
        ("SET n = word + :one", Err("incorrect data type")),
        ("SET n = n + :a", Err("Incorrect operand type")),
        ("SET n = n + :one + :one", Err("Syntax error")),
        ("SET gone.x = :one", Err("invalid for update")),
        ("SET word.x = :one", Err("invalid for update")),
        ("SET things.x = :one", Err("invalid for update")),
        ("REMOVE gone.x", Err("invalid for update")),
        ("SET n = :nowhere", Err("not defined")),
        ("SET n = attribute_exists(n)", Err("Invalid function name")),
        ("SET things = list_append(things, :list)", Err("not simulated")),
        ("ADD n :one", Err("not simulated")),
        ("DELETE things :list", Err("not simulated")),
    ];
    for (update, expected) in cases {
        let mut world = world();
        put(&mut world, item());
        let before = get(&mut world);
        let mut body =
            json!({"Key": {"id": {"S": "k"}}, "UpdateExpression": update, "ReturnValues": "ALL_NEW"});
        placeholders(&mut body, update);
        let result = call(&mut world, "UpdateItem", body);
        let after = get(&mut world);
        match (result, expected) {
            (Ok(answer), Ok(changes)) => {
                let mut wanted = before.clone();
                for (name, value) in changes.as_object().expect("an object") {
                    let wanted = wanted.as_object_mut().expect("an object");
                    let _ = if value.is_null() {
                        wanted.remove(name)
                    } else {
                        wanted.insert(name.clone(), value.clone())
                    };
                }
                assert_eq!(after, wanted, "{update}");
                wanted["id"] = json!({"S": "k"});
                assert_eq!(answer["Attributes"], wanted, "{update}");
            }
            (Err(error), Err(wanted)) => {
                assert_eq!(error["__type"], "ValidationException", "{update}");
                let message = error["message"].as_str().expect("a message");
                assert!(message.contains(wanted), "{update}: {message}");
                assert_eq!(after, before, "{update}");
            }
            (result, expected) => panic!("{update}: {result:?}, not {expected:?}"),
        }
    }
}

#[test]
fn an_update_of_nothing_creates_unless_it_only_removes() {
    for (update, created) in [(Some("SET n = :one"), true), (None, true), (Some("REMOVE n"), false)] {
        let mut world = world();
        let mut body = json!({"Key": {"id": {"S": "k"}}});
        if let Some(update) = update {
            body["UpdateExpression"] = json!(update);
            placeholders(&mut body, update);
        }
        call(&mut world, "UpdateItem", body).expect("updated");
        assert_eq!(world.dynamodb.item("locks", "k").is_some(), created, "{update:?}");
    }
}

#[test]
fn placeholders_must_be_used_and_well_formed() {
    let one = json!({"N": "1"});
    for (names, values, expected) in [
        (json!(null), json!({":v": one}), "Ok"),
        (json!({"#x": "n"}), json!({":v": one}), "unused in expressions: keys: {#x}"),
        (json!(null), json!({":v": one, ":w": one, ":x": one}), "unused in expressions: keys: {:w, :x}"),
        (json!({}), json!({":v": one}), "must not be empty"),
        (json!({"x": "n"}), json!({":v": one}), "contains invalid key"),
        (json!(null), json!({"v": one}), "contains invalid key"),
        (json!(null), json!({":v": {"N": "x"}}), "cannot be converted to a numeric value"),
        (json!(null), json!({":v": {}}), "is empty"),
        (json!(null), json!({":v": {"N": "1", "S": "1"}}), "more than one"),
        (json!(null), json!({":v": {"SS": ["a"]}}), "not simulated"),
        (json!(null), json!({":v": {"B": "aa=="}}), "not simulated"),
    ] {
        let mut world = world();
        let body = json!({"Item": {"id": {"S": "k"}}, "ConditionExpression": "n <> :v",
            "ExpressionAttributeNames": names, "ExpressionAttributeValues": values});
        match call(&mut world, "PutItem", body) {
            Ok(_) => assert_eq!(expected, "Ok", "{names} {values}"),
            Err(error) => {
                assert!(error["message"].as_str().is_some_and(|text| text.contains(expected)), "{error}")
            }
        }
    }
    let mut world = world();
    let body = json!({"Item": {"id": {"S": "k"}}, "ExpressionAttributeValues": {":v": one}});
    assert_eq!(outcome(&mut world, "PutItem", body), "Validation", "values without an expression");
}
