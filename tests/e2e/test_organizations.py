"""Two organisations on one daemon: neither sees, touches or delays what is the other's, even where they use the same names. Keys of a
second organisation are put into the stopped store."""
import uuid

import pytest
from support.client import assert_problem, moment, query, until

UNKNOWN = "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"


@pytest.fixture(scope="module")
def two(daemon):
    """Admins of two organisations."""
    ours, theirs = daemon.admin(), daemon.client(daemon.create_key("admin", name="theirs"))
    daemon.stop()
    other = str(uuid.UUID(UNKNOWN))
    daemon.sql("INSERT INTO organizations (id, name, created_at) VALUES (?, 'other', 0)", other)
    daemon.sql("UPDATE keys SET organization_id = ? WHERE name = 'theirs'", other)
    daemon.start()
    assert (
        ours.get("/api/v1/auth/session").json["organization"] != theirs.get("/api/v1/auth/session").json["organization"]
    )
    return ours, theirs


def test_nobody_finds_what_is_another_organisations(two):
    ours, theirs = two
    waiting = ours.submit(run_at=moment(3600), tags={"site": "north"})
    dead = ours.wait(ours.submit("sleep", {"seconds": 0, "fail_times": 1}, max_attempts=1), "dead")["id"]
    flow = ours.post("/api/v1/flows", {"jobs": [{"kind": "echo", "run_at": moment(3600)}]}).json["id"]
    schedule = ours.post("/api/v1/schedules", {"name": "ours", "cron": "@yearly", "job": {"kind": "echo"}}).json["id"]
    for method, path in [
        ("GET", f"/api/v1/jobs/{waiting}"),
        ("GET", f"/api/v1/results/{waiting}"),
        ("POST", f"/api/v1/jobs/{waiting}/cancel"),
        ("POST", f"/api/v1/jobs/{dead}/retry"),
        ("GET", f"/api/v1/flows/{flow}"),
        ("POST", f"/api/v1/flows/{flow}/cancel"),
        ("GET", f"/api/v1/schedules/{schedule}"),
        ("DELETE", f"/api/v1/schedules/{schedule}"),
        ("POST", f"/api/v1/schedules/{schedule}/run"),
    ]:
        assert_problem(theirs.request(method, path), 404, "not-found")
    for path in (
        "jobs",
        "flows",
        "schedules",
        "dead-letters",
        "events",
        "jobs" + query(flow=flow),
        "jobs" + query(tag="site=north"),
    ):
        assert theirs.get(f"/api/v1/{path}").json["data"] == [], path
    for verb in ("replay", "purge"):
        assert theirs.post(f"/api/v1/dead-letters/{verb}", {"filter": {}}).json["count"] == 0
        assert theirs.post(f"/api/v1/dead-letters/{verb}", {"filter": {"ids": [dead]}}).json["count"] == 0
    problem = assert_problem(theirs.post("/api/v1/jobs", {"kind": "echo", "depends_on": [waiting]}), 422)
    assert waiting in problem["detail"]
    assert [ours.job(identity)["state"] for identity in (waiting, dead)] == ["scheduled", "dead"]


def test_queues_of_one_name_are_two(two):
    ours, theirs = two
    ours.set_queue("shared", concurrency=3)
    ours.pause("shared")
    assert "shared" not in [queue["name"] for queue in theirs.get("/api/v1/queues").json["data"]]
    assert_problem(theirs.get("/api/v1/queues/shared"), 404)
    assert_problem(theirs.post("/api/v1/queues/shared/resume"), 404)
    held = ours.submit(queue="shared")
    assert theirs.wait(theirs.submit(queue="shared"))["state"] == "succeeded"
    assert ours.job(held)["state"] == "queued" and ours.queue("shared")["depth"] == 1
    theirs_now = theirs.queue("shared")
    assert theirs_now["paused"] is False and theirs_now["depth"] == 0 and "concurrency" not in theirs_now["settings"]
    (shown,) = [queue for queue in theirs.get("/api/v1/status").json["queues"] if queue["name"] == "shared"]
    assert shown["queued"] == 0


def test_a_lease_is_good_for_its_own_organisation_alone(two):
    ours, theirs = two
    for client in two:
        client.set_queue("outside", external=True)
    identity = ours.submit("any", queue="outside")
    assert theirs.lease("outside", wait_seconds=0) == []
    token = ours.lease("outside")[0]["lease_token"]
    for verb, body in (("heartbeat", {}), ("complete", {"result": "theirs"}), ("fail", {"error": "theirs"})):
        assert_problem(theirs.post(f"/api/v1/leases/{token}/{verb}", body), 409)
    assert ours.post(f"/api/v1/leases/{token}/complete", {"result": "ours"}).status == 200
    assert ours.job(identity)["result"] == "ours"


def test_keys_of_one_name_are_two(two):
    made = [
        client.post(
            "/api/v1/jobs",
            {"kind": "echo", "unique_key": "same", "run_at": "2099-01-01T00:00:00Z"},
            headers={"Idempotency-Key": "same"},
        )
        for client in two
    ]
    assert [answer.status for answer in made] == [202, 202] and made[0].json["id"] != made[1].json["id"]
    for client in two:
        assert (
            client.post("/api/v1/schedules", {"name": "same", "cron": "@yearly", "job": {"kind": "echo"}}).status == 201
        )


def test_breakers_and_events_of_one_queue_name_are_two(two):
    ours, theirs = two
    for _ in range(10):
        ours.wait(ours.submit("sleep", {"seconds": 0, "fail_times": 1}, queue="frail", max_attempts=1))
    until(lambda: ours.queue("frail")["breaker"]["state"] == "open")
    assert_problem(ours.post("/api/v1/jobs", {"kind": "echo", "queue": "frail"}), 503)
    assert theirs.wait(theirs.submit(queue="frail"))["state"] == "succeeded"
    assert {each["name"]: each["state"] for each in theirs.get("/api/v1/breakers").json["data"]}["frail"] == "closed"
    assert ours.events("breaker.opened") and theirs.get("/api/v1/events").json["data"] == []


def test_an_organisation_with_many_jobs_does_not_hold_up_another(two):
    ours, theirs = two
    # More than there are slots, which all organisations share.
    jobs = [{"kind": "sleep", "payload": {"seconds": 0.05}, "queue": "crowd"}] * 1000
    ids = [item["id"] for item in ours.post("/api/v1/jobs/batch", {"jobs": jobs}).json["data"]]
    first = theirs.wait(theirs.submit("sleep", {"seconds": 0}))
    last = ours.wait(ids[-1])
    assert first["state"] == "succeeded" and first["finished_at"] < last["finished_at"]
