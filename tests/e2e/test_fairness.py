"""Everybody is served: what one model does holds up no other, and a worker that works is left alone."""
import pathlib
import threading
import time

import pytest
from support.client import until
from support.hostile import ask, first_output, job, push

PICTURE = (pathlib.Path(__file__).resolve().parents[1] / "data/digits/samples/digit-7-row-1442.png").read_bytes()
HANGS = 902.0  # what numbers.pt makes of it: tests/unit/inference/models/make_models.py


@pytest.fixture(scope="module")
def doubles(admin, runtime):
    return push(admin, "doubles")


def in_flight(admin):
    return admin.get("/api/v1/status").json["worker"]["in_flight"]


def restarts(admin):
    return admin.get("/api/v1/status").json["worker"]["restarts"]


@pytest.mark.parametrize("how", ["predictions", "jobs"])
def test_a_tiny_model_that_hangs_holds_up_no_other(daemon, admin, digits, doubles, how):
    """Its warm-up takes microseconds, two inputs of it hang, and further ones wait behind them."""
    hangs = push(admin, "hangs-" + how, timeout_seconds=8)
    assert ask(admin, hangs, 1).status == 200 and ask(admin, doubles, 1).status == 200
    assert admin.predict(digits, PICTURE, "image/png").status == 200
    hanging = [
        threading.Thread(target=lambda: ask(daemon.admin(), hangs, HANGS))
        for _ in range(4 if how == "predictions" else 0)
    ]
    for thread in hanging:
        thread.start()
    jobs = [
        admin.post("/api/v1/jobs", {**job(hangs, HANGS), "max_attempts": 1}).json["id"]
        for _ in range(0 if hanging else 4)
    ]
    assert until(lambda: in_flight(admin) >= 2)
    before = restarts(admin)
    for turn in range(20):
        assert admin.predict(digits, PICTURE, "image/png").status == 200
        assert first_output(ask(admin, doubles, turn)) == 2 * turn
    assert restarts(admin) == before and in_flight(admin) >= 2, "it was over before the others"
    # Its limit still ends it, although others are answered all the time.
    assert until(lambda: ask(admin, doubles, 1).status and restarts(admin) > before, 30)
    for thread in hanging:
        thread.join()
    for each in jobs:
        admin.wait(each, "dead", seconds=90)
    assert until(lambda: in_flight(admin) == 0 and ask(admin, doubles, 1).status == 200, 90)


def test_a_worker_under_ordinary_load_is_left_alone(admin, digits):
    def is_steady():
        count = restarts(admin)
        time.sleep(2)
        return restarts(admin) == count

    assert until(is_steady, 60), "what an earlier test left hanging still ends workers"
    before, begin = restarts(admin), time.monotonic()
    for turn in range(300 * 15):
        assert admin.predict(digits, PICTURE, "image/png").status == 200
        time.sleep(max(0, begin + turn / 300 - time.monotonic()))
        if time.monotonic() > begin + 15:
            break
    assert restarts(admin) == before
