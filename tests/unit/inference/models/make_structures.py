#!/usr/bin/env python3
"""Writes the small TorchScript files whose forward() takes or gives more than plain tensors. Needs PyTorch 1.13 or later; run by hand.

gives_dict.pt    [n,4] -> {"logits": 2x, "hidden": x + 1}
gives_named.pt   [n,4] -> NamedTuple(sum [n,1], extra [n,4] or None where the first value is negative)
gives_nested.pt  [n,4] -> (x, ([2x, 3x], {"deep": 4x}))
detects.pt       List of [3,h,w] -> ({}, one dict a picture: as many boxes as the mean of the picture says, 10 apart)
takes_names.pt   forward(first, second=None, scale=2.0, third=None): first * scale, + second, - third
takes_dict.pt    {"a": [n,3], "b": [n,3] or left out} -> [a + b] as a list of one tensor
takes_tuple.pt   forward(x, (h, c)) -> (x + h, (h + 1, c + 2))

Names on the command line choose some of them.
"""
import os
import sys
from typing import Dict, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor


class GivesDict(torch.nn.Module):
    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        return {"logits": x * 2, "hidden": x + 1}


class Named(NamedTuple):
    sum: Tensor
    extra: Optional[Tensor]


class GivesNamed(torch.nn.Module):
    def forward(self, x: Tensor) -> Named:
        extra: Optional[Tensor] = None
        if bool(x[0, 0] >= 0):
            extra = x
        return Named(x.sum(1, keepdim=True), extra)


class GivesNested(torch.nn.Module):
    def forward(self, x: Tensor) -> Tuple[Tensor, Tuple[List[Tensor], Dict[str, Tensor]]]:
        return x, ([x * 2, x * 3], {"deep": x * 4})


class Detects(torch.nn.Module):
    def forward(self, images: List[Tensor]) -> Tuple[Dict[str, Tensor], List[Dict[str, Tensor]]]:
        losses: Dict[str, Tensor] = {}
        found: List[Dict[str, Tensor]] = []
        for image in images:
            n = int(image.mean())
            corner = torch.arange(n, dtype=torch.float32).unsqueeze(1) * 10
            boxes = torch.cat([corner, corner, corner + 4, corner + 6], 1)
            found.append(
                {
                    "boxes": boxes,
                    "labels": torch.arange(n) % 3 + 1,
                    "scores": 1 / (1 + torch.arange(n, dtype=torch.float32)),
                }
            )
        return losses, found


class TakesNames(torch.nn.Module):
    def forward(
        self, first: Tensor, second: Optional[Tensor] = None, scale: float = 2.0, third: Optional[Tensor] = None
    ) -> Tensor:
        y = first * scale
        if second is not None:
            y = y + second
        if third is not None:
            y = y - third
        return y


class TakesDict(torch.nn.Module):
    def forward(self, batch: Dict[str, Tensor]) -> List[Tensor]:
        y = batch["a"]
        if "b" in batch:
            y = y + batch["b"]
        return [y]


class TakesTuple(torch.nn.Module):
    def forward(self, x: Tensor, state: Tuple[Tensor, Tensor]) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
        h, c = state
        return x + h, (h + 1, c + 2)


MODELS = {
    "gives_dict": GivesDict,
    "gives_named": GivesNamed,
    "gives_nested": GivesNested,
    "detects": Detects,
    "takes_names": TakesNames,
    "takes_dict": TakesDict,
    "takes_tuple": TakesTuple,
}


def main():
    for name in sys.argv[1:] or MODELS:
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".pt")
        torch.jit.script(MODELS[name]()).save(path)


main()
