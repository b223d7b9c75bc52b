"""A daemon under load: starting one, wrk against it, what it says of itself."""
import contextlib
import itertools
import json
import os
import pathlib
import re
import subprocess
import time

from support.daemon import ROOT, Daemon

HERE = ROOT / "tests/bench"
LATER = "2099-01-01T00:00:00Z"
JOB = {"kind": "echo", "payload": {"order": 4711, "customer": "a customer"}}
# Room for a million waiting, and as many attempts at once as the queue can use.
ROOMY = {"MILLRACE_JOBS_MAX_BACKLOG": "20000000"}


@contextlib.contextmanager
def running(folder, environment=None):
    daemon = Daemon(folder, {"MILLRACE_INFERENCE_ENABLED": "false", **ROOMY, **(environment or {})})
    try:
        daemon.start(seconds=300)
        daemon.admin()  # makes a key
        yield daemon
        daemon.stop()
    finally:
        daemon.clean_up()


def wrk(daemon, path, connections, seconds, body=None, method="POST", prefer=None, script="load.lua", **environment):
    """One request over and over; requests a second and latencies."""
    environment = {**os.environ, "MILLRACE_METHOD": method, "MILLRACE_KEY": daemon.admin_key, **environment}
    if body is not None:
        environment["MILLRACE_BODY"] = body if isinstance(body, str) else json.dumps(body)
    if prefer:
        environment["MILLRACE_PREFER"] = prefer
    return run_wrk(f"http://127.0.0.1:{daemon.port}{path}", connections, seconds, environment, script)


def run_wrk(url, connections, seconds, environment, script="load.lua"):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", str(HERE / script), url]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return json.loads(re.search(r"RESULT (.*)", out).group(1))


def post_pictures(url, pictures, seconds, connections, key=""):
    """The JPEGs of a folder in turn, over and over."""
    return run_wrk(
        url,
        connections,
        seconds,
        {**os.environ, "MILLRACE_PICTURES": str(pictures), "MILLRACE_KEY": key},
        script="predict.lua",
    )


def submit_many(daemon, count, *jobs):
    """By batches of 1,000 over one connection, the jobs in turn."""
    client = daemon.client(daemon.admin_key).keep()
    body = json.dumps({"jobs": list(itertools.islice(itertools.cycle(jobs), 1000))}).encode()
    for _ in range(count // 1000):
        answer = client.request("POST", "/api/v1/jobs/batch", body=body, headers={"Content-Type": "application/json"})
        assert answer.status < 300, answer


def counts(daemon):
    return daemon.admin().get("/api/v1/status").json["jobs"]


def make_queue(daemon, name, **settings):
    answer = daemon.admin().request("PUT", f"/api/v1/queues/{name}", data=settings)
    assert answer.status < 300, answer


def pause(daemon, name):
    answer = daemon.admin().post(f"/api/v1/queues/{name}/pause", {"reason": "measuring"})
    assert answer.status < 300, answer


def resume(daemon, name):
    answer = daemon.admin().post(f"/api/v1/queues/{name}/resume", {})
    assert answer.status < 300, answer


def seconds_until(daemon, succeeded):
    """Until so many jobs have succeeded in all."""
    begin = time.monotonic()
    while counts(daemon)["succeeded"] < succeeded:
        time.sleep(0.02)
    return time.monotonic() - begin


def resident_bytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024
