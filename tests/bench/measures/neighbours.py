"""What others have of the engine while one client crashes its model twenty times a minute, and while another has inputs that never end."""
import threading
import time

from support import hostile

from .load import running, wrk
from .table import Row

CONNECTIONS = 4
CRASHES_A_MINUTE = 20


def measure(bench):
    print(f"predictions of one small model, {CONNECTIONS} connections, beside a model that crashes and one that hangs")
    with running(bench.folder / "neighbours", {"MILLRACE_INFERENCE_ENABLED": "true"}) as daemon:
        daemon.wait_worker("ready", 120)
        client = daemon.admin()
        hostile.push(client, "honest", "numbers.pt")
        hostile.push(client, "crasher", "crasher.pt", timeout_seconds=2)
        hostile.push(client, "hanging", "numbers.pt", timeout_seconds=2)
        alone = ask_honest(daemon, bench.seconds)
        print(f"  alone: {told(alone)}")
        for what, disturb in (("a client that crashes its model", crash), ("a client whose inputs hang", hang)):
            found, count = beside(daemon, bench.seconds, disturb)
            ratio = found["per_second"] / alone["per_second"]
            print(
                f"  beside {what} ({count} times): {told(found)}, {ratio:.2f} of alone; {restarts(client)} workers ended so far"
            )
            bench.rows += [
                Row(
                    f"predictions beside {what}",
                    found["per_second"],
                    "/s",
                    "0.9 of alone",
                    {"alone": alone["per_second"]},
                ),
                Row(f"their p99 beside {what}", found["p99_ms"], "ms", "2,000", {"alone": alone["p99_ms"]}),
            ]
    print()


def ask_honest(daemon, seconds):
    return wrk(daemon, "/api/v1/models/honest/predict", CONNECTIONS, seconds, {"data": [1, 2, 3, 4]})


def told(found):
    return f"{found['per_second']:,.0f}/s, p50 {found['p50_ms']:.1f} ms, p99 {found['p99_ms']:.1f} ms, {found['errors']} errors"


def restarts(client):
    return client.get("/api/v1/status").json["worker"]["restarts"]


def beside(daemon, seconds, disturb):
    stop, times = threading.Event(), []
    thread = threading.Thread(target=disturb, args=(daemon.admin(), stop, times))
    thread.start()
    found = ask_honest(daemon, seconds)
    stop.set()
    thread.join()
    return found, len(times)


def crash(client, stop, times):
    while not stop.is_set():
        began = time.monotonic()
        hostile.ask(client, "crasher", 1001 + len(times))
        times.append(began)
        stop.wait(max(0, 60 / CRASHES_A_MINUTE - (time.monotonic() - began)))


def hang(client, stop, times):
    while not stop.is_set():
        hostile.ask(client, "hanging", 902, len(times))
        times.append(time.monotonic())
        stop.wait(0.1)
