"""What strangers send: each a clear problem document, and the daemon as well as before."""
import json
import socket

import pytest
from support.client import assert_problem, form

JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def alive_and_itself(daemon):
    """After every test here: the same process, and a job still runs."""
    process = daemon.process.pid
    yield
    assert daemon.process.poll() is None and daemon.process.pid == process
    admin = daemon.admin()
    assert admin.wait(admin.submit("echo", {"still": "here"}))["state"] == "succeeded"


def nested(depth):
    return '{"kind":"echo","payload":' + '{"a":' * depth + "1" + "}" * depth + "}"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="cut"),
        pytest.param(b'{"kind":"echo"} {}', id="two values"),
        pytest.param(b'{"kind":"echo","kind":"sleep"}', id="a key twice"),
        pytest.param(b'{"kind":"echo","payload":{"a":{"b":1,"b":2}}}', id="a key twice, deep inside"),
        pytest.param(b"{'kind':'echo'}", id="single quotes"),
        pytest.param(b'{"kind":"echo",}', id="a comma too many"),
        pytest.param(b'{"kind":"echo","payload":{"x":NaN}}', id="NaN"),
        pytest.param(b'{"kind":"echo","payload":{"x":01}}', id="a leading zero"),
        pytest.param(b'\xef\xbb\xbf{"kind":"echo"}', id="a byte order mark"),
        pytest.param(b'{"kind":"ec\xffho"}', id="invalid UTF-8"),
        pytest.param(b'{"kind":"ec\x00ho"}', id="a raw NUL"),
        pytest.param(b'{"kind":"\\ud800"}', id="half a surrogate pair"),
        pytest.param(nested(40).encode(), id="too deep"),
        pytest.param(b'{"kind":"echo","payload":' + b"[" * 100_000, id="much too deep"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="an array"),
        pytest.param(b'"echo"', id="a string"),
    ],
)
def test_json_that_is_none_or_no_job_is_refused(admin, body):
    assert_problem(admin.request("POST", "/api/v1/jobs", body=body, headers=JSON), (400, 422))


def test_json_of_the_allowed_depth_is_taken(admin):
    assert admin.request("POST", "/api/v1/jobs", body=nested(29).encode(), headers=JSON).status == 202


@pytest.mark.parametrize(
    "job",
    [
        {},
        {"kind": ""},
        {"kind": "nope"},
        {"kind": None},
        {"kind": 5},
        {"kind": ["echo"]},
        {"kind": "echo", "priority": 10},
        {"kind": "echo", "priority": -1},
        {"kind": "echo", "priority": 1.5},
        {"kind": "echo", "priority": "5"},
        {"kind": "echo", "max_attempts": 0},
        {"kind": "echo", "max_attempts": 10**9},
        {"kind": "echo", "timeout_seconds": 0},
        {"kind": "echo", "timeout_seconds": -1},
        {"kind": "echo", "timeout_seconds": 1e30},
        {"kind": "echo", "run_at": "tomorrow"},
        {"kind": "echo", "run_at": 1},
        {"kind": "echo", "run_at": "2026-13-01T00:00:00Z"},
        {"kind": "echo", "queue": ""},
        {"kind": "echo", "queue": "x" * 300},
        {"kind": "echo", "queue": "a b"},
        {"kind": "echo", "tags": ["x"]},
        {"kind": "echo", "tags": {"a": 1}},
        {"kind": "echo", "tags": {"x" * 300: "y"}},
        {"kind": "echo", "unknown": 1},
        {"kind": "echo", "Payload": {}},
        {"kind": "sleep", "payload": {"seconds": -1}},
        {"kind": "sleep", "payload": {"seconds": "1"}},
        {"kind": "sleep", "payload": {"seconds": 1e300}},
        {"kind": "echo", "retry": "sometimes"},
        {"kind": "echo", "retry": 5},
        {"kind": "echo", "retry": {"first_seconds": -1}},
        {"kind": "echo", "retry": "list"},
        {"kind": "echo", "retry": {"backoff": "list", "delays_seconds": []}},
        {"kind": "echo", "retry": {"backoff": "list", "delays_seconds": [-1]}},
        {"kind": "echo", "retry": {"delays_seconds": [1]}},
        {"kind": "echo", "retry": {"jitter": 2}},
        {"kind": "echo", "retry": {"factor": 0.5}},
        {"kind": "echo", "retry": {"never": "x"}},
        {"kind": "echo", "retry": {"never": [5]}},
        {"kind": "echo", "retry": {"surprise": 1}},
        {"kind": "echo", "depends_on": "x"},
        {"kind": "echo", "depends_on": ["x"]},
        {"kind": "echo", "depends_on": [{"job": "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55", "on_failure": "panic"}]},
        {"kind": "echo", "depends_on": ["0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"] * 2},
        {"kind": "echo", "depends_on": [{"on_failure": "fail"}]},
        {"kind": "sleep", "payload": {"fail_times": -1}},
        {"kind": "sleep", "payload": {"seconds": 0, "surprise": 1}},
    ],
    ids=json.dumps,
)
def test_a_job_that_cannot_be_is_refused_in_words(admin, job):
    problem = assert_problem(admin.post("/api/v1/jobs", job), 422, "unprocessable")
    assert len(problem["detail"]) > 10


