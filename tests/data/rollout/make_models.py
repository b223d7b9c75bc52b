#!/usr/bin/env python3
"""Writes the small TorchScript files of the roll-out's tests. Needs PyTorch 1.13 or later; run by hand.

All take [n,4] and give four logits. A fourth number of 7 marks an input that counts; on others (the warm-up) all behave.

steady.pt    the largest of the first three is the label
another.pt   the smallest is
failing.pt   throws at a marked input
slow.pt      as steady.pt, some 40 ms late at a marked input
hollow.pt    as steady.pt, NaN at a marked input
"""
import pathlib

import torch


class Steady(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x[:, :3], torch.full_like(x[:, 3:], -100.0)], dim=1)


class Another(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([-x[:, :3], torch.full_like(x[:, 3:], -100.0)], dim=1)


class Failing(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool((x[:, 3] == 7.0).any()):
            raise RuntimeError("this version cannot do it")
        return torch.cat([x[:, :3], torch.full_like(x[:, 3:], -100.0)], dim=1)


class Slow(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool((x[:, 3] == 7.0).any()):
            late = torch.ones(400, 400) * x[0, 0]  # of the input, or it would be folded into a constant
            for _ in range(60):
                late = torch.tanh(late @ late)
            x = x + 0 * late[0, 0]
        return torch.cat([x[:, :3], torch.full_like(x[:, 3:], -100.0)], dim=1)


class Hollow(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool((x[:, 3] == 7.0).any()):
            x = x * float("nan")
        return torch.cat([x[:, :3], torch.full_like(x[:, 3:], -100.0)], dim=1)


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent
    for name, module in {
        "steady": Steady(),
        "another": Another(),
        "failing": Failing(),
        "slow": Slow(),
        "hollow": Hollow(),
    }.items():
        torch.jit.save(torch.jit.script(module.eval()), str(here / f"{name}.pt"))
