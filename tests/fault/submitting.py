"""What users do: single jobs, batches, flows, retries, and what must be there once."""
import time

from workload import AT_ONCE, NO_TRY, Workload, echo, sleep


class Submits(Workload):
    """Single jobs: submitted, claimed, run, recorded."""

    def work(self, client, oracle):
        while True:
            job = echo()
            yield oracle.submit(client, job, results=[job["payload"]])


class Checkpoints(Workload):
    """The log is written back when nothing is written for a while."""

    def work(self, client, oracle):
        while True:
            oracle.submit(client, echo(run_at="2099-01-01T00:00:00Z"), states=("scheduled",))
            for _ in range(30):
                time.sleep(0.025)
                yield


class Batches(Workload):
    def work(self, client, oracle):
        while True:
            jobs = [echo() for _ in range(20)]
            yield oracle.submit_batch(client, jobs, results=[[job["payload"]] for job in jobs])


class Retries(Workload):
    def work(self, client, oracle):
        while True:
            oracle.submit(client, sleep(0, fail_times=2, retry=AT_ONCE))
            yield


class DeadLetters(Workload):
    def work(self, client, oracle):
        while True:
            oracle.submit(client, sleep(0, fail_times=100, **NO_TRY), states=("dead",))
            yield


class Releases(Workload):
    """Jobs that wait for others, released or failed with them."""

    def work(self, client, oracle):
        while True:
            good = oracle.submit(client, sleep(0.02))
            bad = oracle.submit(client, sleep(0.02, fail_times=100, **NO_TRY), states=("dead",))
            if good and bad:
                oracle.submit(client, echo(depends_on=[good]))
                oracle.submit(client, echo(depends_on=[good, bad]), states=("dead",))
                oracle.submit(client, echo(depends_on=[{"job": bad, "on_failure": "ignore"}]))
            yield


class Flows(Workload):
    def work(self, client, oracle):
        while True:
            steps = [
                echo(ref="start"),
                *(echo(ref=f"part{n}", depends_on=["start"]) for n in range(3)),
                echo(ref="join", depends_on=[f"part{n}" for n in range(3)]),
            ]
            oracle.submit_flow(client, steps, callback=echo())
            yield


class WideFlows(Workload):
    """More jobs wait for one than one transaction releases."""

    def work(self, client, oracle):
        while True:
            parts = [f"part{n}" for n in range(100)]
            steps = [
                echo(ref="start"),
                *(echo(ref=part, depends_on=["start"]) for part in parts),
                echo(ref="join", depends_on=parts),
            ]
            oracle.submit_flow(client, steps)
            yield


class Uniques(Workload):
    """Each key asked for twice: one job, whichever request comes first and however the daemon dies in between."""

    EVER = ["scheduled", "blocked", "queued", "running", "succeeded", "dead", "cancelled", "expired"]

    def __init__(self):
        self.orders = 0

    def work(self, client, oracle):
        while True:
            payload = {"order": self.orders}
            self.orders += 1
            for _ in range(2):
                job = {
                    "kind": "echo",
                    "payload": payload,
                    "unique": {"key": f"order-{payload['order']}", "states": self.EVER},
                }
                oracle.submit(client, job, results=[payload])
            yield
