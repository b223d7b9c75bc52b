#!/usr/bin/env python3
"""Compares two builds of the daemon, in turns, so that a noisy machine troubles both alike.

    tests/bench/compare.py [--turns N] [--seconds N] [--models FOLDER --pictures FOLDER] BEFORE AFTER [MEASURE]...

BEFORE and AFTER are binaries, each with its runtime modules beside it where its build has put them. Both daemons run at once,
each on a folder of its own. Every turn measures one and then the other, and every second turn begins with the other one.
A line tells the median of each, the median of the turns' ratios (above 1: AFTER is better), and the daemon's own processor
time for an item, which other work on the machine changes less than it changes the rate.
Needs wrk and, for `one-tensor`, a build with the target bench_http_latency.
Nothing here asserts a time.
"""
import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/bench")]

from measures.load import (
    JOB,
    LATER,
    ROOMY,
    counts,
    make_queue,
    pause,
    post_pictures,
    resume,
    seconds_until,
    submit_many,
    wrk,
)  # noqa: E402
from support.daemon import Daemon  # noqa: E402

TICK = 1 / os.sysconf("SC_CLK_TCK")


class Build:
    """One of the two, with its daemon."""

    def __init__(self, binary, folder, models):
        self.binary = binary.resolve()
        runtime = self.binary.parents[1] / "runtime/official/libmillrace_torch.so"
        environment = (
            {**ROOMY, "MILLRACE_INFERENCE_RUNTIME": str(runtime)}
            if models
            else {**ROOMY, "MILLRACE_INFERENCE_ENABLED": "false"}
        )
        self.daemon = Daemon(folder, environment)
        os.environ["MILLRACE_BINARY"] = str(self.binary)
        self.daemon.start(seconds=300)
        self.client = self.daemon.admin()
        make_queue(self.daemon, "outside", external=True)
        if models:
            self.daemon.wait_worker()
            for name in ("linear", "small_cnn", "resnet18"):
                archive, manifest = ((models / f"{name}{end}").read_bytes() for end in (".pt", ".manifest.json"))
                answer = self.client.push_model(name, archive, manifest)
                assert answer.status in (200, 201), answer

    def processor_seconds(self):
        """Of the daemon and, with models, of its worker."""
        pids = [self.daemon.process.pid, *children(self.daemon.process.pid)]
        return (
            sum(
                sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[11:13]))
                for pid in pids
            )
            * TICK
        )


