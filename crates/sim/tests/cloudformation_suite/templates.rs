//! Templates: what is read, what is refused, and how.

use serde_json::json;

use crate::lab::{Lab, TOKEN, template};

fn refusal(text: &str, parameters: &[(&str, &str)]) -> String {
    let mut lab = Lab::new();
    let error = lab.try_create("s", text, parameters).expect_err("refused");
    assert_eq!(error.code, "ValidationError");
    assert!(lab.cfn.stacks().is_empty());
    error.message
}

/// The properties that a template's resource `A` gets.
fn properties(text: &str, parameters: &[(&str, &str)]) -> serde_json::Value {
    let mut lab = Lab::new();
    lab.try_create("s", text, parameters).expect("created");
    lab.pass(2);
    lab.take("Create A")["ResourceProperties"].take()
}

#[test]
fn every_function_in_yaml_and_json() {
    let yaml = format!(
        "AWSTemplateFormatVersion: 2010-09-09
Description: all of it
Metadata: {{Anything: [1]}}
Parameters:
  Env: {{Type: String, Default: dev, AllowedValues: [dev, prod]}}
  Count: {{Type: Number, Default: 3}}
  Ids: {{Type: CommaDelimitedList, Default: 'a, b'}}
Conditions:
  Prod: !Equals [!Ref Env, prod]
  Many: !And [!Not [!Condition Prod], !Equals [!Ref Count, 3]]
  Either: !Or [!Condition Prod, !Condition Many]
Resources:
  A:
    Type: AWS::CloudFormation::CustomResource
    Metadata: {{Note: x}}
    Properties:
      ServiceToken: !Sub 'arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:clone-handler'
      Env: !Ref Env
      Ids: !Ref Ids
      Second: !Select [1, !Ref Ids]
      Joined: !Join ['-', [!Ref Env, !Ref Count, !Ref 'AWS::StackName']]
      Sub: !Sub ['${{X}}/${{Env}}/${{!Literal}}', {{X: !Ref Count}}]
      If: !If [Prod, yes, !If [Either, maybe, no]]
      Gone: !If [Prod, 1, !Ref 'AWS::NoValue']
      List: [one, !If [Prod, two, !Ref 'AWS::NoValue'], !Select [0, !Split [':', 'x:y']]]
      Suffix: !Ref AWS::URLSuffix
      Condition: plain
  B:
    Type: Custom::X
    Condition: Prod
    Properties: {{ServiceToken: '{TOKEN}'}}
Outputs:
  None: {{Condition: Prod, Value: !Ref B}}
"
    );
    let expected = json!({
        "ServiceToken": TOKEN, "Env": "dev", "Ids": ["a", "b"], "Second": "b", "Joined": "dev-3-s", "Sub": "3/dev/${Literal}",
        "If": "maybe", "List": ["one", "x"], "Suffix": "amazonaws.com", "Condition": "plain",
    });
    assert_eq!(properties(&yaml, &[]), expected);
    let prod = properties(&yaml, &[("Env", "prod")]);
    assert_eq!(
        (&prod["If"], &prod["Gone"], &prod["List"]),
        (&json!("yes"), &json!("1"), &json!(["one", "two", "x"]))
    );

    let json = json!({
        "Parameters": {"Env": {"Type": "String", "Default": "dev"}},
        "Conditions": {"Dev": {"Fn::Equals": [{"Ref": "Env"}, "dev"]}},
        "Resources": {"A": {"Type": "Custom::X", "DependsOn": "H", "Properties": {
            "ServiceToken": TOKEN, "If": {"Fn::If": ["Dev", {"Fn::Sub": "${Env}!"}, 2]}, "N": 7, "T": true,
            "Joined": {"Fn::Join": [",", ["a", {"Ref": "Env"}]]}, "Handle": {"Ref": "H"},
        }}, "H": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
    });
    let got = properties(&json.to_string(), &[]);
    assert_eq!(
        (&got["If"], &got["N"], &got["T"], &got["Joined"]),
        (&json!("dev!"), &json!("7"), &json!("true"), &json!("a,dev"))
    );
    assert!(got["Handle"].as_str().expect("a URL").starts_with("https://"));
}

#[test]
fn parameters_are_checked_as_aws_words_it() {
    let text = |declaration: &str| {
        format!("Parameters: {{P: {{{declaration}}}}}\n{}", template(&[("A", "P: !Ref P")]))
    };
    assert_eq!(refusal(&text("Type: String"), &[]), "Parameters: [P] must have values");
    assert_eq!(
        refusal(&text("Type: String"), &[("P", "1"), ("Q", "2")]),
        "Parameters: [Q] do not exist in the template"
    );
    assert_eq!(refusal(&text("Type: Number"), &[("P", "x")]), "Parameter 'P' must be a number.");
    assert_eq!(
        refusal(&text("Type: String, AllowedValues: [a, b]"), &[("P", "c")]),
        "Parameter 'P' must be one of AllowedValues"
    );
    assert_eq!(
        refusal(&text("Type: String, AllowedPattern: '[a-z]+'"), &[("P", "a1")]),
        "Parameter 'P' must match pattern [a-z]+"
    );
    assert_eq!(
        refusal(
            &text("Type: String, AllowedPattern: '[a-z]+', ConstraintDescription: letters"),
            &[("P", "1")]
        ),
        "Parameter 'P' failed to satisfy constraint: letters"
    );
    assert!(refusal(&text("Type: String, MinLength: 2"), &[("P", "1")]).contains("at least 2"));
    assert!(refusal(&text("Type: Number, MaxValue: 3"), &[("P", "4")]).contains("not greater than 3"));
    assert!(
        refusal(&text("Type: AWS::EC2::VPC::Id"), &[("P", "4")]).starts_with("not simulated: parameter type")
    );
    assert!(
        refusal(&text("Type: String, AllowedPattern: '(?<=x)'"), &[("P", "4")]).starts_with("not simulated")
    );
    assert_eq!(properties(&text("Type: CommaDelimitedList"), &[("P", "")])["P"], json!([]));
}

#[test]
fn what_is_not_simulated_is_loud() {
    let a = template(&[("A", "")]);
    for (text, says) in [
        (format!("Mappings: {{}}\n{a}"), "not simulated: template section Mappings"),
        (format!("Transform: X\n{a}"), "not simulated: template section Transform"),
        (format!("Resource: {{}}\n{a}"), "Invalid template property or properties [Resource]"),
        (template(&[("A", "X: !FindInMap [a, b, c]")]), "not simulated: function Fn::FindInMap"),
        (template(&[("A", "X: {'Fn::Base64': x}")]), "not simulated: function Fn::Base64"),
        (
            "Resources: {A: {Type: AWS::RDS::DBCluster}}".to_owned(),
            "not simulated: resource type AWS::RDS::DBCluster of A",
        ),
        (template(&[("A", "|CreationPolicy: {}")]), "not simulated: attribute CreationPolicy of resource A"),
        (template(&[("A", "|DeletionPolicy: Snapshot")]), "not simulated: DeletionPolicy Snapshot"),
        (format!("{a}Outputs: {{O: {{Value: !GetAZs x}}}}\n"), "not simulated: function Fn::GetAZs"),
        ("Description: x".to_owned(), "At least one Resources member must be defined"),
        ("AWSTemplateFormatVersion: 2011-01-01".to_owned(), "Unsupported template format version"),
        (template(&[("A", "X: ")]), "[/Resources/A/Properties/X] 'null' values are not allowed in templates"),
        (template(&[("A-b", "")]), "Resource name A-b is non alphanumeric"),
        ("[]".to_owned(), "unsupported structure"),
    ] {
        let message = refusal(&text, &[]);
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn dangling_names_and_cycles_are_refused() {
    let unresolved = |names: &str, block: &str| {
        format!(
            "Template format error: Unresolved resource dependencies [{names}] in the {block} block of the template"
        )
    };
    assert_eq!(
        refusal(&template(&[("A", "X: !Ref N, Y: !Sub '${M.Z}'")]), &[]),
        unresolved("M, N", "Resources")
    );
    assert_eq!(refusal(&template(&[("A", "|DependsOn: N")]), &[]), unresolved("N", "Resources"));
    assert_eq!(
        refusal(&(template(&[("A", "")]) + "Outputs: {O: {Value: !Ref N}}\n"), &[]),
        unresolved("N", "Outputs")
    );
    let cycle = template(&[
        ("A", "X: !Ref C"),
        ("B", "X: !GetAtt A.Y"),
        ("C", "|DependsOn: B"),
        ("D", "X: !Ref A"),
        ("E", ""),
    ]);
    assert_eq!(refusal(&cycle, &[]), "Circular dependency between resources: [A, B, C, D]");
    assert!(refusal(&template(&[("A", "X: !Ref A")]), &[]).starts_with("Circular dependency"));
    assert!(
        refusal(&template(&[("A", "X: !If [C, 1, 2]")]), &[]).contains("Unresolved condition dependency C")
    );
    let conditions =
        format!("Conditions: {{C: !Not [!Condition D], D: !Not [!Condition C]}}\n{}", template(&[("A", "")]));
    assert!(refusal(&conditions, &[]).starts_with("Circular dependency between conditions"));
    let absent = format!(
        "Conditions: {{No: !Equals [a, b]}}\n{}",
        template(&[("B", "|Condition: No"), ("A", "|DependsOn: B")])
    );
    assert!(properties(&absent, &[]).is_object());
    let mut lab = Lab::new();
    assert!(lab.try_create("-bad", &template(&[("A", "")]), &[]).is_err());
}

/// What a template has around its clones is there at once, and only its references count.
#[test]
fn what_stands_around_a_custom_resource_is_a_stand_in() {
    let text = format!(
        "{}  Role: {{Type: 'AWS::IAM::Role', Properties: {{Of: !GetAtt A.X}}}}
  App:
    Type: AWS::Lambda::Function
    Properties: {{Role: !GetAtt Role.Arn}}
  Log: {{Type: 'AWS::Logs::LogGroup'}}
  Queue: {{Type: 'AWS::SQS::Queue'}}
Outputs:
  Role: {{Value: !GetAtt Role.Arn}}
  App: {{Value: !GetAtt App.Arn}}
  Log: {{Value: !GetAtt Log.Arn}}
  Name: {{Value: !Ref App}}
  Queue: {{Value: !Ref Queue}}
",
        template(&[("A", "X: one")])
    );
    let mut lab = Lab::new();
    lab.create(&text);
    // The role waits for the clone, and the function for the role.
    assert_eq!((lab.waiting(), lab.resource_status("Role")), (vec!["Create A".to_owned()], String::new()));
    assert_eq!(lab.resource_status("Log"), "CREATE_COMPLETE");
    let event = lab.take("Create A");
    lab.answer(&event, &json!({"PhysicalResourceId": "a", "Data": {"X": "of a"}}));
    let stack = lab.cfn.stack("s").expect("a stack");
    assert_eq!(stack.status, "CREATE_COMPLETE");
    assert_eq!(stack.resources["Role"].properties, json!({"Of": "of a"}));
    let output = |key: &str| stack.outputs[key].value.as_str();
    let name = output("Name").to_owned();
    assert!(name.starts_with("s-App-") && name.len() == 18, "{name}");
    assert_eq!(output("App"), format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}"));
    assert!(output("Role").starts_with("arn:aws:iam::123456789012:role/s-Role-"));
    assert!(output("Log").starts_with("arn:aws:logs:eu-west-1:123456789012:log-group:s-Log-"));
    assert!(output("Log").ends_with(":*"));
    assert!(output("Queue").starts_with("https://sqs.eu-west-1.amazonaws.com/123456789012/s-Queue-"));
    let refused = refusal("Resources: {A: {Type: AWS::Lambda::Alias}}", &[]);
    assert!(refused.contains("not simulated: resource type AWS::Lambda::Alias of A"), "{refused}");
    // An update of what they take from others is done at once, and a deletion too.
    lab.update(&text.replace("X: one", "X: two"));
    let event = lab.take("Update A");
    lab.answer(&event, &json!({"PhysicalResourceId": "a", "Data": {"X": "of a again"}}));
    let stack = lab.cfn.stack("s").expect("a stack");
    assert_eq!(stack.status, "UPDATE_COMPLETE");
    assert_eq!(stack.resources["Role"].properties, json!({"Of": "of a again"}));
    assert_eq!(stack.outputs["Name"].value, name);
    lab.delete("s");
    assert_eq!(lab.resource_status("App"), "DELETE_COMPLETE");
    lab.succeed("Delete A", "a");
    assert_eq!(lab.status(), "DELETE_COMPLETE");
}
