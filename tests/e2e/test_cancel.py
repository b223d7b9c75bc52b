"""A job that is no longer wanted: it ends at once wherever it is, its work stops, and what comes late is dropped."""
import pytest
from support.client import assert_problem, moment, until


def cancel(client, identity):
    answer = client.post(f"/api/v1/jobs/{identity}/cancel")
    assert answer.status == 200 and answer.json["state"] == "cancelled", answer
    return answer.json


@pytest.mark.parametrize("waits", ["queued", "scheduled", "blocked", "retry"])
def test_a_job_that_waits_is_cancelled_and_never_begins(admin, waits):
    queue, kind, options = f"cancel-{waits}", "echo", {}
    if waits == "queued":
        admin.pause(queue)
    elif waits == "scheduled":
        options = {"run_at": moment(0.4)}
    elif waits == "blocked":
        options = {"depends_on": [admin.submit(run_at=moment(0.3))]}
    else:
        kind, options = "sleep", {
            "payload": {"seconds": 0, "fail_times": 1},
            "retry": {"backoff": "fixed", "first_seconds": 0.5},
        }
    identity = admin.submit(kind, queue=queue, **options)
    state = admin.wait(identity, waits if waits != "retry" else "scheduled")
    job = cancel(admin, identity)
    assert job["error"]["code"] == "cancelled" and job["result"] is None and job["finished_at"]
    if waits == "queued":
        admin.resume(queue)
    # Whatever comes after it in the same queue runs; it does not.
    assert admin.wait(admin.submit(queue=queue, run_at=moment(0.7)))["state"] == "succeeded"
    now = admin.job(identity)
    assert now["state"] == "cancelled" and now["attempt"] == state["attempt"]
    assert admin.queue(queue)["depth"] == 0 and admin.queue(queue)["ended"]["cancelled"] == 1


def test_work_under_way_stops_and_its_slot_is_free_again(admin):
    admin.set_queue("one-slot", concurrency=1)
    running = admin.submit("sleep", {"seconds": 600}, queue="one-slot")
    admin.wait(running, "running")
    waiting = admin.submit(queue="one-slot")
    cancel(admin, running)
    assert admin.wait(waiting, seconds=10)["state"] == "succeeded"
    until(lambda: admin.queue("one-slot")["running"] == 0)


def test_a_result_that_comes_after_the_cancel_is_dropped(admin):
    admin.set_queue("late", external=True)
    identity = admin.submit("any", queue="late")
    token = admin.lease("late")[0]["lease_token"]
    cancelled = cancel(admin, identity)
    for verb, body in (
        ("heartbeat", {"progress_percent": 50}),
        ("complete", {"result": "late"}),
        ("fail", {"error": "late"}),
    ):
        assert_problem(admin.post(f"/api/v1/leases/{token}/{verb}", body), 409, "conflict")
    assert admin.job(identity) == cancelled


def test_the_cancel_is_there_before_it_is_answered(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    running, waiting = client.submit("sleep", {"seconds": 600}), client.submit(run_at=moment(3600))
    client.wait(running, "running")
    for identity in (running, waiting):
        cancel(client, identity)
    daemon.kill()
    daemon.start()
    assert [client.job(identity)["state"] for identity in (running, waiting)] == ["cancelled", "cancelled"]
    daemon.stop()


def test_what_waits_for_a_cancelled_job_follows_its_own_policy(admin):
    parent = admin.submit(run_at=moment(3600))
    children = {
        policy: admin.submit(depends_on=[{"job": parent, "on_failure": policy}])
        for policy in ("fail", "ignore", "wait")
    }
    cancel(admin, parent)
    assert admin.wait(children["fail"], "dead")["error"]["code"] == "dependency_failed"
    assert admin.wait(children["ignore"])["state"] == "succeeded" and admin.job(children["wait"])["state"] == "blocked"


@pytest.mark.parametrize("end", ["succeeded", "dead", "cancelled"])
def test_what_has_ended_is_not_cancelled(admin, end):
    if end == "cancelled":
        identity = admin.submit(run_at=moment(3600))
        cancel(admin, identity)
    else:
        identity = admin.wait(
            admin.submit("sleep", {"seconds": 0, "fail_times": int(end == "dead")}, max_attempts=1), end
        )["id"]
    before = admin.job(identity)
    assert end in assert_problem(admin.post(f"/api/v1/jobs/{identity}/cancel"), 409, "conflict")["detail"]
    assert admin.job(identity) == before


def test_a_job_that_is_not_there_is_not_cancelled(admin):
    for identity in ("0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55", "nonsense"):
        assert_problem(admin.post(f"/api/v1/jobs/{identity}/cancel"), 404, "not-found")
