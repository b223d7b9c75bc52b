"""Jobs that wait for each other: submitted as one document or none of it, released in order, drawn as a graph."""
import pytest
from support.client import assert_problem, moment, query, until

FAILING = {"kind": "sleep", "payload": {"seconds": 0, "fail_times": 100}, "max_attempts": 1}


def step(ref, *parents, **options):
    return {"ref": ref, "kind": "echo", "payload": {"ref": ref}, "depends_on": list(parents), **options}


def submit(client, jobs, **options):
    answer = client.post("/api/v1/flows", {"jobs": jobs, **options})
    assert answer.status == 202, answer
    assert answer.headers["Location"] == f"/api/v1/flows/{answer.json['id']}"
    return answer.json


def show(client, flow):
    answer = client.get(f"/api/v1/flows/{flow['id']}")
    assert answer.status == 200, answer
    return answer.json


def finished(client, flow):
    return until(lambda: (now := show(client, flow))["state"] != "running" and now)


def ids(flow):
    return {node["ref"]: node["id"] for node in flow["nodes"]}


def states(client, flow):
    return {node["ref"]: node["state"] for node in show(client, flow)["nodes"]}


def links(flow):
    refs = {node["id"]: node["ref"] for node in flow["nodes"]}
    return {(refs[edge["from"]], refs[edge["to"]], edge["on_failure"]) for edge in flow["edges"]}


# A single job that depends on others


def test_a_job_waits_for_those_that_it_depends_on(admin):
    admin.pause("gate")
    parents = [admin.submit(queue="gate") for _ in range(2)]
    child = admin.submit(depends_on=parents)
    job = admin.job(child)
    assert job["state"] == "blocked" and job["blocked_by"] == 2
    assert job["depends_on"] == [{"job": parent, "on_failure": "fail"} for parent in sorted(parents)]
    assert admin.get(f"/api/v1/results/{child}").json == {"status": "queued", "position": None}
    admin.resume("gate")
    job = admin.wait(child, "succeeded")
    assert all(admin.job(parent)["finished_at"] <= job["started_at"] for parent in parents)


def test_a_job_that_depends_on_ended_ones_is_settled_at_once(admin):
    done = admin.wait(admin.submit())["id"]
    dead = admin.wait(admin.submit(**FAILING), "dead")["id"]
    assert admin.wait(admin.submit(depends_on=[done]))["state"] == "succeeded"
    failed = admin.job(admin.submit(depends_on=[dead]))
    assert (
        failed["state"] == "dead"
        and failed["error"]["code"] == "dependency_failed"
        and dead in failed["error"]["message"]
    )
    assert admin.events("job.dead", subject=failed["id"])
    assert admin.wait(admin.submit(depends_on=[{"job": dead, "on_failure": "ignore"}]))["state"] == "succeeded"
    waiting = admin.submit(depends_on=[{"job": dead, "on_failure": "wait"}])
    assert admin.job(waiting)["state"] == "blocked"
    assert admin.post(f"/api/v1/jobs/{dead}/retry", {"payload": {"seconds": 0}}).status == 200
    assert admin.wait(waiting)["state"] == "succeeded"


def test_a_dependency_that_is_not_there_is_refused(admin):
    problem = assert_problem(
        admin.post("/api/v1/jobs", {"kind": "echo", "depends_on": ["0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"]}), 422
    )
    assert "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55" in problem["detail"]


# Whole flows


def test_a_chain_runs_in_its_order(admin):
    answer = admin.post(
        "/api/v1/flows", {"name": "chain", "chain": [{"kind": "echo", "payload": {"n": n}} for n in range(4)]}
    )
    assert answer.status == 202, answer
    flow = finished(admin, answer.json)
    assert (
        flow["state"] == "succeeded"
        and flow["name"] == "chain"
        and [node["ref"] for node in flow["nodes"]] == ["1", "2", "3", "4"]
    )
    jobs = [admin.job(node["id"]) for node in flow["nodes"]]
    assert all(before["finished_at"] <= after["started_at"] for before, after in zip(jobs, jobs[1:]))
    assert links(flow) == {("1", "2", "fail"), ("2", "3", "fail"), ("3", "4", "fail")}


