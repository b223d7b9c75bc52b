"""Jobs on the command line: submitting in every way, looking, waiting, changing. test_cli.py has the first steps."""
import json
import subprocess

from support.daemon import binary
from support.waiting import until

FAILED, USAGE = 1, 2
ECHO = ("job", "submit", "--kind", "echo")


def test_every_option_of_submit_reaches_the_job(ask):
    parent = ask(*ECHO)["id"]
    made = ask(
        *ECHO,
        "--payload",
        "[1,2]",
        "--queue",
        "options",
        "--priority",
        "8",
        "--tag",
        "a=b=c",
        "--tag",
        "d=",
        "--max-attempts",
        "2",
        "--retry",
        "5,10",
        "--timeout-seconds",
        "7.5",
        "--run-at",
        "2h",
        "--expires-at",
        "3h",
        "--deadline-at",
        "2099-01-01T00:00:00Z",
        "--unique-key",
        "options",
        "--depends-on",
        f"{parent}=wait",
    )
    job = ask("job", "show", made["id"])
    assert made["state"] == job["state"] == "scheduled"
    assert (job["queue"], job["priority"], job["max_attempts"], job["timeout_seconds"], job["unique_key"]) == (
        "options",
        8,
        2,
        7.5,
        "options",
    )
    assert (
        job["tags"] == {"a": "b=c", "d": ""}
        and job["payload"] == [1, 2]
        and job["deadline_at"].startswith("2099-01-01")
    )
    assert job["depends_on"] == [{"job": parent, "on_failure": "wait"}]
    assert len(job["planned_retries"]) == 1


def test_a_unique_key_gives_the_job_that_is_there_already(run, ask):
    first = ask(*ECHO, "--unique-key", "once", "--run-at", "1h")
    again = ask(*ECHO, "--unique-key", "once")
    assert again["id"] == first["id"] and again["duplicate"] is True
    assert "it was here already" in run(*ECHO, "--unique-key", "once").stdout
    run("job", "cancel", first["id"])
    assert (
        ask(*ECHO, "--unique-key", "once", "--unique-states", "cancelled,succeeded", "--unique-period", "3600")["id"]
        == first["id"]
    )
    assert ask(*ECHO, "--unique-key", "once")["id"] != first["id"]


def test_an_idempotency_key_gives_the_same_answer(run, ask):
    first = ask(*ECHO, "--payload", "1", "--idempotency-key", "k")
    assert ask(*ECHO, "--payload", "1", "--idempotency-key", "k")["id"] == first["id"]
    assert "Idempotency-Key" in run(*ECHO, "--payload", "2", "--idempotency-key", "k", expect=FAILED).stderr


def test_waiting_in_submit_prints_the_result_or_why_there_is_none(run, ask):
    assert json.loads(run(*ECHO, "--payload", '{"a":[1]}', "--wait=5").stdout) == {"a": [1]}
    whole = ask("job", "submit", "--kind", "sleep", "--payload", '{"seconds":0.1}', "--wait", "5")
    assert (
        whole["state"] == "succeeded"
        and whole["timeline"][0]["event"] == "submitted"
        and whole["timeline"][-1]["event"] == "succeeded"
    )
    out = run(
        "job",
        "submit",
        "--kind",
        "sleep",
        "--payload",
        '{"seconds":0,"fail_times":9}',
        "--max-attempts",
        "1",
        "--wait",
        expect=FAILED,
    )
    assert "is dead: planned_failure" in out.stderr and not out.stdout
    out = run("job", "submit", "--kind", "sleep", "--payload", '{"seconds":600}', "--wait", "0.2", expect=FAILED)
    assert "is still running after" in out.stderr
    run("job", "cancel", out.stderr.split()[2])


