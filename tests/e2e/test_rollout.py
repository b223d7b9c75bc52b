"""Versions of a model are tried on part of the traffic, in the shadow and with a fallback behind them; a bad one is taken back."""
import concurrent.futures
import json
import pathlib
import struct
import threading

import pytest
from support.client import assert_problem, until

MODELS = pathlib.Path(__file__).resolve().parents[1] / "data" / "rollout"
LABELS = ["low", "middle", "high", "never"]


def manifest(name, description="", labels=LABELS, **members):
    return json.dumps(
        {
            "format": 1,
            "name": name,
            "description": description,
            "task": "classification",
            "labels": labels,
            "input": {"name": "x", "kind": "tensor", "datatype": "FP32", "shape": [4]},
            "output": {"name": "logits", "datatype": "FP32", "shape": [4]},
            "postprocess": {"kind": "softmax_top_k", "top_k": 2},
            "batching": {"max_batch": 8},
            **members,
        }
    )


def push(client, name, *files, **members):
    """The files as versions 1, 2 … of the model `name`."""
    for number, file in enumerate(files, 1):
        answer = client.push_model(
            name, (MODELS / f"{file}.pt").read_bytes(), manifest(name, f"version {number}", **members)
        )
        assert answer.status == 201 and answer.json["version"] == str(number), answer
    return name


def predict(client, name, key=None, query="", numbers=(1, 2, 3, 7)):
    headers = {"X-Sticky-Key": key} if key else {}
    return client.post(f"/api/v1/models/{name}/predict{query}", {"data": list(numbers)}, headers=headers)


def version(answer):
    assert answer.status == 200, answer
    return answer.json["model_version"]


def traffic(client, name, **members):
    answer = client.request("PUT", f"/api/v1/models/{name}/traffic", data=members)
    assert answer.status == 200, answer
    return answer.json


def compared(client, name):
    answer = client.get(f"/api/v1/models/{name}/comparison")
    assert answer.status == 200, answer
    return {each["version"]: each for each in answer.json["versions"]}


def test_a_candidate_gets_its_share_and_a_key_stays_on_its_side(admin, runtime):
    push(admin, "shared", "steady", "another")
    shown = traffic(admin, "shared", production="1", candidate={"version": "2", "percent": 30})
    assert shown["candidate"] == {"version": "2", "percent": 30} and shown["rollback"]["min_samples"] == 100
    assert admin.get("/api/v1/models/shared/traffic").json == shown
    sides = {f"user-{n}": version(predict(admin, "shared", f"user-{n}")) for n in range(200)}
    assert 30 <= list(sides.values()).count("2") <= 90
    for key, side in list(sides.items())[:40]:
        answer = predict(admin, "shared", key)
        assert version(answer) == side and answer.json["label"] == ("high" if side == "1" else "low")
    # A named version passes the traffic by; so does one in a job. A job's key is as good as a request's.
    assert {version(predict(admin, "shared", f"user-{n}", "?version=1")) for n in range(20)} == {"1"}
    payload = {"model": "shared", "input": {"data": [1, 2, 3, 7]}}
    for key in list(sides)[:10]:
        job = admin.wait(admin.submit("infer", {**payload, "sticky_key": key}))
        assert job["result"]["model_version"] == sides[key] and job["result"]["model"] == "shared", job
    assert admin.wait(admin.submit("infer", {**payload, "version": "2"}))["result"]["model_version"] == "2"
    by_version = compared(admin, "shared")
    assert by_version["1"]["role"] == "production" and by_version["2"]["role"] == "candidate"
    assert set(by_version["1"]["labels"]) == {"high"} and set(by_version["2"]["labels"]) == {"low"}
    assert by_version["1"]["predictions"] + by_version["2"]["predictions"] == 200 + 40 + 20 + 10 + 1
    assert by_version["1"]["errors"] == 0 and by_version["1"]["error_rate"] == 0
    latency = by_version["1"]["latency_ms"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] and latency["mean"] > 0


