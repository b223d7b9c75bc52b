"""Clients that go away while the daemon works for them: that is noticed at once, and their work is withdrawn."""
import http.client
import json
import socket

import pytest
from support import hostile
from support.client import until


def raw_request(client, method, path, data):
    body = json.dumps(data).encode()
    return (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {client.key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@pytest.fixture(scope="module")
def program(daemon):
    """A client with a key, over TCP."""
    return daemon.client(daemon.create_key("admin"))


@pytest.fixture
def outside(program, request):
    name = request.node.name.split("[")[0][:60].replace("test_", "")
    program.set_queue(name, external=True)
    return name


def waiting_workers(client):
    return client.get("/api/v1/status").json["jobs"]["waiting_workers"]


def poll(queue, wait_seconds=20):
    return f"/api/v1/queues/{queue}/leases", {
        "worker": "gone",
        "max": 10,
        "wait_seconds": wait_seconds,
        "lease_seconds": 3600,
    }


def test_a_job_goes_to_a_worker_that_lives_not_to_one_that_has_gone(program, admin, outside):
    for client in (program, admin):  # over TCP, and over the unix socket
        for _ in range(5):
            client.abandon("POST", *poll(outside), after=0.05)
        until(lambda: waiting_workers(admin) == 0)
        identity = admin.submit("any", queue=outside)
        (leased,) = admin.lease(outside, wait_seconds=20)
        assert leased["job"]["id"] == identity and leased["job"]["attempt"] == 1
        assert admin.post(f"/api/v1/leases/{leased['lease_token']}/complete", {"result": 1}).status == 200


def test_a_job_that_was_handed_to_a_worker_that_had_gone_is_no_attempt_of_it(program, admin, outside):
    identity = admin.submit("any", queue=outside)
    for _ in range(10):
        program.abandon("POST", *poll(outside))
    (leased,) = admin.lease(outside, wait_seconds=20)
    assert leased["job"]["id"] == identity and leased["job"]["attempt"] == 1
    assert admin.post(f"/api/v1/leases/{leased['lease_token']}/complete", {"result": 1}).status == 200
    job = admin.job(identity)
    assert job["attempt"] == 1 and job["attempts"] == []  # none that failed


def test_a_worker_that_only_ends_its_sending_side_is_told_at_once_that_there_is_nothing(program, admin, outside):
    with socket.create_connection(("127.0.0.1", program.port), timeout=60) as connection:
        connection.sendall(raw_request(program, "POST", *poll(outside)))
        until(lambda: waiting_workers(admin) == 1)
        connection.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 200 and json.loads(answer.read())["data"] == []


def test_a_job_outlives_the_client_that_waited_for_it(program, admin):
    before = admin.get("/api/v1/status").json["jobs"]["succeeded"]
    with socket.create_connection(("127.0.0.1", program.port), timeout=60) as connection:
        request = raw_request(program, "POST", "/api/v1/jobs", {"kind": "sleep", "payload": {"seconds": 0.5}})
        connection.sendall(request.replace(b"Host:", b"Prefer: wait=30\r\nHost:"))
        until(lambda: admin.get("/api/v1/status").json["jobs"]["running"] == 1)
        connection.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 202  # as after any wait that was too short
        identity = json.loads(answer.read())["id"]
    assert admin.wait(identity)["state"] == "succeeded"
    assert admin.get("/api/v1/status").json["jobs"]["succeeded"] == before + 1


@pytest.mark.parametrize("way", ["native", "protocol", "protocol_many"])
def test_a_prediction_whose_client_has_gone_is_never_run(program, admin, runtime, way):
    name = f"patient_{way}"
    manifest = json.loads(hostile.manifest(name))
    manifest["batching"] = {"max_batch": 8, "max_delay_ms": 1000}  # it waits for others, who do not come
    answer = admin.push_model(name, (hostile.MODELS / "numbers.pt").read_bytes(), json.dumps(manifest))
    assert answer.status == 201, answer

    def counted():
        return admin.get(f"/v2/models/{name}/stats").json["model_stats"][0]["inference_count"]

    def ask(client, leaves=False):
        rows = 3 if way == "protocol_many" else 1
        tensor = {"name": "x", "datatype": "FP32", "shape": [rows, 4], "data": [1, 2, 3, 4] * rows}
        path, data = (
            (f"/api/v1/models/{name}/predict", {"data": [1, 2, 3, 4]})
            if way == "native"
            else (f"/v2/models/{name}/infer", {"inputs": [tensor]})
        )
        if not leaves:
            answer = client.post(path, data)
            assert answer.status == 200, answer
            return rows
        client.abandon("POST", path, data, after=0.1)
        return 0

    ran = ask(admin)  # loads it, too
    before = counted()
    for _ in range(3):
        ask(program, leaves=True)
        until(lambda: admin.get("/api/v1/status").json["worker"]["queued"] == 0)
    ask(admin)
    assert counted() == before + ran
