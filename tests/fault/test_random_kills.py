"""kill -9, or a power cut, at random moments of everything at once. `--kills 10000` for a night."""
import time

from crew import Crew
from database_check import check_database
from lives import POWER_CUT
from oracle import Oracle
from workloads import Batches, Cancels, DeadLetters, Expiries, Flows, Leases, Purges, Releases, Replays, Retries, Submits

KILLS_OF_ONE_DAEMON = 100  # then all promises are judged, and a new one begins
QUIET = {"MILLRACE_INFERENCE_ENABLED": "false"}


def live_and_die(daemon, crew, oracle, dice):
    """One life; some end before they have begun."""
    if dice.random() < 0.1:
        daemon.start(ready=False)
        time.sleep(dice.random() * 0.06)
        daemon.kill()
        return
    daemon.start(ready=False)
    daemon.wait_ready(interval=0.005)
    oracle.resolve_doubts(daemon.admin())
    crew.start(daemon, oracle)
    time.sleep(dice.random() ** 2 * 0.3)
    daemon.kill()
    crew.stop()


def test_kills_at_random_moments_lose_nothing_double_nothing_and_leave_no_halves(new_daemon, tmp_path, kills, dice):
    for begin in range(0, kills, KILLS_OF_ONE_DAEMON):
        # Every second daemon loses with its life what was not flushed.
        daemon = new_daemon(environment=POWER_CUT if begin // KILLS_OF_ONE_DAEMON % 2 else QUIET)
        crew = Crew([Submits(), Submits(), Batches(), Retries(), DeadLetters(), Releases(), Flows(), Cancels(), Expiries(), Leases(), Replays(), Purges()])
        with Oracle(tmp_path / f"journal{begin}") as oracle:
            crew.prepare(daemon, daemon.admin(), oracle)
            daemon.kill()
            for _ in range(min(KILLS_OF_ONE_DAEMON, kills - begin)):
                live_and_die(daemon, crew, oracle, dice)
            daemon.start()
            client = daemon.admin().keep()
            oracle.resolve_doubts(client)
            crew.finish(client, oracle)
            oracle.judge(daemon, seconds=120)
            print(f"{begin}: {len(oracle.promises)} promises kept")
        daemon.stop()
        check_database(daemon.data)
