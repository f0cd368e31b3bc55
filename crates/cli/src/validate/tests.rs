//! What is found in templates, by tables.

use std::collections::BTreeMap;

use aurora_clone_core::names::env;
use aurora_clone_core::settings::Settings;

use super::check::{Checked, Rules, check};
use super::document::{Kind, load};

fn rules(given: &[(&str, &str)]) -> Rules {
    let settings = Settings::read(|name| (name == env::MANAGER).then(|| "m".to_owned())).expect("defaults");
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let given: BTreeMap<String, String> = given.collect();
    Rules { resource_type: settings.resource_type.clone(), settings, place: None, given }
}

/// A template with one clone, whose properties are these lines, and other sections.
fn clone(properties: &str, sections: &str) -> String {
    let lines: String = properties.lines().map(|line| format!("      {line}\n")).collect();
    format!(
        "Resources:\n  Clone:\n    Type: Custom::AuroraClone\n    Properties:\n      ServiceToken: !ImportValue m-LambdaArn\n\
         {lines}{sections}\n"
    )
}

fn found(text: &str, given: &[(&str, &str)]) -> Checked {
    check("t", text, &rules(given))
}

/// Line, column, and the beginning of what is said, of all that was found.
fn told(checked: &Checked) -> Vec<String> {
    let said = |finding: &super::Finding| {
        let property = finding.property.as_deref().unwrap_or("-");
        format!("{}:{} {property}: {}", finding.at.line, finding.at.column, finding.message)
    };
    checked.findings.iter().map(said).collect()
}

#[test]
fn what_is_known_only_at_deployment_is_not_guessed() {
    for properties in [
        "SourceClusterId: !ImportValue x",
        "SourceClusterId: !Ref Anything",
        "SourceClusterId: !Sub '${Anything}-x'",
        "SourceClusterId: '{{resolve:ssm:/source}}'",
        "SourceClusterId: prod\nVpcSecurityGroupIds: [!GetAtt A.GroupId]",
        "SourceClusterId: prod\nMonitoringInterval: 60\nMonitoringRoleArn: !GetAtt Role.Arn",
        "SourceClusterId: prod\nEnablePerformanceInsights: !Ref X\nPerformanceInsightsRetentionPeriod: 7",
        "SourceClusterId: prod\nSetPassword: false\nManageMasterUserPassword: !Ref X\nKmsKeyId: alias/a",
        "SourceClusterId: prod\nAssociatedRoles:\n  - RoleArn: !GetAtt Role.Arn",
        "SourceClusterId: prod\nTags: [{Key: !Ref X, Value: a}, {Key: b, Value: !Ref X}]",
    ] {
        let checked = found(&clone(properties, ""), &[]);
        assert_eq!((told(&checked), checked.clones), (vec![], 1), "{properties}");
        assert!(checked.open > 1, "{properties}");
    }
}

#[test]
fn what_can_be_decided_is() {
    let sections = "Parameters:\n  P: {Type: String, Default: ''}\n  L: {Type: CommaDelimitedList, Default: 'sg-1, x'}\n\
         \x20 E: {Type: String, AllowedValues: [dev, prod]}\n\
         Mappings: {M: {dev: {n: 1}, prod: {n: 99}}}\n\
         Conditions: {Has: !Not [!Equals [!Ref P, '']], Prod: !Equals [!Ref E, prod]}";
    for (property, given, wanted) in [
        ("ClusterId: !Ref P", None, "empty"),
        ("ClusterId: !Ref P", Some(("P", "x")), "[P=x]"),
        ("ClusterId: !If [Has, !Ref P, !Ref AWS::NoValue]", None, ""),
        ("ClusterId: !If [Has, !Ref P, other]", None, "[Has=false]"),
        ("ClusterId: !If [Has, other, clone-a]", None, "[Has=true]"),
        ("ClusterId: !If [Has, clone-a, other]", Some(("P", "x")), ""),
        ("VpcSecurityGroupIds: !Ref L", None, "\"x\": each"),
        ("VpcSecurityGroupIds: [!Select [1, !Ref L]]", None, "\"x\": each"),
        ("VpcSecurityGroupIds: !Split ['|', 'sg-1|y']", None, "\"y\": each"),
        ("InstanceCount: !FindInMap [M, !Ref E, n]", None, "[E=prod]"),
        ("InstanceCount: !FindInMap [M, !Ref E, n]", Some(("E", "dev")), ""),
        ("InstanceCount: !If [Prod, 99, 1]", None, "\"99\""),
        ("ClusterId: !Sub ['${A}${!x}', {A: clone-}]", None, "clone-${x}"),
        ("ClusterId: !Join ['-', [a, b]]", None, "\"a-b\""),
        ("ClusterId: !Sub 'x-${AWS::Region}'", None, "x-us-east-1"),
        ("ClusterId: {Fn::Sub: 'x-${AWS::AccountId}'}", None, "x-123456789012"),
    ] {
        let text = clone(&format!("SourceClusterId: prod\n{property}"), sections);
        let given: Vec<(&str, &str)> = given.into_iter().collect();
        let told = told(&found(&text, &given));
        match wanted {
            "" => assert_eq!(told, Vec::<String>::new(), "{property} {given:?}"),
            wanted => {
                assert_eq!(told.len(), 1, "{property} {given:?} {told:?}");
                assert!(told[0].starts_with("7:7") || told[0].starts_with("7:"), "{told:?}");
                assert!(told[0].contains(wanted), "{property} {given:?} {told:?}");
            }
        }
    }
}