def test_json_that_is_too_large_is_refused(admin):
    body = b'{"kind":"echo","payload":{"x":"' + b"x" * (1 << 20) + b'"}}'
    assert_problem(admin.request("POST", "/api/v1/jobs", body=body, headers=JSON), 413, "too-large")
    chunks = (b"x" * 65536 for _ in range(32))
    try:
        answer = admin.request("POST", "/api/v1/jobs", body=chunks, headers=JSON)
    except (BrokenPipeError, ConnectionResetError):
        return  # it did not wait for the rest
    assert_problem(answer, 413)


@pytest.mark.parametrize(
    "media_type", [None, "text/plain", "application/xml", "application/x-www-form-urlencoded", "", "json"]
)
def test_a_body_of_another_type_is_refused(admin, media_type):
    headers = {"Content-Type": media_type} if media_type is not None else {}
    assert_problem(
        admin.request("POST", "/api/v1/jobs", body=b'{"kind":"echo"}', headers=headers), 415, "unsupported-type"
    )


def test_json_with_a_charset_is_json(admin):
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert admin.request("POST", "/api/v1/jobs", body=b'{"kind":"echo"}', headers=headers).status == 202


# Addresses

UNKNOWN = "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"


@pytest.mark.parametrize(
    "method,path",
    [
        ("GET", f"/api/v1/jobs/{UNKNOWN}"),
        ("POST", f"/api/v1/jobs/{UNKNOWN}/cancel"),
        ("POST", f"/api/v1/jobs/{UNKNOWN}/retry"),
        ("GET", f"/api/v1/results/{UNKNOWN}"),
        ("GET", f"/api/results/{UNKNOWN}"),
        ("DELETE", f"/api/v1/keys/{UNKNOWN}"),
        ("GET", "/api/v1/models/nothing"),
        ("DELETE", "/api/v1/models/nothing/versions/1"),
        ("GET", "/api/v1/blobs/" + "0" * 64),
        ("GET", "/api/v1/nothing"),
        ("GET", "/api/v2/jobs"),
        ("GET", "/nothing.php"),
        ("GET", "/assets/nothing.js"),
        ("GET", "/api/v1/jobs/"),
        ("GET", "//api/v1/jobs"),
        ("GET", "/api/v1/blobs/" + "A" * 64),
    ],
)
def test_what_is_not_there_is_not_found(admin, method, path):
    assert_problem(
        admin.request(method, path, headers={"Content-Length": "0"} if method == "POST" else None), 404, "not-found"
    )


