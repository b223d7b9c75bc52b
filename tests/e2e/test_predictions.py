"""Real models, pushed and asked, held against what the same files answer in Python."""
import base64
import json
import pathlib
import re
import struct
import threading
import zlib

import pytest
from support.client import assert_problem
from support.pictures import hostile_pngs, png

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
REFERENCE = json.loads((DATA / "models/reference.json").read_text())
SAMPLES = REFERENCE["digits"]["samples"]
MODEL = (DATA / "models/digits.pt").read_bytes()
MANIFEST = json.loads((DATA / "models/digits.manifest.json").read_text())


def same_digit(result, sample):
    """The result of a prediction is what Python computes, to 1e-4."""
    probabilities = {label: value for label, value in zip(MANIFEST["labels"], sample["probabilities"])}
    assert result["label"] == sample["label"]
    assert abs(result["confidence"] - probabilities[result["label"]]) <= 1e-4
    assert len(result["top"]) == MANIFEST["postprocess"]["top_k"]
    confidences = [entry["confidence"] for entry in result["top"]]
    assert confidences == sorted(confidences, reverse=True)
    for entry in result["top"]:
        assert abs(entry["confidence"] - probabilities[entry["label"]]) <= 1e-4
    assert result["model"] == "digits" and result["model_version"] == "1"
    assert result["batch_size"] >= 1 and result["queue_ms"] >= 0 and result["infer_ms"] > 0


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s["file"].split("/")[-1])
def test_a_digit_is_recognised_as_in_python(admin, digits, sample):
    answer = admin.predict(digits, (DATA / sample["file"]).read_bytes(), "image/png")
    assert answer.status == 200, answer
    same_digit(answer.json, sample)


def test_a_jobs_picture_may_stand_in_its_payload(admin, digits):
    sample = SAMPLES[0]
    encoded = base64.b64encode((DATA / sample["file"]).read_bytes()).decode()
    for media_type in ({}, {"media_type": "image/png"}):
        job = admin.wait(admin.submit("infer", {"model": digits, "input": {"base64": encoded, **media_type}}))
        same_digit(job["result"], sample)
    for wrong, of in (("not base64!", "base64"), ("AAAA", "PNG")):
        job = admin.submit("infer", {"model": digits, "input": {"base64": wrong}}, max_attempts=1)
        assert of in admin.wait(job, "dead")["error"]["message"], of
    refused = admin.post("/api/v1/jobs", {"kind": "infer", "payload": {"model": digits, "input": {"base64": 7}}})
    assert_problem(refused, 422, "unprocessable")


def test_a_picture_may_come_as_the_one_part_of_a_form(admin, digits):
    sample = SAMPLES[0]
    picture = ("image", "digit.png", "image/png", (DATA / sample["file"]).read_bytes())
    answer = admin.post_form(f"/api/v1/models/{digits}/predict", [picture])
    assert answer.status == 200, answer
    same_digit(answer.json, sample)
    assert_problem(admin.post_form(f"/api/v1/models/{digits}/predict", [picture, picture]), 422, "unprocessable")


