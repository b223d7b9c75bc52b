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


def push(admin, name, reference, more=None, files=None):
    """numbers.pt (twice what it gets), or pair.pt with an attention mask, behind a tokenizer of the references."""
    folder = REFERENCES / reference
    tokenizer = json.loads((folder / "manifest.json").read_text())
    text = {"name": "ids", "kind": "text", "datatype": "INT64", "shape": [LENGTH], "tokenizer": tokenizer}
    outputs = [{"name": "sum", "datatype": "INT64", "shape": [1]}] if more else []
    manifest = {"format": 1, "name": name, "task": "tensor", "inputs": [text, *(more or [])],
                "outputs": [*outputs, {"name": "double", "datatype": "INT64", "shape": [LENGTH]}], "batching": {"max_batch": 8}}
    files = files or {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in ("manifest.json", "expected.json")}
    model = (MODELS / ("pair.pt" if more else "numbers.pt")).read_bytes()
    return admin.post_form(f"/api/v1/models/{name}/versions", [
        ("manifest", None, "application/json", json.dumps(manifest).encode()),
        *[("file", file, "application/octet-stream", content) for file, content in files.items()], ("model", "m.pt", "application/octet-stream", model)])


def filled(ids, padding=0):
    return ids + [padding] * (LENGTH - len(ids))


def numbers(answer, output=0):
    assert answer.status == 200, answer
    return [value // 2 for value in numpy.ravel(answer.json["outputs"][output]["data"]).tolist()]


@pytest.mark.parametrize("reference, padding", [("bert_uncased", 0), ("gpt2_vocabulary", 0), ("t5", 0), ("llama3", 0)])
def test_a_text_becomes_the_tokens_of_the_models_own_tokenizer(admin, runtime, reference, padding):
    name = reference.replace("_", "-")
    answer = push(admin, name, reference)
    assert answer.status == 201, answer
    expected = json.loads((REFERENCES / reference / "expected.json").read_text())
    for line, ids in zip(LINES, expected["lines"]):
        assert numbers(admin.predict(name, json.dumps({"text": line}).encode(), "application/json")) == filled(ids, padding), line
    rows = admin.predict(name, json.dumps(list(zip(LINES, LINES[1:]))[:8]).encode(), "application/json")
    assert rows.status == 200, rows


def test_what_goes_with_a_text_needs_not_be_sent(admin, runtime):
    answer = push(admin, "masked", "bert_uncased", [{"name": "mask", "kind": "text", "datatype": "INT64", "shape": [LENGTH], "gives": "attention_mask"}])
    assert answer.status == 201, answer
    expected = json.loads((REFERENCES / "bert_uncased/expected.json").read_text())
    ids = expected["lines"][0]
    for body, kind in ((LINES[0].encode(), "text/plain"), (json.dumps({"text": LINES[0]}).encode(), "application/json")):
        answer = admin.predict("masked", body, kind)
        assert numpy.ravel(answer.json["outputs"][0]["data"]).tolist() == [sum(ids) + len(ids)]
        assert numbers(answer, 1) == filled(ids)
    both, types = expected["pairs"][0]
    answer = admin.predict("masked", json.dumps({"text": LINES[0], "text_pair": LINES[1]}).encode(), "application/json")
    assert numbers(answer, 1) == filled(both)
    request = {"inputs": [{"name": "ids", "shape": [1], "datatype": "BYTES", "data": [LINES[0]]}]}
    answer = admin.post("/v2/models/masked/infer", request)
    assert answer.status == 200, answer
    assert answer.json["outputs"][0]["data"] == [sum(ids) + len(ids)]


def test_a_tokenizer_that_is_not_supported_is_refused_when_it_is_pushed(admin, runtime):
    tokenizer = json.loads((REFERENCES / "bert_uncased/tokenizer.json").read_text())
    for part, value, named in (("normalizer", {"type": "Transliterate"}, "Transliterate"), ("pre_tokenizer", {"type": "UnicodeScripts"}, "UnicodeScripts"),
                               ("model", {"type": "Other"}, "Other")):
        refused = push(admin, "refused-tokenizer", "bert_uncased", files={"tokenizer.json": json.dumps({**tokenizer, part: value}).encode()})
        assert_problem(refused, 422)
        assert named in refused.json["detail"] and "tokenizer.json" in refused.json["detail"], refused
    assert_problem(push(admin, "refused-tokenizer", "bert_uncased", files={"tokenizer.json": b"{"}), 422)
    assert admin.get("/api/v1/models/refused-tokenizer").status == 404