def test_the_shadow_is_compared_and_never_answers(admin, runtime):
    push(admin, "shadowed", "steady", "another", "steady", labels=["a", "b", "c", "d"])
    traffic(admin, "shadowed", production="1", shadow="2")
    for n in range(20):
        # In every second one all are equal, and both say the first.
        answer = predict(admin, "shadowed", numbers=(1, 1, 1, 7) if n % 2 else (1, 2, 3, 7))
        assert version(answer) == "1"
    until(lambda: compared(admin, "shadowed")["2"]["shadow"]["compared"] == 20)
    assert compared(admin, "shadowed")["2"]["shadow"] == {"compared": 20, "agreed": 10, "agreement": 0.5}
    assert compared(admin, "shadowed")["2"]["predictions"] == 20
    # Production failing is not the shadow's business, and the other way round.
    push(admin, "shadow_fails", "steady", "failing")
    traffic(admin, "shadow_fails", production="1", shadow="2")
    assert {version(predict(admin, "shadow_fails")) for _ in range(10)} == {"1"}
    until(lambda: compared(admin, "shadow_fails")["2"]["errors"] == 10)
    assert compared(admin, "shadow_fails")["2"]["shadow"]["compared"] == 0


def test_a_candidate_that_fails_is_taken_back_and_no_client_notices(admin, runtime):
    push(admin, "frail", "steady", "failing")
    traffic(admin, "frail", production="1", candidate={"version": "2", "percent": 50}, rollback={"min_samples": 9})
    answers = [predict(admin, "frail", f"user-{n}") for n in range(60)]
    assert {version(answer) for answer in answers} == {"1"}
    assert any(answer.json.get("fallback") for answer in answers)  # the candidate was asked first
    until(lambda: admin.get("/api/v1/models/frail/traffic").json["candidate"] is None)
    shown = admin.get("/api/v1/models/frail/traffic").json
    assert shown["history"][0]["set_by"] == "millrace" and "9 of 9" in shown["history"][0]["reason"]
    (event,) = admin.events("model.rolled_back", subject="frail")
    assert event["data"]["automatic"] and event["data"]["version"] == "2" and "9 of 9" in event["data"]["reason"]
    assert compared(admin, "frail")["2"]["errors"] >= 9 and compared(admin, "frail")["2"]["role"] is None
    # What it was before is what it is again: there is nothing to go back to.
    assert_problem(admin.post("/api/v1/models/frail/rollback"), 409, "conflict")


def test_a_candidate_that_is_slow_is_taken_back(admin, runtime):
    push(admin, "lame", "steady", "slow")
    traffic(
        admin,
        "lame",
        production="1",
        candidate={"version": "2", "percent": 50},
        rollback={"min_samples": 10, "max_latency_ratio": 3},
    )
    for n in range(100):
        assert predict(admin, "lame", f"user-{n}").status == 200
        if admin.get("/api/v1/models/lame/traffic").json["candidate"] is None:
            break
    until(lambda: admin.get("/api/v1/models/lame/traffic").json["candidate"] is None)
    (event,) = admin.events("model.rolled_back", subject="lame")
    assert "95th percentile" in event["data"]["reason"]
    by_version = compared(admin, "lame")
    assert by_version["2"]["own_ms"]["p95"] > 3 * by_version["1"]["own_ms"]["p95"]


def test_a_slow_candidate_stays_where_nobody_judges_it(admin, runtime):
    push(admin, "patient", "steady", "failing")
    traffic(admin, "patient", production="1", candidate={"version": "2", "percent": 50}, rollback=False)
    for n in range(60):
        assert predict(admin, "patient", f"user-{n}").status == 200
    assert admin.get("/api/v1/models/patient/traffic").json["candidate"]["version"] == "2"


