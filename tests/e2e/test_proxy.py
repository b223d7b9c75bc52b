"""Behind a TLS proxy: the page's writes work, and limits and the log go by the client's address; from nobody else are its fields believed."""
import pytest
from support.client import Client, assert_problem
from support.proxy import proxy

SITE = "millrace.example"
JOB = {"kind": "echo", "payload": {}}


@pytest.fixture
def trusting(new_daemon):
    return new_daemon(
        environment={"MILLRACE_HTTP_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8", "MILLRACE_LOG_LEVEL": "debug"}
    )


def sign_in(client, key, **fields):
    return client.post("/api/v1/auth/login", {"key": key}, headers={"Host": SITE, **fields})


def write(client, cookie, origin, host=SITE):
    return client.post(
        "/api/v1/jobs",
        JOB,
        headers={
            "Host": host,
            "Cookie": cookie,
            "Origin": origin,
            "X-Millrace-Request": "1",
            "Sec-Fetch-Site": "same-origin",
        },
    )


@pytest.mark.parametrize("host_is_passed_on", [False, True], ids=["host", "x-forwarded-host"])
def test_the_page_writes_through_a_tls_proxy(trusting, host_is_passed_on):
    key = trusting.create_key("operator")
    with proxy(trusting, "https", host_is_passed_on) as port:
        page = Client(port)
        answer = sign_in(page, key)
        assert answer.status == 200, answer
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-sid=") and "; Secure" in cookie
        pair = cookie.split(";")[0]
        assert page.get("/api/v1/auth/session", headers={"Cookie": pair}).status == 200
        assert write(page, pair, f"https://{SITE}").status == 202
        assert_problem(write(page, pair, f"http://{SITE}"), 403, "forbidden")
        assert_problem(write(page, pair, "https://evil.example"), 403, "forbidden")
        out = page.post(
            "/api/v1/auth/logout",
            headers={"Host": SITE, "Cookie": pair, "Origin": f"https://{SITE}", "X-Millrace-Request": "1"},
        )
        assert out.status == 204 and out.headers["Set-Cookie"].startswith("__Host-sid=;")
        assert_problem(page.get("/api/v1/auth/session", headers={"Cookie": pair}), 401)
    trusting.stop()


def test_a_proxy_that_nobody_named_is_told_of(new_daemon):
    daemon = new_daemon()
    key = daemon.create_key("operator")
    with proxy(daemon) as port:
        page = Client(port)
        cookie = sign_in(page, key).headers["Set-Cookie"]
        assert cookie.startswith("sid=")  # nobody to be believed says that there is TLS
        refused = assert_problem(write(page, cookie.split(";")[0], f"https://{SITE}"), 403, "forbidden")
        assert "http.trusted_proxies" in refused["detail"]
    daemon.stop()


def test_whoever_guesses_behind_the_proxy_stops_nobody_else(trusting):
    with proxy(trusting) as port:
        page = Client(port)
        statuses = [sign_in(page, "mr_guess", **{"Test-Client": "192.0.2.1"}).status for _ in range(25)]
        assert statuses == [401] * 20 + [429] * 5
        # Their own word about where they come from is not taken.
        assert sign_in(page, "mr_guess", **{"Test-Client": "192.0.2.1", "X-Forwarded-For": "203.0.113.5"}).status == 429
        assert sign_in(page, "mr_guess", **{"Test-Client": "192.0.2.2"}).status == 401
    assert (
        "remote=192.0.2.1" in trusting.log()
        and "remote=192.0.2.2" in trusting.log()
        and "203.0.113.5" not in trusting.log()
    )
    trusting.stop()


def test_only_a_proxy_that_is_named_is_believed(new_daemon):
    for proxies in ("", "10.0.0.0/8"):
        daemon = new_daemon(environment={"MILLRACE_HTTP_TRUSTED_PROXIES": proxies, "MILLRACE_LOG_LEVEL": "debug"})
        answer = daemon.client().post(
            "/api/v1/auth/login",
            {"key": daemon.create_key("viewer")},
            headers={
                "X-Forwarded-For": "192.0.2.1",
                "X-Forwarded-Proto": "https",
                "Forwarded": "for=192.0.2.1;proto=https",
            },
        )
        assert answer.status == 200 and answer.headers["Set-Cookie"].startswith("sid=")
        assert "192.0.2.1" not in daemon.log() and "remote=127.0.0.1" in daemon.log()
        daemon.stop()


def test_proxies_may_be_a_list_in_the_file_and_nonsense_stops_the_start(new_daemon, tmp_path):
    file = tmp_path / "millrace.toml"
    file.write_text('[http]\ntrusted_proxies = ["127.0.0.1", "fd00::/8"]\n')
    daemon = new_daemon(arguments=["--config", str(file)])
    shown = daemon.cli("config", "show", "--config", str(file))
    assert "127.0.0.1, fd00::/8" in shown.stdout, shown
    daemon.stop()
    file.write_text('[http]\ntrusted_proxies = "proxy.example"\n')
    checked = daemon.cli("config", "check", "--config", str(file))
    assert checked.returncode != 0 and "trusted_proxies must be addresses and networks" in checked.stderr, checked
