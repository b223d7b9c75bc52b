#!/usr/bin/env python3
"""Measures Millrace beside what bounds it and beside other queues, in one run on one machine, and prints the ratios.

    tests/bench/run.py [--seconds N] [--models FOLDER --pictures FOLDER] [--device DEVICE] [--without-peers] [idle] [submits] [runs] [volume] [images] [latency] [neighbours] [fairness] [streams]

idle     time from start to readiness, resident memory of the idle daemon without its worker
submits  durable submits a second over HTTP, one and 1,000 a call, beside SQLite alone in groups of that size
runs     no-op jobs claimed, run and recorded, in the daemon and over the lease API; submit to done; polls of results
volume   the same beside a million waiting jobs and ten million finished ones; minutes, and 6 GB of disk
images   images a second as durable `infer` jobs and as synchronous predictions, beside a bare libtorch loop and FastAPI with
         PyTorch; the folders hold what make_models.py and make_pictures.py wrote
latency  what a synchronous prediction of a small tensor adds to its bare forward pass
neighbours  what others have of the engine beside a client that crashes its model and one whose inputs hang
fairness what clients of a small model get beside 32 clients of a ResNet-50, and how long they wait
streams  submits and runs beside 50 open pages and beside a stream of every change, in turns; memory of an idle stream

The peers are beanstalkd, RQ on Redis and a SKIP LOCKED loop on PostgreSQL, each flushing before it answers; one that is not
installed is left out, with what to install. Needs wrk and a build with the targets millrace, bench_sqlite_ceiling and, for
all of it, bench_http_hello, torch_modules and bench_torch_loop_NAME. The load runs beside the daemon on the same cores.
Nothing here asserts a time.
"""
import argparse
import dataclasses
import os
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/bench")]
if "MILLRACE_BINARY" not in os.environ and (ROOT / "build/release/src/millrace").exists():
    os.environ["MILLRACE_BINARY"] = str(ROOT / "build/release/src/millrace")

from measures import fairness, idle, images, latency, neighbours, runs, streams, submits, volume  # noqa: E402
from measures.table import print_table  # noqa: E402
from peers import beanstalkd, postgres, redis_queue  # noqa: E402
from support.daemon import binary  # noqa: E402

MEASURES = {
    "idle": idle,
    "submits": submits,
    "runs": runs,
    "volume": volume,
    "images": images,
    "latency": latency,
    "neighbours": neighbours,
    "fairness": fairness,
    "streams": streams,
}
PEERS = (beanstalkd, redis_queue, postgres)


@dataclasses.dataclass
class Bench:
    folder: pathlib.Path
    build: pathlib.Path
    seconds: int
    models: pathlib.Path | None
    pictures: pathlib.Path | None
    with_peers: bool
    device: str
    waiting: int
    finished: int
    streams: int
    peers: dict = dataclasses.field(default_factory=dict)  # name -> its figures
    rows: list = dataclasses.field(default_factory=list)

    def peers_at(self, what, suffix="", figure="per_second"):
        return {name + suffix: figures[what][figure] for name, figures in self.peers.items() if what in figures}


def measure_peers(bench):
    print("peers")
    for peer in PEERS:
        if not peer.there(bench.build):
            print(f"  {peer.NAME} is not here: {peer.NEEDS}")
            continue
        bench.peers[peer.NAME] = figures = peer.measure(bench.build, bench.folder, bench.seconds)
        print(
            f"  {peer.NAME}: " + ", ".join(f"{what} {figure['per_second']:,.0f}/s" for what, figure in figures.items()),
            flush=True,
        )
    print()


def folder_at(text):
    return pathlib.Path(text).resolve()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5, help="length of each measurement")
    parser.add_argument("--models", type=folder_at, help="what tests/bench/make_models.py wrote")
    parser.add_argument("--pictures", type=folder_at, help="what tests/bench/make_pictures.py wrote")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:0, for images")
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--waiting", type=int, default=1_000_000, help="jobs that wait, for volume")
    parser.add_argument("--finished", type=int, default=10_000_000, help="jobs that have ended, for volume")
    parser.add_argument("--streams", type=int, default=1000, help="idle event streams, for streams")
    parser.add_argument("what", nargs="*", choices=[*MEASURES, []], default=[])
    options = parser.parse_args()
    wanted = options.what or ["idle", "submits", "runs"] + (["images", "latency", "fairness"] if options.models else [])
    build = binary().parents[1]
    print(f"{binary()} on {len(os.sched_getaffinity(0))} cores\n")
    with tempfile.TemporaryDirectory(dir=build) as folder:
        bench = Bench(
            pathlib.Path(folder),
            build,
            options.seconds,
            options.models,
            options.pictures,
            not options.without_peers,
            options.device,
            options.waiting,
            options.finished,
            options.streams,
        )
        if not options.without_peers and {"submits", "runs"} & set(wanted):
            measure_peers(bench)
        for each in wanted:
            MEASURES[each].measure(bench)
        print_table(bench.rows)


if __name__ == "__main__":
    main()