def test_a_roll_back_by_hand_goes_back_step_by_step(admin, runtime):
    push(admin, "history", "steady", "another", "steady", labels=["x", "y", "z", "w"])
    assert_problem(admin.post("/api/v1/models/history/rollback"), 409, "conflict")
    traffic(admin, "history", production="2")
    traffic(admin, "history", production="3")
    answer = admin.post("/api/v1/models/history/rollback", {"reason": "three is wrong"})
    assert answer.status == 200 and answer.json["production"] == "2", answer
    assert answer.json["history"][0]["reason"] == "three is wrong" and answer.json["history"][0]["set_by"]
    assert version(predict(admin, "history")) == "2"
    assert admin.post("/api/v1/models/history/rollback").json["production"] == "1"
    assert_problem(admin.post("/api/v1/models/history/rollback"), 409, "conflict")
    assert admin.get("/api/v1/models/history").json["production"] == "1"


def test_the_fallback_answers_when_production_fails_and_when_its_breaker_is_open(admin, runtime):
    push(admin, "spare", "steady", labels=["s0", "s1", "s2", "s3"])
    push(admin, "breaks", "failing")
    assert_problem(predict(admin, "breaks"), 500)
    traffic(admin, "breaks", production="1", fallback={"model": "spare", "version": "1"})
    codes = []
    for _ in range(20):
        answer = predict(admin, "breaks")
        assert (
            answer.status == 200
            and answer.json["model"] == "spare"
            and answer.json["label"] == "s2"
            and answer.json["fallback"] is True
        ), answer
        codes.append(answer.json["fallback_reason"]["code"])
        assert answer.json["fallback_reason"]["model_version"] == "1"
    assert codes[0] == "model_failed" and codes[-1] == "unavailable"  # the breaker is open
    by_version = compared(admin, "breaks")
    assert by_version["1"]["breaker"] == "open" and by_version["1"]["fallbacks"] == 20
    job = admin.wait(admin.submit("infer", {"model": "breaks", "input": {"data": [1, 2, 3, 7]}}))
    assert (
        job["result"]["model"] == "spare"
        and job["result"]["model_version"] == "1"
        and job["result"]["fallback"] is True
    )
    assert_problem(predict(admin, "breaks", query="?version=1"), 500)  # asked for by name it answers itself
    assert_problem(admin.post("/api/v1/models/breaks/predict", {"data": [1, 2]}), 422)
    # The spare one stays for as long as somebody counts on it.
    assert_problem(admin.delete("/api/v1/models/spare/versions/1"), 409, "conflict")


def test_a_manifest_names_a_fallback_too(admin, runtime):
    push(admin, "second", "steady")
    push(admin, "first", "failing", fallback={"model": "second"})
    answer = predict(admin, "first")
    assert answer.json["model"] == "second" and answer.json["fallback"] is True
    assert_problem(admin.delete("/api/v1/models/second/versions/1"), 409, "conflict")


def test_what_cannot_serve_gets_no_traffic(admin, runtime):
    push(admin, "careful", "steady")
    before = admin.get("/api/v1/models/careful/traffic").json
    for wrong in (
        {},
        {"production": "2"},
        {"production": 1},
        {"production": "1", "shadow": "1"},
        {"production": "1", "candidate": {"version": "7", "percent": 1}},
        {"production": "1", "fallback": {"model": "nobody"}},
        {"production": "1", "fallback": {"model": "careful"}},
        {"production": "1", "more": 1},
    ):
        assert_problem(admin.request("PUT", "/api/v1/models/careful/traffic", data=wrong), 422)
    assert_problem(admin.request("PUT", "/api/v1/models/nobody/traffic", data={"production": "1"}), 404)
    assert_problem(admin.get("/api/v1/models/nobody/comparison"), 404)
    assert_problem(admin.get("/api/v1/models/nobody/traffic"), 404)
    assert admin.get("/api/v1/models/careful/traffic").json == before


