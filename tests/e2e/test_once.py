"""An Idempotency-Key: one thing made, and the same answer, whatever would be said to the request now."""
import time
import uuid

from support.client import assert_problem


def key():
    return {"Idempotency-Key": str(uuid.uuid4())}


def soon(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + seconds)) + "Z"


def test_a_flow_with_the_same_key_is_made_once(admin):
    once, flow = key(), {
        "jobs": [{"ref": "a", "kind": "echo"}, {"ref": "b", "kind": "echo", "depends_on": ["a"]}],
        "callback": {"kind": "echo"},
    }
    first = admin.post("/api/v1/flows", flow, headers=once)
    again = admin.post("/api/v1/flows", flow, headers=once)
    assert first.status == again.status == 202
    assert first.headers["Location"] == again.headers["Location"]
    assert {node["id"] for node in first.json["nodes"]} == {node["id"] for node in again.json["nodes"]}
    assert_problem(admin.post("/api/v1/flows", {**flow, "name": "another"}, headers=once), 422)
    assert_problem(admin.post("/api/v1/flows", flow, headers={"Idempotency-Key": "x" * 256}), 400)


def test_a_refused_flow_does_not_use_its_key_up(admin):
    once = key()
    assert_problem(admin.post("/api/v1/flows", {"jobs": [{"ref": "a", "kind": "no-such-kind"}]}, headers=once), 422)
    assert admin.post("/api/v1/flows", {"jobs": [{"ref": "a", "kind": "echo"}]}, headers=once).status == 202


def test_a_batch_of_which_nothing_was_taken_does_not_use_its_key_up(admin):
    once, late = key(), {"jobs": [{"kind": "echo", "expires_at": "2020-01-01T00:00:00Z"}]}
    first = admin.post("/api/v1/jobs/batch", late, headers=once)
    assert [item["status"] for item in first.json["data"]] == [422]
    again = admin.post("/api/v1/jobs/batch", {"jobs": [{"kind": "echo"}]}, headers=once)
    assert [item["status"] for item in again.json["data"]] == [202]


def test_what_was_accepted_is_answered_the_same_when_it_would_be_refused_now(admin):
    once, body = key(), {"kind": "echo", "payload": {}, "queue": "once", "expires_at": soon(2)}
    flow_once, flow = key(), {"jobs": [{"ref": "a", **body}]}
    first = admin.post("/api/v1/jobs", body, headers=once)
    flow_first = admin.post("/api/v1/flows", flow, headers=flow_once)
    assert first.status == flow_first.status == 202
    while admin.post("/api/v1/jobs", body).status == 202:
        time.sleep(0.02)
    again = admin.post("/api/v1/jobs", body, headers=once)
    assert again.status == 202 and again.body == first.body
    flow_again = admin.post("/api/v1/flows", flow, headers=flow_once)
    assert flow_again.status == 202 and flow_again.json["id"] == flow_first.json["id"]
    assert_problem(admin.post("/api/v1/jobs", {**body, "priority": 7}, headers=once), 422)
