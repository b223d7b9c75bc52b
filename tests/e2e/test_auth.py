"""Who may do what: keys, roles, sessions, and what is open to nobody."""
import json
import pathlib

import pytest
from support.client import assert_problem
from support.contract import asked_as

CONTRACT = json.loads((pathlib.Path(__file__).resolve().parents[2] / "embedded/openapi.json").read_text())
RANK = ["viewer", "submitter", "operator", "admin"]
EXAMPLES = {
    "id": "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55",
    "name": "nothing",
    "version": "1",
    "sha256": "0" * 64,
    "q": "nothing",
    "token": "0197a3c25d1f7c3e8a40f2b6d9e01c55" + "0" * 16,
    "file": "vocab.txt",
    "region": "nothing",
}


def operations():
    """(verb, path with values, least role or None when open) of every operation in the contract."""
    for path, item in CONTRACT["paths"].items():
        filled = path
        for name, value in EXAMPLES.items():
            filled = filled.replace("{" + name + "}", value)
        for verb, operation in item.items():
            if verb != "parameters":
                role = None if operation.get("security") == [] else operation["x-role"]
                yield pytest.param(asked_as(verb, operation), filled, role, id=f"{verb.upper()} {path}")


def bare(client, verb, path):
    return client.request(verb, path, headers={"Content-Length": "0"} if verb in ("POST", "PUT") else None)


@pytest.mark.parametrize("verb,path,role", operations())
def test_an_operation_asks_for_its_role_and_no_more(verb, path, role, anonymous, roles):
    if role is None:
        assert bare(anonymous, verb, path).status not in (401,) or path.endswith("/login")
        return
    refused = bare(anonymous, verb, path)
    assert refused.status == 401, refused
    if path.startswith("/v2"):
        assert refused.json["error"]  # the form of the inference protocol
    elif path.startswith("/v1"):
        assert refused.json["error"]["message"]  # the form of OpenAI
    elif verb != "HEAD":
        assert_problem(refused, 401, "unauthenticated")
    assert verb == "HEAD" or "WWW-Authenticate" in refused.headers
    lowest = RANK.index(role)
    if lowest > 0:
        forbidden = bare(roles[RANK[lowest - 1]], verb, path)
        assert forbidden.status == 403
        assert verb == "HEAD" or f"a key of the role {role} has" in forbidden.body.decode(), forbidden
    assert bare(roles[role], verb, path).status not in (401, 403)


def test_only_health_readiness_and_the_files_of_the_page_are_open(anonymous):
    assert anonymous.get("/health").status == 200
    assert anonymous.get("/ready").status == 200
    assert anonymous.get("/").status in (200, 302, 303, 307, 308)
    for path in ("/metrics", "/openapi.json", "/api/v1/status", "/api/v1/jobs", "/api/v1/keys", "/api/v1/models"):
        assert_problem(anonymous.get(path), 401, "unauthenticated")
    # A path that does not exist says nothing else to a stranger.
    assert anonymous.get("/api/v1/no-such-thing").status in (401, 404)


@pytest.mark.parametrize("key", ["", "mr_", "mr_wrong", "mr_" + "0" * 32 + "_" + "A" * 43, "Basic", "x" * 5000])
def test_a_wrong_key_is_refused(daemon, key):
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key or "none"}):
        assert_problem(daemon.client().get("/api/v1/status", headers=headers), 401, "unauthenticated")


def test_a_key_works_in_both_headers(daemon, anonymous):
    key = daemon.create_key("viewer")
    assert anonymous.get("/api/v1/status", headers={"Authorization": f"Bearer {key}"}).status == 200
    assert anonymous.get("/api/v1/status", headers={"Authorization": f"bearer {key}"}).status == 200
    assert anonymous.get("/api/v1/status", headers={"X-API-Key": key}).status == 200
    assert_problem(anonymous.get("/api/v1/status", headers={"Authorization": f"Basic {key}"}), 401)


def test_a_key_is_created_shown_once_and_revoked(admin, daemon):
    made = admin.post("/api/v1/keys", {"name": "a camera", "role": "submitter"})
    assert made.status == 201, made
    key = made.json
    assert {"id", "name", "role", "key", "created_at", "expires_at"} <= key.keys()
    assert key["key"].startswith("mr_") and key["role"] == "submitter" and key["expires_at"] is None
    assert made.headers["Cache-Control"] == "no-store"

    listed = admin.get("/api/v1/keys")
    assert listed.status == 200 and key["key"] not in listed.body.decode()
    assert [k for k in listed.json["data"] if k["id"] == key["id"]][0]["name"] == "a camera"

    holder = daemon.client(key["key"])
    assert holder.get("/api/v1/jobs").status == 200
    assert admin.delete(f"/api/v1/keys/{key['id']}").status == 204
    assert_problem(holder.get("/api/v1/jobs"), 401, "unauthenticated")
    assert key["key"] not in daemon.log()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"role": "admin"},
        {"name": "", "role": "admin"},
        {"name": "x", "role": "god"},
        {"name": "x" * 101, "role": "viewer"},
        {"name": "x\n", "role": "viewer"},
        {"name": 1, "role": "viewer"},
        {"name": "x", "role": "viewer", "expires_at": "yesterday"},
        {"name": "x", "role": "viewer", "extra": 1},
        {"name": "x", "role": "viewer", "expires_at": "2001-01-01T00:00:00Z"},
        [],
        "x",
        None,
    ],
)
def test_a_key_that_cannot_be_is_refused(admin, body):
    assert_problem(
        admin.request("POST", "/api/v1/keys", body=json.dumps(body), headers={"Content-Type": "application/json"}),
        (400, 422),
    )


