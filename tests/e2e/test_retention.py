"""How long what has ended is kept: for good, unless its administrator says otherwise. Jobs of a past year are put into the stopped store."""
import re

from support.client import assert_problem, query, until
from support.fill import fill_daemon

OLD = 1200  # more than are deleted in one piece


def counted(client, **filters):
    found, cursor = 0, None
    while True:
        page = client.get("/api/v1/jobs" + query(limit=1000, **filters, **({"cursor": cursor} if cursor else {}))).json
        found, cursor = found + len(page["data"]), page["meta"]["next_cursor"]
        if cursor is None:
            return found


def with_a_past(new_daemon):
    """A stopped daemon: a year ago succeeded jobs and three that died, and one of today of each; the ids of today's."""
    daemon = new_daemon()
    client = daemon.admin()
    today = {
        "succeeded": client.wait(client.submit("echo", {"of": "today"}))["id"],
        "dead": client.wait(client.submit("sleep", {"seconds": 0, "fail_times": 1}, max_attempts=1), "dead")["id"],
    }
    daemon.stop()
    fill_daemon(daemon, finished=OLD)
    daemon.sql(
        "UPDATE finished_jobs SET state = 'dead', result = NULL, error_code = 'old', error_message = 'old' "
        "WHERE id IN (SELECT id FROM finished_jobs ORDER BY id LIMIT 3)"
    )
    return daemon, today


def test_everything_is_kept_unless_somebody_says_otherwise(new_daemon):
    daemon, today = with_a_past(new_daemon)
    daemon.start()
    client = daemon.admin()
    assert counted(client, state="succeeded") == OLD - 3 + 1 and counted(client, state="dead") == 4
    oldest = client.get("/api/v1/jobs" + query(state="succeeded", created_before="2026-01-01T00:00:00Z", limit=1)).json[
        "data"
    ][0]
    assert client.get(f"/api/v1/results/{oldest['id']}").json["result"] == oldest["result"]
    daemon.stop()


def test_what_is_past_its_time_is_deleted_and_nothing_else(new_daemon):
    daemon, today = with_a_past(new_daemon)
    daemon.environment["MILLRACE_RETENTION_SUCCEEDED_DAYS"] = "30"
    daemon.start()
    client = daemon.admin()
    old = query(state="succeeded", created_before="2026-01-01T00:00:00Z")
    until(lambda: client.get("/api/v1/jobs" + old).json["data"] == [])
    assert client.job(today["succeeded"])["result"] == {"of": "today"}
    assert counted(client, state="succeeded") == 1 and counted(client, state="dead") == 4
    deleted = re.search(r"^millrace_jobs_deleted_total (\d+)$", client.get("/metrics").body.decode(), re.M)
    assert int(deleted[1]) == OLD - 3
    # What was counted stays counted.
    assert client.get("/api/v1/status").json["jobs"]["succeeded"] == OLD + 1
    daemon.stop()


def test_dead_letters_are_kept_by_a_time_of_their_own(new_daemon):
    daemon, today = with_a_past(new_daemon)
    old = [job["id"] for job in dead_of(daemon)]
    daemon.environment["MILLRACE_RETENTION_DEAD_DAYS"] = "30"
    daemon.start()
    client = daemon.admin()
    until(lambda: counted(client, state="dead") == 1)
    assert client.job(today["dead"])["attempts"] and counted(client, state="succeeded") == OLD - 3 + 1
    for identity in old:
        assert_problem(client.get(f"/api/v1/jobs/{identity}"), 404)
    daemon.stop()


def test_a_flow_goes_with_the_last_of_its_jobs(new_daemon):
    daemon = new_daemon()
    client = daemon.admin()
    whole, half = (client.post("/api/v1/flows", {"chain": [{"kind": "echo"}] * 2}).json for _ in range(2))
    for flow in (whole, half):
        client.wait(flow["nodes"][1]["id"], "succeeded")
    daemon.stop()
    aged = [node["id"] for node in whole["nodes"]] + [half["nodes"][0]["id"]]
    for n, identity in enumerate(aged):  # as if submitted a year ago
        daemon.sql(
            "UPDATE finished_jobs SET id = ?, finished_at = 1760000000000000 WHERE id = ?",
            f"0199c82c-c000-7000-8000-00000000000{n}",
            identity,
        )
    daemon.environment["MILLRACE_RETENTION_SUCCEEDED_DAYS"] = "30"
    daemon.start()
    until(lambda: counted(client, state="succeeded") == 1)
    assert_problem(client.get(f"/api/v1/flows/{whole['id']}"), 404)
    assert [node["id"] for node in client.get(f"/api/v1/flows/{half['id']}").json["nodes"]] == [half["nodes"][1]["id"]]
    daemon.stop()


def test_what_others_wait_for_is_kept(new_daemon):
    daemon, _ = with_a_past(new_daemon)
    waited_for = dead_of(daemon)[0]["id"]
    daemon.start()
    client = daemon.admin()
    child = client.submit(depends_on=[{"job": waited_for, "on_failure": "wait"}])
    daemon.stop()
    daemon.environment["MILLRACE_RETENTION_DEAD_DAYS"] = "30"
    daemon.start()
    until(lambda: counted(client, state="dead") == 2)
    assert client.post(f"/api/v1/jobs/{waited_for}/retry").status == 200
    assert client.wait(child)["state"] == "succeeded"
    daemon.stop()


def dead_of(daemon):
    return [{"id": row[0]} for row in daemon.sql("SELECT id FROM finished_jobs WHERE error_code = 'old'")]
