"""Texts through the tokenizers that models ship with: pushed as files, used by every way in, refused when they are not supported."""
import json
import pathlib

import numpy
import pytest
from support.client import assert_problem

TESTS = pathlib.Path(__file__).resolve().parents[1]
MODELS = TESTS / "unit/inference/models"
REFERENCES = TESTS / "data/tokenizers"
LINES = (REFERENCES / "lines.txt").read_text(encoding="utf-8").split("\n")[:-1]
LENGTH = 512


def push(admin, name, reference, files=None):
    """pair.pt behind a tokenizer of the references and its attention mask: the sum of both inputs, and twice the token numbers."""
    folder = REFERENCES / reference
    inputs = [
        {
            "name": "ids",
            "kind": "text",
            "datatype": "INT64",
            "shape": [LENGTH],
            "tokenizer": json.loads((folder / "manifest.json").read_text()),
        },
        {"name": "mask", "kind": "text", "datatype": "INT64", "shape": [LENGTH], "gives": "attention_mask"},
    ]
    manifest = {
        "format": 1,
        "name": name,
        "task": "tensor",
        "inputs": inputs,
        "batching": {"max_batch": 8},
        "outputs": [
            {"name": "sum", "datatype": "INT64", "shape": [1]},
            {"name": "double", "datatype": "INT64", "shape": [LENGTH]},
        ],
    }
    files = files or {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name not in ("manifest.json", "expected.json")
    }
    return admin.post_form(
        f"/api/v1/models/{name}/versions",
        [
            ("manifest", None, "application/json", json.dumps(manifest).encode()),
            *[("file", file, "application/octet-stream", content) for file, content in files.items()],
            ("model", "m.pt", "application/octet-stream", (MODELS / "pair.pt").read_bytes()),
        ],
    )


def filled(ids):
    return ids + [0] * (LENGTH - len(ids))


def numbers(answer, output=1):
    assert answer.status == 200, answer
    return [value // 2 for value in numpy.ravel(answer.json["outputs"][output]["data"]).tolist()]


@pytest.mark.parametrize("reference", ["bert_uncased", "gpt2_vocabulary", "t5", "llama3"])
def test_a_text_becomes_the_tokens_of_the_models_own_tokenizer(admin, runtime, reference):
    name = reference.replace("_", "-")
    answer = push(admin, name, reference)
    assert answer.status == 201, answer
    expected = json.loads((REFERENCES / reference / "expected.json").read_text())
    for line, ids in list(zip(LINES, expected["lines"]))[::4]:
        assert numbers(admin.predict(name, json.dumps({"text": line}).encode(), "application/json")) == filled(
            ids
        ), line
    rows = admin.predict(name, json.dumps(list(zip(LINES, LINES[1:]))[:8]).encode(), "application/json")
    assert rows.status == 200, rows


def test_what_goes_with_a_text_needs_not_be_sent(admin, runtime):
    answer = push(admin, "masked", "bert_uncased")
    assert answer.status == 201, answer
    expected = json.loads((REFERENCES / "bert_uncased/expected.json").read_text())
    ids = expected["lines"][0]
    for body, kind in (
        (LINES[0].encode(), "text/plain"),
        (json.dumps({"text": LINES[0]}).encode(), "application/json"),
    ):
        answer = admin.predict("masked", body, kind)
        assert numpy.ravel(answer.json["outputs"][0]["data"]).tolist() == [sum(ids) + len(ids)]
        assert numbers(answer) == filled(ids)
    both, types = expected["pairs"][0]
    answer = admin.predict("masked", json.dumps({"text": LINES[0], "text_pair": LINES[1]}).encode(), "application/json")
    assert numbers(answer) == filled(both)
    request = {"inputs": [{"name": "ids", "shape": [1], "datatype": "BYTES", "data": [LINES[0]]}]}
    answer = admin.post("/v2/models/masked/infer", request)
    assert answer.status == 200, answer
    assert answer.json["outputs"][0]["data"] == [sum(ids) + len(ids)]


def test_a_tokenizer_that_is_not_supported_is_refused_when_it_is_pushed(admin, runtime):
    tokenizer = json.loads((REFERENCES / "bert_uncased/tokenizer.json").read_text())
    for part, value, named in (
        ("normalizer", {"type": "Transliterate"}, "Transliterate"),
        ("pre_tokenizer", {"type": "UnicodeScripts"}, "UnicodeScripts"),
        ("model", {"type": "Other"}, "Other"),
    ):
        refused = push(
            admin,
            "refused-tokenizer",
            "bert_uncased",
            files={"tokenizer.json": json.dumps({**tokenizer, part: value}).encode()},
        )
        assert_problem(refused, 422)
        assert named in refused.json["detail"] and "tokenizer.json" in refused.json["detail"], refused
    assert_problem(push(admin, "refused-tokenizer", "bert_uncased", files={"tokenizer.json": b"{"}), 422)
    assert admin.get("/api/v1/models/refused-tokenizer").status == 404
