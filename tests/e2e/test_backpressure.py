"""Full is said at once: 503 with when to come back, nothing half kept, and room again as soon as there is some."""
import threading

import pytest
from support.client import assert_problem, moment, until


def later(client, **options):
    return client.post("/api/v1/jobs", {"kind": "echo", "run_at": moment(3600), **options})


def assert_full(answer, word):
    problem = assert_problem(answer, 503, "unavailable")
    assert word in problem["detail"] and int(answer.headers["Retry-After"]) >= 1, (problem, answer.headers)


def test_the_backlog_has_an_end(new_daemon):
    daemon = new_daemon(environment={"MILLRACE_JOBS_MAX_BACKLOG": "5"})
    client = daemon.admin()
    ids = [later(client).json["id"] for _ in range(5)]
    assert_full(later(client), "jobs.max_backlog")
    assert_full(client.post("/api/v1/flows", {"jobs": [{"kind": "echo"}]}), "jobs.max_backlog")
    items = client.post("/api/v1/jobs/batch", {"jobs": [{"kind": "echo"}] * 3}).json["data"]
    assert {item["status"] for item in items} == {503} and "jobs.max_backlog" in items[0]["error"]["detail"]
    client.post(f"/api/v1/jobs/{ids[0]}/cancel")
    until(lambda: later(client).status == 202)
    assert_full(later(client), "jobs.max_backlog")
    assert client.get("/api/v1/status").json["jobs"]["scheduled"] == 5
    # The limit holds after a restart too, for what was kept.
    daemon.stop()
    daemon.start()
    assert_full(later(client), "jobs.max_backlog")
    daemon.stop()


def test_a_queue_may_have_a_backlog_of_its_own(admin):
    admin.set_queue("short", max_backlog=2)
    ids = [later(admin, queue="short").json["id"] for _ in range(2)]
    until(lambda: admin.queue("short")["depth"] == 2)
    assert_full(later(admin, queue="short"), "short")
    assert later(admin, queue="long").status == 202
    admin.post(f"/api/v1/jobs/{ids[0]}/cancel")
    until(lambda: later(admin, queue="short").status == 202)


def test_one_request_does_not_pass_the_limit_either(admin):
    admin.pause("narrow")
    admin.set_queue("narrow", max_backlog=3)
    items = admin.post(
        "/api/v1/jobs/batch", {"jobs": [{"kind": "echo", "queue": "narrow"}] * 5 + [{"kind": "echo"}]}
    ).json["data"]
    assert [item["status"] for item in items] == [202] * 3 + [503] * 2 + [202] and admin.queue("narrow")["depth"] == 3
    admin.set_queue("narrow", max_backlog=6)
    assert_full(admin.post("/api/v1/flows", {"chain": [{"kind": "echo", "queue": "narrow"}] * 4}), "narrow")
    assert admin.post("/api/v1/flows", {"chain": [{"kind": "echo", "queue": "narrow"}] * 3}).status == 202


@pytest.mark.parametrize(
    "setting,value,word",
    [
        ("MILLRACE_JOBS_MIN_FREE_BYTES", "1000000 GiB", "jobs.min_free_bytes"),
        ("MILLRACE_JOBS_MAX_MEMORY_BYTES", "1 MiB", "jobs.max_memory_bytes"),
    ],
)
def test_below_a_watermark_nothing_is_taken_and_what_was_taken_is_done(new_daemon, setting, value, word):
    daemon = new_daemon()
    client = daemon.admin()
    client.pause("held")
    held = client.submit(queue="held")
    daemon.stop()
    daemon.environment[setting] = value
    daemon.start(ready=False)
    until(lambda: alive(client))
    ready = client.get("/ready")
    assert ready.status == 503 and word in " ".join(ready.json["reasons"])
    assert_full(client.post("/api/v1/jobs", {"kind": "echo"}), word)
    client.resume("held")
    assert client.wait(held)["state"] == "succeeded"
    daemon.stop()


def alive(client):
    try:
        return client.get("/health").status == 200
    except OSError:
        return False


def test_workers_that_wait_are_told_when_the_daemon_stops(new_daemon):
    daemon = new_daemon()
    client, answers = daemon.admin(), []
    client.set_queue("outside", external=True)
    worker = threading.Thread(
        target=lambda: answers.append(client.post("/api/v1/queues/outside/leases", {"worker": "w", "wait_seconds": 60}))
    )
    worker.start()
    until(lambda: client.get("/api/v1/status").json["jobs"]["waiting_workers"] == 1)
    daemon.stop(20)
    worker.join(10)
    assert answers[0].status == 200 and answers[0].json == {"data": []}
