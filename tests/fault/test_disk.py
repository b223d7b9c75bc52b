"""A disk that is full, and one that fails to flush: nothing is acknowledged that is not kept, and the answer says what to do."""
import time

import pytest
from crews import everybody
from database_check import check_database
from lives import QUIET, comes_up
from oracle import Oracle
from submitting import Releases
from support.daemon import on_postgres
from workload import asked, echo, sleep

if on_postgres():
    pytest.skip("it is about the disk under SQLite", allow_module_level=True)


def wait_for_word(daemon, word):
    end = time.monotonic() + 30
    while word not in daemon.log():
        assert time.monotonic() < end, daemon.log()
        time.sleep(0.02)


def problem_of(answer, status):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.json


def test_a_full_disk_refuses_what_is_written_answers_what_is_read_and_goes_on_when_there_is_space(new_daemon, tmp_path):
    sign = tmp_path / "full"
    daemon = new_daemon(environment={**QUIET, "MILLRACE_DISK_FAULT": f"lose-unflushed,full-file:{sign}"})
    client = daemon.admin()
    with Oracle(tmp_path / "journal") as oracle:
        before = echo()
        done = oracle.submit(client, before, results=[before["payload"]])
        client.wait(done)
        running = oracle.submit_batch(client, [sleep(1) for _ in range(20)])  # these end while there is no space for it
        batch = [echo() for _ in range(10)]
        client.wait(running[-1], "running")
        sign.touch()
        problem = problem_of(client.post("/api/v1/jobs", echo()), 507)
        assert "free" in problem["detail"] and problem["type"] == "/problems/storage-full"
        for _ in range(20):
            assert oracle.submit(client, echo()) is None
        assert oracle.submit_batch(client, batch) is None
        problem_of(client.post(f"/api/v1/jobs/{running[0]}/cancel", {}), 507)
        assert client.job(done)["result"] == before["payload"]
        assert (
            client.get("/api/v1/jobs").status == 200
            and client.get(f"/api/v1/results/{done}").json["status"] == "complete"
        )
        wait_for_word(daemon, "could not be recorded")
        assert {client.job(identity)["state"] for identity in running} == {"running"}
        assert daemon.process.poll() is None

        sign.unlink()
        assert oracle.submit(client, echo()), "writes go on without a restart"
        for identity in running:
            assert client.wait(identity)["attempt"] == 1
        oracle.resolve_doubts(client)
        oracle.judge(daemon)
    daemon.stop()
    check_database(daemon)


def test_a_disk_that_fills_up_takes_jobs_to_the_last_byte_and_a_restart_with_space_finds_them_all(new_daemon, tmp_path):
    daemon = new_daemon(environment=QUIET)
    daemon.admin()
    daemon.stop()
    daemon.start(environment={"MILLRACE_DISK_FAULT": "lose-unflushed,full-after:2000000"})
    client = daemon.admin().keep()
    with Oracle(tmp_path / "journal") as oracle:
        # The log is overwritten in place until it needs more than it has; from then on nothing more is taken.
        bulky = {"filler": "x" * 400_000}
        while oracle.submit_batch(client, [{"kind": "echo", "payload": bulky} for _ in range(8)]):
            assert len(oracle.promises) < 1000, "the disk never fills"
        problem_of(
            client.post("/api/v1/jobs/batch", {"jobs": [{"kind": "echo", "payload": bulky} for _ in range(8)]}), 507
        )
        assert client.get("/ready").status == 200
        daemon.kill()
        daemon.start()
        oracle.resolve_doubts(daemon.admin())
        oracle.judge(daemon)
    daemon.stop()
    check_database(daemon)


