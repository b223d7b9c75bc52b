"""Jobs by the clock, over HTTP and the command line. A plan made in the past is put into the stopped daemon's store."""
import json
import re
import time

import pytest
from support.client import assert_problem, query

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
ROOT = "/api/v1/schedules"
MINUTE = 60_000_000


def wanted(name, cron="30 2 29 2 *", **options):
    return {"name": name, "cron": cron, "job": {"kind": "echo", "payload": {"of": name}}, **options}


def create(client, name, **options):
    answer = client.post(ROOT, wanted(name, **options))
    assert answer.status == 201, answer
    return answer.json


def put(client, identity, body):
    return client.request("PUT", f"{ROOT}/{identity}", data=body)


def test_a_schedule_shows_what_is_planned(admin):
    answer = admin.post(ROOT, wanted("shown", "30 2 * * *", time_zone="Europe/Berlin", missed="skip"))
    assert answer.status == 201, answer
    made = answer.json
    assert answer.headers["Location"] == f"{ROOT}/{made['id']}"
    assert (made["name"], made["cron"], made["time_zone"], made["missed"]) == (
        "shown",
        "30 2 * * *",
        "Europe/Berlin",
        "skip",
    )
    assert made["job"] == {"kind": "echo", "payload": {"of": "shown"}}
    assert (
        len(made["planned"]) == 5
        and made["planned"] == sorted(set(made["planned"]))
        and made["planned"][0] == made["next_run_at"]
    )
    assert all(TIME.match(each) for each in made["planned"])
    assert made["paused_at"] is made["last_run_at"] is made["last_job_id"] is made["last_error"] is None
    assert admin.get(f"{ROOT}/{made['id']}").json == made
    assert admin.get(ROOT + query(name="shown")).json["data"] == [made]


def test_schedules_are_listed_by_pages(new_daemon):
    client = new_daemon().admin()
    for n in range(5):
        create(client, f"s{n}")
    names, cursor = [], None
    while True:
        page = client.get(ROOT + query(limit=2, **({"cursor": cursor} if cursor else {}))).json
        names += [each["name"] for each in page["data"]]
        cursor = page["meta"]["next_cursor"]
        if not cursor:
            break
    assert names == ["s4", "s3", "s2", "s1", "s0"]
    assert_problem(client.get(ROOT + query(cursor="x")), 400)
    assert_problem(client.get(ROOT + query(limit=0)), 400)
    assert_problem(client.get(ROOT + query(queue="x")), 422)


@pytest.mark.parametrize(
    "change,said",
    [
        ({"cron": "0 25 * * *"}, "field 2 (hour): 25 is outside 0-23"),
        ({"cron": "0 0 31 2 *"}, "never fires"),
        ({"cron": "* * * * * *"}, "five fields"),
        ({"time_zone": "Berlin"}, "Europe/Berlin"),
        ({"time_zone": "../../etc/passwd"}, "there is no time zone"),
        ({"missed": "never"}, "skip, run_once or run_all"),
        ({"name": "No Name"}, '"name" must be'),
        ({"job": {"kind": "no-such-kind"}}, "no-such-kind"),
        ({"job": {"kind": "echo", "run_at": "2099-01-01T00:00:00Z"}}, "run_at"),
        ({"job": {"kind": "echo", "priority": 12}}, "priority"),
        ({"job": []}, "job"),
        ({"timezone": "UTC"}, "timezone"),
        ({"job": None}, "needs"),
    ],
)
def test_what_cannot_be_is_refused_in_words(admin, change, said):
    problem = assert_problem(admin.post(ROOT, {**wanted("refused"), **change}), 422)
    assert said in problem["detail"], problem


def test_a_name_is_taken_once(admin):
    create(admin, "taken")
    assert_problem(admin.post(ROOT, wanted("taken")), 409)


