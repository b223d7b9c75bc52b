"""Damage on the disk is told: in the answer, in the log, as an event; never served or used as if it were what was stored. A log without
what was acknowledged, and a database that is gone, are told at the start or at once; unit.store has every way a log can be damaged."""
import hashlib
import http.client
import os

import pytest
from support.client import until
from support.daemon import ROOT, on_postgres

if on_postgres():
    pytest.skip("it damages SQLite's files", allow_module_level=True)

MODELS = ROOT / "tests" / "data" / "models"
PICTURE = ROOT / "tests" / "data" / "digits" / "samples" / "digit-9-row-1444.png"


def change_a_byte(path, at):
    path.chmod(0o600)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x40]))


def file_of(daemon, sha256, folder="blobs"):
    return daemon.data / folder / "hot" / sha256[:2] / sha256[2:4] / sha256


def store(client, content):
    sha256 = hashlib.sha256(content).hexdigest()
    assert client.put("/api/v1/blobs", content).status == 201
    return sha256, f"/api/v1/blobs/{sha256}"


def events(client, kind):
    return [event["subject"] for event in client.get(f"/api/v1/events?type={kind}").json["data"]]


def test_a_blob_with_a_changed_byte_is_not_served_until_it_is_stored_again(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    content = os.urandom(50_000)
    sha256, address = store(client, content)
    change_a_byte(file_of(daemon, sha256), 49_999)
    for headers in ({}, {"Range": "bytes=0-99"}, {"Range": "bytes=0-"}):
        answer = client.get(address, headers=headers)
        assert answer.status == 500 and "store it again" in answer.json["detail"], answer
    assert client.request("HEAD", address).status == 500
    until(lambda: events(client, "blob.damaged") == [sha256])
    assert "a blob is damaged" in daemon.log()
    daemon.stop()
    daemon.start()
    assert client.request("HEAD", address).status == 500, "known after a restart"
    store(client, content)
    assert client.get(address).body == content and client.request("HEAD", address).status == 200
    assert events(client, "blob.damaged") == [sha256]


def test_a_large_blob_that_is_damaged_ends_before_its_length(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    content = os.urandom(20 << 20)
    sha256, address = store(client, content)
    change_a_byte(file_of(daemon, sha256), 100)
    with pytest.raises(http.client.IncompleteRead):
        client.get(address)
    assert client.get(address).status == 500, "known now, and told before the first byte"
    until(lambda: events(client, "blob.damaged") == [sha256])


@pytest.mark.parametrize("filler", [0, 2 << 20], ids=["small", "large"])
def test_a_job_does_not_use_a_damaged_blob(new_daemon, filler):
    daemon = new_daemon()
    client = daemon.admin()
    if client.get("/api/v1/status").json["worker"]["state"] == "unavailable":
        pytest.skip("this build has no runtime")
    assert daemon.cli("model", "push", "digits", MODELS / "digits.pt").returncode == 0
    sha256, _ = store(client, PICTURE.read_bytes() + bytes(filler))
    change_a_byte(file_of(daemon, sha256), 60)
    job = client.post(
        "/api/v1/jobs", {"kind": "infer", "payload": {"model": "digits", "input": {"blob": sha256}}, "max_attempts": 1}
    ).json["id"]
    ended = client.wait(job, "dead")
    assert sha256 in ended["error"]["message"] and "damaged" in ended["error"]["message"], ended


def test_a_damaged_model_file_is_neither_loaded_nor_given_out(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    if client.get("/api/v1/status").json["worker"]["state"] == "unavailable":
        pytest.skip("this build has no runtime")
    assert daemon.cli("model", "push", "digits", MODELS / "digits.pt").returncode == 0
    daemon.stop()
    sha256 = hashlib.sha256((MODELS / "digits.pt").read_bytes()).hexdigest()
    change_a_byte(file_of(daemon, sha256, "models"), 20_000)
    daemon.start()
    daemon.wait_worker()
    answer = client.request(
        "POST", "/api/v1/models/digits/predict", PICTURE.read_bytes(), {"Content-Type": "image/png"}
    )
    assert answer.status >= 500 and "digest differs" in answer.json["detail"], answer
    assert client.get("/api/v1/models/digits/versions/1/file").status == 500
    until(lambda: events(client, "model.damaged") == ["digits/1"])


def refused_start(daemon, words):
    daemon.start(ready=False)
    assert daemon.wait_end() == 1
    assert words in daemon.log(), daemon.log()


def test_a_log_that_lost_acknowledged_jobs_is_refused_and_may_be_accepted(new_daemon):
    daemon = new_daemon()
    client = daemon.admin().keep()
    jobs = [client.submit("echo", {"number": number}) for number in range(100)]
    daemon.kill()
    log = daemon.data / "millrace.db-wal"
    whole = log.read_bytes()
    change_a_byte(log, 100_000)
    damaged = log.read_bytes()
    for _ in range(2):
        refused_start(daemon, "does not hold what was acknowledged")
        assert log.read_bytes() == damaged, "nothing was changed"

    log.write_bytes(whole)  # from the backup
    daemon.start()
    assert all(daemon.admin().job(job)["state"] == "succeeded" for job in jobs)
    daemon.kill()

    change_a_byte(log, 100_000)
    damaged = log.read_bytes()
    daemon.start(environment={"MILLRACE_STORE_ACCEPT_DAMAGE": "true"})
    daemon.admin_key = None  # it may have been lost, too
    client = daemon.admin()
    assert client.get("/api/v1/status").json["store"]["damage"] and client.get("/ready").json["degraded"]
    assert until(lambda: events(client, "database.damage_accepted"))
    (copy,) = daemon.data.glob("millrace.db-wal.damaged-*")
    assert copy.read_bytes() == damaged
    daemon.stop()
    daemon.start()
    assert daemon.admin().get("/api/v1/status").json["store"]["damage"] is None


def test_a_missing_database_beside_blobs_is_no_new_installation(new_daemon):
    daemon = new_daemon()
    content = os.urandom(1000)
    store(daemon.admin(), content)
    daemon.stop()
    database = daemon.data / "millrace.db"
    kept = database.read_bytes()
    database.unlink()
    refused_start(daemon, "no new installation")
    assert not database.exists()
    database.touch()
    refused_start(daemon, "no new installation")
    database.write_bytes(kept)
    daemon.start()
    sha256 = hashlib.sha256(content).hexdigest()
    assert daemon.admin().get(f"/api/v1/blobs/{sha256}").body == content
    daemon.stop()

    database.unlink()  # and nothing to put in its place
    daemon.start(environment={"MILLRACE_STORE_ACCEPT_DAMAGE": "true"})
    daemon.admin_key = None
    daemon.admin()
    for _ in range(2):  # files without a row are swept at a start, but not what a lost database has left
        daemon.stop()
        daemon.start()
        assert file_of(daemon, sha256).exists() and (daemon.data / "damage.accepted").exists()


@pytest.mark.parametrize("busy", [True, False], ids=["busy", "idle"])
def test_a_database_that_vanishes_ends_the_daemon_and_is_saved(new_daemon, busy):
    daemon = new_daemon()
    client = daemon.admin()
    before = [client.submit("echo", {"number": number}) for number in range(20)]
    for job in before:
        client.wait(job)
    for path in daemon.data.glob("millrace.db*"):
        path.unlink()
    acknowledged = 0
    while busy:
        try:
            answer = client.post("/api/v1/jobs", {"kind": "echo"})
        except OSError:
            break
        acknowledged += answer.status == 202
        if answer.status == 503:
            break
    assert acknowledged == 0
    assert daemon.wait_end() == 1
    assert "deleted while it was in use" in daemon.log()
    refused_start(daemon, "no new installation")  # the blobs' folder is empty: it is the copy that tells
    (copy,) = daemon.data.glob("millrace.db.rescued-*")
    copy.rename(daemon.data / "millrace.db")
    daemon.start()
    assert all(daemon.admin().job(job)["state"] == "succeeded" for job in before)