def test_a_disk_that_is_full_now_and_then_loses_and_doubles_nothing_of_everything_at_once(new_daemon, tmp_path, dice):
    sign = tmp_path / "full"
    daemon = new_daemon(environment={**QUIET, "MILLRACE_DISK_FAULT": f"full-file:{sign}"})
    crew = everybody(Releases())
    with Oracle(tmp_path / "journal") as oracle:
        client = daemon.admin().keep()
        crew.prepare(daemon, client, oracle)
        crew.start(daemon, oracle)
        for _ in range(20):
            time.sleep(dice.random() * 0.08)
            sign.touch()
            time.sleep(dice.random() * 0.08)
            sign.unlink()
        crew.stop()
        assert oracle.refusal.status in (503, 507), "the disk was never full"
        oracle.resolve_doubts(client)
        crew.finish(client, oracle)
        oracle.judge(daemon)
    daemon.stop()
    check_database(daemon)


@pytest.mark.parametrize("flush", [1, 2, 5, 20])
def test_a_failed_flush_acknowledges_nobody_and_ends_the_daemon_and_the_next_one_has_all_that_was_promised(
    new_daemon, tmp_path, flush
):
    daemon = new_daemon(environment=QUIET)
    daemon.admin()
    with Oracle(tmp_path / "journal") as oracle:
        oracle.submit(daemon.admin(), echo())
        daemon.stop()
        daemon.start(ready=False, environment={"MILLRACE_DISK_FAULT": f"lose-unflushed,fsync-fails:{flush}"})
        if comes_up(daemon):
            client = daemon.admin().keep()
            for _ in range(1000):
                if oracle.submit(client, echo()) is None:
                    break
            refused = asked(client.post, "/api/v1/jobs", echo())
            if refused is not None:
                problem_of(refused, 503)
        assert daemon.wait_end() == 1, daemon.log()
        daemon.start()
        client = daemon.admin()
        oracle.resolve_doubts(client)
        assert oracle.submit(client, echo())
        oracle.judge(daemon)
    daemon.stop()
    check_database(daemon)


def test_while_flushes_fail_a_restart_fails_too_and_changes_nothing(new_daemon, tmp_path):
    sign = tmp_path / "broken"
    daemon = new_daemon(environment={**QUIET, "MILLRACE_DISK_FAULT": f"lose-unflushed,fsync-file:{sign}"})
    client = daemon.admin()
    with Oracle(tmp_path / "journal") as oracle:
        for _ in range(50):
            oracle.submit(client, echo())
        sign.touch()
        assert oracle.submit(client, echo()) is None
        assert daemon.wait_end() == 1, daemon.log()
        for _ in range(3):
            daemon.start(ready=False)
            assert daemon.wait_end() == 1, daemon.log()
        sign.unlink()
        daemon.start()
        oracle.resolve_doubts(client)
        oracle.judge(daemon)
    daemon.stop()
    check_database(daemon)


def test_an_order_for_a_fault_that_nobody_knows_is_refused_in_words(new_daemon):
    daemon = new_daemon(start=False, environment={"MILLRACE_DISK_FAULT": "flood"})
    daemon.start(ready=False)
    assert daemon.wait_end() == 1
    assert "full-after:BYTES" in daemon.log()


def test_flushes_that_fail_in_the_middle_of_everything_end_the_daemon_and_lose_and_double_nothing(
    new_daemon, tmp_path, dice
):
    sign = tmp_path / "broken"
    daemon = new_daemon(
        environment={
            **QUIET,
            "MILLRACE_JOBS_DRAIN_SECONDS": "0",
            "MILLRACE_DISK_FAULT": f"lose-unflushed,fsync-file:{sign}",
        }
    )
    crew = everybody(Releases())
    with Oracle(tmp_path / "journal") as oracle:
        crew.prepare(daemon, daemon.admin(), oracle)
        for _ in range(6):
            oracle.resolve_doubts(daemon.admin())
            crew.start(daemon, oracle)
            time.sleep(dice.random() * 0.2)
            sign.touch()
            assert daemon.wait_end() == 1, daemon.log()
            crew.stop()
            sign.unlink()
            daemon.start()
        client = daemon.admin().keep()
        oracle.resolve_doubts(client)
        crew.finish(client, oracle)
        oracle.judge(daemon)
    daemon.stop()
    check_database(daemon)
