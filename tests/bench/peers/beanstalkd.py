"""beanstalkd with its log flushed at every write."""
import json
import shutil
import subprocess

from support.daemon import free_port

from .server import running_server

NAME = "beanstalkd -f0"
NEEDS = "apt install beanstalkd; ninja bench_peer_beanstalkd"


def load_program(build):
    return build / "tests/bench/bench_peer_beanstalkd"


def there(build):
    return shutil.which("beanstalkd") is not None and load_program(build).exists()


def measure(build, folder, seconds):
    figures = {}
    for connections, suffix in ((1, "_1"), (64, "")):
        data, port = folder / f"beanstalkd{connections}", free_port()
        data.mkdir()
        with running_server(["beanstalkd", "-l", "127.0.0.1", "-p", str(port), "-b", str(data), "-f0"], port):
            out = subprocess.run(
                [str(load_program(build)), str(port), str(connections), str(seconds)],
                capture_output=True,
                text=True,
                check=True,
            )
        figures.update({name + suffix: figure for name, figure in json.loads(out.stdout).items()})
    return figures
