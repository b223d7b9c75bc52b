"""Models that run out of memory, hang, crash and lose their device, through the real daemon: the worker is back, the work is tried
again, and what belongs to others is finished. The times are printed, and never asserted."""
import os
import signal
import uuid

import pytest
from support import hostile
from support.client import seconds_of, until
from support.hostile import ACTS, ask, first_output, job, others_asking, push

MIB = 1048576


@pytest.fixture
def attacked(new_daemon):
    """Starts a daemon on the hostile runtime, with two models."""
    if not hostile.hostile_runtime().exists():
        pytest.skip("the hostile runtime was not built")

    def start(**environment):
        daemon = new_daemon(environment={"MILLRACE_INFERENCE_RUNTIME": str(hostile.hostile_runtime()), **environment})
        daemon.wait_worker()
        client = daemon.admin()
        client.set_queue("default", breaker=False)
        push(client, "intruder", timeout_seconds=0.3)
        push(client, "honest")
        return daemon, client

    return start


@pytest.fixture
def scripted(new_daemon):
    """Starts a daemon on the real runtime, with the model that misbehaves when told to."""

    def start(timeout_seconds, **environment):
        daemon = new_daemon(environment=environment)
        client = daemon.admin()
        until(lambda: client.get("/api/v1/status").json["worker"]["state"] in ("ready", "unavailable"), seconds=60)
        if client.get("/api/v1/status").json["worker"]["state"] == "unavailable":
            pytest.skip("no inference runtime here")
        client.set_queue("default", breaker=False)
        push(client, "intruder", "intruder.pt", timeout_seconds=timeout_seconds)
        return daemon, client

    return start


def submit_all(client, jobs):
    answer = client.post("/api/v1/jobs/batch", {"jobs": jobs})
    assert answer.status in (200, 202, 207), answer
    return [each["id"] for each in (answer.json.get("data") or answer.json.get("jobs"))]


def worker_of(client):
    return client.get("/api/v1/status").json["worker"]


def print_pauses(daemon):
    """From each end of a worker to the next one's greeting, as the log has it."""
    lost, pauses = None, []
    for line in daemon.log_path.read_text().splitlines():
        if "worker lost" in line:
            lost = lost or seconds_of(line.split()[0][3:])
        elif "worker ready" in line and lost:
            pauses.append(seconds_of(line.split()[0][3:]) - lost)
            lost = None
    print(f"{len(pauses)} workers ended; the next was ready after {', '.join(f'{pause:.2f}' for pause in pauses)} s")


# Memory


def test_a_batch_that_is_too_large_for_the_memory_limit_is_split_until_it_fits(scripted):
    daemon, client = scripted(20, MILLRACE_INFERENCE_MEMORY_LIMIT_BYTES=str(1536 * MIB))
    assert first_output(ask(client, "intruder", 4)) == 8
    client.pause("default")
    ids = submit_all(client, [job("intruder", 916, 256)] * 8)  # 2 GiB together, 1 GiB for four
    client.resume("default")
    sizes = []
    for identity in ids:
        done = client.wait(identity, seconds=60)
        assert done["state"] == "succeeded" and done["attempt"] == 1, done["attempts"]
        assert first_output(done) == 1832
        sizes.append(done["result"]["batch_size"])
    assert max(sizes) <= 4, sizes
    impossible = client.wait(client.submit(**job("intruder", 916, 4096), max_attempts=1), seconds=60)
    assert impossible["state"] == "dead" and "memory" in impossible["error"]["message"], impossible
    assert worker_of(client)["restarts"] == 0
    daemon.stop()


# What ends a worker


@pytest.mark.parametrize("act", ["hang", "abort_process", "take_memory", "lose_device"])
def test_the_worker_is_back_after_any_end_and_the_work_of_others_is_done(attacked, act):
    daemon, client = attacked(MILLRACE_INFERENCE_MEMORY_LIMIT_BYTES=str(1024 * MIB))
    before = worker_of(client)["restarts"]
    guilty = client.submit(**job("intruder", ACTS[act]), max_attempts=2)
    others = submit_all(client, [job("honest", n) for n in range(100)])
    for n, identity in enumerate(others):
        done = client.wait(identity, seconds=60)
        assert done["state"] == "succeeded" and first_output(done) == 2 * n, done
        if act != "take_memory":  # what a model has taken and kept can end the worker under the next
            assert done["attempt"] == 1, done  # nobody has told it of its neighbour
    assert client.wait(guilty, seconds=60)["state"] == "dead"
    if act != "take_memory":  # which may fail alone
        assert worker_of(client)["restarts"] > before
    daemon.wait_worker()
    assert first_output(ask(client, "honest", 21)) == 42
    print_pauses(daemon)
    daemon.stop()


