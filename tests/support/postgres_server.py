#!/usr/bin/python3
"""A PostgreSQL server of one's own, on a unix socket in a temporary folder: for tests, and gone with them.

    tests/support/postgres_server.py PROGRAM [ARGUMENT]...

runs the program with MILLRACE_TEST_POSTGRES set to the URL of a database on such a server, and exits as it does. The
server keeps nothing that a test could need after a crash of the machine: it never flushes. Exit code 77: no server is
installed, and MILLRACE_REQUIRE_POSTGRES is not set.
"""
import atexit
import glob
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

SETTINGS = {
    "listen_addresses": "",
    "port": "5432",  # of the socket's name, too
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "log_min_messages": "warning",
}


def programs():
    """The folder of the newest server that is installed; None without one."""
    found = glob.glob("/usr/lib/postgresql/*/bin/postgres")
    newest = max(found, key=lambda path: int(re.search(r"/(\d+)/bin/", path).group(1)), default=None)
    return pathlib.Path(newest).parent if newest else None


class PostgresServer:
    def __init__(self, **settings):
        self.programs = programs()
        if self.programs is None:
            raise FileNotFoundError("no PostgreSQL server is installed: apt-get install postgresql-15")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-postgres-"))
        self.settings = {**SETTINGS, **settings}
        self.process = None
        # The server refuses to run as root.
        self.as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
        if self.as_user:
            shutil.chown(self.folder, "nobody", "nogroup")
            os.chmod(self.folder, 0o755)
        self._run("initdb", "-D", "data", "-U", "millrace", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")

    def _run(self, program, *arguments):
        command = [*self.as_user, str(self.programs / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    @property
    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def start(self):
        settings = {**self.settings, "unix_socket_directories": str(self.folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.as_user, str(self.programs / "postgres"), "-D", "data", *options],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + 60
        ready = [str(self.programs / "pg_isready"), "-q", "-h", str(self.folder), "-p", self.settings["port"]]
        while subprocess.run(ready).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the server does not start:\n{self.log}")
            time.sleep(0.05)
        return self

    def stop(self, how=signal.SIGINT):
        """SIGINT ends all connections first; SIGQUIT ends at once, without writing anything back."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None

    def url(self, database="postgres"):
        host = urllib.parse.quote(str(self.folder), safe="")
        port = "" if self.settings["port"] == SETTINGS["port"] else f"port={self.settings['port']}&"
        return f"postgres://millrace@/{database}?{port}host={host}"

    def make_database(self, name):
        """The URL of a database of this name, which is made when it is not there."""
        if not self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            self.sql(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def give(self, name, content):
        """A file in its folder that is the server's alone."""
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        if self.as_user:
            shutil.chown(path, "nobody", "nogroup")
        return path

    def sql(self, text, database="postgres"):
        """What psql prints for it, without headers."""
        program = [str(self.programs / "psql"), "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", text]
        done = subprocess.run(program, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def statement(self, url, text, values=()):
        """One statement with ? for each value: its rows as tuples of texts, or how many rows it changed."""
        for value in values:
            literal = str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
            text = text.replace("?", literal, 1)
        program = [str(self.programs / "psql"), "-AtX", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", text]
        done = subprocess.run(program, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        if text.startswith("SELECT"):
            return [tuple(line.split("\x1f")) for line in done.stdout.splitlines()]
        return int(done.stdout.split()[-1])

    def clean_up(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.clean_up()


_shared = None


def shared_server():
    """One for the whole process, which ends with it."""
    global _shared
    if _shared is None:
        _shared = PostgresServer()
        atexit.register(_shared.clean_up)
        _shared.start()
    return _shared


def main():
    if programs() is None and not os.environ.get("MILLRACE_REQUIRE_POSTGRES"):
        print("no PostgreSQL server is installed: apt-get install postgresql-15")
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a time limit takes the server with it
    server = PostgresServer()
    try:
        server.start()
        environment = {**os.environ, "MILLRACE_TEST_POSTGRES": server.url()}
        return subprocess.run(sys.argv[1:], env=environment).returncode
    finally:
        server.clean_up()


if __name__ == "__main__":
    sys.exit(main())
