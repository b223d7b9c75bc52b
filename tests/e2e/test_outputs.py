"""What models take and give beyond plain tensors, over HTTP: dicts, optional inputs, half precision, detectors, binary decisions, and what
they keep between requests."""
import base64
import io
import json
import pathlib
import struct

import numpy
import pytest
from support.client import assert_problem
from support.pictures import png

MODELS = pathlib.Path(__file__).resolve().parents[1] / "unit/inference/models"


def push(admin, name, file, **manifest):
    whole = {"format": 1, "name": name, "task": "tensor", "batching": {"max_batch": 8}, **manifest}
    answer = admin.push_model(name, (MODELS / file).read_bytes(), json.dumps(whole))
    assert answer.status in (200, 201), answer
    return name


def tensor(name, shape, **more):
    return {"name": name, "kind": "tensor", "shape": shape, **more}


def infer(admin, model, body, headers=None):
    content = body if isinstance(body, bytes) else json.dumps(body)
    return admin.request("POST", f"/v2/models/{model}/infer", content, headers or {"Content-Type": "application/json"})


def data_of(answer):
    assert answer.status == 200, answer
    return {output["name"]: output["data"] for output in answer.json["outputs"]}


@pytest.fixture(scope="module")
def named(admin, runtime):
    return push(
        admin,
        "named",
        "takes_names.pt",
        outputs=[{"name": "y", "shape": [2]}],
        inputs=[tensor("minus", [2], argument="third", optional=True), tensor("first", [2], argument="first")],
    )


def test_a_dict_is_answered_by_its_keys(admin, runtime):
    name = push(
        admin,
        "dict",
        "gives_dict.pt",
        input=tensor("x", [4]),
        outputs=[{"name": "hidden", "shape": [4]}, {"name": "logits", "shape": [4]}],
    )
    assert data_of(admin.predict(name, "[1,2,3,4]", "application/json")) == {
        "hidden": [2, 3, 4, 5],
        "logits": [2, 4, 6, 8],
    }
    wrong = {
        "format": 1,
        "name": "dict",
        "task": "tensor",
        "input": tensor("x", [4]),
        "output": {"name": "boxes", "key": "boxes", "shape": [4]},
    }
    refused = admin.push_model("dict", (MODELS / "gives_dict.pt").read_bytes(), json.dumps(wrong))
    assert "it returned logits, hidden" in assert_problem(refused, 422)["detail"]


def test_an_optional_input_may_be_left_out_everywhere(admin, named):
    both = {"inputs": [{"name": "first", "data": [1, 2]}, {"name": "minus", "data": [1, 1]}]}
    assert data_of(admin.predict(named, json.dumps(both), "application/json"))["y"] == [1, 3]
    assert data_of(admin.predict(named, json.dumps({"inputs": both["inputs"][:1]}), "application/json"))["y"] == [2, 4]
    npz = io.BytesIO()
    numpy.savez(npz, first=numpy.array([1, 2], numpy.float32))
    assert data_of(admin.predict(named, npz.getvalue(), "application/x-npz"))["y"] == [2, 4]
    first = {"name": "first", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}
    assert data_of(infer(admin, named, {"inputs": [first]}))["y"] == [2, 4]
    assert "missing" in infer(admin, named, {"inputs": [{**first, "name": "minus"}]}).json["error"]
    config = admin.get(f"/v2/models/{named}/config").json
    assert [each["optional"] for each in config["input"]] == [True, False]