def test_production_changes_under_load_without_a_failed_request(admin, daemon, runtime):
    push(admin, "busy", "steady", "another")
    stop = threading.Event()

    def client():
        mine, seen = daemon.admin().keep(), []
        while not stop.is_set():
            seen.append(predict(mine, "busy"))
        return seen

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        work = [pool.submit(client) for _ in range(4)]
        for n in range(20):
            traffic(admin, "busy", production="2" if n % 2 == 0 else "1")
            assert version(predict(admin, "busy")) == (
                "2" if n % 2 == 0 else "1"
            )  # from the answer on it is the new one
        stop.set()
        answers = [answer for each in work for answer in each.result()]
    assert [answer for answer in answers if answer.status != 200] == []
    assert {(answer.json["model_version"], answer.json["label"]) for answer in answers} == {("1", "high"), ("2", "low")}


def test_two_changes_at_once_leave_one_of_them_whole(admin, runtime):
    push(admin, "torn", "steady", "another")
    wanted = [
        {"production": "1", "candidate": {"version": "2", "percent": 5}},
        {"production": "2", "candidate": {"version": "1", "percent": 95}},
    ]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: traffic(admin, "torn", **wanted[n % 2]), range(16)))
    shown = admin.get("/api/v1/models/torn/traffic").json
    assert {"production": shown["production"], "candidate": shown["candidate"]} in wanted
    assert shown["history"][0]["traffic"]["production"] == shown["production"]
    assert admin.get("/api/v1/models/torn").json["production"] == shown["production"]


def test_feedback_gives_the_accuracy_of_a_version(admin, runtime):
    push(admin, "taught", "steady")
    jobs = [
        admin.wait(admin.submit("infer", {"model": "taught", "input": {"data": [1, 2, 3, 7]}}))["id"] for _ in range(4)
    ]
    for job, actual in zip(jobs, ("high", "high", "low", "middle")):
        answer = admin.post(f"/api/v1/jobs/{job}/feedback", {"actual": actual})
        assert answer.status == 200, answer
        assert (
            answer.json["predicted"] == "high"
            and answer.json["correct"] is (actual == "high")
            and answer.json["model_version"] == "1"
        )
    assert compared(admin, "taught")["1"]["feedback"] == {"count": 4, "correct": 2, "accuracy": 0.5}
    # The last word counts, and the same word twice is one.
    for _ in range(2):
        assert admin.post(f"/api/v1/jobs/{jobs[3]}/feedback", {"correct": True}).status == 200
    assert compared(admin, "taught")["1"]["feedback"] == {"count": 4, "correct": 3, "accuracy": 0.75}
    for wrong in ({}, {"actual": "high", "correct": True}, {"actual": 7}, {"label": "high"}):
        assert_problem(admin.post(f"/api/v1/jobs/{jobs[0]}/feedback", wrong), 422)
    assert_problem(admin.post("/api/v1/jobs/00000000-0000-7000-8000-000000000000/feedback", {"actual": "high"}), 404)
    echo = admin.submit("echo")
    admin.wait(echo)
    assert_problem(admin.post(f"/api/v1/jobs/{echo}/feedback", {"actual": "high"}), 422)
    later = admin.submit("infer", {"model": "taught", "input": {"data": [1, 2, 3, 7]}}, run_at="2999-01-01T00:00:00Z")
    assert_problem(admin.post(f"/api/v1/jobs/{later}/feedback", {"actual": "high"}), 409, "conflict")


def test_traffic_and_comparison_are_there_after_a_restart(new_daemon, runtime):
    daemon = new_daemon()
    client = daemon.admin()
    daemon.wait_worker()
    push(client, "kept", "steady", "another")
    set_to = traffic(client, "kept", production="2", candidate={"version": "1", "percent": 50})
    for n in range(20):
        assert predict(client, "kept", f"user-{n}").status == 200
    sides = [version(predict(client, "kept", f"user-{n}")) for n in range(20)]
    job = client.wait(client.submit("infer", {"model": "kept", "input": {"data": [1, 2, 3, 7]}}))
    assert client.post(f"/api/v1/jobs/{job['id']}/feedback", {"actual": "low"}).status == 200
    before = compared(client, "kept")
    daemon.stop()
    daemon.start()
    daemon.wait_worker()
    assert client.get("/api/v1/models/kept/traffic").json == set_to
    after = compared(client, "kept")
    for number in ("1", "2"):
        assert {**after[number], "breaker": None} == {**before[number], "breaker": None}
    assert [version(predict(client, "kept", f"user-{n}")) for n in range(20)] == sides
    assert client.post("/api/v1/models/kept/rollback").json["production"] == "1"
    daemon.stop()


