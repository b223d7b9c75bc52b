"""RQ on a Redis that flushes its log at every write, with RQ's quickest worker on each core."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

from support.daemon import free_port

from .server import running_server

NAME = "RQ + Redis"
NEEDS = "apt install redis-server python3-rq"
HERE = pathlib.Path(__file__).parent


def python():
    """A Python that has RQ: this one, or Debian's."""
    for each in (sys.executable, "/usr/bin/python3"):
        if (
            pathlib.Path(each).exists()
            and subprocess.run([each, "-c", "import rq"], capture_output=True).returncode == 0
        ):
            return each
    return None


def there(_):
    return shutil.which("redis-server") is not None and shutil.which("rq") is not None and python() is not None


def measure(_, folder, seconds):
    data, port = folder / "redis", free_port()
    data.mkdir()
    server = [
        "redis-server",
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--dir",
        str(data),
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--save",
        "",
    ]
    command = [python(), str(HERE / "rq_load.py"), str(port), str(seconds), str(len(os.sched_getaffinity(0)))]
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    with running_server(server, port):
        out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    figures = json.loads(out)
    figures["submit_1"] = figures.pop("submit")  # one client: more of them only share its processor
    return figures
