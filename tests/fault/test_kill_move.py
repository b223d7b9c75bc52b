"""A move between databases is killed at each of its steps, in either direction, while the source goes on changing: both sides
are alike at the end, and at no moment would daemons start on both."""
import os
import shutil
import signal
import sqlite3

import pytest
from lives import POINTS
from support.daemon import Daemon
from support.fill import FINISHED, SQLITE_ID, WAITING, inserts
from support.moved_store import QUIET, assert_same, fill, move, of_postgres, of_sqlite, on_sqlite
from support.postgres_server import PostgresServer, programs

if programs() is None and not os.environ.get("MILLRACE_REQUIRE_POSTGRES"):
    pytest.skip("no PostgreSQL server is installed", allow_module_level=True)

MOVE_POINTS = [point for point in POINTS if point.startswith("move.")]
TO_SQLITE_ONLY = ("move.before_rename", "move.after_rename")
# From here on a daemon may be unable to start on the source.
AT_THE_SWITCH = ("retirement", "completion", "rename", "comparison")
CHUNK = 40
NEVER_AT_ALL = 200  # kills


@pytest.fixture(scope="module")
def server():
    with PostgresServer() as running:
        yield running


@pytest.fixture(scope="module")
def filled(tmp_path_factory, server):
    """A stopped daemon's folder, on SQLite; and the same, whose rows were moved to the database `filled`."""
    daemon = on_sqlite(Daemon(tmp_path_factory.mktemp("filled") / "data", environment=dict(QUIET)))
    try:
        fill(daemon.start())
    finally:
        daemon.clean_up()
    with sqlite3.connect(f"{daemon.data}/millrace.db", isolation_level=None) as database:
        for table, values, count in (("finished_jobs", FINISHED, 400), ("jobs", WAITING, 90)):
            for statement in inserts(table, values, count, 1_700_000_000_000_000, SQLITE_ID):
                database.execute(statement)
    moved = on_sqlite(Daemon(daemon.data.parent / "moved"))
    copy(daemon.data, moved.data)
    done = move(moved, server.make_database("filled"))
    assert done.returncode == 0, done
    return {"to_postgres": daemon.data, "to_sqlite": moved.data}


def copy(data, to):
    shutil.copytree(data, to, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))


class Source:
    """Of one direction: what is moved, and whether it is retired."""

    def __init__(self, way, filled, server, folder):
        self.way, self.server = way, server
        self.database = f"{way}_{abs(hash(folder))}"
        self.daemon = on_sqlite(Daemon(folder / "data", environment=dict(QUIET)))
        copy(filled[way], self.daemon.data)
        if way == "to_postgres":
            self.url = server.make_database(self.database)
        else:
            server.sql(f'CREATE DATABASE "{self.database}" TEMPLATE filled')
            self.url = server.url(self.database)

    def move(self, *arguments, **options):
        if self.way == "to_postgres":
            return move(self.daemon, self.url, "--chunk", CHUNK, *arguments, **options)
        return move(
            self.daemon, f"sqlite:{self.daemon.data}", "--chunk", CHUNK, *arguments, store_url=self.url, **options
        )

    def change(self, number):
        """Deletes, changes and adds rows, if it is still the store."""
        for statement in (
            f"DELETE FROM finished_jobs WHERE id = (SELECT min(id) FROM finished_jobs)",
            f"UPDATE jobs SET priority = {number} WHERE id = (SELECT max(id) FROM jobs)",
            f"INSERT INTO organizations (id, name, created_at) VALUES ('added {number}', 'added {number}', 1)",
            f"UPDATE queues SET updated_at = updated_at + 1",
        ):
            try:
                if self.way == "to_postgres":
                    with sqlite3.connect(f"{self.daemon.data}/millrace.db") as database:
                        database.execute(statement)
                else:
                    self.server.sql(statement, self.database)
            except (sqlite3.IntegrityError, RuntimeError) as refused:
                assert "moved to another store" in str(refused)

    def starts(self, url):
        """Whether a daemon starts on this store: nothing is SQLite."""
        daemon = Daemon(self.daemon.data, environment={**QUIET, **({"MILLRACE_STORE_URL": url} if url else {})})
        if not url:
            on_sqlite(daemon)
        try:
            daemon.start(ready=False)
            try:
                daemon.wait_ready()
            except AssertionError:
                assert daemon.process.poll() is not None
                daemon.process = None
                return False
            daemon.stop()
            return True
        finally:
            daemon.clean_up()

    def is_complete(self):
        """Whether the target is a store, whose daemon may go on with it."""
        if self.way == "to_sqlite":
            return not (self.daemon.data / "millrace.db.moving").exists()
        return self.server.sql("SELECT max(version) < 1000000 FROM schema_migrations", self.database) == "t"

    def assert_moved(self):
        assert_same(of_sqlite(self.daemon.data / "millrace.db"), of_postgres(self.server, self.database))


@pytest.mark.parametrize("way", ["to_postgres", "to_sqlite"])
@pytest.mark.parametrize("point", MOVE_POINTS)
def test_a_move_that_is_killed_there_goes_on(filled, server, tmp_path, point, way):
    if way == "to_postgres" and point in TO_SQLITE_ONLY:
        pytest.skip("only a file is put in place")
    source = Source(way, filled, server, tmp_path)
    target, old = (source.url, None) if way == "to_postgres" else (None, source.url)
    if "drop" in point:  # only of what has changed since it was copied
        assert source.move(crash="move.after_chunk:14").returncode == -signal.SIGKILL
    kills = 0
    while True:
        if kills < 10:
            source.change(kills)
        # What makes no progress between two kills at the same place is left alone in the end.
        done = source.move(crash=f"{point}:1" if kills < 3 or point == "move.after_chunk" else None)
        if done.returncode != -signal.SIGKILL:
            break
        kills += 1
        assert kills < NEVER_AT_ALL
        if any(step in point for step in AT_THE_SWITCH):
            starts = source.starts(old)
            if not starts and source.is_complete():
                source.assert_moved()  # before its daemon changes anything
            assert [starts, source.starts(target)].count(True) <= 1
    assert done.returncode == 0 and done.answer["outcome"] in ("moved", "already"), done
    assert kills > (15 if point == "move.after_chunk" else 0)
    if done.answer["outcome"] == "moved":
        source.assert_moved()
    assert not source.starts(old)
    if any(step in point for step in AT_THE_SWITCH):
        assert source.starts(target)
