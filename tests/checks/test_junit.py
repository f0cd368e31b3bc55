"""The report says what cargo test said, and more where cargo's text leaves something out."""

import sys
import xml.etree.ElementTree as xml

import junit

TEXT = """\
   Compiling x v0.1.0
     Running unittests src/lib.rs (target/debug/deps/x-0123)

running 4 tests
test a::fine ... ok
test a::slow ... ignored, takes an hour
test a::wrong ... FAILED
test panics - should panic ... ok

failures:

---- a::wrong stdout ----
assertion `left == right` failed \x1b[31m<&>\x1b[0m
---- is no heading

failures:
    a::wrong

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests x

running 1 test
test src/lib.rs - f (line 3) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s
"""


def run(tmp_path, text, code):
    """The report of a command that prints the text and ends with the code."""
    (tmp_path / "text").write_text(text, "utf-8")
    program = "import sys; print(open(sys.argv[1]).read(), end=''); sys.exit(int(sys.argv[2]))"
    target = tmp_path / "reports" / "tests.xml"
    passed_on = junit.main([str(target), "--", sys.executable, "-c", program, str(tmp_path / "text"), str(code)])
    return passed_on, xml.parse(target).getroot()


def test_results(tmp_path, capsys):
    code, root = run(tmp_path, TEXT, 101)
    assert code == 101
    assert capsys.readouterr().out == TEXT, "what is run is shown as it is"
    unit, doc = root
    assert (unit.get("name"), unit.get("tests"), unit.get("failures"), unit.get("skipped"), unit.get("errors")) == (
        "unittests src/lib.rs", "4", "1", "1", "0")
    assert [case.get("name") for case in unit] == ["a::fine", "a::slow", "a::wrong", "panics"]
    assert unit.find("testcase/failure").text.startswith("assertion `left == right` failed <&>\n---- is no heading")
    assert (doc.get("name"), doc.get("tests"), doc.get("failures")) == ("doc-tests x", "1", "0")


def test_a_binary_that_dies_is_an_error(tmp_path):
    _, root = run(tmp_path, TEXT.split("test a::wrong")[0], 101)
    assert root.find("testsuite").get("errors") == "1"
    assert "without a summary" in root.find("testsuite/testcase/error").get("message")


def test_a_result_that_was_not_understood_is_an_error(tmp_path):
    _, root = run(tmp_path, TEXT.replace("test a::fine ... ok\n", ""), 101)
    assert "seen: [1, 1, 1]" in root.find("testsuite/testcase/error").get("message")


def test_sources_that_do_not_compile_are_an_error(tmp_path):
    code, root = run(tmp_path, "error[E0308]: mismatched types\n", 101)
    assert code == 101
    assert root.find("testsuite").get("name") == "cargo" and root.find("testsuite/testcase/error") is not None


def test_a_good_run_has_no_error(tmp_path):
    good = TEXT[TEXT.index("   Doc-tests"):]
    code, root = run(tmp_path, good, 0)
    assert code == 0 and len(root) == 1 and root[0].get("errors") == "0"
