#!/usr/bin/python3
"""A worker for an external queue: MILLRACE_KEY=mr_… worker.py QUEUE; MILLRACE_URL and LEASE_SECONDS where they differ."""
import http.client, json, os, signal, socket, sys, threading, time, urllib.error, urllib.request

URL = os.environ.get("MILLRACE_URL", "http://127.0.0.1:7878") + "/api/v1"
LEASE = float(os.environ.get("LEASE_SECONDS", "30"))
HEADERS = {"Authorization": "Bearer " + os.environ["MILLRACE_KEY"], "Content-Type": "application/json"}
stopping = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())  # ends it after its present job


def work(payload, progress):
    """Replace this. What it returns is the job's result; what it raises is why the attempt failed."""
    lines = []
    for number, line in enumerate(payload["lines"]):
        progress(100 * number // len(payload["lines"]))
        time.sleep(payload.get("seconds", 0))
        lines.append(line.upper())
    return {"lines": lines}


def call(path, body):
    """The answer, or None for 409: the job is no longer ours. Tries again while the daemon is away or has no room."""
    while True:
        try:
            request = urllib.request.Request(URL + path, json.dumps(body).encode(), HEADERS)
            return json.load(urllib.request.urlopen(request, timeout=60))
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code not in (429, 503, 507):
                print(json.load(error)["detail"], file=sys.stderr)
                return None if error.code == 409 else sys.exit(1)
            time.sleep(1)
            if path.startswith("/queues/"):
                return {"data": []}  # to be asked for again, unless this is to end


def attempt(token, job):
    told, ended = {"progress_percent": 0}, threading.Event()

    def keep_lease():
        while not ended.wait(LEASE / 3) and call(f"/leases/{token}/heartbeat", told):
            pass
        ended.set()  # cancelled, out of time, or done

    def progress(percent):
        told["progress_percent"] = percent
        if ended.is_set():
            raise InterruptedError("the job is no longer ours")

    threading.Thread(target=keep_lease, daemon=True).start()
    try:
        end, report = "complete", {"result": work(job["payload"], progress)}
    except Exception as error:  # where the input is at fault, trying again cannot help
        retryable = not isinstance(error, (KeyError, TypeError, ValueError))
        end, report = "fail", {"error": repr(error), "retryable": retryable}
    ended.set()
    call(f"/leases/{token}/{end}", report)


while not stopping.is_set():
    me = f"{socket.gethostname()}/{os.getpid()}"
    wanted = {"worker": me, "max": 1, "wait_seconds": min(LEASE, 20), "lease_seconds": LEASE}
    for lease in (call(f"/queues/{sys.argv[1]}/leases", wanted) or sys.exit(1))["data"]:
        attempt(lease["lease_token"], lease["job"])