@pytest.mark.parametrize(
    "identity",
    [
        "1",
        "x",
        "%00",
        "%ff",
        "..",
        "%2e%2e",
        UNKNOWN + "0",
        UNKNOWN.replace("-", ""),
        "'; DROP TABLE jobs; --",
        "a" * 3000,
    ],
)
def test_an_id_that_is_none_is_refused(admin, identity):
    assert_problem(admin.get("/api/v1/jobs/" + identity.replace(" ", "%20").replace("'", "%27")), (400, 404, 422))


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../../etc/passwd",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/../../etc/passwd",
        "/assets/..%2f..%2fetc/passwd",
        "/examples/..%2f..%2fetc%2fpasswd",
        "/api/v1/blobs/..%2f..%2fmillrace.db",
    ],
)
def test_nothing_outside_is_served(daemon, admin, path):
    answer = admin.get(path)
    assert answer.status in (400, 404) and b"root:" not in answer.body and b"SQLite" not in answer.body


@pytest.mark.parametrize(
    "method,path",
    [
        ("DELETE", "/api/v1/jobs"),
        ("PATCH", "/api/v1/jobs"),
        ("PUT", "/api/v1/status"),
        ("POST", "/health"),
        ("GET", "/api/v1/auth/login"),
        ("TRACE", "/api/v1/jobs"),
    ],
)
def test_a_method_that_a_path_does_not_have_is_405_with_those_it_has(admin, method, path):
    answer = admin.request(method, path, headers={"Content-Length": "0"})
    if method == "TRACE" and answer.status in (400, 501):
        return
    assert_problem(answer, 405)
    assert answer.headers["Allow"]


def test_the_methods_of_a_path_can_be_asked_for(admin):
    answer = admin.request("OPTIONS", "/api/v1/jobs")
    assert answer.status == 204 and {"GET", "POST"} <= set(answer.headers["Allow"].replace(" ", "").split(","))


# What operators and workers send

QUEUE, LEASE, DEAD = (
    "/api/v1/queues/q",
    "/api/v1/leases/0197a3c25d1f7c3e8a40f2b6d9e01c550000000000000000",
    "/api/v1/dead-letters",
)


