"""What the daemon tells of itself, and how it starts and stops."""
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

from support.client import assert_problem, until
from support.daemon import Daemon, binary, on_postgres


def test_status_counts_what_happened(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    for _ in range(3):
        client.wait(client.submit("echo"))
    client.wait(client.submit("sleep", {"seconds": 0, "fail_times": 1}, max_attempts=1))
    client.submit("echo", run_at="2099-01-01T00:00:00Z")
    client.wait(client.submit("sleep", {"seconds": 600}, queue="night"), "running")
    status = client.get("/api/v1/status").json
    assert status["ready"] is True and status["reasons"] == [] and re.match(r"\d+\.\d+\.\d+", status["version"])
    assert status["jobs"]["succeeded"] == 3 and status["jobs"]["dead"] == 1
    assert status["jobs"]["scheduled"] == 1 and status["jobs"]["running"] == 1
    assert {"submitted_per_second", "finished_per_second"} <= status["jobs"]["rates"].keys()
    night = next(queue for queue in status["queues"] if queue["name"] == "night")
    assert (night["queued"], night["running"], night["scheduled"], night["blocked"], night["breaker"]) == (
        0,
        1,
        0,
        0,
        "closed",
    )
    assert status["store"]["driver"] == ("postgres" if on_postgres() else "sqlite")
    assert status["store"]["schema_version"] >= 1
    until(lambda: client.get("/api/v1/status").json["store"]["bytes"] > 0)  # of PostgreSQL measured when it is idle
    assert status["disk"]["free_bytes"] > 0 and status["uptime_seconds"] > 0
    assert status["worker"]["state"] in ("ready", "starting", "restarting", "unavailable")
    daemon.stop()


def test_a_worker_that_cannot_be_started_is_not_ready_and_named_while_jobs_go_on(new_daemon, tmp_path):
    broken = tmp_path / "libmillrace_torch.so"
    broken.write_bytes(b"this is no library")
    daemon = new_daemon(environment={"MILLRACE_INFERENCE_RUNTIME": str(broken)})
    client = daemon.admin()
    waiting = client.get("/ready").json  # at first the worker is only starting
    assert waiting["ready"] is False or "worker" in " ".join(waiting["degraded"]), waiting
    until(lambda: client.get("/ready").status == 503, seconds=60)
    said = client.get("/ready").json
    assert said["ready"] is False and any("worker is unavailable" in reason for reason in said["reasons"]), said
    status = client.get("/api/v1/status").json
    assert status["ready"] is False and status["reasons"] == said["reasons"]
    assert client.get("/v2/health/ready").status == 400
    assert client.wait(client.submit("echo"))["state"] == "succeeded"
    shown = subprocess.run([str(binary()), "--socket", str(daemon.socket), "status"], capture_output=True, text=True)
    assert shown.returncode == 1 and "worker is unavailable" in shown.stdout, shown
    daemon.stop()


def test_a_daemon_whose_inference_is_switched_off_is_ready_and_lacks_nothing(new_daemon):
    daemon = new_daemon(environment={"MILLRACE_INFERENCE_ENABLED": "false"})
    assert daemon.client().get("/ready").json == {"ready": True, "reasons": [], "degraded": []}
    assert daemon.client().get("/v2/health/ready").status == 400
    daemon.stop()


def test_a_worker_that_is_replaced_is_named_and_the_daemon_stays_ready(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    if (
        until(lambda: client.get("/api/v1/status").json["worker"]["state"] in ("ready", "unavailable"), seconds=60)
        and client.get("/api/v1/status").json["worker"]["state"] != "ready"
    ):
        daemon.stop()
        return
    os.kill(daemon.worker_pid(), signal.SIGKILL)
    said = []

    def restarted():
        said.append(client.get("/ready"))
        return (
            client.get("/api/v1/status").json["worker"]["restarts"] == 1
            and client.get("/api/v1/status").json["worker"]["state"] == "ready"
        )

    until(restarted, seconds=60)
    assert all(answer.status == 200 for answer in said), said
    assert any("worker is" in " ".join(answer.json["degraded"]) for answer in said), [answer.json for answer in said]
    until(lambda: client.get("/ready").json["degraded"] == [])
    daemon.stop()


def test_metrics_are_in_the_text_format_and_move(admin):
    def scrape():
        answer = admin.get("/metrics")
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return answer.body.decode()

    before = scrape()
    line = re.compile(
        r'^(# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* .+|[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\.)*",?)*\})? [-+0-9.eEInfNa]+)$'
    )
    wrong = [text for text in before.splitlines() if text and not line.match(text)]
    assert not wrong, wrong[:5]
    assert before.endswith("\n") and before.count("# TYPE millrace_") > 5
    admin.wait(admin.submit("echo"))
    assert scrape() != before


def test_a_running_job_that_the_stop_cannot_wait_for_goes_back_with_its_attempt(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    job = client.submit("sleep", {"seconds": 600})
    client.wait(job, "running")
    daemon.stop(20)
    daemon.start()
    assert client.wait(job, "running")["attempt"] == 1
    daemon.stop()


def test_a_stop_says_what_it_waits_for_and_a_second_signal_ends_it_at_once(new_daemon):
    daemon = new_daemon(environment={"MILLRACE_JOBS_DRAIN_SECONDS": "600"})
    client = daemon.admin()
    job = client.submit("sleep", {"seconds": 500})
    client.wait(job, "running")
    daemon.process.send_signal(signal.SIGINT)
    until(lambda: "waiting for running jobs" in daemon.log())
    (line,) = [line for line in daemon.log().splitlines() if "waiting for running jobs" in line]
    assert "jobs=1" in line and "again" in line, line
    daemon.process.send_signal(signal.SIGINT)
    assert daemon.wait_end() == -signal.SIGINT
    daemon.start()
    assert daemon.admin().job(job)["state"] in ("queued", "running")


def test_a_request_that_is_under_way_is_answered_before_the_stop(new_daemon):
    daemon = new_daemon(environment={"MILLRACE_JOBS_DRAIN_SECONDS": "20"})
    client, answers = daemon.admin(), []

    def submit():
        answers.append(
            client.post("/api/v1/jobs", {"kind": "sleep", "payload": {"seconds": 2}}, headers={"Prefer": "wait=20"})
        )

    under_way = threading.Thread(target=submit)
    under_way.start()
    time.sleep(0.7)
    daemon.stop()
    under_way.join()
    assert answers and answers[0].status == 200 and answers[0].json["state"] == "succeeded", answers
    assert answers[0].headers["Connection"] == "close"


def test_it_starts_quickly_and_stops_cleanly_many_times(new_daemon):
    daemon = new_daemon(start=False)
    for _ in range(5):
        begin = time.monotonic()
        daemon.start()
        assert time.monotonic() - begin < 5
        daemon.stop()


def test_a_second_daemon_on_the_same_data_is_refused(new_daemon, daemon):
    first = new_daemon()
    second = Daemon(first.data)
    second.start(ready=False)
    assert second.wait_end(20) == 1
    assert "in use" in second.log()
    first.stop()


def test_a_port_that_is_taken_is_said_to_be_taken(new_daemon):
    daemon = new_daemon(start=False)
    with socket.socket() as other:
        other.bind(("127.0.0.1", daemon.port))
        other.listen()
        daemon.start(ready=False)
        assert daemon.wait_end(20) == 1
    assert str(daemon.port) in daemon.log() and "--listen" in daemon.log()


def test_the_first_start_says_how_to_get_a_key_and_shows_none(new_daemon):
    daemon = new_daemon()
    assert "key create" in daemon.log() and "mr_" not in daemon.log()
    daemon.create_key("admin")
    daemon.stop()
    size = daemon.log_path.stat().st_size
    daemon.start()
    daemon.stop()
    assert "key create" not in daemon.log_path.read_bytes()[size:].decode()


def test_the_log_is_json_on_request_and_has_every_request_when_asked(new_daemon):
    daemon = new_daemon(environment={"MILLRACE_LOG_FORMAT": "json", "MILLRACE_LOG_LEVEL": "debug"})
    daemon.client().get("/api/v1/status?secret=hunter2", headers={"X-Request-Id": "find-me-again"})
    daemon.stop()
    lines = [line for line in daemon.log().splitlines() if line.startswith("{")]
    assert len(lines) > 3
    entries = [json.loads(line) for line in lines]
    assert any("find-me-again" in str(entry.values()) for entry in entries), "the access log lacks the request"
    assert "hunter2" not in daemon.log()


def test_a_killed_worker_is_started_again_and_nothing_else_notices(new_daemon, runtime):
    daemon = new_daemon()
    worker = daemon.wait_worker()
    client = daemon.admin()
    sleeping = client.submit("sleep", {"seconds": 2})
    os.kill(worker["pid"], signal.SIGKILL)
    end = time.monotonic() + 30
    while (now := daemon.wait_worker())["pid"] == worker["pid"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert now["restarts"] == worker["restarts"] + 1
    assert client.wait(sleeping)["attempt"] == 1
    daemon.stop()


def test_without_a_runtime_everything_but_inference_works(new_daemon, tmp_path):
    daemon = new_daemon(environment={"MILLRACE_INFERENCE_RUNTIME": str(tmp_path / "no-such-runtime.so")})
    client = daemon.admin()
    assert client.wait(client.submit("echo", {"x": 1}))["result"] == {"x": 1}
    end = time.monotonic() + 20
    while (worker := client.get("/api/v1/status").json["worker"])["state"] in (
        "starting",
        "restarting",
    ) and time.monotonic() < end:
        time.sleep(0.05)
    assert worker["state"] != "ready" and worker["reason"]
    assert_problem(client.predict("digits", b"x", "image/png"), (404, 503))
    daemon.stop()


def test_the_worker_has_no_network_and_no_secrets(daemon, runtime):
    pid = daemon.worker_pid()
    environment = open(f"/proc/{pid}/environ", "rb").read()
    assert b"MILLRACE_" not in environment or b"KEY" not in environment
    status = open(f"/proc/{pid}/status").read()
    assert "NoNewPrivs:\t1" in status and re.search(r"Seccomp:\t2", status)
    names = [
        os.readlink(f"/proc/{pid}/fd/{fd}")
        for fd in os.listdir(f"/proc/{pid}/fd")
        if os.path.lexists(f"/proc/{pid}/fd/{fd}")
    ]
    assert not any("millrace.db" in name for name in names), names


def test_a_configuration_that_is_wrong_stops_the_start_with_the_reason(tmp_path):
    file = tmp_path / "millrace.toml"
    file.write_text("[http]\nlisten = \"nowhere\"\n")
    out = subprocess.run(
        [str(binary()), "serve", "--data", str(tmp_path / "d"), "--config", str(file)],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert out.returncode == 2 and "listen" in out.stderr
