"""Bytes in, the same bytes out."""
import base64
import hashlib
import os
import pathlib
import subprocess

import pytest
from support.client import assert_problem, until
from support.daemon import Daemon

MODELS = pathlib.Path(__file__).resolve().parents[1] / "data" / "models"


def digest(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "content", [b"", b"x", b"hello\r\n\0", os.urandom(3 << 20)], ids=["nothing", "a byte", "text", "three megabytes"]
)
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
    assert_problem(
        admin.request("POST", "/api/v1/blobs", body=b"x", headers={"Content-Type": "text/plain"}), (400, 415, 422)
    )


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

    for value, expected in {
        "bytes=0-99": content[:100],
        "bytes=100-": content[100:],
        "bytes=-10": content[-10:],
        "bytes=10239-99999": content[10239:],
        "bytes=0-0": content[:1],
    }.items():
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
        connection.sendall(
            f"PUT /api/v1/blobs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Length: 1000000\r\n\r\n".encode()
            + bytes(500_000)
        )
        time.sleep(0.3)
    end = time.monotonic() + 5
    while left := [p for p in (daemon.data / "blobs").rglob("*") if p.is_file()]:
        assert time.monotonic() < end, left
        time.sleep(0.05)
    daemon.stop()


# Whose a blob is, and until when


def files(daemon):
    return {path.name for path in (daemon.data / "blobs/hot").rglob("*") if path.is_file()}


def put(client, content):
    answer = client.put("/api/v1/blobs", content)
    assert answer.status == 201, answer
    return answer.json["sha256"]


def test_a_blob_is_deleted_with_its_file(admin, daemon, roles):
    sha256 = put(admin, b"to be deleted")
    for role in ("viewer", "submitter"):
        assert_problem(roles[role].delete(f"/api/v1/blobs/{sha256}"), 403)
    answer = roles["operator"].delete(f"/api/v1/blobs/{sha256}")
    assert answer.status == 204 and answer.body == b"", answer
    assert sha256 not in files(daemon)
    for call in (admin.get, admin.delete):
        assert_problem(call(f"/api/v1/blobs/{sha256}"), 404)
    assert_problem(admin.delete("/api/v1/blobs/nonsense"), 404)
    assert put(admin, b"to be deleted") == sha256 and admin.get(f"/api/v1/blobs/{sha256}").body == b"to be deleted"
    out = daemon.cli("blob", "delete", sha256)
    assert out.returncode == 0 and out.stdout == f"deleted {sha256}\n", out
    assert (
        daemon.cli("blob", "delete", sha256).returncode == 1
        and daemon.cli("blob", "delete", "nonsense").returncode == 2
    )


def test_a_blob_that_a_job_or_a_schedule_needs_stays(admin):
    sha256 = put(admin, b"needed")
    later = admin.submit("echo", {"deep": [{"input": {"blob": sha256}}]}, run_at="2999-01-01T00:00:00Z")
    problem = assert_problem(admin.delete(f"/api/v1/blobs/{sha256}"), 409, "conflict")
    assert later in problem["detail"], problem
    assert admin.get(f"/api/v1/blobs/{sha256}").body == b"needed"
    assert admin.post(f"/api/v1/jobs/{later}/cancel").status == 200
    schedule = admin.post(
        "/api/v1/schedules",
        {"name": "needs-it", "cron": "0 0 1 1 *", "job": {"kind": "echo", "payload": {"blob": sha256}}},
    )
    assert schedule.status == 201, schedule
    assert "schedule" in assert_problem(admin.delete(f"/api/v1/blobs/{sha256}"), 409, "conflict")["detail"]
    other, address = put(admin, b"needed from now on"), f"/api/v1/schedules/{schedule.json['id']}"
    changed = {"name": "needs-it", "cron": "0 0 1 1 *", "job": {"kind": "echo", "payload": {"blob": other}}}
    assert admin.request("PUT", address, data=changed).status == 200
    assert admin.delete(f"/api/v1/blobs/{sha256}").status == 204  # it names another now
    assert_problem(admin.delete(f"/api/v1/blobs/{other}"), 409, "conflict")
    assert put(admin, b"needed") == sha256
    changed["job"]["payload"]["blob"] = sha256
    assert admin.request("PUT", address, data=changed).status == 200
    assert admin.delete(f"/api/v1/blobs/{other}").status == 204
    assert admin.delete(f"/api/v1/schedules/{schedule.json['id']}").status == 204
    ended = admin.submit("echo", {"blob": sha256})
    admin.wait(ended)
    assert admin.delete(f"/api/v1/blobs/{sha256}").status == 204
    assert admin.job(ended)["result"] == {"blob": sha256}  # what it was is no reason to keep it, and stays said


