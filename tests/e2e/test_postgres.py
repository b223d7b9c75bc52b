"""A daemon whose rows are in PostgreSQL, and what it says and does when the server is not there."""
import os
import signal
import subprocess
import threading

import pytest
from support.daemon import Daemon, free_port
from support.postgres_server import PostgresServer, programs
from support.waiting import until

if programs() is None and not os.environ.get("MILLRACE_REQUIRE_POSTGRES"):
    pytest.skip("no PostgreSQL server is installed", allow_module_level=True)


@pytest.fixture(scope="module")
def server():
    with PostgresServer() as running:
        yield running


@pytest.fixture
def daemon(server, tmp_path):
    name = f"of_{tmp_path.name[-60:]}".lower()
    made = Daemon(tmp_path / "data", environment={"MILLRACE_STORE_URL": server.make_database(name)})
    made.database = name
    yield made
    made.clean_up()
    if server.process is None:
        server.start()


def is_ready(daemon):
    return daemon.client().get("/ready").status == 200


def test_jobs_are_stored_there_and_outlive_the_daemon(daemon, server):
    admin = daemon.start().admin()
    done = admin.wait(admin.submit("echo", {"a": "ä\U0001f600"}))
    waiting = admin.submit("echo", {}, run_at="2099-01-01T00:00:00Z")
    assert server.sql("SELECT state FROM finished_jobs", daemon.database) == "succeeded"
    assert admin.get("/api/v1/status").json["store"]["driver"] == "postgres"
    daemon.kill()
    again = daemon.start().admin()
    assert again.job(done["id"])["result"] == done["result"] == {"a": "ä\U0001f600"}
    assert again.job(waiting)["state"] == "scheduled"
    assert not list(daemon.data.glob("millrace.db*"))
    daemon.stop()


def test_it_goes_on_when_the_server_comes_back(daemon, server):
    admin = daemon.start().admin()
    server.stop(signal.SIGQUIT)
    until(lambda: not is_ready(daemon))
    reasons = daemon.client().get("/ready").json["reasons"]
    assert any("the database cannot be reached" in reason for reason in reasons), reasons
    answer = admin.request("POST", "/api/v1/jobs", data={"kind": "echo", "payload": {}})
    assert answer.status == 503, answer
    server.start()
    until(lambda: is_ready(daemon))
    admin.wait(admin.submit("echo", {}), "succeeded")
    daemon.stop()


def test_nothing_acknowledged_is_lost_when_the_server_is_stopped_at_once(daemon, server):
    daemon.environment["MILLRACE_JOBS_CONCURRENCY"] = "4"
    admin = daemon.start().admin()
    acknowledged, stopping = [], threading.Event()

    def submit():
        client = daemon.client(daemon.admin_key)
        while not stopping.is_set():
            answer = client.request("POST", "/api/v1/jobs", data={"kind": "echo", "payload": {}})
            if answer.status == 202:
                acknowledged.append(answer.json["id"])

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        before = len(acknowledged)
        until(lambda: len(acknowledged) > before + 100)
        server.stop(signal.SIGQUIT)
        server.start()
    until(lambda: is_ready(daemon))
    stopping.set()
    for thread in threads:
        thread.join()
    assert len(acknowledged) == len(set(acknowledged)) > 300
    for job in acknowledged:
        assert admin.wait(job, seconds=60)["state"] == "succeeded"
    daemon.stop()


def test_a_second_daemon_on_the_database_is_refused(daemon, tmp_path):
    daemon.start()
    second = Daemon(tmp_path / "other", environment=dict(daemon.environment))
    try:
        second.start(ready=False)
        assert second.wait_end() != 0
        assert "another daemon works on the database" in second.log()
    finally:
        second.clean_up()
    daemon.stop()


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path):
    url = f"postgres://millrace:secret@/x?host={tmp_path}"
    daemon = Daemon(tmp_path / "data", environment={"MILLRACE_STORE_URL": url})
    daemon.start(ready=False)
    assert daemon.wait_end() != 0
    assert "the database that store.url names cannot be opened" in daemon.log()
    shown = daemon.cli("config", "show").stdout
    assert "secret" not in daemon.log() + shown and "***" in shown


def certificates(folder, name):
    """An authority of one's own, and a certificate that it has signed for `name`: the paths of authority, certificate and key."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=a test")
    openssl("req", *new_key, "-keyout", "its.key", "-out", "its.csr", "-subj", f"/CN={name}")
    openssl(*"x509 -req -in its.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out its.crt -days 2".split())
    return folder / "ca.crt", folder / "its.crt", folder / "its.key"


@pytest.mark.parametrize("name", ["localhost", "elsewhere"])
def test_over_the_network_the_server_proves_who_it_is(tmp_path, name):
    authority, certificate, key = certificates(tmp_path, name)
    port = str(free_port())
    server = PostgresServer(listen_addresses="localhost", port=port, ssl="on")
    daemon = Daemon(tmp_path / "data")
    try:
        server.give("data/server.crt", certificate.read_bytes())
        server.give("data/server.key", key.read_bytes())
        server.give("data/pg_hba.conf", b"local all all trust\nhostssl all all all scram-sha-256\n")
        server.start()
        server.sql("ALTER ROLE millrace PASSWORD 'secret'")
        url = f"postgres://millrace:secret@localhost:{port}/postgres"
        daemon.environment["MILLRACE_STORE_URL"] = url
        daemon.start(ready=False)
        assert daemon.wait_end() != 0  # the system does not know the authority
        assert "certificate verify failed" in daemon.log()
        daemon.environment["MILLRACE_STORE_URL"] = f"{url}?sslrootcert={authority}"
        if name != "localhost":
            daemon.start(ready=False)
            assert daemon.wait_end() != 0
            assert "server certificate for" in daemon.log() and "does not match host name" in daemon.log()
            return
        admin = daemon.start().admin()
        admin.wait(admin.submit("echo", {}), "succeeded")
        assert (
            server.sql(
                "SELECT count(*) > 1 AND bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE "
                "application_name LIKE 'millrace %'"
            )
            == "t"
        )
        daemon.stop()
    finally:
        daemon.clean_up()
        server.clean_up()
