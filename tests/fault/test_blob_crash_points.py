"""A crash while a blob is stored: what was acknowledged is there, and nothing is under a name that is not its own."""
import hashlib
import os

import pytest
from lives import POINTS, QUIET, live_until
from oracle import Oracle, lost
from workload import Workload



class Uploads(Workload):
    def __init__(self):
        self.kept = {}

    def work(self, client, oracle):
        while True:
            content = os.urandom(20_000)
            try:
                answer = client.put("/api/v1/blobs", content)
                assert answer.status == 201, answer
                self.kept[answer.json["sha256"]] = content
            except Exception as failure:
                if not lost(failure):
                    raise
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
    for digest, content in uploads.kept.items():
        assert client.get(f"/api/v1/blobs/{digest}").body == content
    for path in (daemon.data / "blobs").rglob("*"):
        if path.is_file():
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name, f"{path} is not what its name says"
    daemon.stop()
