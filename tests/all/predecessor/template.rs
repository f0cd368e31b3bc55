//! What the deployed template grants.

use super::file;

/// One statement of an IAM policy: its `Sid` and its lines.
struct Statement {
    sid: String,
    text: String,
}

impl Statement {
    fn allows(&self) -> bool {
        self.text.contains("Effect: Allow")
    }

    /// The actions, of which a statement has one or a list in one line.
    fn actions(&self) -> Vec<String> {
        let line =
            self.text.lines().find_map(|line| line.trim().strip_prefix("Action: ")).unwrap_or_default();
        let parts = line.trim_matches(['[', ']']).split(',');
        parts.map(|action| action.trim().trim_matches('"').to_owned()).filter(|a| !a.is_empty()).collect()
    }

    fn has(&self, text: &str) -> bool {
        self.text.contains(text)
    }
}

/// The statements with a `Sid`: every line until one that stands no deeper than the dash.
fn statements(template: &str) -> Vec<Statement> {
    let lines: Vec<&str> = template.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(sid) = line.trim_start().strip_prefix("- Sid: ") else { continue };
        let body = lines[at + 1..].iter().take_while(|next| indent(next) > indent(line));
        found.push(Statement {
            sid: sid.to_owned(),
            text: body.fold(String::new(), |text, l| text + l + "\n"),
        });
    }
    assert!(found.len() > 30, "{} statements", found.len());
    found
}

/// The predecessor's function had all rights to all secrets and keys, and could delete every database of the account.
#[test]
fn p02_no_right_is_wider_than_what_is_ours() {
    rights_are_narrow(&file("template/template.yaml")).unwrap();
}

#[test]
fn defect_18_there_is_no_star_on_secrets_or_keys() {
    rights_are_narrow(&file("template/template.yaml")).unwrap();
}

/// Actions that may be allowed on `Resource: "*"`: AWS knows no resource for them, or they only list.
const ON_EVERYTHING: [&str; 9] = [
    "rds:DescribeDBClusters",
    "rds:DescribeDBInstances",
    "rds:DescribeDBClusterSnapshots",
    "kms:ListKeys",
    "kms:CreateKey",
    "kms:ListAliases",
    "secretsmanager:ListSecrets",
    // Without a name these list, and know no single stack.
    "cloudformation:DescribeStacks",
    "cloudformation:ListStacks",
];

/// What destroys or changes, and may only be allowed on what carries our tag.
fn is_dangerous(action: &str) -> bool {
    let changes = [
        "rds:Delete",
        "rds:Modify",
        "secretsmanager:Delete",
        "secretsmanager:Put",
        "secretsmanager:GetSecretValue",
    ];
    changes.iter().any(|prefix| action.starts_with(prefix))
        || ["kms:ScheduleKeyDeletion", "kms:PutKeyPolicy"].contains(&action)
}

fn rights_are_narrow(template: &str) -> Result<(), String> {
    // A statement about principals is a resource's own, as a key's policy is, and about that resource alone.
    let of_roles = |statement: &&Statement| statement.allows() && !statement.has("Principal:");
    for statement in statements(template).iter().filter(of_roles) {
        let (sid, actions) = (&statement.sid, statement.actions());
        let check = |fine: bool, what: &str| if fine { Ok(()) } else { Err(format!("{sid}: {what}")) };
        check(!actions.is_empty(), "has no action that the test can read")?;
        check(actions.iter().all(|action| !action.contains('*')), "has a star in an action")?;
        if statement.has("Resource: \"*\"") {
            check(
                actions.iter().all(|action| ON_EVERYTHING.contains(&action.as_str())),
                "is about everything",
            )?;
        }
        let ours = statement.has("aws:ResourceTag/aurora-clone:manager");
        let new = statement.has("aws:RequestTag/aurora-clone:manager");
        // Groups that a change names, and the snapshot that a deletion may take: it does not exist yet. One that does is deleted as ours.
        let no_database = !statement.has(":cluster:")
            && !statement.has(":db:")
            && !actions.iter().any(|action| action == "rds:DeleteDBClusterSnapshot");
        if actions.iter().any(|action| is_dangerous(action)) {
            check(ours || no_database && sid != "UseOurSecrets", "is not held to what carries our tag")?;
        }
        if actions
            .iter()
            .any(|action| action == "kms:CreateKey" || action.starts_with("secretsmanager:Create"))
        {
            check(new || statement.has("aws:ViaAWSService"), "makes what does not carry our tag")?;
        }
        for kind in ["cluster", "db"] {
            let whole = format!(":{kind}:*");
            // Any cluster may be copied, and a snapshot is a copy.
            let copies = ["rds:RestoreDBClusterToPointInTime", "rds:CreateDBClusterSnapshot"];
            let writes = actions
                .iter()
                .any(|action| !action.contains("Describe") && !copies.contains(&action.as_str()));
            check(!(writes && statement.has(&whole)), "is about every database")?;
        }
        check(
            !statement.has(":secret:*")
                && (!statement.has(":secret:")
                    || statement.has("${DefaultSecretPrefix}*")
                    || statement.has(":secret:rds!cluster-*")),
            "is about secrets without our prefix",
        )?;
    }
    Ok(())
}

/// The check itself fails where it should: each of these was so in the predecessor, or nearly.
#[test]
fn p02_the_check_of_rights_sees_what_is_too_wide() {
    let template = file("template/template.yaml");
    for (from, to) in [
        ("Action: [secretsmanager:GetSecretValue,", "Action: [\"secretsmanager:*\","),
        ("Action: kms:CreateKey", "Action: \"kms:*\""),
        ("Action: [rds:DescribeDBClusters,", "Action: [rds:DeleteDBCluster,"),
        (
            "secret:${DefaultSecretPrefix}*\"\n                Condition:\n                  StringEquals: { \"aws:ResourceTag",
            "secret:*\"\n                Condition:\n                  StringEquals: { \"aws:ResourceTag",
        ),
    ] {
        assert!(template.contains(from), "{from}");
        assert!(rights_are_narrow(&template.replacen(from, to, 1)).is_err(), "{to}");
    }
    // The handler's and the maintainer's.
    let deletions: Vec<usize> = template.match_indices("- Sid: DeleteOurs\n").map(|(at, _)| at).collect();
    assert_eq!(deletions.len(), 2);
    for delete in deletions {
        let (head, tail) = template.split_at(delete);
        for (from, to) in [
            ("aws:ResourceTag/aurora-clone:manager", "aws:PrincipalTag/team"),
            ("cluster:${NamePrefix}*", "cluster:*"),
            ("db:${NamePrefix}*", "db:*"),
        ] {
            assert!(rights_are_narrow(&format!("{head}{}", tail.replacen(from, to, 1))).is_err(), "{to}");
        }
    }
}

/// The predecessor's template does not deploy any more: its runtime is gone. And every copy ran a large instance for ever.
#[test]
fn defect_20_the_runtime_is_alive() {
    let template = file("template/template.yaml");
    assert!(template.contains("Runtime: provided.al2023\n"));
    for old in ["java8", "provided.al2\n", "go1.x", "nodejs", "python"] {
        assert!(!template.contains(old), "{old}");
    }
}
