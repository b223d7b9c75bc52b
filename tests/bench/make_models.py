#!/usr/bin/env python3
"""Makes the networks that the benchmarks run, with random weights: what they cost does not depend on the values.

    make_models.py FOLDER

  resnet18      an 18-layer residual network (He et al. 2015) for 224 x 224 RGB images, 1,000 labels, 11.7 million
                parameters
  resnet50      a 50-layer one with bottlenecks, 25.6 million parameters: for GPUs
  small_cnn     four convolutions for 64 x 64 RGB images, 10 labels, about 99 thousand parameters
  linear        one layer of 16 numbers to 4, which costs next to nothing: what is left is the way there and back

Each comes as NAME.pt (TorchScript) and NAME.manifest.json. Needs torch >= 1.13; seeded, so that two runs agree.
"""
import json
import sys
from pathlib import Path

import torch
from torch import nn


class Residual(nn.Module):
    """Two 3x3 convolutions and a way around them, which is itself a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        around = [nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)]
        self.around = nn.Sequential(*around) if stride != 1 or inputs != outputs else nn.Identity()

    def forward(self, x):
        return torch.relu(self.body(x) + self.around(x))


class Bottleneck(nn.Module):
    """A 3x3 convolution between two of 1x1 that make it narrow and wide again, and a way around them."""

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        outputs = 4 * width
        self.body = nn.Sequential(
            nn.Conv2d(inputs, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        around = [nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)]
        self.around = nn.Sequential(*around) if stride != 1 or inputs != outputs else nn.Identity()

    def forward(self, x):
        return torch.relu(self.body(x) + self.around(x))


def residual_network(block, counts, wider: int) -> nn.Module:
    """Four stages of blocks whose outputs are `wider` times their width."""
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for width, stride, count in zip((64, 128, 256, 512), (1, 2, 2, 2), counts):
        for index in range(count):
            layers.append(block(inputs, width, stride if index == 0 else 1))
            inputs = wider * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1000))


def small_cnn() -> nn.Module:
    layers, inputs = [], 3
    for outputs in (16, 32, 64, 128):
        layers += [
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


def write(folder: Path, model: nn.Module, manifest: dict) -> None:
    name = manifest["name"]
    torch.jit.save(torch.jit.script(model.eval()), str(folder / f"{name}.pt"))
    (folder / f"{name}.manifest.json").write_text(json.dumps({"format": 1, **manifest}) + "\n")
    print(f"{folder / name}.pt: {sum(p.numel() for p in model.parameters()):,} parameters")


def image_manifest(name: str, description: str, side: int, labels: int) -> dict:
    return {
        "name": name,
        "description": description,
        "task": "image_classification",
        "input": {
            "name": "image",
            "kind": "image",
            "datatype": "FP32",
            "shape": [3, side, side],
            "color": "rgb",
            "resize": [side, side],
            "scale": 1 / 255,
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
        },
        "output": {"name": "logits", "datatype": "FP32", "shape": [labels]},
        "labels": [f"class {index}" for index in range(labels)],
        "postprocess": {"kind": "softmax_top_k", "top_k": 5},
        "batching": {"max_batch": 32, "max_delay_ms": 2},
        "limits": {"max_input_bytes": 16777216, "timeout_seconds": 60},
        "warm_up": True,
    }


def tensor_manifest(name: str, description: str, inputs: int, outputs: int) -> dict:
    return {
        "name": name,
        "description": description,
        "task": "tensor",
        "input": {"name": "x", "kind": "tensor", "datatype": "FP32", "shape": [inputs]},
        "output": {"name": "y", "datatype": "FP32", "shape": [outputs]},
        "postprocess": {"kind": "raw"},
        "batching": {"max_batch": 32, "max_delay_ms": 0},
        "limits": {"max_input_bytes": 65536, "timeout_seconds": 10},
        "warm_up": True,
    }


def main(folder: Path) -> None:
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    for name, layers, network in (
        ("resnet18", 18, residual_network(Residual, (2, 2, 2, 2), 1)),
        ("resnet50", 50, residual_network(Bottleneck, (3, 4, 6, 3), 4)),
    ):
        write(
            folder,
            network,
            image_manifest(name, f"{layers}-layer residual network with random weights, for measuring", 224, 1000),
        )
    write(
        folder,
        small_cnn(),
        image_manifest("small_cnn", "Small convolutional network with random weights, for measuring", 64, 10),
    )
    write(
        folder,
        nn.Linear(16, 4),
        tensor_manifest("linear", "One linear layer with random weights, for measuring", 16, 4),
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
