"""Runs every checker over every template, policy and state machine, and holds the findings against accepted.toml.

A finding that is not accepted fails, and so does an accepted one that is no longer found: the list says what is, not what was.
"""

import argparse
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import built
import machines
from templates import ROOT, Template, all_templates

HERE = Path(__file__).resolve().parent
PACKAGE = ROOT / "target" / "package.zip"


class Finding(NamedTuple):
    """What a tool said, about what (`file resource`), and in which words."""

    tool: str
    id: str
    where: str
    text: str


def _run(command, fine):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT)
    if done.returncode not in fine:
        raise SystemExit(f"check.py: {command[0]} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done.stdout


def _tool(name):
    return Path(sys.executable).parent / name


def cfn_lint(templates):
    """AWS's own rules for templates."""
    # Each bit of the code stands for a kind of finding; 1 would be a crash.
    said = _run([_tool("cfn-lint"), "--format", "json", "--", *(t.path for t in templates)], range(0, 32, 2))
    names = {str(t.path): t.name for t in templates}
    for one in json.loads(said or "[]"):
        path = one["Location"]["Path"] or []
        resource = ".".join(str(part) for part in path[1:2]) or "-"
        yield Finding("cfn-lint", one["Rule"]["Id"], f"{names[one['Filename']]} {resource}",
                      f"line {one['Location']['Start']['LineNumber']}: {one['Message']}")


def checkov(templates):
    """Good practice, as checkov sees it; its rules come with it."""
    said = _run([_tool("checkov"), "--skip-download", "--quiet", "--compact", "--framework", "cloudformation",
                 "--output", "json", "--file", *(t.path for t in templates)], (0, 1))
    report = json.loads(said)
    if isinstance(report, dict) and "results" not in report:
        return
    names = {str(t.path): t.name for t in templates}
    results = report["results"]
    for path in results.get("parsing_errors", []):
        yield Finding("checkov", "parsing", f"{path} -", "checkov can't read it")
    for one in results["failed_checks"]:
        resource = one["resource"].split(".")[-1]
        name = names[str(Path(one["file_abs_path"]).resolve())]
        yield Finding("checkov", one["check_id"], f"{name} {resource}", one["check_name"])


RISKS = {
    "allows_privilege_escalation": "PrivilegeEscalation",
    "permissions_management_without_constraints": "ResourceExposure",
    "allows_data_exfiltration_actions": "DataExfiltration",
    "credentials_exposure": "CredentialsExposure",
    "service_wildcard": "ServiceWildcard",
    "infrastructure_modification": "InfrastructureModification",
}


def cloudsplaining(templates):
    """What a policy allows on everything; a condition does not excuse it here, only accepted.toml does."""
    from cloudsplaining.scan.policy_document import PolicyDocument

    for template in templates:
        for resource, name, document in template.policies():
            seen = PolicyDocument(document, flag_conditional_statements=True)
            for attribute, risk in RISKS.items():
                for one in getattr(seen, attribute):
                    action = one if isinstance(one, str) else f"{one['type']}: {', '.join(one['actions'])}"
                    yield Finding("cloudsplaining", risk, f"{template.name} {resource}/{name} {action}",
                                  f"{action} is allowed on everything")


def write_policies(templates, folder):
    """Each policy as a file of its own, for whoever wants to give it to another tool."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    count = 0
    for template in templates:
        stem = template.name.removesuffix(template.path.suffix).replace("/", "-")
        for resource, name, document in template.policies():
            count += 1
            path = folder / f"{count:02}-{stem}-{resource}-{name}.json"
            path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return count


def state_machines(templates, folder):
    """AWS's language by asl-validator, and Retry and Catch on every task by machines.py."""
    folder.mkdir(parents=True, exist_ok=True)
    seen = set()
    for template in templates:
        for resource, path, substitutions in template.machines():
            where = f"{template.name} {resource}"
            seen.add(path.resolve())
            text, misfits = machines.filled(path.read_text("utf-8"), substitutions)
            for problem in misfits:
                yield Finding("machines", "substitutions", where, problem)
            for task, problem in machines.unguarded(text):
                yield Finding("machines", "unguarded", f"{where} {task}", problem)
            whole = folder / path.name
            whole.write_text(text, "utf-8")
            done = subprocess.run([ROOT / "target/checks-node/node_modules/.bin/asl-validator", "--json-path", whole],
                                  capture_output=True, text=True)
            if done.returncode != 0:
                yield Finding("asl-validator", "invalid", where, (done.stdout + done.stderr).strip())
    for path in sorted({path for template in templates for path in template.path.parent.glob("*.asl.json")} - seen):
        yield Finding("machines", "unused", f"{path.name} -", "no template has this state machine")


def built_package():
    """What must hold of target/package.zip."""
    folders = {str(ROOT), str(Path.home())} - {"/"}
    for problem, text in built.problems(PACKAGE, folders):
        yield Finding("package", problem, "target/package.zip", text)


def judge(findings, accepted):
    """The texts of what fails: findings that nobody accepted, and what is accepted and not found."""
    reasons = {}
    for entry in accepted:
        if len(entry.get("reason", "").split()) < 4:
            yield f"accepted.toml: {entry['tool']} {entry['id']}: the reason must be a sentence"
        for where in entry["where"]:
            reasons[(entry["tool"], entry["id"], where)] = entry["reason"]
    found = {(one.tool, one.id, one.where) for one in findings}
    for one in findings:
        if (one.tool, one.id, one.where) not in reasons:
            yield f"{one.tool} {one.id}: {one.where}: {one.text}"
    for tool, identity, where in reasons.keys() - found:
        yield f"accepted.toml: {tool} {identity}: {where}: this is accepted and no longer found: take it out"


def main():
    """Prints what fails, and says it with its code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without-package", action="store_true", help="do not look at target/package.zip")
    parser.add_argument("--accepted", type=Path, default=HERE / "accepted.toml")
    parser.add_argument("templates", nargs="*", type=Path, help="instead of the project's templates")
    options = parser.parse_args()

    templates = [Template(path.resolve()) for path in options.templates] or all_templates()
    print("templates:", ", ".join(template.name for template in templates))
    target = ROOT / "target"
    policies = write_policies(templates, target / "policies")
    findings = [*cfn_lint(templates), *checkov(templates), *cloudsplaining(templates)]
    findings += state_machines(templates, target / "machines")
    if options.without_package:
        print("NOT CHECKED: target/package.zip (--without-package)")
    elif PACKAGE.exists():
        findings += built_package()
    else:
        raise SystemExit("check.py: target/package.zip is not there: run ./build.sh first, or say --without-package")

    accepted = tomllib.loads(options.accepted.read_text("utf-8")).get("accepted", [])
    if options.without_package:
        accepted = [entry for entry in accepted if entry["tool"] != "package"]
    bad = sorted(set(judge(findings, accepted)))
    print(f"{len(templates)} templates, {policies} policies, {len(set(findings))} findings, {len(bad)} of them not accepted")
    if bad:
        raise SystemExit("\n".join(bad))


if __name__ == "__main__":
    main()
