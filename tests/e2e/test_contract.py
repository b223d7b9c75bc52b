"""The OpenAPI document and the router are one: a route in one and not in the other fails here."""
import json
import pathlib
import re
import subprocess

import pytest
from support.contract import asked_as
from support.daemon import binary

CONTRACT = json.loads((pathlib.Path(__file__).resolve().parents[2] / "embedded/openapi.json").read_text())
# The pages and files of the user interface are no API.
PAGES = re.compile(
    r"^/(|jobs|jobs/\{[^}]*\}|models|models/\{[^}]*\}|try|try/\{[^}]*\}|keys|docs|assets/\{path\*\}|examples/.*|[^/]*\.(svg|png|ico|txt|webmanifest|js|css))$"
)


def normal(path):
    return re.sub(r"\{[^}]*\}", "{}", path)


def routes():
    out = subprocess.run([str(binary()), "routes"], capture_output=True, text=True, timeout=20)
    assert out.returncode == 0, out
    for line in out.stdout.splitlines():
        verb, path, role = line.split()[:3]
        if not PAGES.match(path):
            yield (verb.upper(), normal(path)), role


def test_the_document_and_the_router_have_the_same_operations_and_roles():
    documented = {}
    for path, item in CONTRACT["paths"].items():
        for verb, operation in item.items():
            if verb not in ("parameters", "head"):  # HEAD is answered by the route of GET
                documented[verb.upper(), normal(path)] = (
                    "open" if operation.get("security") == [] else operation["x-role"]
                )
    assert dict(routes()) == documented


def test_the_served_document_is_the_one_of_this_repository(admin):
    answer = admin.get("/openapi.json")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/json")
    assert answer.json == CONTRACT


NOWHERE = {
    "id": "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55",
    "name": "nothing",
    "version": "1",
    "sha256": "0" * 64,
    "q": "nothing",
    "token": "0197a3c25d1f7c3e8a40f2b6d9e01c55" + "0" * 16,
    "file": "vocab.txt",
    "region": "nothing",
}


def probe(paths):
    for path, item in paths.items():
        for verb in item:
            if verb != "parameters":
                yield pytest.param(verb.upper(), path, id=f"{verb} {path}")


@pytest.mark.parametrize("verb,path", probe(CONTRACT["paths"]))
def test_a_documented_operation_is_there(admin, verb, path):
    filled = re.sub(r"\{(\w+)\}", lambda captured: NOWHERE[captured[1]], path)
    asked = asked_as(verb, CONTRACT["paths"][path][verb.lower()])
    answer = admin.request(asked, filled, headers={"Content-Length": "0"} if verb in ("POST", "PUT") else None)
    assert answer.status != 405, answer
    if answer.status == 404:
        assert "{" in path, f"{path} is not served"
    assert (
        str(answer.status) in CONTRACT["paths"][path][verb.lower()]["responses"]
    ), f"{answer.status} is not documented: {answer}"


def resolve(schema):
    while "$ref" in schema:
        target = CONTRACT
        for step in schema["$ref"].lstrip("#/").split("/"):
            target = target[step]
        schema = target
    return schema


TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}


def check(value, schema, where="answer", open_ended=False):
    """Enough of JSON Schema for this document: type, required, properties, items, enum, const, oneOf, allOf, pattern. An answer may
    have no member that is not documented, but for one part of an allOf."""
    schema = resolve(schema)
    for part in schema.get("allOf", []):
        check(value, part, where, open_ended=True)
    if "oneOf" in schema:
        failures = []
        for option in schema["oneOf"]:
            try:
                return check(value, option, where)
            except AssertionError as failure:
                failures.append(str(failure))
        raise AssertionError(f"{where}: none of the forms fits: {failures}")
    if "type" in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        fits = any(
            isinstance(value, TYPES[t]) and not (isinstance(value, bool) and t in ("integer", "number")) for t in types
        )
        assert fits, f"{where} is {value!r}, not {types}"
    if "enum" in schema:
        assert value in schema["enum"], f"{where} is {value!r}"
    if "const" in schema:
        assert value == schema["const"], f"{where} is {value!r}"
    if "pattern" in schema and isinstance(value, str):
        assert re.search(schema["pattern"], value), f"{where} is {value!r}"
    if isinstance(value, dict):
        for name in schema.get("required", []):
            assert name in value, f"{where} lacks {name}: {value}"
        members = schema.get("properties", {})
        for name in value:
            if name in members:
                check(value[name], members[name], f"{where}.{name}")
            else:
                assert (
                    not members or "additionalProperties" in schema or "allOf" in schema or open_ended
                ), f"{where}.{name} is not documented"
    if isinstance(value, list) and "items" in schema:
        for index, element in enumerate(value):
            check(element, schema["items"], f"{where}[{index}]")


