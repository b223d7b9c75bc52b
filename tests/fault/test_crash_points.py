"""The daemon dies at every place where a power cut would hurt most, and comes back with all that it promised."""
import concurrent.futures
import signal

import pytest
from database_check import check_database
from lives import ALL_POINTS, POINTS, POWER_CUT, comes_up, live_until
from oracle import Oracle
from support.daemon import Daemon
from workload import echo
from workloads import WORKLOADS, workload_of

# Blobs and moves have tests of their own, and a database is made before there is work.
JOB_POINTS = [point for point in POINTS if not point.startswith(("blobs.", "migration.", "move."))]
AT_ONCE = 3
# Passed perhaps only once in a life, at its beginning (a log that was left at its full size does not grow): killed there three
# lives in a row.
ONCE_A_LIFE = ("recovery.", "store.after_growth")
# Where the recovery from a crash is killed in its turn: before it, half-way and after it.
DURING_RECOVERY = ("recovery.before_requeue", "store.before_commit", "recovery.after_requeue")


def test_there_is_a_crash_point_on_every_step_between_two_durable_things():
    steps = {point.split(".")[0] for point in POINTS}
    assert steps >= {
        "store",
        "blobs",
        "submit",
        "batch",
        "claim",
        "heartbeat",
        "end",
        "retry",
        "dead",
        "release",
        "schedule",
        "cancel",
        "replay",
        "expire",
        "lease",
        "complete",
        "recovery",
        "retention",
        "queue",
        "drain",
        "migration",
        "purge",
        "flow",
        "settle",
        "move",
    }
    assert len(POINTS) >= 25


def test_every_crash_point_has_a_workload_and_every_workload_a_crash_point():
    for point in JOB_POINTS:
        workload_of(point)
    assert [prefix for prefix in WORKLOADS if not any(point.startswith(prefix) for point in ALL_POINTS)] == []


def die_everywhere(folder, point):
    workload = workload_of(point)
    daemon = Daemon(folder / "data", environment={**POWER_CUT, **workload.environment}).start()
    try:
        die_at(point, workload, daemon, folder / "journal")
    finally:
        daemon.clean_up()


def die_at(point, workload, daemon, journal):
    with Oracle(journal) as oracle:
        workload.prepare(daemon, daemon.admin(), oracle)
        daemon.kill()
        for number in (1, 2, 3):
            workload.between(daemon)
            live_until(daemon, oracle, workload, point, 1 if point.startswith(ONCE_A_LIFE) else number)
        workload.between(daemon)
        for again in DURING_RECOVERY:
            live_until(daemon, oracle, workload, again, 1)

        daemon.start()
        client = daemon.admin()
        oracle.resolve_doubts(client)
        workload.finish(client, oracle)
        oracle.judge(daemon)
    daemon.stop()
    check_database(daemon)


@pytest.fixture(scope="module")
def stories(request, tmp_path_factory):
    """Of each point that is asked for, what came of it: a future. They mostly wait, so some go on at once."""
    points = [item.callspec.params["point"] for item in request.session.items if "stories" in item.fixturenames]
    pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
    yield {point: pool.submit(die_everywhere, tmp_path_factory.mktemp(point), point) for point in points}
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("point", JOB_POINTS)
def test_a_crash_there_loses_nothing_that_was_promised(stories, point):
    stories[point].result()


@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("migration.")])
@pytest.mark.parametrize("hit", [1, 2])
def test_a_crash_while_the_database_is_made_leaves_one_that_the_next_start_completes(new_daemon, tmp_path, point, hit):
    daemon = new_daemon(start=False, environment=POWER_CUT)
    for _ in range(2):
        daemon.start(ready=False, environment={"MILLRACE_CRASH_AT": f"{point}:{hit}"})
        if comes_up(daemon):  # what it had done before it died is done
            daemon.kill()
            break
        assert daemon.wait_end() == -signal.SIGKILL, daemon.log()
    daemon.start()
    with Oracle(tmp_path / "journal") as oracle:
        oracle.submit(daemon.admin(), echo())
        oracle.judge(daemon)
    daemon.stop()
    check_database(daemon)
