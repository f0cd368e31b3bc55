//! The page is the test: each of its sentences ends with a comment that names a test of this folder, and each test here is named
//! by one. The page about the pool is held in the same way, by tests that are elsewhere.

use std::collections::BTreeSet;
use std::path::Path;

const PAGE: &str = include_str!("../../../docs/semantics.md");
const POOL: &str = include_str!("../../../docs/pool.md");
/// The comment of a sentence that no test shows, and how many there may be: no more than there are.
const OPEN: (&str, usize) = ("no test yet", 0);

/// A sentence of the page.
#[derive(Debug, Clone)]
pub struct Sentence {
    pub heading: String,
    pub text: String,
    /// The tests that show it, such as `updates::a_test`.
    pub tests: Vec<String>,
}

/// Reads a page of which each line is a heading, empty, part of a table, or one sentence with its comment.
fn read(page: &str) -> Vec<Sentence> {
    let (mut heading, mut found) = (String::new(), Vec::new());
    for line in page.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('|')) {
        if line.starts_with('#') {
            heading = line.trim_start_matches('#').trim().to_owned();
            continue;
        }
        let (text, comment) = line.split_once("<!--").unwrap_or((line, ""));
        let tests = comment.trim_end().trim_end_matches("-->").split_whitespace().map(str::to_owned);
        found.push(Sentence {
            heading: heading.clone(),
            text: text.trim().to_owned(),
            tests: tests.collect(),
        });
    }
    found
}

pub fn sentences() -> Vec<Sentence> {
    read(PAGE)
}

/// Every test of this folder, such as `updates::a_test`.
fn tests() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("all/semantics");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let (module, text) =
            (path.file_stem().unwrap().to_str().unwrap(), std::fs::read_to_string(&path).unwrap());
        let module = if module == "mod" { "semantics" } else { module };
        let mut marked = false;
        for line in text.lines() {
            if line == "#[test]" || line == "#[tokio::test(start_paused = true)]" {
                marked = true;
            } else if marked && line.contains("fn ") {
                let name = line.split("fn ").nth(1).unwrap().split('(').next().unwrap();
                found.insert(format!("{module}::{name}"));
                marked = false;
            }
        }
    }
    found
}

/// Everything that is wrong with the sentences of a page, where some tests are known.
fn problems_of(page: &str, is_known: &dyn Fn(&str) -> bool) -> Vec<String> {
    let (sentences, mut problems) = (read(page), Vec::new());
    for sentence in &sentences {
        let text = &sentence.text;
        let inner = text.trim_end_matches('.');
        let another = inner.char_indices().any(|(at, c)| {
            c == '.'
                && inner[at + 1..].strip_prefix(' ').is_some_and(|rest| rest.starts_with(char::is_uppercase))
        });
        if another || !text.ends_with('.') {
            problems.push(format!("not one sentence: {text}"));
        }
        if sentence.tests.is_empty() {
            problems.push(format!("no test: {text}"));
        }
    }
    let named: BTreeSet<&String> = sentences.iter().flat_map(|sentence| &sentence.tests).collect();
    problems.extend(
        named.iter().filter(|name| !is_known(name.as_str())).map(|name| format!("no such test: {name}")),
    );
    problems
}

/// Everything that is wrong with a page that is about all of these tests.
fn problems(page: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let mut problems = problems_of(page, &|name| tests.contains(name));
    let sentences = read(page);
    let named: BTreeSet<&String> = sentences.iter().flat_map(|sentence| &sentence.tests).collect();
    problems
        .extend(tests.iter().filter(|name| !named.contains(name)).map(|name| format!("no sentence: {name}")));
    problems
}

/// Holds the page about the pool, whose tests are wherever what they show is.
pub fn check_pool() {
    let open = POOL.lines().filter(|line| line.ends_with(&format!("<!-- {} -->", OPEN.0))).count();
    let words: Vec<&str> = OPEN.0.split(' ').collect();
    let is_known = |name: &str| {
        let test = name.split_once("::").is_some_and(|(module, name)| crate::documents::exists(module, name));
        test || words.contains(&name)
    };
    assert_eq!(problems_of(POOL, &is_known), Vec::<String>::new());
    assert_eq!(open, OPEN.1, "sentences of docs/pool.md that no test shows");
    assert!(read(POOL).len() > 60);
}

/// Holds the page against the tests.
pub fn check() {
    let problems = problems(PAGE, &tests());
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(sentences().len() > 80 && tests().len() > 50);
}

#[test]
fn the_check_fails_when_a_sentence_is_not_shown() {
    let tests = BTreeSet::from(["a::b".to_owned()]);
    let fine = "# A\n\n- It works. <!-- a::b -->\n";
    assert_eq!(problems(fine, &tests), Vec::<String>::new());
    for (page, wanted) in [
        (format!("{fine}It flies.\n"), "no test: It flies."),
        (format!("{fine}It flies. <!-- a::c -->\n"), "no such test: a::c"),
        (format!("{fine}It flies. It swims. <!-- a::b -->\n"), "not one sentence: It flies. It swims."),
        (format!("{fine}It flies <!-- a::b -->\n"), "not one sentence: It flies"),
        ("# A\n".to_owned(), "no sentence: a::b"),
    ] {
        assert_eq!(problems(&page, &tests), [wanted], "{page}");
    }
}
