#!/usr/bin/env python3
"""Fills the database of a stopped daemon with jobs, without the daemon: a past, or a backlog, to measure beside.

    tests/support/fill.py DATA [--finished N] [--waiting N]

DATA is a folder in which a daemon has run once, so that the schema is there. The waiting jobs are echo jobs of the queue
`bench`; resume it, or pause it before the daemon starts (--paused).
"""
import argparse
import os
import pathlib
import sqlite3
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.daemon import on_postgres  # noqa: E402

ORGANIZATION = "00000000-0000-7000-8000-000000000001"
FIRST = 1_760_000_000_000_000  # microseconds; the jobs were made one a millisecond from here on
# An id as the daemon makes them, ordered by time: its first 48 bits are milliseconds.
SQLITE_ID = """substr(printf('%012x', {first} / 1000 + n), 1, 8) || '-' || substr(printf('%012x', {first} / 1000 + n), 9, 4) ||
        printf('-7%03x-8%03x-%012x', n % 4096, n * 7 % 4096, n * 2654435761 % 281474976710656)"""
POSTGRES_ID = """overlay(lpad(to_hex({first} / 1000 + n), 12, '0') placing '-' from 9 for 0) || '-7' ||
        lpad(to_hex(n % 4096), 3, '0') || '-8' || lpad(to_hex(n * 7 % 4096), 3, '0') || '-' ||
        lpad(to_hex(CAST(n AS BIGINT) * 2654435761 % 281474976710656), 12, '0')"""
COUNTING = "WITH RECURSIVE counting(n) AS (SELECT {begin} UNION ALL SELECT n + 1 FROM counting WHERE n + 1 < {end})"
PIECE = 500_000

COMMON = {
    "organization_id": f"'{ORGANIZATION}'",
    "created_by": "''",
    "kind": "'echo'",
    "queue": "'bench'",
    "resource": "''",
    "priority": "5",
    "payload": """'{"order":' || n || ',"customer":"a customer"}'""",
    "tags": "'{}'",
    "max_attempts": "4",
    "timeout_us": "1800000000",
    "created_at": "{first} + n * 1000",
    "run_at": "{first} + n * 1000",
}
WAITING = {**COMMON, "state": "'queued'", "attempt": "0"}
FINISHED = {
    **COMMON,
    "queue": "'default'",
    "state": "'succeeded'",
    "attempt": "1",
    "started_at": "{first} + n * 1000 + 300",
    "finished_at": "{first} + n * 1000 + 600",
    "progress_percent": "100",
    "result": """'{"order":' || n || ',"customer":"a customer"}'""",
}


def inserts(table, values, count, first, identity):
    columns = {"id": identity, **values}
    for begin in range(0, count, PIECE):
        counting = COUNTING.format(begin=begin, end=min(begin + PIECE, count))
        yield f"INSERT INTO {table} ({', '.join(columns)}) {counting} SELECT {', '.join(columns.values())} FROM counting".replace(
            "{first}", str(first)
        )


def statements(finished=0, waiting=0, paused=False, identity=SQLITE_ID):
    yield from inserts("finished_jobs", FINISHED, finished, FIRST, identity)
    yield from inserts("jobs", WAITING, waiting, FIRST + finished * 1000, identity)
    if finished:
        yield (
            "INSERT INTO job_totals (organization_id, queue, kind, state, jobs, run_us) "
            f"VALUES ('{ORGANIZATION}', 'default', 'echo', 'succeeded', {finished}, {300 * finished}) "
            "ON CONFLICT (organization_id, queue, kind, state) DO UPDATE SET jobs = job_totals.jobs + excluded.jobs, "
            "run_us = job_totals.run_us + excluded.run_us"
        )
    if paused:
        yield (
            "INSERT INTO queues (organization_id, name, settings, paused_at, paused_by, pause_reason, updated_at) "
            f"VALUES ('{ORGANIZATION}', 'bench', '{{}}', {FIRST}, 'fill.py', 'measuring', {FIRST})"
        )


def fill(data, **wanted):
    """The folder's database; see statements()."""
    database = sqlite3.connect(f"{data}/millrace.db", isolation_level=None)
    database.execute("PRAGMA synchronous = OFF")
    for statement in statements(**wanted):
        database.execute(statement)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    os.sync()  # or the kernel would still write it back while something is measured


def fill_daemon(daemon, **wanted):
    """That of a stopped daemon, also on PostgreSQL."""
    if not on_postgres():
        return fill(daemon.data, **wanted)
    for statement in statements(**wanted, identity=POSTGRES_ID):
        daemon.sql(statement)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--finished", type=int, default=0)
    parser.add_argument("--waiting", type=int, default=0)
    parser.add_argument("--paused", action="store_true", help="the queue of the waiting jobs is paused")
    options = parser.parse_args()
    begin = time.monotonic()
    fill(options.data, finished=options.finished, waiting=options.waiting, paused=options.paused)
    print(f"filled in {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