def example_requests():
    """(verb, path, body) of every JSON example that a person may copy."""
    for path, item in CONTRACT["paths"].items():
        for verb, operation in item.items():
            if verb == "parameters" or "requestBody" not in operation:
                continue
            content = operation["requestBody"]["content"].get("application/json", {})
            examples = (
                {"example": {"value": content["example"]}} if "example" in content else content.get("examples", {})
            )
            for name, example in examples.items():
                if name != "infer" and operation["operationId"] != "login":  # these need a model, and a real key
                    yield pytest.param(verb.upper(), path, example["value"], id=f"{verb} {path} {name}")


@pytest.mark.parametrize("verb,path,body", example_requests())
def test_an_example_of_the_document_is_right_in_its_form(admin, verb, path, body):
    filled = re.sub(r"\{(\w+)\}", lambda captured: NOWHERE[captured[1]], path)
    if path.endswith("/leases"):
        admin.set_queue(NOWHERE["q"], external=True)
        admin.resume(NOWHERE["q"])  # which the example of a pause has paused
        admin.submit("any", queue=NOWHERE["q"])
    answer = admin.request(verb, filled, data=body)
    # What it is about is not there where the path names it: then that is all that is wrong.
    assert answer.status < 300 or ("{" in path and answer.status in (404, 409)), answer


def answers_of(admin):
    yield from answers_about_jobs(admin)
    yield from answers_about_queues(admin)
    yield from answers_about_workers(admin)
    yield from answers_about_flows(admin)
    yield from answers_about_the_inference_protocol(admin)
    yield from answers_about_the_rest(admin)


def answers_about_jobs(admin):
    done = admin.submit("echo", {"x": 1}, tags={"a": "b"})
    dead = admin.submit("sleep", {"seconds": 0, "fail_times": 1}, max_attempts=1, retry="fixed", unique_key="dead")
    retried = admin.submit(
        "sleep",
        {"seconds": 0, "fail_times": 1},
        retry={"backoff": "list", "delays_seconds": [600], "never": ["bad_input"]},
    )
    running = admin.submit(
        "sleep", {"seconds": 600}, expires_at="2099-01-01T00:00:00Z", deadline_at="2099-01-01T00:00:00Z"
    )
    blocked = admin.submit("echo", depends_on=[running, {"job": done, "on_failure": "wait"}])
    admin.wait(done)
    admin.wait(dead)
    admin.wait(retried, "scheduled")
    admin.wait(running, "running")
    later = admin.post("/api/v1/jobs", {"kind": "echo", "run_at": "2099-01-01T00:00:00Z", "unique_key": "later"})
    yield "post", "/api/v1/jobs", later
    yield "post", "/api/v1/jobs", admin.post("/api/v1/jobs", {"kind": "echo", "unique_key": "later"})
    yield "post", "/api/v1/jobs", admin.post("/api/v1/jobs", {"kind": "echo"}, headers={"Prefer": "wait=5"})
    yield "post", "/api/v1/jobs/batch", admin.post(
        "/api/v1/jobs/batch", {"jobs": [{"kind": "echo"}, {"kind": "nothing"}, {"kind": "echo", "unique_key": "later"}]}
    )
    for identity in (done, dead, retried, running, blocked, later.json["id"]):
        yield "get", "/api/v1/jobs/{id}", admin.get(f"/api/v1/jobs/{identity}")
        yield "get", "/api/v1/results/{id}", admin.get(f"/api/v1/results/{identity}")
    yield "get", "/api/v1/jobs", admin.get("/api/v1/jobs")
    yield "get", "/api/v1/dead-letters", admin.get("/api/v1/dead-letters")
    yield "post", "/api/v1/dead-letters/replay", admin.post(
        "/api/v1/dead-letters/replay", {"filter": {}, "dry_run": True}
    )
    yield "post", "/api/v1/dead-letters/purge", admin.post(
        "/api/v1/dead-letters/purge", {"filter": {}, "dry_run": True}
    )
    yield "post", "/api/v1/jobs/{id}/retry", admin.post(f"/api/v1/jobs/{dead}/retry", {"payload": {"seconds": 0}})
    yield "post", "/api/v1/jobs/{id}/cancel", admin.post(f"/api/v1/jobs/{later.json['id']}/cancel")
    yield "post", "/api/v1/jobs/{id}/cancel", admin.post(f"/api/v1/jobs/{later.json['id']}/cancel")
    admin.post(f"/api/v1/jobs/{running}/cancel")


