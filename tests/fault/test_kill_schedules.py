"""The daemon dies around a firing: every planned time gives exactly one job."""
import calendar
import json
import signal
import time

import pytest
from database_check import check_database
from lives import POWER_CUT
from scheduling import MINUTE, this_minute


def prepare(daemon, missed="run_all", cron="* * * * *"):
    answer = daemon.admin().post(
        "/api/v1/schedules",
        {"name": "every-minute", "cron": cron, "missed": missed, "job": {"kind": "echo", "payload": {"x": 1}}},
    )
    assert answer.status == 201, answer
    return answer.json["id"]


def set_back(daemon, minutes):
    """The plan of a stopped daemon, moved to so many minutes before now."""
    first = this_minute() - minutes
    daemon.sql("UPDATE schedules SET next_run_at = ?, last_run_at = NULL", first * MINUTE)
    return first


def wait_until_caught_up(daemon, identity):
    client, end = daemon.admin(), time.monotonic() + 60
    while client.get(f"/api/v1/schedules/{identity}").json["next_run_at"] <= time.strftime(
        "%Y-%m-%dT%H:%M:%S", time.gmtime()
    ):
        assert time.monotonic() < end, daemon.log()
        time.sleep(0.02)
    status = client.get("/api/v1/status").json["jobs"]
    while status["queued"] + status["running"] > 0:
        assert time.monotonic() < end, status
        time.sleep(0.02)
        status = client.get("/api/v1/status").json["jobs"]


def planned_minutes(daemon):
    """Of all jobs that a stopped daemon has, in the order of their planned times; each of them ended well."""
    check_database(daemon)
    assert daemon.sql("SELECT id FROM jobs") == []
    assert daemon.sql("SELECT DISTINCT state FROM finished_jobs") == [("succeeded",)]
    tags = [json.loads(text) for (text,) in daemon.sql("SELECT tags FROM finished_jobs")]
    return sorted(calendar.timegm(time.strptime(each["planned_at"][:16], "%Y-%m-%dT%H:%M")) // 60 for each in tags)


def die_at(daemon, point, hit):
    daemon.start(ready=False, environment={"MILLRACE_CRASH_AT": f"{point}:{hit}"})
    assert daemon.wait_end() == -signal.SIGKILL, f"{point}:{hit} was not reached:\n{daemon.log()}"


@pytest.mark.parametrize("hit", [1, 2, 3])
@pytest.mark.parametrize("point", ["schedule.before_fire", "schedule.after_fire"])
def test_a_crash_at_a_firing_gives_one_job_for_each_planned_time(new_daemon, point, hit):
    daemon = new_daemon(environment=POWER_CUT)
    identity = prepare(daemon)
    daemon.kill()
    first = set_back(daemon, 10)
    die_at(daemon, point, hit)
    if point == "schedule.before_fire":
        die_at(daemon, point, 1)  # and again where it makes up for that
    daemon.start()
    wait_until_caught_up(daemon, identity)
    daemon.stop()
    minutes = planned_minutes(daemon)
    assert minutes == list(range(first, first + len(minutes))), f"from {first}"
    assert len(minutes) >= 11


@pytest.mark.parametrize("point", ["schedule.before_fire", "schedule.after_fire"])
def test_a_crash_at_the_one_firing_for_all_that_was_missed_gives_one_job(new_daemon, point):
    daemon = new_daemon(environment=POWER_CUT)
    identity = prepare(daemon, "run_once", "0 0 1 1 *")  # nothing else comes in between
    daemon.kill()
    set_back(daemon, 10)
    die_at(daemon, point, 1)
    daemon.start()
    wait_until_caught_up(daemon, identity)
    daemon.stop()
    assert len(planned_minutes(daemon)) == 1


def test_kills_at_random_moments_of_catching_up_lose_and_double_nothing(new_daemon, dice):
    daemon = new_daemon(environment=POWER_CUT)
    identity = prepare(daemon)
    daemon.kill()
    first = set_back(daemon, 900)
    for _ in range(8):
        daemon.start()
        time.sleep(dice.random() * 0.15)
        daemon.kill()
    daemon.start()
    wait_until_caught_up(daemon, identity)
    daemon.stop()
    minutes = planned_minutes(daemon)
    assert minutes == list(range(first, first + len(minutes))), f"from {first}"
    assert len(minutes) >= 901
