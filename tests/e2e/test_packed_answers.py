"""JSON answers, packed with gzip for whoever accepts that."""
import gzip
import json


def test_a_read_is_packed_for_whoever_accepts_it(admin):
    for _ in range(10):
        admin.submit(payload={"text": "again and again " * 10})
    plain = admin.get("/api/v1/jobs?limit=10", headers={"Accept-Encoding": "identity"})
    packed = admin.get("/api/v1/jobs?limit=10", headers={"Accept-Encoding": "br, gzip;q=0.8"})
    assert "Content-Encoding" not in plain.headers and plain.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["Content-Encoding"] == "gzip" and packed.headers["Vary"] == "Accept-Encoding"
    ids = [job["id"] for job in plain.json["data"]]
    assert [job["id"] for job in json.loads(gzip.decompress(packed.body))["data"]] == ids
    assert len(packed.body) < len(plain.body) / 3
    none = admin.get("/api/v1/jobs?limit=10", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in none.headers
    small = admin.get(f"/api/v1/results/{ids[0]}", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in small.headers
    write = {"jobs": [{"kind": "echo"}] * 100}
    written = admin.post("/api/v1/jobs/batch", write, headers={"Accept-Encoding": "gzip"})
    assert len(written.json["data"]) == 100 and "Content-Encoding" not in written.headers  # others hold secrets


def test_a_packed_answer_has_a_tag_that_its_client_can_ask_with(admin):
    job = admin.wait(admin.submit(payload={"text": "again and again " * 200}))["id"]
    plain = admin.get(f"/api/v1/results/{job}")
    packed = admin.get(f"/api/v1/results/{job}", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and packed.headers["ETag"] == "W/" + plain.headers["ETag"]
    for tag in (plain.headers["ETag"], packed.headers["ETag"]):
        again = admin.get(f"/api/v1/results/{job}", headers={"Accept-Encoding": "gzip", "If-None-Match": tag})
        assert again.status == 304 and again.body == b""
