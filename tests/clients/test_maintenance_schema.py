"""The schema of the maintenance configuration against the cases that the parser is held to.

Where the schema can't see a fault (what two keys say together, what an operator's setting admits), a case says
`"schema": true`. Cases with a `text` are about JSON itself, which a schema never sees.
"""

import json
import pathlib

import pytest
from jsonschema import Draft202012Validator

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((REPOSITORY / "docs/maintenance-config.schema.json").read_text())
CASES = json.loads((REPOSITORY / "tests/maintenance-config/cases.json").read_text())
WITH_CONFIG = [case for case in CASES if "config" in case]


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("case", WITH_CONFIG, ids=[case["name"] for case in WITH_CONFIG])
def test_case(case):
    found = [error.message for error in Draft202012Validator(SCHEMA).iter_errors(case["config"])]
    assert (found == []) == case.get("schema", case["valid"]), found


def test_the_schema_never_refuses_what_the_parser_takes():
    assert [case["name"] for case in WITH_CONFIG if case["valid"] and not case.get("schema", True)] == []


def objects(value):
    if isinstance(value, dict):
        if "properties" in value:
            yield value
        for member in value.values():
            yield from objects(member)
    elif isinstance(value, list):
        for item in value:
            yield from objects(item)


def test_no_object_takes_keys_that_nobody_knows():
    found = list(objects(SCHEMA))
    assert len(found) == 3
    for one in found:
        assert one["additionalProperties"] is False
        assert all(member.get("description") for member in one["properties"].values())
