"""A stopped daemon's database: sound pages, and nothing of anything left over by half."""
from support.daemon import on_postgres

OF_ANSWER = "CAST(response_body AS json) ->> '{}'" if on_postgres() else "json_extract(response_body, '$.{}')"

# What must not be there: each a query that gives the offenders.
HALVES = {
    "jobs that wait and have ended": "SELECT id FROM jobs INTERSECT SELECT id FROM finished_jobs",
    "idempotency keys without an answer": "SELECT key FROM idempotency_keys WHERE response_status IS NULL OR response_body IS NULL",
    "attempts of no job": "SELECT job_id FROM job_attempts WHERE job_id NOT IN (SELECT id FROM jobs UNION ALL SELECT id FROM finished_jobs)",
    "dependencies of no job": "SELECT job_id FROM job_dependencies WHERE job_id NOT IN (SELECT id FROM jobs UNION ALL SELECT id FROM finished_jobs)",
    "flows without jobs": "SELECT id FROM flows WHERE id NOT IN (SELECT flow_id FROM jobs WHERE flow_id IS NOT NULL UNION ALL "
    "SELECT flow_id FROM finished_jobs WHERE flow_id IS NOT NULL)",
    "jobs of no flow": "SELECT id FROM (SELECT id, flow_id FROM jobs UNION ALL SELECT id, flow_id FROM finished_jobs) AS every "
    "WHERE flow_id IS NOT NULL AND flow_id NOT IN (SELECT id FROM flows)",
    "blocked jobs that wait for nobody": "SELECT id FROM jobs WHERE state = 'blocked' AND blocked_by <> "
    "(SELECT count(*) FROM job_dependencies WHERE job_id = jobs.id AND settled = 0)",
    "jobs that wait for what has ended": "SELECT d.job_id FROM job_dependencies d JOIN jobs c ON c.id = d.job_id JOIN finished_jobs p ON p.id = d.parent_id "
    "WHERE d.settled = 0 AND (p.state = 'succeeded' OR d.on_failure <> 'wait')",
    "flows that have counted otherwise": "SELECT id FROM flows WHERE (succeeded, failed) <> (SELECT coalesce(sum(CASE WHEN state = 'succeeded' THEN 1 END), 0), "
    "coalesce(sum(CASE WHEN state <> 'succeeded' THEN 1 END), 0) FROM finished_jobs WHERE flow_id = flows.id AND flow_ref IS NOT NULL)",
    "keys of jobs that are not there": "SELECT key FROM idempotency_keys WHERE scope = 'POST /api/v1/jobs' "
    f"AND {OF_ANSWER.format('id')} NOT IN (SELECT id FROM jobs UNION ALL SELECT id FROM finished_jobs) "
    f"AND {OF_ANSWER.format('queue')} <> 'purged'",
    "unique keys of jobs that are not there": "SELECT unique_key FROM unique_keys WHERE job_id NOT IN (SELECT id FROM jobs UNION ALL SELECT id FROM finished_jobs)",
    "running jobs without a lease": "SELECT id FROM jobs WHERE state = 'running' AND lease_token IS NULL",
    "results of jobs that did not succeed": "SELECT id FROM finished_jobs WHERE (state = 'succeeded') <> (result IS NOT NULL)",
}


def check_database(daemon):
    if not on_postgres():
        assert daemon.sql("PRAGMA integrity_check") == [("ok",)]
        assert daemon.sql("PRAGMA foreign_key_check") == []
    for what, query in HALVES.items():
        found = daemon.sql(query)
        assert not found, f"{what}: {found[:5]}"
    check_totals(daemon)


def check_totals(daemon):
    """What has ended was counted as it ended: no end was counted twice or forgotten. Replays and purges only take away rows."""
    counted = dict(daemon.sql("SELECT kind || '/' || queue || '/' || state, jobs FROM job_totals"))
    for what, count in daemon.sql(
        "SELECT kind || '/' || queue || '/' || state, count(*) FROM finished_jobs GROUP BY 1"
    ):
        has = int(counted.get(what, 0))
        assert has >= int(count), f"{what}: {count} have ended and {has} were counted"
