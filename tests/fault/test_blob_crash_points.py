"""A crash while a blob is stored: what was acknowledged is there, and nothing is under a name that is not its own."""
import hashlib
import json
import os

import pytest
from lives import POINTS, QUIET, live_until
from oracle import Oracle
from support.client import until
from workload import Workload, asked


class Uploads(Workload):
    """Blobs, and jobs that come with their files."""

    def __init__(self):
        self.kept = {}  # digest -> content
        self.deleted = set()  # acknowledged
        self.old = []  # of those that were put by themselves, to be deleted later
        self.jobs = {}  # id -> digest

    def work(self, client, oracle):
        job = json.dumps({"kind": "echo", "payload": {"file": {"$part": "file"}}})
        while True:
            content = os.urandom(20_000)
            digest = hashlib.sha256(content).hexdigest()
            answer = asked(client.put, "/api/v1/blobs", content)
            if answer is not None:
                assert answer.status == 201, answer
                self.kept[digest] = content
                self.old.append(digest)
            yield
            if len(self.old) > 1:
                digest = self.old.pop(0)
                self.kept.pop(digest)  # from here on it may be gone
                answer = asked(client.delete, f"/api/v1/blobs/{digest}")
                if answer is not None:
                    assert answer.status == 204, answer
                    self.deleted.add(digest)
            yield
            content = os.urandom(20_000)
            digest = hashlib.sha256(content).hexdigest()
            answer = asked(
                client.post_form,
                "/api/v1/jobs",
                [("job", None, "application/json", job), ("file", "a", "application/octet-stream", content)],
            )
            if answer is not None:
                assert answer.status == 202, answer
                self.kept[digest] = content
                self.jobs[answer.json["id"]] = digest
            yield


@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("blobs.")])
def test_a_crash_there_loses_no_blob_and_leaves_none_by_half(new_daemon, tmp_path, point):
    daemon, uploads = new_daemon(environment=QUIET), Uploads()
    daemon.admin()  # the key is made in peace
    daemon.stop()
    with Oracle(tmp_path / "journal") as oracle:
        for hit in (1, 2, 3):
            live_until(daemon, oracle, uploads, point, hit)
    daemon.start()
    client = daemon.admin()
    steps = uploads.work(client, None)
    while not uploads.deleted:  # each life may have ended before it could answer a DELETE
        next(steps)
    for digest, content in uploads.kept.items():
        assert client.get(f"/api/v1/blobs/{digest}").body == content
    for digest in uploads.deleted:
        assert client.get(f"/api/v1/blobs/{digest}").status == 404
    # Neither is a file left that nobody has, whatever the moment: the sweeper finds what the last life began.
    stored = lambda: {path.name for path in (daemon.data / "blobs/hot").rglob("*") if path.is_file()}
    until(lambda: not stored() & uploads.deleted, seconds=30)
    for identity, digest in uploads.jobs.items():
        assert digest in json.dumps(client.wait(identity)["result"])
    for path in (daemon.data / "blobs").rglob("*"):
        if path.is_file():
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name, f"{path} is not what its name says"
    daemon.stop()