def test_an_idempotency_key_makes_one_schedule_and_one_run(admin):
    headers = {"Idempotency-Key": "schedule-1"}
    first = admin.post(ROOT, wanted("once"), headers=headers)
    again = admin.post(ROOT, wanted("once"), headers=headers)
    assert (
        first.status == again.status == 201
        and first.body == again.body
        and first.headers["Location"] == again.headers["Location"]
    )
    assert_problem(admin.post(ROOT, wanted("once", "@daily"), headers=headers), 422)
    runs = {admin.post(f"{ROOT}/{first.json['id']}/run", headers=headers).json["id"] for _ in range(3)}
    assert len(runs) == 1


def test_run_now_gives_a_job_at_once(admin):
    made = create(admin, "now")
    admin.post(f"{ROOT}/{made['id']}/pause")
    answer = admin.post(f"{ROOT}/{made['id']}/run")
    assert answer.status == 202 and answer.headers["Location"] == f"/api/v1/jobs/{answer.json['id']}", answer
    job = admin.wait(answer.json["id"])
    assert job["state"] == "succeeded" and job["result"] == {"of": "now"}
    assert job["tags"]["schedule"] == "now" and TIME.match(job["tags"]["planned_at"])
    shown = admin.get(f"{ROOT}/{made['id']}").json
    assert shown["last_job_id"] == job["id"] and shown["last_run_at"] == job["tags"]["planned_at"]
    assert [each["id"] for each in admin.get("/api/v1/jobs" + query(tag="schedule=now")).json["data"]] == [job["id"]]


def test_pause_resume_change_remove(admin):
    made = create(admin, "changing")
    path = f"{ROOT}/{made['id']}"
    paused = admin.post(f"{path}/pause")
    assert (
        paused.status == 200
        and TIME.match(paused.json["paused_at"])
        and paused.json["planned"] == []
        and paused.json["next_run_at"] is None
    )
    assert admin.post(f"{path}/pause").json == paused.json
    resumed = admin.post(f"{path}/resume")
    assert resumed.status == 200 and resumed.json == made
    changed = put(admin, made["id"], wanted("changed", "@yearly"))
    assert (
        changed.status == 200
        and changed.json["name"] == "changed"
        and changed.json["next_run_at"].endswith("-01-01T00:00:00.000000Z")
    )
    assert changed.json["created_at"] == made["created_at"]
    assert admin.delete(path).status == 204
    for answer in (
        admin.get(path),
        admin.delete(path),
        put(admin, made["id"], wanted("changed")),
        *(admin.post(f"{path}/{verb}") for verb in ("pause", "resume", "run")),
    ):
        assert_problem(answer, 404)
    assert_problem(admin.get(f"{ROOT}/no-id"), 404)


def test_viewers_look_and_operators_change(admin, roles):
    made = create(admin, "guarded")
    path = f"{ROOT}/{made['id']}"
    assert roles["viewer"].get(path).status == 200 and roles["viewer"].get(ROOT).status == 200
    for role in ("viewer", "submitter"):
        client = roles[role]
        for answer in (
            client.post(ROOT, wanted("forbidden")),
            put(client, made["id"], wanted("guarded")),
            client.delete(path),
            *(client.post(f"{path}/{verb}") for verb in ("pause", "resume", "run")),
        ):
            assert_problem(answer, 403)
    assert roles["operator"].post(f"{path}/pause").status == 200


