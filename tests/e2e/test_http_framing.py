"""What the listener does with bytes that are not a proper request: a clear refusal, and business as usual after it."""
import itertools
import json
import os
import re
import resource
import socket
import time

import pytest

HOST = b"Host: 127.0.0.1\r\n"
POST = b"POST /api/v1/jobs HTTP/1.1\r\n" + HOST
GET = b"GET /health HTTP/1.1\r\n" + HOST


def talk(daemon, data, seconds=15, close_sending=True):
    """Sends the bytes as they are and returns all that comes until the end."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=seconds) as connection:
        try:
            connection.sendall(data)
            if close_sending:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused already
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received


def status(answer):
    assert answer.startswith(b"HTTP/1.1 "), answer[:200]
    return int(answer[9:12])


def field(answer, name):
    head = answer.split(b"\r\n\r\n", 1)[0].decode("latin-1")
    for line in head.split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name.lower():
            return value.strip()
    return None


REFUSED = {
    "Content-Length and Transfer-Encoding": (
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "Transfer-Encoding gzip with a length": (POST + b"Transfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", 400),
    "Transfer-Encoding gzip": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    "chunked twice": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked in HTTP/1.0": (
        b"POST /api/v1/jobs HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "the same length twice": (POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
    "a list of lengths": (POST + b"Content-Length: 2, 2\r\n\r\n{}", 400),
    "a signed length": (POST + b"Content-Length: +2\r\n\r\n{}", 400),
    "a length with a suffix": (POST + b"Content-Length: 2k\r\n\r\n{}", 400),
    "a blank before the colon": (POST + b"Content-Length : 2\r\n\r\n{}", 400),
    "a folded line": (GET + b"A: b\r\n  c\r\n\r\n", 400),
    "no host": (b"GET /health HTTP/1.1\r\n\r\n", 400),
    "two hosts": (GET + b"Host: elsewhere\r\n\r\n", 400),
    "a broken host": (b"GET /health HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "NUL in a value": (GET + b"A: b\0c\r\n\r\n", 400),
    "a bare carriage return": (GET + b"A: b\rB: c\r\n\r\n", 400),
    "bare line feeds": (b"GET /health HTTP/1.1\nHost: a\n\n", 400),
    "no colon": (GET + b"nonsense\r\n\r\n", 400),
    "an unknown method": (b"BREW /health HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "CONNECT": (b"CONNECT example.org:443 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/3.0": (b"GET /health HTTP/3.0\r\n" + HOST + b"\r\n", 505),
    "HTTP/0.9": (b"GET /health\r\n", 400),
    "a TLS handshake": (bytes.fromhex("1603010200010001fc0303"), 400),
    "a target that is too long": (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "a field that is too long": (GET + b"A: " + b"a" * 20000 + b"\r\n\r\n", 431),
    "too many fields": (GET + b"A: b\r\n" * 150 + b"\r\n", 431),
    "a path that climbs": (b"GET /api/../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a path that climbs in code": (b"GET /%2e%2e/%2E%2E/etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "an encoded slash": (b"GET /api%2fv1%2fjobs HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "an encoded NUL": (b"GET /health%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a broken escape": (b"GET /%q HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "another server's URL": (b"GET http://example.org/health HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "an unknown expectation": (POST + b"Expect: coffee\r\nContent-Length: 2\r\n\r\n{}", 417),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_malformed_request_is_refused_and_the_next_is_served(daemon, what):
    data, expected = REFUSED[what]
    answer = talk(daemon, data + GET + b"\r\n")
    assert status(answer) == expected, answer[:300]
    assert field(answer, "Connection") == "close"
    assert field(answer, "Content-Type") == "application/problem+json"
    assert b"HTTP/1.1 200" not in answer, "what followed the refused request was answered"
    problem = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    assert problem["status"] == expected and problem["detail"] and problem["instance"] == field(answer, "X-Request-Id")
    assert status(talk(daemon, GET + b"Connection: close\r\n\r\n")) == 200


def test_malformed_chunks_are_refused_when_the_key_is_good(daemon):
    daemon.admin()
    key = f"Authorization: Bearer {daemon.admin_key}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    for chunks in (
        b"2\n{}\r\n0\r\n\r\n",
        b"+2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}x\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\n{}\r\n",
        b"\r\n\r\n",
    ):
        assert status(talk(daemon, POST + key + chunks)) == 400, chunks
    assert status(talk(daemon, POST + key + b"fffffffffffff\r\n{}")) == 413


def test_without_a_key_no_body_is_asked_for(daemon):
    answer = talk(daemon, POST + b"Expect: 100-continue\r\nContent-Length: 20\r\n\r\n", close_sending=False)
    assert status(answer) == 401
    assert b"100 Continue" not in answer


def test_pipelined_requests_are_answered_in_order(daemon):
    answer = talk(daemon, (GET + b"\r\n") * 20 + b"GET /nowhere HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 20
    assert answer.rindex(b"HTTP/1.1 404") > answer.rindex(b"HTTP/1.1 200")


def test_every_answer_carries_the_security_headers(daemon):
    for data in (
        GET + b"Connection: close\r\n\r\n",
        b"GET /nowhere HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
        b"nonsense\r\n\r\n",
    ):
        answer = talk(daemon, data)
        assert field(answer, "X-Content-Type-Options") == "nosniff"
        assert field(answer, "Referrer-Policy") == "no-referrer"
        assert field(answer, "Cross-Origin-Opener-Policy") == "same-origin"
        assert field(answer, "Cross-Origin-Resource-Policy") == "same-origin"
        assert field(answer, "Content-Security-Policy")
        assert field(answer, "Server") is None


# One body, framed in all these ways at once: a length, a coding, and what comes.
LENGTHS = {
    "none": b"",
    "right": b"Content-Length: 5\r\n",
    "short": b"Content-Length: 3\r\n",
    "zero": b"Content-Length: 0\r\n",
    "long": b"Content-Length: 6\r\n",
    "negative": b"Content-Length: -5\r\n",
    "hexadecimal": b"Content-Length: 0x5\r\n",
    "padded": b"Content-Length:   5  \r\n",
    "zeros": b"Content-Length: 0005\r\n",
    "two": b"Content-Length: 5\r\nContent-Length: 6\r\n",
    "huge": b"Content-Length: 18446744073709551621\r\n",
    "underlined": b"Content_Length: 5\r\n",
    "tab": b"Content-Length\t: 5\r\n",
    "decimal": b"Content-Length: 5.0\r\n",
    "empty": b"Content-Length:\r\n",
}
CODINGS = {
    "none": b"",
    "chunked": b"Transfer-Encoding: chunked\r\n",
    "capitals": b"TRANSFER-ENCODING: CHUNKED\r\n",
    "identity": b"Transfer-Encoding: identity\r\n",
    "list": b"Transfer-Encoding: gzip, chunked\r\n",
    "last but one": b"Transfer-Encoding: chunked, identity\r\n",
    "blank": b"Transfer-Encoding : chunked\r\n",
    "vertical tab": b"Transfer-Encoding: \x0bchunked\r\n",
    "quoted": b'Transfer-Encoding: "chunked"\r\n',
    "parameter": b"Transfer-Encoding: chunked;q=1\r\n",
    "twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "empty": b"Transfer-Encoding:\r\n",
}
BODIES = {"plain": b"12345", "chunks": b"5\r\n12345\r\n0\r\n\r\n", "bare line feeds": b"5\n12345\n0\n\n"}
HIDDEN = b"GET /hidden HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"


LENGTH_OF = {"none": 0, "right": 5, "short": 3, "zero": 0, "long": 6, "padded": 5, "zeros": 5, "underlined": 0}


def behind_the_body(length, coding, body):
    """What is the next request's where there is one reading; None where there are two, or none."""
    if coding == "none" and length in LENGTH_OF:
        return (BODIES[body] + HIDDEN)[LENGTH_OF[length] :]
    if coding in ("chunked", "capitals") and length in ("none", "underlined") and body == "chunks":
        return HIDDEN
    return None


