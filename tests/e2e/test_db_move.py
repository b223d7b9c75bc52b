"""All rows moved from SQLite to PostgreSQL and back, with and without a daemon at work, and what stands in the way."""
import os
import pathlib
import sqlite3
import subprocess
import sys
import threading

import pytest
from support.daemon import ROOT, Daemon, binary
from support.fake_postgres import FakePostgres
from support.moved_store import QUIET, assert_same, fill, move, of_postgres, of_sqlite, on_sqlite
from support.postgres_server import PostgresServer, programs

if programs() is None and not os.environ.get("MILLRACE_REQUIRE_POSTGRES"):
    pytest.skip("no PostgreSQL server is installed", allow_module_level=True)

# The full measure is 1000000 and 100000.
FINISHED = int(os.environ.get("MILLRACE_MOVE_FINISHED", "3000"))
WAITING = int(os.environ.get("MILLRACE_MOVE_WAITING", "500"))


@pytest.fixture(scope="module")
def server():
    with PostgresServer() as running:
        yield running


@pytest.fixture
def database(server, tmp_path):
    name = f"of_{tmp_path.name[-50:]}".lower()
    server.make_database(name)
    return name


@pytest.fixture
def daemon(tmp_path):
    made = on_sqlite(Daemon(tmp_path / "data", environment=dict(QUIET)))
    yield made
    made.clean_up()


def add_past(daemon):
    subprocess.run(
        [
            sys.executable,
            str(ROOT / "tests" / "support" / "fill.py"),
            str(daemon.data),
            f"--finished={FINISHED}",
            f"--waiting={WAITING}",
        ],
        check=True,
    )


def refusal(daemon, url=None):
    """What a daemon says that does not start."""
    daemon.log_path.unlink(missing_ok=True)
    daemon.start(ready=False, environment={"MILLRACE_STORE_URL": url} if url else None)
    assert daemon.wait_end() == 1, daemon.log()
    return daemon.log()


def test_everything_is_moved_there_and_back(daemon, server, database):
    made = fill(daemon.start())
    add_past(daemon)
    url, sqlite = server.url(database), f"sqlite:{daemon.data}"
    before = of_sqlite(daemon.data / "millrace.db")

    done = move(daemon, url)
    assert done.returncode == 0, done
    assert done.answer["outcome"] == "moved"
    rows = {table["name"]: table["rows"] for table in done.answer["tables"]}
    assert rows.keys() == before.keys() and rows["finished_jobs"] >= FINISHED
    assert all(rows[name] == len(before[name]) for name in rows if rows[name] < 20_000)
    assert_same(before, of_postgres(server, database))
    assert_same(before, of_sqlite(daemon.data / "millrace.db"))  # as it was
    assert int(server.sql("SELECT last_value FROM events_id_seq", database)) > 1000
    report = pathlib.Path(done.answer["report"]).read_text()
    assert f"{done.answer['rows']} rows in all" in report and all(t["hash"] in report for t in done.answer["tables"])

    assert f"the rows of this database were moved to {url}" in refusal(daemon)
    with sqlite3.connect(daemon.data / "millrace.db") as old, pytest.raises(sqlite3.IntegrityError, match="moved"):
        old.execute("DELETE FROM jobs")
    assert move(daemon, url).answer["outcome"] == "already"

    daemon.environment["MILLRACE_STORE_URL"] = url
    admin = daemon.start().admin()
    assert admin.get(f"/api/v1/blobs/{made['blob']}").body == b"content"
    assert admin.job(made["dead"])["state"] == "dead" and admin.job(made["scheduled"])["state"] == "scheduled"
    admin.wait(made["running"], "running")  # begun anew
    admin.wait(admin.submit("echo", {"on": "postgres"}))
    assert (
        admin.submit("echo", {}, run_at="2099-01-01T00:00:00Z", headers={"Idempotency-Key": "once"})
        == made["scheduled"]
    )
    daemon.stop()

    between = of_postgres(server, database)
    back = move(daemon, sqlite, store_url=url)
    assert back.returncode == 0 and back.answer["outcome"] == "moved", back
    assert_same(between, of_sqlite(daemon.data / "millrace.db"))
    assert_same(between, of_postgres(server, database))
    assert f"the rows of this database were moved to {sqlite}" in refusal(daemon)
    with pytest.raises(RuntimeError, match="moved to another store"):
        server.sql("DELETE FROM jobs", database)
    assert move(daemon, sqlite, store_url=url).answer["outcome"] == "already"
    assert len(list(daemon.data.glob("millrace.db.moved-*"))) == 1  # what was there before

    del daemon.environment["MILLRACE_STORE_URL"]
    admin = daemon.start().admin()
    admin.wait(admin.submit("echo", {"on": "sqlite"}))
    assert admin.job(made["dead"])["state"] == "dead"
    daemon.stop()
    with sqlite3.connect(daemon.data / "millrace.db") as database_file:
        assert database_file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database_file.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database_file.execute("SELECT seq > 1000 FROM sqlite_sequence").fetchall() == [(1,)]


