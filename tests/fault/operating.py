"""What operators and workers do: cancels, replays, purges, expiries, leases; and what the daemon does by itself."""
import os
import time

from support.fill import fill_daemon
from workload import NO_TRY, Workload, asked, echo, promised, set_queue, sleep, soon


class Cancels(Workload):
    """Of running and of waiting jobs."""

    def work(self, client, oracle):
        while True:
            self.finish(
                client, oracle
            )  # first what an earlier life has left: under too many deaths a running one ends dead
            oracle.submit(client, sleep(600, queue="cancelled"), states=("running",))
            oracle.submit(client, echo(queue="cancelled", run_at="2099-01-01T00:00:00Z"), states=("scheduled",))
            yield

    def finish(self, client, oracle):
        for identity, promise in promised(oracle, "cancelled").items():
            if promise.states != ("cancelled",):
                oracle.cancel(client, identity)


class Pauses(Workload):
    """A queue paused and resumed: it is as it was last answered."""

    def __init__(self):
        self.may_be = {False}

    def look(self, client):
        answer = asked(client.get, "/api/v1/queues/toggled")
        if answer is not None and answer.status == 200:
            assert answer.json["paused"] in self.may_be, answer

    def work(self, client, oracle):
        self.look(client)
        while True:
            for action, paused in (("pause", True), ("resume", False)):
                self.may_be.add(paused)
                answer = asked(client.post, f"/api/v1/queues/toggled/{action}", {"reason": "a test"} if paused else {})
                if answer is not None:
                    assert answer.status == 200, answer
                    self.may_be = {paused}
                yield

    def finish(self, client, oracle):
        self.look(client)


class Drains(Workload):
    """A daemon that is told to end while jobs run: they are given back to the queue."""

    environment = {"MILLRACE_JOBS_DRAIN_SECONDS": "0"}
    patience = 0.1

    def work(self, client, oracle):
        while True:
            oracle.submit(client, sleep(0.3))
            yield


class Replays(Workload):
    """Dead letters put back in line, by their id and by a filter; they die again."""

    def prepare(self, daemon, client, oracle):
        set_queue(client, "replayed", breaker=False)

    def work(self, client, oracle):
        while True:
            dead = oracle.submit(client, sleep(0, fail_times=100, queue="replayed", **NO_TRY), states=("dead",))
            yield
            if dead and asked(client.wait, dead, "dead"):
                oracle.retry(client, dead, ("dead",))
                if asked(client.wait, dead, "dead"):
                    asked(client.post, "/api/v1/dead-letters/replay", {"filter": {"queue": "replayed", "ids": [dead]}})
            yield


class Purges(Workload):
    """Dead letters thrown away."""

    def prepare(self, daemon, client, oracle):
        set_queue(client, "purged", breaker=False)

    def work(self, client, oracle):
        while True:
            dead = oracle.submit(client, sleep(0, fail_times=100, queue="purged", **NO_TRY), states=("dead", "gone"))
            yield
            if dead and asked(client.wait, dead, "dead"):
                answer = asked(client.post, "/api/v1/dead-letters/purge", {"filter": {"queue": "purged"}})
                if answer is not None:
                    assert answer.status == 200, answer
                    oracle.expect(dead, ("gone",))
            yield


class Expiries(Workload):
    """Jobs of a paused queue that are not begun in time."""

    def prepare(self, daemon, client, oracle):
        answer = client.post("/api/v1/queues/held/pause", {"reason": "nothing is to begin"})
        assert answer.status == 200, answer

    def work(self, client, oracle):
        while True:
            oracle.submit(client, echo(queue="held", expires_at=soon(0.05)), states=("expired",))
            time.sleep(0.06)
            yield


class Leases(Workload):
    """An external worker: leases, heartbeats, results and failures."""

    def prepare(self, daemon, client, oracle):
        set_queue(client, "outside", external=True, breaker=False)

    def lease(self, client, most=2, wait=0):
        return asked(
            client.post,
            "/api/v1/queues/outside/leases",
            {"worker": "a test", "max": most, "wait_seconds": wait, "lease_seconds": 1},
        )

    def work(self, client, oracle):
        while True:
            for _ in range(2):
                # A lease that nobody reports on is a failed attempt, and here are many that die.
                oracle.submit(
                    client,
                    echo(
                        queue="outside",
                        kind="anything",
                        max_attempts=100,
                        retry={"backoff": "fixed", "first_seconds": 0.1},
                    ),
                    states=("succeeded",),
                )
            yield
            # A worker that is killed while it asks: what it was given comes back.
            asked(
                client.abandon,
                "POST",
                "/api/v1/queues/outside/leases",
                {"worker": "dead", "max": 1, "wait_seconds": 1, "lease_seconds": 1},
            )
            yield
            answer = self.lease(client, wait=0.2)
            for leased in answer.json["data"] if answer is not None and answer.status == 200 else []:
                asked(client.post, f"/api/v1/leases/{leased['lease_token']}/heartbeat", {"progress_percent": 50})
                yield
                if os.urandom(1)[0] % 4 == 0:
                    asked(
                        client.post,
                        f"/api/v1/leases/{leased['lease_token']}/fail",
                        {"error": "by the dice", "retryable": True, "retry_after_seconds": 0.01},
                    )
                else:
                    oracle.complete(client, leased, {"by": leased["lease_token"]})
                yield

    def finish(self, client, oracle):
        """Until nothing of the queue is left: what was leased and never reported comes back when its lease ends."""
        end = time.monotonic() + 60
        while (queue := client.get("/api/v1/queues/outside").json)["depth"] + queue["running"] > 0:
            assert time.monotonic() < end, queue
            answer = self.lease(client, most=100, wait=1)
            assert answer.status == 200, answer
            for leased in answer.json["data"]:
                oracle.complete(client, leased, {"by": leased["lease_token"]})


class Recoveries(Workload):
    """Jobs that ran when the daemon died."""

    def prepare(self, daemon, client, oracle):
        ids = oracle.submit_batch(client, [sleep(1) for _ in range(20)])
        client.wait(ids[-1], "running", "succeeded")
        daemon.kill()

    def work(self, client, oracle):
        while True:
            yield time.sleep(0.02)


class Retention(Workload):
    """Jobs that ended long ago and are to be forgotten."""

    environment = {"MILLRACE_RETENTION_SUCCEEDED_DAYS": "1"}

    def between(self, daemon):
        if int(daemon.sql("SELECT count(*) FROM finished_jobs")[0][0]) == 0:
            fill_daemon(daemon, finished=3000)

    def work(self, client, oracle):
        while True:
            yield time.sleep(0.02)

    def finish(self, client, oracle):
        end = time.monotonic() + 20
        while client.get("/api/v1/jobs").json["data"]:
            assert time.monotonic() < end, "what is over its time stays"
            time.sleep(0.05)
