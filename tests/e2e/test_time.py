"""Times of a job: when it may begin, by when it must have begun or ended, and how long an attempt may take."""
import pytest
from support.client import assert_problem, moment, seconds_of


def test_a_time_that_has_passed_is_now(admin):
    job = admin.wait(admin.submit(run_at="2001-01-01T00:00:00Z"))
    assert job["state"] == "succeeded" and job["run_at"] == job["created_at"]


def test_delayed_jobs_begin_in_the_order_of_their_times(admin):
    ids = [admin.submit(run_at=moment(seconds), queue="delayed") for seconds in (0.6, 0.2, 0.4)]
    jobs = [admin.wait(identity) for identity in ids]
    assert all(job["started_at"] >= job["run_at"] for job in jobs)
    assert jobs[1]["started_at"] < jobs[2]["started_at"] < jobs[0]["started_at"]


def test_a_delayed_job_outlives_a_kill(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    later, soon = client.submit(run_at=moment(3600)), client.submit(run_at=moment(0.6))
    daemon.kill()
    daemon.start()
    assert client.wait(soon)["state"] == "succeeded" and client.job(later)["state"] == "scheduled"
    daemon.stop()


@pytest.mark.parametrize("field", ["deadline_at", "expires_at"])
def test_never_may_be_said_as_the_last_day_there_is(admin, field):
    job = admin.wait(admin.submit("sleep", {"seconds": 0.05}, **{field: "9999-12-31T23:59:59Z"}))
    assert job["state"] == "succeeded" and job["attempt"] == 1, job


# expires_at: by then it has begun


@pytest.mark.parametrize("waits", ["paused", "scheduled", "blocked", "external"])
def test_a_job_that_has_not_begun_in_time_expires(admin, waits):
    options = {"queue": f"expiry-{waits}", "expires_at": moment(0.5)}
    if waits == "paused":
        admin.pause(options["queue"])
    elif waits == "scheduled":
        options["run_at"] = moment(3600)
    elif waits == "blocked":
        options["depends_on"] = [admin.submit(run_at=moment(3600))]
    else:
        admin.set_queue(options["queue"], external=True)
    job = admin.wait(admin.submit(**options), "expired")
    assert job["started_at"] is None and job["attempt"] == 0 and job["error"]["code"] == "expired"
    assert seconds_of(job["finished_at"]) >= seconds_of(job["expires_at"])
    result = admin.get(f"/api/v1/results/{job['id']}").json
    assert result["status"] == "failed" and result["attempts"] == 0
    queue = admin.queue(options["queue"])
    assert queue["depth"] == 0 and queue["ended"]["expired"] == 1


def test_what_has_begun_in_time_does_not_expire(admin):
    job = admin.wait(admin.submit("sleep", {"seconds": 0.9}, expires_at=moment(0.5)))
    assert job["state"] == "succeeded" and job["finished_at"] > job["expires_at"]


def test_an_expired_job_can_be_tried_again(admin):
    identity = admin.submit(run_at=moment(3600), expires_at=moment(0.3))
    admin.wait(identity, "expired")
    assert admin.post(f"/api/v1/jobs/{identity}/retry").status == 200
    assert admin.wait(identity)["state"] == "succeeded"


# deadline_at: by then it has ended


def test_work_under_way_is_stopped_at_the_deadline(admin):
    job = admin.wait(admin.submit("sleep", {"seconds": 600}, deadline_at=moment(0.5)))
    assert job["state"] == "expired" and job["started_at"] and job["result"] is None
    assert job["finished_at"] >= job["deadline_at"]
    running = admin.get("/api/v1/jobs?state=running").json["data"]
    assert job["id"] not in [each["id"] for each in running]


def test_a_job_that_waits_at_its_deadline_expires(admin):
    admin.pause("deadline")
    job = admin.wait(admin.submit(queue="deadline", deadline_at=moment(0.4)), "expired")
    assert job["attempt"] == 0


def test_a_retry_that_would_come_after_the_deadline_is_not_planned(admin):
    job = admin.wait(
        admin.submit(
            "sleep",
            {"seconds": 0, "fail_times": 9},
            deadline_at=moment(20),
            retry={"backoff": "fixed", "first_seconds": 60, "jitter": 0},
        )
    )
    assert job["state"] == "dead" and job["attempt"] == 1 and job["error"]["code"] == "planned_failure"


# timeout_seconds: of each attempt


def test_an_attempt_that_takes_too_long_is_stopped_and_tried_again(admin):
    job = admin.wait(
        admin.submit(
            "sleep",
            {"seconds": 600},
            timeout_seconds=0.2,
            max_attempts=2,
            retry={"backoff": "list", "delays_seconds": [0]},
        )
    )
    assert job["state"] == "dead" and [each["error"]["code"] for each in job["attempts"]] == ["timed_out", "timed_out"]
    assert admin.queue("default")["running"] == len(admin.get("/api/v1/jobs?state=running&queue=default").json["data"])


def test_the_timeout_is_half_an_hour_unless_said(admin):
    assert admin.job(admin.submit(run_at=moment(3600)))["timeout_seconds"] == 1800


@pytest.mark.parametrize("name", ["expires_at", "deadline_at"])
@pytest.mark.parametrize("value", ["2001-01-01T00:00:00Z", "soon", 5, ""])
def test_a_limit_that_cannot_be_kept_is_refused(admin, name, value):
    assert name in assert_problem(admin.post("/api/v1/jobs", {"kind": "echo", name: value}), 422)["detail"]
