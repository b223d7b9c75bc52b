"""Queues, dead letters, schedules, flows and events on the command line."""
import json
import re
import subprocess
import threading

import pytest
from support.daemon import binary
from support.waiting import until

FAILED, USAGE = 1, 2
DOOMED = ("job", "submit", "--kind", "sleep", "--payload", '{"seconds":0,"fail_times":1}', "--max-attempts", "1")


@pytest.fixture(scope="module")
def dead_letters(daemon, ask):
    """Makes so many in this queue; their ids."""

    def make(queue, count, *options):
        ids = [ask(*DOOMED, "--queue", queue, *options)["id"] for _ in range(count)]
        for each in ids:
            daemon.admin().wait(each, "dead")
        return ids

    return make


# Queues


def test_a_queue_is_set_one_thing_at_a_time(run, ask):
    run("queue", "set", "mail", "--concurrency", "4", "--retry", "60,600")
    run(
        "queue",
        "set",
        "mail",
        "--rate",
        "2.5",
        "--max-backlog",
        "5",
        "--priority",
        "7",
        "--max-attempts",
        "9",
        "--timeout-seconds",
        "30",
    )
    settings = ask("queue", "set", "mail", "--unset", "concurrency")["settings"]
    assert (
        settings["rate"] == 2.5 and settings["retry"]["delays_seconds"] == [60, 600] and "concurrency" not in settings
    )
    job = ask("job", "show", ask("job", "submit", "--kind", "echo", "--queue", "mail", "--run-at", "1h")["id"])
    assert (job["priority"], job["max_attempts"], job["timeout_seconds"]) == (7, 9, 30)
    shown = run("queue", "show", "mail").stdout
    assert "rate            2.5\n" in shown and "retry           list 60 s, 600 s, ±20%\n" in shown
    assert "2.5/s" in run("queue", "list").stdout
    assert "has no settings and has had no jobs" in run("queue", "show", "unheard-of", expect=FAILED).stderr
    assert (
        "a list of 1 to 100 numbers"
        in run("queue", "set", "mail", "--retry", '{"backoff":"list","delays_seconds":[]}', expect=FAILED).stderr
    )


def test_a_full_queue_says_so(run):
    run("queue", "set", "small", "--max-backlog", "2")
    run("queue", "pause", "small", "--reason", "a test")
    for _ in range(2):
        run("job", "submit", "--kind", "echo", "--queue", "small")
    out = run("job", "submit", "--kind", "echo", "--queue", "small", expect=FAILED)
    assert "small" in out.stderr and not out.stdout


def test_a_paused_queue_begins_nothing_until_it_is_resumed(run, ask, daemon):
    run("queue", "pause", "held", "--reason", "the relay is down", "--until", "2h")
    made = ask("job", "submit", "--kind", "echo", "--queue", "held")["id"]
    listed = run("queue", "list").stdout
    assert "paused: the relay is down (resumes in 2 h)" in listed
    queue = ask("queue", "show", "held")
    assert queue["pause"]["reason"] == "the relay is down" and queue["pause"]["actor"] and queue["queued"] == 1
    assert ask("job", "show", made)["state"] == "queued"
    run("queue", "resume", "held")
    daemon.admin().wait(made, "succeeded")
    assert "there is no queue" in run("queue", "resume", "unheard-of", expect=FAILED).stderr
    assert run("queue", "pause", "held", expect=USAGE).stderr.startswith("error: --reason is required")


def test_an_external_queue_takes_any_kind(run, ask):
    run("queue", "set", "print", "--external", "true")
    made = ask("job", "submit", "--kind", "page", "--queue", "print")["id"]
    assert ask("job", "show", made)["state"] == "queued"
    assert "external" in run("queue", "list").stdout


# Dead letters


