//! The query API, and the shapes of its answers against botocore's model of it.

use serde_json::json;

use crate::lab::{Lab, TOKEN, template};

fn created() -> (Lab, String) {
    let mut lab = Lab::new();
    let body = format!(
        "Description: a <test> & more\nParameters: {{P: {{Type: String}}, Secret: {{Type: String, NoEcho: true, Default: hunter2}}}}\n{}Outputs: {{O: {{Value: !Ref A, Description: d, Export: {{Name: exported}}}}}}\n",
        template(&[("A", "P: !Ref P, S: !Ref Secret")])
    );
    let (status, answer) = lab.call(
        "CreateStack",
        &[
            ("StackName", "s"),
            ("TemplateBody", &body),
            ("Parameters.member.1.ParameterKey", "P"),
            ("Parameters.member.1.ParameterValue", "one"),
            ("Capabilities.member.1", "CAPABILITY_IAM"),
            ("RoleARN", "arn:aws:iam::123456789012:role/r"),
            ("OnFailure", "ROLLBACK"),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "db"),
        ],
    );
    assert_eq!(status, 200, "{answer}");
    lab.pass(2);
    assert_eq!(
        lab.inbox[0]["ResourceProperties"],
        json!({"ServiceToken": TOKEN, "P": "one", "S": "hunter2"})
    );
    lab.succeed("Create A", "a");
    (lab, body)
}

fn inside<'t>(text: &'t str, element: &str) -> &'t str {
    let start = format!("<{element}>");
    text.split_once(&start)
        .and_then(|(_, rest)| rest.split_once(&format!("</{element}>")))
        .map(|(inner, _)| inner)
        .unwrap_or_default()
}

#[test]
fn a_stack_s_life_on_the_wire() {
    let (mut lab, body) = created();
    let (_, stacks) = lab.call("DescribeStacks", &[("StackName", "s")]);
    let id = inside(&stacks, "StackId").to_owned();
    assert_eq!(inside(&stacks, "StackStatus"), "CREATE_COMPLETE");
    assert_eq!(inside(&stacks, "Description"), "a &lt;test&gt; &amp; more");
    assert!(stacks.contains("****") && !stacks.contains("hunter2"));
    assert_eq!(lab.call("DescribeStacks", &[("StackName", &id)]).0, 200);

    let mut update =
        vec![("StackName", "s"), ("TemplateBody", body.as_str()), ("Parameters.member.1.ParameterKey", "P")];
    update.push(("Parameters.member.1.UsePreviousValue", "true"));
    let (status, answer) = lab.call("UpdateStack", &update);
    assert_eq!((status, inside(&answer, "Message")), (400, "No updates are to be performed."));
    assert_eq!(inside(&answer, "Code"), "ValidationError");
    update.pop();
    update.push(("Parameters.member.1.ParameterValue", "two"));
    assert_eq!(lab.call("UpdateStack", &update).0, 200);
    lab.pass(2);
    lab.succeed("Update A", "a");

    let (_, detail) = lab.call("DescribeStackResource", &[("StackName", "s"), ("LogicalResourceId", "A")]);
    assert_eq!(
        (inside(&detail, "ResourceStatus"), inside(&detail, "PhysicalResourceId")),
        ("UPDATE_COMPLETE", "a")
    );
    let (_, events) = lab.call("DescribeStackEvents", &[("StackName", "s")]);
    assert_eq!(
        (inside(&events, "ResourceStatus"), inside(&events, "LogicalResourceId")),
        ("UPDATE_COMPLETE", "s")
    );
    assert!(!events.contains("hunter2") && events.contains("&quot;P&quot;:&quot;two&quot;"));
    let (_, resources) = lab.call("DescribeStackResources", &[("StackName", &id)]);
    assert_eq!(inside(&resources, "LogicalResourceId"), "A");

    assert_eq!(lab.call("DeleteStack", &[("StackName", "s")]).0, 200);
    lab.pass(2);
    lab.succeed("Delete A", "a");
    assert_eq!(lab.status(), "DELETE_COMPLETE");
    assert_eq!(lab.call("DeleteStack", &[("StackName", "s")]).0, 200);
}

