"""Named queues: what their operator sets, how they are paused, and who is next in them."""
import threading

import pytest
from support.client import assert_problem, moment, seconds_of, until

DEFAULTS = {"external": False, "breaker": True}


def in_order(client, ids):
    """The jobs, once all have ended, by the time at which they began."""
    return sorted((client.wait(identity, "succeeded") for identity in ids), key=lambda job: job["started_at"])


def batch(client, jobs):
    answer = client.post("/api/v1/jobs/batch", {"jobs": jobs})
    assert answer.status == 200 and {item["status"] for item in answer.json["data"]} == {202}, answer
    return [item["id"] for item in answer.json["data"]]


def test_settings_are_replaced_as_a_whole_and_outlive_a_restart(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    wanted = {
        "concurrency": 4,
        "rate": 2.5,
        "max_backlog": 1000,
        "max_attempts": 2,
        "priority": 7,
        "timeout_seconds": 60,
        "breaker": False,
        "external": False,
    }
    assert client.set_queue("night", **wanted)["settings"] == wanted
    assert client.set_queue("night", rate=3, retry="linear")["settings"] == {
        **DEFAULTS,
        "rate": 3.0,
        "retry": {"backoff": "linear", "first_seconds": 1.0, "factor": 2.0, "longest_seconds": 3600.0, "jitter": 0.2},
    }
    kept = client.queue("night")
    daemon.stop()
    daemon.start()
    assert client.queue("night") == kept
    assert [queue["name"] for queue in client.get("/api/v1/queues").json["data"]] == ["night"]
    daemon.stop()


def test_jobs_take_what_they_do_not_say_from_their_queue(admin):
    admin.set_queue(
        "strict", max_attempts=2, priority=7, timeout_seconds=60, retry={"backoff": "fixed", "first_seconds": 9}
    )
    job = admin.job(admin.submit(queue="strict", run_at=moment(3600)))
    assert (job["max_attempts"], job["priority"], job["timeout_seconds"]) == (2, 7, 60)
    assert job["retry"]["backoff"] == "fixed" and job["planned_retries"] == [9.0]
    own = admin.job(
        admin.submit(queue="strict", run_at=moment(3600), max_attempts=3, priority=0, timeout_seconds=5, retry="linear")
    )
    assert (own["max_attempts"], own["priority"], own["timeout_seconds"], own["planned_retries"]) == (
        3,
        0,
        5,
        [1.0, 2.0],
    )


def test_a_queue_is_there_once_it_is_set_or_has_had_a_job(admin):
    for answer in (admin.get("/api/v1/queues/never"), admin.post("/api/v1/queues/never/resume")):
        assert_problem(answer, 404, "not-found")
    admin.wait(admin.submit(queue="met"))
    assert admin.queue("met")["settings"] == DEFAULTS
    # What is refused makes no queue.
    assert_problem(admin.post("/api/v1/queues/mistyped/leases", {"worker": "w"}), 409)
    assert_problem(admin.post("/api/v1/jobs", {"kind": "no-such-kind", "queue": "mistyped"}), 422)
    assert_problem(admin.get("/api/v1/queues/mistyped"), 404)


def test_a_queue_counts_its_jobs(admin):
    admin.pause("counted")
    waiting = [admin.submit(queue="counted") for _ in range(3)]
    admin.submit(queue="counted", depends_on=[waiting[0]])
    admin.submit(queue="counted", run_at=moment(3600))
    queue = until(lambda: (now := admin.queue("counted"))["depth"] == 5 and now["oldest_age_seconds"] > 0 and now)
    assert (queue["queued"], queue["scheduled"], queue["blocked"], queue["running"]) == (3, 1, 1, 0)
    admin.resume("counted")
    queue = until(lambda: (now := admin.queue("counted"))["ended"]["succeeded"] == 4 and now)
    assert queue["depth"] == 1 and queue["ended"] == {"succeeded": 4, "dead": 0, "cancelled": 0, "expired": 0}
    until(lambda: admin.queue("counted")["rates"]["finished_per_second"] > 0)


def test_a_pause_and_a_setting_at_once_both_hold(daemon, admin):
    for n in range(20):
        name = f"at-once-{n}"
        changes = [
            threading.Thread(target=change)
            for change in (lambda: daemon.admin().pause(name), lambda: daemon.admin().set_queue(name, concurrency=3))
        ]
        for change in changes:
            change.start()
        for change in changes:
            change.join()
        queue = admin.queue(name)
        assert queue["paused"] is True and queue["settings"]["concurrency"] == 3


# Pause


def test_a_paused_queue_takes_jobs_and_begins_none(daemon, admin):
    paused = daemon.client(daemon.create_key("operator", name="Ada")).pause(
        "held", "the printer is empty", until="2099-01-01T00:00:00Z"
    )
    assert paused["paused"] is True
    assert paused["pause"] == {
        "since": paused["pause"]["since"],
        "until": "2099-01-01T00:00:00.000000Z",
        "reason": "the printer is empty",
        "actor": "Ada",
    }
    held = admin.submit(queue="held")
    assert admin.wait(admin.submit(queue="free"))["state"] == "succeeded"  # the dispatcher has gone round since
    assert admin.job(held)["state"] == "queued"
    resumed = admin.resume("held")
    assert resumed["paused"] is False and resumed["pause"] is None
    assert admin.wait(held)["state"] == "succeeded"
    assert admin.resume("held")["paused"] is False


def test_what_runs_when_a_queue_is_paused_goes_on(admin):
    running = admin.submit("sleep", {"seconds": 0.5}, queue="going-on")
    admin.wait(running, "running")
    admin.pause("going-on")
    assert admin.wait(running)["state"] == "succeeded"


def test_a_pause_ends_by_itself_when_its_time_has_come(admin):
    ends = moment(0.8)
    admin.pause("lunch", until=ends)
    job = admin.wait(admin.submit(queue="lunch"))
    assert job["started_at"] >= ends and admin.queue("lunch")["paused"] is False


def test_a_pause_outlives_a_restart(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    pause = client.pause("held", "until Monday")["pause"]
    held = client.submit(queue="held")
    daemon.kill()
    daemon.start()
    assert client.queue("held")["pause"] == pause
    client.wait(client.submit(queue="free"))
    assert client.job(held)["state"] == "queued"
    client.resume("held")
    assert client.wait(held)["state"] == "succeeded"
    daemon.stop()


# Limits


def test_no_more_jobs_run_at_once_than_its_concurrency(admin):
    admin.set_queue("narrow", concurrency=2)
    jobs = [
        admin.wait(identity)
        for identity in batch(admin, [{"kind": "sleep", "payload": {"seconds": 0.15}, "queue": "narrow"}] * 6)
    ]
    moments = sorted([(job["started_at"], 1) for job in jobs] + [(job["finished_at"], -1) for job in jobs])
    together = [sum(step for _, step in moments[:n]) for n in range(len(moments) + 1)]
    assert max(together) == 2


def test_no_more_jobs_begin_in_a_second_than_its_rate(admin):
    admin.set_queue("slow", rate=5)
    jobs = in_order(admin, batch(admin, [{"kind": "echo", "queue": "slow"}] * 9))
    begun = [seconds_of(job["started_at"]) for job in jobs]
    # Five at once, then one each fifth of a second.
    assert begun[8] - begun[0] >= 0.75 and begun[4] - begun[0] < begun[8] - begun[0]


def test_settings_apply_to_what_waits_already(admin):
    admin.pause("changed")
    ids = batch(admin, [{"kind": "sleep", "payload": {"seconds": 0.1}, "queue": "changed"}] * 3)
    admin.set_queue("changed", concurrency=1)
    assert admin.queue("changed")["paused"] is True
    admin.resume("changed")
    jobs = in_order(admin, ids)
    assert all(before["finished_at"] <= after["started_at"] for before, after in zip(jobs, jobs[1:]))


# Who is next


def test_what_waits_long_rises_above_what_came_later(new_daemon):
    daemon = new_daemon(environment={"MILLRACE_JOBS_AGEING_SECONDS": "1"})
    client = daemon.admin()
    client.set_queue("line", concurrency=1)
    client.pause("line")
    old = client.submit(queue="line", priority=4)
    until(lambda: client.queue("line")["oldest_age_seconds"] > 3.2)
    urgent = client.submit(queue="line", priority=9)
    late = [client.submit(queue="line", priority=6) for _ in range(3)]
    client.resume("line")
    assert [job["id"] for job in in_order(client, [old, urgent, *late])] == [urgent, old, *late]
    daemon.stop()


def test_a_key_with_many_jobs_does_not_hold_up_the_first_of_another(daemon, admin):
    admin.set_queue("shared", concurrency=1)
    admin.pause("shared")
    crowd = batch(daemon.client(daemon.create_key("submitter", "crowd")), [{"kind": "echo", "queue": "shared"}] * 300)
    lonely = batch(daemon.client(daemon.create_key("submitter", "lonely")), [{"kind": "echo", "queue": "shared"}])
    admin.resume("shared")
    done = admin.wait(lonely[0])
    before = sum(1 for identity in crowd[:20] if (at := admin.wait(identity)["started_at"]) and at < done["started_at"])
    assert before <= 1
    admin.wait(crowd[-1])


def test_keys_share_a_queue_by_their_weights(daemon, admin):
    def client_of(weight):
        return daemon.client(
            admin.post("/api/v1/keys", {"name": f"weight-{weight}", "role": "submitter", "weight": weight}).json["key"]
        )

    admin.set_queue("weighed", concurrency=1)
    admin.pause("weighed")
    heavy = batch(client_of(3), [{"kind": "echo", "queue": "weighed"}] * 30)
    light = batch(client_of(1), [{"kind": "echo", "queue": "weighed"}] * 30)
    admin.resume("weighed")
    first = [job["id"] for job in in_order(admin, heavy + light)][:20]
    assert 14 <= sum(identity in heavy for identity in first) <= 16


# External


def test_only_an_external_queue_takes_what_nothing_here_runs(admin):
    problem = assert_problem(admin.post("/api/v1/jobs", {"kind": "print", "queue": "press"}), 422, "unprocessable")
    assert "print" in problem["detail"] and "external" in problem["detail"]
    admin.set_queue("press", external=True)
    job = admin.job(admin.submit("print", ["any", "payload"], queue="press"))
    assert job["state"] == "queued" and job["payload"] == ["any", "payload"]
    # Who works a queue is not changed under its jobs.
    assert_problem(admin.request("PUT", "/api/v1/queues/press", data={"external": False}), 409, "conflict")
    admin.post(f"/api/v1/jobs/{job['id']}/cancel")
    until(lambda: admin.queue("press")["depth"] == 0)
    assert admin.set_queue("press")["settings"] == DEFAULTS


@pytest.mark.parametrize("name", ["Upper", "a%20b", "-x", "x" * 64, "caf%C3%A9", "..", "%2e%2e"])
def test_a_queue_has_a_plain_name(admin, name):
    assert_problem(admin.request("PUT", f"/api/v1/queues/{name}", data={}), (400, 404, 422))
    assert_problem(admin.post(f"/api/v1/queues/{name}/pause", {"reason": "x"}), (400, 404, 422))
    assert_problem(admin.post(f"/api/v1/queues/{name}/leases", {"worker": "w"}), (400, 404, 409, 422))