def test_dead_letters_are_listed_shown_counted_and_replayed(run, ask, daemon, dead_letters):
    ids = dead_letters("post", 3, "--tag", "batch=7")
    assert [each["id"] for each in ask("dlq", "list", "--queue", "post")["data"]] == ids[::-1]
    assert ids[0] in run("dlq", "list", "--tag", "batch=7").stdout and "planned_failure" in run("dlq", "list").stdout
    shown = run("dlq", "show", ids[0]).stdout
    assert "planned_failure: failure 1 of 1" in shown and "      1  " in shown
    filters = (
        "--queue",
        "post",
        "--kind",
        "sleep",
        "--error-code",
        "planned_failure",
        "--died-after",
        "2020-01-01T00:00:00Z",
    )
    assert run("dlq", "replay", *filters, "--dry-run").stdout == "3 dead letters would be put back in line\n"
    assert ask("dlq", "replay", "--queue", "post", "--error-code", "other", "--dry-run")["count"] == 0
    assert run("dlq", "replay", ids[0]).stdout == "1 dead letter put back in line\n"
    assert daemon.admin().wait(ids[0])["state"] == "succeeded"
    assert "is no dead letter: it is succeeded" in run("dlq", "show", ids[0], expect=FAILED).stderr
    assert (
        run("dlq", "replay", *filters, "--payload", '{"seconds":0}', "--rate", "100").stdout
        == "2 dead letters put back in line\n"
    )
    for each in ids[1:]:
        assert daemon.admin().wait(each)["payload"] == {"seconds": 0}
    assert run("dlq", "list", "--queue", "post").stderr == "no dead letters\n"


def test_purging_needs_a_choice_and_a_yes(run, ask, dead_letters):
    ids = dead_letters("waste", 2)
    assert "say which" in run("dlq", "purge", "--yes", expect=USAGE).stderr
    assert "add --yes" in run("dlq", "purge", "--queue", "waste", expect=USAGE).stderr
    assert run("dlq", "purge", "--queue", "waste", "--dry-run").stdout == "2 dead letters would be deleted\n"
    assert run("dlq", "purge", ids[0], "--yes").stdout == "1 dead letter deleted\n"
    assert "there is no job" in run("job", "show", ids[0], expect=FAILED).stderr
    assert ask("dlq", "purge", "--queue", "waste", "--yes")["count"] == 1


# Schedules


def test_a_schedule_is_added_looked_at_run_paused_and_removed(run, ask, daemon, tmp_path):
    out = run(
        "schedule",
        "add",
        "nightly",
        "30 2 * * *",
        "--zone",
        "Europe/Berlin",
        "--kind",
        "echo",
        "--payload",
        '{"n":1}',
        "--tag",
        "a=b",
    ).stdout
    assert "nightly, next " in out
    shown = run("schedule", "show", "nightly").stdout
    assert "30 2 * * * in Europe/Berlin" in shown and shown.count("planned") == 5
    assert "nightly" in run("schedule", "list").stdout
    job = ask("schedule", "run", "nightly")["id"]
    assert daemon.admin().wait(job)["result"] == {"n": 1}
    assert job in [each["id"] for each in ask("job", "list", "--tag", "schedule=nightly")["data"]]
    assert run("schedule", "pause", "nightly").stdout == "nightly  paused\n"
    assert run("schedule", "resume", "nightly").stdout == "nightly  active\n"
    whole = tmp_path / "job.json"
    whole.write_text('{"kind":"echo","unique_key":"k"}')
    assert ask("schedule", "add", "whole", "@hourly", "--job", f"@{whole}")["job"]["unique_key"] == "k"
    for words, arguments in [
        ("field 1 (minute): 61", ("bad", "61 * * * *", "--kind", "echo")),
        ("there is no time zone", ("bad", "@daily", "--zone", "Atlantis/Poseidonis", "--kind", "echo")),
        ("nightly", ("nightly", "@daily", "--kind", "echo")),
    ]:
        assert words in run("schedule", "add", *arguments, expect=FAILED).stderr
    assert run("schedule", "remove", "nightly").stdout == "nightly  removed\n"
    assert "there is no schedule" in run("schedule", "show", "nightly", expect=FAILED).stderr


# Flows