def test_jobs_of_digits_are_batched_and_each_gets_its_own_answer(admin, digits):
    work = [(sample, (DATA / sample["file"]).read_bytes()) for sample in SAMPLES] * 8
    ids = {}

    def submit(sample, content):
        job = json.dumps({"kind": "infer", "payload": {"model": "digits", "input": {"$part": "image"}}})
        answer = admin.post_form(
            "/api/v1/jobs", [("job", None, "application/json", job), ("image", "digit.png", "image/png", content)]
        )
        assert answer.status == 202, answer
        ids[answer.json["id"]] = sample

    threads = [threading.Thread(target=submit, args=item) for item in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == len(work)
    sizes = set()
    for identity, sample in ids.items():
        job = admin.wait(identity, seconds=60)
        assert job["state"] == "succeeded", job
        same_digit(job["result"], sample)
        sizes.add(job["result"]["batch_size"])
        result = admin.get(f"/api/v1/results/{identity}").json
        assert result["status"] == "complete" and result["model_version"] == "1"
    assert max(sizes) > 1, "nothing was batched"


def test_a_stored_blob_is_an_input(admin, digits):
    digest = admin.put("/api/v1/blobs", (DATA / SAMPLES[0]["file"]).read_bytes()).json["sha256"]
    job = admin.wait(admin.submit("infer", {"model": "digits", "input": {"blob": digest}}))
    same_digit(job["result"], SAMPLES[0])


def test_land_cover_is_mapped_as_in_python(admin, land_cover):
    reference = REFERENCE["land_cover"]
    patch = (DATA / reference["file"]).read_bytes()
    answer = admin.predict(land_cover, patch, "application/octet-stream")
    assert answer.status == 200, answer
    result = answer.json
    assert (result["width"], result["height"]) == (reference["width"], reference["height"])
    # The threshold of a pixel that Python itself decides by less than rounding is not held against anyone.
    slack = reference.get("undecided_pixels", 0)
    expected = {share["label"]: share for share in reference["shares"]}
    assert {share["label"] for share in result["shares"]} == set(expected)
    for share in result["shares"]:
        assert abs(share["pixels"] - expected[share["label"]]["pixels"]) <= slack
        assert abs(share["share"] - expected[share["label"]]["share"]) <= 1e-4 + slack / (
            result["width"] * result["height"]
        )
        assert share["color"] == expected[share["label"]]["color"]
    assert abs(sum(share["share"] for share in result["shares"]) - 1) < 1e-6

    blob = admin.get(f"/api/v1/blobs/{result['map']['blob']}")
    assert blob.status == 200 and blob.headers["Content-Type"] == "image/png" == result["map"]["media_type"]
    colors = count_colors(blob.body, result["width"], result["height"])
    assert colors == {share["color"]: share["pixels"] for share in result["shares"] if share["pixels"]}


def count_colors(content, width, height):
    """How many pixels a PNG (8 bits, palette or RGB, not interlaced) has of each colour."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(content):
        size, kind = struct.unpack(">I4s", content[at : at + 8])
        chunks[kind] = chunks.get(kind, b"") + content[at + 8 : at + 8 + size]
        at += 12 + size
    columns, rows, depth, color = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (columns, rows) == (width, height)
    channels = {2: 3, 3: 1, 6: 4}[color]
    raw, counts = zlib.decompress(chunks[b"IDAT"]), {}
    stride = (width * channels * depth + 7) // 8
    step = max(1, channels * depth // 8)
    above = bytes(stride)
    for row in range(rows):
        kind, line = raw[row * (stride + 1)], bytearray(raw[row * (stride + 1) + 1 : (row + 1) * (stride + 1)])
        for i in range(stride):
            left, up, corner = (line[i - step] if i >= step else 0), above[i], (above[i - step] if i >= step else 0)
            p = left + up - corner
            nearest = min((abs(p - left), 0, left), (abs(p - up), 1, up), (abs(p - corner), 2, corner))[2]
            line[i] = (line[i] + (0, left, up, (left + up) // 2, nearest)[kind]) & 255
        above = bytes(line)
        for x in range(width):
            if color == 3:
                index = (line[x * depth // 8] >> (8 - depth - x * depth % 8)) & ((1 << depth) - 1)
                pixel = chunks[b"PLTE"][3 * index : 3 * index + 3]
            else:
                pixel = bytes(line[x * channels : x * channels + 3])
            counts["#" + pixel.hex()] = counts.get("#" + pixel.hex(), 0) + 1
    return counts


# The registry


def test_a_pushed_model_is_shown_with_its_manifest(admin, digits):
    listed = admin.get("/api/v1/models")
    assert listed.status == 200
    model = next(m for m in listed.json["data"] if m["name"] == digits)
    assert model["production"] == "1"
    version = model["versions"][0]
    assert version["version"] == "1" and version["state"] == "ready" and version["size"] == len(MODEL)
    assert version["sha256"] == REFERENCE["digits"]["sha256"]
    assert version["labels"] == MANIFEST["labels"] and version["task"] == "image_classification"
    shown = admin.get(f"/api/v1/models/{digits}").json
    assert shown["versions"][0]["manifest"]["labels"] == MANIFEST["labels"]
    assert shown["versions"][0]["accuracy"]["held_out"] == MANIFEST["accuracy"]["held_out"]


def test_versions_are_numbered_named_and_deleted(new_daemon, runtime):
    daemon = new_daemon()
    client = daemon.admin()
    daemon.wait_worker()
    first = client.push_model("digits", MODEL, json.dumps(MANIFEST))
    assert first.status == 201 and first.json["version"] == "1", first
    assert first.headers["Location"] == "/api/v1/models/digits/versions/1"
    again = client.push_model("digits", MODEL, json.dumps(MANIFEST))
    assert again.status == 200 and again.json["version"] == "1", again
    second = client.push_model("digits", MODEL, json.dumps({**MANIFEST, "description": "the same, described anew"}))
    assert second.status == 201 and second.json["version"] == "2", second

    image = (DATA / SAMPLES[0]["file"]).read_bytes()
    assert client.predict("digits", image, "image/png").json["model_version"] == "1"
    assert client.predict("digits", image, "image/png", "?version=2").json["model_version"] == "2"
    assert_problem(client.predict("digits", image, "image/png", "?version=3"), 404, "not-found")

    assert_problem(client.delete("/api/v1/models/digits/versions/1"), 409, "conflict")
    assert_problem(client.delete("/api/v1/models/digits/versions/7"), 404, "not-found")
    daemon.stop()
    daemon.start()
    assert client.predict("digits", image, "image/png").json["model_version"] == "1"
    assert client.delete("/api/v1/models/digits/versions/2").status == 204
    assert client.delete("/api/v1/models/digits/versions/1").status == 204
    assert_problem(client.get("/api/v1/models/digits"), 404, "not-found")
    assert_problem(client.predict("digits", image, "image/png"), 404, "not-found")
    daemon.stop()


# What is wrong, and said to be


def changed(**members):
    return json.dumps({**MANIFEST, "name": "wrong", **members})


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="no JSON"),
        pytest.param("[]", id="no object"),
        pytest.param("{}", id="empty"),
        pytest.param(changed(name="another"), id="another name"),
        pytest.param(changed(format=2), id="another format"),
        pytest.param(changed(task="magic"), id="an unknown task"),
        pytest.param(changed(labels=["0", "1"]), id="too few labels"),
        pytest.param(
            changed(output={"name": "logits", "datatype": "FP32", "shape": [11]}, labels=[str(n) for n in range(11)]),
            id="another output shape",
        ),
        pytest.param(
            changed(
                input={**MANIFEST["input"], "shape": [3, 8, 8], "color": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1]}
            ),
            id="another input shape",
        ),
        pytest.param(changed(input={**MANIFEST["input"], "std": [0]}), id="a deviation of zero"),
        pytest.param(changed(surprise=1), id="an unknown member"),
        pytest.param('{"format":1,"format":1}', id="the same member twice"),
    ],
)
def test_a_manifest_that_is_wrong_or_disagrees_is_refused(admin, runtime, manifest):
    answer = admin.push_model("wrong", MODEL, manifest)
    problem = assert_problem(answer, (400, 422))
    assert len(problem["detail"]) > 10
    assert_problem(admin.get("/api/v1/models/wrong"), 404)


def not_models():
    yield "nothing", b""
    yield "text", b"hello"
    yield "a cut one", MODEL[: len(MODEL) // 2]
    yield "one without its end", MODEL[:-1]
    yield "one with a broken entry", MODEL.replace(b"PK\x03\x04", b"PK\x07\x07", 1)
    yield "one whose code is cut out", MODEL.replace(b"/code/", b"/cold/")
    yield "a pickle", b"\x80\x02cos\nsystem\nX\x07\0\0\0echo hi\x85R."
    yield "a picture", png()
    yield "an empty zip", b"PK\x05\x06" + bytes(18)


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in not_models()])
def test_a_file_that_is_no_model_is_refused(admin, runtime, content):
    assert_problem(admin.push_model("wrong", content, changed()), (400, 422))
    assert_problem(admin.get("/api/v1/models/wrong"), 404)


@pytest.mark.parametrize("name", ["UPPER", "a.b", "-a", "a" * 64, "%2e%2e", "a%2fb", "%00"])
def test_a_wrong_name_is_refused(admin, runtime, name):
    assert_problem(admin.push_model(name, MODEL, json.dumps(MANIFEST)), (400, 404, 422))


def test_a_push_needs_both_parts_and_no_others(admin, runtime):
    path = "/api/v1/models/wrong/versions"
    assert_problem(admin.post_form(path, [("model", "m.pt", None, MODEL)]), (400, 422))
    assert_problem(admin.post_form(path, [("manifest", None, None, changed())]), (400, 422))
    assert_problem(
        admin.post_form(
            path, [("manifest", None, None, changed()), ("model", "m", None, MODEL), ("x", "x", None, b"x")]
        ),
        (400, 422),
    )
    assert_problem(admin.post(path, {}), (400, 415, 422))


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in hostile_pngs()])
def test_a_hostile_picture_is_a_clear_problem(admin, digits, content):
    worker = admin.get("/api/v1/status").json["worker"]
    media_type = "image/jpeg" if content[:2] == b"\xff\xd8" else "image/png"
    assert_problem(admin.predict(digits, content, media_type), (400, 413, 415, 422))
    assert admin.get("/api/v1/status").json["worker"]["restarts"] == worker["restarts"], "it has cost a worker"


def test_a_hostile_picture_in_a_job_is_a_failed_job_at_once(admin, digits):
    for _, content in hostile_pngs():
        digest = admin.put("/api/v1/blobs", content).json["sha256"]
        job = admin.wait(admin.submit("infer", {"model": "digits", "input": {"blob": digest}}))
        assert job["state"] == "dead" and job["attempt"] == 1, job  # trying again cannot help
        assert job["error"]["code"] == "bad_input" and job["error"]["message"]
    sample = SAMPLES[0]
    same_digit(admin.predict(digits, (DATA / sample["file"]).read_bytes(), "image/png").json, sample)


def test_a_picture_larger_than_the_manifest_allows_is_refused(admin, digits):
    content = b"\x89PNG\r\n\x1a\n" + bytes(MANIFEST["limits"]["max_input_bytes"])
    assert_problem(admin.predict(digits, content, "image/png"), (413, 422))


@pytest.mark.parametrize(
    "body,media_type",
    [
        (b"{}", "application/json"),
        (b"x", "text/plain"),
        (b"not an array", "application/octet-stream"),
        (b"", "image/png"),
        (b'{"inputs":[]}', "application/json"),
    ],
)
def test_an_input_of_the_wrong_kind_is_refused(admin, digits, body, media_type):
    assert_problem(admin.predict(digits, body, media_type), (400, 415, 422))


def npy(shape, descr="<f4", content=None, header=None):
    text = header or "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)
    text += " " * (63 - (10 + len(text)) % 64) + "\n"
    count = 1
    for side in shape:
        count *= side
    return (
        b"\x93NUMPY\x01\0"
        + struct.pack("<H", len(text))
        + text.encode()
        + (bytes(count * 4) if content is None else content)
    )


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(npy((67, 5, 5)), id="too few dates"),
        pytest.param(npy((68, 5)), id="a dimension missing"),
        pytest.param(npy((68, 5, 5), content=b"x" * 100), id="cut"),
        pytest.param(npy((68, 1 << 20, 1 << 20), content=b""), id="a shape that claims terabytes"),
        pytest.param(npy((1,), descr="|O", content=b"x" * 8), id="pickled objects"),
        pytest.param(
            npy((1,), header="{'descr': __import__('os').system('id')}", content=b""), id="code in the header"
        ),
        pytest.param(b"\x93NUMPY\x01\0\xff\xff", id="a header that is not there"),
        pytest.param(b"\x93NUMPY\x09\0\x10\0", id="an unknown version"),
    ],
)
def test_a_wrong_array_is_refused(admin, land_cover, content):
    assert_problem(admin.predict(land_cover, content, "application/octet-stream"), (400, 413, 422))


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"model": "digits"},
        {"model": 7, "input": {"blob": "0" * 64}},
        {"model": "no-such-model", "input": {"blob": "0" * 64}},
        {"model": "digits", "input": {"blob": "../../etc/passwd"}},
        {"model": "digits", "input": {"$part": "missing"}},
        {"model": "digits", "version": "99", "input": {"blob": "0" * 64}},
        {"model": "digits", "input": "x"},
    ],
)
def test_an_infer_job_that_cannot_work_is_refused_or_dies_at_once(admin, digits, payload):
    answer = admin.post("/api/v1/jobs", {"kind": "infer", "payload": payload})
    if answer.status == 202:
        job = admin.wait(answer.json["id"])
        assert job["state"] == "dead" and job["attempt"] == 1 and job["error"]["message"], job
    else:
        assert_problem(answer, (400, 404, 422))


# What is no number, what was lost, and how numbers are written

ROLLOUT = pathlib.Path(__file__).resolve().parents[1] / "data" / "rollout"


def push_hollow(admin, name, **members):
    """A model that gives NaN for an input whose last number is 7."""
    manifest = {
        "format": 1,
        "name": name,
        "task": "tensor",
        "input": {"name": "x", "kind": "tensor", "shape": [4]},
        "output": {"name": "y", "shape": [4]},
        **members,
    }
    answer = admin.push_model(name, (ROLLOUT / "hollow.pt").read_bytes(), json.dumps(manifest))
    assert answer.status == 201, answer
    return name


def test_a_class_that_is_no_number_is_a_clear_422(admin, runtime):
    name = push_hollow(
        admin, "hollow_class", task="classification", labels=["a", "b", "c", "d"], postprocess={"kind": "softmax_top_k"}
    )
    assert admin.post(f"/api/v1/models/{name}/predict", {"data": [1, 2, 3, 0]}).json["label"] == "c"
    problem = assert_problem(admin.post(f"/api/v1/models/{name}/predict", {"data": [1, 2, 3, 7]}), 422)
    assert "NaN" in problem["detail"], problem
    job = admin.wait(admin.submit("infer", {"model": name, "input": {"data": [1, 2, 3, 7]}}), "dead")
    assert job["attempt"] == 1 and job["error"]["code"] == "model_failed" and "NaN" in job["error"]["message"], job


def test_a_tensor_that_is_no_number_is_given_where_it_has_a_form(admin, runtime):
    name = push_hollow(admin, "hollow_tensor")
    path = f"/api/v1/models/{name}/predict"
    problem = assert_problem(admin.post(path, {"data": [1, 2, 3, 7]}), 422)
    assert "application/x-npy" in problem["detail"] and '"y"' in problem["detail"], problem
    answer = admin.post(path, {"data": [1, 2, 3, 7]}, headers={"Accept": "application/x-npy"})
    assert answer.status == 200 and answer.body[:6] == b"\x93NUMPY", answer
    infer = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 7]}]}
    answer = admin.post(f"/v2/models/{name}/infer", infer)
    assert answer.status == 400 and "binary_data" in answer.json["error"], answer
    answer = admin.post(f"/v2/models/{name}/infer", {**infer, "parameters": {"binary_data_output": True}})
    assert answer.status == 200, answer


def test_numbers_are_written_without_exponents(admin, runtime):
    name = push_hollow(admin, "plain")
    answer = admin.post(f"/api/v1/models/{name}/predict", {"data": [10, 0.25, 100000, 0]})
    assert b'"data":[10,0.25,100000,-100]' in answer.body, answer.body
    answer = admin.post(
        f"/v2/models/{name}/infer",
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [10, 0.25, 100000, 0]}]},
    )
    assert b'"data":[10,0.25,100000,-100]' in answer.body, answer.body
    job = admin.submit("infer", {"model": name, "input": {"data": [10, 0.25, 100000, 0]}})
    admin.wait(job)
    assert b"100000" in admin.get(f"/api/v1/results/{job}").body
    for path in (
        f"/api/v1/results/{job}",
        f"/api/v1/models/{name}",
        f"/api/v1/models/{name}/statistics",
        "/api/v1/status",
    ):
        assert not re.search(rb"\d[eE][-+]?\d", re.sub(rb'"[^"]*"', b"", admin.get(path).body)), path


def test_a_lost_file_that_is_pushed_again_serves_at_once(new_daemon, runtime):
    daemon = new_daemon()
    client = daemon.admin()
    daemon.wait_worker()
    name = push_hollow(client, "lost")
    good = {"data": [1, 2, 3, 0]}
    path = f"/api/v1/models/{name}/predict"
    assert client.post(path, good).status == 200
    assert client.post(f"/api/v1/models/{name}/versions/1/unload").status == 200
    (file,) = (path for path in (daemon.data / "models/hot").rglob("*") if path.is_file())
    file.unlink()
    assert_problem(client.post(path, good), 500)
    answer = client.push_model(
        name,
        (ROLLOUT / "hollow.pt").read_bytes(),
        client.get(f"/api/v1/models/{name}/versions/1/manifest").body.decode(),
    )
    assert answer.status == 200, answer  # the same version, healed
    assert client.post(path, good).status == 200
    daemon.stop()


def test_extensions_of_the_protocol_that_are_not_there_say_so(admin):
    for kind in ("systemsharedmemory", "cudasharedmemory"):
        answers = [
            admin.get(f"/v2/{kind}/status"),
            admin.get(f"/v2/{kind}/region/r/status"),
            admin.post(f"/v2/{kind}/region/r/register", {"key": "/r"}),
            admin.post(f"/v2/{kind}/region/r/unregister"),
            admin.post(f"/v2/{kind}/unregister"),
        ]
        for answer in answers:
            assert answer.status == 501 and "shared memory" in answer.json["error"], answer
    for answer in (
        admin.get("/v2/trace/setting"),
        admin.post("/v2/models/m/trace/setting", {}),
        admin.get("/v2/logging"),
    ):
        assert answer.status == 501 and answer.json["error"], answer
