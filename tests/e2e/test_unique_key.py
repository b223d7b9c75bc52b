"""A unique key: one job for it at a time, and whoever submits another is given that one."""
import threading

import pytest
from support.client import assert_problem, moment


def submit(client, key=None, **options):
    return client.post("/api/v1/jobs", {"kind": "echo", **({"unique_key": key} if key else {}), **options})


def assert_duplicate(answer, identity):
    assert answer.status == 200 and answer.json["id"] == identity and answer.json["duplicate"] is True, answer
    assert answer.headers["Location"] == f"/api/v1/jobs/{identity}"


def test_while_one_waits_or_runs_another_submit_gives_that_one(admin):
    waiting = submit(admin, "waits", run_at=moment(3600))
    assert waiting.status == 202 and "duplicate" not in waiting.json
    assert admin.job(waiting.json["id"])["unique_key"] == "waits"
    assert_duplicate(submit(admin, "waits", payload={"something": "else"}, queue="other"), waiting.json["id"])
    running = submit(admin, "runs", kind="sleep", payload={"seconds": 600}).json["id"]
    admin.wait(running, "running")
    assert_duplicate(submit(admin, "runs"), running)
    assert submit(admin, "another").status == 202
    admin.post(f"/api/v1/jobs/{running}/cancel")


@pytest.mark.parametrize("end", ["succeeded", "dead", "cancelled"])
def test_once_it_has_ended_there_is_place_for_the_next(admin, end):
    first = submit(
        admin,
        f"ended-{end}",
        kind="sleep",
        payload={"seconds": 0, "fail_times": int(end == "dead")},
        max_attempts=1,
        **({"run_at": moment(3600)} if end == "cancelled" else {}),
    ).json["id"]
    if end == "cancelled":
        admin.post(f"/api/v1/jobs/{first}/cancel")
    admin.wait(first, end)
    second = submit(admin, f"ended-{end}")
    assert second.status == 202 and second.json["id"] != first


def test_the_states_that_count_can_be_chosen(admin):
    once = {"key": "forever", "states": ["queued", "running", "succeeded"]}
    first = submit(admin, unique=once).json["id"]
    admin.wait(first, "succeeded")
    assert_duplicate(submit(admin, unique=once), first)
    # Only what waits counts: while it runs, one more may wait.
    waiting = {"key": "one-more", "states": ["queued", "scheduled"]}
    running = submit(admin, unique=waiting, kind="sleep", payload={"seconds": 600}).json["id"]
    admin.wait(running, "running")
    another = submit(admin, unique=waiting, run_at=moment(3600))
    assert another.status == 202
    assert_duplicate(submit(admin, unique=waiting), another.json["id"])
    admin.post(f"/api/v1/jobs/{running}/cancel")


def test_an_earlier_job_counts_only_for_the_period(admin):
    once = {"key": "debounced", "states": ["queued", "running", "succeeded"], "period_seconds": 3600}
    first = submit(admin, unique=once).json["id"]
    admin.wait(first)
    assert_duplicate(submit(admin, unique=once), first)
    assert submit(admin, unique={**once, "period_seconds": 0.001}).status == 202


def test_of_many_at_once_one_is_made(daemon, admin):
    answers = []

    def ask():
        answers.append(submit(daemon.admin(), "race", run_at=moment(3600)))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (
        sorted(answer.status for answer in answers) == [200] * 15 + [202]
        and len({answer.json["id"] for answer in answers}) == 1
    )


def test_a_key_outlives_a_kill(new_daemon):
    daemon = new_daemon()
    once = {"key": "once", "states": ["queued", "running", "succeeded"]}
    first = submit(daemon.admin(), unique=once).json["id"]
    daemon.admin().wait(first)
    daemon.kill()
    daemon.start()
    assert_duplicate(submit(daemon.admin(), unique=once), first)
    daemon.stop()


def test_who_waits_for_a_duplicate_is_given_the_earlier_job_at_its_end(admin):
    first = submit(admin, "waited-for", kind="sleep", payload={"seconds": 0.4}).json["id"]
    answer = admin.post("/api/v1/jobs", {"kind": "echo", "unique_key": "waited-for"}, headers={"Prefer": "wait=20"})
    assert answer.status == 200 and answer.json["id"] == first and answer.json["state"] == "succeeded"


@pytest.mark.parametrize(
    "options",
    [
        {"unique_key": ""},
        {"unique_key": 5},
        {"unique_key": "x" * 256},
        {"unique_key": "a", "unique": {"key": "a"}},
        {"unique": {}},
        {"unique": "a"},
        {"unique": {"key": ""}},
        {"unique": {"key": "a", "states": []}},
        {"unique": {"key": "a", "states": ["happy"]}},
        {"unique": {"key": "a", "states": "queued"}},
        {"unique": {"key": "a", "period_seconds": 0}},
        {"unique": {"key": "a", "period_seconds": "1"}},
        {"unique": {"key": "a", "surprise": 1}},
    ],
    ids=str,
)
def test_a_unique_key_that_cannot_be_is_refused(admin, options):
    assert "unique" in assert_problem(submit(admin, **options), 422)["detail"]