class Submitting:
    """Submits jobs, and keeps the ids of those that were acknowledged."""

    def __init__(self, daemon):
        self.acknowledged, self.stopping, self.client = [], threading.Event(), daemon.admin()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.stopping.is_set():
            try:
                answer = self.client.post("/api/v1/jobs", {"kind": "echo", "payload": {"n": len(self.acknowledged)}})
                if answer.status == 202:
                    self.acknowledged.append(answer.json["id"])
            except OSError:
                pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()


@pytest.mark.parametrize("way", ["to_postgres", "to_sqlite"])
def test_while_the_daemon_works_most_is_copied_and_nothing_acknowledged_is_lost(daemon, server, database, way):
    url = server.url(database)
    daemon.start().stop()
    add_past(daemon)
    source, target = (None, url) if way == "to_postgres" else (url, f"sqlite:{daemon.data}")
    if source:
        assert move(daemon, url).returncode == 0
        daemon.environment["MILLRACE_STORE_URL"] = url
    daemon.start()
    with Submitting(daemon) as submitting:
        first = move(daemon, target, "--chunk", 100, store_url=source)
        assert (first.returncode, first.answer["outcome"]) == (1, "copied"), first
        assert first.answer["copied_while_running"] >= FINISHED
        assert daemon.process.poll() is None
        done = move(daemon, target, "--chunk", 100, "--stop", store_url=source)
    assert done.returncode == 0 and done.answer["outcome"] == "moved", done
    assert daemon.wait_end() == 0
    # The rest is what has changed: the past was not copied again.
    assert done.answer["copied_while_stopped"] < FINISHED / 2, done.answer
    if source:
        del daemon.environment["MILLRACE_STORE_URL"]
    else:
        daemon.environment["MILLRACE_STORE_URL"] = url
    admin = daemon.start().admin()
    assert len(submitting.acknowledged) == len(set(submitting.acknowledged)) > 10
    for job in submitting.acknowledged:
        admin.wait(job, "succeeded")
    daemon.stop()


def test_a_dry_run_says_what_there_is_and_changes_nothing(daemon, server, database):
    daemon.start().stop()
    add_past(daemon)
    url = server.url(database)
    done = move(daemon, url, "--dry-run")
    assert done.returncode == 0 and done.answer["outcome"] == "planned", done
    assert {t["name"]: t["rows"] for t in done.answer["tables"]}["finished_jobs"] == FINISHED
    assert server.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace", database) == "0"
    daemon.start().stop()
    shown = daemon.cli("db", "move", "--to", url, "--dry-run")
    assert shown.returncode == 0 and "Nothing stands in the way" in shown.stdout


def test_everything_in_the_way_is_said_at_once(daemon, server, database, tmp_path):
    fill(daemon.start())
    with sqlite3.connect(daemon.data / "millrace.db") as broken:
        broken.execute("INSERT INTO sessions VALUES ('s', 'o', 'no key', 1, 1, 1)")
        broken.execute("UPDATE jobs SET payload = CAST(x'22ff22' AS TEXT) WHERE state = 'running'")
        broken.execute("UPDATE unique_keys SET unique_key = 'a' || char(0) || 'b' WHERE unique_key = 'key 1'")
    before = of_sqlite_bytes(daemon)
    other = Daemon(tmp_path / "other", environment={**QUIET, "MILLRACE_STORE_URL": server.url(database)})
    try:
        other.start().admin().submit("echo", {})
        done = move(daemon, server.url(database))
    finally:
        other.clean_up()
    assert done.returncode == 1 and done.answer["outcome"] == "refused", done.stdout
    said = "\n".join(done.answer["obstacles"])
    for part in (
        "rows of sessions name a row of keys that is not there",
        "1 rows of jobs have texts that are no UTF-8",
        "1 rows of unique_keys have the character U+0000 in their keys",
        "a daemon, or another move, works on the target database",
        "it holds rows of Millrace already",
    ):
        assert part in said, said
    assert of_sqlite_bytes(daemon) == before
    server.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    assert "not in UTF-8" in "\n".join(move(daemon, server.url("latin")).answer["obstacles"])
    server.sql("CREATE ROLE guest LOGIN")
    server.sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE SCHEMA empty", "template1")
    server.make_database("closed")
    guest = server.url("closed").replace("millrace@", "guest@")
    assert "may not make tables in the schema public" in "\n".join(move(daemon, guest).answer["obstacles"])


