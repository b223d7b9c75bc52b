"""What is only passed on comes back as it was sent: numbers digit by digit, null beside absent, members in their order."""
import json
import pathlib
import random
import struct

import pytest
from support.client import form

# No double and no 64-bit integer holds these as they are written.
EXACT = (
    '{"big":36893488147419103233,"low":-9223372036854775809,"one":1.0,"minus":-0.0,"tiny":5e-324,"most":1.7976931348623157e308,'
    '"digits":0.1000000000000000055511151231257827,"z":null,"a":[9007199254740993,1E2,[],{}],"text":"\\"\\\\ ü"}'
)
NUMBERS = (pathlib.Path(__file__).resolve().parents[1] / "unit/inference/models/numbers.pt").read_bytes()
JSON = {"Content-Type": "application/json"}


def member(body, name):
    """The text of a member of compact JSON, which is the rest of the text up to `,"` of the next one at that depth."""
    begin = body.index(f'"{name}":') + len(name) + 3
    depth, quoted, at = 0, False, begin
    while True:
        c = body[at]
        if quoted:
            if c == "\\":
                at += 1
            elif c == '"':
                quoted = False
        elif c == '"':
            quoted = True
        elif c in "[{":
            depth += 1
        elif c in "]}" and depth > 0:
            depth -= 1
        elif c in ",]}" and depth == 0:
            return body[begin:at]
        at += 1


def send(client, path, text, **headers):
    answer = client.request("POST", path, body=text.encode(), headers={**JSON, **headers})
    assert answer.status in (200, 201, 202), answer
    return answer


def test_a_payload_and_its_result_come_back_digit_by_digit(admin):
    spaced = EXACT.replace(",", " ,\n ").replace(":", " : ")
    done = send(admin, "/api/v1/jobs", f'{{"kind":"echo","payload":{spaced}}}', Prefer="wait=10")
    assert done.status == 200, done
    identity = done.json["id"]
    for answer in (done, admin.get(f"/api/v1/jobs/{identity}"), admin.get("/api/v1/jobs?limit=1")):
        assert member(answer.body.decode(), "payload") == EXACT
        assert member(answer.body.decode(), "result") == EXACT
    assert member(admin.get(f"/api/v1/results/{identity}").body.decode(), "result") == EXACT


@pytest.mark.parametrize("payload", ["null", "0.10", '"text"', "[]", "false", "18446744073709551616"])
def test_a_payload_may_be_any_value_and_null_is_one(admin, payload):
    assert (
        member(
            send(admin, "/api/v1/jobs", f'{{"kind":"echo","payload":{payload}}}', Prefer="wait=10").body.decode(),
            "result",
        )
        == payload
    )


def test_batches_flows_schedules_and_forms_pass_on_what_they_are_given(admin):
    def result_of(identity):
        admin.wait(identity, "succeeded")
        return member(admin.get(f"/api/v1/results/{identity}").body.decode(), "result")

    batch = send(
        admin,
        "/api/v1/jobs/batch",
        f'{{"jobs":[{{"kind":"echo","payload":{EXACT}}},{{"payload":[{EXACT}],"kind":"echo"}}]}}',
    )
    first, second = (item["id"] for item in batch.json["data"])
    assert result_of(first) == EXACT and result_of(second) == f"[{EXACT}]"

    for text in (
        f'{{"jobs":[{{"ref":"a","kind":"echo","payload":{EXACT}}}]}}',
        f'{{"chain":[{{"kind":"echo","payload":{EXACT}}}]}}',
        f'{{"chain":[{{"kind":"echo"}}],"callback":{{"kind":"echo","payload":{EXACT}}}}}',
    ):
        flow = send(admin, "/api/v1/flows", text).json
        graph = admin.get(f"/api/v1/flows/{flow['id']}").json
        assert result_of(flow["callback"] or graph["nodes"][0]["id"]) == EXACT

    schedule = send(
        admin, "/api/v1/schedules", f'{{"name":"exact","cron":"0 0 1 1 *","job":{{"kind":"echo","payload":{EXACT}}}}}'
    )
    assert member(member(schedule.body.decode(), "job"), "payload") == EXACT
    assert result_of(admin.post(f"/api/v1/schedules/{schedule.json['id']}/run").json["id"]) == EXACT

    content_type, body = form(
        [
            ("job", None, "application/json", f'{{"kind":"echo","payload":{{"file":{{"$part":"f"}},"n":{EXACT}}}}}'),
            ("f", "f.txt", "text/plain", "hello"),
        ]
    )
    sent = admin.request("POST", "/api/v1/jobs", body=body, headers={"Content-Type": content_type})
    result = result_of(sent.json["id"])
    assert member(result, "n") == EXACT and len(json.loads(result)["file"]["blob"]) == 64