def test_fan_out_and_fan_in(admin):
    made = submit(
        admin, [step("merge", "north", "south"), step("north", "fetch"), step("south", "fetch"), step("fetch")]
    )
    assert links(made) == {
        ("fetch", "north", "fail"),
        ("fetch", "south", "fail"),
        ("north", "merge", "fail"),
        ("south", "merge", "fail"),
    }
    flow = finished(admin, made)
    assert set(states(admin, flow).values()) == {"succeeded"}
    jobs = {ref: admin.job(identity) for ref, identity in ids(flow).items()}
    for parent, child, _ in links(flow):
        assert jobs[parent]["finished_at"] <= jobs[child]["started_at"]
    assert jobs["merge"]["flow"] == {"id": made["id"], "ref": "merge"}
    assert {job["id"] for job in admin.get("/api/v1/jobs" + query(flow=made["id"])).json["data"]} == set(
        ids(flow).values()
    )


def test_a_flow_counts_its_progress(admin):
    admin.pause("second-half")
    made = submit(
        admin,
        [step("a"), step("b"), step("c", "a", queue="second-half"), step("d", "b", queue="second-half")],
        name="halves",
    )
    flow = until(lambda: (now := show(admin, made))["progress_percent"] == 50 and now)
    assert flow["state"] == "running" and flow["finished_at"] is None
    assert flow["counts"] == {"jobs": 4, "succeeded": 2, "failed": 0, "open": 2}
    admin.resume("second-half")
    flow = finished(admin, made)
    assert flow["progress_percent"] == 100 and flow["finished_at"] and flow["counts"]["open"] == 0


@pytest.mark.parametrize("policy,expected", [("fail", "dead"), ("ignore", "succeeded"), ("wait", "blocked")])
def test_a_failed_parent_is_met_as_each_edge_says(admin, policy, expected):
    made = submit(
        admin,
        [step("bad", **FAILING), step("child", {"ref": "bad", "on_failure": policy}), step("grandchild", "child")],
    )
    until(lambda: states(admin, made)["bad"] == "dead" and states(admin, made)["child"] == expected)
    assert links(made) == {("bad", "child", policy), ("child", "grandchild", "fail")}
    if policy == "wait":
        assert show(admin, made)["state"] == "running"
        assert admin.post(f"/api/v1/jobs/{ids(made)['bad']}/retry", {"payload": {"seconds": 0}}).status == 200
    flow = finished(admin, made)
    after = {"fail": ("failed", "dead"), "ignore": ("failed", "succeeded"), "wait": ("succeeded", "succeeded")}[policy]
    assert (flow["state"], states(admin, flow)["grandchild"]) == after
    if policy == "fail":
        assert admin.job(ids(flow)["grandchild"])["error"]["code"] == "dependency_failed"


def test_a_cancelled_parent_fails_its_children(admin):
    made = submit(admin, [step("later", run_at=moment(3600)), step("child", "later")])
    admin.post(f"/api/v1/jobs/{ids(made)['later']}/cancel")
    assert finished(admin, made)["state"] == "failed" and states(admin, made) == {"later": "cancelled", "child": "dead"}


@pytest.mark.parametrize("last", ["succeeded", "failed"])
def test_the_callback_comes_after_the_last_job_however_it_ended(admin, last):
    ends = step(
        "slow", kind="sleep", payload={"seconds": 0.3, "fail_times": 0 if last == "succeeded" else 9}, max_attempts=1
    )
    made = submit(admin, [step("quick"), ends], callback={"kind": "echo", "payload": {"told": True}})
    callback = admin.wait(made["callback"])
    assert callback["state"] == "succeeded" and callback["result"] == {"told": True}
    flow = show(admin, made)
    assert flow["state"] == last and flow["counts"]["jobs"] == 2
    assert all(
        admin.job(node["id"])["finished_at"] <= callback["started_at"] for node in flow["nodes"] if not node["callback"]
    )
    assert [node["id"] for node in flow["nodes"] if node["callback"]] == [callback["id"]]


def test_a_flow_may_wait_for_a_job_that_is_there_already(admin):
    admin.pause("before")
    earlier = admin.submit(queue="before")
    made = submit(admin, [step("first", {"job": earlier, "on_failure": "ignore"})])
    assert states(admin, made) == {"first": "blocked"}
    admin.resume("before")
    assert finished(admin, made)["state"] == "succeeded"


def test_a_cancelled_flow_ends_whatever_of_it_has_not_ended(admin):
    made = submit(
        admin,
        [
            step("done"),
            step("runs", kind="sleep", payload={"seconds": 600}),
            step("waits", "runs"),
            step("later", run_at=moment(3600)),
        ],
    )
    admin.wait(ids(made)["runs"], "running")
    admin.wait(ids(made)["done"], "succeeded")
    answer = admin.post(f"/api/v1/flows/{made['id']}/cancel")
    assert answer.status == 200 and answer.json["state"] == "failed", answer
    assert states(admin, made) == {"done": "succeeded", "runs": "cancelled", "waits": "cancelled", "later": "cancelled"}
    assert admin.post(f"/api/v1/flows/{made['id']}/cancel").json["counts"] == {
        "jobs": 4,
        "succeeded": 1,
        "failed": 3,
        "open": 0,
    }


