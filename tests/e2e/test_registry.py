"""The registry over HTTP and the command line: what a version tells of itself, its files, loading by hand, figures."""
import hashlib
import json
import pathlib
import subprocess

import pytest
from support.client import assert_problem, until

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
MODEL = (DATA / "models/digits.pt").read_bytes()
MANIFEST = (DATA / "models/digits.manifest.json").read_bytes()
IMAGE = next((DATA / "digits/samples").glob("*.png")).read_bytes()


def version(admin, path="digits/versions/1"):
    answer = admin.get(f"/api/v1/models/{path}")
    assert answer.status == 200, answer
    return answer.json


def test_a_version_tells_what_its_trial_found_out(admin, digits):
    shown = version(admin)
    assert shown["model"] == digits and shown["version"] == "1" and shown["state"] == "ready"
    assert shown["format"] == "torchscript" and shown["signed_by"] is None and shown["signature"] is None
    trial = shown["trial"]
    assert trial["load_ms"] > 0 and trial["forward_ms"] > 0 and trial["memory_bytes"] > 0
    assert trial["optimization"] in ("optimized", "frozen", "plain") and trial["runtime"].startswith("libtorch ")
    assert admin.get("/api/v1/models/digits/versions/9").status == 404
    assert admin.get("/api/v1/models/none/versions/1").status == 404


def test_the_model_file_is_served_whole_in_parts_or_not_again(admin, roles, digits):
    path = "/api/v1/models/digits/versions/1/file"
    whole = admin.get(path)
    assert whole.status == 200 and whole.body == MODEL
    assert whole.headers["ETag"] == f'"{hashlib.sha256(MODEL).hexdigest()}"'
    assert whole.headers["Content-Disposition"] == 'attachment; filename="digits-1.pt"'
    part = admin.get(path, headers={"Range": "bytes=10-19"})
    assert (
        part.status == 206
        and part.body == MODEL[10:20]
        and part.headers["Content-Range"] == f"bytes 10-19/{len(MODEL)}"
    )
    assert admin.get(path, headers={"If-None-Match": whole.headers["ETag"]}).status == 304
    assert admin.get(path, headers={"Range": f"bytes={len(MODEL)}-"}).status == 416
    assert roles["viewer"].get(path).status == 403
    assert admin.get("/api/v1/models/digits/versions/2/file").status == 404


def test_the_manifest_is_served_byte_for_byte(admin, digits):
    answer = admin.get("/api/v1/models/digits/versions/1/manifest")
    assert answer.status == 200 and answer.body == MANIFEST
    assert (
        admin.get("/api/v1/models/digits/versions/1/manifest", headers={"If-None-Match": answer.headers["ETag"]}).status
        == 304
    )


def test_a_model_file_that_came_changed_is_refused(admin, runtime):
    def push(digest):
        return admin.post_form(
            "/api/v1/models/digits/versions",
            [
                ("manifest", None, "application/json", MANIFEST),
                ("sha256", None, None, digest),
                ("model", "m.pt", None, MODEL),
            ],
        )

    assert push(hashlib.sha256(MODEL).hexdigest()).status in (200, 201)
    refused = push(hashlib.sha256(b"another").hexdigest())
    assert_problem(refused, 422)
    assert "SHA-256" in refused.json["detail"]
    assert_problem(push("nonsense"), 422)


def test_a_form_with_a_part_twice_is_refused(admin, runtime):
    parts = [("manifest", None, "application/json", MANIFEST), ("model", "m.pt", None, MODEL)]
    for extra in (("manifest", None, None, MANIFEST), ("model", "m.pt", None, MODEL), ("weights", None, None, b"x")):
        refused = admin.post_form("/api/v1/models/digits/versions", parts + [extra])
        assert_problem(refused, 422)
        assert extra[0] in refused.json["detail"]


def test_a_version_is_loaded_and_unloaded_by_hand(admin, roles, digits):
    base = "/api/v1/models/digits/versions/1"
    loaded = admin.post(f"{base}/load")
    assert loaded.status == 200 and loaded.json["loaded"]["state"] == "ready", loaded
    assert version(admin)["loaded"]["state"] == "ready"
    assert version(admin, "digits")["versions"][0]["loaded"]["state"] == "ready"
    unloaded = admin.post(f"{base}/unload")
    assert unloaded.status == 200 and unloaded.json["loaded"]["state"] in ("unloading", "absent"), unloaded
    until(lambda: version(admin)["loaded"]["state"] == "absent")
    assert admin.predict(digits, IMAGE, "image/png").status == 200  # loads it again
    assert version(admin)["loaded"]["state"] == "ready"
    for verb in ("load", "unload"):
        assert roles["submitter"].post(f"{base}/{verb}").status == 403
        assert admin.post(f"/api/v1/models/digits/versions/7/{verb}").status == 404


