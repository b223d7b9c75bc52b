"""Workers outside the daemon: what they are given, how they keep it, and what becomes of work that they lose."""
import threading
import time

import pytest
from support.client import assert_problem, moment, seconds_of, until


@pytest.fixture
def outside(admin, request):
    """An external queue of the test's own; its name."""
    name = request.node.name.split("[")[0][:60].strip("_").replace("test_", "")
    admin.set_queue(name, external=True)
    return name


def report(client, token, verb, **body):
    return client.post(f"/api/v1/leases/{token}/{verb}", body)


def assert_stale(client, token):
    for verb, body in (("heartbeat", {}), ("complete", {"result": "late"}), ("fail", {"error": "late"})):
        assert_problem(report(client, token, verb, **body), 409, "conflict")


def test_a_worker_takes_works_and_completes(admin, outside):
    identity = admin.submit(
        "resize", {"file": 7}, queue=outside, tags={"site": "north"}, deadline_at="2099-01-01T00:00:00Z", priority=8
    )
    (leased,) = admin.lease(outside, worker="press-2", lease_seconds=60)
    job = leased["job"]
    assert leased["lease_seconds"] == 60 and len(leased["lease_token"]) == 48
    assert (
        job["id"] == job["idempotency_key"] == identity
        and job["payload"] == {"file": 7}
        and job["tags"] == {"site": "north"}
    )
    assert (job["kind"], job["queue"], job["priority"], job["attempt"], job["max_attempts"]) == (
        "resize",
        outside,
        8,
        1,
        4,
    )
    assert job["deadline_at"] == "2099-01-01T00:00:00.000000Z"
    shown = admin.job(identity)
    assert shown["state"] == "running" and shown["worker"] == "press-2" and shown["started_at"]
    assert admin.get("/api/v1/status").json["jobs"]["external_leases"] >= 1
    answer = report(admin, leased["lease_token"], "complete", result={"pages": 12})
    assert answer.status == 200 and answer.json == {"id": identity}
    done = admin.job(identity)
    assert (
        done["state"] == "succeeded"
        and done["result"] == {"pages": 12}
        and done["worker"] == "press-2"
        and done["progress_percent"] == 100
    )
    assert admin.get(f"/api/v1/results/{identity}").json == {
        "status": "complete",
        "result": {"pages": 12},
        "model_version": None,
    }
    assert_stale(admin, leased["lease_token"])


def test_a_worker_waits_for_the_first_job(admin, outside):
    got = []
    worker = threading.Thread(target=lambda: got.extend(admin.lease(outside, most=5, wait_seconds=30)))
    worker.start()
    until(lambda: admin.get("/api/v1/status").json["jobs"]["waiting_workers"] == 1)
    identity = admin.submit("any", queue=outside)
    worker.join(20)
    assert [each["job"]["id"] for each in got] == [identity]
    report(admin, got[0]["lease_token"], "complete")
    begin = time.monotonic()
    assert admin.lease(outside, wait_seconds=0.3) == [] and time.monotonic() - begin >= 0.3
    assert admin.lease(outside, wait_seconds=0) == []


def test_a_worker_gets_no_more_than_it_asked_for_and_the_urgent_first(admin, outside):
    admin.pause(outside)
    ids = [admin.submit("any", queue=outside, priority=priority) for priority in (1, 9, 5)]
    assert admin.lease(outside, wait_seconds=0) == []
    admin.resume(outside)
    taken = admin.lease(outside, most=2)
    assert [each["job"]["id"] for each in taken] == [ids[1], ids[2]]
    assert [each["job"]["id"] for each in admin.lease(outside, most=10)] == [ids[0]]


def test_progress_is_told_by_heartbeats(admin, outside):
    identity = admin.submit("any", queue=outside)
    token = admin.lease(outside, lease_seconds=20)[0]["lease_token"]
    answer = report(admin, token, "heartbeat", progress_percent=45)
    assert answer.status == 200 and answer.json == {"lease_seconds": 20}
    result = until(lambda: (now := admin.get(f"/api/v1/results/{identity}").json)["progress_percent"] == 45 and now)
    assert result["status"] == "processing" and result["estimated_seconds_remaining"] >= 0
    assert admin.post(f"/api/v1/leases/{token}/heartbeat").status == 200
    assert admin.job(identity)["progress_percent"] == 45


def test_heartbeats_keep_a_lease_and_silence_ends_it(admin, outside):
    identity = admin.submit("any", queue=outside, retry={"backoff": "list", "delays_seconds": [0]})
    first = admin.lease(outside, lease_seconds=1)[0]["lease_token"]
    for _ in range(5):
        time.sleep(0.3)
        assert report(admin, first, "heartbeat").status == 200
    assert admin.job(identity)["attempt"] == 1
    second = admin.lease(outside, lease_seconds=30, wait_seconds=20)[0]
    assert second["job"]["id"] == identity and second["job"]["attempt"] == 2 and second["lease_token"] != first
    assert_stale(admin, first)
    job = admin.job(identity)
    assert job["state"] == "running" and [(each["outcome"], each["error"]["code"]) for each in job["attempts"]] == [
        ("failed", "lease_expired")
    ]
    assert report(admin, second["lease_token"], "complete", result="second").status == 200
    assert_stale(admin, first)
    assert admin.job(identity)["result"] == "second"


