"""What no reader of an answer could take is refused where it comes in; what deletes or repeats does nothing that it does not understand."""
import json
import socket

import pytest
from support.client import assert_problem

JSON = {"Content-Type": "application/json"}
NO_TEXT = [
    b"1e999",
    b"-1e999",
    b"9" * 400,
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b"{\"a\":{\"b\":[1e999]}}",
    b'{"\xc0\xaf":1}',
    b'{"a":1,"a":2}',
]


def strict(body):
    """The answer as a reader that takes JSON alone reads it."""

    def refuse(word):
        raise ValueError(word)

    return json.loads(body.decode(), parse_constant=refuse)


@pytest.mark.parametrize("value", NO_TEXT)
def test_a_value_that_is_no_json_is_refused_at_every_entrance(admin, value):
    admin.set_queue("text-away", external=True, max_attempts=1)
    entrances = [
        ("/api/v1/jobs", b'{"kind":"echo","payload":%s}'),
        ("/api/v1/jobs/batch", b'{"jobs":[{"kind":"echo"},{"kind":"echo","payload":%s}]}'),
        ("/api/v1/flows", b'{"chain":[{"kind":"echo","payload":%s}]}'),
        ("/api/v1/flows", b'{"chain":[{"kind":"echo"}],"callback":{"kind":"echo","payload":%s}}'),
        ("/api/v1/schedules", b'{"name":"no-text","cron":"@daily","job":{"kind":"echo","payload":%s}}'),
        ("/api/v1/dead-letters/replay", b'{"filter":{},"payload":%s}'),
        ("/api/v1/jobs/0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55/retry", b'{"payload":%s}'),
    ]
    for path, form in entrances:
        assert_problem(admin.request("POST", path, body=form % value, headers=JSON), 400)
    identity = admin.submit("k", queue="text-away")
    token = admin.lease("text-away")[0]["lease_token"]
    for path, form in (
        (f"/api/v1/leases/{token}/complete", b'{"result":%s}'),
        (f"/api/v1/leases/{token}/fail", b'{"error":%s}'),
    ):
        assert_problem(admin.request("POST", path, body=form % value, headers=JSON), 400)
    assert admin.post(f"/api/v1/leases/{token}/complete", {"result": 1}).status == 200
    assert strict(admin.get(f"/api/v1/jobs/{identity}").body)["result"] == 1


