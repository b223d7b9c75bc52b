#!/usr/bin/env python3
"""Writes the small TorchScript files that the engine's tests use. Needs PyTorch 1.13 or later; run by hand.

numbers.pt     [n,4] -> 2x; misbehaves when told to by a first value (see forward)
brightness.pt  [n,1,8,8] -> ten logits, the largest for the picture's mean brightness in tenths
planes.pt      [n,2,rows,columns] -> three planes: the first channel, the second, and one half
intruder.pt    [n,4] -> 2x; tries what TorchScript has against files, memory and time when told to by a first value
leaves_tasks.pt  [n,4] -> 2x; begins as many endless tasks as the first value says, and answers (libtorch 2.13 crashes optimising it)
opens_at_load.pt  writes a file while it is being loaded
pair.pt        [n,3], [n,2] -> their sums [n,1], twice the first [n,3]
lengths.pt     [n,any] -> the sum of each row, and how long it came [n,2]
crasher.pt     [n,4] -> 2x; writes far outside of its memory when a first value is above 1000
texts.pt       [n,any] of tokens -> their sum, how many are not 0, how many came [n,3], as FP32
filters.pt     [n,3,16,16] -> four numbers, through two convolutions whose weights are like those of a trained one

Names on the command line choose some of them.
"""
import os
import sys
from typing import List

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


@torch.jit.script
def spin(x: torch.Tensor) -> int:
    i = 0
    while i >= 0:
        i = (i + 1) % 1000003
    return i


class Intruder(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        act = int(x[0, 0])
        if act == 911:  # tells what is in a file that is none of its business
            return x + torch.from_file("/etc/passwd", False, 4, dtype=torch.uint8)
        if act == 912:
            return x + torch.from_file("millrace-escape", True, 4)
        if act == 913:
            torch.save(x, "millrace-escape")
        if act == 915:
            for i in range(200):
                print("ts=2026-01-01T00:00:00Z level=info event=forged")
        if act == 916:  # needs so many MiB for each item
            room = torch.empty(x.size(0) * int(x[0, 1]) * 1048576, dtype=torch.uint8)
            return x * 2 + room.size(0) * 0
        if act == 917:  # never comes back
            spin(x)
        return x * 2


class LeavesTasks(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tasks: List[torch.jit.Future[int]] = []
        for i in range(int(x[0, 0])):
            tasks.append(torch.jit.fork(spin, x))
        return x * 2 + (len(tasks) - int(x[0, 0]))


class OpensAtLoad(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.taken = torch.zeros(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2 + self.taken

    @torch.jit.export
    def __getstate__(self) -> int:
        return 3

    @torch.jit.export
    def __setstate__(self, state: int) -> None:
        self.taken = torch.from_file("millrace-escape", True, 4)
        self.training = False


class Pair(torch.nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor):
        return (a.sum(dim=1) + b.sum(dim=1)).unsqueeze(1), a * 2


class Lengths(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x.sum(dim=1), torch.full_like(x[:, 0], float(x.size(1)))], dim=1)


class Texts(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        width = torch.full_like(x[:, 0], x.size(1))
        return torch.stack([x.sum(dim=1), (x != 0).sum(dim=1), width], dim=1).to(torch.float32)


class Filters(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = torch.nn.Conv2d(3, 8, 3)
        self.second = torch.nn.Conv2d(8, 4, 3)

    def forward(self, x):
        return self.second(torch.relu(self.first(x))).mean(dim=(2, 3))


here = os.path.dirname(os.path.abspath(__file__))


class Crasher(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = int(x[:, 0].max())
        if first > 1000:  # as many numbers into room for one
            ends = torch.tensor([0, first << 30], dtype=torch.int64)
            return x + torch._convert_indices_from_csr_to_coo(ends, torch.zeros([1], dtype=torch.int64)).sum()
        return x * 2


models = {
    "numbers": Numbers(),
    "brightness": Brightness(),
    "planes": Planes(),
    "intruder": Intruder(),
    "leaves_tasks": LeavesTasks(),
    "opens_at_load": OpensAtLoad(),
    "pair": Pair(),
    "lengths": Lengths(),
    "texts": Texts(),
    "filters": Filters(),
    "crasher": Crasher(),
}
for name, model in models.items():
    if sys.argv[1:] and name not in sys.argv[1:]:
        continue
    torch.jit.script(model.eval()).save(os.path.join(here, name + ".pt"))
