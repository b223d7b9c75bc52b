"""kill -9 of the inference worker: its jobs are tried again, each is answered once, and nobody else notices."""
import json
import os
import pathlib
import signal
import time

import pytest
from database_check import check_database
from oracle import Oracle

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
SAMPLES = json.loads((DATA / "models/reference.json").read_text())["digits"]["samples"]


@pytest.fixture
def inferring(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    end = time.monotonic() + 60
    while (worker := client.get("/api/v1/status").json["worker"])["state"] != "ready":
        if worker["state"] == "unavailable" or time.monotonic() > end:
            if os.environ.get("MILLRACE_REQUIRE_RUNTIME"):
                pytest.fail(f"no runtime: {worker}")
            pytest.skip(f"no inference runtime here: {worker}")
        time.sleep(0.05)
    answer = client.push_model(
        "digits", (DATA / "models/digits.pt").read_bytes(), (DATA / "models/digits.manifest.json").read_bytes()
    )
    assert answer.status == 201, answer
    digests = [client.put("/api/v1/blobs", (DATA / sample["file"]).read_bytes()).json["sha256"] for sample in SAMPLES]
    return daemon, client, digests


def submit_thousand(oracle, client, digests):
    """The ids of a thousand inferences, each with the label that it must come to."""
    jobs = [
        {"kind": "infer", "payload": {"model": "digits", "input": {"blob": digests[n % len(digests)]}}}
        for n in range(1000)
    ]
    ids = oracle.submit_batch(client, jobs)
    return {identity: SAMPLES[n % len(digests)]["label"] for n, identity in enumerate(ids)}


def kill_worker(daemon, client, dice):
    """Kills the worker at a moment when it is there; its pid."""
    time.sleep(dice.random() * 0.3)
    pid = daemon.wait_worker()["pid"]
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    return pid


def test_a_thousand_inferences_survive_kills_of_the_worker(inferring, tmp_path, dice):
    daemon, client, digests = inferring
    restarts = client.get("/api/v1/status").json["worker"]["restarts"]
    process = daemon.process.pid
    with Oracle(tmp_path / "journal") as oracle:
        labels = submit_thousand(oracle, client, digests)
        for _ in range(2):  # a third death under the same job would rightly end it
            kill_worker(daemon, client, dice)
        oracle.judge(daemon)
    for identity, label in labels.items():
        assert client.job(identity)["result"]["label"] == label
    assert daemon.process.pid == process and daemon.wait_worker()["restarts"] > restarts
    daemon.stop()
    check_database(daemon)


def test_a_thousand_inferences_survive_a_kill_of_daemon_and_worker_together(inferring, tmp_path):
    daemon, client, digests = inferring
    with Oracle(tmp_path / "journal") as oracle:
        labels = submit_thousand(oracle, client, digests)
        daemon.kill()  # also checks that the worker does not outlive it
        daemon.start()
        oracle.judge(daemon)
    for identity, label in labels.items():
        assert client.job(identity)["result"]["label"] == label
    daemon.stop()
    check_database(daemon)


def test_a_stopped_worker_is_found_out_and_replaced(inferring):
    daemon, client, digests = inferring
    worker = daemon.wait_worker()
    os.kill(worker["pid"], signal.SIGSTOP)
    job = client.submit("infer", {"model": "digits", "input": {"blob": digests[0]}})
    done = client.wait(job, seconds=90)
    assert done["result"]["label"] == SAMPLES[0]["label"]
    assert [attempt["outcome"] for attempt in done["attempts"]] == ["worker_lost"] and done["attempt"] == 2
    assert daemon.wait_worker()["pid"] != worker["pid"]
    with pytest.raises(ProcessLookupError):  # it comes to itself no more
        os.kill(worker["pid"], signal.SIGCONT)
    assert client.job(job) == done
    daemon.stop()
