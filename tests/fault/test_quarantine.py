"""What keeps ending workers is refused for a while, is told of, and comes back by a probe; and has a worker of its own meanwhile, so that
nobody else sees its second crash. Through the real daemon, on the runtime that attacks."""


import pytest
from support import hostile
from support.client import assert_problem, until
from support.hostile import ACTS, ask, first_output, job, others_asking, push


@pytest.fixture
def attacked(new_daemon):
    if not hostile.hostile_runtime().exists():
        pytest.skip("the hostile runtime was not built")

    def start(seconds=2, **environment):
        daemon = new_daemon(
            environment={
                "MILLRACE_INFERENCE_RUNTIME": str(hostile.hostile_runtime()),
                "MILLRACE_INFERENCE_QUARANTINE_SECONDS": str(seconds),
                **environment,
            }
        )
        daemon.wait_worker()
        client = daemon.admin()
        client.set_queue("default", breaker=False)
        push(client, "intruder", timeout_seconds=0.3)
        push(client, "honest")
        return daemon, client

    return start


def status_of(client):
    return client.get("/api/v1/status").json


def shared_restarts(client):
    return next(device["restarts"] for device in status_of(client)["worker"]["devices"] if device["own_of"] is None)


def test_a_poisonous_input_is_refused_with_a_clear_problem_and_its_model_serves_on(attacked):
    daemon, client = attacked(seconds=600)
    for _ in range(3):
        assert_problem(ask(client, "intruder", ACTS["abort_process"]), 503)
    restarts = status_of(client)["worker"]["restarts"]
    for _ in range(10):
        refused = ask(client, "intruder", ACTS["abort_process"])
        problem = assert_problem(refused, 503)
        assert problem["type"] == "/problems/quarantined" and "quarantine" in problem["detail"], problem
        assert 1 <= int(refused.headers["Retry-After"]) <= 600
    assert first_output(ask(client, "intruder", 4)) == 8  # its other inputs are fine
    assert first_output(ask(client, "honest", 4)) == 8
    again = client.post(
        "/v2/models/intruder/infer",
        {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [5, 1, 2, 3]}]},
    )
    assert again.status == 200, again
    assert status_of(client)["worker"]["restarts"] == restarts
    (event,) = until(lambda: client.events("quarantine.begun"))
    assert (
        event["subject"] == "intruder/1" and event["data"]["kind"] == "input" and event["data"]["workers_ended"] == 3
    ), event
    (held,) = status_of(client)["quarantine"]
    assert held["kind"] == "input" and held["model"] == "intruder/1" and held["input"] == event["data"]["input"], held
    assert [each["kind"] for each in client.get("/api/v1/models/intruder/versions/1").json["loaded"]["quarantine"]] == [
        "input"
    ]
    ready = client.get("/ready")
    assert ready.status == 200 and "quarantine" in " ".join(ready.json["degraded"]), ready.json
    metrics = client.get("/metrics").body.decode().splitlines()
    assert "millrace_quarantined 1" in metrics and "millrace_quarantine_refused_total 10" in metrics
    daemon.stop()


def test_a_model_that_crashes_on_everything_is_refused_for_jobs_and_protocol_too_and_loading_it_lifts_that(attacked):
    daemon, client = attacked(seconds=600)
    for n in range(5):
        assert ask(client, "intruder", ACTS["abort_process"], n).status == 503
    restarts = status_of(client)["worker"]["restarts"]
    assert assert_problem(ask(client, "intruder", 1), 503)["type"] == "/problems/quarantined"
    refused = client.post(
        "/v2/models/intruder/infer",
        {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [5, 1, 2, 3]}]},
    )
    assert (
        refused.status == 503 and "quarantine" in refused.json["error"] and int(refused.headers["Retry-After"]) > 1
    ), refused
    assert client.get("/v2/models/intruder/ready").status == 400
    waiting = client.submit(**job("intruder", 1), max_attempts=3)
    until(lambda: client.job(waiting)["state"] == "scheduled")
    told = client.job(waiting)
    assert told["error"]["code"] == "quarantined" and [each["outcome"] for each in told["attempts"]] == ["failed"], told
    assert first_output(ask(client, "honest", 4)) == 8
    assert status_of(client)["worker"]["restarts"] == restarts
    assert client.post("/api/v1/models/intruder/versions/1/load", {}).status == 200
    assert first_output(ask(client, "intruder", 1)) == 2
    until(lambda: [each["type"] for each in client.events("quarantine")] == ["quarantine.begun", "quarantine.lifted"])
    assert status_of(client)["quarantine"] == []
    daemon.stop()