#[test]
fn a_clone_that_a_condition_keeps_away_is_not_judged() {
    let text = clone(
        "SourceClusterId: ''",
        "    Condition: Prod\nParameters: {E: {Type: String}}\n\
         Conditions: {Prod: !Equals [!Ref E, prod]}",
    );
    assert_eq!(told(&found(&text, &[("E", "dev")])).len(), 0);
    assert_eq!(told(&found(&text, &[("E", "prod")])).len(), 1);
    assert_eq!(told(&found(&text, &[])).len(), 1);
}

#[test]
fn json_and_yaml_are_the_same_with_lines_of_their_own() {
    let json = "\u{feff}{\r\n\t\"Resources\": {\r\n\t\t\"Clone\": {\"Type\": \"Custom::AuroraClone\", \"Properties\": {\r\n\
        \t\t\t\"ServiceToken\": \"arn:aws:lambda:x\",\r\n\t\t\t\"SourceClusterId\": {\"Fn::Sub\": \"a_b\"},\r\n\
        \t\t\t\"Description\": \"\\ud83d\\ude00 \\\" \\/\",\r\n\t\t\t\"Port\": 99, \"Prot\": true}}}}\r\n";
    assert_eq!(
        told(&found(json, &[])).iter().map(|line| line.split(": ").next().unwrap_or("")).collect::<Vec<_>>(),
        ["5:4 SourceClusterId", "6:4 Description", "7:4 Port", "7:16 Prot"]
    );
    let yaml = clone("SourceClusterId: prod\r\nPort: 99\r\n", "").replace('\n', "\r\n").replace("\r\r", "\r");
    assert_eq!(told(&found(&yaml, &[])).len(), 1, "{:?}", told(&found(&yaml, &[])));
}

#[test]
fn forms_that_are_wrong_are_told_with_their_line() {
    let bomb: String = (1..40)
        .map(|n| {
            format!("a{n}: &a{n} [{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}]\n", format_args!("*a{}", n - 1))
        })
        .collect();
    for (text, wanted) in [
        ("A: [\n".to_owned(), "not well-formed YAML"),
        ("A: b: c\n".to_owned(), "1:5 -: not well-formed YAML"),
        ("{\"A\": [1,]}".to_owned(), "1:10 -: not well-formed JSON"),
        ("{\"A\"".to_owned(), "not well-formed JSON"),
        ("a0: &a0 x\n".to_owned() + &bomb, "too large"),
        ("a: &a [*a]\n".to_owned(), "inside"),
        ("[".repeat(200), "levels deep"),
        ("[".repeat(50_000), "recursion limit"),
        ("- ".repeat(5_000), "levels deep"),
        ("{\"a\":".repeat(5_000), "not well-formed JSON"),
        ("- a\n".to_owned(), "1:1 -: not a template"),
        ("A: 1\n".to_owned(), "no Resources"),
        ("? [a]\n: b\n".to_owned(), "names in a map are texts"),
        (clone("SourceClusterId: prod\nPort: 5432\nPort: 5433", ""), "8:7 -: \"Port\" is there twice"),
        (clone("SourceClusterId: prod", "---\nA: b"), "a second document"),
        (clone("SourceClusterId: prod\nPort:", ""), "null values"),
        (clone("<<: {Port: 1}\nSourceClusterId: prod", ""), "merge keys"),
        (clone("Tags: &t {a: b}\nSourceClusterId: prod", "Metadata: *t"), "aliases"),
        (clone("SourceClusterId: prod\nFn::Transform: {Name: AWS::Include}", ""), "can't be looked into"),
        (clone("SourceClusterId: prod", "  Fn::ForEach::X: [A, [b], {}]"), "makes resources at deployment"),
        (clone("SourceClusterId: prod", "Transform: [Mine]"), "may change everything"),
        (clone("SourceClusterId: prod", "    DeletionPolicy: Snapshot"), "FinalSnapshot"),
        (clone("SourceClusterId: prod\nTags: {x: !GetAtt Clone.Nmae}", ""), "no attribute \"Nmae\""),
    ] {
        let told = told(&found(&text, &[]));
        assert!(told.iter().any(|line| line.contains(wanted)), "{wanted}: {told:?}");
    }
}

#[test]
fn choices_and_conditions_without_end_are_given_up() {
    let mut sections = String::from("Conditions:\n  C40: !Equals [!Ref X, y]\n");
    for n in 0..40 {
        sections += &format!("  C{n}: !And [Condition: C{0}, Condition: C{0}]\n", n + 1);
    }
    let ifs: String = (0..12).map(|n| format!("Tags{n}: !If [D{n}, a, b]\n")).collect();
    let text = clone(&format!("SourceClusterId: !If [C0, a, b]\n{ifs}"), &sections);
    assert!(told(&found(&text, &[])).iter().any(|line| line.contains("combinations")));
}

#[test]
fn two_clones_of_one_name_and_short_functions() {
    let second = "  Second:\n    Type: Custom::AuroraClone\n    Properties:\n      ServiceToken: !ImportValue m-LambdaArn\n\
         \x20     SourceClusterId: prod\n      ClusterId: clone-a\n";
    let text = clone("SourceClusterId: prod\nClusterId: clone-a", second);
    assert!(told(&found(&text, &[]))[0].contains("of Clone as well"), "{:?}", told(&found(&text, &[])));
    let free =
        text.replace("ClusterId: clone-a\n", "ClusterId: clone-a\n      NoFailOnExistingCluster: true\n");
    assert_eq!(told(&found(&free, &[])), Vec::<String>::new());
    let document = load("A: !GetAtt B.C.D\n");
    let root = document.root.expect("fine");
    let Kind::Call(name, argument) = &root.members()[0].value.kind else { panic!("no call") };
    let parts: Vec<_> = argument.items().iter().map(|item| item.text()).collect();
    assert_eq!((name.as_str(), parts), ("Fn::GetAtt", vec![Some("B"), Some("C.D")]));
}
