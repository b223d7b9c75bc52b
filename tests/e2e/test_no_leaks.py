"""What one organisation has is not named to another: no list, figure, error or status of the second names a thing of the first. Every
GET route of the API's document is asked."""
import json
import re
import uuid

import pytest
from support.client import moment
from support.contract import asked_as
from support.daemon import ROOT

OTHER = "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"
THIRD = "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c66"
CONFIGURATION = """
[exec.aardvark-command]
command = ["/bin/cat"]

[exec.borrowed]
command = ["/bin/cat"]
organizations = ["other"]

[exec.common]
command = ["/bin/cat"]
organizations = ["*"]
"""


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    from support.daemon import Daemon

    folder = tmp_path_factory.mktemp("millrace")
    (folder / "millrace.toml").write_text(CONFIGURATION)
    daemon = Daemon(folder / "data", arguments=["--config", str(folder / "millrace.toml")])
    try:
        daemon.start()
        ours, theirs = daemon.admin(), daemon.client(daemon.create_key("admin", name="theirs"))
        daemon.stop()
        daemon.sql("INSERT INTO organizations (id, name, created_at) VALUES (?, 'other', 0)", str(uuid.UUID(OTHER)))
        daemon.sql("UPDATE keys SET organization_id = ? WHERE name = 'theirs'", OTHER)
        daemon.start()
        yield daemon, ours, theirs
    finally:
        daemon.clean_up()


def fill(daemon, ours):
    """One of everything, each with a name that is nowhere else; what fits each parameter of a path, and all names and ids."""
    done = ours.submit("echo", "aardvark-payload", queue="aardvark-queue", tags={"aardvark-tag": "aardvark-value"})
    ours.wait(done)
    dead = ours.wait(
        ours.submit("sleep", {"seconds": 0, "fail_times": 1}, queue="aardvark-queue", max_attempts=1), "dead"
    )["id"]
    command = ours.submit("exec", {"command": "aardvark-command", "input": 1})
    waiting = ours.submit(queue="aardvark-later", run_at=moment(3600), unique_key="aardvark-unique")
    flow = ours.post(
        "/api/v1/flows", {"name": "aardvark-flow", "jobs": [{"kind": "echo", "run_at": moment(3600)}]}
    ).json["id"]
    schedule = ours.post(
        "/api/v1/schedules", {"name": "aardvark-schedule", "cron": "@yearly", "job": {"kind": "echo"}}
    ).json["id"]
    ours.pause("aardvark-queue")
    key = ours.post("/api/v1/keys", {"name": "aardvark-key", "role": "viewer"}).json["id"]
    blob = ours.put("/api/v1/blobs", b"aardvark-content").json["sha256"]
    ours.set_queue("aardvark-outside", external=True)
    names = {
        "id": done,
        "q": "aardvark-queue",
        "sha256": blob,
        "name": "aardvark-model",
        "version": "1",
        "file": "labels.txt",
        "region": "aardvark",
    }
    ids = [done, dead, command, waiting, flow, schedule, key, blob]
    if ours.get("/api/v1/status").json["worker"]["state"] != "unavailable":
        models = ROOT / "tests" / "data" / "models"
        manifest = json.loads((models / "digits.manifest.json").read_text())
        (daemon.data.parent / "manifest.json").write_text(json.dumps({**manifest, "name": "aardvark-model"}))
        pushed = daemon.cli(
            "model", "push", "aardvark-model", models / "digits.pt", daemon.data.parent / "manifest.json"
        )
        assert pushed.returncode == 0, pushed
        picture = (ROOT / "tests" / "data" / "digits" / "samples" / "digit-9-row-1444.png").read_bytes()
        answer = ours.request("POST", "/api/v1/models/aardvark-model/predict", picture, {"Content-Type": "image/png"})
        assert answer.status == 200, answer
        ids.append(ours.get("/api/v1/models/aardvark-model/versions/1").json["sha256"])
    return names, ids


def test_no_answer_names_what_is_another_organisations(two):
    daemon, ours, theirs = two
    names, ids = fill(daemon, ours)
    secret = re.compile("|".join(["aardvark", *ids]))
    document = ours.get("/openapi.json").json
    asked = 0
    for path, verbs in document["paths"].items():
        if "get" not in verbs:
            continue
        # What is named by a parameter is not there; the path may come back in the answer, and nothing else of it.
        address = re.sub(r"\{(\w+)\*?\}", lambda found: names.get(found[1], "x"), path)
        answer = theirs.request(asked_as("get", verbs["get"]), address)
        text = answer.body.decode(errors="replace")
        asked += 1
        if address != path:
            for part in re.findall(r"\{(\w+)\*?\}", path):
                text = text.replace(names.get(part, "x"), "")
        assert answer.status < 500 or answer.status == 501, (address, answer)
        assert not secret.search(text), (address, secret.search(text)[0], text)
    assert asked > 40
    # That the names would have been found: they are there for those whose they are.
    for path in (
        "/api/v1/jobs",
        "/api/v1/status",
        "/api/v1/queues",
        "/api/v1/schedules",
        "/api/v1/keys",
        "/api/v1/events",
    ):
        assert secret.search(ours.get(path).body.decode()), path


def test_the_status_counts_what_is_ones_own(two):
    _, ours, theirs = two
    for _ in range(3):
        ours.wait(ours.submit())
    mine, counts = (client.get("/api/v1/status").json["jobs"] for client in (ours, theirs))
    assert mine["succeeded"] >= 3
    for name, value in counts.items():
        assert value == 0 or name == "rates" and set(value.values()) == {0}, counts


def test_a_command_serves_the_organisations_that_its_section_names(two):
    _, ours, theirs = two

    def ask(client, command):
        return client.post("/api/v1/jobs", {"kind": "exec", "payload": {"command": command, "input": 1}})

    for client, good, bad in (
        (ours, ("aardvark-command", "common"), ("borrowed",)),
        (theirs, ("borrowed", "common"), ("aardvark-command",)),
    ):
        for command in good:
            assert client.wait(ask(client, command).json["id"])["state"] == "succeeded"
        for command in (*bad, "nothing"):
            answer = ask(client, command)
            assert answer.status == 422, answer
            named = json.loads(answer.body)["detail"].partition("configured are ")[2]
            assert named.split(", ") == sorted(good), answer


def test_an_error_of_a_worker_names_no_model_to_others(two):
    _, ours, theirs = two
    for client in (ours, theirs):
        for path in ("/ready", "/api/v1/status"):
            answer = client.get(path).json
            said = json.dumps(
                [
                    answer["reasons"],
                    answer["degraded"],
                    [each["reason"] for each in answer.get("worker", {}).get("devices", [])],
                ]
            )
            assert "aardvark-model" not in said