def answers_about_queues(admin):
    every = {
        "concurrency": 4,
        "rate": 10,
        "max_backlog": 1000,
        "retry": "linear",
        "max_attempts": 2,
        "priority": 7,
        "timeout_seconds": 60,
        "breaker": False,
    }
    yield "put", "/api/v1/queues/{q}", admin.request("PUT", "/api/v1/queues/set", data=every)
    yield "post", "/api/v1/queues/{q}/pause", admin.post(
        "/api/v1/queues/set/pause", {"reason": "a test", "until": "2099-01-01T00:00:00Z"}
    )
    yield "post", "/api/v1/queues/{q}/resume", admin.post("/api/v1/queues/set/resume")
    yield "get", "/api/v1/queues/{q}", admin.get("/api/v1/queues/set")
    yield "get", "/api/v1/queues", admin.get("/api/v1/queues")
    yield "get", "/api/v1/breakers", admin.get("/api/v1/breakers")
    yield "get", "/api/v1/events", admin.get("/api/v1/events")


def answers_about_workers(admin):
    admin.request("PUT", "/api/v1/queues/outside", data={"external": True})
    ids = [admin.submit("anything", [n], queue="outside", deadline_at="2099-01-01T00:00:00Z") for n in range(2)]
    taken = admin.post("/api/v1/queues/outside/leases", {"worker": "w", "max": 2})
    yield "post", "/api/v1/queues/{q}/leases", taken
    first, second = (each["lease_token"] for each in taken.json["data"])
    yield "post", "/api/v1/leases/{token}/heartbeat", admin.post(
        f"/api/v1/leases/{first}/heartbeat", {"progress_percent": 1}
    )
    yield "get", "/api/v1/jobs/{id}", admin.get(f"/api/v1/jobs/{ids[0]}")
    yield "post", "/api/v1/leases/{token}/complete", admin.post(f"/api/v1/leases/{first}/complete", {"result": 1})
    yield "post", "/api/v1/leases/{token}/complete", admin.post(f"/api/v1/leases/{first}/complete", {"result": 1})
    yield "post", "/api/v1/leases/{token}/fail", admin.post(f"/api/v1/leases/{second}/fail", {"error": "no"})


def answers_about_flows(admin):
    jobs = [{"ref": "a", "kind": "echo"}, {"ref": "b", "kind": "echo", "depends_on": ["a"]}]
    made = admin.post("/api/v1/flows", {"name": "f", "jobs": jobs, "callback": {"kind": "echo"}})
    yield "post", "/api/v1/flows", made
    yield "get", "/api/v1/jobs/{id}", admin.get(f"/api/v1/jobs/{made.json['nodes'][1]['id']}")
    yield "get", "/api/v1/flows", admin.get("/api/v1/flows")
    yield "get", "/api/v1/flows/{id}", admin.get(f"/api/v1/flows/{made.json['id']}")
    yield "post", "/api/v1/flows/{id}/cancel", admin.post(f"/api/v1/flows/{made.json['id']}/cancel")


def answers_about_the_inference_protocol(admin):
    yield "get", "/v2", admin.get("/v2")
    yield "get", "/v2/models/stats", admin.get("/v2/models/stats")
    yield "get", "/v2/models/{name}", admin.get("/v2/models/nothing")
    yield "get", "/v2/models/{name}/versions/{version}/stats", admin.get("/v2/models/nothing/versions/1/stats")
    yield "post", "/v2/models/{name}/infer", admin.post("/v2/models/nothing/infer", {"inputs": []})
    yield "post", "/v2/repository/index", admin.post("/v2/repository/index")


def answers_about_the_rest(admin):
    yield "get", "/api/v1/status", admin.get("/api/v1/status")
    yield "get", "/health", admin.get("/health")
    yield "get", "/ready", admin.get("/ready")
    yield "post", "/api/v1/keys", admin.post(
        "/api/v1/keys", {"name": "k", "role": "viewer", "expires_at": "2099-01-01T00:00:00Z"}
    )
    yield "get", "/api/v1/keys", admin.get("/api/v1/keys")
    yield "get", "/api/v1/models", admin.get("/api/v1/models")
    yield "get", "/api/v1/models/{name}", admin.get("/api/v1/models/nothing")
    yield "put", "/api/v1/blobs", admin.put("/api/v1/blobs", b"x")
    yield "get", "/api/v1/auth/session", admin.get("/api/v1/auth/session")


def check_answer(verb, path, answer):
    """`answer` is one that the document describes for this operation."""
    response = resolve(CONTRACT["paths"][path][verb]["responses"][str(answer.status)])
    media_type = answer.headers["Content-Type"].split(";")[0]
    assert media_type in response["content"], (verb, path, answer)
    check(answer.json, response["content"][media_type]["schema"], f"{verb} {path}")


def test_answers_have_the_documented_form(admin):
    seen = 0
    for verb, path, answer in answers_of(admin):
        check_answer(verb, path, answer)
        seen += 1
    assert seen > 45
