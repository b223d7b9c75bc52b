"""Files beside the manifest: pushed over HTTP and by the command line, used, shown, exported, verified, deleted."""
import hashlib
import json
import pathlib

import numpy
import pytest
from support.client import assert_problem

MODELS = pathlib.Path(__file__).resolve().parents[1] / "unit/inference/models"
NUMBERS = (MODELS / "numbers.pt").read_bytes()  # doubles whatever it gets
VOCABULARY = b"<pad>\n<unk>\ngood\nday\n"


def manifest(name, **more):
    tokenizer = {"kind": "words", "lowercase": True, "vocabulary": {"file": "vocab.txt"}, "unknown": "<unk>"}
    return json.dumps(
        {
            "format": 1,
            "name": name,
            "task": "tensor",
            "input": {"kind": "text", "datatype": "INT64", "shape": [4], "tokenizer": tokenizer},
            "output": {"datatype": "INT64", "shape": [4]},
            **more,
        }
    ).encode()


def push(admin, name, files, text=None):
    return admin.post_form(
        f"/api/v1/models/{name}/versions",
        [
            ("manifest", None, "application/json", text or manifest(name)),
            *[("file", *each) for each in files],
            ("model", "m.pt", "application/octet-stream", NUMBERS),
        ],
    )


def tokens(admin, name, text):
    answer = admin.predict(name, text.encode(), "text/plain")
    assert answer.status == 200, answer
    return numpy.ravel(answer.json["outputs"][0]["data"]).tolist()


@pytest.fixture(scope="module")
def filed(admin, runtime):
    answer = push(admin, "filed", [("vocab.txt", "text/plain", VOCABULARY)])
    assert answer.status == 201, answer
    assert answer.json["files"] == [
        {"name": "vocab.txt", "sha256": hashlib.sha256(VOCABULARY).hexdigest(), "size": len(VOCABULARY)}
    ]
    return "filed"


def test_a_vocabulary_comes_in_a_file(admin, filed):
    assert tokens(admin, filed, "Good day, you") == [4, 6, 2, 0]


def test_other_files_make_another_version(admin, filed):
    assert push(admin, filed, [("vocab.txt", "text/plain", VOCABULARY)]).status == 200
    other = push(admin, filed, [("vocab.txt", "text/plain", b"<pad>\n<unk>\nday\ngood\n")])
    assert other.status == 201 and other.json["version"] == "2"
    answer = admin.request(
        "POST", f"/api/v1/models/{filed}/predict?version=2", body=b"good day", headers={"Content-Type": "text/plain"}
    )
    assert numpy.ravel(answer.json["outputs"][0]["data"]).tolist() == [6, 4, 0, 0]


@pytest.mark.parametrize(
    "files, named",
    [
        ([], "did not come with it"),
        ([("vocab.txt", None, VOCABULARY), ("more.txt", None, b"x")], "does not name it"),
        ([("vocab.txt", None, VOCABULARY), ("vocab.txt", None, VOCABULARY)], "twice"),
        ([(None, None, VOCABULARY)], "needs a file name"),
        ([("manifest.json", None, VOCABULARY)], "needs a file name"),
        ([("vocab.txt", None, b"good\nday\n")], "no token \"<unk>\""),
        ([("vocab.txt", None, b"\xff\xfe\x00g")], "UTF-8"),
        ([("vocab.txt", None, b"")], "no lines"),
        ([(f"f{i}.txt", None, b"x") for i in range(17)], "at most 16"),
    ],
)
def test_files_that_do_not_fit_the_manifest_are_refused(admin, runtime, files, named):
    refused = push(admin, "refused", files)
    assert_problem(refused, 422)
    assert named in refused.json["detail"], refused
    assert admin.get("/api/v1/models/refused").status == 404


def test_a_file_is_no_larger_than_it_may_be(admin, runtime):
    refused = push(admin, "refused", [("vocab.txt", None, b"x" * ((64 << 20) + 1))])
    assert_problem(refused, 413)
    assert "vocab.txt" in refused.json["detail"]


def test_a_file_is_served_as_it_came(admin, roles, filed):
    path = f"/api/v1/models/{filed}/versions/1/files/vocab.txt"
    answer = admin.get(path)
    assert answer.status == 200 and answer.body == VOCABULARY
    assert answer.headers["ETag"] == f'"{hashlib.sha256(VOCABULARY).hexdigest()}"'
    assert admin.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status == 304
    assert roles["viewer"].get(path).status == 403
    assert admin.get(f"/api/v1/models/{filed}/versions/1/files/other.txt").status == 404


def test_the_command_line_sends_takes_out_and_takes_in_the_files(new_daemon, tmp_path):
    folder = tmp_path / "moods"
    folder.mkdir()
    (folder / "model.pt").write_bytes(NUMBERS)
    (folder / "manifest.json").write_bytes(manifest("moods"))
    (folder / "unnamed.txt").write_bytes(b"stays here")
    one = new_daemon()
    one.wait_worker()
    missing = one.cli("model", "push", "moods", folder)
    assert missing.returncode == 1 and "--file vocab.txt" in missing.stderr
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "vocab.txt").write_bytes(VOCABULARY)
    assert one.cli("model", "push", "moods", folder, "--file", elsewhere / "vocab.txt").stdout.startswith(
        "moods/1  ready"
    )
    assert "vocab.txt" in one.cli("model", "show", "moods/1").stdout
    assert one.cli("model", "export", "moods/1", tmp_path / "taken").returncode == 0
    assert (tmp_path / "taken/vocab.txt").read_bytes() == VOCABULARY
    assert not (tmp_path / "taken/unnamed.txt").exists()
    two = new_daemon()
    two.wait_worker()
    assert two.cli("model", "push", "moods", tmp_path / "taken").stdout.startswith(
        "moods/1  ready"
    )  # found beside the manifest
    assert tokens(two.admin(), "moods", "good day") == [4, 6, 0, 0]
    stored = [path for path in (two.data / "models").rglob("*") if path.is_file()]
    assert len(stored) == 2
    assert two.cli("model", "delete", "moods/1").returncode == 0
    assert not [path for path in (two.data / "models").rglob("*") if path.is_file()]


def test_a_file_that_was_changed_on_the_disk_is_not_used(new_daemon):
    daemon = new_daemon()
    daemon.wait_worker()
    client = daemon.admin()
    assert push(client, "moods", [("vocab.txt", None, VOCABULARY)]).status == 201
    digest = hashlib.sha256(VOCABULARY).hexdigest()
    path = daemon.data / "models/hot" / digest[:2] / digest[2:4] / digest
    path.chmod(0o600)
    path.write_bytes(VOCABULARY.replace(b"good", b"evil"))
    answer = client.predict("moods", b"good day", "text/plain")
    assert (
        answer.status == 500 and "vocab.txt" in answer.json["detail"] and "digest differs" in answer.json["detail"]
    ), answer


def test_labels_come_in_a_file(admin, runtime):
    text = json.dumps(
        {
            "format": 1,
            "name": "labelled",
            "task": "classification",
            "input": {"kind": "tensor", "shape": [2]},
            "output": {"shape": [2]},
            "labels": {"file": "labels.txt"},
            "postprocess": {"kind": "softmax_top_k", "top_k": 1},
        }
    ).encode()
    answer = push(admin, "labelled", [("labels.txt", None, "gläd\nsad\n".encode())], text)
    assert answer.status == 201 and answer.json["labels"] == ["gläd", "sad"], answer
    assert admin.predict("labelled", b"[3, 1]", "application/json").json["label"] == "gläd"
    assert admin.get("/api/v1/models/labelled/versions/1/manifest").body == text
