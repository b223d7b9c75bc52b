"""Event streams: what changes, sent as it happens, and what becomes of a place in them."""
import threading
import uuid

import pytest
from support.client import assert_problem, until
from support.event_stream import EventStream

ROOT = "/api/v1/events/stream"
OTHER = "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"


def states(events):
    return [event.data["state"] for event in events if event.kind == "job.state"]


def is_state(state, job=None):
    return lambda event: event.kind == "job.state" and event.data["state"] == state and job in (None, event.data["id"])


def follow(client, query="", last_id=None):
    """A stream that has said where it is."""
    return EventStream(client, query, last_id).opened()


def die(client, queue="mortal"):
    return client.wait(client.submit("sleep", {"seconds": 0, "fail_times": 1}, queue=queue, max_attempts=1), "dead")


def test_every_change_of_a_job_is_sent_with_its_progress_and_the_stored_events(admin):
    with follow(admin) as stream:
        assert stream.headers["content-type"] == "text/event-stream" and stream.retry == 1000
        assert stream.headers["cache-control"] == "no-store"
        job = admin.submit("sleep", {"seconds": 0.6}, queue="told")
        seen = stream.until(is_state("succeeded"))
        assert states(seen)[-2:] == ["running", "succeeded"]
        running = [event.data for event in seen if event.kind == "job.state"][-2]
        assert (running["id"], running["kind"], running["queue"], running["attempt"]) == (job, "sleep", "told", 1)
        percents = [event.data["progress_percent"] for event in seen if event.kind == "job.progress"]
        assert percents and percents == sorted(percents)
        dead = die(admin)
        seen = stream.until(is_state("dead"))
        (stored,) = [event for event in seen if event.kind == "job.dead"]
        assert stored.data == admin.events("job.dead", subject=dead["id"])[0]
        ids = [int(event.id.split("-")[2]) for event in seen]
        assert ids == sorted(ids) and int(seen[-1].id.split("-")[0]) == stored.data["id"]


def test_a_stream_goes_on_from_the_last_event_that_was_seen(admin):
    with follow(admin) as stream:
        first = admin.wait(admin.submit())["id"]
        stream.until(is_state("succeeded", first))
        place = stream.last_id
    missed = [admin.wait(admin.submit(queue="missed"))["id"] for _ in range(3)]
    dead = die(admin)["id"]
    with follow(admin, last_id=place) as stream:
        seen = stream.until(is_state("dead", dead))
    assert [event.data["id"] for event in seen if is_state("succeeded")(event)] == missed
    assert [event.data["subject"] for event in seen if event.kind == "job.dead"] == [dead]
    assert "reset" not in [event.kind for event in seen]


def test_after_a_restart_the_place_is_gone_and_the_stored_events_are_not(new_daemon):
    daemon = new_daemon()
    admin = daemon.admin()
    die(admin)
    with follow(admin) as stream:
        die(admin)
        stream.until(is_state("dead"))
        place = stream.last_id
    missed = [die(admin)["id"] for _ in range(2)]
    daemon.kill()
    daemon.start()
    with follow(admin, last_id=place) as stream:
        later = die(admin)["id"]
        seen = stream.until(is_state("dead", later))
    assert seen[0].kind == "reset" and seen[0].data["reason"] == "gone"
    assert [event.data["subject"] for event in seen if event.kind == "job.dead"] == [*missed, later]
    with follow(admin, "?types=job.dead", last_id=place) as stream:  # nothing is lost to it
        seen = [stream.next() for _ in range(3)]
    assert [event.data["subject"] for event in seen] == [*missed, later]
    daemon.stop()


@pytest.mark.parametrize("last_id", ["x", "1-2", "99-abc-7", "-5", "1-0123456789abcdef-1", "9" * 30])
def test_a_place_that_is_none_is_answered_with_a_reset(admin, last_id):
    with follow(admin, last_id=last_id) as stream:
        assert stream.until(lambda event: event.kind == "reset")[-1].data == {"type": "reset", "reason": "gone"}
        job = admin.wait(admin.submit())["id"]
        stream.until(is_state("succeeded", job))


def test_the_number_of_a_stored_event_is_a_place_of_the_stored_events(admin):
    begin = admin.events("job.dead")
    dead = [die(admin)["id"] for _ in range(3)]
    first = [event for event in admin.events("job.dead") if event not in begin][0]["id"]
    with follow(admin, "?types=job.dead", last_id=first) as stream:
        seen = [stream.next(), stream.next()]
    assert [event.data["subject"] for event in seen] == dead[1:]
    with follow(admin, "?types=job.dead", last_id=seen[0].id) as stream:
        assert stream.next().data["subject"] == dead[2]


def test_a_number_whose_followers_were_pruned_is_answered_with_a_reset(new_daemon):
    daemon = new_daemon()
    admin = daemon.admin()
    for _ in range(3):
        die(admin)
    first, second, third = (event["id"] for event in admin.events("job.dead"))
    daemon.stop()
    daemon.sql("DELETE FROM events WHERE id <= ?", second)
    daemon.start()
    with follow(admin, "?types=job.dead", last_id=first) as stream:
        seen = [stream.next(), stream.next()]
    assert [event.kind for event in seen] == ["reset", "job.dead"] and seen[1].data["id"] == third
    daemon.stop()


