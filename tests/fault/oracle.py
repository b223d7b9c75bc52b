"""What the daemon has promised, written down by an independent witness before the promise is relied upon.

Every acknowledged job goes into a file that is flushed to disk, as a client that pays per job would do it. After the
kills the promises are held against what the daemon says and against its database.
"""
import json
import os
import sqlite3
import threading
import time
import uuid


class Oracle:
    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.file = open(path, "ab", buffering=0)
        self.promised = {}  # id -> the result it must have; None: any
        self.in_doubt = []  # submits whose answer never came: (idempotency key, body)

    def acknowledged(self, identity, result):
        with self.lock:
            self.file.write(json.dumps([identity, result]).encode() + b"\n")
            os.fsync(self.file.fileno())
            assert identity not in self.promised, f"the id {identity} was given twice"
            self.promised[identity] = result

    def doubtful(self, key, body):
        with self.lock:
            self.in_doubt.append((key, body))

    def submit(self, client, body, result=None, key=None):
        """One submit; True when it was acknowledged, False when the answer was lost on the way."""
        key = key or str(uuid.uuid4())
        try:
            answer = client.post("/api/v1/jobs", body, headers={"Idempotency-Key": key})
        except OSError:
            self.doubtful(key, (body, result))
            return False
        except Exception as failure:  # http.client's: an answer that was cut
            if type(failure).__module__ != "http.client":
                raise
            self.doubtful(key, (body, result))
            return False
        if answer.status == 503:  # said in words: not taken
            self.doubtful(key, (body, result))
            return False
        assert answer.status == 202, answer
        self.acknowledged(answer.json["id"], result)
        return True

    def resolve_doubts(self, client):
        """Sends again what got no answer, with the same key: whether it was kept before or not, there is one job."""
        with self.lock:
            doubts, self.in_doubt = self.in_doubt, []
        for key, (body, result) in doubts:
            assert self.submit(client, body, result, key), "the daemon went away again"

    def wait_all(self, client, seconds=120):
        """Every promised job, once all have ended."""
        end = time.monotonic() + seconds
        while True:
            status = client.get("/api/v1/status").json["jobs"]
            left = status["queued"] + status["running"] + status["scheduled"]
            if left == 0:
                break
            assert time.monotonic() < end, f"after {seconds} s: {status}"
            time.sleep(0.05)
        # The counts are of this moment and the dispatcher's; each job tells for itself.
        return {identity: client.wait(identity, seconds=seconds) for identity in self.promised}

    def check(self, client, seconds=120):
        jobs = self.wait_all(client, seconds)
        for identity, result in self.promised.items():
            job = jobs[identity]
            assert job["state"] == "succeeded", job
            if result is not None:
                assert job["result"] == result, job
            numbers = [attempt["attempt"] for attempt in job["attempts"]]
            assert len(numbers) == len(set(numbers)), f"an attempt was recorded twice: {job}"
            # The attempt that gave the result may be recorded or not, but nothing comes after it and nothing twice.
            assert all(number <= job["attempt"] for number in numbers), job
            assert sum(attempt["outcome"] == "succeeded" for attempt in job["attempts"]) <= 1, job
        return jobs


def check_database(data, promised):
    """After the daemon has stopped: sound pages, one row a promise, nothing left undone, no orphans."""
    with sqlite3.connect(f"file:{data}/millrace.db?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        stored = {identity: state for identity, state in database.execute("SELECT id, state FROM jobs")}
        assert set(promised) <= set(stored), f"{len(set(promised) - set(stored))} promised jobs are lost"
        assert set(stored) == set(promised), f"{len(set(stored) - set(promised))} jobs were kept that nobody knows of"
        assert set(stored.values()) <= {"succeeded"}, set(stored.values())
        keyed = [json.loads(body)["id"] for (body,) in database.execute("SELECT response_body FROM idempotency_keys")]
        assert len(keyed) == len(set(keyed)), "two keys name one job"
        assert set(keyed) <= set(stored), "a key names a job that is not there"
        orphans = database.execute("SELECT count(*) FROM job_attempts WHERE job_id NOT IN (SELECT id FROM jobs)").fetchone()
        assert orphans == (0,)
