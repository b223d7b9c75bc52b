"""Images a second as durable `infer` jobs over HTTP, beside a bare libtorch loop (frozen, optimised for inference) at the
manifest's batch."""
import json
import os
import struct
import subprocess
import threading
import time
import zlib

from .load import counts, running, wrk
from .table import Row


def measure(bench):
    print("images as durable infer jobs over HTTP (Prefer: wait), beside a bare libtorch loop at the same batch")
    runtime = next((bench.build / "runtime" / name for name in ("official", "debian") if (bench.build / "runtime" / name).exists()), None)
    if runtime is None or bench.models is None:
        print("  needs --models and a runtime: ninja torch_modules bench_torch_loop_debian\n")
        return
    threads = len(os.sched_getaffinity(0))
    inferring = {"MILLRACE_INFERENCE_ENABLED": "true", "MILLRACE_INFERENCE_RUNTIME": str(runtime / "libmillrace_torch.so")}
    with running(bench.folder / "images", inferring) as daemon:
        print("  model         batch   bare loop/s   as jobs/s   ratio   mean batch")
        for manifest_path in sorted(bench.models.glob("*.manifest.json")):
            manifest = json.loads(manifest_path.read_text())
            name, batch = manifest["name"], manifest["batching"]["max_batch"]
            file = manifest_path.with_name(manifest_path.name.replace(".manifest.json", ".pt"))
            daemon.cli("model", "push", name, str(file), str(manifest_path))
            blob = daemon.admin().request("PUT", "/api/v1/blobs", body=picture(*manifest["input"]["shape"]), headers={"Content-Type": "image/png"})
            job = {"kind": "infer", "payload": {"model": name, "input": {"blob": blob.json["sha256"]}}}
            rate = finished_per_second(daemon, 3 * batch, bench.seconds, job)
            sample = daemon.admin().get("/api/v1/jobs?kind=infer&state=succeeded&limit=200").json["data"]
            mean_batch = sum(each["result"]["batch_size"] for each in sample) / len(sample)
            bare = bare_loop(runtime, file, batch, threads, bench.seconds, manifest["input"]["shape"])
            print(f"  {name:12s} {batch:6d} {bare:13.1f} {rate:11.1f} {rate / bare:7.2f} {mean_batch:12.1f}")
            bench.rows.append(Row(f"images as jobs, {name}", rate, "/s", "", {"bare loop": bare}))
    print()


def finished_per_second(daemon, connections, seconds, job):
    """Jobs that ended in a second, in the steady middle of a constant load; returns when the queue is empty again."""
    load = threading.Thread(target=wrk, args=(daemon, "/api/v1/jobs", connections, 3 * seconds, job), kwargs={"prefer": "wait=60"})
    load.start()
    time.sleep(seconds)  # the model is loaded and the batches are full
    begin, before = time.monotonic(), counts(daemon)["succeeded"]
    time.sleep(1.5 * seconds)
    rate = (counts(daemon)["succeeded"] - before) / (time.monotonic() - begin)
    load.join()
    while counts(daemon)["queued"] + counts(daemon)["running"] > 0:
        time.sleep(0.1)
    return rate


def bare_loop(runtime, file, batch, threads, seconds, shape):
    command = [str(runtime / "torch_loop"), str(file), str(batch), str(threads), str(seconds), *map(str, shape)]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return float(json.loads(out)["optimized_per_second"])


def picture(channels, height, width):
    """A PNG of noise-like texture, so that decoding costs what a photograph's does."""
    rows = b"".join(b"\0" + bytes((x * 7 + y * 13 + (x * y) % 31) % 256 for x in range(width * channels)) for y in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))  # noqa: E731
    color = 2 if channels == 3 else 0
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


