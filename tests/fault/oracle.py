"""Work for the daemon, each promise of which is written down by an independent witness before it is relied upon.

The witness is a process of its own (oracle_process.py) that flushes every line to disk, as a client that pays per job would do
it. A request whose answer was lost is in doubt: sent again with its key, it must come to exactly one job.
"""
import copy
import http.client
import json
import pathlib
import subprocess
import sys
import threading
import time
import uuid

from journal import FINAL, Journal, jobs_of
from verdict import all_jobs

HERE = pathlib.Path(__file__).parent


def lost(failure):
    """Whether the answer is missing, rather than wrong."""
    return isinstance(failure, (OSError, http.client.HTTPException))


class Oracle:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "oracle_process.py"), "serve", str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.lock = threading.Lock()
        self.told = self.kept = 0  # lines
        self.heard = threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()
        self.journal = Journal()
        self.in_doubt = []  # (key, expectations)
        self.refusal = None  # the last "not now"

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def write(self, **line):
        """Returns when it is on disk."""
        with self.lock:
            self.process.stdin.write(json.dumps(line).encode() + b"\n")
            self.process.stdin.flush()
            self.told += 1
            mine = self.told
            self.journal.take(line)
            assert not self.journal.faults, self.journal.faults
        with self.heard:
            assert self.heard.wait_for(lambda: self.kept >= mine, 30), "the witness is silent"

    def listen(self):
        for _ in self.process.stdout:
            with self.heard:
                self.kept += 1
                self.heard.notify_all()

    @property
    def promises(self):
        """As they are now: others go on writing theirs."""
        with self.lock:
            return dict(self.journal.promises)

    # Submits. The answer's ids by name; None when the answer was lost or was "not now", and then the key is in doubt.

    def submit(self, client, body, states=("succeeded",), results=None, key=None):
        """One job; its id."""
        ids = self.ask(client, "/api/v1/jobs", body, {"0": (states, results)}, key)
        return ids and ids["0"]

    def submit_batch(self, client, bodies, states=("succeeded",), results=None):
        """Many in one commit; their ids in order. `results` has one list of results a job."""
        expected = {str(n): (states, results[n] if results else None) for n in range(len(bodies))}
        ids = self.ask(client, "/api/v1/jobs/batch", {"jobs": bodies}, expected)
        return ids and list(ids.values())

    def submit_flow(self, client, steps, callback=None, states=None):
        """A flow; the ids by ref. `states` by ref, for those that do not succeed."""
        body = {"name": "a flow", "jobs": steps, **({"callback": callback} if callback else {})}
        expected = {name: ((states or {}).get(name, ("succeeded",)), None) for name in jobs_of(body)}
        return self.ask(client, "/api/v1/flows", body, expected)

    def ask(self, client, path, body, expected, key=None):
        """`expected`: by name, the states in which a job may end and the results that it may have (None: any)."""
        key = key or str(uuid.uuid4())
        body = copy.deepcopy(body)
        for name, job in jobs_of(body).items():
            job["tags"] = {**job.get("tags", {}), "promise": f"{key}/{name}"}
        self.write(do="ask", key=key, path=path, body=body)
        return self.send(client, key, expected)

    def send(self, client, key, expected):
        asked = self.journal.asked[key]
        try:
            answer = client.post(asked["path"], asked["body"], headers={"Idempotency-Key": key})
        except Exception as failure:
            if not lost(failure):
                raise
            answer = None
        if answer is None or answer.status in (503, 507):  # the latter two say that it was not taken
            with self.lock:
                self.refusal = answer or self.refusal
                self.in_doubt.append((key, expected))
            return None
        if answer.status == 422 and "in the past" in answer.json["detail"]:  # it was lost, and comes too late now
            self.write(do="refuse", key=key)
            return None
        assert 200 <= answer.status < 300, answer
        ids = ids_by_name(asked["path"], answer.json)
        ends = {ids[name]: [list(states), results] for name, (states, results) in expected.items() if ids.get(name)}
        self.write(do="ack", key=key, jobs=[[name, identity] for name, identity in ids.items()], ends=ends)
        if asked["path"] == "/api/v1/flows":
            edges = [
                [ids[parent if isinstance(parent, str) else parent["ref"]], ids[job["ref"]]]
                for job in asked["body"]["jobs"]
                for parent in job.get("depends_on", [])
            ]
            self.write(do="flow", id=answer.json["id"], nodes=ids, edges=edges)
        return ids

    def resolve_doubts(self, client):
        """Sends again what got no answer, with the same key: whether it was kept before or not, there is one job."""
        self.try_doubts(client)
        assert not self.in_doubt, f"the daemon did not take {self.in_doubt}: {self.refusal}"

    def try_doubts(self, client):
        """The same while the daemon may die at any moment; what gets no answer stays in doubt."""
        with self.lock:
            doubts, self.in_doubt = self.in_doubt, []
        for key, expected in doubts:
            self.send(client, key, expected)

    # What changes how a job may end. First what may come of it, then, once that was acknowledged, what must.

    def expect(self, identity, states, results=None):
        self.write(do="expect", id=identity, states=list(states), results=results)

    def change(self, client, identity, path, body, states, results=None):
        """A request that is to end the job in `states`; its answer, or None when that was lost."""
        before = self.journal.promises[identity]
        either = None if before.results is None or results is None else before.results + results
        self.expect(identity, {*before.states, *states}, either)
        try:
            answer = client.post(path, body)
        except Exception as failure:
            if not lost(failure):
                raise
            return None
        if answer.status < 300:
            self.expect(identity, states, results)
        elif answer.status == 409:  # it has been overtaken, and has changed nothing
            self.expect(identity, before.states, before.results)
        return answer

    def cancel(self, client, identity):
        answer = self.change(client, identity, f"/api/v1/jobs/{identity}/cancel", {}, ("cancelled",))
        if answer is not None and answer.status == 409 and answer.json["detail"].endswith("it is cancelled"):
            self.expect(identity, ("cancelled",))  # an earlier one, whose answer was lost
        return answer

    def retry(self, client, identity, states):
        return self.change(client, identity, f"/api/v1/jobs/{identity}/retry", {}, states)

    def complete(self, client, leased, result):
        return self.change(
            client,
            leased["job"]["id"],
            f"/api/v1/leases/{leased['lease_token']}/complete",
            {"result": result},
            ("succeeded",),
            [result],
        )

    # The end.

    def wait_all(self, client, seconds=60):
        """Until every promised job is where it may be, ended or not. What is lost is the witness's to tell."""
        end = time.monotonic() + seconds
        ending = {identity for identity, promise in self.promises.items() if set(promise.states) & set(FINAL)}
        while left := [job for job in all_jobs(client).values() if job["id"] in ending and job["state"] not in FINAL]:
            assert time.monotonic() < end, f"{len(left)} jobs do not end, such as {left[0]}"
            time.sleep(0.05)

    def judge(self, daemon, seconds=60):
        """Waits for the end of all, and lets the witness judge from its own journal alone."""
        self.wait_all(daemon.admin(), seconds)
        command = [
            sys.executable,
            str(HERE / "oracle_process.py"),
            "judge",
            str(self.path),
            str(daemon.port),
            daemon.admin_key,
        ]
        out = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert out.returncode == 0, f"{out.stdout}\n{out.stderr}\n{daemon.log()[-2000:]}"
        assert json.loads(out.stdout)["promises"] == len(self.promises)


def ids_by_name(path, answer):
    if path == "/api/v1/jobs":
        return {"0": answer["id"]}
    if path == "/api/v1/jobs/batch":
        return {str(number): item.get("id") for number, item in enumerate(answer["data"])}
    ids = {("callback" if node["callback"] else node["ref"]): node["id"] for node in answer["nodes"]}
    return ids
