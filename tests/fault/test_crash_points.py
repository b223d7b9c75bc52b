"""The daemon dies at every place where a power cut would hurt most, and comes back with all that it promised."""
import hashlib
import os
import pathlib
import re
import signal

import pytest
from oracle import Oracle, check_database

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "src"
# Found in the sources, so that a new one is tested from its first day.
POINTS = sorted({name for path in SOURCE.rglob("*.cpp") for name in re.findall(r'crash_point\("([^"]+)"\)', path.read_text())})
QUIET = {"MILLRACE_INFERENCE_ENABLED": "false"}


def test_there_are_crash_points():
    assert {"store.before_commit", "store.after_commit"} <= set(POINTS)


def work_until_it_dies(daemon, client, oracle, blobs):
    """Submits and uploads until the daemon is gone; enough to make it write its log back."""
    for n in range(400):
        payload = {"n": n, "filler": os.urandom(30_000).hex()}
        if not oracle.submit(client, {"kind": "echo", "payload": payload}, payload):
            return True
        content = os.urandom(20_000)
        try:
            answer = client.put("/api/v1/blobs", content)
            assert answer.status == 201, answer
            blobs[answer.json["sha256"]] = content
        except Exception as failure:
            if not isinstance(failure, OSError) and type(failure).__module__ != "http.client":
                raise
            return True
        if daemon.process.poll() is not None:
            return True
    return False


@pytest.mark.parametrize("hit", [1, 2, 9])
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_there_loses_nothing_that_was_promised(new_daemon, tmp_path, point, hit):
    daemon = new_daemon(environment=QUIET)
    client = daemon.admin()  # the key is made in peace
    oracle, blobs = Oracle(tmp_path / "promises"), {}
    oracle.submit(client, {"kind": "echo", "payload": {}}, {})
    daemon.stop()

    daemon.start(ready=False, environment={"MILLRACE_CRASH_AT": f"{point}:{hit}"})
    died = False
    try:
        daemon.wait_ready()
    except (AssertionError, OSError):
        died = daemon.process.poll() is not None
        assert died, daemon.log()
    if not died:
        died = work_until_it_dies(daemon, client, oracle, blobs)
    if not died:
        daemon.process.send_signal(signal.SIGTERM)  # some places are reached at the end only
    code = daemon.wait_end()
    if code == 0 and hit > 2:
        pytest.skip(f"{point} is not reached {hit} times")
    assert code == -signal.SIGKILL, f"{point}:{hit} was not reached"

    daemon.start()
    oracle.resolve_doubts(client)
    oracle.check(client)
    for digest, content in blobs.items():
        assert client.get(f"/api/v1/blobs/{digest}").body == content
    stored = [path for path in (daemon.data / "blobs").rglob("*") if path.is_file()]
    for path in stored:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name, f"{path} is not what its name says"
    daemon.stop()
    check_database(daemon.data, oracle.promised)