def test_who_may(roles, admin, runtime):
    push(admin, "guarded", "steady")
    for role, allowed in (("viewer", False), ("submitter", False), ("operator", True)):
        answer = roles[role].request("PUT", "/api/v1/models/guarded/traffic", data={"production": "1"})
        assert (answer.status == 200) is allowed, answer
        assert roles[role].get("/api/v1/models/guarded/comparison").status == 200
        assert roles[role].post("/api/v1/models/guarded/rollback").status == (409 if allowed else 403)


def test_a_prediction_comes_as_a_tensor_or_a_picture_where_that_is_asked_for(admin, runtime, land_cover):
    push(admin, "formed", "steady")
    answer = admin.post(
        "/api/v1/models/formed/predict", {"data": [1, 2, 3, 7]}, headers={"Accept": "application/x-npy"}
    )
    assert (
        answer.status == 200
        and answer.headers["Content-Type"] == "application/x-npy"
        and answer.body[:6] == b"\x93NUMPY"
    ), answer
    assert (
        answer.headers["X-Model"] == "formed"
        and answer.headers["X-Model-Version"] == "1"
        and "X-Fallback" not in answer.headers
    )
    assert struct.unpack("<4f", answer.body[-16:]) == (1, 2, 3, -100)
    assert_problem(
        admin.post("/api/v1/models/formed/predict", {"data": [1, 2, 3, 7]}, headers={"Accept": "image/png"}), 406
    )
    patch = (MODELS.parent / "land_cover" / "patch.npy").read_bytes()
    answer = admin.request(
        "POST",
        f"/api/v1/models/{land_cover}/predict",
        body=patch,
        headers={"Content-Type": "application/octet-stream", "Accept": "text/html, image/png;q=0.9, */*"},
    )
    assert (
        answer.status == 200
        and answer.headers["Content-Type"] == "image/png"
        and answer.body[:8] == b"\x89PNG\r\n\x1a\n"
    ), answer
    assert answer.headers["X-Model"] == land_cover
    assert (
        "label" in admin.post("/api/v1/models/formed/predict", {"data": [1, 2, 3, 7]}, headers={"Accept": "*/*"}).json
    )
    push(admin, "formless", "failing", fallback={"model": "formed"})
    answer = admin.post(
        "/api/v1/models/formless/predict", {"data": [1, 2, 3, 7]}, headers={"Accept": "application/x-npy"}
    )
    assert answer.headers["X-Model"] == "formed" and answer.headers["X-Fallback"] == "true", answer


def test_a_version_is_warm_before_it_answers_and_gives_its_memory_back_afterwards(admin, runtime):
    push(admin, "warm", "steady", "another")
    assert version(predict(admin, "warm")) == "1"

    def loaded():
        return {name for name in admin.get("/api/v1/status").json["worker"]["models"] if name.startswith("warm/")}

    for now, before in (("2", "1"), ("1", "2")):
        traffic(admin, "warm", production=now)
        assert f"warm/{now}" in loaded()
        until(lambda: f"warm/{before}" not in loaded())
        assert version(predict(admin, "warm")) == now