def test_the_figures_of_a_model_count_what_it_did(admin, digits):
    def figures():
        answer = admin.get("/api/v1/models/digits/statistics")
        assert answer.status == 200, answer
        return answer.json["versions"][0]

    before = figures()
    for _ in range(3):
        assert admin.predict(digits, IMAGE, "image/png").status == 200
    after = figures()
    assert after["version"] == "1" and after["pending"] == 0
    assert after["inference_count"] - before["inference_count"] == 3
    assert after["success"]["count"] - before["success"]["count"] == 3
    assert after["compute_infer"]["ms"] > before["compute_infer"]["ms"]
    assert 1 <= after["mean_batch"] <= after["inference_count"]
    assert sum(batch["rows"] * batch["count"] for batch in after["batches"]) == after["inference_count"]
    assert after["cache"] == {"hits": 0, "misses": 0, "hit_rate": 0}
    assert admin.get("/api/v1/models/none/statistics").status == 404


def test_a_version_goes_out_and_comes_in_again_by_the_command_line(new_daemon, run, ask, digits, tmp_path):
    out = run("model", "export", "digits", tmp_path / "taken")
    assert "model push digits" in out.stdout
    assert (tmp_path / "taken/model.pt").read_bytes() == MODEL
    assert (tmp_path / "taken/manifest.json").read_bytes() == MANIFEST
    assert not (tmp_path / "taken/model.pt.sig").exists()
    other = new_daemon()
    other.wait_worker()
    assert other.cli("model", "push", "digits", tmp_path / "taken").stdout.startswith("digits/1  ready")
    shown = run("model", "show", "digits/1").stdout
    for word in (
        "digits/1  production",
        "sha256 " + hashlib.sha256(MODEL).hexdigest(),
        "forward pass",
        "libtorch",
        "signed",
        "ready",
        "cache",
        "softmax_top_k",
    ):
        assert word in shown, shown
    assert ask("model", "show", "digits/1")["version"] == "1"
    assert "ready" in run("model", "load", "digits").stdout
    assert run("model", "unload", "digits/1").stdout.split()[1] in ("unloading", "absent")
    run("model", "export", "digits/9", tmp_path / "none", expect=1)


def test_a_version_is_deleted_by_the_command_line(new_daemon, tmp_path):
    daemon = new_daemon()
    daemon.wait_worker()
    client = daemon.admin()
    for description in ("first", "second"):
        manifest = json.dumps({**json.loads(MANIFEST), "description": description})
        assert client.push_model("digits", MODEL, manifest).status == 201
    assert daemon.cli("model", "delete", "digits").returncode == 2
    refused = daemon.cli("model", "delete", "digits/1")
    assert refused.returncode == 1 and "production" in refused.stderr
    assert daemon.cli("model", "delete", "digits/2").stdout == "digits/2 deleted\n"
    assert [v["version"] for v in version(client, "digits")["versions"]] == ["1"]


# Signatures


@pytest.fixture
def keys(tmp_path):
    """Two pairs of keys; release is trusted."""

    def call(*arguments):
        out = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
        assert out.returncode == 0, out

    trusted = tmp_path / "trusted"
    trusted.mkdir()
    for name in ("release", "stranger"):
        call("genpkey", "-algorithm", "ed25519", "-out", tmp_path / f"{name}.key.pem")
        call("pkey", "-in", tmp_path / f"{name}.key.pem", "-pubout", "-out", tmp_path / f"{name}.pub.pem")
    (tmp_path / "release.pub.pem").rename(trusted / "release.pem")
    return tmp_path


def sign_by_openssl(folder, key, model, manifest):
    text = f"millrace-model-1\n{hashlib.sha256(model).hexdigest()}\n{hashlib.sha256(manifest).hexdigest()}\n"
    (folder / "text").write_text(text)
    out = subprocess.run(
        ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", folder / f"{key}.key.pem", "-in", folder / "text"],
        capture_output=True,
    )
    assert out.returncode == 0, out
    return out.stdout


