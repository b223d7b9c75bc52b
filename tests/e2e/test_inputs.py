"""What may be sent to a model: pictures of several formats, bands, texts, rows, several inputs, several rows."""
import base64
import io
import json
import pathlib
import struct

import numpy
import pytest
from support.client import assert_problem
from support.tiffs import GEO_TAGS, tiff

TESTS = pathlib.Path(__file__).resolve().parents[1]
MODELS = TESTS / "unit/inference/models"
SAMPLE = TESTS / "data/digits/samples/digit-3-row-1438.png"


def push(admin, name, file, inputs, outputs):
    """A model of MODELS under a manifest of these inputs and outputs. `numbers.pt` doubles whatever it gets."""
    manifest = {
        "format": 1,
        "name": name,
        "task": "tensor",
        "inputs": inputs,
        "outputs": outputs,
        "batching": {"max_batch": 8},
    }
    answer = admin.push_model(name, (MODELS / file).read_bytes(), json.dumps(manifest))
    assert answer.status in (200, 201), answer
    return name


def data_of(answer):
    assert answer.status == 200, answer
    return [output["data"] for output in answer.json["outputs"]]


@pytest.fixture(scope="module")
def bands(admin, runtime):
    return push(
        admin, "bands", "numbers.pt", [{"kind": "image", "color": "bands", "shape": [4, 2, 3]}], [{"shape": [4, 2, 3]}]
    )


@pytest.fixture(scope="module")
def text(admin, runtime):
    tokenizer = {
        "kind": "words",
        "lowercase": True,
        "vocabulary": ["<pad>", "<unk>", "good", "day"],
        "unknown": "<unk>",
    }
    return push(
        admin,
        "text",
        "numbers.pt",
        [{"kind": "text", "datatype": "INT64", "shape": [4], "tokenizer": tokenizer}],
        [{"datatype": "INT64", "shape": [4]}],
    )


@pytest.fixture(scope="module")
def row(admin, runtime):
    columns = [{"name": "age", "mean": 40, "std": 2, "missing": 40}, {"name": "plan", "categories": ["free", "team"]}]
    return push(admin, "row", "numbers.pt", [{"kind": "row", "shape": [3], "columns": columns}], [{"shape": [3]}])


@pytest.fixture(scope="module")
def pair(admin, runtime):
    return push(
        admin,
        "pair",
        "pair.pt",
        [
            {"name": "a", "kind": "tensor", "shape": [2]},
            {"name": "b", "kind": "row", "shape": [1], "columns": [{"name": "size"}]},
        ],
        [{"name": "sum", "shape": [1]}, {"name": "double", "shape": [2]}],
    )


def test_a_geotiff_keeps_the_values_of_its_bands(admin, bands):
    values = list(range(1000, 1024))
    picture = tiff(3, 2, 4, 16, struct.pack("<24H", *values), extra_tags=GEO_TAGS)
    expected = [2 * values[pixel * 4 + band] for band in range(4) for pixel in range(6)]
    assert numpy.ravel(data_of(admin.predict(bands, picture, "image/tiff"))[0]).tolist() == expected
    assert numpy.ravel(data_of(admin.predict(bands, picture, "application/octet-stream"))[0]).tolist() == expected
    in_json = json.dumps({"image": base64.b64encode(picture).decode()})
    assert numpy.ravel(data_of(admin.predict(bands, in_json, "application/json"))[0]).tolist() == expected
    too_few = tiff(3, 2, 3, 16, bytes(36))
    assert "3 bands" in assert_problem(admin.predict(bands, too_few, "image/tiff"), 422)["detail"]


def test_a_digit_is_the_same_as_tiff(admin, digits):
    png = admin.predict(digits, SAMPLE.read_bytes(), "image/png").json
    size, pixels = 8, bytes(range(64))
    other = admin.predict(digits, tiff(size, size, 1, 8, pixels), "image/tiff")
    assert other.status == 200 and other.json["label"] in "0123456789"
    whole = admin.predict(
        digits, tiff(size, size, 3, 8, bytes(v for p in pixels for v in (p, p, p)), photometric=2), "image/tiff"
    )
    assert whole.json["top"] == other.json["top"]
    assert png["label"] == "3"