def test_types_queue_and_subject_choose_what_is_sent(admin):
    chosen = {
        "types": follow(admin, "?types=queue,job.state"),
        "queue": follow(admin, "?queue=chosen"),
        "subject": follow(admin, "?subject=chosen&types=queue"),
    }
    admin.pause("chosen")
    admin.resume("chosen")
    admin.pause("another")
    job = admin.wait(admin.submit(queue="chosen"))["id"]
    die(admin, "another-still")
    seen = {name: stream.within(1) for name, stream in chosen.items()}
    assert {event.kind for event in seen["types"]} == {"queue.paused", "queue.resumed", "job.state"}
    assert [event.kind for event in seen["queue"]][:2] == ["queue.paused", "queue.resumed"]
    assert states(seen["queue"])[-1] == "succeeded" and {e.data["id"] for e in seen["queue"][2:]} == {job}
    assert [event.kind for event in seen["subject"]] == ["queue.paused", "queue.resumed"]
    for stream in chosen.values():
        stream.close()


def test_a_job_is_followed_to_its_end(admin):
    job = admin.submit("sleep", {"seconds": 0.6})
    with EventStream(admin, f"?job={job}") as stream:
        admin.submit()  # another's changes are not sent
        seen = stream.rest()
    assert states(seen)[0] in ("queued", "running") and states(seen)[-1] == "succeeded"
    assert {event.data["id"] for event in seen[:-1]} == {job}
    assert (seen[-1].kind, seen[-1].data["reason"]) == ("end", "ended")
    with EventStream(admin, f"?job={job}") as stream:
        assert [event.kind for event in stream.rest()] == ["job.state", "end"]


def test_a_job_is_followed_through_its_retries(admin):
    job = admin.submit(
        "sleep", {"seconds": 0, "fail_times": 1}, max_attempts=3, retry={"backoff": "list", "delays_seconds": [1]}
    )
    with EventStream(admin, f"?job={job}") as stream:
        seen = stream.rest()
    assert states(seen)[-2:] == ["running", "succeeded"]
    waits = [event.data for event in seen if event.data.get("from") == "running" and "run_at" in event.data]
    assert len(waits) <= 1 and all(event["state"] in ("queued", "scheduled") for event in waits)


def test_a_flow_is_followed_to_its_end(admin):
    answer = admin.post(
        "/api/v1/flows",
        {
            "name": "followed",
            "jobs": [
                {"ref": "a", "kind": "sleep", "payload": {"seconds": 0.5}},
                {"ref": "b", "kind": "echo", "depends_on": ["a"]},
                {"ref": "c", "kind": "sleep", "payload": {"seconds": 0, "fail_times": 1}, "max_attempts": 1},
            ],
            "callback": {"kind": "echo"},
        },
    )
    assert answer.status in (200, 201, 202), answer
    flow = answer.json
    with EventStream(admin, f"?flow={flow['id']}") as stream:
        seen = stream.rest()
    last = {event.data["id"]: event.data["state"] for event in seen if event.kind == "job.state"}
    assert len(last) == 4 and sorted(last.values()) == ["dead", "succeeded", "succeeded", "succeeded"]
    assert seen[-1].data == {"type": "end", "reason": "ended"}


def test_samples_are_sent_to_those_alone_who_name_them(admin):
    with follow(admin, "?types=jobs.changed,service.status") as page, follow(admin) as every:
        jobs = admin.post("/api/v1/jobs/batch", {"jobs": [{"kind": "echo", "payload": 1}] * 400}).json["data"]
        admin.wait(jobs[-1]["id"])
        few = {admin.wait(admin.submit())["id"]}
        seen = page.within(3)
        changed = [event.data for event in seen if event.kind == "jobs.changed"]
        assert sum(len(each["jobs"]) + each["more"] for each in changed) >= 400 and len(changed) <= 13
        assert any(each["more"] > 100 for each in changed)
        for each in changed:
            assert not each["jobs"] if each["more"] else 0 < len(each["jobs"]) <= 100
        assert few <= {job["id"] for job in changed[-1]["jobs"]} or changed[-1]["more"]
        status = [event.data for event in seen if event.kind == "service.status"]
        assert 1 <= len(status) <= 4 and status[0].keys() == admin.get("/api/v1/status").json.keys()
        kinds = {event.kind for event in every.within(0.5)}
        assert kinds and not kinds & {"jobs.changed", "service.status"}


