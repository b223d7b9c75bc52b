"""RQ on Redis, run by a Python that has RQ: submits, then a burst of no-op jobs, then jobs one at a time.

    rq_load.py PORT SECONDS WORKERS     prints JSON; the workers are started by this script, of RQ's quickest class
"""
import json
import subprocess
import sys
import time

import redis
from rq import Queue

PAYLOAD = {"order": 4711, "customer": "a customer"}


def nothing(payload):
    return payload


def at(sorted_values, part):
    return sorted_values[int(part * (len(sorted_values) - 1))]


def submits(queue, seconds):
    waits, end = [], time.monotonic() + seconds
    while (asked := time.monotonic()) < end:
        queue.enqueue(nothing, PAYLOAD)
        waits.append((time.monotonic() - asked) * 1000)
    waits.sort()
    return {"per_second": len(waits) / seconds, "p50_ms": at(waits, 0.5), "p99_ms": at(waits, 0.99)}


def batch(queue, seconds):
    """Its way for many at once: one pipeline."""
    prepared = [Queue.prepare_data(nothing, (PAYLOAD,)) for _ in range(1000)]
    count, begin = 0, time.monotonic()
    while time.monotonic() - begin < seconds:
        queue.enqueue_many(prepared)
        count += len(prepared)
        prepared = [Queue.prepare_data(nothing, (PAYLOAD,)) for _ in range(1000)]
    return {"per_second": count / (time.monotonic() - begin)}


def runs(queue, seconds):
    begin, before = time.monotonic(), queue.count
    time.sleep(seconds)
    return {"per_second": (before - queue.count) / (time.monotonic() - begin)}


def latency(queue, seconds):
    waits, end = [], time.monotonic() + seconds
    while (asked := time.monotonic()) < end:
        job = queue.enqueue(nothing, PAYLOAD)
        while not queue.connection.exists(f"rq:results:{job.id}"):
            pass
        waits.append((time.monotonic() - asked) * 1000)
    waits.sort()
    return {"per_second": len(waits) / seconds, "p50_ms": at(waits, 0.5), "p99_ms": at(waits, 0.99)}


def main():
    port, seconds, workers = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    queue = Queue("bench", connection=redis.Redis(port=port))
    found = {"submit": submits(queue, seconds), "batch": batch(queue, seconds)}
    command = [
        "rq",
        "worker",
        "--quiet",
        "--worker-class",
        "rq.SimpleWorker",
        "--url",
        f"redis://127.0.0.1:{port}",
        "bench",
    ]
    started = [subprocess.Popen(command) for _ in range(workers)]
    try:
        while queue.started_job_registry.count == 0:
            time.sleep(0.01)
        found["run"] = runs(queue, seconds)
        queue.empty()
        time.sleep(0.5)
        found["latency"] = latency(queue, seconds)
    finally:
        for worker in started:
            worker.kill()
            worker.wait()
    print(json.dumps(found))


if __name__ == "__main__":
    # By its module's name, which the workers import.
    sys.modules["rq_load"] = sys.modules["__main__"]
    nothing.__module__ = "rq_load"
    main()
