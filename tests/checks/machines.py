"""What asl-validator does not ask of a state machine: that every task is tried again, and that no failure is left alone."""

import json
import re

EVERYTHING = "States.ALL"


def filled(text, substitutions):
    """The definition as Step Functions gets it, and what does not fit between it and the template."""
    wanted = set(re.findall(r"\$\{(\w+)\}", text))
    problems = [f"the template gives no ${{{name}}}" for name in sorted(wanted - set(substitutions))]
    problems += [f"the template gives ${{{name}}}, which is not used" for name in sorted(set(substitutions) - wanted)]
    for name, value in substitutions.items():
        text = text.replace("${" + name + "}", str(value))
    return text, problems


def states(machine, path=""):
    """(path, state) of each state, those within Parallel and Map too."""
    for name, state in machine["States"].items():
        yield path + name, state
        within = list(state.get("Branches", []))
        within += [state[key] for key in ("Iterator", "ItemProcessor") if key in state]
        for number, inner in enumerate(within):
            yield from states(inner, f"{path}{name}[{number}]/")


def unguarded(definition):
    """(path of a task, problem) of each task that lacks a Retry or a Catch that takes every error."""
    for path, state in states(json.loads(definition)):
        if state["Type"] != "Task":
            continue
        for key, also in (("Retry", lambda one: one.get("MaxAttempts", 3) > 0), ("Catch", lambda one: "Next" in one)):
            entries = state.get(key, [])
            if not any(EVERYTHING in one["ErrorEquals"] and also(one) for one in entries):
                yield path, f"the task has no {key} that takes {EVERYTHING}"
