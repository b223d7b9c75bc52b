"""What operators want to hear of, in the order in which it happened, to be followed from wherever one was."""
import pytest
from support.client import assert_problem, query

ROOT = "/api/v1/events"


def events(client, **filters):
    answer = client.get(ROOT + query(**filters))
    assert answer.status == 200, answer
    return answer.json["data"]


def happen(client, name):
    """A pause, its end and a death."""
    client.pause(name, reason="for the events", until="2099-01-01T00:00:00Z")
    client.resume(name)
    return client.wait(client.submit("sleep", {"seconds": 0, "fail_times": 1}, queue=name, max_attempts=1), "dead")


def test_each_event_says_what_happened_to_what_and_when(daemon, admin):
    operator = daemon.client(daemon.create_key("operator", name="Grace"))
    dead = happen(operator, "night")
    paused, resumed, died = events(operator)[-3:]
    assert (paused["type"], paused["subject"]) == ("queue.paused", "night")
    assert paused["data"] == {"reason": "for the events", "by": "Grace", "until": "2099-01-01T00:00:00.000000Z"}
    assert (resumed["type"], resumed["subject"], resumed["data"]) == ("queue.resumed", "night", {"by": "Grace"})
    assert (died["type"], died["subject"]) == ("job.dead", dead["id"])
    assert died["data"] == {"queue": "night", "kind": "sleep", "error": dead["error"]}
    assert (
        paused["id"] < resumed["id"] < died["id"] and paused["at"] <= resumed["at"] <= died["at"] == dead["finished_at"]
    )


def test_events_are_followed_from_the_last_one_seen(admin):
    happen(admin, "followed")
    last = events(admin, limit=1000)[-1]["id"]
    assert events(admin, after=last) == []
    happen(admin, "followed")
    assert [event["type"] for event in events(admin, after=last)] == ["queue.paused", "queue.resumed", "job.dead"]


def test_events_are_read_by_pages_and_by_type(admin):
    begin = (events(admin, limit=1000) or [{"id": 0}])[-1]["id"]
    for n in range(3):
        happen(admin, f"paged-{n}")
    every, cursor = [], begin
    while cursor is not None:
        page = admin.get(ROOT + query(limit=2, cursor=cursor)).json
        every += page["data"]
        cursor = page["meta"]["next_cursor"]
    assert every == events(admin, after=begin, limit=1000) and len(every) == 9
    assert [event["subject"] for event in events(admin, after=begin, type="queue.paused")] == [
        "paged-0",
        "paged-1",
        "paged-2",
    ]
    assert {event["type"] for event in events(admin, after=begin, type="queue")} == {"queue.paused", "queue.resumed"}
    assert events(admin, after=begin, type="que") == []
    first = admin.get(ROOT + query(after=begin, type="job.dead", limit=1)).json
    assert len(first["data"]) == 1 and len(events(admin, cursor=first["meta"]["next_cursor"], type="job.dead")) == 2


def test_a_job_that_dies_of_another_is_told_of_too(admin):
    parent = admin.wait(admin.submit("sleep", {"seconds": 0, "fail_times": 1}, max_attempts=1), "dead")
    child = admin.submit(depends_on=[parent["id"]])
    (event,) = admin.events("job.dead", subject=child)
    assert event["data"]["error"]["code"] == "dependency_failed"


def test_events_outlive_a_kill(new_daemon):
    daemon = new_daemon()
    happen(daemon.admin(), "night")
    before = events(daemon.admin())
    daemon.kill()
    daemon.start()
    assert events(daemon.admin()) == before and len(before) == 3
    daemon.stop()


@pytest.mark.parametrize(
    "filters",
    ["?after=x", "?after=-1", "?cursor=", "?limit=0", "?limit=1001", "?since=1", "?after=99999999999999999999"],
)
def test_a_wrong_filter_is_said_to_be_wrong(admin, filters):
    assert_problem(admin.get(ROOT + filters), (400, 422))


def test_events_are_for_operators(roles):
    for role, status in (("viewer", 403), ("submitter", 403), ("operator", 200), ("admin", 200)):
        assert roles[role].get(ROOT).status == status
