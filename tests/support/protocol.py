"""Triton's own client, as the tests of the inference protocol use it, and models made for them."""
import io
import json
import os
import sys

import pytest

from .daemon import ROOT


def import_client():
    """tritonclient.http; the test is skipped where packaging/get_tritonclient.sh has not been, unless the run insists on it."""
    found = sorted((ROOT / "build/deps").glob("tritonclient-*"))
    if found:
        sys.path.insert(0, str(found[-1]))
    elif os.environ.get("MILLRACE_REQUIRE_TRITONCLIENT"):
        pytest.fail("no tritonclient: packaging/get_tritonclient.sh build/deps brings it")
    else:
        pytest.skip("no tritonclient here; packaging/get_tritonclient.sh build/deps brings it", allow_module_level=True)
    try:
        import tritonclient.http as client
    finally:
        if found:
            sys.path.remove(str(found[-1]))
    return client


def manifest(name, inputs, outputs, **members):
    """Of tensors, each (name, datatype, shape)."""
    tensor = [{"name": n, "datatype": d, "shape": s} for n, d, s in inputs]
    return {
        "format": 1,
        "name": name,
        "task": "tensor",
        "inputs": [{**t, "kind": "tensor"} for t in tensor],
        "outputs": [{"name": n, "datatype": d, "shape": s} for n, d, s in outputs],
        "batching": {"max_batch": 8, "max_delay_ms": 0},
        **members,
    }


TYPES = ["BOOL", "UINT8", "INT8", "INT16", "INT32", "INT64", "FP32", "FP64"]


def make_models():
    """{name: (TorchScript file, manifest)}."""
    import torch

    class Mixed(torch.nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor):
            return a * b.sum(1, keepdim=True).to(torch.float32), b + 1, (a > 0)

    class Same(torch.nn.Module):
        def forward(
            self,
            a: torch.Tensor,
            b: torch.Tensor,
            c: torch.Tensor,
            d: torch.Tensor,
            e: torch.Tensor,
            f: torch.Tensor,
            g: torch.Tensor,
            h: torch.Tensor,
        ):
            return a.clone(), b.clone(), c.clone(), d.clone(), e.clone(), f.clone(), g.clone(), h.clone()

    class Double(torch.nn.Module):
        def forward(self, x: torch.Tensor):
            if bool((x == -901.0).any()):
                raise RuntimeError("poisoned input")
            return x * 2

    class Tokens(torch.nn.Module):
        def forward(self, tokens: torch.Tensor):
            return tokens.to(torch.float32)

    types = [(t.lower(), t, [2]) for t in TYPES]
    text = {"name": "text", "kind": "text", "datatype": "INT64", "shape": [6], "tokenizer": {"kind": "bytes"}}
    described = {
        "mixed": (
            Mixed(),
            manifest(
                "mixed",
                [("a", "FP32", [3]), ("b", "INT64", [2])],
                [("scaled", "FP32", [3]), ("next", "INT64", [2]), ("positive", "BOOL", [3])],
            ),
        ),
        "same": (Same(), manifest("same", types, [(f"{n}_out", d, s) for n, d, s in types])),
        "double": (
            Double(),
            manifest("double", [("x", "FP32", [-1])], [("y", "FP32", [-1])], limits={"max_input_bytes": 4 << 20}),
        ),
        "kept": (Double(), manifest("kept", [("x", "FP32", [-1])], [("y", "FP32", [-1])], cache={"seconds": 600})),
        "tokens": (Tokens(), {**manifest("tokens", [], [("y", "FP32", [6])]), "inputs": [text]}),
    }
    made = {}
    for name, (module, about) in described.items():
        file = io.BytesIO()
        torch.jit.save(torch.jit.script(module.eval()), file)
        made[name] = file.getvalue(), json.dumps(about)
    return made
