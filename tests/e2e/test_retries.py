"""What becomes of an attempt that failed: when it is tried again, when not, and how the job shows it."""
import pytest
from support.client import moment, seconds_of

FAILING = {"seconds": 0, "fail_times": 100}


def planned(client, retry, **options):
    return client.job(client.submit("sleep", FAILING, run_at=moment(3600), retry=retry, **options))["planned_retries"]


def test_by_default_three_retries_after_1_2_and_4_seconds_are_planned(admin):
    job = admin.job(admin.submit("sleep", FAILING, run_at=moment(3600)))
    assert job["max_attempts"] == 4 and job["planned_retries"] == [1.0, 2.0, 4.0]
    assert job["retry"] == {
        "backoff": "exponential",
        "first_seconds": 1.0,
        "factor": 2.0,
        "longest_seconds": 3600.0,
        "jitter": 0.2,
    }


@pytest.mark.parametrize(
    "retry,expected",
    [
        ("exponential", [1, 2, 4, 8]),
        ("linear", [1, 2, 3, 4]),
        ("fixed", [1, 1, 1, 1]),
        ("polynomial", [16, 31, 96, 271]),
        ({"first_seconds": 10, "factor": 3}, [10, 30, 90, 270]),
        ({"backoff": "linear", "first_seconds": 0.5}, [0.5, 1, 1.5, 2]),
        ({"backoff": "fixed", "first_seconds": 60}, [60, 60, 60, 60]),
        ({"backoff": "list", "delays_seconds": [1, 5, 30]}, [1, 5, 30, 30]),
        ({"first_seconds": 1, "longest_seconds": 3}, [1, 2, 3, 3]),
        ({"backoff": "polynomial", "longest_seconds": 100}, [16, 31, 96, 100]),
    ],
    ids=str,
)
def test_each_back_off_plans_its_own_delays(admin, retry, expected):
    assert planned(admin, retry, max_attempts=5) == expected


def test_the_next_retry_is_shown_while_the_job_waits_for_it(admin):
    identity = admin.submit("sleep", FAILING, retry={"backoff": "linear", "first_seconds": 100, "jitter": 0})
    job = admin.wait(identity, "scheduled")
    assert job["attempt"] == 1 and [attempt["outcome"] for attempt in job["attempts"]] == ["failed"]
    assert job["next_retry_at"] == job["run_at"]
    assert seconds_of(job["next_retry_at"]) - seconds_of(job["attempts"][0]["ended_at"]) == pytest.approx(
        100, abs=0.001
    )
    assert job["planned_retries"] == [100.0, 200.0, 300.0] and job["error"]["code"] == "planned_failure"
    assert [moment_of["event"] for moment_of in job["timeline"]] == [
        "submitted",
        "attempt 1 started",
        "attempt 1 failed",
        "due",
    ]


def test_jitter_spreads_the_retries_around_the_plan(admin):
    ids = [
        admin.submit("sleep", FAILING, queue="jitter", retry={"backoff": "fixed", "first_seconds": 100, "jitter": 0.5})
        for _ in range(8)
    ]
    jobs = [admin.wait(identity, "scheduled") for identity in ids]
    delays = [seconds_of(job["next_retry_at"]) - seconds_of(job["attempts"][0]["ended_at"]) for job in jobs]
    assert all(49.9 <= delay <= 150.1 for delay in delays) and max(delays) - min(delays) > 1


def test_a_job_that_recovers_keeps_its_failed_attempts(admin):
    job = admin.wait(
        admin.submit("sleep", {"seconds": 0, "fail_times": 2}, retry={"backoff": "list", "delays_seconds": [0]})
    )
    assert job["state"] == "succeeded" and job["attempt"] == 3 and job["planned_retries"] == []
    assert [(each["attempt"], each["outcome"], each["error"]["code"]) for each in job["attempts"]] == [
        (1, "failed", "planned_failure"),
        (2, "failed", "planned_failure"),
    ]


def test_what_trying_again_cannot_help_is_not_tried_again(admin):
    job = admin.wait(admin.submit("sleep", FAILING, retry={"never": ["bad_input", "planned_failure"]}))
    assert job["state"] == "dead" and job["attempt"] == 1
    other = admin.wait(
        admin.submit("sleep", FAILING, retry={"backoff": "list", "delays_seconds": [0], "never": ["bad_input"]})
    )
    assert other["state"] == "dead" and other["attempt"] == 4


def test_a_queues_policy_is_its_jobs_policy(admin):
    admin.set_queue("patient", retry={"backoff": "fixed", "first_seconds": 100, "jitter": 0}, max_attempts=2)
    job = admin.wait(admin.submit("sleep", FAILING, queue="patient"), "scheduled")
    assert seconds_of(job["next_retry_at"]) - seconds_of(job["attempts"][0]["ended_at"]) == pytest.approx(
        100, abs=0.001
    )
    # A policy that comes later is what its next retry follows.
    admin.set_queue("patient", retry={"backoff": "list", "delays_seconds": [0]}, max_attempts=2)
    assert admin.job(job["id"])["planned_retries"] == [0.0]


def test_the_work_itself_may_say_when_to_try_again(admin):
    admin.set_queue("asking", external=True)
    identity = admin.submit("fetch", queue="asking", retry={"backoff": "fixed", "first_seconds": 1})
    token = admin.lease("asking")[0]["lease_token"]
    assert (
        admin.post(
            f"/api/v1/leases/{token}/fail", {"error": "429 from the other side", "retry_after_seconds": 500}
        ).status
        == 200
    )
    job = admin.job(identity)
    assert job["state"] == "scheduled"
    assert seconds_of(job["next_retry_at"]) - seconds_of(job["attempts"][0]["ended_at"]) == pytest.approx(
        500, abs=0.001
    )


def test_retrying_by_hand_gives_the_job_its_attempts_again(admin):
    identity = admin.submit(
        "sleep", {"seconds": 0, "fail_times": 3}, max_attempts=2, retry={"backoff": "list", "delays_seconds": [0]}
    )
    assert admin.wait(identity, "dead")["attempt"] == 2
    assert admin.post(f"/api/v1/jobs/{identity}/retry").status == 200
    job = admin.wait(identity)
    assert job["state"] == "succeeded" and job["attempt"] == 4 and len(job["attempts"]) == 3