def children(pid):
    return [
        int(child)
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


# A measure takes the build and the seconds, and gives items and items a second.


def submits(connections, **job):
    return lambda build, seconds: rate(wrk(build.daemon, "/api/v1/jobs", connections, seconds, {**JOB, **job}), seconds)


def batches(build, seconds):
    body = json.dumps({"jobs": [{**JOB, "run_at": LATER}] * 1000})
    return rate(wrk(build.daemon, "/api/v1/jobs/batch", 4, seconds, body), seconds, 1000)


def runs(build, seconds):
    count = 30_000 * seconds
    pause(build.daemon, "bench")
    submit_many(build.daemon, count, {**JOB, "queue": "bench", "priority": 9})
    before, spent = counts(build.daemon)["succeeded"], build.processor_seconds()
    resume(build.daemon, "bench")
    took = seconds_until(build.daemon, before + count)
    return count, count / took, build.processor_seconds() - spent


def leases(build, seconds):
    submit_many(build.daemon, 50_000 * seconds, {**JOB, "queue": "outside"})
    before, spent = counts(build.daemon)["succeeded"], build.processor_seconds()
    wrk(build.daemon, "/", 64, seconds, script="lease.lua", MILLRACE_QUEUE="outside")
    done = counts(build.daemon)["succeeded"] - before
    return done, done / seconds, build.processor_seconds() - spent


def submit_to_done(build, seconds):
    return rate(wrk(build.daemon, "/api/v1/jobs", 1, seconds, JOB, prefer="wait=5"), seconds)


def polls(build, seconds):
    answer = build.client.post("/api/v1/jobs", JOB, headers={"Prefer": "wait=5"})
    return rate(wrk(build.daemon, f"/api/v1/results/{answer.json['id']}", 64, seconds, method="GET"), seconds)


def rate(found, seconds, items=1):
    return found["per_second"] * seconds * items, found["per_second"] * items, None


def one_tensor(build, seconds):
    program = ROOT / "build/release/tests/bench/bench_http_latency"
    body = build.daemon.data / "tensor.json"
    body.write_text(json.dumps([i / 16 for i in range(16)]))
    out = subprocess.run(
        [
            str(program),
            str(build.daemon.port),
            "POST",
            "/api/v1/models/linear/predict",
            str(2000 * seconds),
            "--header",
            f"Authorization: Bearer {build.daemon.admin_key}",
            "--body",
            str(body),
            "--header",
            "Content-Type: application/json",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    median = json.loads(out)["median_us"]
    return 2000 * seconds, 1e6 / median, None


def images(model, connections, pictures):
    def measure(build, seconds):
        url = f"http://127.0.0.1:{build.daemon.port}/api/v1/models/{model}/predict"
        return rate(post_pictures(url, pictures, seconds, connections, build.daemon.admin_key), seconds)

    return measure


def images_as_jobs(model, pictures):
    """Of a queue that was filled before."""

    def measure(build, seconds):
        blobs = [
            build.client.put("/api/v1/blobs", file.read_bytes(), headers={"Content-Type": "image/jpeg"}).json["sha256"]
            for file in sorted(pictures.iterdir())
        ]
        pause(build.daemon, "bench")
        submit_many(
            build.daemon,
            1000,
            *(
                {"kind": "infer", "queue": "bench", "payload": {"model": model, "input": {"blob": blob}}}
                for blob in blobs
            ),
        )
        before, spent = counts(build.daemon)["succeeded"], build.processor_seconds()
        resume(build.daemon, "bench")
        took = seconds_until(build.daemon, before + 1000)
        return 1000, 1000 / took, build.processor_seconds() - spent

    return measure


def measures(options):
    found = {
        "submits-1": submits(1, run_at=LATER),
        "submits-64": submits(64, run_at=LATER),
        "submitted-and-run": submits(64),
        "batches": batches,
        "runs": runs,
        "leases": leases,
        "submit-to-done": submit_to_done,
        "polls": polls,
    }
    if options.models:
        found["one-tensor"] = one_tensor
    if options.pictures:
        found |= {
            f"{model}-{connections}": images(model, connections, options.pictures / str(side))
            for model, side in (("resnet18", 224), ("small_cnn", 64))
            for connections in (1, 64)
        }
        found["small_cnn-jobs"] = images_as_jobs("small_cnn", options.pictures / "64")
    return found


def take(measure, build, seconds):
    """Items a second, and microseconds of processor time an item."""
    spent = build.processor_seconds()
    items, per_second, taken = measure(build, seconds)
    return per_second, (taken if taken is not None else build.processor_seconds() - spent) * 1e6 / max(items, 1)


def compare(name, measure, builds, options):
    figures = {build: [] for build in builds}
    for build in builds:
        while take(measure, build, options.seconds)[0] == 0:  # a model is loaded at its first use
            pass
    for turn in range(options.turns):
        for build in builds if turn % 2 == 0 else builds[::-1]:
            figures[build].append(take(measure, build, options.seconds))
    before, after = ([rate for rate, _ in figures[build]] for build in builds)
    cost = [statistics.median(us for _, us in figures[build]) for build in builds]
    if min(before + after) == 0:
        sys.exit(f"{name}: a turn of {options.seconds} s ended without an item; ask for longer ones with --seconds")
    ratios = [new / old for old, new in zip(before, after)]
    print(
        f"{name:18s} {statistics.median(before):12,.0f} {statistics.median(after):12,.0f} {statistics.median(ratios):7.2f} "
        f"({min(ratios):.2f}-{max(ratios):.2f}) {cost[0]:12,.1f} {cost[1]:12,.1f} {cost[0] / cost[1]:7.2f}",
        flush=True,
    )


def folder_at(text):
    return pathlib.Path(text).resolve()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=folder_at, metavar="BEFORE")
    parser.add_argument("after", type=folder_at, metavar="AFTER")
    parser.add_argument("wanted", nargs="*", metavar="MEASURE", help="all of them without it")
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=2, help="length of one measurement of a turn")
    parser.add_argument("--models", type=folder_at, help="what tests/bench/make_models.py wrote")
    parser.add_argument("--pictures", type=folder_at, help="what tests/bench/make_pictures.py wrote")
    options = parser.parse_args()
    known = measures(options)
    if unknown := set(options.wanted) - set(known):
        parser.error(f"no measure {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    print(
        f"{'items a second':18s} {'before':>12s} {'after':>12s}   ratio  (of turns)     us before     us after   ratio"
    )
    with tempfile.TemporaryDirectory(dir=options.after.parent) as folder, contextlib.ExitStack() as ends:
        builds = []
        for name, binary in (("before", options.before), ("after", options.after)):
            builds.append(Build(binary, pathlib.Path(folder) / name, options.models))
            ends.callback(builds[-1].daemon.clean_up)
        for name in options.wanted or known:
            compare(name, known[name], builds, options)


if __name__ == "__main__":
    main()