def test_hostile_tiffs_are_refused_and_harm_nobody(admin, digits):
    good = tiff(8, 8, 1, 8, bytes(64))
    for bad in (
        good[:8],
        good[:60],
        good[:-10],
        good.replace(struct.pack("<HHII", 256, 4, 1, 8), struct.pack("<HHII", 256, 4, 1, 0xFFFFFFFF)),
        good.replace(struct.pack("<HHII", 257, 4, 1, 8), struct.pack("<HHII", 257, 4, 1, 0)),
        b"II*\0" + b"\xff" * 64,
    ):
        assert bad != good
        assert_problem(admin.predict(digits, bad, "image/tiff"), 422)
    assert admin.predict(digits, good, "image/tiff").status == 200


def test_a_text_is_cut_into_its_words(admin, text):
    assert numpy.ravel(
        data_of(admin.predict(text, "Good day, you".encode(), "text/plain; charset=utf-8"))[0]
    ).tolist() == [4, 6, 2, 0]
    two = data_of(admin.predict(text, json.dumps({"text": ["good", "bad day"]}), "application/json"))[0]
    assert numpy.ravel(two).tolist() == [4, 0, 0, 0, 2, 6, 0, 0]
    assert_problem(admin.predict(text, b"\xff\xfe", "text/plain"), 422)


def test_rows_come_as_json_and_as_csv(admin, row):
    assert numpy.ravel(
        data_of(admin.predict(row, json.dumps({"age": 44, "plan": "team"}), "application/json"))[0]
    ).tolist() == [4, 0, 2]
    table = b"plan,age\r\nteam,44\r\nfree,\r\n"
    assert numpy.ravel(data_of(admin.predict(row, table, "text/csv"))[0]).tolist() == [4, 0, 2, 0, 2, 0]
    assert (
        "plan"
        in assert_problem(admin.predict(row, json.dumps({"age": 1, "plan": "huge"}), "application/json"), 422)["detail"]
    )


def test_several_inputs_come_by_name(admin, pair):
    body = {"inputs": [{"name": "b", "row": {"size": 5}}, {"name": "a", "data": [1, 2]}]}
    total, double = data_of(admin.predict(pair, json.dumps(body), "application/json"))
    assert numpy.ravel(total).tolist() == [8] and numpy.ravel(double).tolist() == [2, 4]
    file = io.BytesIO()
    numpy.savez_compressed(file, a=numpy.array([[1, 2], [3, 4]], numpy.float16), b=numpy.array([[5], [6]]))
    total, double = data_of(admin.predict(pair, file.getvalue(), "application/x-npz"))
    assert numpy.ravel(total).tolist() == [8, 13] and numpy.ravel(double).tolist() == [2, 4, 6, 8]
    assert_problem(admin.predict(pair, json.dumps({"data": [1, 2]}), "application/json"), 422)


def test_raw_bytes_of_the_right_size_are_the_tensor(admin, runtime):
    name = push(admin, "raw", "numbers.pt", [{"kind": "tensor", "shape": [2, 2]}], [{"shape": [2, 2]}])
    assert numpy.ravel(
        data_of(admin.predict(name, struct.pack("<4f", 1, 2, 3, 4), "application/octet-stream"))[0]
    ).tolist() == [2, 4, 6, 8]
    assert_problem(admin.predict(name, bytes(17), "application/octet-stream"), 422)


def test_a_job_takes_the_same_forms(admin, bands, text):
    picture = tiff(3, 2, 4, 16, struct.pack("<24H", *range(24)))
    job = json.dumps({"kind": "infer", "payload": {"model": bands, "input": {"$part": "image"}}})
    sent = admin.post_form(
        "/api/v1/jobs", [("job", None, "application/json", job), ("image", "scene.tif", "image/tiff", picture)]
    )
    assert sent.status == 202, sent
    result = admin.wait(sent.json["id"], seconds=60)
    assert result["state"] == "succeeded", result
    assert sorted(numpy.ravel(result["result"]["outputs"][0]["data"]).tolist()) == [2 * v for v in range(24)]
