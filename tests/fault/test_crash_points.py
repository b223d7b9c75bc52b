"""The daemon dies at every place where a power cut would hurt most, and comes back with all that it promised."""
import pytest
from database_check import check_database
from lives import POINTS, POWER_CUT, live_until
from oracle import Oracle
from workloads import workload_of

# Passed at most once in a life, at its beginning: killed there three lives in a row.
ONCE_A_LIFE = ("recovery.",)
# Where the recovery from a crash is killed in its turn: before it, half-way and after it.
DURING_RECOVERY = ("recovery.before_requeue", "store.before_commit", "recovery.after_requeue")


def test_there_is_a_crash_point_on_every_step_between_two_durable_things():
    steps = {point.split(".")[0] for point in POINTS}
    assert steps >= {"store", "blobs", "submit", "batch", "claim", "heartbeat", "end", "retry", "dead", "release", "schedule", "cancel", "replay",
                     "expire", "lease", "complete", "recovery", "retention"}
    assert len(POINTS) >= 25


@pytest.mark.parametrize("point", [point for point in POINTS if not point.startswith("blobs.")])
def test_a_crash_there_loses_nothing_that_was_promised(new_daemon, tmp_path, point):
    workload = workload_of(point)
    daemon = new_daemon(environment={**POWER_CUT, **workload.environment})
    with Oracle(tmp_path / "journal") as oracle:
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
    check_database(daemon.data)
