"""What a browser gets for an address that is typed into it, and what a program gets there."""
import pytest
from support.client import assert_problem

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    "path, status",
    [
        ("/", 200),
        ("/docs", 200),
        ("/jobs", 200),
        ("/jobs/", 200),
        ("/docs/", 200),
        ("/queues", 404),
        ("/no/such/page", 404),
    ],
)
def test_a_browser_gets_the_page_wherever_it_goes(anonymous, path, status):
    answer = anonymous.get(path, headers=BROWSER)
    assert answer.status == status and answer.headers["Content-Type"].startswith("text/html"), answer
    assert (
        b"<!doctype html>" in answer.body.lower() and "script-src 'self'" in answer.headers["Content-Security-Policy"]
    )
    head = anonymous.request("HEAD", path, headers=BROWSER)
    assert head.status == status and head.body == b""


def test_a_program_gets_a_problem_document(anonymous, admin):
    for path in ("/queues", "/jobs/", "/no/such/page"):
        assert_problem(anonymous.get(path), 404, "not-found")
        assert_problem(anonymous.get(path, headers={"Accept": "application/json"}), 404, "not-found")
    for path in ("/api/v1/nothing", "/api/v1/jobs/0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55", "/assets/none.js"):
        assert_problem(admin.get(path, headers=BROWSER), 404, "not-found")
    assert admin.get("/v2/models/none", headers=BROWSER).headers["Content-Type"] == "application/json"
    assert_problem(anonymous.request("POST", "/queues", body=b"", headers=BROWSER), (404, 405))