@pytest.mark.parametrize(
    "method,path,body",
    [
        *(
            ("PUT", QUEUE, body)
            for body in (
                [],
                "x",
                None,
                {"surprise": 1},
                {"external": 1},
                {"concurrency": 0},
                {"concurrency": 1.5},
                {"concurrency": "4"},
                {"rate": 0},
                {"rate": "fast"},
                {"rate": 1e300},
                {"max_backlog": 0},
                {"retry": "sometimes"},
                {"max_attempts": 101},
                {"priority": 10},
                {"timeout_seconds": 0},
                {"breaker": "off"},
            )
        ),
        *(
            ("POST", QUEUE + "/pause", body)
            for body in (
                {},
                {"reason": ""},
                {"reason": 5},
                {"reason": "x" * 501},
                {"reason": "x", "until": "tomorrow"},
                {"reason": "x", "until": "2001-01-01T00:00:00Z"},
                {"reason": "x", "until": 5},
                {"reason": "x", "surprise": 1},
                [],
                None,
            )
        ),
        *(
            ("POST", QUEUE + "/leases", body)
            for body in (
                {},
                {"worker": ""},
                {"worker": 5},
                {"worker": "x" * 101},
                {"worker": "w", "max": 0},
                {"worker": "w", "max": 1001},
                {"worker": "w", "max": "1"},
                {"worker": "w", "wait_seconds": -1},
                {"worker": "w", "wait_seconds": 61},
                {"worker": "w", "lease_seconds": 0},
                {"worker": "w", "lease_seconds": 1e9},
                {"worker": "w", "surprise": 1},
                [],
            )
        ),
        *(
            ("POST", LEASE + "/heartbeat", body)
            for body in (
                {"progress_percent": -1},
                {"progress_percent": 101},
                {"progress_percent": "half"},
                {"surprise": 1},
                [],
            )
        ),
        *(("POST", LEASE + "/complete", body) for body in ({"surprise": 1}, [], "done")),
        *(
            ("POST", LEASE + "/fail", body)
            for body in (
                {},
                {"error": ""},
                {"error": 5},
                {"error": {}},
                {"error": {"code": "x"}},
                {"error": {"message": ""}},
                {"error": {"message": "x", "code": ""}},
                {"error": {"message": "x", "surprise": 1}},
                {"error": "x", "retryable": "no"},
                {"error": "x", "retry_after_seconds": -1},
                {"error": "x", "retry_after_seconds": 1e300},
                {"error": "x", "surprise": 1},
                {"error": "x" * 20_000},
            )
        ),
        *(
            ("POST", DEAD + verb, body)
            for verb in ("/replay", "/purge")
            for body in (
                {},
                [],
                None,
                {"filter": []},
                {"filter": None},
                {"filter": {"surprise": "x"}},
                {"filter": {"queue": 5}},
                {"filter": {"ids": []}},
                {"filter": {"ids": "x"}},
                {"filter": {"ids": ["x"]}},
                {"filter": {"tag": "no-equals"}},
                {"filter": {"died_before": "x"}},
                {"filter": {"cursor": "x"}},
                {"filter": {}, "dry_run": "yes"},
                {"filter": {}, "surprise": 1},
            )
        ),
        *(
            ("POST", DEAD + "/replay", {"filter": {}, **body})
            for body in ({"rate_per_second": 0}, {"rate_per_second": -1}, {"rate_per_second": "1"})
        ),
        ("POST", DEAD + "/purge", {"filter": {}, "payload": {}}),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_what_operators_and_workers_cannot_mean_is_refused_in_words(admin, method, path, body):
    problem = assert_problem(admin.request(method, path, body=json.dumps(body), headers=JSON), 422, "unprocessable")
    assert len(problem["detail"]) > 10


@pytest.mark.parametrize(
    "method,path",
    [
        ("PUT", QUEUE),
        ("POST", QUEUE + "/pause"),
        ("POST", QUEUE + "/leases"),
        ("POST", LEASE + "/heartbeat"),
        ("POST", LEASE + "/complete"),
        ("POST", LEASE + "/fail"),
        ("POST", DEAD + "/replay"),
        ("POST", DEAD + "/purge"),
        ("POST", "/api/v1/flows"),
        ("POST", "/api/v1/jobs/batch"),
    ],
)
def test_each_new_body_is_json_within_its_limit(admin, method, path):
    assert_problem(
        admin.request(method, path, body=b"{}", headers={"Content-Type": "text/plain"}), 415, "unsupported-type"
    )
    assert_problem(admin.request(method, path, body=b'{"a":', headers=JSON), 400, "invalid-argument")
    assert_problem(admin.request(method, path, body=b'{"a":1,"a":2}', headers=JSON), 400, "invalid-argument")
    assert_problem(admin.request(method, path, headers={**JSON, "Content-Length": str(17 << 20)}), 413, "too-large")


@pytest.mark.parametrize(
    "token", ["x", "0" * 47, "0" * 49, "g" * 48, "0197a3c25d1f7c3e8a40f2b6d9e01c55" + "-" + "0" * 15, "%00" * 48]
)
def test_a_lease_token_that_is_none_is_not_found(admin, token):
    assert_problem(admin.post(f"/api/v1/leases/{token}/heartbeat"), (400, 404))


@pytest.mark.parametrize(
    "filters", ["?queue_name=x", "?tag=no-equals", "?died_after=x", "?cursor=x", "?limit=0", "?state=dead"]
)
def test_a_wrong_filter_of_dead_letters_is_said_to_be_wrong(admin, filters):
    assert_problem(admin.get(DEAD + filters), (400, 422))


# Forms


def raw_form(admin, body, boundary="b", path="/api/v1/jobs"):
    return admin.request("POST", path, body=body, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"})


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"--b--\r\n", id="no part"),
        pytest.param(b"--b\r\n\r\n\r\n--b--\r\n", id="a part without a name"),
        pytest.param(b'--b\r\nContent-Disposition: form-data; name="job"\r\n\r\n{"kind":"echo"}', id="no end"),
        pytest.param(b'--b\r\nContent-Disposition: attachment\r\n\r\nx\r\n--b--\r\n', id="no form data"),
        pytest.param(b'--b\r\nContent-Disposition: form-data; name="job\r\n\r\n{}\r\n--b--\r\n', id="an open quote"),
        pytest.param(b'--b\r\n' + b"X: y\r\n" * 2000 + b"\r\nx\r\n--b--\r\n", id="thousands of part headers"),
        pytest.param(
            b'--b\r\nContent-Disposition: form-data; name="' + b"n" * 100_000 + b'"\r\n\r\nx\r\n--b--\r\n',
            id="an endless name",
        ),
        pytest.param(b"no boundary at all " * 1000, id="no boundary in it"),
    ],
)
def test_a_broken_form_is_refused(admin, body):
    assert_problem(raw_form(admin, body), (400, 413, 422))


