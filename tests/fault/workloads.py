"""Work that reaches the places where a crash would hurt: for each kind of crash point one workload.

work() yields after every step and goes on until its caller stops asking; the daemon may die under any step. finish() ends what
would otherwise wait for ever, with the daemon in peace.
"""
import datetime
import os
import sqlite3
import time

from oracle import lost
from support.fill import fill

NO_TRY = {"max_attempts": 1}
AT_ONCE = {"backoff": "fixed", "first_seconds": 0.001}


def soon(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def echo(**options):
    return {"kind": "echo", "payload": {"nonce": os.urandom(8).hex()}, **options}


def sleep(seconds, fail_times=0, **options):
    return {"kind": "sleep", "payload": {"seconds": seconds, "fail_times": fail_times}, **options}


def asked(call, *arguments, **options):
    """An answer that may be lost: None then."""
    try:
        return call(*arguments, **options)
    except Exception as failure:
        if not lost(failure):
            raise
        return None


def set_queue(client, name, **settings):
    answer = client.request("PUT", f"/api/v1/queues/{name}", data=settings)
    assert answer.status == 200, answer


def promised(oracle, queue):
    """The jobs of a queue, by id."""
    return {identity: promise for identity, promise in list(oracle.promises.items()) if promise.job.get("queue", "default") == queue}


class Workload:
    environment = {}

    def prepare(self, daemon, client, oracle):
        """Once, before anything dies. By default many jobs fail, and no breaker is to stop that."""
        set_queue(client, "default", breaker=False)

    def between(self, daemon):
        """While the daemon is down, before each start."""

    def work(self, client, oracle):
        raise NotImplementedError

    def finish(self, client, oracle):
        """After the last start."""


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
            steps = [echo(ref="start"), *(echo(ref=f"part{n}", depends_on=["start"]) for n in range(3)),
                     echo(ref="join", depends_on=[f"part{n}" for n in range(3)])]
            oracle.submit_flow(client, steps, callback=echo())
            yield


class Cancels(Workload):
    """Of running and of waiting jobs."""

    def work(self, client, oracle):
        while True:
            oracle.submit(client, sleep(600, queue="cancelled"), states=("running",))
            oracle.submit(client, echo(queue="cancelled", run_at="2099-01-01T00:00:00Z"), states=("scheduled",))
            self.finish(client, oracle)
            yield

    def finish(self, client, oracle):
        """Also what an earlier life has left; under too many deaths of the daemon a running one would end dead."""
        for identity, promise in promised(oracle, "cancelled").items():
            if promise.states != ("cancelled",):
                oracle.cancel(client, identity)


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
                    asked(client.post, "/api/v1/dead-letters/replay", {"filter": {"queue": "replayed"}})
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

    def lease(self, client, wait=0):
        return asked(client.post, "/api/v1/queues/outside/leases",
                     {"worker": "a test", "max": 2, "wait_seconds": wait, "lease_seconds": 1})

    def work(self, client, oracle):
        while True:
            for _ in range(2):
                # A lease that nobody reports on is a failed attempt, and here are many that die.
                oracle.submit(client, echo(queue="outside", kind="anything", max_attempts=100), states=("succeeded",))
            yield
            answer = self.lease(client)
            for leased in answer.json["data"] if answer is not None and answer.status == 200 else []:
                asked(client.post, f"/api/v1/leases/{leased['lease_token']}/heartbeat", {"progress_percent": 50})
                yield
                if os.urandom(1)[0] % 4 == 0:
                    asked(client.post, f"/api/v1/leases/{leased['lease_token']}/fail", {"error": "by the dice", "retryable": True, "retry_after_seconds": 0.01})
                else:
                    oracle.complete(client, leased, {"by": leased["lease_token"]})
                yield

    def finish(self, client, oracle):
        """Until nothing of the queue is left: what was leased and never reported comes back when its lease ends."""
        end = time.monotonic() + 20
        left = set(promised(oracle, "outside"))
        while left:
            assert time.monotonic() < end, f"{left} do not end"
            answer = self.lease(client, wait=1)
            assert answer.status == 200, answer
            for leased in answer.json["data"]:
                oracle.complete(client, leased, {"by": leased["lease_token"]})
            left = {identity for identity in left if client.job(identity)["state"] != "succeeded"}


class Recoveries(Workload):
    """Jobs that ran when the daemon died."""

    def prepare(self, daemon, client, oracle):
        for _ in range(20):
            oracle.submit(client, sleep(0.5))
        while client.get("/api/v1/status").json["jobs"]["running"] < 20:
            time.sleep(0.005)
        daemon.kill()

    def work(self, client, oracle):
        while True:
            yield time.sleep(0.02)


class Schedules(Workload):
    """A schedule that was due ten times while the daemon was down, and has to make up for each."""

    def prepare(self, daemon, client, oracle):
        answer = client.post("/api/v1/schedules", {"name": "every-minute", "cron": "* * * * *", "missed": "run_all",
                                                   "job": echo(tags={"schedule": "every-minute"})})
        assert answer.status == 201, answer
        oracle.write(do="schedule", id=answer.json["id"], name="every-minute")

    def between(self, daemon):
        with sqlite3.connect(f"{daemon.data}/millrace.db") as database:
            minute = 60_000_000
            # Earlier each time, so that there is always something new to make up for.
            database.execute("UPDATE schedules SET next_run_at = (min(coalesce(last_run_at, next_run_at), next_run_at) / ? - 10) * ?, last_run_at = NULL",
                             (minute, minute))

    def work(self, client, oracle):
        while True:
            yield time.sleep(0.02)


class Retention(Workload):
    """Jobs that ended long ago and are to be forgotten."""
    environment = {"MILLRACE_RETENTION_SUCCEEDED_DAYS": "1"}

    def between(self, daemon):
        with sqlite3.connect(f"{daemon.data}/millrace.db") as database:
            if database.execute("SELECT count(*) FROM finished_jobs").fetchone()[0] == 0:
                fill(daemon.data, finished=3000)

    def work(self, client, oracle):
        while True:
            yield time.sleep(0.02)

    def finish(self, client, oracle):
        end = time.monotonic() + 20
        while client.get("/api/v1/jobs").json["data"]:
            assert time.monotonic() < end, "what is over its time stays"
            time.sleep(0.05)


# The first that fits a point's name is its workload.
WORKLOADS = {
    "store.before_checkpoint": Checkpoints, "store.after_checkpoint": Checkpoints, "store.": Submits,
    # A single job that may begin at once is begun in the transaction that keeps it; those of a batch wait in line.
    "submit.before_arrival": Batches, "submit.": Submits, "claim.": Batches,
    "end.": Submits, "batch.": Batches, "retry.": Retries, "dead.": DeadLetters, "release.": Releases, "flow.": Flows, "cancel.": Cancels,
    "replay.": Replays, "purge.": Purges, "expire.": Expiries, "lease.": Leases, "heartbeat.": Leases, "complete.": Leases,
    "recovery.": Recoveries, "schedule.": Schedules, "retention.": Retention,
}


def workload_of(point):
    for prefix, workload in WORKLOADS.items():
        if point.startswith(prefix):
            return workload()
    raise LookupError(f"no workload reaches the crash point {point}: add one to workloads.py")
