"""Every bound is one in bytes, time and count: pages, leases, edges; and keys of requests belong to who sent them."""
import json

from support.client import assert_problem

MEGABYTE = "x" * 1_000_000


def submit_large(admin, count, **fields):
    return [
        admin.post("/api/v1/jobs", {"kind": "echo", "payload": MEGABYTE, **fields}).json["id"] for _ in range(count)
    ]


def pages(client, path):
    """Every page, and the ids of all of them in their order."""
    found, ids, cursor = [], [], ""
    while cursor is not None:
        page = client.get(path + (f"&cursor={cursor}" if cursor else ""))
        assert page.status == 200, page
        found.append(page)
        ids += [item["id"] for item in page.json["data"]]
        cursor = page.json["meta"]["next_cursor"]
    return found, ids


def test_a_page_of_large_jobs_ends_by_its_bytes_and_the_pages_are_all_of_them(admin):
    wanted = submit_large(admin, 10, queue="large-pages")
    for id in wanted:
        admin.wait(id)
    found, ids = pages(admin, "/api/v1/jobs?queue=large-pages&limit=1000")
    assert max(len(page.body) for page in found) < 8 << 20  # payload and result of 4 MiB, and one more
    assert ids == wanted[::-1]


def test_a_lease_answer_ends_by_its_bytes_and_the_rest_is_left_for_the_next(admin):
    admin.set_queue("large-leases", external=True)
    wanted = submit_large(admin, 10, queue="large-leases")
    taken = []
    while len(taken) < len(wanted):
        answer = admin.post(
            "/api/v1/queues/large-leases/leases", {"worker": "w", "max": 100, "wait_seconds": 5, "lease_seconds": 60}
        )
        assert answer.status == 200 and answer.json["data"], answer
        assert len(answer.body) < 6 << 20
        taken += [each["job"]["id"] for each in answer.json["data"]]
    assert taken == wanted  # in their order, although some were put back


def test_the_edges_of_a_flow_and_of_a_batch_are_limited(admin):
    full = [{"ref": f"j{i}", "kind": "echo", "depends_on": [f"j{k}" for k in range(i)]} for i in range(150)]
    assert_problem(admin.post("/api/v1/flows", {"jobs": full}), 422)
    assert admin.post("/api/v1/flows", {"jobs": full[:90]}).status == 202
    parents = [item["id"] for item in admin.post("/api/v1/jobs/batch", {"jobs": [{"kind": "echo"}] * 600}).json["data"]]
    assert_problem(admin.post("/api/v1/jobs/batch", {"jobs": [{"kind": "echo", "depends_on": parents}] * 10}), 422)
    answer = admin.post("/api/v1/jobs/batch", {"jobs": [{"kind": "echo", "depends_on": parents}] * 5})
    assert [item["status"] for item in answer.json["data"]] == [202] * 5


def test_a_filter_that_fits_nothing_ends(admin):
    admin.post("/api/v1/jobs/batch", {"jobs": [{"kind": "echo"}] * 1000})
    for path in (
        "/api/v1/jobs?kind=none&limit=5",
        "/api/v1/jobs?tag=no=thing&limit=5",
        "/api/v1/dead-letters?error_code=none&limit=5",
    ):
        assert pages(admin, path)[1] == []


def test_an_idempotency_key_belongs_to_the_key_that_sent_it(daemon, admin):
    once = {"Idempotency-Key": "frame-1"}
    cameras = [daemon.client(daemon.create_key("submitter", f"camera-{n}")) for n in (1, 2)]
    requests = {
        "/api/v1/jobs": {"kind": "echo", "payload": 1},
        "/api/v1/flows": {"jobs": [{"ref": "a", "kind": "echo"}]},
        "/api/v1/jobs/batch": {"jobs": [{"kind": "echo"}]},
    }
    for path, body in requests.items():
        answers = [camera.post(path, body, headers=once) for camera in cameras]
        again = [camera.post(path, body, headers=once) for camera in cameras]
        assert [answer.status // 100 for answer in answers + again] == [2] * 4, answers
        assert json.loads(answers[0].body) != json.loads(answers[1].body)
        ids = [[answer.json.get("id") or answer.json["data"][0]["id"] for answer in each] for each in (answers, again)]
        assert ids[0] == ids[1] and ids[0][0] != ids[0][1]
    assert_problem(cameras[0].post("/api/v1/jobs", {"kind": "echo", "payload": 2}, headers=once), 422)
