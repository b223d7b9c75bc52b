#!/usr/bin/env python3
"""Measures Millrace beside what bounds it, in one run on one machine, and prints the ratios.

    tests/bench/run.py [--seconds N] [--models FOLDER] [idle] [submits] [images]

idle     time from start to readiness, resident memory of the idle daemon without its worker
submits  durable single submits a second over HTTP at 1, 16 and 64 connections, beside what SQLite itself commits in
         groups of that size (bench_sqlite_ceiling)
images   images a second as durable `infer` jobs over HTTP, beside a bare libtorch loop (frozen, optimised for
         inference) at the manifest's batch; FOLDER holds what make_models.py wrote

Needs: wrk, a release build with the targets millrace, torch_modules, bench_sqlite_ceiling and bench_torch_loop_NAME.
The load generator runs beside the daemon on the same cores. Nothing here asserts a time.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from support.daemon import Daemon, binary  # noqa: E402

BUILD = binary().parents[1]
LATER = "2099-01-01T00:00:00Z"


def wrk(daemon, connections, seconds, job, prefer=None):
    """Submits `job` over and over; requests a second and latencies."""
    environment = {**os.environ, "MILLRACE_BODY": json.dumps(job), "MILLRACE_KEY": daemon.admin_key}
    if prefer:
        environment["MILLRACE_PREFER"] = prefer
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", str(ROOT / "tests/bench/submit.lua"),
               f"http://127.0.0.1:{daemon.port}/api/v1/jobs"]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return json.loads(re.search(r"RESULT (.*)", out).group(1))


@contextlib.contextmanager
def running(folder, environment=None):
    daemon = Daemon(folder, environment)
    try:
        daemon.start()
        daemon.admin()  # makes a key
        yield daemon
        daemon.stop()
    finally:
        daemon.clean_up()


def resident_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


def idle(folder, _):
    print("idle daemon")
    times = []
    for _ in range(5):
        daemon = Daemon(folder / "idle")
        begin = time.monotonic()
        daemon.start(ready=False)
        while not answers_ready(daemon):
            time.sleep(0.001)
        times.append((time.monotonic() - begin) * 1000)
        time.sleep(2)
        memory = resident_mib(daemon.process.pid)
        daemon.stop()
    commands = []
    for _ in range(21):
        begin = time.monotonic()
        subprocess.run([str(binary()), "version"], stdout=subprocess.DEVNULL, check=True)
        commands.append((time.monotonic() - begin) * 1000)
    print(f"  a command        {sorted(commands)[10]:8.1f} ms   (millrace version, median of 21)")
    print(f"  start to ready   {sorted(times)[2]:8.0f} ms   (median of 5; the first one, on an empty folder, {times[0]:.0f} ms)")
    print(f"  resident memory  {memory:8.1f} MiB  (the daemon alone, after 2 s)\n")


def answers_ready(daemon):
    try:
        return daemon.client().get("/ready").status == 200
    except OSError:
        return False


def submits(folder, seconds):
    print("durable single submits over HTTP, wrk beside the daemon")
    ceiling = sqlite_ceiling(folder, seconds)
    kept = {"kind": "echo", "payload": {"order": 4711, "customer": "a customer"}, "run_at": LATER}
    run = {"kind": "echo", "payload": {"order": 4711, "customer": "a customer"}}
    print("  connections   kept/s   p50 ms   p99 ms   SQLite alone   ratio   kept and run/s")
    for connections in (1, 16, 64):
        with running(folder / f"submits{connections}") as daemon:
            only = wrk(daemon, connections, seconds, kept)
            both = wrk(daemon, connections, seconds, run)
            errors = only["errors"] + both["errors"]
            print(f"  {connections:11d} {only['per_second']:8.0f} {only['p50_ms']:8.2f} {only['p99_ms']:8.2f} {ceiling[connections]:14.0f} "
                  f"{only['per_second'] / ceiling[connections]:7.2f} {both['per_second']:16.0f}" + (f"   {errors} errors" if errors else ""))
    print()


def sqlite_ceiling(folder, seconds):
    """Rows a second of SQLite in groups of 1, 16, 64 …, by group."""
    place = folder / "ceiling"
    place.mkdir()
    out = subprocess.run([str(BUILD / "tests/bench/bench_sqlite_ceiling"), str(place), str(seconds)], capture_output=True, text=True, check=True).stdout
    return {int(group): float(rate) for group, rate in re.findall(r"^\s*(\d+)\s+(\d+)", out, re.M)}


def images(folder, seconds, models):
    print("images as durable infer jobs over HTTP (Prefer: wait), beside a bare libtorch loop at the same batch")
    runtime = next((BUILD / "runtime" / name for name in ("official", "debian") if (BUILD / "runtime" / name).exists()), None)
    threads = len(os.sched_getaffinity(0))
    with running(folder / "images", {"MILLRACE_INFERENCE_RUNTIME": str(runtime / "libmillrace_torch.so")}) as daemon:
        print("  model         batch   bare loop/s   as jobs/s   ratio   mean batch")
        for manifest_path in sorted(models.glob("*.manifest.json")):
            manifest = json.loads(manifest_path.read_text())
            name, batch = manifest["name"], manifest["batching"]["max_batch"]
            file = manifest_path.with_name(manifest_path.name.replace(".manifest.json", ".pt"))
            daemon.cli("model", "push", name, str(file), str(manifest_path))
            blob = daemon.admin().request("PUT", "/api/v1/blobs", body=picture(*manifest["input"]["shape"]), headers={"Content-Type": "image/png"})
            job = {"kind": "infer", "payload": {"model": name, "input": {"blob": blob.json["sha256"]}}}
            rate = finished_per_second(daemon, 3 * batch, seconds, job)
            sample = daemon.admin().get("/api/v1/jobs?kind=infer&state=succeeded&limit=200").json["data"]
            mean_batch = sum(each["result"]["batch_size"] for each in sample) / len(sample)
            bare = bare_loop(runtime, file, batch, threads, seconds, manifest["input"]["shape"])
            print(f"  {name:12s} {batch:6d} {bare:13.1f} {rate:11.1f} {rate / bare:7.2f} {mean_batch:12.1f}")
    print()


def finished_per_second(daemon, connections, seconds, job):
    """Jobs that ended in a second, in the steady middle of a constant load; returns when the queue is empty again."""
    load = threading.Thread(target=wrk, args=(daemon, connections, 3 * seconds, job, "wait=60"))
    load.start()
    time.sleep(seconds)  # the model is loaded and the batches are full
    begin, before = time.monotonic(), counts(daemon)["succeeded"]
    time.sleep(1.5 * seconds)
    rate = (counts(daemon)["succeeded"] - before) / (time.monotonic() - begin)
    load.join()
    while counts(daemon)["queued"] + counts(daemon)["running"] > 0:
        time.sleep(0.1)
    return rate


def counts(daemon):
    return daemon.admin().get("/api/v1/status").json["jobs"]


def bare_loop(runtime, file, batch, threads, seconds, shape):
    command = [str(runtime / "torch_loop"), str(file), str(batch), str(threads), str(seconds), *map(str, shape)]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return float(json.loads(out)["optimized_per_second"])


def picture(channels, height, width):
    """A PNG of noise-like texture, so that decoding costs what a photograph's does."""
    import struct
    import zlib

    rows = b"".join(b"\0" + bytes((x * 7 + y * 13 + (x * y) % 31) % 256 for x in range(width * channels)) for y in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))  # noqa: E731
    color = 2 if channels == 3 else 0
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5, help="length of each measurement")
    parser.add_argument("--models", type=pathlib.Path, help="what tests/bench/make_models.py wrote")
    parser.add_argument("what", nargs="*", choices=["idle", "submits", "images", []], default=[])
    options = parser.parse_args()
    wanted = options.what or (["idle", "submits"] + (["images"] if options.models else []))
    print(f"{binary()} on {len(os.sched_getaffinity(0))} cores\n")
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        folder = pathlib.Path(folder)
        for each in wanted:
            if each == "images":
                images(folder, options.seconds, options.models)
            else:
                {"idle": idle, "submits": submits}[each](folder, options.seconds)


if __name__ == "__main__":
    main()
