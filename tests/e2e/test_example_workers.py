"""The workers of docs/examples against a real queue. docs/workers.md shows them as the way to write one."""
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest
from support.daemon import ROOT

WORKERS = {
    "python": ["/usr/bin/python3", str(ROOT / "docs/examples/worker.py")],
    "shell": ["/bin/bash", str(ROOT / "docs/examples/worker.sh")],
}
LEASE = 2  # seconds: short, and yet enough for a busy machine to send a heartbeat in time


@pytest.fixture(scope="module", params=WORKERS, autouse=True)
def language(request):
    if request.param == "shell" and not (shutil.which("curl") and shutil.which("jq")):
        pytest.skip("needs curl and jq")
    return request.param


@pytest.fixture
def worker(daemon, admin, language, tmp_path):
    """Starts one on a queue of its own; .queue is its name, .process it."""

    class Worker:
        queue = f"{language}-{tmp_path.name[-12:].strip('_').lower()}"
        log = tmp_path / "worker.log"

        def start(self):
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    [*WORKERS[language], self.queue],
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env={
                        "PATH": os.environ["PATH"],
                        "LANG": "C.UTF-8",
                        "LEASE_SECONDS": str(LEASE),
                        "MILLRACE_URL": f"http://127.0.0.1:{daemon.port}",
                        "MILLRACE_KEY": daemon.create_key("submitter"),
                    },
                )
            return self

        def submit(self, lines, seconds=0, **options):
            return admin.submit("shout", {"lines": lines, "seconds": seconds}, queue=self.queue, **options)

        def kill(self):
            for pid in [self.process.pid, *below(self.process.pid)]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass  # it ended by itself
            self.process.wait()

    made = Worker()
    made.process = None
    admin.set_queue(made.queue, external=True)
    yield made
    if made.process and made.process.poll() is None:
        made.kill()


def below(parent):
    """Every process below this one."""
    children = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rsplit(")", 1)[1].split()[1]) == parent:
                children.append(int(path.parent.name))
        except OSError:
            pass  # it has just ended
    return children + [each for child in children for each in below(child)]


def test_it_fits_on_a_page(language):
    assert len(pathlib.Path(WORKERS[language][-1]).read_text().splitlines()) <= 66


def test_it_works_off_a_queue(admin, worker):
    jobs = {worker.submit([f"line {number}", "grün $(id) \"' \\n"]): number for number in range(5)}
    worker.start()
    for job, number in jobs.items():
        done = admin.wait(job)
        assert done["state"] == "succeeded" and done["attempt"] == 1, worker.log.read_text()
        assert done["result"] == {"lines": [f"LINE {number}", "GRÜN $(ID) \"' \\N"]}


def test_a_lease_is_kept_longer_than_its_length_and_progress_is_told(admin, worker):
    worker.start()
    job = worker.submit(["a", "b", "c"], seconds=0.7 * LEASE)
    seen = set()
    while admin.job(job)["state"] != "succeeded":
        seen.add(admin.get(f"/api/v1/results/{job}").json.get("progress_percent"))
        time.sleep(0.05)
    done = admin.job(job)
    assert done["attempt"] == 1 and not done["attempts"], worker.log.read_text()
    assert seen & {33, 66}, seen


def test_what_is_the_fault_of_the_input_is_not_tried_again(admin, worker):
    worker.start()
    job = admin.submit("shout", {"words": []}, queue=worker.queue)
    done = admin.wait(job)
    assert done["state"] == "dead" and done["attempt"] == 1 and done["error"]["message"]
    assert admin.wait(worker.submit(["still here"]))["result"] == {"lines": ["STILL HERE"]}


def test_a_cancelled_job_is_dropped_and_the_next_one_done(admin, worker):
    worker.start()
    job = worker.submit(["a"] * 1000, seconds=0.1)
    admin.wait(job, "running")
    admin.post(f"/api/v1/jobs/{job}/cancel")
    assert admin.wait(worker.submit(["next"]))["result"] == {"lines": ["NEXT"]}
    assert admin.job(job)["state"] == "cancelled" and admin.job(job)["result"] is None


def test_a_killed_worker_loses_its_lease_and_another_does_the_job(admin, worker):
    worker.start()
    job = worker.submit(["a", "b"], seconds=0.5 * LEASE)
    admin.wait(job, "running")
    worker.kill()
    worker.start()
    done = admin.wait(job)
    assert (
        done["state"] == "succeeded"
        and done["attempt"] == 2
        and done["attempts"][0]["error"]["code"] == "lease_expired"
    )


def test_it_outlives_a_restart_of_the_daemon(daemon, admin, worker):
    worker.start()
    assert admin.wait(worker.submit(["before"]))["state"] == "succeeded"
    daemon.stop()
    daemon.start()
    assert admin.wait(worker.submit(["after"]))["result"] == {"lines": ["AFTER"]}


def test_asked_to_end_it_finishes_its_job_first(admin, worker):
    worker.start()
    job = worker.submit(["a", "b"], seconds=0.6)
    admin.wait(job, "running")
    worker.process.terminate()
    assert worker.process.wait(30) == 0, worker.log.read_text()
    done = admin.job(job)
    assert done["state"] == "succeeded" and done["attempt"] == 1


def test_asked_to_end_it_does_not_wait_for_a_daemon_that_is_away(daemon, admin, worker):
    worker.start()
    assert admin.wait(worker.submit(["before"]))["state"] == "succeeded"
    daemon.stop()
    worker.process.terminate()
    assert worker.process.wait(30) == 0, worker.log.read_text()
    daemon.start()


def test_on_a_queue_that_is_not_external_it_ends_and_says_so(admin, worker):
    admin.set_queue(worker.queue, external=False)
    worker.start()
    assert worker.process.wait(30) == 1
    assert "external" in worker.log.read_text()
