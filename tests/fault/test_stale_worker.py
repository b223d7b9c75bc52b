"""A worker that stands still past its lease and comes back can write nothing: its job has been done by another."""
import json
import pathlib
import signal
import subprocess
import sys
import threading

import pytest
from database_check import check_database
from oracle import Oracle
from workload import set_queue

HERE = pathlib.Path(__file__).parent


class Worker:
    def __init__(self, daemon, name):
        self.name, self.said, self.heard = name, [], threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "external_worker.py"), str(daemon.port), daemon.admin_key, "outside", name],
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            with self.heard:
                self.said.append(json.loads(line))
                self.heard.notify_all()

    def statuses(self, did):
        return [each["status"] for each in self.said if each["did"] == did]

    def wait_for(self, did, count=1):
        with self.heard:
            assert self.heard.wait_for(lambda: sum(each["did"] == did for each in self.said) >= count, 30), self.said

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def new_worker():
    made = []

    def make(daemon, name):
        made.append(Worker(daemon, name))
        return made[-1]

    yield make
    for worker in made:
        worker.process.kill()
        worker.process.wait()


def late_answers(stale, before):
    """What the stale worker was told after `before` heartbeats. One of them may have been answered just before it was stopped,
    and read just after."""
    late = stale.statuses("heartbeat")[before:] + stale.statuses("complete") + stale.statuses("fail")
    return late[1:] if late[0] == 200 else late


@pytest.mark.parametrize("killed", [False, True], ids=["in one life", "over a restart"])
def test_a_worker_stopped_past_its_lease_can_write_nothing(new_daemon, new_worker, tmp_path, killed):
    daemon = new_daemon(environment={"MILLRACE_INFERENCE_ENABLED": "false"})
    client = daemon.admin()
    set_queue(client, "outside", external=True)
    with Oracle(tmp_path / "journal") as oracle:
        stale = new_worker(daemon, "stale")
        job = oracle.submit(
            client, {"kind": "anything", "queue": "outside", "payload": {"seconds": 0.5}}, results=[{"by": "quick"}]
        )
        stale.wait_for("heartbeat")
        stale.pause()
        if killed:
            daemon.kill()
            daemon.start()
        quick = new_worker(daemon, "quick")
        done = client.wait(job)
        assert done["result"] == {"by": "quick"} and done["attempt"] == 2
        quick.wait_for("fail")

        before = len(stale.statuses("heartbeat"))
        stale.go_on()
        stale.wait_for("fail")
        assert set(late_answers(stale, before)) == {409}, stale.said
        assert quick.statuses("complete") == [200] and quick.statuses("fail") == [409]
        assert client.job(job) == done, "the job is as it was"
        oracle.judge(daemon)
    daemon.stop()
    check_database(daemon)


def test_a_worker_stopped_past_its_lease_can_write_nothing_while_another_has_the_job(new_daemon, new_worker, tmp_path):
    daemon = new_daemon(environment={"MILLRACE_INFERENCE_ENABLED": "false"})
    client = daemon.admin()
    set_queue(client, "outside", external=True)
    with Oracle(tmp_path / "journal") as oracle:
        stale = new_worker(daemon, "stale")
        job = oracle.submit(
            client, {"kind": "anything", "queue": "outside", "payload": {"seconds": 1}}, results=[{"by": "quick"}]
        )
        stale.wait_for("heartbeat")
        stale.pause()
        quick = new_worker(daemon, "quick")
        quick.wait_for("heartbeat")
        before = len(stale.statuses("heartbeat"))
        stale.go_on()
        stale.wait_for("fail")
        assert not quick.statuses("complete"), "quick is at it"
        assert set(late_answers(stale, before)) == {409}, stale.said
        done = client.wait(job)
        assert done["result"] == {"by": "quick"} and done["attempt"] == 2
        quick.wait_for("fail")
        assert set(quick.statuses("heartbeat")) == {200} and quick.statuses("complete") == [200]
        oracle.judge(daemon)
    daemon.stop()
    check_database(daemon)
