"""The same work as in test_random_kills.py while the PostgreSQL server is killed, its connections are cut and the daemon is
killed: what was acknowledged is there once, and nothing by half."""
import os
import signal
import time

import pytest
from crews import everybody
from database_check import check_database
from lives import QUIET
from oracle import Oracle
from support.client import Client
from support.daemon import Daemon, on_postgres
from support.postgres_server import PostgresServer, programs

if programs() is None and not os.environ.get("MILLRACE_REQUIRE_POSTGRES"):
    pytest.skip("no PostgreSQL server is installed", allow_module_level=True)
if not on_postgres():
    pytest.skip("the oracle looks into the database that MILLRACE_STORE=postgres names", allow_module_level=True)


@pytest.fixture
def server():
    with PostgresServer(full_page_writes="on") as running:
        yield running


class Patient(Client):
    """Takes "not now" for a lost answer: whether a write was done is then found out by its key, as after a kill."""

    def request(self, *arguments, **options):
        answer = super().request(*arguments, **options)
        if answer.status == 503:
            raise ConnectionError(answer)
        return answer


class OwnDaemon(Daemon):
    """On a server of the test."""

    def __init__(self, data, url, server):
        super().__init__(data, environment={**QUIET, "MILLRACE_JOBS_DRAIN_SECONDS": "0", "MILLRACE_STORE_URL": url})
        self.server = server

    def client(self, key=None):
        return (Patient if key else Client)(self.port, key)

    def sql(self, statement, *values):
        return self.server.statement(self.environment["MILLRACE_STORE_URL"], statement, values)


def kill_server(server, daemon, dice):
    """At once, without writing anything back; and it comes back."""
    server.stop(signal.SIGQUIT)
    time.sleep(dice.random() * 0.5)
    server.start()


def cut_connections(server, daemon, dice):
    """One of them, or all: also the one that commits."""
    most = 1 if dice.random() < 0.5 else 100
    server.sql(
        "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'millrace%' "
        f"ORDER BY random() LIMIT {most}) AS chosen"
    )


def kill_daemon(server, daemon, dice):
    daemon.kill()
    time.sleep(dice.random() * 0.1)
    daemon.start(ready=False)


FAULTS = [kill_server, cut_connections, cut_connections, kill_daemon]


def test_nothing_is_lost_or_doubled_while_server_connections_and_daemon_are_killed(server, tmp_path, kills, dice):
    rounds = max(10, kills // 8)
    daemon = OwnDaemon(tmp_path / "data", server.make_database("faults"), server)
    crew = everybody()
    try:
        daemon.start()
        with Oracle(tmp_path / "journal") as oracle:
            crew.prepare(daemon, daemon.admin(), oracle)
            for _ in range(rounds):
                daemon.wait_ready(interval=0.01)
                crew.start(daemon, oracle)
                time.sleep(dice.random() * 0.4)
                dice.choice(FAULTS)(server, daemon, dice)
                time.sleep(dice.random() * 0.2)
                crew.stop()
            daemon.wait_ready()
            client = daemon.admin().keep()
            oracle.resolve_doubts(client)
            crew.finish(client, oracle)
            oracle.judge(daemon, seconds=120)
            print(f"{rounds} faults, promises kept: {len(oracle.promises)}")
        daemon.stop()
        check_database(daemon)
    finally:
        daemon.clean_up()


def test_a_daemon_that_was_stopped_past_anothers_start_changes_nothing_any_more(server, tmp_path):
    """It was taken off the processor; its connections were closed by the operator, and a second daemon took over."""
    url = server.make_database("fenced")
    first = OwnDaemon(tmp_path / "first", url, server).start()
    second = OwnDaemon(tmp_path / "second", url, server)
    try:
        client = first.admin()
        running = client.submit("sleep", {"seconds": 3})
        client.wait(running, "running")
        first.process.send_signal(signal.SIGSTOP)
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'millrace%'")
        admin = second.start().admin()
        time.sleep(0.5)
        before = server.statement(url, "SELECT node, epoch FROM nodes")
        first.process.send_signal(signal.SIGCONT)
        code = first.wait_end(30)
        assert code not in (0, None), first.log()
        assert "another daemon" in first.log()
        assert server.statement(url, "SELECT node, epoch FROM nodes") == before
        done = admin.wait(running, "succeeded", seconds=30)
        assert [attempt["outcome"] for attempt in done["attempts"]] == ["lost"], done
        second.stop()
    finally:
        first.clean_up()
        second.clean_up()