def test_an_organisation_hears_nothing_of_another(new_daemon):
    daemon = new_daemon()
    ours, theirs = daemon.admin(), daemon.client(daemon.create_key("admin", name="theirs"))
    daemon.stop()
    daemon.sql("INSERT INTO organizations (id, name, created_at) VALUES (?, 'other', 0)", str(uuid.UUID(OTHER)))
    daemon.sql("UPDATE keys SET organization_id = ? WHERE name = 'theirs'", OTHER)
    daemon.start()
    with follow(ours) as own:
        die(ours)
        place = own.until(is_state("dead"))[-1].id
    with follow(theirs) as stream, follow(theirs, "?types=jobs.changed") as sampled:
        with follow(theirs, last_id=place) as resumed:
            job = die(ours)["id"]
            with follow(ours, last_id=place) as own:
                own.until(is_state("dead", job))
            assert stream.within(0.5) == [] and sampled.within(0.2) == []
            assert [event.kind for event in resumed.within(0.2)] == ["reset"]
    flow = ours.post("/api/v1/flows", {"jobs": [{"kind": "echo"}]}).json["id"]
    for query in (f"?job={job}", f"?flow={flow}"):
        assert_problem(theirs.get(ROOT + query), 404, "not-found")
    daemon.stop()


def test_a_reader_that_is_too_slow_is_told_so_and_costs_no_memory(new_daemon):
    daemon = new_daemon()
    admin = daemon.admin()
    with EventStream(admin, receive_buffer=4096).opened() as slow, follow(admin) as quick:
        thread_ends = threading.Event()
        seen = []

        def read():
            seen.extend(quick.until(is_state("dead")))
            thread_ends.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        before = resident(daemon)
        body = {"jobs": [{"kind": "echo", "payload": 1}] * 1000}
        for _ in range(30):  # each changes twice
            assert admin.post("/api/v1/jobs/batch", body).status == 200
        until(lambda: admin.get("/api/v1/status").json["jobs"]["succeeded"] == 30_000)
        die(admin)
        assert thread_ends.wait(30)
        assert resident(daemon) - before < 64e6
        events = slow.until(lambda event: event.kind == "reset")
        assert events[-1].data["reason"] == "too_slow" and len(events) < 60_000
        last = die(admin)["id"]
        slow.until(is_state("dead", last))
    daemon.stop()


def resident(daemon):
    with open(f"/proc/{daemon.process.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def test_streams_end_with_the_daemon(new_daemon):
    daemon = new_daemon()
    stream = follow(daemon.admin())
    daemon.stop()
    assert [(event.kind, event.data["reason"]) for event in stream.rest()] == [("end", "stopping")]
    assert stream.ended


def test_a_stream_ends_with_its_key_and_with_its_session(daemon, admin):
    made = admin.post("/api/v1/keys", {"name": "short-lived", "role": "viewer"}).json
    client = daemon.client(made["key"])
    with follow(client) as stream:
        assert admin.delete(f"/api/v1/keys/{made['id']}").status == 204
        assert [(event.kind, event.data["reason"]) for event in stream.rest()] == [("end", "unauthenticated")]
    assert_problem(client.get(ROOT), 401)
    anonymous = daemon.client()
    cookie = anonymous.post("/api/v1/auth/login", {"key": admin.key}).headers["Set-Cookie"].split(";")[0]
    with EventStream(anonymous, cookie=cookie).opened() as stream:
        leaving = {"Cookie": cookie, "X-Millrace-Request": "1", "Origin": f"http://127.0.0.1:{daemon.port}"}
        assert anonymous.post("/api/v1/auth/logout", {}, headers=leaving).status == 204
        assert [(event.kind, event.data["reason"]) for event in stream.rest()] == [("end", "unauthenticated")]


def test_who_may_not_read_stored_events_hears_of_jobs_alone(admin, roles):
    for role in ("viewer", "submitter"):
        assert_problem(roles[role].get(ROOT + "?types=breaker,queue.paused"), 403, "forbidden")
    with follow(roles["viewer"]) as stream, follow(roles["operator"]) as operator:
        dead = die(admin)["id"]
        assert {event.kind for event in stream.until(is_state("dead", dead))} == {"job.state"}
        assert "job.dead" in {event.kind for event in operator.until(is_state("dead", dead))}


def test_nobody_without_a_key_follows(anonymous):
    assert_problem(anonymous.get(ROOT), 401)


@pytest.mark.parametrize(
    "query,status",
    [
        ("?since=1", 422),
        ("?types=", 400),
        ("?types=a,,b", 400),
        ("?job=x", 400),
        ("?flow=x", 400),
        (f"?job={OTHER}", 404),
        (f"?flow={OTHER}", 404),
        (f"?job={OTHER}&flow={OTHER}", 422),
    ],
)
def test_a_wrong_parameter_is_said_to_be_wrong(admin, query, status):
    assert_problem(admin.get(ROOT + query), status)


def test_a_key_has_its_share_of_the_streams(daemon):
    client = daemon.client(daemon.create_key("viewer", name="greedy"))
    held = [follow(client) for _ in range(256)]
    answer = client.get(ROOT)
    assert_problem(answer, 429, "rate-limited")
    assert int(answer.headers["Retry-After"]) >= 1
    follow(daemon.admin()).close()
    held.pop().close()
    until(lambda: EventStream(client).status == 200)
    for stream in held:
        stream.close()