def test_a_flow_is_submitted_shown_and_waited_for(run, ask, tmp_path):
    document = tmp_path / "flow.json"
    document.write_text(
        json.dumps(
            {
                "name": "nightly",
                "jobs": [
                    {"ref": "fetch", "kind": "echo"},
                    {"ref": "left", "kind": "sleep", "payload": {"seconds": 0.1}, "depends_on": ["fetch"]},
                    {
                        "ref": "right",
                        "kind": "sleep",
                        "payload": {"seconds": 0, "fail_times": 9},
                        "max_attempts": 1,
                        "depends_on": ["fetch"],
                    },
                    {"ref": "join", "kind": "echo", "depends_on": ["left", {"ref": "right", "on_failure": "ignore"}]},
                ],
                "callback": {"kind": "echo", "payload": "done"},
            }
        )
    )
    made = ask("flow", "submit", document)
    out = run("flow", "wait", made["id"], expect=FAILED)  # one of its jobs fails
    assert "4 jobs, 3 succeeded, 1 failed, 0 open" in out.stdout
    tree = out.stdout.splitlines()[4:]
    assert [line.split()[1].rstrip(",") for line in tree if "callback" not in line] == [
        "fetch",
        "left",
        "join",
        "right",
        "join",
    ]
    assert made["id"] in run("flow", "list").stdout and "nightly" in run("flow", "list").stdout
    assert len(ask("job", "list", "--flow", made["id"])["data"]) == 5
    good = run("flow", "submit", "-", "--wait", stdin='{"chain":[{"kind":"echo"},{"kind":"echo"}]}')
    assert "2 jobs, 2 succeeded" in good.stdout


def test_a_flow_that_is_wrong_is_refused_whole(run, ask):
    before = len(ask("job", "list")["data"])
    circle = {
        "jobs": [{"ref": "a", "kind": "echo", "depends_on": ["b"]}, {"ref": "b", "kind": "echo", "depends_on": ["a"]}]
    }
    assert "a" in run("flow", "submit", "-", stdin=json.dumps(circle), expect=FAILED).stderr
    assert (
        "nothing here runs"
        in run("flow", "submit", "-", stdin='{"chain":[{"kind":"echo"},{"kind":"no"}]}', expect=FAILED).stderr
    )
    assert run("flow", "submit", "-", stdin="{", expect=USAGE).stderr.startswith("error: the flow is ")
    assert run("flow", "submit", "/nowhere", expect=FAILED).stderr == "error: cannot read /nowhere\n"
    assert len(ask("job", "list")["data"]) == before


def test_a_cancelled_flow_has_no_open_job(run, ask):
    made = ask("flow", "submit", "-", stdin='{"chain":[{"kind":"sleep","payload":{"seconds":60}},{"kind":"echo"}]}')[
        "id"
    ]
    assert "still running after" in run("flow", "wait", made, "--for", "0.1", expect=FAILED).stderr
    until(lambda: re.search(r"sleep  running [1-9]\d*%", run("flow", "show", made).stdout))
    assert "0 succeeded, 2 failed, 0 open" in run("flow", "cancel", made).stdout
    run("flow", "wait", made, expect=FAILED)


# Events


def test_events_are_listed_by_type_and_followed(run, ask, daemon, dead_letters):
    first = dead_letters("heard", 1)[0]
    assert first in run("events", "--type", "job.dead").stdout
    last = json.loads(run("events", "--json", "--limit", "1").stdout)
    assert last["id"] and last["type"]
    follower = subprocess.Popen(
        [
            str(binary()),
            "events",
            "--type",
            "job.dead",
            "--after",
            str(last["id"]),
            "--follow",
            "--json",
            "--data",
            str(daemon.data),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    killer = threading.Timer(30, follower.kill)
    killer.start()
    try:
        second = dead_letters("heard", 1)[0]
        assert json.loads(follower.stdout.readline())["subject"] == second
    finally:
        killer.cancel()
        follower.kill()
        follower.wait()
        follower.stdout.close()
    assert run("events", "--type", "no.such").stderr == "no events\n"
