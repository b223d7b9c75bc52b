"""Jobs that failed for good: found, counted, run again or deleted, by what they have in common."""
import pytest
from support.client import assert_problem, moment, query, seconds_of, until

ROOT = "/api/v1/dead-letters"


def die(client, queue, code=None, **options):
    """A dead letter; with a code of its own it comes from an external queue."""
    if code is None:
        return client.wait(
            client.submit("sleep", {"seconds": 0, "fail_times": 1}, queue=queue, max_attempts=1, **options), "dead"
        )
    identity = client.submit("outside", queue=queue, **options)
    token = client.lease(queue)[0]["lease_token"]
    assert (
        client.post(
            f"/api/v1/leases/{token}/fail", {"error": {"code": code, "message": "it said so"}, "retryable": False}
        ).status
        == 200
    )
    return client.job(identity)


def listed(client, **filters):
    answer = client.get(ROOT + query(**filters))
    assert answer.status == 200, answer
    return [job["id"] for job in answer.json["data"]]


def change(client, verb, **body):
    answer = client.post(f"{ROOT}/{verb}", body)
    assert answer.status == 200 and answer.json["dry_run"] is body.get("dry_run", False), answer
    return answer.json["count"]


def test_a_dead_letter_keeps_where_it_came_from_and_why_it_died(admin):
    job = admin.wait(
        admin.submit(
            "sleep",
            {"seconds": 0, "fail_times": 5},
            queue="kept",
            max_attempts=2,
            tags={"site": "north"},
            retry={"backoff": "list", "delays_seconds": [0]},
        ),
        "dead",
    )
    letter = admin.get(ROOT + query(queue="kept")).json["data"][0]
    assert letter == {name: job[name] for name in letter}
    assert (
        letter["kind"] == "sleep"
        and letter["payload"] == {"seconds": 0, "fail_times": 5}
        and letter["tags"] == {"site": "north"}
    )
    assert letter["error"]["code"] == "planned_failure" and letter["error"]["message"] and letter["attempt"] == 2
    assert letter["created_by"] and letter["created_at"] < letter["finished_at"] and len(job["attempts"]) == 2
    result = admin.get(f"/api/v1/results/{job['id']}").json
    assert result == {"status": "failed", "error": letter["error"]["message"], "attempts": 2}


def test_an_event_tells_of_each_death(admin):
    job = die(admin, "told")
    event = admin.events("job.dead", subject=job["id"])
    assert len(event) == 1 and event[0]["data"] == {"queue": "told", "kind": "sleep", "error": job["error"]}


def test_dead_letters_are_found_by_what_they_have_in_common(admin):
    admin.set_queue("found-outside", external=True)
    plain = die(admin, "found", tags={"site": "north"})
    other = die(admin, "found", tags={"site": "south"})
    coded = die(admin, "found-outside", code="no_such_page")
    admin.wait(admin.submit(queue="found"))
    assert listed(admin, queue="found") == [other["id"], plain["id"]]
    assert listed(admin, tag="site=south", queue="found") == [other["id"]]
    assert listed(admin, error_code="no_such_page") == [coded["id"]] == listed(admin, kind="outside")
    assert listed(admin, queue="found", died_before=other["finished_at"]) == [plain["id"]]
    assert listed(admin, queue="found", died_after=other["finished_at"]) == [other["id"]]
    first = admin.get(ROOT + query(queue="found", limit=1)).json
    assert first["data"][0]["id"] == other["id"]
    assert listed(admin, queue="found", limit=1, cursor=first["meta"]["next_cursor"]) == [plain["id"]]


def test_a_dry_run_counts_and_changes_nothing(admin):
    ids = [die(admin, "dry")["id"] for _ in range(3)]
    assert change(admin, "replay", filter={"queue": "dry"}, dry_run=True) == 3
    assert change(admin, "purge", filter={"queue": "dry"}, dry_run=True) == 3
    assert listed(admin, queue="dry") == ids[::-1]


def test_one_is_replayed_alone(admin):
    first, second = die(admin, "one"), die(admin, "one")
    assert change(admin, "replay", filter={"ids": [first["id"]]}) == 1
    job = admin.wait(first["id"], "succeeded")
    assert job["attempt"] == 2 and len(job["attempts"]) == 1 and job["created_at"] == first["created_at"]
    assert listed(admin, queue="one") == [second["id"]]


