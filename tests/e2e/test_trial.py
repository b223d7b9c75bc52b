"""Models that must never serve: each is refused by its trial, with the reason, and leaves nothing behind."""
import json
import os
import pty
import select
import subprocess
import zipfile

import pytest
from support.client import assert_problem, until
from support.daemon import Daemon, binary

torch = pytest.importorskip("torch")

MANIFEST = {
    "format": 1,
    "name": "bad",
    "task": "tensor",
    "input": {"name": "x", "kind": "tensor", "datatype": "FP32", "shape": [4]},
    "output": {"name": "y", "datatype": "FP32", "shape": [2]},
    "postprocess": {"kind": "raw"},
    "batching": {"max_batch": 2},
}


class Endless(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        i = 0
        while i >= 0:
            i = (i + 1) % 1000003
        return x[:, :2] + i


class Greedy(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :2] + torch.zeros(50 << 30, dtype=torch.uint8).sum()


class WrongShape(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :3]


class WrongType(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :2].to(torch.int64)


class WrongRows(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:1, :2]


class Throwing(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.size(0) >= 0:
            raise RuntimeError("I do not feel like it")
        return x


class NoTensor(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> str:
        return "nonsense"


class OtherInput(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x, torch.ones(2, 9))


class Printing(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        print("my weights are", "not trained")
        return x[:, :2]


class Good(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :2] * 2


@pytest.fixture(scope="module")
def scripted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")

    def make(kind):
        path = folder / f"{kind.__name__}.pt"
        if not path.exists():
            torch.jit.save(torch.jit.script(kind()), str(path))
        return path

    return make


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A daemon that waits for no model long, and gives its workers little memory."""
    running = Daemon(
        tmp_path_factory.mktemp("strict") / "data",
        environment={
            "MILLRACE_INFERENCE_LOAD_TIMEOUT_SECONDS": "6",
            "MILLRACE_INFERENCE_MEMORY_LIMIT_BYTES": str(4 << 30),
        },
    )
    try:
        running.start()
        running.wait_worker()
        yield running
        running.stop()
    finally:
        running.clean_up()


@pytest.mark.parametrize(
    "kind, reason",
    [
        (Endless, "too long"),
        (Greedy, "memory"),
        (WrongShape, "[2]"),
        (WrongType, "FP32"),
        (WrongRows, ""),
        (Throwing, "I do not feel like it"),
        (NoTensor, "returned a String"),
        (OtherInput, ""),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_a_model_that_must_not_serve_is_refused_with_the_reason(strict, scripted, kind, reason):
    admin = strict.admin()
    worker = strict.worker_pid()
    answer = admin.push_model("bad", scripted(kind).read_bytes(), json.dumps(MANIFEST))
    assert_problem(answer, 422)
    assert reason in answer.json["detail"], answer
    assert len(answer.json["detail"]) > 20
    assert all(model["name"] == "good" for model in admin.get("/api/v1/models").json["data"])
    until(
        lambda: not [path for path in (strict.data / "models").rglob("*") if path.is_file() and path.name != "model.pt"]
    )
    # What serves has noticed nothing of it.
    assert strict.worker_pid() == worker
    assert admin.push_model("good", scripted(Good).read_bytes(), json.dumps({**MANIFEST, "name": "good"})).status == 201
    assert admin.predict("good", b'{"data": [1, 2, 3, 4]}', "application/json").json["outputs"][0]["data"] == [2, 4]
    assert (
        admin.delete("/api/v1/models/good/versions/" + admin.get("/api/v1/models/good").json["production"]).status
        == 204
    )


class NewOperators(torch.nn.Module):
    """Operators of file format 6 and later: torch.jit.save writes the version to another place for them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.gelu(x)[:, :2] + torch.linspace(0.0, 1.0, 2)


def test_a_model_with_operators_of_a_later_file_format_is_taken(strict, scripted):
    admin = strict.admin()
    model = scripted(NewOperators)
    assert any(name.endswith("/.data/version") for name in zipfile.ZipFile(model).namelist())
    answer = admin.push_model("gelu", model.read_bytes(), json.dumps({**MANIFEST, "name": "gelu"}))
    assert answer.status == 201, answer
    outputs = admin.predict("gelu", b'{"data": [1, -2, 3, 4]}', "application/json").json["outputs"][0]["data"]
    assert outputs == pytest.approx(
        torch.jit.load(str(model))(torch.tensor([[1.0, -2.0, 3.0, 4.0]]))[0].tolist(), abs=1e-4
    )


def test_what_a_model_prints_on_its_trial_is_in_the_log(strict, scripted):
    admin = strict.admin()
    assert (
        admin.push_model(
            "printing", scripted(Printing).read_bytes(), json.dumps({**MANIFEST, "name": "printing"})
        ).status
        == 201
    )
    lines = [line for line in strict.log().splitlines() if "my weights are not trained" in line]
    assert any('model="printing/' in line and 'on trial' in line for line in lines), lines


def test_the_command_line_says_that_it_is_checking(strict, scripted, tmp_path):
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps(MANIFEST))
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [binary(), "model", "push", "bad", scripted(Endless), manifest, "--data", strict.data],
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as push:
        os.close(theirs)
        seen = b""
        while push.poll() is None or select.select([ours], [], [], 0)[0]:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    seen += os.read(ours, 65536)
                except OSError:  # its end is closed
                    break
        assert push.wait() == 1
    os.close(ours)
    text = seen.decode(errors="replace")
    assert "checking" in text and text.index("checking") < text.index("too long"), text
