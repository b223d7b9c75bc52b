"""How far a job is, how long it may still take, and how many go before it."""
from support.client import moment, until


def result(client, identity):
    answer = client.get(f"/api/v1/results/{identity}")
    assert answer.status == 200, answer
    return answer.json


def test_a_running_job_tells_its_progress_and_what_is_left(admin):
    identity = admin.submit("sleep", {"seconds": 1.2})
    seen = []
    until(lambda: seen.append(result(admin, identity)) or seen[-1]["status"] == "complete")
    under_way = [each for each in seen if each["status"] == "processing"]
    percents = [each["progress_percent"] for each in under_way]
    assert percents == sorted(percents) and len(set(percents)) > 1 and all(0 <= percent <= 100 for percent in percents)
    known = [each["estimated_seconds_remaining"] for each in under_way if each["progress_percent"] > 0]
    assert known and all(0 <= left < 60 for left in known)
    assert admin.job(identity)["progress_percent"] == 100


def test_the_history_of_its_kind_and_queue_stands_in_for_progress_that_is_not_told(admin):
    admin.set_queue("silent", external=True)
    first = admin.submit("render", queue="silent")
    token = admin.lease("silent")[0]["lease_token"]
    silent = result(admin, first)
    assert silent == {"status": "processing", "progress_percent": 0, "estimated_seconds_remaining": None}
    until(lambda: admin.queue("silent")["running"] == 1)
    assert admin.post(f"/api/v1/leases/{token}/complete").status == 200
    second = admin.submit("render", queue="silent")
    waiting = until(lambda: "estimated_seconds_remaining" in (now := result(admin, second)) and now)
    assert waiting["status"] == "queued" and waiting["position"] == 0 and waiting["estimated_seconds_remaining"] >= 0
    admin.lease("silent")
    estimate = result(admin, second)
    assert (
        estimate["status"] == "processing"
        and estimate["estimated_seconds_remaining"] >= 0
        and estimate["progress_percent"] <= 99
    )
    assert admin.queue("silent")["mean_run_seconds"] > 0


def test_a_waiting_job_knows_how_many_go_before_it(admin):
    admin.pause("line")
    ids = [admin.submit(queue="line") for _ in range(4)]
    urgent = admin.submit(queue="line", priority=9)
    assert [result(admin, identity)["position"] for identity in (urgent, *ids)] == [0, 1, 2, 3, 4]
    assert {result(admin, identity)["status"] for identity in ids} == {"queued"}
    admin.resume("line")
    until(lambda: result(admin, ids[-1])["status"] == "complete")


def test_what_was_cancelled_does_not_go_before_anybody(admin):
    admin.pause("thinned")
    cancelled = [admin.submit(queue="thinned", priority=9) for _ in range(20)]
    last = admin.submit(queue="thinned")
    assert result(admin, last)["position"] == 20
    for identity in cancelled:
        admin.post(f"/api/v1/jobs/{identity}/cancel")
    until(lambda: result(admin, last)["position"] <= 1)
    admin.resume("thinned")
    assert admin.wait(last)["state"] == "succeeded"


def test_a_job_that_waits_for_another_has_no_position(admin):
    parent = admin.submit(run_at=moment(3600))
    assert result(admin, admin.submit(depends_on=[parent])) == {"status": "queued", "position": None}


def test_progress_is_in_the_job_in_lists_and_in_its_flow(admin):
    made = admin.post("/api/v1/flows", {"jobs": [{"ref": "long", "kind": "sleep", "payload": {"seconds": 4}}]}).json
    identity = made["nodes"][0]["id"]
    until(lambda: admin.job(identity)["progress_percent"] > 0)
    (listed,) = admin.get(f"/api/v1/jobs?flow={made['id']}").json["data"]
    (node,) = admin.get(f"/api/v1/flows/{made['id']}").json["nodes"]
    assert 0 < listed["progress_percent"] < 100 and 0 < node["progress_percent"] < 100
    admin.post(f"/api/v1/jobs/{identity}/cancel")


def test_the_etag_follows_the_progress(admin):
    identity = admin.submit("sleep", {"seconds": 1})
    admin.wait(identity, "running")
    before = admin.get(f"/api/v1/results/{identity}")
    tag = before.headers["ETag"]
    changed = until(
        lambda: (now := admin.get(f"/api/v1/results/{identity}", headers={"If-None-Match": tag})).status == 200 and now
    )
    assert changed.headers["ETag"] != tag
    admin.wait(identity)
    final = admin.get(f"/api/v1/results/{identity}")
    assert admin.get(f"/api/v1/results/{identity}", headers={"If-None-Match": final.headers["ETag"]}).status == 304
