"""A store with something of everything, moved between SQLite and PostgreSQL, and read by other means than Millrace's."""
import hashlib
import itertools
import json
import os
import sqlite3
import subprocess

from .client import moment
from .daemon import FOR_TESTS, ROOT, binary

QUIET = {"MILLRACE_INFERENCE_ENABLED": "false"}
MOST_KEPT = 20_000
OWN = ("schema_migrations", "nodes", "move_ranges", "move_rules")

FILLED = (
    "organizations keys jobs finished_jobs job_attempts job_dependencies flows unique_keys idempotency_keys job_totals queues "
    "schedules events blobs job_blobs models model_versions"
).split()


def on_sqlite(daemon):
    """Whatever store the tests run on: this daemon begins with SQLite."""
    daemon.environment.pop("MILLRACE_STORE_URL", None)
    return daemon


def move(daemon, to, *arguments, crash=None, store_url=None):
    """`millrace db move`, with what it answers for programs as `answer`; store_url is what the configuration says."""
    variables = {k: v for k, v in os.environ.items() if k not in FOR_TESTS}
    variables.update(QUIET)
    if store_url:
        variables["MILLRACE_STORE_URL"] = store_url
    if crash:
        variables["MILLRACE_CRASH_AT"] = crash
    done = subprocess.run(
        [str(binary()), "db", "move", "--to", to, "--json", "--data", str(daemon.data), *map(str, arguments)],
        text=True,
        capture_output=True,
        timeout=600,
        env=variables,
    )
    done.answer = json.loads(done.stdout) if done.stdout.startswith("{") else None
    return done


def content(rows):
    """Rows as sorted texts; of very many their number and a sum of digests."""
    texts = (json.dumps(row, sort_keys=True) for row in rows)
    first = list(itertools.islice(texts, MOST_KEPT))
    if len(first) < MOST_KEPT:
        return sorted(first)
    count, digests = 0, 0
    for text in itertools.chain(first, texts):
        count += 1
        digests += int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    return [f"{count} rows, {digests % 2**256:x}"]


def of_sqlite(path):
    """What each table holds."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        database.row_factory = sqlite3.Row
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: content(dict(row) for row in database.execute(f"SELECT * FROM {name}"))
            for name in names
            if name not in OWN and not name.startswith("sqlite_")
        }


def of_postgres(server, database):
    def rows(table):
        command = [str(server.programs / "psql"), "-qAtX", "-v", "FETCH_COUNT=10000", "-d", server.url(database)]
        with subprocess.Popen(
            [*command, "-c", f'SELECT row_to_json(t) FROM "{table}" t'], stdout=subprocess.PIPE
        ) as psql:
            yield from map(json.loads, psql.stdout)
        assert psql.returncode == 0

    names = server.sql(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace", database
    )
    return {name: content(rows(name)) for name in names.splitlines() if name not in OWN}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for table, rows in one.items():
        assert (
            rows == other[table]
        ), f"{table} differs: {sorted(set(rows) - set(other[table]))[:3]} | {sorted(set(other[table]) - set(rows))[:3]}"


def fill(daemon):
    """Jobs of every state, and something of everything else that has rows. The daemon runs, and is killed at the end."""
    admin = daemon.admin()
    admin.wait(admin.submit("echo", {"text": "ä\\\n\t\r\U0001f600'\"", "n": 2**63}, tags={"a": "b"}))
    dead = admin.submit("sleep", {"seconds": 0, "fail_times": 9}, max_attempts=1, queue="failing")
    admin.wait(dead, "dead")
    retried = admin.submit(
        "sleep", {"seconds": 0, "fail_times": 1}, retry={"backoff": "fixed", "first_seconds": 0.01}, queue="failing"
    )
    admin.wait(retried)
    admin.pause("later")
    for number in range(3):
        admin.submit("echo", {"number": number}, queue="later", unique_key=f"key {number}")
    cancelled = admin.submit("echo", {}, queue="later")
    assert admin.post(f"/api/v1/jobs/{cancelled}/cancel").status == 200
    admin.wait(admin.submit("echo", {}, queue="later", expires_at=moment(0.3)), "expired")
    scheduled = admin.submit("echo", {}, run_at="2099-01-01T00:00:00Z", headers={"Idempotency-Key": "once"})
    admin.submit("echo", {}, depends_on=[scheduled])
    flow = {
        "name": "f",
        "jobs": [{"ref": "one", "kind": "echo"}, {"ref": "two", "kind": "echo", "run_at": moment(3600)}],
    }
    assert admin.post("/api/v1/flows", flow).status in (200, 201, 202)
    schedule = {"name": "s", "cron": "@yearly", "job": {"kind": "echo"}}
    assert admin.post("/api/v1/schedules", schedule).status in (200, 201)
    blob = admin.put("/api/v1/blobs", b"content").json["sha256"]
    admin.submit("echo", {"file": {"blob": blob}}, run_at=moment(3600))
    assert admin.post("/api/v1/keys", {"name": "viewer", "role": "viewer"}).status in (200, 201)
    models = ROOT / "tests" / "data" / "models"
    pushed = admin.push_model(
        "digits", (models / "digits.pt").read_bytes(), (models / "digits.manifest.json").read_bytes()
    )
    assert pushed.status in (200, 201), pushed
    running = admin.submit("sleep", {"seconds": 600}, queue="running")
    admin.wait(running, "running")
    daemon.kill()
    with sqlite3.connect(f"{daemon.data}/millrace.db") as database:
        database.execute("UPDATE sqlite_sequence SET seq = seq + 1000 WHERE name = 'events'")  # the last were deleted
        states = {
            row[0]
            for row in database.execute("SELECT state FROM jobs UNION SELECT state FROM finished_jobs").fetchall()
        }
        empty = [name for name in FILLED if not database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]]
    assert not empty, empty
    assert states == {"queued", "scheduled", "blocked", "running", "succeeded", "dead", "cancelled", "expired"}, states
    return {"blob": blob, "dead": dead, "scheduled": scheduled, "running": running}