def test_no_framing_has_two_readings(daemon):
    """However a body is framed: either the request is refused and the connection closed, or there is one reading, and that is it."""
    cases = list(itertools.product(LENGTHS, CODINGS, BODIES))
    assert len(cases) >= 500
    for length, coding, body in cases:
        head = (
            b"POST /api/v1/auth/login HTTP/1.1\r\n"
            + HOST
            + b"Content-Type: text/plain\r\n"
            + LENGTHS[length]
            + CODINGS[coding]
        )
        answer = talk(daemon, head + b"\r\n" + BODIES[body] + HIDDEN)
        statuses = [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]
        what, rest = (length, coding, body, answer[:300]), behind_the_body(length, coding, body)
        if rest is None:
            assert (
                len(statuses) == 1 and statuses[0] in (400, 413, 501) and field(answer, "Connection") == "close"
            ), what
        elif rest.startswith(b"GET /hidden"):
            assert statuses == [415, 404], what  # the login takes JSON, and what is behind its body is a request
        else:
            assert statuses[0] == 415 and 404 not in statuses, what
    assert status(talk(daemon, GET + b"Connection: close\r\n\r\n")) == 200


def test_a_header_that_never_ends_runs_into_its_deadline_while_others_are_served(daemon):
    many = int(os.environ.get("MILLRACE_SLOW_SOCKETS", "60"))  # 1300 was tried
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, many + 500)), hard))
    others = [socket.create_connection(("127.0.0.1", daemon.port), timeout=20) for _ in range(many)]
    for number, connection in enumerate(others):  # stopped at every place of a request
        connection.sendall((POST + b"Content-Length: 20\r\nX-Filler: " + b"x" * 100)[: 1 + number % 180])
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as slow:
        begun = time.monotonic()
        slow.sendall(b"GET /health HTTP/1.1\r\nHost: 127")
        assert status(talk(daemon, GET + b"Connection: close\r\n\r\n")) == 200
        answer = slow.recv(65536)
        assert status(answer) == 408
        assert 8 < time.monotonic() - begun < 15
    for connection in others:
        while connection.recv(65536):  # all of them are told, and closed
            pass
        connection.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_many_connections_that_say_nothing_do_not_stop_one_that_does(daemon):
    silent = [socket.create_connection(("127.0.0.1", daemon.port), timeout=5) for _ in range(300)]
    try:
        assert status(talk(daemon, GET + b"Connection: close\r\n\r\n")) == 200
    finally:
        for connection in silent:
            connection.close()
