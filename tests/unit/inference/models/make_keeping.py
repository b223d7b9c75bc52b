#!/usr/bin/env python3
"""Writes the small TorchScript files of models that keep something from pass to pass. Needs PyTorch 1.13 or later; run by hand.

keeps_last.pt     [n,4] -> what the pass before it was given (zeros at first), by a new value of a buffer
keeps_copy.pt     the same, by copying into the buffer
keeps_count.pt    [n,4] -> how many passes there were, in an int; as many as it has in a list; and in a dict of tensors, in a submodule
keeps_norm.pt     [n,4] -> batch normalisation that trains on: its running mean
"""
import os
from typing import Dict, List

import torch
from torch import Tensor


class KeepsLast(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("last", torch.zeros(1, 4))
        self.layer = torch.nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        before = self.last
        self.last = x[:1]
        return before.expand(x.size(0), 4) + self.layer(x) * 0


class KeepsCopy(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("last", torch.zeros(1, 4))

    def forward(self, x: Tensor) -> Tensor:
        before = self.last.clone()
        self.last.copy_(x[:1])
        return before.expand(x.size(0), 4)


class Inner(torch.nn.Module):
    seen: Dict[str, Tensor]

    def __init__(self):
        super().__init__()
        self.seen = {"passes": torch.zeros(1)}

    def forward(self, x: Tensor) -> Tensor:
        self.seen["passes"] = self.seen["passes"] + 1
        return self.seen["passes"]


class KeepsCount(torch.nn.Module):
    kept: List[Tensor]

    def __init__(self):
        super().__init__()
        self.count = 0
        self.kept = [torch.zeros(1)]
        self.inner = Inner()

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        self.kept.append(x)
        inner = self.inner(x)
        row = torch.cat([torch.tensor([float(self.count), float(len(self.kept)) - 1]), inner])
        return row.expand(x.size(0), 3)


class KeepsNorm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("variance", torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        before = self.mean.clone()
        both = torch.cat([x, x + 1])
        both = torch.nn.functional.batch_norm(both, self.mean, self.variance, training=True)
        return before.expand(x.size(0), 4) + both.sum() * 0


for name, model in {
    "keeps_last": KeepsLast(),
    "keeps_copy": KeepsCopy(),
    "keeps_count": KeepsCount(),
    "keeps_norm": KeepsNorm(),
}.items():
    torch.jit.script(model.eval()).save(os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".pt"))
