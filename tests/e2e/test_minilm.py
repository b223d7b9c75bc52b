"""all-MiniLM-L6-v2 as a model: embeddings of texts in many scripts equal those of sentence-transformers, however they arrive."""
import json
import pathlib

import numpy
import pytest
from support.brought import brought

MINILM = brought("minilm")
DATA = pathlib.Path(__file__).resolve().parents[1] / "data/minilm"
REFERENCE = json.loads((DATA / "reference.json").read_text(encoding="utf-8"))
VECTORS = numpy.load(DATA / "reference.npy")


@pytest.fixture(scope="module")
def minilm(daemon, admin, run, runtime):
    run("model", "push", "minilm", MINILM, timeout=300)
    return "minilm"


def embed(admin, inputs):
    """The vectors, and how many tokens they were; eight a request, for a slow machine."""
    vectors, tokens = [], 0
    for begin in range(0, len(inputs), 8):
        answer = admin.post("/v1/embeddings", {"model": "minilm", "input": inputs[begin : begin + 8]})
        assert answer.status == 200, answer
        vectors += [each["embedding"] for each in answer.json["data"]]
        tokens += answer.json["usage"]["prompt_tokens"]
    return tokens, numpy.array(vectors, dtype=numpy.float32)


def differences(vectors, expected):
    return [round(float(value), 6) for value in numpy.abs(vectors - expected).max(axis=1)]


def test_token_numbers_give_the_vectors_of_sentence_transformers(admin, minilm):
    tokens, vectors = embed(admin, [each["ids"] for each in REFERENCE])
    assert max(differences(vectors, VECTORS)) < 1e-4
    assert tokens == sum(len(each["ids"]) for each in REFERENCE)


def test_texts_of_every_script_give_the_vectors_of_sentence_transformers(admin, minilm):
    tokens, vectors = embed(admin, [each["text"] for each in REFERENCE])
    off = {REFERENCE[i]["text"]: value for i, value in enumerate(differences(vectors, VECTORS)) if value >= 1e-4}
    assert not off
    assert tokens == sum(len(each["ids"]) for each in REFERENCE)


def test_a_text_has_its_vector_whatever_it_is_sent_with(admin, minilm):
    """Alone, among longer and shorter ones in one request, and as plain text."""
    some = [0, 3, 10, len(REFERENCE) - 2, len(REFERENCE) - 1]
    for i in some:
        answer = admin.predict(minilm, REFERENCE[i]["text"].encode(), "text/plain")
        assert answer.status == 200, answer
        assert numpy.abs(numpy.array(answer.json["outputs"][0]["data"]).ravel() - VECTORS[i]).max() < 1e-4
    answer = admin.predict(
        minilm, json.dumps({"text": [REFERENCE[i]["text"] for i in some]}).encode(), "application/json"
    )
    assert answer.status == 200, answer
    assert numpy.abs(numpy.array(answer.json["outputs"][0]["data"]).reshape(len(some), -1) - VECTORS[some]).max() < 1e-4
