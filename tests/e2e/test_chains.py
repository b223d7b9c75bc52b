"""Models made of models, pushed and asked: a detector whose crops are classified, and an encoder with a head; held against the same
models asked one after the other."""
import base64
import json
import math
import pathlib
import random

import pytest
from support.client import assert_problem
from support.pictures import png

ROOT = pathlib.Path(__file__).resolve().parents[1]
MODELS = ROOT / "unit/inference/models"
DIGITS = (ROOT / "data/models/digits.pt").read_bytes()
DIGITS_MANIFEST = json.loads((ROOT / "data/models/digits.manifest.json").read_text())
WIDTH, HEIGHT = 120, 80


def push(admin, model_name, model, **manifest):
    content = model if isinstance(model, bytes) else (MODELS / model).read_bytes()
    answer = admin.push_model(
        model_name, content, json.dumps({"format": 1, "task": "tensor", **manifest, "name": model_name})
    )
    assert answer.status in (200, 201), answer
    return answer.json["version"]


def push_chain(admin, name, steps, **more):
    manifest = {"format": 1, "name": name, "task": "chain", "steps": steps, **more}
    return admin.post_form(
        f"/api/v1/models/{name}/versions", [("manifest", None, "application/json", json.dumps(manifest))]
    )


def pushed_chain(admin, name, steps, **more):
    answer = push_chain(admin, name, steps, **more)
    assert answer.status in (200, 201), answer
    return answer.json


def pixels(seed, brightness=1.0):
    shades = random.Random(seed)
    return [bytes(int(shades.randrange(256) * brightness) for _ in range(WIDTH)) for _ in range(HEIGHT)]


def picture(rows):
    return png(len(rows[0]), len(rows), rows)


def crop(rows, box, margin):
    """What the chain takes of a box: with its margin, every pixel that it touches, within the picture."""
    x, y, w, h = box
    left, top = max(0, math.floor(x - w * margin)), max(0, math.floor(y - h * margin))
    right, bottom = min(WIDTH, math.ceil(x + w * (1 + margin))), min(HEIGHT, math.ceil(y + h * (1 + margin)))
    return picture([row[left:right] for row in rows[top:bottom]])


def answered(answer):
    assert answer.status == 200, answer
    return answer.json


def close(one, other):
    """Equal but for what differs between batches of another size."""
    assert one["label"] == other["label"]
    assert [each["label"] for each in one["top"]] == [each["label"] for each in other["top"]]
    for ours, theirs in zip(one["top"], other["top"]):
        assert abs(ours["confidence"] - theirs["confidence"]) < 1e-5, (one, other)


@pytest.fixture(scope="module")
def finder(admin, runtime):
    """Three boxes in a picture of middle brightness, none in a black one."""
    outputs = [
        {"name": role, "key": [1, "*", role], "shape": shape, "datatype": datatype}
        for role, shape, datatype in (("boxes", [-1, 4], "FP32"), ("scores", [-1], "FP32"), ("labels", [-1], "INT64"))
    ]
    push(
        admin,
        "finder",
        "detects.pt",
        task="object_detection",
        labels=["a", "b", "c"],
        outputs=outputs,
        batching={"max_batch": 4},
        input={
            "name": "image",
            "kind": "image",
            "color": "rgb",
            "shape": [3, 40, 40],
            "scale": 0.026,
            "orientation": "as_shown",
        },
        postprocess={"kind": "objects", "first_label": 1, "threshold": 0.1},
    )
    return "finder"


@pytest.fixture(scope="module")
def kinds(admin, runtime):
    push(admin, "kinds", DIGITS, **DIGITS_MANIFEST)
    return "kinds"


@pytest.fixture(scope="module")
def ships(admin, finder, kinds):
    shown = pushed_chain(
        admin,
        "ships",
        [
            {"name": "find", "model": finder, "version": 1},
            {"name": "kind", "model": kinds, "version": 1, "crop": {"of": "find", "most": 16, "margin": 0.1}},
        ],
    )
    assert shown["format"] == "chain" and shown["state"] == "ready" and shown["size"] == 0
    return "ships"


