"""The lives of a daemon that is killed again and again."""
import pathlib
import re
import signal
import time

from support.daemon import on_postgres

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "src"
# Found in the sources, so that a new one is tested from its first day.
OTHER_STORE = SOURCE / "store" / ("sqlite" if on_postgres() else "postgres")


def points_of(files):
    return sorted({name for path in files for name in re.findall(r'crash_point\("([^"]+)"\)', path.read_text())})


ALL_POINTS = points_of(SOURCE.rglob("*.cpp"))
POINTS = points_of(path for path in SOURCE.rglob("*.cpp") if OTHER_STORE not in path.parents)
QUIET = {"MILLRACE_INFERENCE_ENABLED": "false"}
# A kill takes what was not flushed with it, as a power cut does.
POWER_CUT = {**QUIET, "MILLRACE_DISK_FAULT": "lose-unflushed"}


def live_until(daemon, oracle, workload, point, hit):
    """One life, in which the daemon dies at the hit-th pass of `point`."""
    daemon.start(ready=False, environment={"MILLRACE_CRASH_AT": f"{point}:{hit}"})
    if comes_up(daemon):
        client = daemon.admin().keep()
        end = time.monotonic() + workload.patience
        oracle.try_doubts(client)
        for _ in workload.work(client, oracle):
            if daemon.process.poll() is not None:
                break
            if time.monotonic() > end:
                daemon.process.send_signal(signal.SIGTERM)
                break
    code = daemon.wait_end()
    assert code == -signal.SIGKILL, f"{point}:{hit} was not reached; exit {code}:\n{daemon.log()}"


def comes_up(daemon):
    """False when it dies on the way."""
    try:
        daemon.wait_ready(interval=0.005)
        return True
    except (AssertionError, OSError):
        if daemon.process.poll() is None:
            raise
        return False
