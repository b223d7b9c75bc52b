"""Durable single submits over HTTP at 1, 16 and 64 connections, beside SQLite alone in groups of that size and the peers;
then 1,000 jobs a call."""
import json
import re
import subprocess

from .load import JOB, LATER, running, wrk
from .table import Row

BATCH = json.dumps({"jobs": [{**JOB, "run_at": LATER}] * 1000})


def measure(bench):
    print("durable single submits over HTTP, wrk beside the daemon")
    ceiling = sqlite_ceiling(bench)
    print("  connections   kept/s   p50 ms   p99 ms   SQLite alone   ratio   kept and run/s")
    for connections in (1, 16, 64):
        with running(bench.folder / f"submits{connections}") as daemon:
            only = submits(daemon, connections, bench.seconds)
            both = wrk(daemon, "/api/v1/jobs", connections, bench.seconds, JOB)
            errors = only["errors"] + both["errors"]
            print(
                f"  {connections:11d} {only['per_second']:8.0f} {only['p50_ms']:8.2f} {only['p99_ms']:8.2f} {ceiling[connections]:14.0f} "
                f"{only['per_second'] / ceiling[connections]:7.2f} {both['per_second']:16.0f}"
                + (f"   {errors} errors" if errors else "")
            )
            if connections != 16:
                peers = bench.peers_at("submit_1" if connections == 1 else "submit")
                bench.rows.append(
                    Row(
                        f"durable submits, {connections} connection" + ("s" if connections > 1 else ""),
                        only["per_second"],
                        "/s",
                        "40,000" if connections == 64 else "",
                        {**peers, "SQLite alone": ceiling[connections]},
                    )
                )
            if connections == 64:
                bench.rows.append(Row("durable submits, run as they come", both["per_second"], "/s"))
    with running(bench.folder / "batches") as daemon:
        bench.rows.append(
            Row(
                "jobs submitted by 1,000 a call",
                batches(daemon, bench.seconds),
                "/s",
                "250,000",
                {**bench.peers_at("batch"), "SQLite alone": ceiling[512]},
            )
        )
    print()


def submits(daemon, connections, seconds):
    return wrk(daemon, "/api/v1/jobs", connections, seconds, {**JOB, "run_at": LATER})


def batches(daemon, seconds):
    """Jobs a second, from four connections."""
    return wrk(daemon, "/api/v1/jobs/batch", 4, seconds, BATCH)["per_second"] * 1000


def sqlite_ceiling(bench):
    """Rows a second of SQLite in groups of 1, 16, 64 …, by group."""
    place = bench.folder / "ceiling"
    place.mkdir()
    program = bench.build / "tests/bench/bench_sqlite_ceiling"
    out = subprocess.run(
        [str(program), str(place), str(bench.seconds)], capture_output=True, text=True, check=True
    ).stdout
    return {int(group): float(rate) for group, rate in re.findall(r"^\s*(\d+)\s+(\d+)", out, re.M)}