def test_workers_get_and_give_exact_values_and_a_retry_may_bring_them(admin):
    admin.set_queue("exact-away", external=True, max_attempts=1)
    send(admin, "/api/v1/jobs", f'{{"kind":"k","queue":"exact-away","payload":{EXACT}}}')
    taken = admin.post("/api/v1/queues/exact-away/leases", {"worker": "w", "max": 1, "wait_seconds": 5})
    assert member(member(taken.body.decode(), "job"), "payload") == EXACT
    lease = taken.json["data"][0]
    send(admin, f"/api/v1/leases/{lease['lease_token']}/complete", f'{{ "result" : {EXACT} }}')
    assert member(admin.get(f"/api/v1/results/{lease['job']['id']}").body.decode(), "result") == EXACT

    for how in ("retry", "replay"):
        identity = admin.submit("k", queue="exact-away")
        lease = admin.lease("exact-away")[0]
        assert (
            admin.post(f"/api/v1/leases/{lease['lease_token']}/fail", {"error": "no", "retryable": False}).status == 200
        )
        if how == "retry":
            send(admin, f"/api/v1/jobs/{identity}/retry", f'{{"payload":{EXACT}}}')
        else:
            send(admin, "/api/v1/dead-letters/replay", f'{{"filter":{{"ids":["{identity}"]}},"payload":{EXACT}}}')
        assert member(admin.get(f"/api/v1/jobs/{identity}").body.decode(), "payload") == EXACT
        lease = admin.lease("exact-away")[0]
        assert admin.post(f"/api/v1/leases/{lease['lease_token']}/complete", {}).status == 200


def test_the_command_line_passes_on_what_it_is_given(run, admin, tmp_path):
    identity = json.loads(run("job", "submit", "--kind", "echo", "--payload", EXACT, "--wait", "--json").stdout)["id"]
    assert member(run("job", "show", identity, "--json").stdout, "payload") == EXACT
    assert "36893488147419103233" in run("job", "show", identity).stdout
    shown = run("job", "result", identity).stdout
    for text in ('"big": 36893488147419103233', '"one": 1.0', '"minus": -0.0', '"z": null'):
        assert text in shown
    assert member(admin.get(f"/api/v1/jobs/{identity}").body.decode(), "payload") == EXACT

    (tmp_path / "flow.json").write_text(f'{{"chain":[{{"kind":"echo","payload":{EXACT}}}]}}')
    flow = json.loads(run("flow", "submit", str(tmp_path / "flow.json"), "--json").stdout)["id"]
    node = admin.get(f"/api/v1/flows/{flow}").json["nodes"][0]["id"]
    assert member(admin.get(f"/api/v1/jobs/{node}").body.decode(), "payload") == EXACT


def test_exec_gives_the_command_its_input_and_keeps_its_output_as_they_are(new_daemon, tmp_path):
    (tmp_path / "exec.toml").write_text('[exec.copy]\ncommand = ["/bin/cat"]\n')
    daemon = new_daemon(arguments=("--config", str(tmp_path / "exec.toml")))
    answer = send(
        daemon.admin(),
        "/api/v1/jobs",
        f'{{"kind":"exec","payload":{{"command":"copy","input":{EXACT}}}}}',
        Prefer="wait=10",
    )
    assert member(answer.body.decode(), "result") == EXACT
    daemon.stop()


def test_tensors_in_json_keep_every_bit(admin, runtime):
    """`numbers.pt` doubles whatever it gets, which changes no digit of a binary number."""
    random.seed(41)
    doubles = [random.uniform(-1, 1) * 10 ** random.randint(-300, 300) for _ in range(2000)] + [
        5e-324,
        1e23,
        8.41,
        -0.0,
        2.2250738585072014e-308,
    ]
    whole = [2**62 - 1, -(2**62), 2**53 + 1, 2**53 + 3, 3889108265204450030, 0]
    for name, datatype, values in (("wide", "FP64", doubles), ("whole", "INT64", whole)):
        tensor = {"name": "x", "datatype": datatype, "shape": [-1]}
        manifest = {
            "format": 1,
            "name": name,
            "task": "tensor",
            "input": {"kind": "tensor", **tensor},
            "output": {**tensor, "name": "y"},
        }
        assert admin.push_model(name, NUMBERS, json.dumps(manifest)).status == 201
        doubled = [2 * value for value in values]
        answer = admin.request(
            "POST",
            f"/api/v1/models/{name}/predict",
            body=json.dumps([values]).encode(),
            headers={**JSON, "Accept": "application/x-npy"},
        )
        assert answer.status == 200, answer
        raw = answer.body[10 + struct.unpack("<H", answer.body[8:10])[0] :]
        assert raw == struct.pack(f"<{len(values)}{'d' if datatype == 'FP64' else 'q'}", *doubled)
        answer = admin.post(
            f"/v2/models/{name}/infer", {"inputs": [{**tensor, "shape": [1, len(values)], "data": values}]}
        )
        assert answer.status == 200 and answer.json["outputs"][0]["data"] == doubled
        job = admin.wait(admin.submit("infer", {"model": name, "input": {"data": [values]}}), "succeeded")
        assert job["result"]["outputs"][0]["data"] == doubled
