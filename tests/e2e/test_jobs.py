"""The life of a job over HTTP: submitted, run, retried, ended."""
import json
import re
import threading
import time
import uuid

import pytest
from support.client import assert_problem, form, query

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")


def test_an_echo_job_gives_its_payload_back(admin):
    answer = admin.post("/api/v1/jobs", {"kind": "echo", "payload": {"hello": ["wörld", 1.5, None, True]}})
    assert answer.status == 202, answer
    assert answer.json["state"] in ("queued", "running") and answer.json["queue"] == "default"
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json['id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    job = admin.wait(answer.json["id"])
    assert job["state"] == "succeeded" and job["result"] == {"hello": ["wörld", 1.5, None, True]}


def test_a_job_shows_all_that_the_contract_promises(admin):
    job = admin.wait(
        admin.submit("echo", {"a": 1}, tags={"site": "north"}, priority=7, max_attempts=2, timeout_seconds=60)
    )
    assert uuid.UUID(job["id"]).version == 7
    assert (job["kind"], job["queue"], job["priority"], job["max_attempts"], job["timeout_seconds"]) == (
        "echo",
        "default",
        7,
        2,
        60,
    )
    assert job["payload"] == {"a": 1} and job["tags"] == {"site": "north"}
    assert job["attempt"] == 1 and job["error"] is None and job["progress_percent"] == 100
    assert all(TIME.match(job[name]) for name in ("created_at", "run_at", "started_at", "finished_at"))
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]
    assert isinstance(job["attempts"], list) and isinstance(job["timeline"], list)
    assert all(TIME.match(event["at"]) and event["event"] for event in job["timeline"])


def test_higher_priorities_run_first(new_daemon):
    daemon = new_daemon(environment={"MILLRACE_JOBS_CONCURRENCY": "1"})
    client = daemon.admin()
    blocker = client.submit("sleep", {"seconds": 1.5})
    client.wait(blocker, "running")
    ids = {client.submit("sleep", {"seconds": 0.01}, priority=p): (p, n) for n, p in enumerate([0, 5, 9, 5, 9, 1])}
    for identity in ids:
        client.wait(identity, "succeeded")
    order = sorted(ids, key=lambda identity: client.job(identity)["started_at"])
    assert [ids[identity] for identity in order] == [(9, 2), (9, 4), (5, 1), (5, 3), (1, 5), (0, 0)]
    daemon.stop()


def test_a_failing_job_is_tried_again_after_1_2_and_4_seconds_and_then_dies(admin):
    recovering = admin.submit("sleep", {"seconds": 0, "fail_times": 2})
    dying = admin.submit("sleep", {"seconds": 0, "fail_times": 10})
    job = admin.wait(recovering, seconds=20)
    assert job["state"] == "succeeded" and job["attempt"] == 3
    job = admin.wait(dying, seconds=30)
    assert job["state"] == "dead" and job["attempt"] == 4 and job["max_attempts"] == 4
    assert job["error"]["code"] and job["error"]["message"]
    attempts = job["attempts"]
    assert [a["attempt"] for a in attempts] == [1, 2, 3, 4] and {a["outcome"] for a in attempts} == {"failed"}
    at = [micros(a["started_at"]) for a in attempts]
    for pause, expected in zip((b - a for a, b in zip(at, at[1:])), (1, 2, 4)):
        assert expected * 0.75 <= pause / 1e6 <= expected * 1.25 + 0.5, (pause, expected)


def micros(text):
    import datetime

    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(moment.timestamp() * 1e6)


def test_a_waiting_retry_is_scheduled(admin):
    identity = admin.submit("sleep", {"seconds": 0, "fail_times": 1})
    job = admin.wait(identity, "scheduled", seconds=5)
    assert job["attempt"] == 1 and job["error"]["message"]
    assert admin.wait(identity)["state"] == "succeeded"


def test_max_attempts_of_one_dies_at_once(admin):
    job = admin.wait(admin.submit("sleep", {"seconds": 0, "fail_times": 1}, max_attempts=1), seconds=5)
    assert job["state"] == "dead" and job["attempt"] == 1


def test_a_job_that_takes_too_long_is_stopped(admin):
    job = admin.wait(admin.submit("sleep", {"seconds": 60}, timeout_seconds=0.3, max_attempts=1), seconds=15)
    assert job["state"] == "dead" and job["error"]["code"] == "timed_out"


# Idempotency


