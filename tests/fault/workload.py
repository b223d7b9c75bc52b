"""Work for a daemon that dies under it: the common part.

work() yields after every step and goes on until its caller stops asking; the daemon may die under any step. finish() ends what
would otherwise wait for ever, with the daemon in peace.
"""
import datetime
import os

from oracle import lost

NO_TRY = {"max_attempts": 1}
AT_ONCE = {"backoff": "fixed", "first_seconds": 0.001}


def soon(seconds):
    return (
        (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds))
        .isoformat()
        .replace("+00:00", "Z")
    )


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
    return {
        identity: promise
        for identity, promise in oracle.promises.items()
        if promise.job.get("queue", "default") == queue
    }


class Workload:
    environment = {}
    patience = 20  # seconds until the daemon is told to end: some places are passed only then

    def prepare(self, daemon, client, oracle):
        """Once, before anything dies. By default many jobs fail, and no breaker is to stop that."""
        set_queue(client, "default", breaker=False)

    def between(self, daemon):
        """While the daemon is down, before each start."""

    def work(self, client, oracle):
        raise NotImplementedError

    def finish(self, client, oracle):
        """After the last start."""