def test_three_kills_by_one_job_make_it_dead_and_no_other(attacked):
    daemon, client = attacked()
    killer = client.submit(**job("intruder", ACTS["segmentation_fault"]), max_attempts=100)
    others = submit_all(client, [job("intruder", n) for n in range(50)] + [job("honest", n) for n in range(50)])
    dead = client.wait(killer, seconds=60)
    assert dead["state"] == "dead" and dead["attempt"] == 3, dead
    assert [attempt["outcome"] for attempt in dead["attempts"]] == ["worker_lost"] * 3
    for n, identity in enumerate(others):
        done = client.wait(identity, seconds=60)
        assert done["state"] == "succeeded" and first_output(done) == 2 * (n % 50), done
    daemon.stop()


@pytest.mark.parametrize(
    "act,outcome",
    [
        ("hang", "timed_out"),
        ("spin", "timed_out"),
        ("segmentation_fault", "worker_lost"),
        ("leave", "worker_lost"),
        ("close_channel", "worker_lost"),
        ("lose_device", "worker_lost"),
    ],
)
def test_a_job_of_one_attempt_that_ends_its_worker_runs_once_and_ends_one(attacked, act, outcome):
    daemon, client = attacked()
    before = worker_of(client)["restarts"]
    dead = client.wait(client.submit(**job("intruder", ACTS[act]), max_attempts=1), seconds=60)
    assert dead["state"] == "dead" and dead["attempt"] == 1 and dead["error"]["code"] == outcome, dead
    assert [attempt["outcome"] for attempt in dead["attempts"]] == [outcome], dead
    assert worker_of(client)["restarts"] == before + 1
    daemon.stop()


@pytest.mark.parametrize("act", ["hang", "abort_process"])
def test_what_shared_a_batch_with_the_cause_loses_no_attempt(attacked, act):
    daemon, client = attacked()
    assert first_output(ask(client, "intruder", 1)) == 2
    client.pause("default")
    ids = submit_all(client, [job("intruder", ACTS[act] if n == 3 else n) | {"max_attempts": 1} for n in range(8)])
    client.resume("default")
    for n, identity in enumerate(ids):
        done = client.wait(identity, seconds=60)
        if n == 3:
            assert done["state"] == "dead" and done["attempt"] == 1, done
        else:
            assert done["state"] == "succeeded" and done["attempt"] == 1 and first_output(done) == 2 * n, done
    daemon.stop()


def test_a_worker_that_somebody_else_kills_costs_its_job_nothing(attacked):
    daemon, client = attacked()
    push(client, "slow", timeout_seconds=2)
    hanging = client.submit(**job("slow", ACTS["hang"]), max_attempts=1)

    def runs():
        return next((device["pid"] for device in worker_of(client)["devices"] if device["batches"] == 1), None)

    os.kill(until(runs), signal.SIGKILL)
    until(lambda: worker_of(client)["restarts"] == 1 and runs(), seconds=60)
    running = client.job(hanging)
    assert running["state"] == "running" and running["attempt"] == 1, running
    assert client.wait(hanging, seconds=60)["error"]["code"] == "timed_out"
    daemon.stop()


def test_predictions_beside_a_crash_are_answered_by_the_next_worker(attacked):
    daemon, client = attacked()
    ask(client, "honest", 1), ask(client, "intruder", 1)
    with others_asking(daemon, "honest", 4) as answers:
        for _ in range(3):
            ask(client, "intruder", ACTS["abort_process"])
            daemon.wait_worker()
    print_pauses(daemon)
    for answer in answers:  # they have waited for the next worker, and none was told of the end of the last
        assert answer.status == 200 and first_output(answer) == 42, answer
    assert first_output(ask(client, "honest", 21)) == 42
    daemon.stop()


def test_one_organisations_crash_loop_does_not_stop_anothers_work(attacked):
    daemon, ours = attacked()
    theirs = daemon.client(daemon.create_key("admin", name="theirs"))
    daemon.stop()
    other = str(uuid.UUID("0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"))
    daemon.sql("INSERT INTO organizations (id, name, created_at) VALUES (?, 'other', 0)", other)
    daemon.sql("UPDATE keys SET organization_id = ? WHERE name = 'theirs'", other)
    daemon.start()
    daemon.wait_worker()
    push(theirs, "honest")
    theirs.set_queue("default", breaker=False)
    bad = submit_all(ours, [job("intruder", ACTS["abort_process"])] * 2)
    good = submit_all(theirs, [job("honest", n) for n in range(100)])
    for n, identity in enumerate(good):
        done = theirs.wait(identity, seconds=90)
        assert done["state"] == "succeeded" and first_output(done) == 2 * n, done
    for identity in bad:
        assert ours.wait(identity, seconds=90)["state"] == "dead"
    daemon.stop()


def test_a_scripted_model_that_never_ends_is_ended(scripted):
    daemon, client = scripted(0.5)
    hanging = client.wait(client.submit(**job("intruder", 917), max_attempts=1), seconds=60)
    assert hanging["state"] == "dead" and hanging["error"]["code"] == "timed_out", hanging
    assert [attempt["outcome"] for attempt in hanging["attempts"]] == ["timed_out"] and worker_of(client)[
        "restarts"
    ] == 1, hanging
    assert first_output(client.wait(client.submit(**job("intruder", 4)), seconds=60)) == 8
    print_pauses(daemon)
    daemon.stop()
