"""What a million waiting jobs, or ten million finished ones, take from the rates of an empty queue; the time to start with a
million waiting, and the memory of each."""
import time

from support.fill import fill

from . import runs, submits
from .load import counts, resident_bytes, running
from .table import Row

RATES = (
    ("durable submits, 64 connections", "/s"),
    ("jobs submitted by 1,000 a call", "/s"),
    ("no-op jobs run in process", "/s"),
    ("submit to done, median", "ms"),
)


def measure(bench):
    print(f"the same with {bench.waiting:,} waiting, and with {bench.finished:,} finished")
    empty = rates(bench, "empty")
    print_rates("empty", empty)
    for name, filling in (
        (f"{bench.waiting:,} waiting", {"waiting": bench.waiting, "paused": True}),
        (f"{bench.finished:,} finished", {"finished": bench.finished}),
    ):
        full = rates(bench, name.split()[1], filling)
        print_rates(name, full)
        for (what, unit), with_volume, without in zip(RATES, full, empty):
            bench.rows.append(Row(f"{what}, {name}", with_volume, unit, "0.9 of empty", {"empty": without}))
    print()


def print_rates(name, figures):
    print(
        f"  {name:22s} " + "   ".join(f"{what}: {figure:,.2f} {unit}" for (what, unit), figure in zip(RATES, figures)),
        flush=True,
    )


def rates(bench, name, filling=None):
    folder = bench.folder / f"volume-{name}"
    with running(folder) as daemon:
        small = resident_bytes(daemon.process.pid)
    waiting = (filling or {}).get("waiting", 0)
    if filling:
        fill(folder, **filling)
    begin = time.monotonic()
    with running(folder) as daemon:
        if waiting:
            bench.rows += [
                Row(f"start to ready, {waiting:,} waiting", time.monotonic() - begin, "s"),
                Row("memory a waiting job", (resident_bytes(daemon.process.pid) - small) / waiting, "bytes"),
            ]
            assert counts(daemon)["queued"] == waiting, counts(daemon)
        ran = runs.in_process(daemon, bench.seconds, waiting)
        time.sleep(1)
        return (
            submits.submits(daemon, 64, bench.seconds)["per_second"],
            submits.batches(daemon, bench.seconds),
            ran,
            runs.latency(daemon, bench.seconds)["p50_ms"],
        )
