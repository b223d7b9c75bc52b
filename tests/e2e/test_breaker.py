"""A queue most of whose jobs fail is stopped by its breaker, tried again, and opened when it works; and nobody is left to guess."""
import re

import pytest
from support.client import assert_problem, until

FAILING = {"seconds": 0, "fail_times": 100}


def run(client, queue, good=0, bad=0):
    """Jobs of one attempt each, good ones first, all ended."""
    for n in range(good + bad):
        client.wait(client.submit("sleep", FAILING if n >= good else {"seconds": 0}, queue=queue, max_attempts=1))


def breaker(client, queue):
    return client.queue(queue)["breaker"]


def open_breakers(client):
    return int(re.search(r"^millrace_breakers_open (\d+)$", client.get("/metrics").body.decode(), re.M)[1])


def test_a_breaker_opens_probes_and_closes(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    run(client, "frail", bad=9)
    assert breaker(client, "frail") == {"state": "closed", "attempts": 9, "failures": 9} and open_breakers(client) == 0
    run(client, "frail", bad=1)
    until(lambda: breaker(client, "frail")["state"] == "open")

    # Open: new work is refused, with when to come back; other queues do not mind.
    answer = client.post("/api/v1/jobs", {"kind": "sleep", "payload": {}, "queue": "frail"})
    problem = assert_problem(answer, 503, "unavailable")
    assert "frail" in problem["detail"] and 1 <= int(answer.headers["Retry-After"]) <= 10
    (item,) = client.post("/api/v1/jobs/batch", {"jobs": [{"kind": "sleep", "queue": "frail"}]}).json["data"]
    assert item["status"] == 503 and "frail" in item["error"]["detail"]
    assert client.wait(client.submit(queue="sound"))["state"] == "succeeded"
    assert 0 < breaker(client, "frail")["reopens_in_seconds"] <= 10 and open_breakers(client) == 1
    assert {each["name"]: each["state"] for each in client.get("/api/v1/breakers").json["data"]} == {
        "frail": "open",
        "sound": "closed",
    }
    (event,) = client.events("breaker.opened")
    assert event["subject"] == "queue frail" and event["data"]["failures"] == event["data"]["attempts"] == 10
    # What waited is held, and whoever asks for it by hand waits too.
    dead = client.get("/api/v1/dead-letters?queue=frail&limit=2").json["data"]
    for letter in dead:
        assert client.post(f"/api/v1/jobs/{letter['id']}/retry", {"payload": {"seconds": 0}}).status == 200
    assert client.wait(client.submit(queue="sound"))["state"] == "succeeded"
    assert [client.job(letter["id"])["state"] for letter in dead] == ["queued", "queued"]

    # Half open: one at a time, and the third success closes it.
    until(lambda: breaker(client, "frail")["state"] == "half_open")
    assert {client.wait(letter["id"])["state"] for letter in dead} == {"succeeded"}
    assert breaker(client, "frail")["state"] == "half_open" and client.events("breaker.closed") == []
    run(client, "frail", good=1)
    until(
        lambda: breaker(client, "frail")["state"] == "closed" and client.events("breaker.closed", subject="queue frail")
    )
    assert open_breakers(client) == 0
    run(client, "frail", good=3)
    daemon.stop()


def test_half_of_them_may_fail(admin):
    run(admin, "half", good=6, bad=6)
    assert breaker(admin, "half") == {"state": "closed", "attempts": 12, "failures": 6}
    run(admin, "half", bad=1)
    until(lambda: breaker(admin, "half")["state"] == "open")


def test_a_failure_that_is_the_jobs_own_fault_does_not_count(admin):
    admin.set_queue("own-fault", external=True)
    for _ in range(12):
        admin.submit("any", queue="own-fault")
    for leased in admin.lease("own-fault", most=12):
        assert (
            admin.post(
                f"/api/v1/leases/{leased['lease_token']}/fail", {"error": "no such page", "retryable": False}
            ).status
            == 200
        )
    assert breaker(admin, "own-fault") == {"state": "closed", "attempts": 0, "failures": 0}


def test_a_cancelled_job_does_not_count(admin):
    for _ in range(12):
        identity = admin.submit("sleep", {"seconds": 600}, queue="changed-mind")
        admin.wait(identity, "running")
        admin.post(f"/api/v1/jobs/{identity}/cancel")
    assert breaker(admin, "changed-mind")["attempts"] == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_breaker_can_be_switched_off(admin, when):
    name = f"off-{when}"
    if when == "before":
        admin.set_queue(name, breaker=False)
    run(admin, name, bad=10)
    if when == "after":
        until(lambda: breaker(admin, name)["state"] == "open")
        admin.set_queue(name, breaker=False)
    run(admin, name, bad=3)
    assert breaker(admin, name)["state"] == "closed"
    # Switched on again it has forgotten all of it.
    admin.set_queue(name)
    run(admin, name, bad=9)
    assert breaker(admin, name)["state"] == "closed"