@pytest.fixture(scope="module")
def encoder(admin, runtime):
    """A text's bytes -> their sum, how many, and the length."""
    push(
        admin,
        "encoder",
        "texts.pt",
        output={"name": "sentence", "shape": [3]},
        batching={"max_batch": 8},
        input={"name": "text", "kind": "text", "datatype": "INT64", "shape": [16], "tokenizer": {"kind": "bytes"}},
    )
    return "encoder"


@pytest.fixture(scope="module")
def head(admin, runtime):
    push(
        admin,
        "head",
        "numbers.pt",
        task="regression",
        labels=["sum", "tokens", "length"],
        output={"shape": [3]},
        batching={"max_batch": 8},
        input={"name": "embedding", "kind": "tensor", "shape": [3]},
    )
    return "head"


@pytest.fixture(scope="module")
def tone(admin, encoder, head):
    shown = pushed_chain(
        admin,
        "tone",
        [
            {"name": "encode", "model": encoder},
            {"name": "head", "model": head, "inputs": {"embedding": "encode.sentence"}},
        ],
    )
    assert [step["version"] for step in shown["manifest"]["steps"]] == [1, 1]  # those in production now
    return "tone"


def test_crops_of_a_detector_are_classified_as_by_hand(admin, finder, kinds, ships):
    rows = pixels(1)
    whole = picture(rows)
    found = answered(admin.predict(finder, whole, "image/png"))
    assert len(found["objects"]) == 3
    answer = answered(admin.predict(ships, whole, "image/png"))
    assert [(o["label"], o["confidence"], o["box"]) for o in answer["objects"]] == [
        (o["label"], o["confidence"], o["box"]) for o in found["objects"]
    ]
    seen = []
    for each in answer["objects"]:
        by_hand = answered(admin.predict(kinds, crop(rows, each["box"], 0.1), "image/png"))
        close(each["kind"], by_hand)
        assert set(each["kind"]) == {"label", "confidence", "top"}
        seen.append(each["kind"]["confidence"])
    assert len(set(seen)) == 3, "crops that look alike prove nothing"
    assert (answer["width"], answer["height"]) == (WIDTH, HEIGHT)
    assert answer["model"] == "ships" and answer["model_version"] == "1"
    first, second = answer["steps"]
    assert (first["name"], first["model"], first["model_version"]) == ("find", "finder", "1")
    assert (second["name"], second["crops"], second["batch_size"]) == ("kind", 3, 3)  # one batch
    assert (
        answer["infer_ms"] == pytest.approx(first["infer_ms"] + second["infer_ms"], abs=0.01) and first["infer_ms"] > 0
    )
    assert answer["queue_ms"] == pytest.approx(first["queue_ms"] + second["queue_ms"], abs=0.01)


def test_a_picture_in_a_file_and_in_json_gives_the_same_as_its_bytes(admin, ships):
    whole = picture(pixels(2))
    inline = answered(admin.predict(ships, whole, "image/png"))["objects"]
    encoded = json.dumps({"image": base64.b64encode(whole).decode()})
    assert answered(admin.predict(ships, encoded, "application/json"))["objects"] == inline
    blob = admin.put("/api/v1/blobs", whole, headers={"Content-Type": "image/png"})
    job = admin.wait(admin.submit("infer", {"model": ships, "input": {"blob": blob.json["sha256"]}}))
    assert job["state"] == "succeeded", job
    assert job["result"]["objects"] == inline and job["result"]["model"] == "ships"
    assert [step["name"] for step in job["result"]["steps"]] == ["find", "kind"]


