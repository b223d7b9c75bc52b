"""Time from start to readiness, resident memory of the idle daemon without its worker, and a command's time."""
import subprocess
import time

from support.daemon import Daemon, binary

from .load import resident_bytes
from .table import Row


def measure(bench):
    times = []
    for _ in range(5):
        daemon = Daemon(bench.folder / "idle")
        begin = time.monotonic()
        daemon.start(ready=False)
        while not answers_ready(daemon):
            time.sleep(0.001)
        times.append((time.monotonic() - begin) * 1000)
        time.sleep(2)
        memory = resident_bytes(daemon.process.pid)
        daemon.stop()
    commands = []
    for _ in range(21):
        begin = time.monotonic()
        subprocess.run([str(binary()), "version"], stdout=subprocess.DEVNULL, check=True)
        commands.append((time.monotonic() - begin) * 1000)
    bench.rows += [
        Row("a command (version), median of 21", sorted(commands)[10], "ms", "20"),
        Row("start to ready, median of 5", sorted(times)[2], "ms", "300"),
        Row("start to ready, empty folder", times[0], "ms"),
        Row("resident memory, idle, without the worker", memory / 1e6, "MB", "40"),
    ]


def answers_ready(daemon):
    try:
        return daemon.client().get("/ready").status == 200
    except OSError:
        return False
