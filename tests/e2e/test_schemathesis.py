"""The contract tried by Schemathesis with each role: requests that it derives from the OpenAPI document, those that fit it and those that
do not. No answer may be a 5xx, or one that the document does not have.

A few examples an operation here; MILLRACE_SCHEMATHESIS_EXAMPLES=200 for an hour of it."""
import os
import subprocess
import sys

import pytest
from support.brought import brought
from support.daemon import ROOT

PACKAGES = brought("schemathesis")
EXAMPLES = os.environ.get("MILLRACE_SCHEMATHESIS_EXAMPLES", "2")
# Said by the document to be 501: Triton's clients ask for them, and are told that there is no such thing here.
# And the event stream has no end.
WITHOUT = "/v2/(system|cuda)sharedmemory|/trace/setting$|/v2/logging$|/events/stream$"
# What fits the schema may yet name a model that is not there, a cursor that no page has given, a time that is past. Null in place of an
# optional member is taken as its absence where nothing is deleted or replayed.
ASIDE = "positive_data_acceptance,negative_data_rejection"


@pytest.fixture(scope="module")
def furnished(admin, digits):
    """Something to be found: jobs of several ends, a model, a schedule."""
    admin.wait(admin.submit("echo", {"a": 1}, tags={"site": "north"}))
    admin.wait(admin.submit("sleep", {"seconds": 0, "fail_times": 1}, max_attempts=1))
    assert admin.post("/api/v1/schedules", {"name": "nightly", "cron": "@daily", "job": {"kind": "echo"}}).status == 201


@pytest.mark.parametrize("role", ["viewer", "submitter", "operator", "admin"])
def test_every_answer_is_one_that_the_contract_has(daemon, roles, furnished, role, tmp_path):
    # An invented method, or one younger than the daemon such as QUERY, is rightly 501 (RFC 9110, 15.6.2).
    (tmp_path / "schemathesis.toml").write_text(
        '[phases.coverage]\nunexpected-methods = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE"]\n'
    )
    command = [
        sys.executable,
        "-c",
        "from schemathesis.cli import schemathesis; schemathesis()",
        "run",
        str(ROOT / "embedded/openapi.json"),
        "--url",
        f"http://127.0.0.1:{daemon.port}",
        "--header",
        f"Authorization: Bearer {roles[role].key}",
        "--phases",
        "examples,coverage,fuzzing",
        "--max-examples",
        EXAMPLES,
        "--seed",
        "7",
        "--generation-database",
        "none",
        "--exclude-path-regex",
        WITHOUT,
        "--exclude-checks",
        ASIDE,
        "--request-timeout",
        "60",
        "--continue-on-failure",
        "--no-color",
    ]
    out = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(PACKAGES)}, capture_output=True, text=True
    )
    assert out.returncode == 0, out.stdout[-20_000:] + out.stderr[-2000:]
