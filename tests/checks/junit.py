"""Runs a command of `cargo test`, shows what it prints, and writes the results as a JUnit file for CodeBuild's reports.

    junit.py FILE -- cargo test …

Stable Rust prints results as text only. What the text does not account for (a test binary that died, sources that do not
compile) becomes an error of its own, and the command's exit code is always passed on.
"""

import re
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

# XML has no word for these, escaped or not.
UNFIT = re.compile(r"\x1b\[[0-9;]*m|[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class Suite:
    """One test binary."""

    def __init__(self, name):
        self.name = name
        self.results = {}
        self.said = {}
        self.totals = None

    def missing(self):
        """What the binary's own summary says beyond the tests that were seen; None where all is well."""
        if self.totals is None:
            return "the test binary ended without a summary" if self.results else None
        seen = [sum(result == kind for result in self.results.values()) for kind in ("ok", "FAILED", "ignored")]
        return None if seen == self.totals else f"the summary says {self.totals} passed, failed, ignored; seen: {seen}"


def read(lines):
    """The suites, from cargo test's lines."""
    suites, open_block = [], None
    for line in lines:
        line = UNFIT.sub("", line.rstrip("\n"))
        if found := re.match(r"\s+(?:Running (.+?) \(|Doc-tests (.+))", line):
            suites.append(Suite(found[1] or f"doc-tests {found[2]}"))
            open_block = None
            continue
        if not suites:
            continue
        suite = suites[-1]
        if found := re.match(r"test (.+?)(?: - should panic)? \.\.\. (?:.*\b)?(ok|FAILED|ignored)\b", line):
            suite.results[found[1]] = found[2]
        elif found := re.match(r"---- (.+?)(?: - should panic)? stdout ----$", line):
            open_block = suite.said.setdefault(found[1], [])
        elif found := re.match(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", line):
            suite.totals = [int(number) for number in found.groups()]
            open_block = None
        elif line == "failures:":
            open_block = None
        elif open_block is not None:
            open_block.append(line)
    return suites


def report(suites, code):
    """JUnit's tree."""
    root = xml.Element("testsuites")
    failed = False
    for suite in suites:
        missing = suite.missing()
        failures = sum(result == "FAILED" for result in suite.results.values())
        failed = failed or failures > 0 or missing is not None
        element = xml.SubElement(
            root, "testsuite", name=suite.name, tests=str(len(suite.results) + (missing is not None)),
            failures=str(failures), errors=str(int(missing is not None)),
            skipped=str(sum(result == "ignored" for result in suite.results.values())),
        )
        for name, result in suite.results.items():
            case = xml.SubElement(element, "testcase", classname=suite.name, name=name)
            if result == "FAILED":
                xml.SubElement(case, "failure", message="failed").text = "\n".join(suite.said.get(name, []))
            elif result == "ignored":
                xml.SubElement(case, "skipped")
        if missing is not None:
            case = xml.SubElement(element, "testcase", classname=suite.name, name="the test binary")
            xml.SubElement(case, "error", message=missing)
    if code != 0 and not failed:
        element = xml.SubElement(root, "testsuite", name="cargo", tests="1", failures="0", errors="1")
        case = xml.SubElement(element, "testcase", classname="cargo", name="cargo test")
        xml.SubElement(case, "error", message=f"ended with {code} and no test failed: see the build's log")
    return xml.ElementTree(root)


def main(arguments):
    """Runs the command, and returns its exit code."""
    if len(arguments) < 3 or arguments[1] != "--":
        raise SystemExit(__doc__)
    target = Path(arguments[0])
    lines = []
    with subprocess.Popen(arguments[2:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          encoding="utf-8", errors="replace") as running:
        for line in running.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line)
    target.parent.mkdir(parents=True, exist_ok=True)
    report(read(lines), running.returncode).write(target, encoding="utf-8", xml_declaration=True)
    # A signal's number is negative.
    return running.returncode if running.returncode >= 0 else 128 - running.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