def test_the_same_idempotency_key_gives_the_same_job(admin):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"kind": "echo", "payload": {"n": 1}}
    first = admin.post("/api/v1/jobs", body, headers=key)
    again = admin.post("/api/v1/jobs", body, headers=key)
    assert first.status == again.status == 202
    assert first.json["id"] == again.json["id"]
    quoted = admin.post("/api/v1/jobs", body, headers={"Idempotency-Key": f'"{key["Idempotency-Key"]}"'})
    assert quoted.json["id"] == first.json["id"]
    other = admin.post("/api/v1/jobs", {"kind": "echo", "payload": {"n": 2}}, headers=key)
    assert_problem(other, 422, "unprocessable")


def test_an_idempotency_key_belongs_to_one_answer_even_when_both_come_at_once(admin):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    answers = []

    def submit():
        answers.append(admin.post("/api/v1/jobs", {"kind": "echo", "payload": {}}, headers=key))

    threads = [threading.Thread(target=submit) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a.status for a in answers} <= {202, 409}
    assert len({a.json["id"] for a in answers if a.status == 202}) == 1


def test_an_idempotency_key_outlives_a_restart(new_daemon):
    daemon = new_daemon()
    key, body = {"Idempotency-Key": "once"}, {"kind": "echo", "payload": {}}
    first = daemon.admin().post("/api/v1/jobs", body, headers=key).json["id"]
    daemon.kill()
    daemon.start()
    assert daemon.admin().post("/api/v1/jobs", body, headers=key).json["id"] == first
    daemon.stop()


@pytest.mark.parametrize("key", ["x" * 256, '""'])
def test_a_strange_idempotency_key_is_refused(admin, key):
    assert_problem(admin.post("/api/v1/jobs", {"kind": "echo"}, headers={"Idempotency-Key": key}), (400, 422))


def test_a_refused_submit_does_not_use_its_idempotency_key_up(admin):
    key = {"Idempotency-Key": str(uuid.uuid4())}
    assert_problem(admin.post("/api/v1/jobs", {"kind": "no-such-kind"}, headers=key), 422)
    assert admin.post("/api/v1/jobs", {"kind": "echo"}, headers=key).status == 202


# Prefer: wait


def test_prefer_wait_answers_the_finished_job(admin):
    begin = time.monotonic()
    answer = admin.post("/api/v1/jobs", {"kind": "sleep", "payload": {"seconds": 0.3}}, headers={"Prefer": "wait=20"})
    assert answer.status == 200 and answer.json["state"] == "succeeded", answer
    assert 0.25 <= time.monotonic() - begin < 5
    assert "wait" in answer.headers["Preference-Applied"]


def test_prefer_wait_gives_up_in_time(admin):
    begin = time.monotonic()
    answer = admin.post("/api/v1/jobs", {"kind": "sleep", "payload": {"seconds": 5}}, headers={"Prefer": "wait=1"})
    assert answer.status == 202 and answer.json["id"]
    assert 0.8 <= time.monotonic() - begin < 4
    admin.post(f"/api/v1/jobs/{answer.json['id']}/cancel")


# Time


def test_a_job_waits_for_its_time(admin):
    at = time.time() + 1.5
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1e6):06d}Z"
    answer = admin.post("/api/v1/jobs", {"kind": "echo", "run_at": text})
    assert answer.status == 202 and answer.json["state"] == "scheduled"
    job = admin.wait(answer.json["id"])
    assert micros(job["started_at"]) / 1e6 >= at - 0.001
    assert micros(job["started_at"]) / 1e6 < at + 2


# Cancel and retry


def test_a_waiting_and_a_running_job_can_be_cancelled(admin):
    scheduled = admin.submit("echo", run_at="2099-01-01T00:00:00Z")
    running = admin.submit("sleep", {"seconds": 600})
    admin.wait(running, "running")
    for identity in (scheduled, running):
        answer = admin.post(f"/api/v1/jobs/{identity}/cancel")
        assert answer.status in (200, 202), answer
        assert admin.wait(identity, "cancelled", seconds=5)
        assert_problem(admin.post(f"/api/v1/jobs/{identity}/cancel"), 409, "conflict")


def test_a_dead_or_cancelled_job_can_be_tried_again(admin):
    dead = admin.submit("sleep", {"seconds": 0, "fail_times": 1}, max_attempts=1)
    admin.wait(dead, "dead")
    answer = admin.post(f"/api/v1/jobs/{dead}/retry")
    assert answer.status in (200, 202), answer
    assert admin.wait(dead, "succeeded")["attempt"] == 2
    assert_problem(admin.post(f"/api/v1/jobs/{dead}/retry"), 409, "conflict")
    cancelled = admin.submit("echo", {"x": 1}, run_at="2099-01-01T00:00:00Z")
    admin.post(f"/api/v1/jobs/{cancelled}/cancel")
    assert admin.post(f"/api/v1/jobs/{cancelled}/retry").status in (200, 202)
    assert admin.wait(cancelled)["result"] == {"x": 1}