def test_a_version_that_does_not_load_never_gets_traffic(new_daemon, runtime):
    daemon = new_daemon()
    client = daemon.admin()
    daemon.wait_worker()
    push(client, "rotten", "steady", "another")
    sha256 = client.get("/api/v1/models/rotten").json["versions"][1]["sha256"]
    (file,) = (daemon.data / "models").rglob(sha256)
    file.chmod(0o600)
    file.write_bytes(bytes(file.stat().st_size))
    for wanted in (
        {"production": "2"},
        {"production": "1", "candidate": {"version": "2", "percent": 1}},
        {"production": "1", "shadow": "2"},
    ):
        problem = assert_problem(client.request("PUT", "/api/v1/models/rotten/traffic", data=wanted), (409, 422))
        assert "rotten/2" in problem["detail"], problem
        assert version(predict(client, "rotten")) == "1"
    assert client.get("/api/v1/models/rotten/traffic").json["history"] == []
    daemon.stop()


def test_a_machine_without_a_runtime_keeps_what_is_set(new_daemon):
    daemon = new_daemon(environment={"MILLRACE_INFERENCE_ENABLED": "false"})
    client = daemon.admin()
    push(client, "later", "steady", "another")
    assert traffic(client, "later", production="2")["production"] == "2"
    assert_problem(predict(client, "later"), 503)
    assert compared(client, "later")["2"]["predictions"] == 0
    daemon.stop()


def test_a_traffic_that_was_answered_is_there_after_a_kill(new_daemon):
    daemon = new_daemon(environment={"MILLRACE_INFERENCE_ENABLED": "false"})
    client = daemon.admin()
    push(client, "killed", "steady", "another")
    for production in ("2", "1", "2"):
        shown = traffic(client, "killed", production=production, shadow="1" if production == "2" else "2")
        daemon.kill()
        daemon.start()
        client = daemon.admin()
        assert client.get("/api/v1/models/killed/traffic").json == shown
        assert client.get("/api/v1/models/killed").json["production"] == production
    daemon.stop()


GOOD, MARKED = (1, 2, 3, 0), (1, 2, 3, 7)  # the second is what "failing" fails at and what "slow" is slow with


def on_trial(client, name, *files, percent=100, **rollback):
    push(client, name, *files)
    traffic(client, name, production="1", candidate={"version": "2", "percent": percent}, rollback=rollback)
    return name


def out(client, name):
    until(lambda: client.get(f"/api/v1/models/{name}/traffic").json["candidate"] is None)
    return client.get(f"/api/v1/models/{name}/traffic").json["history"][0]["reason"]


@pytest.mark.parametrize("failing", [3, 8, 50, 100])
def test_whatever_its_error_rate_a_candidate_is_out_as_soon_as_it_is_judged(admin, runtime, failing):
    name = on_trial(admin, f"rate-{failing}", "steady", "failing", min_samples=100)
    for n in range(100):
        marked = (n + 1) * failing // 100 > n * failing // 100
        answer = predict(admin, name, numbers=MARKED if marked else GOOD)
        assert version(answer) == ("1" if marked else "2"), answer
    assert f"{failing} of 100" in out(admin, name)
    # It is out from the verdict on: nothing was sent to it after that, and all that was is counted.
    assert version(predict(admin, name)) == "1"
    candidate = compared(admin, name)["2"]
    assert candidate["predictions"] == 100 and candidate["errors"] == failing and candidate["fallbacks"] == failing


