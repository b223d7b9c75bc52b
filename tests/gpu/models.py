"""The models that the checks of a device run: seeded, so that the processor and the device are given the same weights.

Each writer puts NAME.pt and NAME.manifest.json into a folder. Needs torch >= 1.13, with or without CUDA.
"""
import json
import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
from make_models import Bottleneck, image_manifest, residual_network, small_cnn  # noqa: E402


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.head = nn.Linear(32, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out, _ = self.lstm(x)
        return self.head(out[:, -1])


class Encoder(nn.Module):
    """Embeddings, two layers of attention with GELU, a mean over the tokens."""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(1000, 64)
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, activation="gelu", batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.layers(self.tokens(ids)).mean(dim=1)


class Hungry(nn.Module):
    """Takes `megabytes` for each row at once: a full batch does not fit where one row does."""

    def __init__(self, megabytes: int):
        super().__init__()
        self.floats = megabytes * 262144

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        room = torch.ones(x.size(0), self.floats, device=x.device)
        return x * 2 + (room[:, :1] - 1)


class Poison(nn.Module):
    """Reads a row of a table by the number that it is given. A number beyond it is an assertion on a CUDA device, after which
    nothing runs there any more."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.table(x)


class Busy(nn.Module):
    """Many small operations one after another: alone they leave most of a large device idle."""

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps
        self.layer = nn.Linear(64, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(self.steps):
            x = torch.tanh(self.layer(x))
        return x


def tensor_manifest(name, shape, out, datatype="FP32", out_type="FP32", most=32, **more):
    return {
        "format": 1,
        "name": name,
        "task": "tensor",
        "input": {"name": "x", "kind": "tensor", "datatype": datatype, "shape": shape},
        "output": {"name": "y", "datatype": out_type, "shape": out},
        "postprocess": {"kind": "raw"},
        "batching": {"max_batch": most},
        "limits": {"max_input_bytes": 1 << 24, "timeout_seconds": 60},
        **more,
    }


def write(folder: Path, network: nn.Module, manifest: dict) -> None:
    torch.jit.save(torch.jit.script(network.eval()), str(folder / f"{manifest['name']}.pt"))
    (folder / f"{manifest['name']}.manifest.json").write_text(json.dumps({"format": 1, **manifest}) + "\n")


def write_all(folder: Path, row_megabytes: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    write(folder, residual_network(Bottleneck, (3, 4, 6, 3), 4), image_manifest("resnet50", "for measuring", 224, 1000))
    write(folder, small_cnn(), {**tensor_manifest("cnn", [3, 64, 64], [10])})
    write(folder, Recurrent(), tensor_manifest("lstm", [12, 16], [4]))
    # Numbers that are made up would not be tokens.
    write(
        folder,
        Encoder(),
        tensor_manifest("encoder", [24], [64], datatype="INT64", warm_up={"inputs": [{"data": list(range(24))}]}),
    )
    write(
        folder,
        Hungry(row_megabytes),
        tensor_manifest("hungry", [4], [4], most=16, warm_up=False, batching={"max_batch": 16, "max_delay_ms": 300}),
    )
    write(
        folder,
        Poison(),
        tensor_manifest("poison", [1], [1, 4], datatype="INT64", most=1, warm_up={"inputs": [{"data": [1]}]}),
    )
    for instances in (1, 2):
        write(
            folder,
            Busy(200),
            tensor_manifest(f"busy{instances}", [64], [64], most=1, execution={"instances": instances, "threads": 1}),
        )


def expected(folder: Path, name: str, rows):
    """What Python computes on the processor."""
    with torch.no_grad():
        return torch.jit.load(str(folder / f"{name}.pt"))(rows)