def of_sqlite_bytes(daemon):
    with sqlite3.connect(f"file:{daemon.data}/millrace.db?mode=ro", uri=True) as database:
        return list(database.execute("SELECT sum(length(payload)), count(*) FROM jobs"))


@pytest.mark.parametrize(
    "said, version, answers",
    [
        ("the server is CockroachDB", "13.0.0", {"version()": "CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu)"}),
        ("the server is Yugabyte", "15.2", {"version()": "PostgreSQL 15.2-YB-2.25.0.0-b0 on x86_64"}),
        ("a pooler such as PgBouncer stands before it", "15.5", {"pg_backend_pid()": "99"}),
        ("the extension Citus is there", "15.5", {"pg_extension": "1"}),
        ("PostgreSQL 13 or later is needed", "12.17", {"version()": "PostgreSQL 12.17 on x86_64-pc-linux-gnu"}),
    ],
)
def test_other_servers_are_refused_with_the_reason(daemon, said, version, answers):
    daemon.start().stop()
    other = FakePostgres(version, **answers)
    try:
        done = move(daemon, other.url)
    finally:
        other.close()
    assert done.returncode == 1 and done.answer["outcome"] == "refused", done.stdout
    assert len(done.answer["obstacles"]) == 1 and said in done.answer["obstacles"][0], done.answer
    daemon.start().stop()


def test_a_target_that_cannot_be_reached_ends_with_3_and_without_a_password(daemon, tmp_path):
    daemon.start().stop()
    done = move(daemon, f"postgres://millrace:secret@/x?host={tmp_path}")
    assert done.returncode == 3 and "the target cannot be reached" in done.answer["obstacles"][0], done
    assert "secret" not in done.stdout + done.stderr


def test_a_character_that_postgresql_has_not_is_replaced_and_said(daemon, server, database):
    made = fill(daemon.start())
    with sqlite3.connect(daemon.data / "millrace.db") as store:
        store.execute("UPDATE jobs SET error_message = 'a' || char(0) || 'b' WHERE id = ?", (made["running"],))
    done = move(daemon, server.url(database))
    assert done.returncode == 0, done
    assert any("1 rows of jobs have the character U+0000" in notice for notice in done.answer["notices"])
    assert server.sql("SELECT error_message FROM jobs WHERE error_message IS NOT NULL", database) == "a\ufffdb"


def test_another_folder_is_no_target(daemon, tmp_path):
    done = move(daemon, f"sqlite:{tmp_path}/elsewhere", store_url="postgres://a/b")
    assert done.returncode == 2 and f"--to sqlite:{daemon.data}" in done.stderr, done


def test_rows_that_were_never_moved_away_are_not_replaced(daemon, server, database):
    daemon.start().stop()
    other = {"MILLRACE_STORE_URL": server.url(database)}
    daemon.start(environment=other).stop()
    done = move(daemon, f"sqlite:{daemon.data}", store_url=server.url(database))
    assert done.returncode == 1 and "its rows were never moved away" in done.answer["obstacles"][0], done


def test_a_target_that_somebody_writes_to_is_not_taken(daemon, server, database):
    fill(daemon.start())
    url = server.url(database)
    assert move(daemon, url, crash="move.after_comparison:1").returncode < 0
    assert "is not finished; run `millrace db move` again" in refusal(daemon, url)
    server.sql("UPDATE finished_jobs SET priority = priority + 1", database)
    done = move(daemon, url)
    assert (
        done.returncode == 1 and "the databases are not alike" in done.stderr and "finished_jobs" in done.stderr
    ), done
    daemon.start().stop()  # the source is still the store
    assert move(daemon, url).returncode == 0
    assert_same(of_sqlite(daemon.data / "millrace.db"), of_postgres(server, database))


def test_status_tells_of_either_database(daemon, server, database):
    daemon.start()
    shown = daemon.cli("db", "status", "--check")
    assert shown.returncode == 0 and "every page is sound" in shown.stdout, shown
    daemon.stop()
    url = server.url(database)
    assert move(daemon, url).returncode == 0
    assert "the rows of this database were moved to" in daemon.cli("db", "status").stdout
    daemon.environment["MILLRACE_STORE_URL"] = url
    daemon.start()
    server.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements", database)
    shown = daemon.cli("db", "status")
    assert shown.returncode == 0, shown
    for part in ("PostgreSQL 1", "connections", "finished_jobs", "standby      none", "schema"):
        assert part in shown.stdout, shown.stdout
    daemon.stop()
    daemon.environment["MILLRACE_STORE_URL"] = "postgres://nobody@/x?host=/nowhere"
    assert daemon.cli("db", "status").returncode == 3
