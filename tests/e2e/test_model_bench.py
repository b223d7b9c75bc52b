"""millrace model bench: the user's own measurement, against the daemon that runs."""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from support.daemon import binary

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
MODELS, PICTURES = DATA / "models", sorted((DATA / "digits/samples").glob("*.png"))


@pytest.fixture(scope="module")
def digits(run, runtime):
    run("model", "push", "digits", MODELS / "digits.pt", MODELS / "digits.manifest.json")
    return "digits"


def test_a_row_for_each_batch_and_number_of_connections(ask, digits):
    found = ask("model", "bench", digits, "--concurrency", "1,4", "--batch", "1,8", "--seconds", "0.3")
    assert [(row["batch"], row["concurrency"]) for row in found["rows"]] == [(1, 1), (1, 4), (8, 1), (8, 4)]
    for row in found["rows"]:
        assert row["errors"] == 0 and row["requests"] > 0 and row["per_second"] > 0, found
        latency = row["latency_ms"]
        assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"], row
        assert row["infer_ms"] > 0 and row["batch_size"] >= 1
    assert found["error"] is None and found["interrupted"] is False
    assert found["rows"][2]["batch_size"] > 7  # eight that came together are run together, nearly always


def test_the_table_is_for_people(run, digits):
    out = run(
        "model", "bench", digits, "--concurrency", "2", "--batch", "1", "--seconds", "0.2", "--input", *PICTURES[:2]
    ).stdout
    head, row = out.splitlines()
    assert head.split()[:3] == ["CONNECTIONS", "BATCH", "ITEMS/S"]
    assert row.split()[:2] == ["2", "1"] and float(row.split()[2]) > 0


def test_what_is_measured_is_no_part_of_a_comparison(ask, admin, digits):
    admin.request("POST", f"/api/v1/models/{digits}/predict", PICTURES[0].read_bytes(), {"Content-Type": "image/png"})

    def compared():
        versions = admin.get(f"/api/v1/models/{digits}/comparison").json["versions"]
        return [(each["version"], each["predictions"]) for each in versions]

    before = compared()
    assert before and before[0][1] > 0
    for wanted in ([], ["--version", "1"]):
        assert (
            ask("model", "bench", digits, *wanted, "--concurrency", "2", "--batch", "1,4", "--seconds", "0.2")["rows"][
                0
            ]["requests"]
            > 0
        )
    assert compared() == before


def test_made_up_tensors_go_by_batches(ask, run, runtime, tmp_path):
    run("model", "push", "land_cover", MODELS / "land_cover.pt", MODELS / "land_cover.manifest.json")
    found = ask("model", "bench", "land_cover", "--concurrency", "1", "--batch", "2", "--seconds", "0.2")
    assert found["rows"][0]["errors"] == 0 and found["rows"][0]["requests"] > 0, found


def test_what_the_model_refuses_is_counted_and_said(run, ask, digits, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    out = run(
        "model",
        "bench",
        digits,
        "--concurrency",
        "1",
        "--batch",
        "1",
        "--seconds",
        "0.2",
        "--input",
        broken,
        "--json",
        expect=1,
    )
    found = json.loads(out.stdout)
    assert found["rows"][0]["errors"] > 0 and found["rows"][0]["requests"] == 0
    assert found["error"].startswith("422: ") and found["error"][5:] in out.stderr
    run("model", "bench", "no_such_model", expect=1)
    run("model", "bench", digits, "--version", "99", expect=1)
    run("model", "bench", digits, "--batch", "0", expect=2)


def test_ctrl_c_prints_what_there_is(daemon, digits):
    command = [
        str(binary()),
        "model",
        "bench",
        digits,
        "--data",
        str(daemon.data),
        "--seconds",
        "60",
        "--concurrency",
        "1,2",
        "--batch",
        "1",
        "--json",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    found = json.loads(out)
    assert process.returncode == 0 and found["interrupted"] is True
    assert len(found["rows"]) == 1 and found["rows"][0]["requests"] > 0