#[test]
fn errors_are_worded_as_aws_words_them() {
    let (mut lab, body) = created();
    for (operation, parameters, code, message) in [
        ("DescribeStacks", vec![("StackName", "x")], "ValidationError", "Stack with id x does not exist"),
        ("DescribeStackEvents", vec![("StackName", "x")], "ValidationError", "Stack [x] does not exist"),
        (
            "DescribeStackResource",
            vec![("StackName", "x"), ("LogicalResourceId", "A")],
            "ValidationError",
            "Stack 'x' does not exist",
        ),
        (
            "DescribeStackResource",
            vec![("StackName", "s"), ("LogicalResourceId", "X")],
            "ValidationError",
            "Resource X does not exist for stack s",
        ),
        (
            "DescribeStackResources",
            vec![("StackName", "x")],
            "ValidationError",
            "Stack with id x does not exist",
        ),
        (
            "UpdateStack",
            vec![("StackName", "x"), ("TemplateBody", &body)],
            "ValidationError",
            "Stack [x] does not exist",
        ),
        (
            "CreateStack",
            vec![("StackName", "s"), ("TemplateBody", &body)],
            "AlreadyExistsException",
            "Stack [s] already exists",
        ),
        (
            "CreateStack",
            vec![("StackName", "t"), ("TemplateBody", &body)],
            "ValidationError",
            "Parameters: [P] must have values",
        ),
        (
            "CreateStack",
            vec![("StackName", "t"), ("TemplateURL", "x")],
            "ValidationError",
            "not simulated: parameter TemplateURL",
        ),
        (
            "CreateStack",
            vec![
                ("StackName", "t"),
                ("TemplateBody", &body),
                ("OnFailure", "DELETE"),
                ("DisableRollback", "true"),
            ],
            "ValidationError",
            "You can not specify both DisableRollback and OnFailure.",
        ),
        (
            "UpdateStack",
            vec![("StackName", "s"), ("TemplateBody", &body), ("DisableRollback", "true")],
            "ValidationError",
            "not simulated: parameter DisableRollback",
        ),
        (
            "DeleteStack",
            vec![("StackName", "s"), ("RetainResources.member.1", "A")],
            "ValidationError",
            "not simulated: parameter RetainResources.member.1",
        ),
        (
            "CreateStack",
            vec![("StackName", "t"), ("TemplateBody", &body), ("Tags.member.1.Colour", "red")],
            "ValidationError",
            "not simulated: parameter Tags.member.1.Colour",
        ),
        ("ContinueStackRollback", vec![], "InvalidAction", "not simulated: operation ContinueStackRollback"),
    ] {
        let (status, answer) = lab.call(operation, &parameters);
        let message = message.replace('\'', "&apos;");
        let said = inside(&answer, "Message").replace('\'', "&apos;");
        assert_eq!((status, inside(&answer, "Code"), said), (400, code, message), "{operation}");
    }
    assert_eq!(lab.call("DescribeStackEvents", &[]).0, 400);
    let long = format!("{body}#{}", "x".repeat(51_200));
    let (status, answer) = lab.call("CreateStack", &[("StackName", "t"), ("TemplateBody", &long)]);
    assert_eq!(status, 400);
    assert!(answer.contains("less than or equal to 51200"));
}

#[test]
fn long_lists_come_in_pages() {
    let (mut lab, body) = created();
    for round in 0..30 {
        let value = format!("v{round}");
        let update = [
            ("StackName", "s"),
            ("TemplateBody", body.as_str()),
            ("Parameters.member.1.ParameterKey", "P"),
            ("Parameters.member.1.ParameterValue", value.as_str()),
        ];
        assert_eq!(lab.call("UpdateStack", &update).0, 200);
        lab.pass(2);
        lab.succeed("Update A", "a");
    }
    let all = lab.cfn.events("s").len();
    let mut seen = 0;
    let mut token = String::new();
    loop {
        let mut parameters = vec![("StackName", "s")];
        if !token.is_empty() {
            parameters.push(("NextToken", token.as_str()));
        }
        let (status, page) = lab.call("DescribeStackEvents", &parameters);
        assert_eq!(status, 200);
        seen += page.matches("<member>").count();
        let next = inside(&page, "NextToken").to_owned();
        if next.is_empty() {
            break;
        }
        token = next;
    }
    assert_eq!((seen, all > 100), (all, true));
    assert_eq!(lab.call("DescribeStackEvents", &[("StackName", "s"), ("NextToken", "x")]).0, 400);
}

