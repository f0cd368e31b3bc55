//! The parser against `tests/maintenance-config/cases.json`.

use crate::{all_cases, paths};

#[test]
fn each_case_is_taken_or_refused_for_exactly_its_faults() {
    let mut wrong = Vec::new();
    for case in all_cases() {
        let text = case["text"].as_str().map_or_else(|| case["config"].to_string(), str::to_owned);
        let mut wanted: Vec<&str> =
            case["paths"].as_array().into_iter().flatten().map(|path| path.as_str().unwrap()).collect();
        wanted.sort_unstable();
        assert_eq!(wanted.is_empty(), case["valid"].as_bool().unwrap(), "{}", case["name"]);
        let found = paths(&text);
        if found != wanted {
            wrong.push(format!("{}: {found:?} instead of {wanted:?}", case["name"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
