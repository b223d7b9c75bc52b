"""The runtime module that attacks (tests/hostile), and the small TorchScript models that do."""
import contextlib
import json
import pathlib
import re
import threading

from .daemon import ROOT, binary

ACTS = {
    name: int(number) for name, number in re.findall(r"(\w+) = (\d+),", (ROOT / "tests/hostile/acts.hpp").read_text())
}
MODELS = ROOT / "tests/unit/inference/models"


def hostile_runtime():
    """libhostile_runtime.so, beside the program in the build folder."""
    return binary().parents[1] / "tests/hostile/libhostile_runtime.so"


def manifest(name, max_batch=8, timeout_seconds=20, shape=(4,), **members):
    """Of a model that takes some numbers and gives as many."""
    tensor = {"datatype": "FP32", "shape": list(shape)}
    return json.dumps(
        {
            "format": 1,
            "name": name,
            "task": "tensor",
            "input": {"name": "x", "kind": "tensor", **tensor},
            "output": {"name": "y", **tensor},
            "batching": {"max_batch": max_batch},
            "limits": {"timeout_seconds": timeout_seconds},
            **members,
        }
    )


def push(client, name, file="numbers.pt", **options):
    """Pushes one of the small models as `name`."""
    answer = client.push_model(name, (MODELS / file).read_bytes(), manifest(name, **options))
    assert answer.status == 201, answer
    return name


def ask(client, name, *values):
    """The answer to a synchronous prediction of four numbers."""
    numbers = [*values, 1, 2, 3][:4]
    return client.predict(name, json.dumps({"data": numbers}), "application/json")


def job(name, *values):
    """The same as a job, to be submitted."""
    return {"kind": "infer", "payload": {"model": name, "input": {"data": [*values, 1, 2, 3][:4]}}}


def first_output(answer):
    """Of an answer or a job that succeeded: the first number."""
    result = answer.json if hasattr(answer, "json") else answer["result"]
    return result["outputs"][0]["data"][0]


@contextlib.contextmanager
def others_asking(daemon, name, count):
    """Clients that ask for predictions of a model again and again meanwhile; the list that their answers go to."""
    answers, stop = [], threading.Event()

    def keep_asking():
        mine = daemon.admin()
        while not stop.is_set():
            answers.append(ask(mine, name, 21))

    threads = [threading.Thread(target=keep_asking) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()
