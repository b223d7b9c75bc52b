"""An external worker, a process of its own: external_worker.py PORT KEY QUEUE NAME. Takes one job at a time with a lease of a
second, works for as long as the payload's `seconds` with heartbeats between, and completes it. Each answer is a line on standard output."""
import http.client
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.client import Client  # noqa: E402


def say(**what):
    print(json.dumps(what), flush=True)


def ask(client, path, body):
    """An answer, of this daemon or of the next one on its port."""
    while True:
        try:
            return client.post(path, body)
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)


def beat(client, leased):
    answer = ask(client, f"/api/v1/leases/{leased['lease_token']}/heartbeat", {"progress_percent": 50})
    say(did="heartbeat", job=leased["job"]["id"], status=answer.status)


def work(client, leased, name):
    token, identity = leased["lease_token"], leased["job"]["id"]
    say(did="lease", job=identity, attempt=leased["job"]["attempt"])
    end = time.monotonic() + leased["job"]["payload"]["seconds"]
    while time.monotonic() < end:
        time.sleep(0.1)
        beat(client, leased)
    beat(client, leased)  # the one before may have been on its way when this process was stopped
    # A stale worker that does not listen: it reports although it was told.
    answer = ask(client, f"/api/v1/leases/{token}/complete", {"result": {"by": name}})
    say(did="complete", job=identity, status=answer.status)
    answer = ask(client, f"/api/v1/leases/{token}/fail", {"error": "too late", "retryable": True})
    say(did="fail", job=identity, status=answer.status)


def main():
    port, key, queue, name = sys.argv[1:]
    client = Client(int(port), key).keep()
    while True:
        answer = ask(
            client, f"/api/v1/queues/{queue}/leases", {"worker": name, "max": 1, "wait_seconds": 5, "lease_seconds": 1}
        )
        for leased in answer.json["data"]:
            work(client, leased, name)


if __name__ == "__main__":
    main()
