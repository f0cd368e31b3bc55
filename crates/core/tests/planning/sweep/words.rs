//! CloudFormation's word, in every state of a stack and of a resource.

use aurora_clone_core::sweep::Word;
use aurora_clone_core::sweep::word::{Described, History, exposed, word};

use super::at;

const ARN: &str = "arn:aws:rds:eu-west-1:123456789012:cluster:clone-a";

fn said(stack: &str, status: &str) -> Word {
    let described = Described { status, physical_id: Some(ARN) };
    word(stack, (status != "absent").then_some(described))
}

#[test]
fn only_a_stack_at_rest_says_anything() {
    let owned = Word::Owns(ARN.to_owned());
    for stack in ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"] {
        for status in ["CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"] {
            assert_eq!(said(stack, status), owned);
        }
        for status in ["absent", "DELETE_COMPLETE"] {
            assert!(matches!(said(stack, status), Word::Gone(_)), "{stack} {status}");
        }
        for status in ["CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED", "", "LEVITATING"] {
            assert!(matches!(said(stack, status), Word::Unknown(_)), "{stack} {status}");
        }
        assert_eq!(said(stack, "DELETE_SKIPPED"), Word::Retained);
    }
    for stack in ["DELETE_COMPLETE", "ROLLBACK_COMPLETE"] {
        assert!(matches!(said(stack, "DELETE_COMPLETE"), Word::Gone(_)), "{stack}");
        assert!(matches!(said(stack, "absent"), Word::Gone(_)), "{stack}");
        assert!(matches!(said(stack, "CREATE_COMPLETE"), Word::Unknown(_)), "{stack}");
        assert_eq!(said(stack, "DELETE_SKIPPED"), Word::Retained);
    }
    assert!(matches!(said("DELETE_FAILED", "DELETE_COMPLETE"), Word::Gone(_)));
    for stack in
        ["CREATE_FAILED", "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED", ""]
    {
        for status in ["absent", "CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_FAILED"] {
            assert!(matches!(said(stack, status), Word::Unknown(_)), "{stack} {status}");
        }
    }
    for stack in [
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "DELETE_IN_PROGRESS",
        "REVIEW_IN_PROGRESS",
    ] {
        for status in ["absent", "CREATE_COMPLETE", "DELETE_COMPLETE", "DELETE_SKIPPED"] {
            assert_eq!(said(stack, status), Word::InProgress, "{stack} {status}");
        }
    }
    assert_eq!(said("UPDATE_COMPLETE", "CREATE_IN_PROGRESS"), Word::InProgress);
    for physical_id in [None, Some("")] {
        let nameless = Described { status: "CREATE_COMPLETE", physical_id };
        assert!(matches!(word("CREATE_COMPLETE", Some(nameless)), Word::Unknown(_)));
    }
}

#[test]
fn what_was_retained_is_nobodys_orphan() {
    let made = Some(at("2026-06-01T00:00:00Z"));
    let (old, clusters) = ("arn:old", [(ARN, made), ("arn:old", made)]);
    let history = |kept: &[&str], since: &str| History {
        kept: kept.iter().map(|id| (*id).to_owned()).collect(),
        since: Some(at(since)),
    };
    let (gone, owns) = (Word::Gone("x".to_owned()), Word::Owns(ARN.to_owned()));
    assert_eq!((exposed(&gone, &clusters).len(), exposed(&owns, &clusters)), (2, vec![(old, made)]));
    for quiet in [Word::InProgress, Word::Retained, Word::Unknown("x".to_owned())] {
        assert!(exposed(&quiet, &clusters).is_empty());
        assert_eq!(quiet.clone().with(&History::default(), &clusters), quiet);
    }
    let whole = history(&["arn:another"], "2026-06-01T00:00:00Z");
    for word in [&gone, &owns] {
        assert_eq!(word.clone().with(&whole, &clusters), *word);
        assert_eq!(word.clone().with(&history(&[old], "2026-05-01T00:00:00Z"), &clusters), Word::Retained);
        for part in [history(&[], "2026-06-01T00:00:01Z"), History::default()] {
            assert!(matches!(word.clone().with(&part, &clusters), Word::Unknown(_)), "{word:?}");
        }
        let ageless = word.clone().with(&whole, &[(ARN, made), (old, None)]);
        assert!(matches!(ageless, Word::Unknown(_)), "{ageless:?}");
    }
    // What the stack has now, and secrets without a database, need no history.
    assert_eq!(owns.clone().with(&History::default(), &[(ARN, None)]), owns);
    assert_eq!(gone.clone().with(&History::default(), &[]), gone);
    assert_eq!(owns.clone().with(&history(&[ARN], "2026-05-01T00:00:00Z"), &clusters), owns);
}