def test_a_refused_job_says_what_is_wrong(run):
    for arguments, words in [
        (("job", "submit", "--kind", "unheard-of"), "nothing here runs jobs of kind \"unheard-of\""),
        ((*ECHO, "--retry", "sometimes"), "one of exponential, linear"),
        ((*ECHO, "--depends-on", "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55"), "there is no job 0197a3c2"),
        ((*ECHO, "--run-at", "2h", "--queue", "no such queue"), "queue"),
        (("job", "submit", "--kind", "exec", "--payload", '{"command":"rm"}'), "no commands are configured here"),
    ]:
        out = run(*arguments, expect=FAILED)
        assert words in out.stderr and not out.stdout, out


def test_a_batch_is_submitted_and_what_is_refused_is_named_by_its_line(run, ask, tmp_path):
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text("".join(json.dumps({"kind": "echo", "payload": n, "queue": "batch"}) + "\n" for n in range(2500)))
    assert run("job", "batch", jobs, "--idempotency-key", "import").stdout == "2500 submitted\n"
    run("job", "batch", jobs, "--idempotency-key", "import")  # again, and nothing new
    queue = ask("queue", "show", "batch")
    assert queue["depth"] + queue["running"] + sum(queue["ended"].values()) == 2500
    out = run("job", "batch", "-", stdin='{"kind":"echo"}\n\n{"kind":"unheard-of"}\n{"kind":"echo"}\n', expect=FAILED)
    assert out.stdout == "2 submitted, 1 refused\n" and out.stderr.startswith("line 3: nothing here runs")
    lines = run(
        "job", "batch", "-", "--json", stdin='{"kind":"echo"}\n{"kind":"echo","priority":11}\n', expect=FAILED
    ).stdout.splitlines()
    assert [json.loads(line)["status"] for line in lines] == [202, 422]
    assert "line 2 is no JSON object" in run("job", "batch", "-", stdin='{}\n[]\n', expect=FAILED).stderr
    assert "cannot read" in run("job", "batch", tmp_path / "nothing", expect=FAILED).stderr
    assert run("job", "batch", "-", stdin="").stdout == "0 submitted\n"


def test_lists_are_filtered_and_continued(run, ask):
    for number in range(3):
        ask(*ECHO, "--queue", "listed", "--tag", f"n={number}")
    assert len(ask("job", "list", "--queue", "listed")["data"]) == 3
    assert len(ask("job", "list", "--tag", "n=1", "--kind", "echo")["data"]) == 1
    page = ask("job", "list", "--queue", "listed", "--limit", "2")
    rest = ask("job", "list", "--queue", "listed", "--limit", "2", "--cursor", page["meta"]["next_cursor"])
    assert len(page["data"]) == 2 and len(rest["data"]) == 1 and not rest["meta"]["next_cursor"]
    assert (
        "more: --cursor " + page["meta"]["next_cursor"]
        in run("job", "list", "--queue", "listed", "--limit", "2").stderr
    )
    out = run("job", "list", "--created-before", "2020-01-01T00:00:00Z")
    assert not out.stdout and out.stderr == "no jobs\n"


def test_a_running_job_shows_its_progress_wherever_it_is_looked_at(run, ask, daemon):
    made = ask("job", "submit", "--kind", "sleep", "--payload", '{"seconds":60}', "--queue", "progress")["id"]
    daemon.admin().wait(made, "running")
    until(lambda: ask("job", "show", made)["progress_percent"])
    assert ask("job", "list", "--queue", "progress")["data"][0]["progress_percent"] > 0
    assert "%" in run("job", "list", "--queue", "progress").stdout
    out = run("job", "result", made, expect=FAILED)
    assert "has no result yet: it is running, " in out.stderr and f"millrace job wait {made}" in out.stderr
    run("job", "cancel", made)
    assert ask("job", "show", made)["state"] == "cancelled"


