"""Bytes in, the same bytes out."""
import base64
import hashlib
import os

import pytest
from support.client import assert_problem


def digest(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("content", [b"", b"x", b"hello\r\n\0", os.urandom(3 << 20)], ids=["nothing", "a byte", "text", "three megabytes"])
def test_a_blob_is_given_back_as_it_came(admin, content):
    for body in (content, iter([content[:1], content[1:]]) if len(content) > 1 else content):  # whole, and in chunks
        answer = admin.put("/api/v1/blobs", body)
        assert answer.status == 201, answer
        assert answer.json == {"sha256": digest(content), "size": len(content), "tier": "hot"}
        assert answer.headers["Location"] == f"/api/v1/blobs/{digest(content)}"
    read = admin.get(f"/api/v1/blobs/{digest(content)}")
    assert read.status == 200 and read.body == content
    head = admin.request("HEAD", f"/api/v1/blobs/{digest(content)}")
    assert head.status == 200 and head.body == b"" and int(head.headers["Content-Length"]) == len(content)


def test_a_form_stores_its_one_file(admin):
    answer = admin.post_form("/api/v1/blobs", [("file", "a.png", "image/png", b"\x89PNG")])
    assert answer.status == 201 and answer.json["sha256"] == digest(b"\x89PNG"), answer
    assert_problem(admin.post_form("/api/v1/blobs", []), (400, 422))
    assert_problem(admin.post_form("/api/v1/blobs", [("a", "a", None, b"1"), ("b", "b", None, b"2")]), (400, 422))
    assert_problem(admin.request("POST", "/api/v1/blobs", body=b"x", headers={"Content-Type": "text/plain"}), (400, 415, 422))


def test_an_announced_digest_is_checked(admin):
    content = os.urandom(1000)
    right = base64.b64encode(hashlib.sha256(content).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    for headers in ({"X-Content-SHA256": digest(b"other")}, {"Content-Digest": f"sha-256=:{wrong}:"}):
        assert_problem(admin.put("/api/v1/blobs", content, headers=headers), 422, "unprocessable")
        assert_problem(admin.get(f"/api/v1/blobs/{digest(content)}"), 404)  # nothing was kept
    for headers in ({"X-Content-SHA256": "nonsense"}, {"Content-Digest": "sha-256=:!!!:"}):
        assert_problem(admin.put("/api/v1/blobs", content, headers=headers), (400, 422))
    for headers in ({"X-Content-SHA256": digest(content)}, {"Content-Digest": f"sha-256=:{right}:"}):
        assert admin.put("/api/v1/blobs", content, headers=headers).status == 201


def test_parts_are_asked_for_by_range(admin):
    content = bytes(range(256)) * 40
    address = admin.put("/api/v1/blobs", content).headers["Location"]

    def part(value):
        return admin.get(address, headers={"Range": value})

    for value, expected in {"bytes=0-99": content[:100], "bytes=100-": content[100:], "bytes=-10": content[-10:],
                            "bytes=10239-99999": content[10239:], "bytes=0-0": content[:1]}.items():
        answer = part(value)
        assert answer.status == 206 and answer.body == expected, (value, answer)
        assert answer.headers["Content-Range"].endswith(f"/{len(content)}")
    beyond = part("bytes=99999-")
    assert beyond.status == 416 and beyond.headers["Content-Range"] == f"bytes */{len(content)}"
    for value in ("bytes=x", "lines=1-2", "bytes=5-1", "bytes=-"):
        answer = part(value)
        assert answer.status == 200 and answer.body == content, (value, answer)


def test_a_blob_never_changes_and_says_so(admin):
    answer = admin.put("/api/v1/blobs", b"unchanging")
    read = admin.get(answer.headers["Location"])
    assert "immutable" in read.headers["Cache-Control"]
    again = admin.get(answer.headers["Location"], headers={"If-None-Match": read.headers["ETag"]})
    assert again.status == 304 and again.body == b""


def test_what_was_stored_is_never_a_page_of_ours(admin):
    answer = admin.put("/api/v1/blobs", b"<script>alert(1)</script>", headers={"Content-Type": "text/html"})
    read = admin.get(answer.headers["Location"])
    assert "attachment" in read.headers["Content-Disposition"]
    assert "sandbox" in read.headers["Content-Security-Policy"]
    assert read.headers["X-Content-Type-Options"] == "nosniff"


def test_a_type_cannot_smuggle_headers(admin):
    answer = admin.put("/api/v1/blobs", b"typed", headers={"Content-Type": "text/plain; x=\x01"})
    if answer.status == 201:
        assert "\x01" not in str(admin.get(answer.headers["Location"]).headers)
    else:
        assert_problem(answer, (400, 415, 422))


def test_blobs_outlive_a_kill(new_daemon):
    daemon = new_daemon()
    content = os.urandom(100_000)
    address = daemon.admin().put("/api/v1/blobs", content).headers["Location"]
    daemon.kill()
    daemon.start()
    assert daemon.admin().get(address).body == content
    daemon.stop()


def test_an_upload_that_breaks_off_leaves_nothing(new_daemon):
    import socket
    import time
    daemon = new_daemon()
    key = daemon.admin().key
    with socket.create_connection(("127.0.0.1", daemon.port)) as connection:
        connection.sendall(f"PUT /api/v1/blobs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Length: 1000000\r\n\r\n".encode() + bytes(500_000))
        time.sleep(0.3)
    end = time.monotonic() + 5
    while left := [p for p in (daemon.data / "blobs").rglob("*") if p.is_file()]:
        assert time.monotonic() < end, left
        time.sleep(0.05)
    daemon.stop()