def test_flows_are_listed_by_pages(new_daemon):
    client = new_daemon().admin()
    made = [submit(client, [step("a")], name=f"flow {n}") for n in range(3)]
    first = client.get("/api/v1/flows" + query(limit=2)).json
    assert [flow["name"] for flow in first["data"]] == ["flow 2", "flow 1"] and "nodes" not in first["data"][0]
    rest = client.get("/api/v1/flows" + query(limit=2, cursor=first["meta"]["next_cursor"])).json
    assert [flow["id"] for flow in rest["data"]] == [made[0]["id"]] and rest["meta"]["next_cursor"] is None
    assert_problem(client.get("/api/v1/flows?cursor=x"), 400)
    assert_problem(client.get("/api/v1/flows?state=running"), 422)


def test_a_thousand_jobs_fan_in(admin):
    made = submit(admin, [step(f"s{n}") for n in range(999)] + [step("all", *(f"s{n}" for n in range(999)))])
    flow = finished(admin, made)
    assert flow["counts"] == {"jobs": 1000, "succeeded": 1000, "failed": 0, "open": 0} and len(flow["edges"]) == 999


# All or nothing


@pytest.mark.parametrize(
    "document,said",
    [
        ({"jobs": [step("a", "b"), step("b", "a")]}, "a, b"),
        ({"jobs": [step("a", "a")]}, "circle"),
        ({"jobs": [step("fine"), step("a", "c"), step("b", "a"), step("c", "b")]}, "a, b, c"),
        ({"jobs": [step("a"), step("a")]}, "two jobs"),
        ({"jobs": [step("a", "nobody")]}, "nobody"),
        ({"jobs": [step("a"), step("b", "a", "a")]}, "twice"),
        ({"jobs": [step("a"), step("b", kind="no-such-kind")]}, "no-such-kind"),
        ({"jobs": [step("a"), step("b", priority=12)]}, "priority"),
        ({"jobs": [step("a"), step("b", {"job": "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"})]}, "there is no job"),
        ({"jobs": [step("a"), step("b", {"ref": "a", "on_failure": "panic"})]}, "fail, ignore or wait"),
        ({"jobs": [step("a"), step("b", {"ref": "a", "why": 1})]}, "depends_on"),
        ({"jobs": [step("a"), step("b", 7)]}, "depends_on"),
        ({"jobs": []}, "1 to 1000"),
        ({"jobs": [step(str(n)) for n in range(1001)]}, "1 to 1000"),
        ({"jobs": ["a"]}, "no JSON object"),
        ({"chain": [step("a", "b")]}, "chain"),
        ({"jobs": [step("a")], "chain": [step("b")]}, "chain"),
        ({}, "chain"),
        ([], "JSON object"),
        ({"jobs": [step("a")], "callback": {"kind": "no-such-kind"}}, "callback"),
        ({"jobs": [step("a")], "callback": step("b", "a")}, "callback"),
        ({"jobs": [step("a")], "surprise": 1}, "surprise"),
        ({"jobs": [step("")]}, "ref"),
        ({"jobs": [step("a" * 65)]}, "ref"),
        ({"jobs": [step("a")], "name": "n" * 201}, "name"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_fault_refuses_the_whole_document(admin, document, said):
    def before_and_after():
        return [
            answer["data"][0]["id"] if answer["data"] else None
            for answer in (admin.get("/api/v1/jobs?limit=1").json, admin.get("/api/v1/flows?limit=1").json)
        ]

    before = before_and_after()
    problem = assert_problem(admin.post("/api/v1/flows", document), 422, "unprocessable")
    assert said in problem["detail"], problem
    assert before_and_after() == before


def test_a_unique_key_that_is_taken_refuses_the_whole_document(admin):
    holder = admin.submit(run_at=moment(3600), unique_key="taken")
    count = len(admin.get("/api/v1/jobs?limit=1000").json["data"])
    problem = assert_problem(
        admin.post("/api/v1/flows", {"jobs": [step("a"), step("b", unique_key="taken")]}), 409, "conflict"
    )
    assert holder in problem["detail"] and len(admin.get("/api/v1/jobs?limit=1000").json["data"]) == count
