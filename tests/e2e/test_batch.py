"""Many jobs in one call: each with a status of its own, all that are taken in one commit."""
import pytest
from support.client import assert_problem, until

ROOT = "/api/v1/jobs/batch"


def submit(client, jobs, headers=None):
    answer = client.post(ROOT, {"jobs": jobs}, headers=headers)
    assert answer.status == 200, answer
    assert len(answer.json["data"]) == len(jobs)
    return answer.json["data"]


def test_a_thousand_jobs_are_taken_in_one_call(admin):
    items = submit(admin, [{"kind": "echo", "payload": {"n": n}, "queue": "thousand"} for n in range(1000)])
    assert {item["status"] for item in items} == {202} and len({item["id"] for item in items}) == 1000
    assert {(item["state"], item["queue"]) for item in items} == {("queued", "thousand")}
    until(lambda: admin.queue("thousand")["ended"]["succeeded"] == 1000)
    for n in (0, 499, 999):
        assert admin.job(items[n]["id"])["result"] == {"n": n}


def test_each_job_is_taken_or_refused_by_itself(admin):
    items = submit(
        admin,
        [
            {"kind": "echo"},
            {"kind": "no-such-kind"},
            {"kind": "echo", "priority": 99},
            "echo",
            {"kind": "echo", "run_at": "2099-01-01T00:00:00Z"},
            {"kind": "echo", "depends_on": ["0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"]},
        ],
    )
    assert [item["status"] for item in items] == [202, 422, 422, 422, 202, 422]
    assert items[4]["state"] == "scheduled"
    said = [item["error"] for item in items if item["status"] == 422]
    assert {error["type"] for error in said} == {"/problems/unprocessable"} and {error["title"] for error in said} == {
        "Wrong in its content"
    }
    for error, word in zip(said, ("no-such-kind", "priority", "JSON object", "there is no job")):
        assert word in error["detail"]
    assert "id" not in items[1] and admin.wait(items[0]["id"])["state"] == "succeeded"


def test_a_unique_key_holds_within_a_batch(admin):
    items = submit(admin, [{"kind": "echo", "unique_key": "batch", "run_at": "2099-01-01T00:00:00Z"}] * 3)
    assert [item["status"] for item in items] == [202, 200, 200]
    assert len({item["id"] for item in items}) == 1 and [item.get("duplicate") for item in items] == [None, True, True]


def test_an_idempotency_key_answers_the_whole_batch_again(admin):
    headers, jobs = {"Idempotency-Key": "a batch"}, [{"kind": "echo"}, {"kind": "no-such-kind"}]
    first = submit(admin, jobs, headers)
    assert submit(admin, jobs, headers) == first
    assert_problem(admin.post(ROOT, {"jobs": jobs[:1]}, headers=headers), 422, "unprocessable")


@pytest.mark.parametrize(
    "body",
    [
        {"jobs": []},
        {},
        [],
        {"jobs": {"kind": "echo"}},
        {"jobs": [{"kind": "echo"}] * 1001},
        {"jobs": [{"kind": "echo"}], "queue": "x"},
    ],
    ids=["no job", "nothing", "a list", "an object", "1,001 jobs", "an unknown member"],
)
def test_what_is_no_batch_is_refused_whole(admin, body):
    assert_problem(admin.post(ROOT, body), 422, "unprocessable")


def test_a_batch_is_json_of_16_mib_at_most(admin):
    announced = {"Content-Type": "application/json", "Content-Length": str((16 << 20) + 1)}
    assert_problem(admin.request("POST", ROOT, headers=announced), 413, "too-large")
    assert_problem(admin.request("POST", ROOT, body=b'{"jobs":[]}', headers={"Content-Type": "text/plain"}), 415)
    assert_problem(admin.request("POST", ROOT, body=b'{"jobs":[', headers={"Content-Type": "application/json"}), 400)


def test_what_was_answered_outlives_a_kill(new_daemon):
    daemon = new_daemon()
    ids = [item["id"] for item in submit(daemon.admin(), [{"kind": "echo", "payload": {"n": n}} for n in range(500)])]
    daemon.kill()
    daemon.start()
    client = daemon.admin()
    assert [client.wait(identity, "succeeded")["result"]["n"] for identity in ids[::50]] == list(range(0, 500, 50))
    until(lambda: client.get("/api/v1/status").json["jobs"]["succeeded"] == 500)
    daemon.stop()


def test_a_large_batch_is_bound_to_its_key_as_a_small_one(admin):
    headers, jobs = {"Idempotency-Key": "large"}, [{"kind": "echo", "payload": "x" * 1000} for _ in range(200)]
    first = admin.post("/api/v1/jobs/batch", {"jobs": jobs}, headers=headers)
    assert admin.post("/api/v1/jobs/batch", {"jobs": jobs}, headers=headers).json == first.json
    jobs[-1]["payload"] = "y" * 1000
    assert_problem(admin.post("/api/v1/jobs/batch", {"jobs": jobs}, headers=headers), 422)