def set_back(daemon, minutes):
    """The plans of all schedules, moved that many minutes before now; the whole minute that is the earliest."""
    at = (time.time_ns() // 1000 // MINUTE - minutes) * MINUTE
    daemon.sql("UPDATE schedules SET next_run_at = ?", at)
    return at


def planned_minutes(client, name):
    """The planned times of a schedule's jobs, in whole minutes since 1970, once all jobs have ended."""
    jobs = client.get("/api/v1/jobs" + query(tag=f"schedule={name}", limit=1000)).json["data"]
    for job in jobs:
        client.wait(job["id"], "succeeded")
    texts = sorted(job["tags"]["planned_at"] for job in jobs)
    assert all(text.endswith(":00.000000Z") for text in texts), texts
    return [
        int(time.mktime(time.strptime(text[:19] + " UTC", "%Y-%m-%dT%H:%M:%S %Z")) - time.timezone) // 60
        for text in texts
    ]


def wait_for_firing(client, identity, seconds=30):
    end = time.monotonic() + seconds
    while True:
        schedule = client.get(f"{ROOT}/{identity}").json
        if schedule["last_run_at"] or schedule["last_error"]:
            return schedule
        assert time.monotonic() < end, schedule
        time.sleep(0.02)


def test_what_was_missed_is_skipped_run_once_or_run_for_each(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    made = {
        policy: create(client, policy.replace("_", "-"), cron="* * * * *", missed=policy)
        for policy in ("skip", "run_once", "run_all")
    }
    daemon.stop()
    first = set_back(daemon, 30) // MINUTE
    daemon.start()
    wait_for_firing(client, made["run_once"]["id"])
    last = wait_for_firing(client, made["run_all"]["id"])
    while last["next_run_at"] <= time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()):
        time.sleep(0.05)
        last = client.get(f"{ROOT}/{made['run_all']['id']}").json
    every = planned_minutes(client, "run-all")
    assert every == list(range(first, first + len(every))) and len(every) >= 31
    once = planned_minutes(client, "run-once")
    assert once[0] >= first + 30 and len(once) <= 2  # and perhaps the minute that has come meanwhile
    assert all(each >= first + 30 for each in planned_minutes(client, "skip"))
    told = {event["data"]["missed"]: event for event in client.events("schedule.missed")}
    # Of what was made up for one by one there is nothing to tell.
    assert {policy: event["subject"] for policy, event in told.items()} == {
        policy: made[policy]["id"] for policy in ("skip", "run_once")
    }
    skipped = told["skip"]["data"]
    assert skipped["name"] == "skip" and skipped["first"] < skipped["last"] and skipped["jobs"] <= 2
    daemon.stop()


def test_a_firing_that_is_refused_leaves_its_reason(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    made = create(client, "refused", cron="* * * * *")
    daemon.stop()
    set_back(daemon, 5)
    daemon.environment["MILLRACE_JOBS_MAX_BACKLOG"] = "1"
    daemon.sql("UPDATE schedules SET job = '{\"kind\":\"gone\"}'")  # a kind that has gone since
    daemon.start()
    schedule = wait_for_firing(client, made["id"])
    assert "gone" in schedule["last_error"] and schedule["last_job_id"] is None
    assert schedule["next_run_at"] > schedule["last_run_at"]
    assert put(client, made["id"], wanted("refused", "* * * * *")).json["last_error"] is None
    daemon.stop()


def test_a_schedule_fires_when_its_minute_comes(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    made = create(client, "soon", cron="* * * * *")
    fired = wait_for_firing(client, made["id"], seconds=120)
    assert fired["last_run_at"] == made["planned"][0] and fired["next_run_at"] == made["planned"][1]
    assert client.wait(fired["last_job_id"])["tags"]["planned_at"] == made["planned"][0]
    daemon.stop()


def test_the_command_line(daemon):
    def run(*arguments, code=0):
        done = daemon.cli("schedule", *arguments)
        assert done.returncode == code, done
        return done

    added = json.loads(
        run(
            "add",
            "by-hand",
            "30 2 * * *",
            "--zone",
            "Europe/Berlin",
            "--kind",
            "echo",
            "--payload",
            '{"a":1}',
            "--json",
        ).stdout
    )
    assert added["time_zone"] == "Europe/Berlin" and added["job"] == {"kind": "echo", "payload": {"a": 1}}
    assert "by-hand" in run("list").stdout
    assert added["planned"][4] in run("show", "by-hand").stdout
    assert run("pause", "by-hand").stdout == "by-hand  paused\n"
    assert run("resume", added["id"]).stdout == f"{added['id']}  active\n"
    job = json.loads(run("run", "by-hand", "--json").stdout)
    assert daemon.cli("job", "wait", job["id"], "--json").returncode == 0
    refused = run("add", "wrong", "0 25 * * *", "--kind", "echo", code=1)
    assert "field 2 (hour): 25 is outside 0-23" in refused.stderr
    assert run("remove", "by-hand").stdout == "by-hand  removed\n"
    assert "there is no schedule" in run("show", "by-hand", code=1).stderr
