"""Jobs of kind exec: real programs, under a real daemon whose configuration lists them. docs/processors.md has the contract."""
import hashlib
import json
import os
import pathlib
import signal

import pytest
from support.client import assert_problem
from support.daemon import ROOT
from support.waiting import until

PYTHON = "/usr/bin/python3"
EXAMPLE = ROOT / "docs/examples/checksums.py"
HOSTILE = "$(id) `id`; rm -rf / | cat > /dev/null && \"'\\ * ~ {a,b} %s"
GRACE = 2  # seconds

# name → (shell script or argument vector, further settings)
COMMANDS = {
    "checksums": ([PYTHON, str(EXAMPLE)], ""),
    "arguments": ([PYTHON, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))", HOSTILE, "--", "$HOME"], ""),
    "cat": (["/bin/cat"], ""),
    "environment": (["/usr/bin/env", "-0"], 'environment = ["TOKEN=a=b", "LANG=de_DE.UTF-8"]\n'),
    "place": ("pwd -P; ls -A | wc -l; echo x > left; umask", ""),
    "steps": (
        "echo progress 10; until [ -e $GO ]; do sleep 0.02; done; echo '{\"progress_percent\":80}'; until [ -e $GO.2 ]; do sleep 0.02; done; echo '[1]'",
        "",
    ),
    "slow": ("echo waiting >&2; exec sleep 4721.01", "timeout_seconds = 1\n"),
    "patient": ("exec sleep 4721.02", ""),
    "polite": ("trap 'echo bye > $SIGN; exit 0' TERM; sleep 4721.03 & wait", ""),
    "deaf": ("trap '' TERM; while :; do sleep 4721.04; done", ""),
    "greedy": ([PYTHON, "-c", "x = bytearray(1 << 30)"], 'memory_bytes = "256 MiB"\n'),
    "chatty": (
        "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done",
        "max_output_bytes = 10000\n",
    ),
    "usage": ("exit 64", ""),
    "data": ("echo 'no such width' >&2; exit 65", ""),
    "busy": ("[ $MILLRACE_ATTEMPT = 1 ] && exit 75; echo $MILLRACE_ATTEMPT", ""),
    "broken": ("echo 'assertion failed' >&2; exit 3", ""),
    "killed": ("kill -SEGV $$", ""),
    "absent": (["/nonexistent/program"], ""),
    "parent": (
        "sleep 4721.05 & setsid sleep 4721.05 & (trap '' HUP TERM; exec setsid sleep 4721.05) >/dev/null 2>&1 & "
        "until [ $(pgrep -fc '^sleep 4721.05') -ge 3 ]; do sleep 0.02; done; echo 7",
        "",
    ),
    "one": ("echo in >> $LOG; sleep 0.2; echo out >> $LOG; echo 1", "concurrency = 1\n"),
    "family": ("trap '' TERM; (setsid sleep 4721.06 &) ; sleep 4721.06; true", ""),
}


def configuration(path, variables):
    text = f"[exec]\ngrace_seconds = {GRACE}\n"
    for name, (command, settings) in COMMANDS.items():
        vector = command if isinstance(command, list) else ["/bin/sh", "-c", command]
        if "environment" not in settings:
            settings += f"environment = {json.dumps([f'{key}={value}' for key, value in variables.items()])}\n"
        text += f"\n[exec.{name}]\ncommand = {json.dumps(vector)}\n{settings}"
    path.write_text(text)
    return path


@pytest.fixture
def signs(tmp_path):
    """Files by which the programs and the tests tell each other something."""
    return {"GO": tmp_path / "go", "SIGN": tmp_path / "sign", "LOG": tmp_path / "log"}


@pytest.fixture
def daemon(new_daemon, tmp_path, signs):
    # A breaker is not what is tested here, and some of these fail often.
    running = new_daemon(arguments=["--config", str(configuration(tmp_path / "millrace.toml", signs))])
    running.admin().put(
        "/api/v1/queues/default", json.dumps({"breaker": False}), headers={"Content-Type": "application/json"}
    )
    yield running
    running.stop()
    left = processes("sleep 4721.")
    for pid in left:
        os.kill(pid, signal.SIGKILL)  # so that the next test is not blamed for them
    assert not left, "processes of a command were left"
    assert not list((running.data / "exec").glob("*")), "a folder of a command was left"


@pytest.fixture
def client(daemon):
    return daemon.admin()


def submit(client, command, given=None, **options):
    return client.submit("exec", {"command": command, "input": given}, **options)


