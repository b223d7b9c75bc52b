"""kill -9, or a power cut, at random moments of everything at once: 200 times; MILLRACE_FAULT_KILLS=10000 for a night."""
import concurrent.futures
import random
import signal
import time

from crews import everybody
from database_check import check_database
from lives import POWER_CUT, QUIET
from operating import Purges
from oracle import Oracle
from scheduling import Schedules
from submitting import Releases

LIVES = 100  # of one daemon; then all promises are judged, and a new one begins
# One is killed, and the other loses with its life what was not flushed. Both at once, for a killed one keeps no core busy.
ENVIRONMENTS = [{**environment, "MILLRACE_JOBS_DRAIN_SECONDS": "0"} for environment in (QUIET, POWER_CUT)]


def live_and_die(daemon, crew, oracle, dice):
    """One life; some end before they have begun."""
    if dice.random() < 0.1:
        crew.between(daemon)
        daemon.start(ready=False)
        time.sleep(dice.random() * 0.06)
        daemon.kill()
        return
    daemon.start(ready=False)
    daemon.wait_ready(interval=0.005)
    oracle.resolve_doubts(daemon.admin())
    crew.start(daemon, oracle)
    time.sleep(dice.random() ** 2 * 0.3)
    end(daemon, dice)
    crew.stop()


def end(daemon, dice):
    """Most are killed as they work, some as they clear up, and a few end in peace."""
    chance = dice.random()
    if chance < 0.8:
        return daemon.kill()
    if chance < 0.85:
        return daemon.stop()
    daemon.process.send_signal(signal.SIGTERM)
    time.sleep(dice.random() * 0.03)
    daemon.process.kill()
    assert daemon.wait_end() in (0, -signal.SIGKILL), daemon.log()


def live(daemon, journal, lives, dice):
    """How many promises were kept."""
    crew = everybody(Releases(), Purges(), Schedules(most=lives // 10))
    with Oracle(journal) as oracle:
        crew.prepare(daemon, daemon.admin(), oracle)
        daemon.kill()
        for _ in range(lives):
            live_and_die(daemon, crew, oracle, dice)
        daemon.start()
        client = daemon.admin().keep()
        oracle.resolve_doubts(client)
        crew.finish(client, oracle)
        oracle.judge(daemon, seconds=120)
    daemon.stop()
    check_database(daemon)
    return len(oracle.promises)


def test_kills_at_random_moments_lose_nothing_double_nothing_and_leave_no_halves(new_daemon, tmp_path, kills, dice):
    for begin in range(0, kills, LIVES * len(ENVIRONMENTS)):
        lives = min(LIVES, -(-(kills - begin) // len(ENVIRONMENTS)))
        with concurrent.futures.ThreadPoolExecutor() as pool:
            stories = [
                pool.submit(
                    live,
                    new_daemon(environment=environment),
                    tmp_path / f"journal-{begin}-{number}",
                    lives,
                    random.Random(dice.random()),
                )
                for number, environment in enumerate(ENVIRONMENTS)
            ]
        print(f"{begin + lives * len(ENVIRONMENTS)} kills, promises kept: {[story.result() for story in stories]}")
