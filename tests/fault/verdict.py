"""What was promised against what the daemon says over its API. Every fault is a sentence; none: nothing was broken."""
import json
import pathlib
import random
import sys

from journal import FINAL, digest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.client import Client  # noqa: E402

MOST_KEYS_SENT_AGAIN = 100
MOST_LOOKED_INTO = 500  # of those that went through in one attempt; of the others all


def judge(journal, port, key):
    client = Client(port, key).keep()
    stored = all_jobs(client)
    faults = list(journal.faults)
    faults += unknown_jobs(journal, stored)
    for promise in journal.promises.values():
        faults += judge_job(promise, stored)
    for listed in worth_a_look(journal, stored):
        faults += look_into(client, listed)
    for flow in journal.flows:
        faults += judge_flow(client, flow, stored)
    return faults + keys_sent_again(client, journal)


def all_jobs(client):
    """Every job that the daemon knows of, by id, as its list has them."""
    jobs, cursor = {}, None
    while True:
        answer = client.get("/api/v1/jobs?limit=200" + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status == 200, answer
        for job in answer.json["data"]:
            assert job["id"] not in jobs, f"the list has {job['id']} twice"
            jobs[job["id"]] = job
        cursor = answer.json["meta"].get("next_cursor")
        if not cursor:
            return jobs


def unknown_jobs(journal, stored):
    """What is kept was asked for, and once: an answer may be lost on the way, but no job may come twice or from nowhere."""
    faults, seen, unique = [], {}, {}
    for identity, job in stored.items():
        promise = job["tags"].get("promise", "")
        if promise.split("/")[0] in journal.refused:
            faults.append(f"{promise} was refused, and came to the job {identity}")
        if promise.split("/")[0] not in journal.asked and "schedule" not in job["tags"]:
            faults.append(f"nobody asked for the job {identity}")
        elif promise and seen.setdefault(promise, identity) != identity:
            faults.append(f"{promise} came to two jobs, {seen[promise]} and {identity}")
        if "unique_key" in job and unique.setdefault(job["unique_key"], identity) != identity:
            faults.append(
                f"the unique key {job['unique_key']} has two jobs, {unique[job['unique_key']]} and {identity}"
            )
    return faults


def judge_job(promise, stored):
    identity = promise.identity
    if identity not in stored:
        return [] if "gone" in promise.states else [f"the promised job {identity} is lost"]
    job, faults = stored[identity], []
    if digest(job["payload"]) != digest(promise.job.get("payload", {})):
        faults.append(f"{identity} has another payload: {job['payload']}")
    if job["state"] not in promise.states and not ("running" in promise.states and died_of_kills(job)):
        faults.append(f"{identity} is {job['state']}, not {' or '.join(promise.states)}: {brief(job)}")
    if promise.results is not None and job["state"] == "succeeded" and job["result"] not in promise.results:
        faults.append(f"{identity} has the result {job['result']}, not one of {promise.results}")
    return faults


def died_of_kills(job):
    """The end of a job that never ends by itself, and under which the daemon was killed twenty times."""
    return job["state"] == "dead" and job["error"]["code"] == "daemon_lost" and job["attempt"] >= 20


def brief(job):
    return json.dumps({name: job.get(name) for name in ("kind", "queue", "attempt", "max_attempts", "error")})


def worth_a_look(journal, stored):
    known = [stored[identity] for identity in journal.promises if identity in stored]
    again = [job for job in known if job["attempt"] > 1]
    once = [job for job in known if job["attempt"] <= 1]
    return again + random.sample(once, min(len(once), MOST_LOOKED_INTO))


def look_into(client, listed):
    """The job's own address says what the list says, and more."""
    answer = client.get(f"/api/v1/jobs/{listed['id']}")
    if answer.status != 200:
        return [f"the promised job {listed['id']} is answered {answer}"]
    job = answer.json
    faults = (
        [f"the list and the job {job['id']} differ: {listed} and {job}"]
        if any(job[name] != listed[name] for name in ("payload", "tags", "created_at"))
        else []
    )
    return faults + judge_attempts(job) + judge_result(client, job)


def judge_attempts(job):
    """An attempt is recorded at most once, none after the one that ended the job, and one at most succeeded."""
    numbers = [attempt["attempt"] for attempt in job.get("attempts", [])]
    faults = []
    if len(numbers) != len(set(numbers)):
        faults.append(f"{job['id']} has an attempt twice: {numbers}")
    if any(number > job["attempt"] for number in numbers):
        faults.append(f"{job['id']} has an attempt after its last: {numbers}, {job['attempt']}")
    if sum(attempt["outcome"] == "succeeded" for attempt in job.get("attempts", [])) > 1:
        faults.append(f"{job['id']} has succeeded twice")
    return faults


def judge_result(client, job):
    """The result's own address says what the job says."""
    answer = client.get(f"/api/v1/results/{job['id']}")
    said = answer.json.get("status") if answer.status == 200 else answer.status
    if job["state"] == "succeeded" and (said != "complete" or answer.json["result"] != job["result"]):
        return [f"the result of {job['id']} is answered {answer}"]
    if job["state"] in FINAL and job["state"] != "succeeded" and said == "complete":
        return [f"{job['id']} is {job['state']} and has a result"]
    return []


def judge_flow(client, flow, stored):
    answer = client.get(f"/api/v1/flows/{flow['id']}")
    if answer.status != 200:
        return [f"the promised flow {flow['id']} is answered {answer}"]
    graph, faults = answer.json, []
    if {node["id"] for node in graph["nodes"]} != set(flow["nodes"].values()):
        faults.append(f"the flow {flow['id']} has other jobs: {graph}")
    if {(edge["from"], edge["to"]) for edge in graph["edges"]} < {tuple(edge) for edge in flow["edges"]}:
        faults.append(f"the flow {flow['id']} has lost edges: {graph}")
    for parent, child in flow["edges"]:
        before, after = stored.get(parent, {}), stored.get(child, {})
        if after.get("started_at") and (
            before.get("state") not in FINAL or after["started_at"] < before["finished_at"]
        ):
            faults.append(f"{child} began before {parent} had ended")
    return faults


def keys_sent_again(client, journal):
    """The same key gives the same ids."""
    faults = []
    for key, jobs in list(journal.answered.items())[-MOST_KEYS_SENT_AGAIN:]:
        asked = journal.asked[key]
        answer = client.post(asked["path"], asked["body"], headers={"Idempotency-Key": key})
        text = answer.body.decode()
        if answer.status >= 300 or not all(identity is None or identity in text for _, identity in jobs):
            faults.append(f"the key {key} is answered {answer}, before with {jobs}")
    return faults
