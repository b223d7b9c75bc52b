import json
import os
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.daemon import Daemon  # noqa: E402

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    """One daemon for a file of tests; it must end cleanly."""
    running = Daemon(tmp_path_factory.mktemp("millrace") / "data")
    try:
        running.start()
        # The tests of a file share this queue, and many of their jobs are meant to fail: together they would open its breaker.
        answer = running.admin().request("PUT", "/api/v1/queues/default", data={"breaker": False})
        assert answer.status == 200, answer
        yield running
        running.stop()
    finally:
        running.clean_up()


@pytest.fixture
def new_daemon(tmp_path):
    """Makes daemons for one test: new_daemon() starts one on a folder of its own."""
    made = []

    def make(start=True, **options):
        running = Daemon(tmp_path / f"data{len(made)}", **options)
        made.append(running)
        return running.start() if start else running

    yield make
    for running in made:
        running.clean_up()


@pytest.fixture(scope="module")
def admin(daemon):
    return daemon.admin()


@pytest.fixture(scope="module")
def run(daemon):
    """A command of the command line, which ends as expected: 0 unless told otherwise."""

    def call(*arguments, expect=0, **options):
        out = daemon.cli(*arguments, **options)
        assert out.returncode == expect, out
        return out

    return call


@pytest.fixture(scope="module")
def ask(run):
    """The command's answer for programs."""
    return lambda *arguments, **options: json.loads(run(*arguments, "--json", **options).stdout)


@pytest.fixture(scope="module")
def anonymous(daemon):
    return daemon.client()


@pytest.fixture(scope="module")
def roles(daemon):
    """A client for each role."""
    return {role: daemon.client(daemon.create_key(role)) for role in ("viewer", "submitter", "operator", "admin")}


@pytest.fixture(scope="module")
def runtime(daemon):
    """The status of a worker with a runtime; without one the test is skipped, unless the run insists on it."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        worker = daemon.admin().get("/api/v1/status").json["worker"]
        if worker["state"] == "ready":
            return worker
        if worker["state"] == "unavailable":
            break
        time.sleep(0.05)
    if os.environ.get("MILLRACE_REQUIRE_RUNTIME"):
        pytest.fail(f"no runtime: {worker}")
    pytest.skip(f"no inference runtime here: {worker}")


@pytest.fixture(scope="module")
def digits(admin, runtime):
    """The digits model, pushed."""
    answer = admin.push_model(
        "digits", (DATA / "models/digits.pt").read_bytes(), (DATA / "models/digits.manifest.json").read_bytes()
    )
    assert answer.status in (200, 201), answer
    return "digits"


@pytest.fixture(scope="module")
def land_cover(admin, runtime):
    answer = admin.push_model(
        "land_cover",
        (DATA / "models/land_cover.pt").read_bytes(),
        (DATA / "models/land_cover.manifest.json").read_bytes(),
    )
    assert answer.status in (200, 201), answer
    return "land_cover"
