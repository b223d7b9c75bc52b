"""PostgreSQL with a SKIP LOCKED loop in C++: the floor that River, Oban and pg-boss stand on."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from support.daemon import free_port

from .server import running_server

NAME = "PostgreSQL SKIP LOCKED"
NEEDS = "apt install postgresql libpq-dev, configure again; ninja bench_peer_postgres"


def load_program(build):
    return build / "tests/bench/bench_peer_postgres"


def programs():
    """The newest folder with initdb and postgres."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def there(build):
    return programs() is not None and load_program(build).exists()


def as_postgres():
    """PostgreSQL does not run as root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def measure(build, folder, seconds):
    figures, port = {}, free_port()
    # Where its own user may go, on the same disk as the others.
    data = pathlib.Path(tempfile.mkdtemp(prefix="postgres-", dir=reachable(folder)))
    if os.geteuid() == 0:
        shutil.chown(data, "postgres", "postgres")
    try:
        subprocess.run(
            [str(programs() / "initdb"), "-D", str(data), "-A", "trust", "-U", "bench", "--no-sync"],
            cwd=data,
            check=True,
            capture_output=True,
            **as_postgres(),
        )
        server = [
            str(programs() / "postgres"),
            "-D",
            str(data),
            "-p",
            str(port),
            "-k",
            "",
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "synchronous_commit=on",
            "-c",
            "fsync=on",
            "-c",
            "max_connections=80",
            "-c",
            "shared_buffers=256MB",
        ]
        where = f"host=127.0.0.1 port={port} user=bench dbname=postgres"
        with running_server(server, port, cwd=data, **as_postgres()):
            for connections, claim, taken in (
                (1, 1, {"submit": "submit_1", "run": "run_1"}),
                (64, 1, {"submit": "submit", "batch": "batch", "run": "run"}),
                (4, 100, {"run": "run_by_100"}),
            ):
                out = subprocess.run(
                    [str(load_program(build)), where, str(connections), str(seconds), str(claim)],
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                )
                figures.update(
                    {taken[name]: figure for name, figure in json.loads(out.stdout).items() if name in taken}
                )
    finally:
        shutil.rmtree(data, ignore_errors=True)
    return figures


def reachable(folder):
    """`folder` if everybody may enter it and all above it, else the folder for temporary files."""
    open_to_all = all(parent.stat().st_mode & 0o001 for parent in [folder, *folder.parents])
    return folder if open_to_all else pathlib.Path(tempfile.gettempdir())
