"""The command line in a terminal: bars, the live view, and that the terminal is left as it was."""
import json
import os
import re
import signal

import pytest
from support.daemon import binary
from support.terminal import Terminal
from support.waiting import until

ENTER, LEAVE = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"


@pytest.fixture
def terminal():
    opened = []

    def start(daemon, *arguments, **options):
        opened.append(Terminal([binary(), *arguments, "--data", daemon.data], **options))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def submit(daemon, seconds):
    return json.loads(
        daemon.cli("job", "submit", "--kind", "sleep", "--payload", json.dumps({"seconds": seconds}), "--json").stdout
    )["id"]


def screens(output):
    """What was drawn, a screen each, as lines."""
    return [
        [line.split(b"\x1b[K")[0].decode() for line in screen.split(b"\r\n")] for screen in output.split(b"\x1b[H")[1:]
    ]


def left_well(view):
    return view.restored() and view.output.endswith(LEAVE) and view.output.count(ENTER) == view.output.count(LEAVE)


def test_waiting_shows_a_bar_and_leaves_only_the_result(daemon, terminal):
    view = terminal(daemon, "job", "wait", submit(daemon, 1.5))
    view.until(lambda out: "█".encode() in out and b"left" in out)
    assert view.wait() == 0
    bar, result = view.output.rsplit(b"\r", view.output.count(b"\r\n") + 1)[0], json.loads(
        view.output[view.output.rindex(b"\r{") :]
    )
    assert b"waiting" in bar and b"%" in bar
    assert result == {"slept_seconds": 1.5, "attempt": 1}


def test_without_a_terminal_waiting_is_silent(daemon):
    out = daemon.cli("job", "wait", submit(daemon, 0.3))
    assert out.returncode == 0 and not out.stderr and json.loads(out.stdout)["attempt"] == 1


def test_submitting_and_waiting_in_one_shows_the_bar_too(daemon, terminal):
    view = terminal(daemon, "job", "submit", "--kind", "sleep", "--payload", '{"seconds":2}', "--wait")
    view.until(lambda out: b"waiting" in out and b"%" in out)
    assert view.wait() == 0 and b'"slept_seconds": 2' in view.output


def test_a_flow_that_is_waited_for_has_a_bar_of_its_own(daemon, terminal, tmp_path):
    document = tmp_path / "flow.json"
    document.write_text(json.dumps({"chain": [{"kind": "echo"}, {"kind": "sleep", "payload": {"seconds": 1}}]}))
    view = terminal(daemon, "flow", "submit", document, "--wait")
    view.until(lambda out: b"2 jobs, 1 succeeded, 0 failed, 1 open" in out)
    assert view.wait() == 0 and "✓ 2  sleep  succeeded".encode() in view.output


def test_ctrl_c_ends_a_wait_and_the_job_goes_on(daemon, terminal):
    job = submit(daemon, 600)
    view = terminal(daemon, "job", "wait", job)
    view.until(lambda out: b"waiting" in out)
    view.type(b"\x03")
    assert view.wait() == -signal.SIGINT and view.restored()
    assert f"millrace job wait {job}".encode() in view.output, view.output
    assert json.loads(daemon.cli("job", "show", job, "--json").stdout)["state"] == "running"
    daemon.cli("job", "cancel", job)


@pytest.mark.parametrize("keys", [b"q", b"\x03"], ids=["q", "ctrl-c"])
def test_top_lives_until_it_is_ended_and_restores_the_terminal(daemon, terminal, keys):
    job = submit(daemon, 600)
    view = terminal(daemon, "top", rows=20, columns=100)
    view.until(lambda out: len(screens(out)) >= 3)
    assert view.output.startswith(ENTER) and not view.restored()
    drawn = screens(view.output)[1]
    assert (
        drawn[0].startswith("millrace ")
        and any(line.startswith("RUNNING JOB") for line in drawn)
        and any(job in line for line in drawn)
    )
    view.type(keys)
    assert view.wait() == 0 and left_well(view)
    daemon.cli("job", "cancel", job)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_ends_top_restores_the_terminal(daemon, terminal, number):
    view = terminal(daemon, "top")
    view.until(lambda out: len(screens(out)) >= 1)
    os.kill(view.process.pid, number)
    view.wait()
    assert left_well(view)


