"""Pictures, tables and their types as clients send them: without a type, under other names, turned by their EXIF block."""
import json
import pathlib
import struct
import zlib

import numpy
import pytest
from support.client import assert_problem

MODELS = pathlib.Path(__file__).resolve().parents[1] / "unit/inference/models"


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(rows, exif=None, kind=0):
    """A PNG of these rows of bytes: grey, or of the kind 4 grey and alpha."""
    head = struct.pack(">IIBBBBB", len(rows[0]) // (2 if kind == 4 else 1), len(rows), 8, kind, 0, 0, 0)
    chunks = (
        chunk(b"IHDR", head)
        + (chunk(b"eXIf", exif) if exif else b"")
        + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + bytes(row) for row in rows)))
    )
    return b"\x89PNG\r\n\x1a\n" + chunks + chunk(b"IEND", b"")


def exif(orientation):
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 274, 3, 1, orientation, 0, 0)


def push(admin, name, inputs, shape):
    manifest = {
        "format": 1,
        "name": name,
        "task": "tensor",
        "inputs": [inputs],
        "outputs": [{"shape": shape}],
        "batching": {"max_batch": 4},
    }
    answer = admin.push_model(
        name, (MODELS / "numbers.pt").read_bytes(), json.dumps(manifest)
    )  # it doubles what it gets
    assert answer.status in (200, 201), answer
    return name


def values(answer):
    assert answer.status == 200, answer
    return (numpy.ravel(answer.json["outputs"][0]["data"]) / 2).tolist()


@pytest.fixture(scope="module")
def seen(admin, runtime):
    return push(admin, "seen", {"kind": "image", "color": "gray", "shape": [1, 3, 2], "scale": 1}, [1, 3, 2])


@pytest.fixture(scope="module")
def ages(admin, runtime):
    return push(admin, "ages", {"kind": "row", "shape": [1], "columns": [{"name": "age", "missing": -1}]}, [1])


TURNED = png([[1, 2, 3], [4, 5, 6]], exif(6))
UPRIGHT = [4, 1, 5, 2, 6, 3]


def test_a_photograph_is_seen_upright(admin, runtime, seen):
    assert values(admin.predict(seen, TURNED, "image/png")) == UPRIGHT
    stored = push(
        admin,
        "stored",
        {"kind": "image", "color": "gray", "shape": [1, 2, 3], "scale": 1, "orientation": "as_stored"},
        [1, 2, 3],
    )
    assert values(admin.predict(stored, TURNED, "image/png")) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "media_type",
    [
        "application/x-www-form-urlencoded",
        "application/octet-stream",
        "IMAGE/PNG",
        "image/x-png",
        "image/jpeg",
        "text/plain",
    ],
)
def test_a_picture_is_taken_under_any_name(admin, seen, media_type):
    assert values(admin.predict(seen, TURNED, media_type)) == UPRIGHT


@pytest.mark.parametrize(
    "head",
    [
        'filename="a.png"',
        'filename="a.png"\r\nContent-Type: application/octet-stream',
        'filename="a.png"\r\nContent-Type:',
        'filename="a.png"\r\nContent-Type: text/plain',
        "x=y",
    ],
)
def test_a_file_in_a_form_needs_no_type(admin, seen, head):
    picture = png(
        [[1, 2, 3], [4, 5, 6]], exif(6) + head.encode()
    )  # its own content: a blob keeps the type that it came with first
    part = f'--b\r\nContent-Disposition: form-data; name="image"; {head}\r\n\r\n'.encode() + picture + b"\r\n"
    sent = admin.request(
        "POST",
        f"/api/v1/models/{seen}/predict",
        body=part + b"--b--\r\n",
        headers={"Content-Type": "Multipart/Form-Data; boundary=b"},
    )
    assert values(sent) == UPRIGHT
    job = json.dumps({"kind": "infer", "payload": {"model": seen, "input": {"$part": "image"}}}).encode()
    body = b'--b\r\nContent-Disposition: form-data; name="job"\r\n\r\n' + job + b"\r\n" + part + b"--b--\r\n"
    done = admin.request(
        "POST",
        "/api/v1/jobs",
        body=body,
        headers={"Content-Type": "multipart/form-data; boundary=b", "Prefer": "wait=30"},
    )
    assert done.status == 200 and done.json["state"] == "succeeded", done
    assert (numpy.ravel(done.json["result"]["outputs"][0]["data"]) / 2).tolist() == UPRIGHT


def test_a_picture_of_another_format_is_refused_by_its_name(admin, seen):
    for content, name in (
        (b"GIF89a" + bytes(20), "GIF"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "HEIC"),
        (b"\0\0\0\x18ftypavif" + bytes(20), "AVIF"),
    ):
        for media_type in ("image/png", "application/octet-stream", None):
            answer = admin.request(
                "POST",
                f"/api/v1/models/{seen}/predict",
                body=content,
                headers={"Content-Type": media_type} if media_type else {},
            )
            assert name in assert_problem(answer, 422)["detail"]


def test_pictures_keep_their_own_size(admin, runtime):
    name = push(
        admin,
        "own-size",
        {"kind": "image", "color": "gray", "shape": [1, -1, -1], "scale": 1, "sides": [1, 8], "multiple_of": 2},
        [1, -1, -1],
    )
    answer = admin.predict(name, png([[1, 2, 3]]), "image/png")
    assert answer.json["outputs"][0]["shape"][-2:] == [2, 4], answer
    assert values(answer) == [1, 2, 3, 0, 0, 0, 0, 0]
    assert values(admin.predict(name, png([[1, 2], [3, 4]]), "image/png")) == [1, 2, 3, 4]
    assert "sides of 1 to 8" in assert_problem(admin.predict(name, png([[1] * 9]), "image/png"), 422)["detail"]


def test_a_letterbox_shows_the_whole_picture(admin, runtime):
    name = push(
        admin,
        "boxed",
        {
            "kind": "image",
            "color": "gray",
            "shape": [1, 4, 4],
            "scale": 1,
            "resize": {"letterbox": True},
            "fill": "#0a0a0a",
        },
        [1, 4, 4],
    )
    assert values(admin.predict(name, png([[50, 50]]), "image/png")) == [10] * 4 + [50] * 8 + [10] * 4


def test_transparency_shows_the_background(admin, runtime):
    grey_alpha = png([[0, 255, 100, 0, 200, 51]], kind=4)
    rule = {"kind": "image", "color": "gray", "shape": [1, 1, 3], "scale": 1}
    assert values(admin.predict(push(admin, "opaque", rule, [1, 1, 3]), grey_alpha, "image/png")) == [0, 100, 200]
    assert values(
        admin.predict(push(admin, "on-white", {**rule, "background": "#ffffff"}, [1, 1, 3]), grey_alpha, "image/png")
    ) == [0, 255, 244]


def test_there_are_as_many_predictions_as_rows(admin, ages):
    assert values(admin.predict(ages, b"age\r\n30\r\n\r\n41.5\r\n\r\n\r\n", "text/csv")) == [30, 41.5]
    assert values(admin.predict(ages, b"age\n30\n\"\"\n", "application/vnd.ms-excel")) == [30, -1]
    assert (
        'row 2 of the CSV (line 3): "age"'
        in assert_problem(admin.predict(ages, b"age\n30\nold\n", "text/csv"), 422)["detail"]
    )
