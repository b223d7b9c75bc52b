"""The memory of models: given back when they are unloaded, and held below a budget by unloading those that were not used the longest.
The models are made here, with weights of more than 40 MB."""
import json
import pathlib
import time

import pytest
from support.client import until
from support.hostile import manifest

torch = pytest.importorskip("torch")

WIDTH = 3300  # 43.6 MB of weights
CYCLES = 100


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """TorchScript files of one linear layer, each with weights of its own."""
    folder = tmp_path_factory.mktemp("models")

    def make(seed):
        path = folder / f"large-{seed}.pt"
        if not path.exists():
            torch.manual_seed(seed)
            torch.jit.script(torch.nn.Linear(WIDTH, WIDTH).eval()).save(str(path))
        return path.read_bytes()

    return make


def push_large(client, name, content):
    answer = client.push_model(name, content, manifest(name, shape=(WIDTH,), max_batch=1))
    assert answer.status == 201, answer


def predict(client, name):
    answer = client.predict(name, json.dumps({"data": [1] * WIDTH}), "application/json")
    assert answer.status == 200, answer
    return answer.json["outputs"][0]["data"]


def resident(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def repository(client, name, verb):
    answer = client.post(f"/v2/repository/models/{name}/{verb}", {})
    assert answer.status == 200, answer


def loaded(client):
    return client.get("/api/v1/status").json["worker"]["models"]


def test_a_hundred_times_loaded_and_unloaded_a_model_leaves_no_memory_behind(admin, runtime, large):
    push_large(admin, "large", large(1))
    pid = admin.get("/api/v1/status").json["worker"]["pid"]
    sizes, start = [], time.monotonic()
    for _ in range(CYCLES):
        repository(admin, "large", "load")
        assert "large/1" in loaded(admin)
        repository(admin, "large", "unload")
        assert "large/1" not in loaded(admin)
        sizes.append(resident(pid))
    growth = sizes[-1] - sizes[4]
    print(
        f"{CYCLES} cycles in {time.monotonic() - start:.1f} s; resident after the 1st, 5th, last: "
        f"{sizes[0] / 1e6:.0f}, {sizes[4] / 1e6:.0f}, {sizes[-1] / 1e6:.0f} MB"
    )
    assert growth < WIDTH * WIDTH * 4, sizes  # less than one model in all
    assert admin.get("/api/v1/status").json["worker"]["pid"] == pid
    assert len(predict(admin, "large")) == WIDTH


def test_under_a_budget_for_two_all_four_models_answer_and_never_more_than_two_are_there(new_daemon, runtime, large):
    weights = WIDTH * WIDTH * 4
    daemon = new_daemon(start=False)
    daemon.start()
    client = daemon.admin()
    daemon.wait_worker()
    names = [f"large{n}" for n in range(4)]
    for n, name in enumerate(names):
        push_large(client, name, large(n))
    expected = {name: predict(client, name) for name in names}
    needed = [model_memory(client, name) for name in names]
    assert weights <= min(needed) and max(needed) < 1.2 * min(
        needed
    ), needed  # the first is not charged for the runtime's code
    daemon.stop()
    daemon.start(environment={"MILLRACE_INFERENCE_MODEL_MEMORY_BYTES": str(max(needed) * 5 // 2)})
    daemon.wait_worker()
    for turn in range(3):
        for name in names:
            assert predict(client, name) == expected[name]
            assert 1 <= len(loaded(client)) <= 2, loaded(client)
    assert until(lambda: set(loaded(client)) == {"large2/1", "large3/1"})
    daemon.stop()


def model_memory(client, name):
    """What the engine says that it takes."""
    return client.get(f"/api/v1/models/{name}").json["versions"][0].get("loaded", {}).get("memory_bytes", 0)