def test_several_models_look_at_the_same_crops_one_by_one(admin, finder, kinds, runtime):
    """One takes a crop at a time; of the other each crop has a size of its own, and its answer is a tensor."""
    push(admin, "single", DIGITS, **{**DIGITS_MANIFEST, "batching": {"max_batch": 1}})
    push(
        admin,
        "sizes",
        "planes.pt",
        output={"shape": [4, -1, -1]},
        batching={"max_batch": 8},
        input={"name": "image", "kind": "image", "color": "rgb", "shape": [3, -1, -1], "sides": [1, 64]},
    )
    pushed_chain(
        admin,
        "looks",
        [
            {"name": "find", "model": finder},
            {"name": "single", "model": "single", "crop": {"of": "find"}},
            {"name": "sizes", "model": "sizes", "crop": {"of": "find", "most": 2}},
        ],
    )
    rows = pixels(3)
    answer = answered(admin.predict("looks", picture(rows), "image/png"))
    assert [step.get("crops") for step in answer["steps"]] == [None, 3, 2]
    for each in answer["objects"]:
        close(each["single"], answered(admin.predict(kinds, crop(rows, each["box"], 0), "image/png")))
    assert ["sizes" in each for each in answer["objects"]] == [True, True, False]
    for each in answer["objects"][:2]:
        by_hand = answered(admin.predict("sizes", crop(rows, each["box"], 0), "image/png"))["outputs"]
        assert each["sizes"]["outputs"] == by_hand


def test_a_picture_without_objects_is_an_empty_list_and_no_prediction(admin, ships):
    before = admin.get("/api/v1/models/kinds/statistics").json["versions"][0]["inference_count"]
    answer = answered(admin.predict(ships, picture(pixels(4, 0.1)), "image/png"))
    assert answer["objects"] == []
    assert answer["steps"][1]["crops"] == 0
    assert admin.get("/api/v1/models/kinds/statistics").json["versions"][0]["inference_count"] == before


def test_a_text_is_encoded_and_its_embedding_judged_as_by_hand(admin, encoder, head, tone):
    sentence = answered(admin.predict(encoder, "hello", "text/plain"))["outputs"][0]["data"]
    by_hand = answered(admin.predict(head, json.dumps(sentence), "application/json"))["values"]
    answer = answered(admin.predict(tone, "hello", "text/plain"))
    assert answer["values"] == by_hand and by_hand["tokens"] == 10
    assert [(step["name"], step["model"]) for step in answer["steps"]] == [("encode", "encoder"), ("head", "head")]
    two = answered(admin.predict(tone, json.dumps({"text": ["hello", "hi"]}), "application/json"))["rows"]
    assert two[0]["values"] == by_hand and two[1]["values"]["tokens"] == 4
    job = admin.wait(admin.submit("infer", {"model": tone, "input": {"text": "hello"}}))
    assert job["result"]["values"] == by_hand


def test_a_failing_step_is_named_and_ends_the_chain(admin, encoder, tone, ships):
    poisoned = json.dumps({"tokens": [901] + [0] * 15})  # the head throws at this sum
    problem = assert_problem(admin.predict(tone, poisoned, "application/json"), 500)
    assert problem["detail"].startswith('step "head" (head/1): ') and "poisoned input" in problem["detail"]
    wrong = assert_problem(admin.predict(ships, b"no picture", "image/png"), 422)
    assert wrong["detail"].startswith('step "find" (finder/1): ')
    first = assert_problem(admin.predict(tone, json.dumps({"row": {}}), "application/json"), 422)
    assert first["detail"].startswith('step "encode" (encoder/1): ')
    job = admin.wait(admin.submit("infer", {"model": tone, "input": {"tokens": [901] + [0] * 15}}, max_attempts=1))
    assert job["state"] == "dead" and 'step "head" (head/1): ' in json.dumps(job["error"], ensure_ascii=False).replace(
        '\\"', '"'
    )
    pair = json.dumps({"image": [base64.b64encode(picture(pixels(5))).decode()] * 2})
    assert "several pictures" in assert_problem(admin.predict(ships, pair, "application/json"), 422)["detail"]