# Lists


def test_a_list_is_read_page_by_page_without_gap_or_repeat(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    ids = [client.submit("echo", {"n": n}) for n in range(25)]
    seen, cursor, pages = [], None, 0
    while True:
        page = client.get("/api/v1/jobs" + query(limit=10, **({"cursor": cursor} if cursor else {})))
        assert page.status == 200, page
        seen += [job["id"] for job in page.json["data"]]
        pages += 1
        if pages == 1:
            late = client.submit("echo")  # must not shift the pages behind the cursor
        cursor = page.json["meta"]["next_cursor"]
        if cursor is None:
            break
    assert pages == 3 and [i for i in seen if i != late] == ids[::-1]
    assert "attempts" not in page.json["data"][0] and "timeline" not in page.json["data"][0]
    daemon.stop()


def test_a_list_is_filtered(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    north = client.submit("echo", tags={"site": "north"})
    south = client.submit("echo", tags={"site": "south"})
    later = client.submit("echo", run_at="2099-01-01T00:00:00Z")
    other = client.submit("sleep", {"seconds": 0}, queue="night")
    for identity in (north, south, other):
        client.wait(identity)

    def ids(**filters):
        answer = client.get("/api/v1/jobs" + query(**filters))
        assert answer.status == 200, answer
        return {job["id"] for job in answer.json["data"]}

    assert ids(state="scheduled") == {later}
    assert ids(state="succeeded") == {north, south, other}
    assert ids(kind="sleep") == {other} == ids(queue="night")
    assert ids(tag="site=north") == {north}
    assert ids(state="succeeded", kind="echo", tag="site=south") == {south}
    assert ids(kind="nothing") == set()
    daemon.stop()


@pytest.mark.parametrize(
    "filters",
    [
        "?limit=0",
        "?limit=x",
        "?limit=100000",
        "?state=happy",
        "?cursor=!!!",
        "?limit=-1",
        "?unknown=1",
        "?created_after=never",
        "?cursor=AAAA",
    ],
)
def test_a_wrong_filter_is_said_to_be_wrong(admin, filters):
    assert_problem(admin.get("/api/v1/jobs" + filters), (400, 422))


# Files


def test_files_of_a_form_become_blobs_of_the_job(admin):
    content = b"\0binary\r\n--not a boundary\r\n" * 100
    job = json.dumps({"kind": "echo", "payload": {"file": {"$part": "image"}, "list": [{"$part": "image"}]}})
    answer = admin.post_form(
        "/api/v1/jobs",
        [("job", None, "application/json", job), ("image", "a.bin", "application/octet-stream", content)],
    )
    assert answer.status == 202, answer
    done = admin.wait(answer.json["id"])
    digest = done["payload"]["file"]["blob"]
    assert done["payload"]["list"][0]["blob"] == digest
    blob = admin.get(f"/api/v1/blobs/{digest}")
    assert blob.status == 200 and blob.body == content


@pytest.mark.parametrize(
    "parts",
    [
        [("image", "a", None, b"x")],
        [("job", None, "application/json", "{")],
        [
            ("job", None, "application/json", '{"kind":"echo","payload":{"f":{"$part":"missing"}}}'),
            ("image", "a", None, b"x"),
        ],
        [("job", None, None, '{"kind":"echo"}'), ("job", None, None, '{"kind":"echo"}')],
        [],
    ],
)
def test_a_wrong_form_is_refused(admin, parts):
    assert_problem(admin.post_form("/api/v1/jobs", parts), (400, 422))


def test_a_form_that_is_cut_off_is_refused(admin):
    content_type, body = form([("job", None, "application/json", '{"kind":"echo"}'), ("f", "f", None, b"x" * 1000)])
    assert_problem(
        admin.request("POST", "/api/v1/jobs", body=body[:-30], headers={"Content-Type": content_type}), (400, 422)
    )
    assert_problem(
        admin.request("POST", "/api/v1/jobs", body=body, headers={"Content-Type": "multipart/form-data"}),
        (400, 415, 422),
    )


# Restart


def test_jobs_outlive_a_clean_restart(new_daemon):
    daemon = new_daemon(environment={"MILLRACE_JOBS_DRAIN_SECONDS": "1"})
    client = daemon.admin()
    running = client.submit("sleep", {"seconds": 3})
    later = client.submit("echo", run_at="2099-01-01T00:00:00Z")
    done = client.wait(client.submit("echo", {"kept": True}))["id"]
    client.wait(running, "running")
    daemon.stop()
    daemon.start()
    assert client.job(done)["result"] == {"kept": True}
    assert client.job(later)["state"] == "scheduled"
    assert client.wait(running)["state"] == "succeeded"
    daemon.stop()
