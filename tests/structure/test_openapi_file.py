"""The OpenAPI document that is served is the one that people edit, and is sound."""
import importlib.util
import json
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
pytest.importorskip("yaml", reason="python3-yaml is not installed")
_spec = importlib.util.spec_from_file_location("openapi_json", ROOT / "cmake/openapi_json.py")
openapi_json = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(openapi_json)
DOCUMENT = json.loads((ROOT / "embedded/openapi.json").read_text())


def test_yaml_and_json_are_one_document():
    assert (ROOT / "embedded/openapi.json").read_text() == openapi_json.text(), "run cmake/openapi_json.py"


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_leads_somewhere():
    for reference in set(references(DOCUMENT)):
        target = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            assert step in target, reference
            target = target[step]


def test_every_component_is_used():
    used = set(references(DOCUMENT))
    for kind in ("parameters", "responses", "schemas"):
        for name in DOCUMENT["components"][kind]:
            assert f"#/components/{kind}/{name}" in used, f"{kind}/{name} is not used"


def operations():
    for path, item in DOCUMENT["paths"].items():
        for verb, operation in item.items():
            if verb != "parameters":
                yield path, verb, item, operation


def test_every_operation_is_named_once_and_says_who_may():
    names = [operation["operationId"] for _, _, _, operation in operations()]
    assert len(names) == len(set(names))
    for path, verb, _, operation in operations():
        assert operation["summary"] and operation["tags"], (path, verb)
        is_open = operation.get("security") == []
        assert is_open != (operation.get("x-role") in ("viewer", "submitter", "operator", "admin")), (path, verb)
        if not is_open:
            assert "401" in operation["responses"], (path, verb)


def test_every_captured_name_is_a_parameter():
    for path, verb, item, operation in operations():
        parameters = [
            p if "name" in p else DOCUMENT["components"]["parameters"][p["$ref"].split("/")[-1]]
            for p in item.get("parameters", []) + operation.get("parameters", [])
        ]
        named = {p["name"] for p in parameters if p["in"] == "path"}
        assert named == set(re.findall(r"\{([^}]+)\}", path)), (path, verb)
