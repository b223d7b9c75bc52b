"""Jobs that do nothing, claimed, run and recorded: in the daemon, and by external workers over the lease API; then one job at
a time from submit to result, and polls of results."""
import os
import subprocess

from support.daemon import free_port

from .load import JOB, counts, make_queue, pause, resume, run_wrk, running, seconds_until, submit_many, wrk
from .table import Row


def measure(bench):
    with running(bench.folder / "runs") as daemon:
        bench.rows.append(
            Row(
                "no-op jobs claimed, run and recorded, in process",
                in_process(daemon, bench.seconds),
                "/s",
                "50,000",
                {**bench.peers_at("run"), **bench.peers_at("run_by_100", " by 100")},
            )
        )
        bench.rows.append(
            Row(
                "no-op jobs over the lease API, 64 connections",
                over_leases(daemon, bench.seconds),
                "/s",
                "",
                {**bench.peers_at("run"), **bench.peers_at("run_by_100", " by 100")},
            )
        )
        found = latency(daemon, bench.seconds)
        bench.rows += [
            Row(
                "submit to done, one at a time, median",
                found["p50_ms"],
                "ms",
                "0.6",
                bench.peers_at("latency", figure="p50_ms"),
            ),
            Row(
                "submit to done, one at a time, 99th percentile",
                found["p99_ms"],
                "ms",
                "",
                bench.peers_at("latency", figure="p99_ms"),
            ),
        ]
        bench.rows.append(
            Row("result polls, 64 connections", polls(daemon, bench.seconds), "/s", "80,000", hello(bench))
        )


def in_process(daemon, seconds, waiting_before=0):
    """Of a queue that was paused, from its resumption; `waiting_before` of its jobs are left over at the end."""
    count = 30_000 * seconds
    if not waiting_before:
        pause(daemon, "bench")
    submit_many(daemon, count, {**JOB, "queue": "bench", "priority": 9})
    before = counts(daemon)["succeeded"]
    resume(daemon, "bench")
    took = seconds_until(daemon, before + count)
    if waiting_before:
        pause(daemon, "bench")
    return count / took


def over_leases(daemon, seconds):
    make_queue(daemon, "outside", external=True)
    submit_many(daemon, 50_000 * seconds, {**JOB, "queue": "outside"})
    before = counts(daemon)["succeeded"]
    wrk(daemon, "/", 64, seconds, script="lease.lua", MILLRACE_QUEUE="outside")
    return (counts(daemon)["succeeded"] - before) / seconds


def latency(daemon, seconds):
    return wrk(daemon, "/api/v1/jobs", 1, seconds, JOB, prefer="wait=5")


def polls(daemon, seconds):
    answer = daemon.admin().post("/api/v1/jobs", JOB, headers={"Prefer": "wait=5"})
    assert answer.status == 200, answer
    found = wrk(daemon, f"/api/v1/results/{answer.json['id']}", 64, seconds, method="GET")
    assert found["errors"] == 0, found
    return found["per_second"]


def hello(bench):
    """What the HTTP room alone answers."""
    program = bench.build / "tests/bench/bench_http_hello"
    if not program.exists():
        return {}
    port = free_port()
    server = subprocess.Popen(
        [str(program), str(port), str(len(os.sched_getaffinity(0)))], stdout=subprocess.PIPE, text=True
    )
    try:
        server.stdout.readline()
        return {
            "hello, same server": run_wrk(
                f"http://127.0.0.1:{port}/hello", 64, bench.seconds, {**os.environ, "MILLRACE_METHOD": "GET"}
            )["per_second"]
        }
    finally:
        server.terminate()
        server.wait()
