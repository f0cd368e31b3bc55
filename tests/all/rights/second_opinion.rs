//! Another judge of the same cases: if both err, they hardly err alike.

use aurora_clone_sim::Config;
use aurora_clone_sim::iam::Ask;
use aurora_clone_tests::rights::{Names, documents};
use iam_rs::{
    Arn, Context, ContextValue, Decision, IAMPolicy, IAMRequest, PolicyEvaluator, Principal, PrincipalId,
};

use super::cases::{CASES, Case, Expected, ask_of};

/// The keys as the case spells them, which is as the policies do: the other judge minds the case of a key.
fn context((_, _, _, _, keys, _): &Case) -> Context {
    keys.iter().fold(Context::new(), |mut context, (key, values)| {
        let value = match values.parse::<bool>() {
            Ok(truth) => ContextValue::Boolean(truth),
            Err(_) if *key == "aws:TagKeys" || *key == "kms:ResourceAliases" => {
                ContextValue::StringList(values.split(',').map(str::to_owned).collect())
            }
            Err(_) => ContextValue::String((*values).to_owned()),
        };
        context.insert((*key).to_owned(), value);
        context
    })
}

fn decision(case: &Case) -> Decision {
    let names = Names::new(&Config::default(), &[]);
    let documents = documents(case.1, &names);
    let policies = documents.iter().map(|document| IAMPolicy::from_json(&document.to_string()).unwrap());
    let Ask { action, resource, .. } = ask_of(case);
    // It knows no request about everything; such an ARN fits no pattern but `*`.
    let resource = if resource == "*" { "arn:aws:any:::*".to_owned() } else { resource };
    let principal = Principal::Aws(PrincipalId::String("arn:aws:iam::123456789012:role/function".to_owned()));
    let request =
        IAMRequest::new_with_context(principal, action, Arn::parse(&resource).unwrap(), context(case));
    PolicyEvaluator::with_policies(policies.collect()).evaluate(&request).unwrap().decision
}

#[test]
fn another_judge_says_the_same_of_every_case() {
    let mut wrong = Vec::new();
    for case in CASES {
        let expected = match case.0 {
            Expected::Allow => Decision::Allow,
            Expected::Nothing => Decision::NotApplicable,
            Expected::Deny(_) => Decision::Deny,
        };
        let decision = decision(case);
        if decision != expected {
            wrong.push(format!("{case:?}: {decision}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