def test_a_form_of_very_many_parts_is_refused(admin):
    parts = [("job", None, "application/json", '{"kind":"echo"}')] + [(f"f{n}", "f", None, b"") for n in range(3000)]
    content_type, body = form(parts)
    answer = admin.request("POST", "/api/v1/jobs", body=body, headers={"Content-Type": content_type})
    if answer.status != 202:
        assert_problem(answer, (400, 413, 422))


@pytest.mark.parametrize("boundary", ["", "x" * 71, '"a b'])
def test_a_wrong_boundary_is_refused(admin, boundary):
    assert_problem(raw_form(admin, b"--x--", boundary), (400, 415, 422))


# Connections


def exchange(daemon, *pieces, seconds=5):
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=seconds) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        out = b""
        while piece := connection.recv(65536):
            out += piece
        return out


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"\r\n\r\n\r\n", id="empty lines"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="two hosts"),
        pytest.param(b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", id="another version"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), id="TLS to a plain port"),
        pytest.param(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", id="an endless address"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n", id="too many fields"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", id="an endless field"),
        pytest.param(
            b"POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="both lengths",
        ),
        pytest.param(
            b"POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", id="a list of lengths"
        ),
        pytest.param(b"POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", id="a negative length"),
        pytest.param(
            b"POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
            id="an unknown coding",
        ),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n folded\r\n\r\n", id="a folded field"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n", id="a space in a name"),
    ],
)
def test_a_malformed_request_is_answered_400_at_most_and_the_connection_closed(daemon, request_bytes):
    answer = exchange(daemon, request_bytes)
    if answer:
        status = int(answer.split(b" ", 2)[1])
        assert 400 <= status < 600 and status != 500, answer[:300]
        assert b"problem+json" in answer and answer.count(b"\r\nDate: ") == 1


def test_a_hundred_clients_that_go_away_in_the_middle_hurt_nobody(daemon, admin):
    key = admin.key
    for cut in range(0, 200, 2):
        request = (
            f"POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            "Content-Length: 40\r\n\r\n" + '{"kind":"echo","payload":{"x":"yyyyyyy"}}'
        ).encode()
        with socket.create_connection(("127.0.0.1", daemon.port)) as connection:
            connection.sendall(request[:cut])
    assert admin.get("/health").status == 200


def test_every_answer_carries_the_request_id_and_the_safety_headers(admin, daemon):
    answer = admin.get("/api/v1/jobs/nothing", headers={"X-Request-Id": "from-the-client-1"})
    assert answer.headers["X-Request-Id"] == "from-the-client-1" == answer.json["instance"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in answer.headers
    strange = admin.get("/health", headers={"X-Request-Id": "x" * 500})
    assert 8 <= len(strange.headers["X-Request-Id"]) <= 128
    assert admin.get("/health").headers["X-Request-Id"] != admin.get("/health").headers["X-Request-Id"]
