"""kill -9 of the daemon: every acknowledged job still ends, and none twice."""
import threading
import time

from oracle import Oracle, check_database

MANY = {"MILLRACE_JOBS_CONCURRENCY": "1000", "MILLRACE_INFERENCE_ENABLED": "false"}


def test_a_thousand_running_jobs_survive_a_kill(new_daemon, tmp_path):
    daemon = new_daemon(environment=MANY)
    oracle, client = Oracle(tmp_path / "promises"), daemon.admin()
    kept = client.with_key(client.key).keep()
    for n in range(1000):
        assert oracle.submit(kept, {"kind": "sleep", "payload": {"seconds": 12}, "tags": {"n": str(n)}})
    end = time.monotonic() + 30
    while client.get("/api/v1/status").json["jobs"]["running"] < 1000:
        assert time.monotonic() < end, client.get("/api/v1/status").json["jobs"]
        time.sleep(0.05)
    daemon.kill()
    daemon.start()
    # What ran runs again at once, its attempt counted.
    end = time.monotonic() + 30
    while client.get("/api/v1/status").json["jobs"]["running"] < 1000:
        assert time.monotonic() < end, client.get("/api/v1/status").json["jobs"]
        time.sleep(0.05)
    jobs = oracle.check(client, seconds=90)
    assert {job["attempt"] for job in jobs.values()} == {2}
    assert all(job["attempts"][0]["outcome"] == "lost" for job in jobs.values())
    daemon.stop()
    check_database(daemon.data, oracle.promised)


def storm(oracle, clients, work):
    """All of `work` is submitted by as many threads as there are clients; each stops at its first lost answer."""
    waiting = list(work)
    lock = threading.Lock()

    def submit(client):
        while True:
            with lock:
                if not waiting:
                    return
                body, result = waiting.pop()
            if not oracle.submit(client, body, result):
                return

    threads = [threading.Thread(target=submit, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    return threads, waiting


def test_kills_at_random_moments_of_a_storm_of_submits_lose_and_double_nothing(new_daemon, tmp_path, rounds, dice):
    daemon = new_daemon(environment=MANY)
    oracle, client = Oracle(tmp_path / "promises"), daemon.admin()
    for number in range(rounds):
        work = []
        for n in range(1000):
            if n % 3:
                payload = {"round": number, "n": n, "filler": "x" * dice.randrange(2000)}
                work.append(({"kind": "echo", "payload": payload}, payload))
            else:
                work.append(({"kind": "sleep", "payload": {"seconds": round(dice.random() * 0.5, 3)}}, None))
        while work:
            threads, work = storm(oracle, [client.with_key(client.key).keep() for _ in range(8)], work)
            time.sleep(dice.random() * 0.6)
            daemon.kill()
            for thread in threads:
                thread.join()
            daemon.start()
            oracle.resolve_doubts(client)
            if len(work) < 300:  # the last ones in peace, or a fast machine would never end
                threads, work = storm(oracle, [client.with_key(client.key).keep()], work)
                for thread in threads:
                    thread.join()
    oracle.check(client)
    daemon.stop()
    check_database(daemon.data, oracle.promised)


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
