"""Strangers who take all they can: connections, descriptors, sign-ins and the log are left for others."""
import os
import resource
import socket

import pytest
from support.client import until
from support.daemon import Daemon

MANY = 1100
FLOOD = int(os.environ.get("MILLRACE_CONNECTIONS", "450"))


@pytest.fixture
def descriptors():
    """Sets the soft limit, which daemons inherit; back to the old one afterwards. The hard limit stays."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield lambda wanted: resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(daemon, count, source="127.0.0.1"):
    return [
        socket.create_connection(("127.0.0.1", daemon.port), timeout=20, source_address=(source, 0))
        for _ in range(count)
    ]


def close(connections):
    for each in connections:
        each.close()


def asks(connection):
    """The status of /health over it; 0 when it was closed without a word."""
    try:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = connection.recv(65536)
    except OSError:
        return 0
    return int(answer[9:12]) if answer else 0


def test_silent_connections_from_one_address_leave_places_for_others_and_for_the_command_line(new_daemon, descriptors):
    daemon = new_daemon(
        environment={"MILLRACE_HTTP_MAX_CONNECTIONS": str(FLOOD * 9 // 10), "MILLRACE_INFERENCE_ENABLED": "false"}
    )
    descriptors(FLOOD + 500)
    held = connect(daemon, FLOOD)
    until(lambda: daemon.cli("status").returncode == 0)  # over the admin socket
    (other,) = connect(daemon, 1, "127.0.0.2")
    assert asks(other) == 200
    last = held.pop()
    assert asks(last) in (0, 503)  # its own address has its share
    close([*held, other, last])
    until(lambda: daemon.client().get("/health").status == 200)
    daemon.stop()


def test_an_address_has_the_share_that_is_configured(new_daemon, descriptors):
    daemon = new_daemon(
        environment={"MILLRACE_HTTP_MAX_CONNECTIONS_PER_ADDRESS": "20", "MILLRACE_INFERENCE_ENABLED": "false"}
    )
    held = connect(daemon, 20)
    (extra,) = connect(daemon, 1)
    assert asks(extra) == 503
    (other,) = connect(daemon, 1, "127.0.0.2")
    assert asks(other) == 200
    close([*held, extra, other])
    daemon.stop()


@pytest.mark.parametrize("hard", [False, True], ids=["soft", "hard"])
def test_a_low_limit_of_descriptors_takes_nothing_from_blobs_and_workers(tmp_path, descriptors, hard):
    daemon = Daemon(tmp_path / "data")
    descriptors(1024)
    if hard:  # not to be raised: the daemon takes fewer connections
        daemon.prefix = ["prlimit", "--nofile=1024:1024"]
    try:
        daemon.start()
        descriptors(8192)
        admin = daemon.admin().keep()
        admin.get("/api/v1/status")
        held = connect(daemon, MANY)
        assert admin.put("/api/v1/blobs", b"x").status == 201
        answer = admin.post("/api/v1/jobs", {"kind": "echo", "payload": 1}, headers={"Prefer": "wait=20"})
        assert answer.status == 200 and answer.json["state"] == "succeeded"
        assert daemon.cli("status").returncode == 0
        worker = admin.get("/api/v1/status").json["worker"]
        if "pid" in worker and worker["state"] == "ready":
            os.kill(worker["pid"], 9)
            until(
                lambda: (now := admin.get("/api/v1/status").json["worker"])["state"] == "ready"
                and now["pid"] != worker["pid"]
            )
        close(held)
        assert ("fewer connections than configured" in daemon.log()) == hard
        daemon.stop()
    finally:
        daemon.clean_up()


def test_methods_that_nobody_serves_fill_no_log(new_daemon):
    daemon = new_daemon(environment={"MILLRACE_INFERENCE_ENABLED": "false"})
    before = daemon.log_path.stat().st_size
    for method in ("TRACE", "CONNECT", "BREW", "PROPFIND"):
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as connection:
                connection.sendall(f"{method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                assert int(connection.recv(65536)[9:12]) in (400, 405, 501)
    written = daemon.log_path.read_bytes()[before:].decode()
    assert [line for line in written.splitlines() if "level=warning" in line or "level=error" in line] == []
    statuses = [daemon.client().post("/api/v1/auth/login", {"key": f"mr_{n}"}, headers={}).status for n in range(60)]
    assert statuses == [401] * 20 + [429] * 40
    assert daemon.log().count("sign-in failed") <= 20
    daemon.stop()


def test_one_key_locks_nobody_out_of_the_sign_in(new_daemon):
    daemon = new_daemon(environment={"MILLRACE_INFERENCE_ENABLED": "false"})
    viewer, admin = daemon.create_key("viewer"), daemon.create_key("admin")
    client = daemon.client().keep()

    def sign_in(key):
        return client.post("/api/v1/auth/login", {"key": key})

    cookies = [
        answer.headers["Set-Cookie"].split(";")[0] for _ in range(119) if (answer := sign_in(viewer)).status == 200
    ]
    assert len(cookies) == 119

    def open_sessions():
        return sum(client.get("/api/v1/auth/session", headers={"Cookie": each}).status == 200 for each in cookies)

    kept = sign_in(admin).headers["Set-Cookie"].split(";")[0]
    assert open_sessions() == 100
    while (answer := sign_in(viewer)).status == 200:
        pass
    assert answer.status == 429 and int(answer.headers["Retry-After"]) >= 1
    assert sign_in(admin).status == 200
    daemon.stop()
    daemon.start()
    client = daemon.client()
    assert sign_in(admin).status == 200
    assert client.get("/api/v1/auth/session", headers={"Cookie": kept}).status == 200
    daemon.stop()
