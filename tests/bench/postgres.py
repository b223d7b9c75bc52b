#!/usr/bin/env python3
"""Measures Millrace on PostgreSQL beside Millrace on SQLite and beside other queues on the same server, in one run.

    tests/bench/postgres.py [--seconds N] [--turns N] [--node FOLDER] [--python PYTHON]

Each turn measures all of them, one after the other; a line has the median of the turns. The server is Debian's, which this
starts on a socket in a temporary folder; it flushes at every commit (synchronous_commit=on, fsync=on). The peers are left out
without these:
    npm install --prefix FOLDER pg-boss@10.3.3 graphile-worker@0.16.6
    python3 -m venv VENV && VENV/bin/pip install procrastinate 'psycopg[binary]'     # --python VENV/bin/python
Needs wrk, postgresql-15 and a build (MILLRACE_BINARY, or build/release). The load runs on the same cores as the server.
Nothing here asserts a time.
"""
import argparse
import collections
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/bench")]
if "MILLRACE_BINARY" not in os.environ and (ROOT / "build/release/src/millrace").exists():
    os.environ["MILLRACE_BINARY"] = str(ROOT / "build/release/src/millrace")

from measures.load import JOB, LATER, counts, pause, resume, running, seconds_until, submit_many, wrk  # noqa: E402
from support.postgres_server import PostgresServer  # noqa: E402

PEERS = ROOT / "tests/bench/peers"
WHAT = {
    "submit": "durable submits, one a request or call, 64 at a time",
    "batch": "jobs submitted by 1,000 a call, 4 at a time",
    "run": "no-op jobs claimed, run and recorded",
    "lives": "submitted one at a time, run and recorded",
}


def millrace(folder, seconds, environment):
    with running(folder, environment) as daemon:
        single, batch = {**JOB, "run_at": LATER}, {"jobs": [{**JOB, "run_at": LATER}] * 1000}
        figures = {
            "submit": wrk(daemon, "/api/v1/jobs", 64, seconds, single)["per_second"],
            "batch": wrk(daemon, "/api/v1/jobs/batch", 4, seconds, batch)["per_second"] * 1000,
            "lives": wrk(daemon, "/api/v1/jobs", 64, seconds, JOB)["per_second"],
        }
        count = 10_000 * seconds
        pause(daemon, "bench")
        submit_many(daemon, count, {**JOB, "queue": "bench", "priority": 9})
        before = counts(daemon)["succeeded"]
        resume(daemon, "bench")
        figures["run"] = count / seconds_until(daemon, before + count)
        return figures


def peer(server, name, command, **environment):
    """In a database of its own."""
    server.make_database(name)
    where = {"PGHOST": str(server.folder), "PGUSER": "millrace", "PGDATABASE": name, **environment}
    out = subprocess.run(command, env={**os.environ, **where}, stdout=subprocess.PIPE, text=True, check=True).stdout
    server.sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    return json.loads(out)


def contenders(server, options, folder):
    """Name → what measures it once."""
    seconds = str(options.seconds)

    def on_postgres():
        url = server.make_database("millrace_bench")
        figures = millrace(folder / "postgres", options.seconds, {"MILLRACE_STORE_URL": url})
        server.sql('DROP DATABASE "millrace_bench" WITH (FORCE)')
        return figures

    found = {
        "Millrace on PostgreSQL": on_postgres,
        "Millrace on SQLite": lambda: millrace(folder / "sqlite", options.seconds, {}),
    }
    if options.node:
        node = ["node", str(PEERS / "node_queues.mjs")]
        for name in ("pg-boss", "graphile-worker"):
            found[name] = lambda name=name: peer(
                server, name, [*node, name, seconds], NODE_QUEUES=str(options.node.resolve())
            )
    if options.python:
        command = [options.python, str(PEERS / "procrastinate_load.py"), seconds]
        found["Procrastinate"] = lambda: peer(server, "procrastinate", command)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5, help="length of one measurement")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--node", type=pathlib.Path, help="the folder with pg-boss and graphile-worker")
    parser.add_argument("--python", help="a Python with procrastinate and psycopg")
    options = parser.parse_args()
    figures = collections.defaultdict(lambda: collections.defaultdict(list))
    durable = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "max_wal_size": "2GB"}
    with PostgresServer(**durable, shared_buffers="256MB") as server, tempfile.TemporaryDirectory() as folder:
        for turn in range(options.turns):
            for name, measure in contenders(server, options, pathlib.Path(folder) / str(turn)).items():
                for what, figure in measure().items():
                    figures[what][name].append(figure)
    for what, text in WHAT.items():
        print(text)
        ours = statistics.median(figures[what]["Millrace on PostgreSQL"])
        for name, found in figures[what].items():
            its = statistics.median(found)
            print(f"  {name:24s} {its:12,.0f} /s   {ours / its:6.2f} times as many on PostgreSQL")


if __name__ == "__main__":
    main()