def test_what_a_chain_cannot_be_made_of_is_refused(admin, finder, kinds, encoder, head, tone):
    find, encode = {"name": "find", "model": finder}, {"name": "encode", "model": encoder}

    def refused(*steps):
        return assert_problem(push_chain(admin, "refused", list(steps)), 422)["detail"]

    assert 'step "find" (nobody): there is no model "nobody"' in refused({"name": "find", "model": "nobody"})
    assert 'step "find" (finder/9): there is no version "9"' in refused({**find, "version": 9})
    assert "it is a chain itself" in refused({"name": "all", "model": tone})
    assert "is no detector" in refused(
        {"name": "find", "model": kinds}, {"name": "kind", "model": kinds, "crop": {"of": "find"}}
    )
    assert "gives one picture" in refused(find, {"name": "kind", "model": head, "crop": {"of": "find"}})
    assert 'no input "x"' in refused(encode, {"name": "head", "model": head, "inputs": {"x": "encode.sentence"}})
    assert "it gives sentence" in refused(
        encode, {"name": "head", "model": head, "inputs": {"embedding": "encode.other"}}
    )
    assert "takes INT64 [16]" in refused(
        encode, {"name": "again", "model": encoder, "inputs": {"text": "encode.sentence"}}
    )
    assert "1 to 16 steps" in refused()
    assert "1 to 16 steps" in refused(*[{**find, "name": f"s{i}"} for i in range(17)])
    assert "find is there twice" in refused(find, {**find, "crop": {"of": "find"}})
    assert "none of the steps before it" in refused(
        encode, {"name": "head", "model": head, "inputs": {"embedding": "later.sentence"}}, {**encode, "name": "later"}
    )
    form = [
        (
            "manifest",
            None,
            "application/json",
            json.dumps({"format": 1, "name": "refused", "task": "chain", "steps": [find]}),
        ),
        ("model", "refused.pt", "application/octet-stream", DIGITS),
    ]
    assert (
        "no model file of its own"
        in assert_problem(admin.post_form("/api/v1/models/refused/versions", form), 422)["detail"]
    )
    alone = [("manifest", None, "application/json", json.dumps({**DIGITS_MANIFEST, "name": "refused"}))]
    assert (
        "the model file is missing"
        in assert_problem(admin.post_form("/api/v1/models/refused/versions", alone), 422)["detail"]
    )
    assert admin.get("/api/v1/models/refused").status == 404


def test_a_version_that_a_chain_names_stays(admin, new_daemon, runtime):
    running = new_daemon()
    client = running.admin()
    push(
        client,
        "first",
        "numbers.pt",
        input={"name": "x", "kind": "tensor", "shape": [2]},
        output={"name": "y", "shape": [2]},
        batching={"max_batch": 8},
    )
    steps = [{"name": "one", "model": "first"}, {"name": "two", "model": "first", "inputs": {"x": "one.y"}}]
    shown = pushed_chain(client, "twice", steps)
    assert pushed_chain(client, "twice", steps)["version"] == shown["version"]  # the same chain
    assert (
        "a step of the chain twice/1" in assert_problem(client.delete("/api/v1/models/first/versions/1"), 409)["detail"]
    )
    assert answered(client.predict("twice", "[1,2]", "application/json"))["outputs"][0]["data"] == [4, 8]
    running.stop()
    running.start()
    client = running.admin()
    assert answered(client.predict("twice", "[1,2]", "application/json"))["outputs"][0]["data"] == [4, 8]
    unloaded = client.post("/api/v1/models/twice/versions/1/unload")
    assert unloaded.status == 200 and unloaded.json["loaded"]["state"] == "absent"
    assert client.get("/api/v1/models/first").json["versions"][0]["loaded"]["state"] == "absent"
    assert client.post("/api/v1/models/twice/versions/1/load").json["loaded"]["state"] == "ready"
    assert client.get("/api/v1/models/first").json["versions"][0]["loaded"]["state"] == "ready"
    assert_problem(client.get("/api/v1/models/twice/versions/1/file"), 404)
    assert client.delete("/api/v1/models/twice/versions/1").status == 204
    assert client.delete("/api/v1/models/first/versions/1").status == 204
    running.stop()


def test_the_protocol_speaks_of_a_chain_as_of_a_model(admin, tone, ships):
    shown = admin.get("/v2/models/tone").json
    assert [each["name"] for each in shown["inputs"]] == ["text"] and [each["name"] for each in shown["outputs"]] == [
        "output"
    ]
    body = {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["hello"]}]}
    answer = admin.request("POST", "/v2/models/tone/infer", json.dumps(body), {"Content-Type": "application/json"})
    assert answer.status == 200, answer
    assert answer.json["outputs"][0]["data"] == list(
        answered(admin.predict(tone, "hello", "text/plain"))["values"].values()
    )
    crops = admin.request(
        "POST",
        "/api/v1/models/ships/predict",
        picture(pixels(6)),
        headers={"Content-Type": "image/png", "Accept": "application/x-npy"},
    )
    assert "ask for it as JSON" in assert_problem(crops, 422)["detail"]


