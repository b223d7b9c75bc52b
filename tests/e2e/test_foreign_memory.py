"""Memory that a model asks for and does not write never shows what another caller has sent."""
import json
import typing

import pytest
from support.daemon import Daemon

torch = pytest.importorskip("torch")

SIZE = 4096
SECRET = 1234.5


class Echo(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 1.0 + 0.0


class Empty(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.empty(x.size(0), 4096)


class EmptyLike(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.empty_like(x)


class NewEmpty(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.new_empty([x.size(0), 4096])


class Strided(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.empty_strided([x.size(0), 4096], [4096, 1])


class Grown(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros(1).resize_([x.size(0), 4096])


class Forked(torch.nn.Module):
    def later(self, x: torch.Tensor) -> torch.Tensor:
        return torch.empty(x.size(0), 4096)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.jit.wait(torch.jit.fork(self.later, x))


class InABranch(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = x
        for _ in range(2):
            if x.size(0) > 0:
                out = torch.empty(x.size(0), 4096)
        return out


class AtLoad(torch.nn.Module):
    """Takes memory while it is loaded, keeps it, and has no such operator where it runs."""

    def __init__(self):
        super().__init__()
        self.kept, self.training = torch.zeros(1, SIZE), False

    @torch.jit.export
    def __getstate__(self) -> typing.Tuple[bool]:
        return (self.training,)

    @torch.jit.export
    def __setstate__(self, state: typing.Tuple[bool]):
        self.training = state[0]
        self.kept = torch.empty(1, 4096)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.kept.repeat([x.size(0), 1])


def manifest(name):
    return json.dumps(
        {
            "format": 1,
            "name": name,
            "task": "tensor",
            "input": {"name": "x", "kind": "tensor", "shape": [SIZE]},
            "output": {"name": "y", "shape": [SIZE]},
            "postprocess": {"kind": "raw"},
        }
    )


def push(admin, kind, folder):
    torch.jit.save(torch.jit.script(kind()), str(folder / "model.pt"))
    answer = admin.push_model(
        kind.__name__.lower(), (folder / "model.pt").read_bytes(), manifest(kind.__name__.lower())
    )
    assert answer.status == 201, answer


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A daemon with one pass at a time, so that memory is used again by the next."""
    running = Daemon(tmp_path_factory.mktemp("shared") / "data", environment={"MILLRACE_INFERENCE_THREADS": "1"})
    try:
        running.start()
        running.wait_worker()
        push(running.admin(), Echo, tmp_path_factory.mktemp("echo"))
        yield running
        running.stop()
    finally:
        running.clean_up()


@pytest.mark.parametrize(
    "kind", [Empty, EmptyLike, NewEmpty, Strided, Grown, Forked, InABranch, AtLoad], ids=lambda kind: kind.__name__
)
def test_no_other_callers_input_is_seen(shared, tmp_path, kind):
    admin = shared.admin()
    push(admin, kind, tmp_path)
    secret = json.dumps({"data": [SECRET] * SIZE}).encode()
    for _ in range(8):
        assert admin.predict("echo", secret, "application/json").status == 200
        answer = admin.predict(kind.__name__.lower(), json.dumps({"data": [0.0] * SIZE}).encode(), "application/json")
        assert answer.status == 200, answer
        seen = answer.json["outputs"][0]["data"]
        assert SECRET not in seen, f"{seen.count(SECRET)} of {SIZE} numbers are another caller's"
        assert not any(seen)