def test_waiting_outlasts_a_restart_of_the_daemon(new_daemon):
    daemon = new_daemon()
    made = json.loads(daemon.cli("job", "submit", "--kind", "sleep", "--payload", '{"seconds":2}', "--json").stdout)[
        "id"
    ]
    flow = json.loads(
        daemon.cli(
            "flow",
            "submit",
            "-",
            "--json",
            stdin='{"chain":[{"kind":"sleep","payload":{"seconds":2}},{"kind":"echo"}]}',
        ).stdout
    )["id"]
    waiting = [
        subprocess.Popen(
            [str(binary()), *command, "--data", str(daemon.data)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in (("job", "wait", made), ("flow", "wait", flow))
    ]
    until(lambda: daemon.admin().job(made)["state"] == "running")
    daemon.stop()
    daemon.start()
    outcomes = [each.communicate(timeout=60) for each in waiting]
    assert [each.returncode for each in waiting] == [0, 0], outcomes
    assert json.loads(outcomes[0][0])["slept_seconds"] == 2 and "2 jobs, 2 succeeded" in outcomes[1][0]


def test_cancel_and_retry_say_when_they_cannot(run, ask):
    made = ask("job", "submit", "--kind", "sleep", "--payload", '{"seconds":0,"fail_times":1}', "--max-attempts", "1")[
        "id"
    ]
    run("job", "wait", made, expect=FAILED)
    assert "has already ended: it is dead" in run("job", "cancel", made, expect=FAILED).stderr
    run("job", "retry", made, "--payload", '{"seconds":0}')
    assert json.loads(run("job", "wait", made).stdout)["attempt"] == 2
    assert "only a dead, cancelled or expired job" in run("job", "retry", made, expect=FAILED).stderr
    for verb in ("show", "result", "wait", "cancel", "retry"):
        assert "there is no job" in run("job", verb, "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55", expect=FAILED).stderr
        assert run("job", verb, expect=USAGE).stderr.endswith(f"see: millrace job {verb} --help\n")


def test_output_that_nobody_reads_is_no_crash(daemon):
    for number in range(3):
        daemon.cli(*ECHO)
    listing = subprocess.Popen(
        [str(binary()), "job", "list", "--json", "--data", str(daemon.data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    listing.stdout.close()
    assert listing.wait(20) in (FAILED, -13)
    listing.stderr.close()


def test_the_beginning_of_an_id_will_do(ask, daemon):
    made = ask(*ECHO)["id"]
    until(lambda: ask("job", "show", made)["state"] == "succeeded")
    begins = made[:23]
    assert ask("job", "show", begins)["id"] == made
    assert ask("job", "show", begins.upper())["id"] == made
    child = ask(*ECHO, "--depends-on", f"{begins}=ignore")["id"]
    assert ask("job", "show", child)["depends_on"] == [{"job": made, "on_failure": "ignore"}]
    several = daemon.cli("job", "show", made[:4])
    assert several.returncode == FAILED and made in several.stderr and child in several.stderr, several
    none = daemon.cli("job", "cancel", "ffffffff")
    assert none.returncode == FAILED and "no job whose id begins with ffffffff" in none.stderr, none


def test_tail_prints_each_change_to_the_end_and_tells_by_its_exit_code(ask, daemon):
    good = ask("job", "submit", "--kind", "sleep", "--payload", '{"seconds":1}')["id"]
    out = daemon.cli("job", "tail", good)
    assert out.returncode == 0 and "running, attempt 1" in out.stdout, out
    assert out.stdout.splitlines()[-1].endswith("succeeded"), out
    assert daemon.cli("job", "tail", good).stdout.splitlines()[-1].endswith("succeeded")  # when it has long ended
    retry = ("--max-attempts", "2", "--retry", "1")
    bad = ask("job", "submit", "--kind", "sleep", "--payload", '{"seconds":0.1,"fail_times":9}', *retry)["id"]
    out = daemon.cli("job", "tail", bad[:23], "--json")
    states = [json.loads(line).get("state") for line in out.stdout.splitlines()]
    assert out.returncode == FAILED and states[-1] == "dead" and "scheduled" in states, out
    assert daemon.cli("job", "tail", "00000000-0000-7000-8000-00000000dead").returncode == FAILED