def test_a_failed_attempt_is_tried_again_unless_the_worker_says_no(admin, outside):
    identity = admin.submit("any", queue=outside, retry={"backoff": "list", "delays_seconds": [0]})
    token = admin.lease(outside)[0]["lease_token"]
    assert report(admin, token, "fail", error="the printer is empty").status == 200
    token = admin.lease(outside)[0]["lease_token"]
    job = admin.job(identity)
    assert job["attempt"] == 2 and job["attempts"][0]["error"] == {"code": "failed", "message": "the printer is empty"}
    assert (
        report(
            admin, token, "fail", error={"code": "no_such_page", "message": "there is no page 99"}, retryable=False
        ).status
        == 200
    )
    job = admin.job(identity)
    assert job["state"] == "dead" and job["error"] == {"code": "no_such_page", "message": "there is no page 99"}


def test_a_worker_may_put_the_next_attempt_off(admin, outside):
    identity = admin.submit("any", queue=outside)
    token = admin.lease(outside)[0]["lease_token"]
    assert report(admin, token, "fail", error="not now", retry_after_seconds=300).status == 200
    job = admin.job(identity)
    assert job["state"] == "scheduled"
    assert seconds_of(job["next_retry_at"]) - seconds_of(job["attempts"][0]["ended_at"]) == pytest.approx(
        300, abs=0.001
    )


def test_a_cancelled_job_is_told_to_its_worker(admin, outside):
    identity = admin.submit("any", queue=outside)
    token = admin.lease(outside)[0]["lease_token"]
    assert admin.post(f"/api/v1/jobs/{identity}/cancel").status == 200
    assert_stale(admin, token)
    job = admin.job(identity)
    assert job["state"] == "cancelled" and job["result"] is None


def test_the_timeout_of_the_job_ends_a_lease_that_is_kept(admin, outside):
    identity = admin.submit("any", queue=outside, timeout_seconds=0.5, max_attempts=1)
    token = admin.lease(outside, lease_seconds=600)[0]["lease_token"]
    assert admin.wait(identity, "dead")["error"]["code"] == "timed_out"
    assert_stale(admin, token)


def test_many_workers_never_get_the_same_job(daemon, admin, outside):
    ids = [
        item["id"]
        for item in admin.post("/api/v1/jobs/batch", {"jobs": [{"kind": "any", "queue": outside}] * 300}).json["data"]
    ]
    taken, lock = [], threading.Lock()

    def work():
        client = daemon.admin().keep()
        while leased := client.lease(outside, most=7, wait_seconds=0.3):
            for each in leased:
                assert report(client, each["lease_token"], "complete", result=each["job"]["id"]).status == 200
            with lock:
                taken.extend(each["job"]["id"] for each in leased)

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(taken) == sorted(ids)
    assert all(
        admin.job(identity)["attempt"] == 1 and admin.job(identity)["result"] == identity for identity in ids[::30]
    )


def test_a_leased_job_outlives_the_daemon_with_its_lease(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    client.set_queue("outside", external=True)
    identity = client.submit("any", queue="outside")
    token = client.lease("outside", lease_seconds=60)[0]["lease_token"]
    daemon.kill()
    daemon.start()
    assert client.job(identity)["state"] == "running"
    assert report(client, token, "heartbeat", progress_percent=80).status == 200
    assert report(client, token, "complete", result="after all").status == 200
    job = client.job(identity)
    assert job["state"] == "succeeded" and job["result"] == "after all" and job["attempt"] == 1
    daemon.stop()


def test_the_limits_of_a_queue_hold_for_workers_outside(admin, outside):
    admin.set_queue(outside, external=True, concurrency=2)
    for _ in range(3):
        admin.submit("any", queue=outside)
    taken = admin.lease(outside, most=10)
    assert len(taken) == 2 and admin.lease(outside, wait_seconds=0) == []
    report(admin, taken[0]["lease_token"], "complete")
    assert len(admin.lease(outside, most=10)) == 1


def test_a_result_may_be_anything_or_nothing(admin, outside):
    for result in (None, False, 0, "", [], {"deep": [{"er": None}]}, "x" * 100_000):
        identity = admin.submit("any", queue=outside)
        token = admin.lease(outside)[0]["lease_token"]
        assert report(admin, token, "complete", result=result).status == 200
        job = admin.job(identity)
        assert job["state"] == "succeeded" and job["result"] == result
    token = [admin.submit("any", queue=outside), admin.lease(outside)[0]["lease_token"]][1]
    assert_problem(report(admin, token, "complete", result="x" * (1 << 20)), 413)
    assert admin.post(f"/api/v1/leases/{token}/complete").status == 200


def test_a_queue_of_the_daemons_own_is_not_worked_by_lease(admin):
    admin.submit(queue="inside", run_at=moment(3600))
    problem = assert_problem(admin.post("/api/v1/queues/inside/leases", {"worker": "w"}), 409, "conflict")
    assert "external" in problem["detail"]