def spoken(daemon, *lines, body=b""):
    """A request whose lines are bytes; the status and the body of its answer."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=30) as connection:
        head = [
            lines[0],
            b"Host: here",
            b"Connection: close",
            b"Authorization: Bearer " + daemon.admin().key.encode(),
            b"Content-Length: %d" % len(body),
            *lines[1:],
        ]
        connection.sendall(b"\r\n".join(head) + b"\r\n\r\n" + body)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return int(received[9:12]), received.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    "field",
    [
        b"Content-Type",
        b"Content-Encoding",
        b"Idempotency-Key",
        b"Prefer",
        b"Accept",
        b"X-Sticky-Key",
        b"If-None-Match",
        b"Authorization",
    ],
)
def test_a_header_field_that_is_no_text_is_refused(daemon, admin, field):
    for path, body in (
        (b"POST /api/v1/jobs", b'{"kind":"echo"}'),
        (b"PUT /api/v1/blobs", b"bytes"),
        (b"POST /v2/models/none/infer", b"{}"),
        (b"POST /v1/embeddings", b"{}"),
    ):
        for value in (b"\xff", b"caf\xe9", b"a/\xed\xa0\x80"):
            status, answer = spoken(daemon, path + b" HTTP/1.1", field + b": " + value, body=body)
            assert status == 400 and strict(answer), (path, answer)


def test_what_others_of_the_same_host_send_along_may_be_bytes(daemon, admin):
    status, answer = spoken(
        daemon,
        b"GET /api/v1/jobs?limit=1 HTTP/1.1",
        b"User-Agent: caf\xe9",
        b"Cookie: theirs=\xff",
        b"Referer: http://x/\xe9",
    )
    assert status == 200 and "data" in strict(answer)


def test_names_of_parts_and_parameters_that_are_no_text_are_refused(daemon, admin):
    for disposition in (b'name="\xff"', b'name="f"; filename="\xff"'):
        form = b"--b\r\nContent-Disposition: form-data; " + disposition + b"\r\n\r\nx\r\n--b--\r\n"
        for path in (b"/api/v1/jobs", b"/api/v1/blobs"):
            status, answer = spoken(
                daemon, b"POST " + path + b" HTTP/1.1", b"Content-Type: multipart/form-data; boundary=b", body=form
            )
            assert status == 400 and strict(answer)
    for path in (
        b"/api/v1/jobs?tag=a=%ff",
        b"/api/v1/jobs?%ed%a0%80=1",
        b"/api/v1/queues/%ff",
        b"/api/v1/models/%c0%af",
    ):
        status, answer = spoken(daemon, b"GET " + path + b" HTTP/1.1")
        assert status == 400 and strict(answer)


def test_a_replay_or_purge_does_nothing_that_it_does_not_understand(admin):
    admin.set_queue("text-dead", external=True, max_attempts=1)
    identity = admin.submit("k", queue="text-dead")
    token = admin.lease("text-dead")[0]["lease_token"]
    assert admin.post(f"/api/v1/leases/{token}/fail", {"error": "no", "retryable": False}).status == 200
    one = {"queue": "text-dead"}
    wrong = [
        {"filter": one, "dry_run": None},
        {"filter": one, "dry_run": "true"},
        {"filter": one, "dry_run": 1},
        {"filter": one, "dryrun": True},
        {"filter": None},
        {"filter": {"queue": None}},
        {"filter": {"queues": "text-dead"}},
        {"filter": {"queue": ["text-dead"]}},
        {"filter": {**one, "tag": None}},
        {},
        [],
        None,
    ]
    for path in ("purge", "replay"):
        for body in wrong:
            assert_problem(
                admin.request("POST", f"/api/v1/dead-letters/{path}", body=json.dumps(body).encode(), headers=JSON), 422
            )
        assert_problem(admin.post(f"/api/v1/dead-letters/{path}?dry_run=true", {"filter": one}), 422)
    assert_problem(admin.post("/api/v1/dead-letters/replay", {"filter": one, "rate_per_second": None}), 422)
    for path in ("retry", "cancel"):
        for body in ({"dry_run": True}, {"dry_run": None}, [1], "x"):
            assert_problem(
                admin.request("POST", f"/api/v1/jobs/{identity}/{path}", body=json.dumps(body).encode(), headers=JSON),
                422,
            )
        assert_problem(admin.post(f"/api/v1/jobs/{identity}/{path}?dry_run=1"), 422)
    assert admin.job(identity)["state"] == "dead"
    assert admin.post("/api/v1/dead-letters/purge", {"filter": one, "dry_run": True}).json == {
        "count": 1,
        "dry_run": True,
    }


def test_a_write_without_fields_takes_none_and_no_parameters(admin):
    running = admin.submit("sleep", {"seconds": 30})
    schedule = admin.post("/api/v1/schedules", {"name": "fields", "cron": "@yearly", "job": {"kind": "echo"}}).json[
        "id"
    ]
    blob = admin.put("/api/v1/blobs", b"kept").json["sha256"]
    writes = [
        ("POST", f"/api/v1/jobs/{running}/cancel"),
        ("DELETE", f"/api/v1/schedules/{schedule}"),
        ("POST", f"/api/v1/schedules/{schedule}/run"),
        ("POST", "/api/v1/queues/default/resume"),
        ("DELETE", f"/api/v1/blobs/{blob}"),
        ("DELETE", "/api/v1/models/none/versions/1"),
    ]
    for verb, path in writes:
        assert_problem(admin.request(verb, path, data={"dry_run": True}), 422)
        assert_problem(admin.request(verb, path, body=b"x" * 5000), 422)
        assert_problem(admin.request(verb, path + "?dry_run=true"), 422)
    assert admin.job(running)["state"] == "running" and admin.get(f"/api/v1/schedules/{schedule}").status == 200
    assert admin.request("POST", f"/api/v1/jobs/{running}/cancel", body=b" { } ", headers=JSON).status == 200
    assert admin.delete(f"/api/v1/schedules/{schedule}").status == 204


@pytest.mark.parametrize(
    "given",
    [
        {"base64": None},
        {"base64": 5},
        {"base64": ["aGk="]},
        {"base64": "aGk=", "media_type": 7},
        {"blob": None},
        {"blob": 7},
    ],
)
def test_an_input_of_another_type_is_refused_not_taken_as_absent(admin, given):
    assert_problem(admin.post("/api/v1/jobs", {"kind": "infer", "payload": {"model": "none", "input": given}}), 422)
    assert admin.get("/health").status == 200


def test_a_filter_that_comes_twice_is_refused(admin):
    for path in ("/api/v1/jobs?queue=a&queue=b", "/api/v1/jobs?limit=1&limit=2", "/api/v1/dead-letters?kind=a&kind=b"):
        assert_problem(admin.get(path), 422)


def test_the_command_line_shows_nothing_that_a_terminal_obeys(run, admin):
    text = "a\u202eb\x1b[2J\x9b31m\u2066c\x7f\u2028é\U0001f600"
    identity = admin.submit("echo", {text: text}, tags={text: text})
    admin.wait(identity)
    for arguments in (
        ("job", "show", identity),
        ("job", "show", identity, "--json"),
        ("job", "result", identity),
        ("job", "list"),
        ("job", "list", "--json"),
    ):
        out = run(*arguments).stdout
        assert "é\U0001f600" in out or arguments[1] == "list"
        assert not set(out) & set("\u202e\x1b\x9b\u2066\x7f\u2028"), repr(out)
    assert json.loads(run("job", "show", identity, "--json").stdout)["result"] == {text: text}