#[test]
fn living_stacks_come_in_pages_newest_first() {
    let mut lab = Lab::new();
    let empty = "Resources: {W: {Type: 'AWS::CloudFormation::WaitConditionHandle'}}";
    for number in 0..103 {
        lab.try_create(&format!("s{number}"), empty, &[]).expect("created");
    }
    lab.pass(5);
    lab.delete("s50");
    let (_, first) = lab.call("DescribeStacks", &[]);
    let (token, names) = (inside(&first, "NextToken"), first.matches("<StackName>").count());
    assert_eq!((names, inside(&first, "StackName")), (100, "s102"));
    let (_, rest) = lab.call("DescribeStacks", &[("NextToken", token)]);
    assert_eq!((rest.matches("<StackName>").count(), inside(&rest, "NextToken")), (2, ""));
    assert!(!first.contains("<StackName>s50<") && !rest.contains("<StackName>s50<"));
}

/// `tests/clients/check_responses.py` looks at recorded answers with other eyes.
#[test]
fn answers_have_the_modelled_members_and_no_others() {
    let (mut lab, body) = created();
    let by_name = [("StackName", "s")];
    let resource = [("StackName", "s"), ("LogicalResourceId", "A")];
    let create = [
        ("StackName", "t"),
        ("TemplateBody", body.as_str()),
        ("Parameters.member.1.ParameterKey", "P"),
        ("Parameters.member.1.ParameterValue", "x"),
    ];
    let update = [("StackName", "s"), create[1], create[2], create[3]];
    let calls: [(&str, &[(&str, &str)]); 8] = [
        ("DescribeStacks", &by_name),
        ("DescribeStackResource", &resource),
        ("DescribeStackResources", &by_name),
        ("DescribeStackEvents", &by_name),
        ("ListExports", &[]),
        ("CreateStack", &create),
        ("UpdateStack", &update),
        ("DeleteStack", &[("StackName", "t")]),
    ];
    for (operation, parameters) in calls {
        let (status, answer) = lab.call(operation, parameters);
        assert_eq!(status, 200, "{answer}");
        assert!(answer.starts_with(&format!(
            "<{operation}Response xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">"
        )));
        assert!(answer.contains("<ResponseMetadata><RequestId>"));
        assert_eq!(answer.contains(&format!("<{operation}Result>")), operation != "DeleteStack");
        for element in elements(&answer) {
            assert!(
                MEMBERS.contains(&element.as_str()) || element.starts_with(operation),
                "{operation}: {element}"
            );
        }
    }
}

/// Every element name of the model's structures that the engine uses.
const MEMBERS: [&str; 50] = [
    "Capabilities",
    "CreationTime",
    "DeletionTime",
    "Description",
    "DisableRollback",
    "DriftInformation",
    "EnableTerminationProtection",
    "EventId",
    "ExportName",
    "Exports",
    "ExportingStackId",
    "Key",
    "LastUpdatedTime",
    "LastUpdatedTimestamp",
    "LogicalResourceId",
    "Metadata",
    "Name",
    "NextToken",
    "NotificationARNs",
    "OutputKey",
    "OutputValue",
    "Outputs",
    "ParameterKey",
    "ParameterValue",
    "Parameters",
    "PhysicalResourceId",
    "RequestId",
    "ResourceProperties",
    "ResourceStatus",
    "ResourceStatusReason",
    "ResourceType",
    "ResponseMetadata",
    "RollbackConfiguration",
    "StackDriftStatus",
    "StackEvents",
    "StackId",
    "StackName",
    "StackResourceDetail",
    "StackResourceDriftStatus",
    "StackResources",
    "StackStatus",
    "StackStatusReason",
    "Stacks",
    "Tags",
    "Timestamp",
    "Value",
    "member",
    "ErrorResponse",
    "Error",
    "Message",
];

fn elements(xml: &str) -> Vec<String> {
    let tags = xml.split('<').skip(1).filter(|tag| !tag.starts_with('/'));
    tags.map(|tag| tag.split(['>', ' ']).next().unwrap_or_default().to_owned()).collect()
}