def test_versions_of_a_chain_share_the_traffic(admin, encoder, head, tone):
    pushed_chain(
        admin,
        "shared",
        [
            {"name": "encode", "model": encoder},
            {"name": "head", "model": head, "inputs": {"embedding": "encode.sentence"}},
        ],
    )
    pushed_chain(
        admin,
        "shared",
        [{"name": "code", "model": encoder}, {"name": "head", "model": head, "inputs": {"embedding": "code.sentence"}}],
    )
    answer = admin.request(
        "PUT", "/api/v1/models/shared/traffic", data={"production": "1", "candidate": {"version": "2", "percent": 50}}
    )
    assert answer.status == 200, answer
    versions = {answered(admin.predict("shared", f"text {n}", "text/plain"))["model_version"] for n in range(40)}
    assert versions == {"1", "2"}


def test_a_chain_is_pushed_shown_exported_and_measured_on_the_command_line(run, ask, ships, tone, tmp_path):
    steps = [
        {"name": "encode", "model": "encoder"},
        {"name": "head", "model": "head", "inputs": {"embedding": "encode.sentence"}},
    ]
    manifest = tmp_path / "chain.json"
    manifest.write_text(json.dumps({"format": 1, "name": "spoken", "task": "chain", "steps": steps}))
    assert "spoken/1  ready" in run("model", "push", "spoken", "--manifest", str(manifest)).stdout
    assert "name the model file" in run("model", "push", "spoken", expect=2).stderr
    assert ask("model", "show", "spoken/1")["format"] == "chain"
    out = tmp_path / "out"
    run("model", "export", "spoken/1", str(out))
    assert [each.name for each in out.iterdir()] == ["manifest.json"] and (
        out / "manifest.json"
    ).read_text() == manifest.read_text()
    measured = ask("model", "bench", "spoken", "--seconds", "0.3", "--concurrency", "2", "--batch", "1")
    assert measured["rows"][0]["errors"] == 0 and measured["rows"][0]["requests"] > 0
    assert ask("model", "bench", "ships", "--seconds", "0.3", "--concurrency", "2")["rows"][0]["errors"] == 0


def test_a_chain_is_signed_by_its_manifest_where_signatures_are_required(new_daemon, tmp_path):
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    running = new_daemon(
        start=False,
        environment={"MILLRACE_MODELS_TRUSTED_KEYS": str(trusted), "MILLRACE_MODELS_REQUIRE_SIGNATURE": "true"},
    )
    key = str(tmp_path / "author.key.pem")
    assert running.cli("model", "keygen", tmp_path / "author").returncode == 0
    (tmp_path / "author.pub.pem").rename(trusted / "author.pem")
    running.start()
    running.wait_worker()
    (tmp_path / "digits.pt").write_bytes(DIGITS)
    (tmp_path / "digits.manifest.json").write_text(json.dumps(DIGITS_MANIFEST))
    chain = tmp_path / "chain.json"
    chain.write_text(
        json.dumps({"format": 1, "name": "chain", "task": "chain", "steps": [{"name": "only", "model": "digits"}]})
    )
    assert (
        running.cli("model", "sign", tmp_path / "digits.pt", tmp_path / "digits.manifest.json", "--key", key).returncode
        == 0
    )
    assert running.cli("model", "push", "digits", tmp_path / "digits.pt").returncode == 0
    refused = running.cli("model", "push", "chain", "--manifest", chain)
    assert refused.returncode == 1 and "must be signed" in refused.stderr, refused
    assert running.cli("model", "sign", "--manifest", chain, "--key", key).returncode == 0
    taken = running.cli("model", "push", "chain", "--manifest", chain)
    assert "signed by" in taken.stdout, taken
    running.stop()
    running.start()
    running.wait_worker()
    assert running.admin().get("/api/v1/models/chain").json["versions"][0]["state"] == "ready"
    running.stop()
