"""kill -9 of the daemon, told in particulars: what ran runs again, what was cancelled stays so."""
import time

from database_check import check_database
from oracle import Oracle
from workload import sleep

MANY = {"MILLRACE_JOBS_CONCURRENCY": "1000", "MILLRACE_INFERENCE_ENABLED": "false"}


def wait_running(client, count):
    end = time.monotonic() + 30
    while (jobs := client.get("/api/v1/status").json["jobs"])["running"] < count:
        assert time.monotonic() < end, jobs
        time.sleep(0.05)


def test_a_thousand_running_jobs_survive_a_kill(new_daemon, tmp_path):
    daemon = new_daemon(environment=MANY)
    client = daemon.admin()
    with Oracle(tmp_path / "journal") as oracle:
        ids = oracle.submit_batch(client.keep(), [sleep(3) for _ in range(1000)])
        client.wait(ids[-1], "running")  # the last to be claimed
        daemon.kill()
        daemon.start()
        client = daemon.admin().keep()
        wait_running(client, 1000)  # what ran runs again at once, its attempt counted
        oracle.judge(daemon)
        for identity in ids:
            job = client.job(identity)
            assert job["attempt"] == 2 and job["attempts"][0]["outcome"] == "lost"
    daemon.stop()
    check_database(daemon)


def test_a_job_under_which_the_daemon_keeps_dying_ends_dead_and_others_do_not_suffer(new_daemon):
    daemon = new_daemon(environment=MANY)
    client = daemon.admin()
    victim = client.submit("sleep", {"seconds": 600})
    for _ in range(25):
        job = client.wait(victim, "running", "dead", "queued", seconds=20)
        if job["state"] == "dead":
            break
        client.wait(victim, "running", seconds=20)
        daemon.kill()
        daemon.start()
    assert client.job(victim)["state"] == "dead", "it would kill the daemon for ever"
    assert client.wait(client.submit("echo", {"x": 1}))["result"] == {"x": 1}
    daemon.stop()


def test_a_cancelled_job_stays_cancelled_and_a_scheduled_one_scheduled(new_daemon):
    daemon = new_daemon(environment=MANY)
    client = daemon.admin()
    cancelled = client.submit("sleep", {"seconds": 600})
    client.wait(cancelled, "running")
    client.post(f"/api/v1/jobs/{cancelled}/cancel")
    client.wait(cancelled, "cancelled")
    scheduled = client.submit("echo", run_at="2099-01-01T00:00:00Z")
    retrying = client.submit("sleep", {"seconds": 0, "fail_times": 1})
    client.wait(retrying, "scheduled", "succeeded")
    daemon.kill()
    daemon.start()
    assert client.job(cancelled)["state"] == "cancelled" and client.job(scheduled)["state"] == "scheduled"
    assert client.wait(retrying)["state"] == "succeeded" and client.job(retrying)["attempt"] == 2
    daemon.stop()