@pytest.mark.parametrize("kind", ["FP16", "BF16"])
def test_half_precision_goes_in_and_out(admin, runtime, kind):
    name = push(
        admin,
        kind.lower(),
        "gives_dict.pt",
        input=tensor("x", [4], datatype=kind),
        output={"name": "hidden", "shape": [4], "datatype": kind},
    )
    values = numpy.array([1, 2.5, -3, 100], numpy.float32)
    raw = values.astype("<f2").tobytes() if kind == "FP16" else b"".join(struct.pack("<f", v)[2:] for v in values)
    assert data_of(admin.predict(name, json.dumps(values.tolist()), "application/json"))["hidden"] == [2, 3.5, -2, 101]
    npy = io.BytesIO()
    numpy.save(npy, values.astype(numpy.float16))
    assert data_of(admin.predict(name, npy.getvalue(), "application/x-npy"))["hidden"] == [2, 3.5, -2, 101]
    answer = admin.request(
        "POST",
        f"/api/v1/models/{name}/predict",
        npy.getvalue(),
        headers={"Content-Type": "application/x-npy", "Accept": "application/x-npy"},
    )
    assert numpy.load(io.BytesIO(answer.body)).tolist() == [[2, 3.5, -2, 101]]
    head = json.dumps(
        {
            "inputs": [{"name": "x", "datatype": kind, "shape": [1, 4], "parameters": {"binary_data_size": 8}}],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    headers = {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"}
    binary = infer(admin, name, head + raw, headers=headers)
    assert binary.status == 200, binary
    expected = (
        (values + 1).astype("<f2").tobytes()
        if kind == "FP16"
        else b"".join(struct.pack("<f", v)[2:] for v in values + 1)
    )
    assert binary.body.endswith(expected)
    in_json = infer(admin, name, {"inputs": [{"name": "x", "datatype": kind, "shape": [1, 4], "data": [1, 2, 3, 4]}]})
    assert in_json.status == 400 and "binary" in in_json.json["error"]


def test_a_detector_finds_objects_in_the_pixels_of_the_picture(admin, runtime):
    boxes = [
        {"name": role, "key": [1, "*", role], "shape": shape, "datatype": datatype}
        for role, shape, datatype in (("boxes", [-1, 4], "FP32"), ("scores", [-1], "FP32"), ("labels", [-1], "INT64"))
    ]
    name = push(
        admin,
        "detector",
        "detects.pt",
        task="object_detection",
        labels=["a", "b", "c"],
        outputs=boxes,
        input={"name": "image", "kind": "image", "color": "rgb", "shape": [3, 40, 40], "scale": 1},
        postprocess={"kind": "objects", "first_label": 1, "threshold": 0.4},
    )
    picture = png(80, 20, [bytes([2] * 80)] * 20)
    answer = admin.predict(name, picture, "image/png")
    assert answer.status == 200, answer
    assert answer.json["objects"] == [
        {"label": "a", "confidence": 1, "box": [0, 0, 8, 3]},
        {"label": "b", "confidence": 0.5, "box": [20, 5, 8, 3]},
    ]
    assert (answer.json["width"], answer.json["height"]) == (80, 20)
    two = json.dumps({"image": [base64.b64encode(each).decode() for each in (picture, png(10, 10))]})
    rows = admin.predict(name, two, "application/json").json["rows"]
    assert [len(row["objects"]) for row in rows] == [2, 0]
    raw = admin.request(
        "POST",
        f"/api/v1/models/{name}/predict",
        picture,
        headers={"Content-Type": "image/png", "Accept": "application/x-npy"},
    )
    assert numpy.load(io.BytesIO(raw.body)).shape == (1, 2, 4)


def test_one_logit_decides_and_several_labels_may_be_right(admin, runtime):
    spam = push(
        admin,
        "spam",
        "gives_named.pt",
        task="classification",
        input=tensor("x", [4]),
        output={"name": "sum", "shape": [1]},
        labels=["ham", "spam"],
        postprocess={"kind": "sigmoid"},
    )
    assert admin.predict(spam, "[1,1,1,1]", "application/json").json["label"] == "spam"
    assert admin.predict(spam, "[0,-1,-1,-1]", "application/json").json["label"] == "ham"
    both = admin.predict(spam, "[[1,1,1,1],[0,-1,-1,-1]]", "application/json").json["rows"]
    assert [row["label"] for row in both] == ["spam", "ham"]
    topics = push(
        admin,
        "topics",
        "numbers.pt",
        task="classification",
        input=tensor("x", [3]),
        output={"shape": [3]},
        labels=["a", "b", "c"],
        postprocess={"kind": "sigmoid", "thresholds": [0.5, 0.99, 0.1]},
    )
    assert [each["label"] for each in admin.predict(topics, "[1,2,-1]", "application/json").json["labels"]] == [
        "a",
        "c",
    ]
    prices = push(
        admin,
        "prices",
        "numbers.pt",
        task="regression",
        input=tensor("x", [2]),
        output={"shape": [2]},
        labels=["low", "high"],
    )
    assert admin.predict(prices, "[1,2]", "application/json").json["values"] == {"low": 2, "high": 4}


def test_nothing_of_one_caller_reaches_the_next_through_a_models_buffers(admin, runtime):
    name = push(admin, "keeps", "keeps_last.pt", input=tensor("x", [4]), output={"name": "y", "shape": [4]})
    for value in range(1, 5):
        assert data_of(admin.predict(name, json.dumps([value] * 4), "application/json"))["y"] == [0] * 4
    shared = push(
        admin, "shares", "keeps_last.pt", input=tensor("x", [4]), output={"name": "y", "shape": [4]}, buffers="shared"
    )
    answers = [data_of(admin.predict(shared, json.dumps([value] * 4), "application/json"))["y"] for value in (7, 8)]
    assert answers == [[0] * 4, [7] * 4]  # the warm-up has not counted


def test_a_sequence_is_refused_where_no_state_is_kept(admin, named):
    first = {"name": "first", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}
    refused = infer(admin, named, {"inputs": [first], "parameters": {"sequence_id": 5, "sequence_start": True}})
    assert refused.status == 400 and "state" in refused.json["error"]
    assert (
        "state"
        in assert_problem(
            admin.predict(named, json.dumps({"inputs": [first], "sequence_id": 5}), "application/json"), 422
        )["detail"]
    )