def test_what_another_organisation_has_too_keeps_its_file(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    sha256 = put(client, b"shared")
    daemon.stop()
    other = "00000000-0000-7000-8000-000000000002"
    daemon.sql("INSERT INTO organizations (id, name, created_at) VALUES (?, 'other', 0)", other)
    daemon.sql(
        "INSERT INTO blobs (organization_id, sha256, size, media_type, created_at) VALUES (?, ?, 6, '', 0)",
        other,
        sha256,
    )
    daemon.start()
    assert client.delete(f"/api/v1/blobs/{sha256}").status == 204
    assert_problem(client.get(f"/api/v1/blobs/{sha256}"), 404)
    assert sha256 in files(daemon)
    daemon.stop()


def test_a_part_of_a_job_that_was_not_taken_leaves_no_file(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    content = os.urandom(100)
    job = '{"kind":"no such kind","payload":{"$part":"file"}}'
    assert_problem(
        client.post_form(
            "/api/v1/jobs", [("job", None, "application/json", job), ("file", "a", "application/octet-stream", content)]
        ),
        422,
    )
    until(lambda: digest(content) not in files(daemon), seconds=40)
    daemon.stop()


def test_a_part_of_a_refused_job_is_removed_at_the_next_start_when_the_daemon_was_killed_before(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    kept, content = put(client, b"kept"), os.urandom(100)
    job = '{"kind":"no such kind","payload":{"$part":"file"}}'
    assert_problem(
        client.post_form(
            "/api/v1/jobs", [("job", None, "application/json", job), ("file", "a", "application/octet-stream", content)]
        ),
        422,
    )
    assert digest(content) in files(daemon)
    daemon.kill()
    daemon.start()
    until(lambda: digest(content) not in files(daemon), seconds=40)
    assert kept in files(daemon)
    daemon.stop()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 128 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", folder]).returncode != 0
    ):
        pytest.skip("only root mounts a file system")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_uploads_of_every_kind_leave_the_reserve_and_running_jobs_end(small_disk):
    daemon = Daemon(
        small_disk / "data",
        environment={"MILLRACE_INFERENCE_ENABLED": "false", "MILLRACE_JOBS_MIN_FREE_BYTES": "32 MiB"},
    )
    try:
        daemon.start()
        client = daemon.admin().keep()
        running = [client.submit("sleep", {"seconds": 2}) for _ in range(10)]
        taken = 0
        while (answer := client.put("/api/v1/blobs", os.urandom(4 << 20))).status == 201:
            taken += 1
        assert taken > 5 and "min_free_bytes" in assert_problem(answer, 507, "storage-full")["detail"]
        while (answer := client.put("/api/v1/blobs", os.urandom(100_000))).status == 201:
            pass
        assert_problem(answer, 507, "storage-full")

        def free():
            space = os.statvfs(small_disk)
            return space.f_bavail * space.f_frsize

        content, job = os.urandom(1 << 20), '{"kind":"echo","payload":{"$part":"file"}}'
        form = [("job", None, "application/json", job), ("file", "a", "application/octet-stream", content)]
        assert_problem(client.post_form("/api/v1/jobs", form), (503, 507))
        assert_problem(
            client.push_model(
                "digits", (MODELS / "digits.pt").read_bytes() + content, (MODELS / "digits.manifest.json").read_text()
            ),
            507,
        )
        assert free() >= 30 << 20
        for identity in running:
            assert client.wait(identity)["state"] == "succeeded"
        assert free() >= 28 << 20
        daemon.stop()
    finally:
        daemon.clean_up()


def age(daemon, table, column, where="1 = 1"):
    return daemon.sql(f"UPDATE {table} SET {column} = {column} - 90000000000 WHERE {where}")  # 25 hours


def test_the_map_of_a_prediction_is_kept_for_a_day_and_that_of_a_job_as_long_as_the_job(new_daemon, runtime):
    daemon = new_daemon()
    client = daemon.admin()
    daemon.wait_worker()
    assert (
        client.push_model(
            "land_cover", (MODELS / "land_cover.pt").read_bytes(), (MODELS / "land_cover.manifest.json").read_text()
        ).status
        == 201
    )
    patch = (MODELS.parent / "land_cover/patch.npy").read_bytes()

    def predicted(content):
        answer = client.request(
            "POST", "/api/v1/models/land_cover/predict", body=content, headers={"Content-Type": "application/x-npy"}
        )
        assert answer.status == 200, answer
        return answer.json["map"]["blob"]

    def of_a_job(content):
        sha256 = put(client, content)
        return client.wait(client.submit("infer", {"model": "land_cover", "input": {"blob": sha256}}))

    brought = predicted(patch)
    head = 10 + int.from_bytes(patch[8:10], "little")
    job = of_a_job(patch[:head] + bytes(len(patch) - head))
    of_job = job["result"]["map"]["blob"]
    assert brought != of_job and {brought, of_job} <= files(daemon)
    # A day later the prediction's is gone, file and all; the job's is as old, and stays.
    daemon.stop()
    assert age(daemon, "blobs", "expires_at", "owner = 'prediction'") == 1
    daemon.start()
    until(lambda: client.get(f"/api/v1/blobs/{brought}").status == 404)
    until(lambda: brought not in files(daemon))
    assert client.get(f"/api/v1/blobs/{of_job}").status == 200
    # A prediction's that a job names is kept by the job.
    daemon.wait_worker()
    again = predicted(patch)
    held = client.submit("echo", {"blob": again}, run_at="2999-01-01T00:00:00Z")
    daemon.stop()
    age(daemon, "blobs", "expires_at", "owner = 'prediction'")
    # With the job goes its map.
    old = "0199c82c-c000-7000-8000-000000000001"
    daemon.sql("UPDATE finished_jobs SET id = ?, finished_at = 1760000000000000 WHERE id = ?", old, job["id"])
    daemon.sql("UPDATE job_blobs SET job_id = ? WHERE job_id = ?", old, job["id"])
    daemon.environment["MILLRACE_RETENTION_SUCCEEDED_DAYS"] = "30"
    daemon.start()
    until(lambda: client.get(f"/api/v1/blobs/{of_job}").status == 404, seconds=40)
    until(lambda: of_job not in files(daemon))
    assert client.get(f"/api/v1/blobs/{again}").status == 200 and client.job(held)["state"] == "scheduled"
    daemon.stop()
