"""A stopped daemon's database: sound pages, and nothing of anything left over by half."""
import sqlite3

# What must not be there: each a query that gives the offenders.
HALVES = {
    "jobs that wait and have ended": "SELECT id FROM jobs INTERSECT SELECT id FROM finished_jobs",
    "idempotency keys without an answer": "SELECT key FROM idempotency_keys WHERE response_status IS NULL OR response_body IS NULL",
    "attempts of no job": "SELECT job_id FROM job_attempts WHERE job_id NOT IN (SELECT id FROM jobs UNION ALL SELECT id FROM finished_jobs)",
    "dependencies of no job": "SELECT job_id FROM job_dependencies WHERE job_id NOT IN (SELECT id FROM jobs UNION ALL SELECT id FROM finished_jobs)",
    "flows without jobs": "SELECT id FROM flows WHERE id NOT IN (SELECT flow_id FROM jobs WHERE flow_id IS NOT NULL UNION ALL "
    "SELECT flow_id FROM finished_jobs WHERE flow_id IS NOT NULL)",
    "jobs of no flow": "SELECT id FROM (SELECT id, flow_id FROM jobs UNION ALL SELECT id, flow_id FROM finished_jobs) "
    "WHERE flow_id IS NOT NULL AND flow_id NOT IN (SELECT id FROM flows)",
    "blocked jobs that wait for nobody": "SELECT id FROM jobs WHERE state = 'blocked' AND blocked_by <> "
    "(SELECT count(*) FROM job_dependencies WHERE job_id = jobs.id AND settled = 0)",
    "jobs that wait for what has ended": "SELECT d.job_id FROM job_dependencies d JOIN jobs c ON c.id = d.job_id JOIN finished_jobs p ON p.id = d.parent_id "
    "WHERE d.settled = 0 AND (p.state = 'succeeded' OR d.on_failure <> 'wait')",
    "flows that have counted otherwise": "SELECT id FROM flows WHERE (succeeded, failed) <> (SELECT coalesce(sum(state = 'succeeded'), 0), "
    "coalesce(sum(state <> 'succeeded'), 0) FROM finished_jobs WHERE flow_id = flows.id AND flow_ref IS NOT NULL)",
    "keys of jobs that are not there": "SELECT key FROM idempotency_keys WHERE scope = 'POST /api/v1/jobs' AND json_extract(response_body, '$.id') NOT IN "
    "(SELECT id FROM jobs UNION ALL SELECT id FROM finished_jobs) AND json_extract(response_body, '$.queue') <> 'purged'",
    "unique keys of jobs that are not there": "SELECT unique_key FROM unique_keys WHERE job_id NOT IN (SELECT id FROM jobs UNION ALL SELECT id FROM finished_jobs)",
    "running jobs without a lease": "SELECT id FROM jobs WHERE state = 'running' AND lease_token IS NULL",
    "results of jobs that did not succeed": "SELECT id FROM finished_jobs WHERE (state = 'succeeded') <> (result IS NOT NULL)",
}


def check_database(data):
    with sqlite3.connect(f"file:{data}/millrace.db?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        for what, query in HALVES.items():
            found = database.execute(query).fetchall()
            assert not found, f"{what}: {found[:5]}"
        check_totals(database)


def check_totals(database):
    """What has ended was counted as it ended: no end was counted twice or forgotten. Replays and purges only take away rows."""
    counted = dict(database.execute("SELECT kind || '/' || queue || '/' || state, jobs FROM job_totals").fetchall())
    ended = database.execute(
        "SELECT kind || '/' || queue || '/' || state, count(*) FROM finished_jobs GROUP BY 1"
    ).fetchall()
    for what, count in ended:
        assert counted.get(what, 0) >= count, f"{what}: {count} have ended and {counted.get(what, 0)} were counted"
