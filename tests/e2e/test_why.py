"""Why a job is not done: one reason for every state, one sentence and a remedy, over HTTP and on the command line."""
import uuid

import pytest
from support.client import assert_problem, seconds_of, until

LATER = "2099-01-01T00:00:00Z"


def why(client, identity):
    answer = client.get(f"/api/v1/jobs/{identity}/why")
    assert answer.status == 200, answer
    assert answer.json["id"] == identity and answer.json["sentence"].endswith("."), answer.json
    return answer.json


def blocked_by(client, parent, **more):
    return client.submit("echo", {}, depends_on=[{"job": parent, **more}])


def test_a_job_whose_time_has_not_come(admin):
    its = why(admin, admin.submit("echo", {}, run_at=LATER))
    assert (its["state"], its["reason"], seconds_of(its["until"])) == ("scheduled", "run_at", seconds_of(LATER))
    assert "2099-01-01" in its["sentence"] and "remedy" not in its


def test_a_job_that_is_tried_again(admin):
    identity = admin.submit("sleep", {"seconds": 0, "fail_times": 1}, retry={"backoff": "fixed", "first_seconds": 3600})
    its = until(lambda: (found := why(admin, identity))["reason"] == "retry_at" and found)
    assert "Attempt 1 of 4 failed (planned_failure" in its["sentence"] and its["until"][:19] in its["sentence"]


def test_a_job_in_a_paused_queue(admin):
    admin.set_queue("why-paused")
    admin.pause("why-paused", reason="the disk is being changed")
    first = admin.submit("echo", {}, queue="why-paused")
    second = admin.submit("echo", {}, queue="why-paused")
    its = why(admin, second)
    assert its["reason"] == "paused" and "the disk is being changed" in its["sentence"] and its["position"] == 1
    assert its["remedy"] == "Resume it: millrace queue resume why-paused"
    admin.resume("why-paused")
    for identity in (first, second):
        admin.wait(identity, "succeeded")
        assert why(admin, identity)["reason"] == "succeeded"


def test_a_job_that_waits_for_others(admin):
    parent = admin.submit("echo", {}, run_at=LATER)
    child = blocked_by(admin, parent)
    its = why(admin, child)
    assert (its["state"], its["reason"]) == ("blocked", "parents")
    assert its["waits_for"] == [{"id": parent, "state": "scheduled", "on_failure": "fail"}]
    assert parent in its["sentence"] and its["remedy"].endswith(f"millrace job why {parent}")
    patient = blocked_by(admin, parent, on_failure="wait")
    assert admin.post(f"/api/v1/jobs/{parent}/cancel").status == 200
    its = until(lambda: (found := why(admin, patient))["reason"] == "parent_failed" and found)
    assert "(cancelled)" in its["sentence"] and f"millrace job retry {parent}" in its["remedy"]
    assert why(admin, admin.wait(child, "dead")["id"])["reason"] == "dead"


def test_a_job_that_no_worker_asks_for(admin):
    admin.set_queue("why-external", external=True)
    identity = admin.submit("anything", {}, queue="why-external")
    its = why(admin, identity)
    assert its["reason"] == "no_worker" and "why-external" in its["sentence"]
    assert [leased["job"]["id"] for leased in admin.lease("why-external", worker="w-1")] == [identity]
    its = why(admin, identity)
    assert its["reason"] == "running" and 'at the worker "w-1"' in its["sentence"]


@pytest.mark.parametrize(
    "reason, settings", [("queue_concurrency", {"concurrency": 1}), ("rate", {"rate": 0.001})], ids=str
)
def test_a_job_that_a_limit_of_its_queue_holds_up(admin, reason, settings):
    queue = "why-" + reason.replace("_", "-")
    admin.set_queue(queue, **settings)
    first = admin.submit("sleep", {"seconds": 60 if reason == "queue_concurrency" else 0}, queue=queue)
    until(lambda: why(admin, first)["reason"] in ("running", "succeeded"))
    its = why(admin, admin.submit("echo", {}, queue=queue))
    assert its["reason"] == reason and "It is the next." in its["sentence"] and queue in its["remedy"]
    admin.post(f"/api/v1/jobs/{first}/cancel")


def test_a_job_behind_an_open_breaker(admin):
    for _ in range(10):
        admin.wait(admin.submit("sleep", {"seconds": 0, "fail_times": 9}, queue="why-frail", max_attempts=1), "dead")
    dead = admin.get("/api/v1/jobs?queue=why-frail&limit=1").json["data"][0]["id"]
    until(lambda: admin.queue("why-frail")["breaker"]["state"] == "open")
    assert admin.post(f"/api/v1/jobs/{dead}/retry").status == 200
    its = why(admin, dead)
    assert its["reason"] == "breaker" and "10 of the last 10" in its["sentence"] and its["until"], its


def test_a_job_of_a_model_that_cannot_be_used(admin, digits):
    identity = admin.submit("infer", {"model": "digits", "input": {"blob": "0" * 64}}, run_at=LATER)
    assert why(admin, identity)["reason"] == "run_at"


def test_what_is_no_job_of_ones_own_is_not_there(admin, anonymous):
    assert_problem(admin.get(f"/api/v1/jobs/{uuid.uuid4()}/why"), 404)
    assert_problem(admin.get("/api/v1/jobs/none/why"), 404)
    assert_problem(anonymous.get(f"/api/v1/jobs/{uuid.uuid4()}/why"), 401)


def test_on_the_command_line(admin, run, ask):
    identity = admin.submit("echo", {}, run_at=LATER)
    assert run("job", "why", identity).stdout.startswith("scheduled: It is to begin at 2099-01-01")
    assert ask("job", "why", identity)["reason"] == "run_at"
    parent = blocked_by(admin, identity)
    assert run("job", "why", parent).stdout.splitlines()[1].endswith(f"millrace job why {identity}")