def run(client, command, given=None, **options):
    return client.wait(submit(client, command, given, **options))


def processes(text):
    """Those whose arguments contain the text."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in path.read_bytes().replace(b"\0", b" "):
                found.append(int(path.parent.name))
        except OSError:
            pass  # it has just ended
    return found


# What a program gets and gives


def test_the_example_of_the_documentation_works(client, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.txt").write_text("x" * number)
    job = run(client, "checksums", {"folder": str(folder)})
    assert job["state"] == "succeeded" and job["attempt"] == 1
    assert job["result"] == {
        "folder": str(folder),
        "digests": {f"{n}.txt": hashlib.sha256(b"x" * n).hexdigest() for n in range(4)},
    }
    refused = run(client, "checksums", {"file": "x"})
    assert (
        refused["state"] == "dead"
        and refused["attempt"] == 1
        and refused["error"]["message"].endswith('the input is {"folder":"/path"}')
    )
    absent = run(
        client, "checksums", {"folder": "/nowhere"}, max_attempts=2, retry={"backoff": "fixed", "first_seconds": 0.01}
    )
    assert absent["attempt"] == 2 and absent["error"]["code"] == "temporary_failure"


def test_the_input_arrives_as_json_and_json_is_the_result(client):
    for value in (
        {"a": [1, 2.5, "ä\n"], "b": None},
        HOSTILE,
        "--help",
        12345678901234567890,
        [],
        None,
        "x" * 1_000_000,
    ):
        assert run(client, "cat", value)["result"] == value


def test_arguments_stay_what_they_are(client):
    assert run(client, "arguments", HOSTILE)["result"] == [HOSTILE, "--", "$HOME"]


def test_progress_is_seen_while_it_runs(client, signs):
    job = submit(client, "steps")
    progress = lambda: client.get(f"/api/v1/results/{job}").json.get("progress_percent")
    until(lambda: progress() == 10)
    assert client.job(job)["progress_percent"] == 10
    signs["GO"].touch()
    until(lambda: progress() == 80)
    pathlib.Path(f"{signs['GO']}.2").touch()
    assert client.wait(job)["result"] == [1]


def test_the_environment_is_what_the_documentation_says(client, daemon):
    job = run(client, "environment")
    seen = dict(line.split("=", 1) for line in job["result"]["stdout"].rstrip("\0").split("\0"))
    home = seen["HOME"]
    assert home.startswith(f"{daemon.data}/exec/")
    assert seen == {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "de_DE.UTF-8",
        "TOKEN": "a=b",
        "HOME": home,
        "TMPDIR": home,
        "MILLRACE_JOB_ID": job["id"],
        "MILLRACE_ATTEMPT": "1",
        "MILLRACE_IDEMPOTENCY_KEY": job["id"],
    }


def test_it_works_in_an_empty_folder_of_its_own(client, daemon):
    first, second = (run(client, "place")["result"]["stdout"].split() for _ in range(2))
    assert first[0] != second[0] and first[0].startswith(str(daemon.data / "exec")) and not os.path.exists(first[0])
    assert first[1:] == second[1:] == ["0", "0077"]


# What is refused


def test_what_is_not_listed_is_refused_at_submit_with_what_there_is(client):
    for payload, words in [
        ({"command": "rm"}, 'there is no command "rm"; configured are absent, arguments, '),
        ({"command": "/bin/sh"}, "there is no command"),
        ({"command": "cat; id"}, "there is no command"),
        ({"command": ["/bin/sh", "-c", "id"]}, "command"),
        ({"command": "cat", "arguments": ["/etc/passwd"]}, "arguments"),
        ({"command": "cat", "environment": {"LD_PRELOAD": "x"}}, "environment"),
        ({}, "command"),
        ("cat", "command"),
    ]:
        answer = client.post("/api/v1/jobs", {"kind": "exec", "payload": payload})
        assert words in assert_problem(answer, 422)["detail"], answer
    assert not client.get("/api/v1/jobs").json["data"]


def test_where_nothing_is_listed_the_refusal_says_how_to(new_daemon):
    answer = new_daemon().admin().post("/api/v1/jobs", {"kind": "exec", "payload": {"command": "cat"}})
    assert "no commands are configured here" in assert_problem(answer, 422)["detail"]


# How it ends


@pytest.mark.parametrize(
    "command, code, words",
    [
        ("usage", "bad_input", "usage ended with exit status 64"),
        ("data", "bad_input", "data ended with exit status 65: no such width"),
        ("chatty", "output_too_large", "chatty wrote more than its 10000 bytes"),
    ],
)
def test_what_is_the_fault_of_the_input_is_not_tried_again(client, command, code, words):
    job = run(client, command, max_attempts=5)
    assert (job["state"], job["attempt"], job["error"]) == ("dead", 1, {"code": code, "message": words})


@pytest.mark.parametrize(
    "command, code, words",
    [
        ("broken", "exit_3", "broken ended with exit status 3: assertion failed"),
        ("killed", "signal_11", "killed was killed by signal 11 (SEGV)"),
        ("greedy", "exit_1", "MemoryError"),
        ("absent", "not_started", "/nonexistent/program cannot be started: No such file or directory"),
        ("slow", "timed_out", "slow ran longer than its 1 s: waiting"),
    ],
)
def test_every_other_failure_is_tried_again(client, command, code, words):
    job = run(client, command, max_attempts=2, retry={"backoff": "fixed", "first_seconds": 0.01})
    assert job["state"] == "dead" and [each["outcome"] for each in job["attempts"]] == ["failed", "failed"]
    assert job["error"]["code"] == code and job["error"]["message"].endswith(words)
    assert not processes("4721.01")


def test_exit_status_75_asks_for_another_attempt(client):
    job = run(client, "busy", retry={"backoff": "fixed", "first_seconds": 0.01})
    assert (
        job["state"] == "succeeded"
        and job["result"] == 2
        and job["attempts"][0]["error"]["code"] == "temporary_failure"
    )


def test_the_jobs_own_time_ends_it_too(client):
    job = run(client, "patient", timeout_seconds=0.5, max_attempts=1)
    assert job["state"] == "dead" and job["error"]["code"] == "timed_out"
    until(lambda: not processes("4721.02"))


def test_a_cancelled_program_is_asked_to_end_and_may_tidy_up(client, signs):
    job = submit(client, "polite")
    until(lambda: len(processes("4721.03")) >= 2)
    assert client.post(f"/api/v1/jobs/{job}/cancel").json["state"] == "cancelled"
    until(lambda: not processes("4721.03"))
    assert signs["SIGN"].read_text() == "bye\n"
    assert client.job(job)["state"] == "cancelled" and client.job(job)["result"] is None


def test_one_that_is_deaf_is_killed_after_the_grace(client):
    job = submit(client, "deaf")
    until(lambda: len(processes("4721.04")) >= 2)
    assert client.post(f"/api/v1/jobs/{job}/cancel").json["state"] == "cancelled"
    until(lambda: not processes("4721.04"))
    assert client.job(job)["state"] == "cancelled"


def test_what_it_leaves_behind_is_killed(client):
    job = run(client, "parent")
    assert job["result"] == 7 and not processes("sleep 4721.05")


def test_of_one_command_as_many_run_at_once_as_it_may(client, signs):
    jobs = [submit(client, "one") for _ in range(4)]
    assert {client.wait(job)["state"] for job in jobs} == {"succeeded"}
    assert signs["LOG"].read_text().split() == ["in", "out"] * 4


# What becomes of it with the daemon


def test_a_killed_daemon_leaves_no_process_and_the_job_runs_again(daemon, client):
    job = submit(client, "family")
    until(lambda: len(processes("4721.06")) >= 3)
    daemon.kill()
    until(lambda: not processes("4721.06"))
    daemon.start()
    until(lambda: len(processes("4721.06")) >= 3)
    assert client.job(job)["attempt"] == 2
    client.post(f"/api/v1/jobs/{job}/cancel")
    until(lambda: not processes("4721.06"))


def test_a_daemon_that_stops_ends_its_programs_and_puts_the_job_back(daemon, client):
    job = submit(client, "family")
    until(lambda: len(processes("4721.06")) >= 3)
    daemon.stop()
    assert not processes("4721.06")
    daemon.start()
    until(lambda: client.job(job)["state"] == "running")
    client.post(f"/api/v1/jobs/{job}/cancel")
    until(lambda: not processes("4721.06"))


def test_the_guard_does_not_fall_to_the_signals_of_a_terminal_or_a_service(client):
    job = submit(client, "patient")
    until(lambda: len(processes("4721.02")) >= 2)
    guard = next(pid for pid in processes("exec-guard") if pid in processes("4721.02"))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(guard, number)
    assert client.job(job)["state"] == "running" and guard in processes("4721.02")
    client.post(f"/api/v1/jobs/{job}/cancel")
    until(lambda: not processes("4721.02"))