def test_a_candidate_that_fails_everything_is_out_though_its_breaker_spares_it(admin, daemon, runtime):
    name = on_trial(admin, "spared", "steady", "failing", percent=50)

    def client(_):
        mine = daemon.admin().keep()
        return [predict(mine, name) for _ in range(75)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [answer for each in pool.map(client, range(8)) for answer in each]
    assert {version(answer) for answer in answers} == {"1"}
    out(admin, name)
    candidate = compared(admin, name)["2"]
    asked = [answer for answer in answers if answer.json.get("fallback")]
    assert candidate["predictions"] == candidate["errors"] == len(asked)
    assert 100 <= len(asked) <= 100 + 8  # those under way at the verdict
    assert candidate["refused"] >= 80


def test_a_slow_candidate_with_all_of_the_traffic_is_compared_with_what_production_did_before(admin, runtime):
    push(admin, "slowest", "steady", "slow")
    for _ in range(20):
        assert version(predict(admin, "slowest")) == "1"
    traffic(
        admin,
        "slowest",
        production="1",
        candidate={"version": "2", "percent": 100},
        rollback={"min_samples": 20, "max_latency_ratio": 3},
    )
    for _ in range(20):
        assert version(predict(admin, "slowest")) == "2"
    assert "95th percentile" in out(admin, "slowest")
    assert compared(admin, "slowest")["2"]["predictions"] == 20


def test_a_candidate_as_good_as_production_stays(admin, runtime):
    name = on_trial(
        admin, "equal", "failing", "failing", percent=50, min_samples=20, max_latency_ratio=1000
    )  # a third of the inputs is poison for both
    for n in range(150):
        assert predict(admin, name, numbers=MARKED if n % 3 == 0 else GOOD).status == (500 if n % 3 == 0 else 200)
    assert admin.get(f"/api/v1/models/{name}/traffic").json["candidate"]["version"] == "2"
    for n in range(60):
        assert_problem(admin.post(f"/api/v1/models/{name}/predict", {"data": [1, 2]}), 422)
    assert admin.get(f"/api/v1/models/{name}/traffic").json["candidate"]["version"] == "2"
    assert sum(each["bad_inputs"] for each in compared(admin, name).values()) >= 60


def test_a_candidate_that_calls_inputs_wrong_which_production_takes_is_out(admin, runtime):
    for name, members in (
        ("smaller", {"limits": {"max_input_bytes": 16}}),
        ("narrower", {"input": {"name": "x", "kind": "tensor", "datatype": "FP32", "shape": [4]}, "labels": LABELS}),
    ):
        push(admin, name, "steady")
        if name == "narrower":
            members["input"]["name"] = "other"  # the inference protocol names its inputs
        assert (
            admin.push_model(name, (MODELS / "steady.pt").read_bytes(), manifest(name, "version 2", **members)).status
            == 201
        )
        traffic(admin, name, production="1", candidate={"version": "2", "percent": 100}, rollback={"min_samples": 10})
        for _ in range(10):
            if name == "smaller":
                answer = predict(admin, name)
                assert version(answer) == "1" and answer.json["fallback_reason"]["code"] == "bad_input", answer
            else:
                answer = admin.post(
                    f"/v2/models/{name}/infer",
                    {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 7]}]},
                )
                assert answer.status == 200 and answer.json["model_version"] == "1", answer
        assert "10 of 10" in out(admin, name)


def test_a_measurement_counts_nowhere(admin, daemon, runtime):
    name = on_trial(admin, "measured", "steady", "failing", percent=50, min_samples=1)
    (daemon.data / "marked.json").write_text(json.dumps({"data": list(MARKED)}))
    for arguments in ((), ("--input", str(daemon.data / "marked.json"))):
        bench = daemon.cli("model", "bench", name, "--seconds", "0.3", "--concurrency", "2", "--json", *arguments)
        assert bench.returncode == 0, bench
    assert [each["predictions"] for each in compared(admin, name).values()] == [0, 0]
    assert admin.get(f"/api/v1/models/{name}/traffic").json["candidate"]["version"] == "2"


@pytest.mark.parametrize("how, lost", [("stop", 0), ("kill", 20)])
def test_a_restart_keeps_the_judgement(new_daemon, runtime, how, lost):
    daemon = new_daemon()
    client = daemon.admin()
    daemon.wait_worker()
    name = on_trial(client, "continued", "steady", "failing", min_samples=50)
    for _ in range(45):
        assert predict(client, name).json["fallback"]
    getattr(daemon, how)()
    daemon.start()
    daemon.wait_worker()
    for _ in range(5 + lost):
        assert version(predict(client, name)) == "1"
    assert "50 of 50" in out(client, name)
    daemon.stop()
