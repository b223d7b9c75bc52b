"""What became of a job, as clients poll it."""
import pytest
from support.client import assert_problem


@pytest.fixture(params=["/api/v1/results/", "/api/results/"])
def results(request, admin):
    return lambda identity, **headers: admin.get(request.param + identity, headers=headers)


def test_a_finished_job_is_complete_and_its_answer_can_be_kept(admin, results):
    identity = admin.submit("echo", {"n": 7})
    admin.wait(identity)
    answer = results(identity)
    assert answer.status == 200 and answer.json["status"] == "complete" and answer.json["result"] == {"n": 7}
    etag = answer.headers["ETag"]
    assert "no-cache" in answer.headers["Cache-Control"]
    unchanged = results(identity, **{"If-None-Match": etag})
    assert unchanged.status == 304 and unchanged.body == b"" and unchanged.headers["ETag"] == etag
    assert results(identity, **{"If-None-Match": '"another"'}).status == 200
    assert results(identity, **{"If-None-Match": f'"another", {etag}'}).status == 304
    assert results(identity, **{"If-None-Match": "*"}).status == 304


def test_a_running_job_is_processing(admin, results):
    identity = admin.submit("sleep", {"seconds": 600})
    admin.wait(identity, "running")
    answer = results(identity)
    assert answer.status == 200 and answer.json["status"] == "processing"
    assert 0 <= answer.json["progress_percent"] <= 100
    etag = answer.headers["ETag"]
    admin.post(f"/api/v1/jobs/{identity}/cancel")
    admin.wait(identity, "cancelled")
    assert results(identity, **{"If-None-Match": etag}).status == 200  # it has changed


def test_a_waiting_job_has_a_position(new_daemon):
    daemon = new_daemon(environment={"MILLRACE_JOBS_CONCURRENCY": "1"})
    client = daemon.admin()
    client.wait(client.submit("sleep", {"seconds": 600}), "running")
    ids = [client.submit("echo") for _ in range(3)]
    answers = [client.get(f"/api/v1/results/{identity}").json for identity in ids]
    assert [a["status"] for a in answers] == ["queued"] * 3
    positions = [a["position"] for a in answers]
    assert positions == sorted(positions) and len(set(positions)) == 3
    daemon.stop()


def test_a_dead_job_has_failed_and_says_why(admin, results):
    identity = admin.submit("sleep", {"seconds": 0, "fail_times": 1}, max_attempts=1)
    admin.wait(identity, "dead")
    answer = results(identity).json
    assert answer["status"] == "failed" and answer["error"] and answer["attempts"] == 1


@pytest.mark.parametrize("identity", ["0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55", "nonsense", "1", "%2e%2e", "0" * 36])
def test_an_unknown_result_is_not_found(results, identity):
    assert_problem(results(identity), (400, 404))