def push(client, model, manifest, signature=None):
    parts = [("manifest", None, "application/json", manifest), ("model", "m.pt", None, model)]
    return client.post_form(
        "/api/v1/models/digits/versions",
        parts + ([("signature", "m.sig", None, signature)] if signature is not None else []),
    )


def test_only_a_model_signed_by_a_trusted_key_is_taken_where_signatures_are_required(new_daemon, keys, tmp_path):
    rules = {"MILLRACE_MODELS_TRUSTED_KEYS": str(keys / "trusted"), "MILLRACE_MODELS_REQUIRE_SIGNATURE": "true"}
    daemon = new_daemon(environment=dict(rules))
    daemon.wait_worker()
    client = daemon.admin()
    good = sign_by_openssl(keys, "release", MODEL, MANIFEST)
    changed_manifest = MANIFEST + b"\n"
    changed_model = MODEL[:-1] + bytes([MODEL[-1] ^ 1])
    for refused, reason in (
        (push(client, MODEL, MANIFEST), "must be signed"),
        (push(client, MODEL, MANIFEST, sign_by_openssl(keys, "stranger", MODEL, MANIFEST)), "trusted key"),
        (push(client, MODEL, changed_manifest, good), "trusted key"),
        (push(client, changed_model, MANIFEST, good), "trusted key"),
        (push(client, MODEL, MANIFEST, b"x" * 64), "trusted key"),
        (push(client, MODEL, MANIFEST, b"short"), "64 bytes"),
    ):
        assert_problem(refused, 422)
        assert reason in refused.json["detail"], refused
    assert client.get("/api/v1/models").json["data"] == []
    taken = push(client, MODEL, MANIFEST, good)
    assert taken.status == 201 and len(taken.json["signed_by"]) == 16, taken

    # Out of here and into the next daemon, which asks for signatures as well; then the key is withdrawn.
    assert daemon.cli("model", "export", "digits/1", tmp_path / "taken").returncode == 0
    second = new_daemon(environment=dict(rules))
    second.wait_worker()
    assert taken.json["signed_by"] in second.cli("model", "push", "digits", tmp_path / "taken").stdout
    (tmp_path / "taken/manifest.json").write_bytes(changed_manifest)
    assert second.cli("model", "push", "digits", tmp_path / "taken").returncode == 1
    second.stop()
    (keys / "trusted/release.pem").rename(keys / "withdrawn.pem")
    (keys / "stranger.pub.pem").rename(keys / "trusted/stranger.pem")
    second.start()
    shown = version(second.admin())
    assert shown["state"] == "failed" and "models.require_signature" in shown["reason"]
    assert second.admin().predict("digits", IMAGE, "image/png").status == 503


def test_the_command_line_makes_keys_and_signs(new_daemon, tmp_path):
    model, manifest = tmp_path / "digits.pt", tmp_path / "digits.manifest.json"
    model.write_bytes(MODEL)
    manifest.write_bytes(MANIFEST)
    plain = new_daemon()
    plain.wait_worker()
    made = json.loads(plain.cli("model", "keygen", tmp_path / "mine", "--json").stdout)
    assert (tmp_path / "mine.key.pem").stat().st_mode & 0o777 == 0o600
    assert plain.cli("model", "keygen", tmp_path / "mine").returncode == 1  # never overwritten
    out = plain.cli("model", "sign", model, manifest, "--key", tmp_path / "mine.key.pem")
    assert out.returncode == 0 and made["id"] in out.stdout
    assert plain.cli("model", "sign", model, manifest, "--key", tmp_path / "mine.pub.pem").returncode == 1
    # Where nobody is trusted a signature is kept, unchecked; where its key is, it is checked.
    assert plain.cli("model", "push", "digits", model).stdout == "digits/1  ready\n"
    shown = version(plain.admin())
    assert shown["signed_by"] is None and shown["signature"] == (tmp_path / "digits.pt.sig").read_text().strip()
    trusting = new_daemon(environment={"MILLRACE_MODELS_TRUSTED_KEYS": str(tmp_path / "mine.pub.pem")})
    trusting.wait_worker()
    assert trusting.cli("model", "push", "digits", model).stdout == f"digits/1  ready  signed by {made['id']}\n"
    assert version(trusting.admin())["signed_by"] == made["id"]