def test_a_filter_replays_its_own_and_leaves_the_others(admin):
    night = [die(admin, "by-night")["id"] for _ in range(3)]
    day = die(admin, "by-day")["id"]
    cancelled = admin.submit(queue="by-night", run_at=moment(3600))
    admin.post(f"/api/v1/jobs/{cancelled}/cancel")
    assert change(admin, "replay", filter={"queue": "by-night"}) == 3
    assert {admin.wait(identity)["state"] for identity in night} == {"succeeded"}
    assert admin.job(cancelled)["state"] == "cancelled" and listed(admin, queue="by-day") == [day]
    assert change(admin, "replay", filter={"queue": "by-night"}) == 0


def test_a_replay_may_bring_another_payload(admin):
    job = die(admin, "edited")
    assert_problem(admin.post(f"{ROOT}/replay", {"filter": {"queue": "edited"}, "payload": {"seconds": "soon"}}), 422)
    assert admin.job(job["id"])["state"] == "dead"
    assert change(admin, "replay", filter={"queue": "edited"}, payload={"seconds": 0.01}) == 1
    edited = admin.wait(job["id"], "succeeded")
    assert edited["payload"] == {"seconds": 0.01} and edited["result"]["slept_seconds"] == 0.01
    # As the retry of one job does.
    again = die(admin, "edited")
    assert_problem(admin.post(f"/api/v1/jobs/{again['id']}/retry", {"payload": {"surprise": 1}}), 422)
    assert admin.post(f"/api/v1/jobs/{again['id']}/retry", {"payload": {"seconds": 0.02}}).status == 200
    assert admin.wait(again["id"], "succeeded")["payload"] == {"seconds": 0.02}


def test_a_replay_may_be_slow(admin):
    ids = [die(admin, "slowly")["id"] for _ in range(3)]
    assert change(admin, "replay", filter={"queue": "slowly"}, rate_per_second=0.01) == 3
    due = sorted(seconds_of(admin.job(identity)["run_at"]) for identity in ids)
    assert [later - earlier for earlier, later in zip(due, due[1:])] == pytest.approx([100, 100], abs=0.001)
    until(lambda: sum(admin.job(identity)["state"] == "succeeded" for identity in ids) == 1)
    assert admin.queue("slowly")["scheduled"] == 2


def test_purged_dead_letters_are_gone(admin):
    ids = [die(admin, "purged")["id"] for _ in range(2)]
    kept = die(admin, "purged", tags={"keep": "yes"})["id"]
    assert change(admin, "purge", filter={"ids": ids}) == 2
    for identity in ids:
        assert_problem(admin.get(f"/api/v1/jobs/{identity}"), 404, "not-found")
        assert_problem(admin.get(f"/api/v1/results/{identity}"), 404, "not-found")
    assert listed(admin, queue="purged") == [kept]
    assert change(admin, "purge", filter={"queue": "purged"}) == 1
    assert change(admin, "purge", filter={"queue": "purged"}) == 0


def test_what_waits_for_a_purged_job_waits_no_longer(admin):
    parent = die(admin, "parent")["id"]
    child = admin.submit(depends_on=[{"job": parent, "on_failure": "wait"}])
    grandchild = admin.submit(depends_on=[{"job": child, "on_failure": "ignore"}])
    assert admin.job(child)["state"] == "blocked"
    assert change(admin, "purge", filter={"ids": [parent]}) == 1
    job = admin.wait(child, "dead")
    assert job["error"]["code"] == "dependency_failed" and parent in job["error"]["message"]
    assert admin.wait(grandchild)["state"] == "succeeded"
    until(lambda: admin.queue("default")["blocked"] == 0)


def test_more_than_one_piece_is_replayed_and_purged_whole(admin):
    admin.set_queue("many", max_attempts=1, breaker=False)
    jobs = [{"kind": "sleep", "payload": {"seconds": 0, "fail_times": 2}, "queue": "many"}] * 600
    assert admin.post("/api/v1/jobs/batch", {"jobs": jobs}).status == 200
    until(lambda: admin.queue("many")["ended"]["dead"] == 600)
    assert change(admin, "replay", filter={"queue": "many"}) == 600
    until(lambda: admin.queue("many")["ended"]["dead"] == 1200)
    assert change(admin, "purge", filter={"queue": "many"}, dry_run=True) == 600
    assert change(admin, "purge", filter={"queue": "many"}) == 600 and listed(admin, queue="many") == []
