"""The oracle itself: whatever is taken from a daemon's promises or added to them, it notices."""
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest
from journal import Journal
from lives import QUIET
from oracle import HERE, Oracle
from support.daemon import Daemon, on_postgres
from workload import echo, sleep

if on_postgres():
    pytest.skip("it harms SQLite's file", allow_module_level=True)

HARM = {
    "a job is lost": "DELETE FROM finished_jobs WHERE id = '{first}'",
    "a payload is another": "UPDATE finished_jobs SET payload = '{{}}' WHERE id = '{first}'",
    "a result is another": "UPDATE finished_jobs SET result = '{{}}' WHERE id = '{first}'",
    "a job that ought to be dead is done": "UPDATE finished_jobs SET state = 'succeeded', result = '{{}}' WHERE state = 'dead'",
    "a job came twice": "INSERT INTO finished_jobs SELECT {columns} FROM finished_jobs WHERE id = '{first}'",
    "a key is forgotten": "DELETE FROM idempotency_keys",
}


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    """A daemon that has kept its promises, and their journal."""
    folder = tmp_path_factory.mktemp("oracle")
    daemon = Daemon(folder / "data", environment=QUIET).start()
    with Oracle(folder / "journal") as oracle:
        client = daemon.admin()
        jobs = [echo() for _ in range(5)]
        first = [oracle.submit(client, job, results=[job["payload"]]) for job in jobs][0]
        oracle.submit_batch(client, [echo(), echo()])
        oracle.submit(client, sleep(0, fail_times=9, max_attempts=1), states=("dead",))
        oracle.judge(daemon)
    daemon.stop()
    yield daemon, oracle, first
    daemon.clean_up()


@pytest.mark.parametrize("harm", HARM)
def test_it_notices_when(life, tmp_path, harm):
    whole, oracle, first = life
    shutil.copytree(whole.data, tmp_path / "data", ignore=shutil.ignore_patterns("*.sock"))
    with contextlib.closing(sqlite3.connect(tmp_path / "data/millrace.db")) as database, database:
        names = [row[1] for row in database.execute("PRAGMA table_info(finished_jobs)")]
        other = first[:-1] + ("0" if first[-1] != "0" else "1")
        columns = ", ".join(f"'{other}'" if name == "id" else name for name in names)
        assert database.execute(HARM[harm].format(first=first, columns=columns)).rowcount > 0
    harmed = Daemon(tmp_path / "data", environment=QUIET)
    harmed.admin_key = whole.admin_key
    try:
        harmed.start()
        with pytest.raises(AssertionError, match="faults"):
            oracle.judge(harmed)
        harmed.stop()
    finally:
        harmed.clean_up()


def test_it_keeps_what_it_was_told_when_the_test_dies(tmp_path):
    teller = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"""
import sys, time; sys.path.insert(0, {str(HERE)!r})
from oracle import Oracle
oracle = Oracle({str(tmp_path / 'journal')!r})
oracle.write(do="ask", key="k", path="/api/v1/jobs", body={{"kind": "echo"}})
oracle.write(do="ack", key="k", jobs=[["0", "an-id"]], ends={{}})
print("told", flush=True); time.sleep(60)""",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert teller.stdout.readline() == "told\n"
    os.kill(teller.pid, signal.SIGKILL)
    teller.wait()
    assert set(Journal.read(tmp_path / "journal").promises) == {"an-id"}


def test_a_line_that_was_cut_is_no_promise(tmp_path):
    ask = {"do": "ask", "key": "k", "path": "/api/v1/jobs", "body": {"kind": "echo"}}
    (tmp_path / "journal").write_text(
        json.dumps(ask) + "\n" + json.dumps({"do": "ack", "key": "k", "jobs": [["0", "an-id"]], "ends": {}})
    )
    assert Journal.read(tmp_path / "journal").promises == {}