def test_a_daemon_that_cannot_read_its_keys_does_not_start(new_daemon, tmp_path):
    (tmp_path / "bad.pem").write_text("nonsense")
    for environment, word in (
        ({"MILLRACE_MODELS_TRUSTED_KEYS": str(tmp_path / "bad.pem")}, "bad.pem"),
        ({"MILLRACE_MODELS_REQUIRE_SIGNATURE": "true"}, "models.trusted_keys"),
    ):
        daemon = new_daemon(start=False, environment=environment)
        with pytest.raises(AssertionError):
            daemon.start()
        assert word in daemon.log()


# The cache


def test_equal_inputs_are_answered_from_the_cache_where_the_manifest_asks_for_it(new_daemon):
    daemon = new_daemon()
    daemon.wait_worker()
    client = daemon.admin()
    manifest = {**json.loads(MANIFEST), "cache": {"seconds": 600}}
    assert client.push_model("digits", MODEL, json.dumps(manifest)).status == 201
    first = client.predict("digits", IMAGE, "image/png").json
    second = client.predict("digits", IMAGE, "image/png").json
    assert "cached" not in first and second["cached"] is True
    assert second["queue_ms"] == 0 and second["infer_ms"] == 0
    for member in ("label", "confidence", "top", "model", "model_version"):
        assert second[member] == first[member]
    # A job with the same bytes as a blob meets the same answer.
    digest = client.put("/api/v1/blobs", IMAGE, headers={"Content-Type": "image/png"}).json["sha256"]
    job = client.wait(client.submit("infer", {"model": "digits", "input": {"blob": digest}}))
    assert job["result"]["cached"] is True
    figures = client.get("/api/v1/models/digits/statistics").json["versions"][0]["cache"]
    assert figures["hits"] == 2 and figures["misses"] == 1 and abs(figures["hit_rate"] - 2 / 3) < 1e-9
    assert "2 of 3 answered from it" in daemon.cli("model", "show", "digits").stdout
    # Another version begins with nothing, and bad inputs are not kept.
    assert client.push_model("digits", MODEL, json.dumps({**manifest, "description": "another"})).status == 201
    assert "cached" not in client.predict("digits", IMAGE, "image/png", "?version=2").json
    for _ in range(2):
        assert_problem(client.predict("digits", b"no image", "image/png"), 422)


def test_a_map_from_the_cache_is_a_blob_again(new_daemon):
    daemon = new_daemon()
    daemon.wait_worker()
    client = daemon.admin()
    manifest = {**json.loads((DATA / "models/land_cover.manifest.json").read_text()), "cache": {"seconds": 600}}
    assert (
        client.push_model("land_cover", (DATA / "models/land_cover.pt").read_bytes(), json.dumps(manifest)).status
        == 201
    )
    patch = (DATA / "land_cover/patch.npy").read_bytes()
    first, second = (client.predict("land_cover", patch, "application/octet-stream").json for _ in range(2))
    assert second["cached"] is True and second["map"] == first["map"] and second["shares"] == first["shares"]
    assert client.get(f"/api/v1/blobs/{second['map']['blob']}").status == 200


def test_a_model_with_a_vocabulary_fits_a_screen(new_daemon):
    daemon = new_daemon(environment={"MILLRACE_INFERENCE_ENABLED": "false"})
    client = daemon.admin()
    words = [f"word{n}" for n in range(30_000)]
    manifest = {
        "format": 1,
        "name": "wordy",
        "task": "classification",
        "output": {"shape": [2]},
        "labels": ["a", "b"],
        "input": {
            "kind": "text",
            "datatype": "INT64",
            "shape": [16],
            "tokenizer": {"kind": "words", "vocabulary": words},
        },
        "postprocess": {"kind": "softmax_top_k"},
    }
    for n in range(9):
        assert client.push_model("wordy", MODEL, json.dumps({**manifest, "description": f"version {n}"})).status == 201
    shown = daemon.cli("model", "show", "wordy").stdout
    assert len(shown.splitlines()) <= 40 and max(map(len, shown.splitlines())) <= 160, shown[:4000]
    assert "wordy/9" in shown and "wordy/1" in shown and "not shown" in shown and "--manifest" in shown
    whole = json.loads(daemon.cli("model", "show", "wordy/9", "--manifest").stdout)
    assert whole["input"]["tokenizer"]["vocabulary"] == words
    assert (
        json.loads(daemon.cli("model", "show", "wordy", "--manifest", "--json").stdout)["description"] == "version 0"
    )  # in production
    assert len(json.loads(daemon.cli("model", "show", "wordy", "--json").stdout)["versions"]) == 9
    daemon.stop()
