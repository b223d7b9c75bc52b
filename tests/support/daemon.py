"""A daemon of one's own: the real binary on a temporary data folder and a free port."""
import hashlib
import json
import os
import pathlib
import random
import signal
import socket
import sqlite3
import subprocess
import time

from .client import Client
from .postgres_server import shared_server

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOR_TESTS = {"MILLRACE_BINARY", "MILLRACE_STORE"}  # variables that the program does not see


def binary():
    """MILLRACE_BINARY, or the newest one that has been built."""
    named = os.environ.get("MILLRACE_BINARY")
    if named:
        return pathlib.Path(named).resolve()
    built = [path for path in (ROOT / "build").glob("*/src/millrace") if path.is_file()]
    if not built:
        raise FileNotFoundError("no millrace binary: build it, or name it in MILLRACE_BINARY")
    return max(built, key=lambda path: path.stat().st_mtime)


def on_postgres():
    """MILLRACE_STORE=postgres: daemons keep their rows in databases of a PostgreSQL server that the tests start."""
    return os.environ.get("MILLRACE_STORE") == "postgres"


def free_port():
    """Below those that the kernel gives to clients, so that no connection is on it while a daemon is down."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Daemon:
    def __init__(self, data, environment=None, arguments=()):
        self.data = pathlib.Path(data)
        self.data.mkdir(parents=True, exist_ok=True)
        self.socket = self.data / "admin.sock"
        self.log_path = self.data.parent / f"{self.data.name}.log"
        # A long sleep that still runs must not hold up the end of every test.
        self.environment, self.arguments = {"MILLRACE_JOBS_DRAIN_SECONDS": "1", **(environment or {})}, list(arguments)
        if on_postgres():
            # Of its folder: a daemon that is started again finds its rows.
            name = hashlib.sha256(str(self.data).encode()).hexdigest()[:24]
            self.environment.setdefault("MILLRACE_STORE_URL", shared_server().make_database(f"d{name}"))
        self.prefix = []  # a program that starts it: prlimit …
        self.process = None
        self.port = free_port()
        self.admin_key = None

    # Life

    def start(self, ready=True, seconds=60, environment=None):
        assert self.process is None
        variables = {k: v for k, v in os.environ.items() if k not in FOR_TESTS}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [
                    *self.prefix,
                    str(binary()),
                    "serve",
                    "--data",
                    str(self.data),
                    "--listen",
                    f"127.0.0.1:{self.port}",
                    *self.arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**variables, **self.environment, **(environment or {})},
            )
        if ready:
            self.wait_ready(seconds)
        return self

    def wait_ready(self, seconds=60, interval=0.02):
        end = time.monotonic() + seconds
        while True:
            assert self.process.poll() is None, f"the daemon ended with {self.process.returncode}:\n{self.log()}"
            try:
                if self.client().get("/ready").status == 200:
                    return
            except OSError:
                pass
            assert time.monotonic() < end, f"the daemon is not ready after {seconds} s:\n{self.log()}"
            time.sleep(interval)

    def wait_worker(self, state="ready", seconds=60):
        """Until the inference worker is in `state`; its status."""
        end = time.monotonic() + seconds
        while True:
            worker = self.admin().get("/api/v1/status").json["worker"]
            if worker["state"] == state:
                return worker
            assert time.monotonic() < end, f"the worker is {worker} after {seconds} s"
            time.sleep(0.05)

    def stop(self, seconds=40):
        """SIGTERM, and a clean end of everything."""
        if self.process is None:
            return
        group = self.process.pid
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the daemon did not stop in {seconds} s:\n{self.log()}")
        self.process = None
        assert code == 0, f"the daemon ended with {code}:\n{self.log()}"
        assert gone(group), f"a process outlived the daemon:\n{self.log()}"

    def kill(self):
        """SIGKILL to the daemon alone; what it leaves behind must end by itself."""
        if self.process is None:
            return
        group = self.process.pid
        assert (
            self.process.poll() is None
        ), f"the daemon had ended by itself, with {self.process.returncode}:\n{self.log()}"
        self.process.kill()
        self.process.wait()
        self.process = None
        assert gone(group), "the worker outlived a killed daemon"

    def wait_end(self, seconds=30):
        """The exit code of a daemon that ends by itself."""
        group = self.process.pid
        code = self.process.wait(seconds)
        self.process = None
        gone(group)
        return code

    def clean_up(self):
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process = None

    def log(self):
        return self.log_path.read_text(errors="replace")[-8000:] if self.log_path.exists() else ""

    # Use

    def sql(self, statement, *values):
        """Runs one statement on the database, with ? for each value, while the daemon is stopped: its rows, or how many rows it
        changed."""
        if on_postgres():
            return shared_server().statement(self.environment["MILLRACE_STORE_URL"], statement, values)
        with sqlite3.connect(f"{self.data}/millrace.db") as database:
            done = database.execute(statement, values)
            return done.fetchall() if done.description else done.rowcount

    def client(self, key=None):
        return Client(self.port, key)

    def admin(self):
        """Over TCP with an admin key, made on first use over the admin socket."""
        if self.admin_key is None:
            self.admin_key = self.create_key("admin")
        return self.client(self.admin_key)

    def create_key(self, role, name=None):
        out = self.cli("key", "create", "--name", name or f"test-{role}", "--role", role, "--json")
        assert out.returncode == 0, out
        return json.loads(out.stdout)["key"]

    def cli(self, *arguments, text=True, stdin=None, timeout=60):
        """The command line against this daemon."""
        variables = {k: v for k, v in os.environ.items() if k not in FOR_TESTS}
        return subprocess.run(
            [str(binary()), *[str(a) for a in arguments], "--data", str(self.data)],
            text=text,
            capture_output=True,
            input=stdin,
            timeout=timeout,
            env={**variables, **self.environment},
        )

    def worker_pid(self):
        return self.admin().get("/api/v1/status").json["worker"].get("pid")


def gone(group, seconds=10):
    """True when nothing of the process group is left; what is left is killed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return True
    return False