def test_a_quarantine_comes_back_by_a_probe(attacked):
    daemon, client = attacked(seconds=1)
    for n in range(5):
        ask(client, "intruder", ACTS["abort_process"], n)
    until(
        lambda: ask(client, "intruder", ACTS["abort_process"], 9).status == 503
        and len(client.events("quarantine.begun")) == 2,
        seconds=30,
    )  # a probe failed
    until(lambda: ask(client, "intruder", 1).status == 200, seconds=30)
    until(
        lambda: client.events("quarantine.lifted") and status_of(client)["quarantine"] == []
    )  # written after the answer
    daemon.stop()


def test_who_crashed_once_has_a_worker_of_its_own_and_nobody_sees_its_second_crash(attacked):
    daemon, client = attacked(seconds=600)
    assert first_output(ask(client, "honest", 4)) == 8
    ask(client, "intruder", ACTS["abort_process"])
    before = shared_restarts(client)
    with others_asking(daemon, "honest", 3) as answers:
        for n, act in enumerate(("segmentation_fault", "hang", "leave")):
            assert ask(client, "intruder", ACTS[act], n).status in (503, 504)
        assert first_output(ask(client, "intruder", 3)) == 6
    assert all(answer.status == 200 for answer in answers) and len(answers) > 10
    assert shared_restarts(client) == before
    assert "intruder/1" in [device["own_of"] for device in status_of(client)["worker"]["devices"]]
    assert client.get("/api/v1/models/intruder/versions/1").json["loaded"]["own_worker"] is True
    daemon.stop()


def test_a_model_that_asks_for_isolation_has_a_worker_of_its_own_until_it_leaves(attacked):
    daemon, client = attacked(seconds=600)
    push(client, "alone", timeout_seconds=0.3, isolation="own")
    assert first_output(ask(client, "alone", 4)) == 8 and first_output(ask(client, "honest", 4)) == 8
    devices = status_of(client)["worker"]["devices"]
    pids = {device["own_of"]: device["pid"] for device in devices}
    assert set(pids) == {None, "alone/1"} and len(set(pids.values())) == 2, devices
    for act in ("abort_process", "hang"):
        assert ask(client, "alone", ACTS[act]).status in (503, 504)
        assert first_output(ask(client, "honest", 4)) == 8
    assert shared_restarts(client) == 0
    assert client.get("/api/v1/models/alone/versions/1").json["loaded"]["own_worker"] is True
    assert client.get("/api/v1/models/alone/versions/1").json["manifest"]["isolation"] == "own"
    assert first_output(ask(client, "alone", 5)) == 10
    assert client.post("/api/v1/models/alone/versions/1/unload", {}).status == 200
    until(lambda: [device["own_of"] for device in status_of(client)["worker"]["devices"]] == [None])
    assert first_output(ask(client, "alone", 6)) == 12
    daemon.stop()


def test_the_workers_of_their_own_are_bounded_and_the_one_unused_longest_makes_room(attacked):
    daemon, client = attacked(seconds=600, MILLRACE_INFERENCE_OWN_WORKERS="2")
    names = [push(client, f"alone-{n}", isolation="own") for n in range(4)]
    for name in names + names[::-1]:
        assert first_output(ask(client, name, 4)) == 8
        own = [device["own_of"] for device in status_of(client)["worker"]["devices"] if device["own_of"]]
        assert len(own) <= 2 and f"{name}/1" in own, own
    daemon.stop()


def test_without_workers_of_their_own_all_share_one(attacked):
    daemon, client = attacked(seconds=600, MILLRACE_INFERENCE_OWN_WORKERS="0")
    push(client, "alone", isolation="own")
    assert first_output(ask(client, "alone", 4)) == 8
    ask(client, "intruder", ACTS["abort_process"])
    assert first_output(ask(client, "intruder", 4)) == 8 and first_output(ask(client, "honest", 4)) == 8
    assert [device["own_of"] for device in status_of(client)["worker"]["devices"]] == [None]
    daemon.stop()


def test_an_organisations_models_that_crash_are_held_together_and_its_others_are_not(attacked):
    daemon, client = attacked(seconds=600)
    names = [push(client, f"crasher-{n}") for n in range(4)]
    for n in range(12):
        assert ask(client, names[n % 4], ACTS["abort_process"], n).status == 503
    until(lambda: "organization" in [each["kind"] for each in status_of(client)["quarantine"]])
    for name in names:
        assert "organisation" in assert_problem(ask(client, name, 4), 503)["detail"]
    assert first_output(ask(client, "honest", 4)) == 8
    assert first_output(ask(client, "intruder", 4)) == 8  # it has ended no worker
    assert until(lambda: any(event["data"]["kind"] == "organization" for event in client.events("quarantine.begun")))
    daemon.stop()
