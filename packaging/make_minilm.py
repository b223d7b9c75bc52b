#!/usr/bin/python3
"""Makes a model of all-MiniLM-L6-v2's weights: model.pt, manifest.json and vocab.txt in a folder.

    make_minilm.py FOLDER_OF_THE_WEIGHTS OUTPUT

The encoder is BERT's (Devlin et al., 2018), with 6 layers of 384 numbers and 12 heads; a sentence is the mean of its tokens'
vectors, brought to length 1 (Reimers and Gurevych, 2019). It takes the tokens' numbers alone: 0 is padding. Needs torch; the
file that one version writes runs in libtorch from 1.13 on.
"""
import json
import math
import pathlib
import shutil
import struct
import sys
from typing import Final

import torch

HIDDEN, HEADS, LAYERS, LONGEST = 384, 12, 6, 256


class Layer(torch.nn.Module):
    hidden: Final[int]
    heads: Final[int]

    def __init__(self):
        super().__init__()
        self.hidden, self.heads = HIDDEN, HEADS
        self.qkv = torch.nn.Linear(HIDDEN, 3 * HIDDEN)
        self.out = torch.nn.Linear(HIDDEN, HIDDEN)
        self.norm = torch.nn.LayerNorm(HIDDEN, eps=1e-12)
        self.up = torch.nn.Linear(HIDDEN, 4 * HIDDEN)
        self.down = torch.nn.Linear(4 * HIDDEN, HIDDEN)
        self.last_norm = torch.nn.LayerNorm(HIDDEN, eps=1e-12)

    def forward(self, x: torch.Tensor, hide: torch.Tensor) -> torch.Tensor:
        batch, length = x.size(0), x.size(1)
        q, k, v = (
            self.qkv(x).view(batch, length, 3, self.heads, self.hidden // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        )
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(self.hidden // self.heads) + hide
        seen = torch.matmul(torch.softmax(scores, dim=-1), v).transpose(1, 2).reshape(batch, length, self.hidden)
        x = self.norm(x + self.out(seen))
        return self.last_norm(x + self.down(torch.nn.functional.gelu(self.up(x))))


class Encoder(torch.nn.Module):
    def __init__(self, words: int, places: int):
        super().__init__()
        self.words = torch.nn.Embedding(words, HIDDEN)
        self.places = torch.nn.Embedding(places, HIDDEN)
        self.norm = torch.nn.LayerNorm(HIDDEN, eps=1e-12)
        self.layers = torch.nn.ModuleList([Layer() for _ in range(LAYERS)])

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        shown = (ids != 0).to(torch.float32)
        hide = ((1.0 - shown) * -1e9).unsqueeze(1).unsqueeze(1)
        places = torch.arange(ids.size(1), device=ids.device)
        x = self.norm(self.words(ids) + self.places(places).unsqueeze(0))
        for layer in self.layers:
            x = layer(x, hide)
        weight = shown.unsqueeze(-1)
        mean = (x * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(mean, p=2.0, dim=1)


def read_safetensors(path):
    """Tensors of FP32 by name: a length, a header in JSON, the bytes."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = entry["data_offsets"]
        tensors[name] = torch.frombuffer(
            bytearray(data[8 + length + begin : 8 + length + end]), dtype=torch.float32
        ).reshape(entry["shape"])
    return tensors


def encoder_of(tensors):
    at = {name.removeprefix("bert."): value for name, value in tensors.items()}
    words = at["embeddings.word_embeddings.weight"]
    # A text alone is of the first kind: its vector belongs to every place.
    places = at["embeddings.position_embeddings.weight"] + at["embeddings.token_type_embeddings.weight"][0]
    encoder = Encoder(words.size(0), places.size(0))
    state = {"words.weight": words, "places.weight": places}

    def take(to, *sources):
        for part in ("weight", "bias"):
            state[f"{to}.{part}"] = torch.cat([at[f"{source}.{part}"] for source in sources])

    take("norm", "embeddings.LayerNorm")
    for i in range(LAYERS):
        here, there = f"layers.{i}", f"encoder.layer.{i}"
        take(f"{here}.qkv", *[f"{there}.attention.self.{part}" for part in ("query", "key", "value")])
        take(f"{here}.out", f"{there}.attention.output.dense")
        take(f"{here}.norm", f"{there}.attention.output.LayerNorm")
        take(f"{here}.up", f"{there}.intermediate.dense")
        take(f"{here}.down", f"{there}.output.dense")
        take(f"{here}.last_norm", f"{there}.output.LayerNorm")
    encoder.load_state_dict(state)
    return encoder.eval()


def manifest():
    tokenizer = {
        "kind": "word_pieces",
        "lowercase": True,
        "vocabulary": {"file": "vocab.txt"},
        "max_length": LONGEST,
        "padding": "[PAD]",
        "unknown": "[UNK]",
        "begin": "[CLS]",
        "end": "[SEP]",
    }
    return {
        "format": 1,
        "name": "minilm",
        "description": "Sentences as 384 numbers (all-MiniLM-L6-v2, Apache-2.0)",
        "task": "tensor",
        "input": {"name": "text", "kind": "text", "datatype": "INT64", "shape": [-1], "tokenizer": tokenizer},
        "output": {"name": "embedding", "shape": [HIDDEN]},
        "batching": {"max_batch": 32},
    }


def main():
    source, output = map(pathlib.Path, sys.argv[1:3])
    output.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        torch.jit.script(encoder_of(read_safetensors(source / "model.safetensors"))).save(str(output / "model.pt"))
    shutil.copyfile(source / "vocab.txt", output / "vocab.txt")
    (output / "manifest.json").write_text(json.dumps(manifest(), indent=2) + "\n")


if __name__ == "__main__":
    main()