def test_an_unknown_key_cannot_be_revoked(admin):
    assert_problem(admin.delete("/api/v1/keys/0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"), 404, "not-found")
    assert_problem(admin.delete("/api/v1/keys/nonsense"), (400, 404))


# Sessions


def sign_in(daemon, role="operator"):
    """(client without a key, its cookie, its origin headers)."""
    client = daemon.client()
    answer = client.post("/api/v1/auth/login", {"key": daemon.create_key(role)})
    assert answer.status == 200, answer
    cookie = answer.headers["Set-Cookie"]
    return client, cookie, answer


def test_signing_in_gives_a_cookie_that_scripts_and_other_sites_cannot_use(daemon):
    client, cookie, answer = sign_in(daemon)
    assert answer.json["role"] == "operator" and answer.json["name"] and answer.json["organization"]
    attributes = [part.strip().lower() for part in cookie.split(";")]
    assert attributes[0].startswith("sid=")
    assert {"httponly", "samesite=strict", "path=/"} <= set(attributes)
    pair = cookie.split(";")[0]
    session = client.get("/api/v1/auth/session", headers={"Cookie": pair})
    assert session.status == 200 and session.json == answer.json
    assert_problem(client.get("/api/v1/auth/session"), 401)


def test_signing_out_ends_the_session(daemon):
    client, cookie, _ = sign_in(daemon)
    pair = cookie.split(";")[0]
    own = {"Cookie": pair, "X-Millrace-Request": "1", "Origin": f"http://127.0.0.1:{daemon.port}"}
    assert client.post("/api/v1/auth/logout", headers=own).status == 204
    assert_problem(client.get("/api/v1/auth/session", headers={"Cookie": pair}), 401)


def test_a_write_with_a_cookie_must_come_from_the_page_itself(daemon):
    client, cookie, _ = sign_in(daemon)
    pair, origin = cookie.split(";")[0], f"http://127.0.0.1:{daemon.port}"
    job = {"kind": "echo", "payload": {}}

    def submit(**headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post("/api/v1/jobs", job, headers={"Cookie": pair, **named}).status

    assert submit(X_Millrace_Request="1", Origin=origin) == 202
    assert submit(X_Millrace_Request="1", Sec_Fetch_Site="same-origin") == 202
    assert submit(Origin=origin) == 403
    assert submit(X_Millrace_Request="1") == 403
    assert submit(X_Millrace_Request="1", Origin="http://evil.example") == 403
    assert submit(X_Millrace_Request="1", Origin="null") == 403
    assert submit(X_Millrace_Request="1", Origin=origin, Sec_Fetch_Site="cross-site") == 403
    # Reading needs none of it.
    assert client.get("/api/v1/jobs", headers={"Cookie": pair}).status == 200


def test_a_session_is_never_more_than_its_key(daemon, admin):
    made = admin.post("/api/v1/keys", {"name": "short-lived", "role": "viewer"}).json
    client = daemon.client()
    pair = client.post("/api/v1/auth/login", {"key": made["key"]}).headers["Set-Cookie"].split(";")[0]
    own = {"Cookie": pair, "X-Millrace-Request": "1", "Origin": f"http://127.0.0.1:{daemon.port}"}
    assert client.post("/api/v1/jobs", {"kind": "echo"}, headers=own).status == 403
    assert admin.delete(f"/api/v1/keys/{made['id']}").status == 204
    assert_problem(client.get("/api/v1/auth/session", headers={"Cookie": pair}), 401)


def test_keys_and_sessions_outlive_a_restart_and_guessing_is_stopped(new_daemon):
    daemon = new_daemon()
    client, cookie, _ = sign_in(daemon)
    pair = {"Cookie": cookie.split(";")[0]}
    daemon.stop()
    daemon.start()
    assert client.get("/api/v1/auth/session", headers=pair).status == 200
    assert daemon.admin().get("/api/v1/status").status == 200
    statuses = [client.post("/api/v1/auth/login", {"key": "mr_guess"}).status for _ in range(25)]
    assert statuses[:20] == [401] * 20 and set(statuses[20:]) == {429}
    limited = client.post("/api/v1/auth/login", {"key": "mr_guess"})
    assert_problem(limited, 429, "rate-limited")
    assert int(limited.headers["Retry-After"]) >= 1
    daemon.stop()


def test_the_store_and_the_log_hold_no_secret(new_daemon):
    daemon = new_daemon()
    key = daemon.admin().key
    _, cookie, _ = sign_in(daemon)
    token = cookie.split(";")[0].split("=", 1)[1]
    daemon.stop()
    secrets = [
        key.encode(),
        key.rsplit("_", 1)[-1].encode() if key.count("_") == 2 else key[36:].encode(),
        token.encode(),
    ]
    for file in [*daemon.data.rglob("*"), daemon.log_path]:
        if file.is_file():
            content = file.read_bytes()
            assert not any(secret in content for secret in secrets), file


def test_what_the_daemon_keeps_is_for_its_user_alone(new_daemon):
    daemon = new_daemon()
    for path in [*daemon.data.glob("millrace.db*"), daemon.data / "lock", daemon.data / "admin.sock"]:
        assert path.stat().st_mode & 0o007 == 0, path
    daemon.stop()
