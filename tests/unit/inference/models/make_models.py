#!/usr/bin/env python3
"""Writes the small TorchScript files that the engine's tests use. Needs PyTorch 1.13 or later; run by hand.

numbers.pt     [n,4] -> 2x; misbehaves when told to by a first value (see forward)
brightness.pt  [n,1,8,8] -> ten logits, the largest for the picture's mean brightness in tenths
planes.pt      [n,2,rows,columns] -> three planes: the first channel, the second, and one half
"""
import os

import torch


class Numbers(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool((x == 901.0).any()):
            raise RuntimeError("poisoned input")
        if bool((x == 902.0).any()):  # hangs
            i = 0
            while i >= 0:
                i = (i + 1) % 1000003
            return x + i
        if bool((x == 903.0).any()):  # asks for more memory than any machine has
            return x + torch.zeros(1 << 46).sum()
        if bool((x == 904.0).any()):  # opens a file for writing, as a hostile model might
            return x + torch.from_file("millrace-escape", True, 4)
        if bool((x == 905.0).any()) and x.size(0) > 2:  # too large a batch, as a device with little memory says it
            raise RuntimeError("CUDA out of memory")
        return x * 2


class Brightness(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.tenths = torch.nn.Parameter(torch.arange(10, dtype=torch.float32) + 0.5)

    def forward(self, x):
        return -((x.mean(dim=(1, 2, 3)).unsqueeze(1) * 10 - self.tenths) ** 2)


class Planes(torch.nn.Module):
    def forward(self, x):
        return torch.cat([x, torch.full_like(x[:, :1], 0.5)], dim=1)


here = os.path.dirname(os.path.abspath(__file__))
for name, model in {"numbers": Numbers(), "brightness": Brightness(), "planes": Planes()}.items():
    torch.jit.script(model.eval()).save(os.path.join(here, name + ".pt"))