def test_top_follows_the_size_of_the_terminal(daemon, terminal):
    view = terminal(daemon, "top", rows=24, columns=100)
    view.until(lambda out: len(screens(out)) >= 1)
    seen = len(view.output)
    view.resize(5, 30)
    os.kill(view.process.pid, signal.SIGWINCH)
    view.until(lambda out: len(screens(out[seen:])) >= 2)
    small = screens(view.output[seen:])[-1]
    assert len(small) <= 5 and all(len(line) <= 30 for line in small)
    view.type(b"q")
    assert view.wait() == 0 and left_well(view)


def test_ctrl_z_gives_the_terminal_back_and_top_comes_back_to_it(daemon, terminal):
    view = terminal(daemon, "top")
    view.until(lambda out: len(screens(out)) >= 1)
    view.type(b"\x1a")
    view.until(lambda out: out.endswith(LEAVE))
    state = f"/proc/{view.process.pid}/stat"
    until(lambda: open(state).read().rsplit(")", 1)[1].split()[0] == "T")
    assert view.restored()
    os.kill(view.process.pid, signal.SIGCONT)
    view.until(lambda out: out.count(ENTER) == 2 and screens(out))
    view.type(b"q")
    assert view.wait() == 0 and left_well(view)


def test_top_waits_for_a_daemon_that_is_started_again(new_daemon, terminal):
    daemon = new_daemon()
    view = terminal(daemon, "top")
    view.until(lambda out: len(screens(out)) >= 1)
    daemon.stop()
    view.until(lambda out: b"! cannot reach the daemon" in out)
    daemon.start()
    seen = len(view.output)
    view.until(lambda out: any("! " not in screen[1] for screen in screens(out[seen:])[1:]))
    view.type(b"q")
    assert view.wait() == 0 and left_well(view)


def test_top_ends_when_the_daemon_stays_away(new_daemon, terminal):
    daemon = new_daemon()
    view = terminal(daemon, "top")
    view.until(lambda out: len(screens(out)) >= 1)
    daemon.stop()
    assert view.wait(60) == 3 and view.restored()
    shown = view.output[view.output.rindex(LEAVE) + len(LEAVE) :]
    assert shown.startswith(b"error: cannot reach the daemon")


def test_top_without_a_daemon_says_so_and_takes_no_screen(tmp_path, terminal, new_daemon):
    view = terminal(new_daemon(start=False), "top")
    assert view.wait() == 3 and ENTER not in view.output and b"cannot reach the daemon" in view.output


def test_tables_are_cut_to_the_terminal_and_whole_without_one(daemon, terminal):
    name = "a-queue-with-a-rather-long-name-that-nobody-would-type-twice"
    daemon.cli("job", "submit", "--kind", "echo", "--queue", name, "--wait")
    view = terminal(daemon, "queue", "list", columns=60)
    assert view.wait() == 0
    shown = re.sub(r"\x1b\[\d*m", "", view.output.decode())
    assert all(len(line) <= 60 for line in shown.splitlines()) and "…" in shown
    assert name in daemon.cli("queue", "list").stdout


def test_top_without_a_terminal_prints_one_plain_snapshot(daemon):
    out = daemon.cli("top")
    assert out.returncode == 0 and out.stdout.startswith("millrace ") and "\x1b" not in out.stdout
    whole = json.loads(daemon.cli("top", "--json").stdout)
    assert set(whole) == {"status", "queues", "running"}


def test_purging_asks_a_person(daemon, terminal):
    daemon.cli(
        "job",
        "submit",
        "--kind",
        "sleep",
        "--payload",
        '{"seconds":0,"fail_times":9}',
        "--max-attempts",
        "1",
        "--queue",
        "asked",
        "--wait",
    )
    view = terminal(daemon, "dlq", "purge", "--queue", "asked")
    view.until(lambda out: b"Delete 1 dead letter for good? [y/N]" in out)
    view.type(b"n\n")
    assert view.wait() == 1 and b"nothing was deleted" in view.output
    view = terminal(daemon, "dlq", "purge", "--queue", "asked")
    view.until(lambda out: b"[y/N]" in out)
    view.type(b"y\n")
    assert view.wait() == 0 and b"1 dead letter deleted" in view.output
