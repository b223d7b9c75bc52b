#!/usr/bin/env python3
"""Makes small models with the operators and layouts of real ones, as the torch that runs this writes them, each with an
input and what Python computed from it. Run it once in each torch:

    python3 tests/data/archives/make.py            # → tests/data/archives/torch-VERSION/*.pt, reference.json
"""
import enum
import json
import pathlib
import sys
import typing
import warnings

import torch
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")
VERSION = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
ROWS, WIDTH = 3, 8


class Linspace(nn.Module):
    """Operators of file format 6 and later, so that the version lies in .data/."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.gelu(x) + torch.linspace(0.0, 1.0, 8) + torch.logspace(0.0, 1.0, 8)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.norm = nn.LayerNorm(4)
        self.fused = VERSION >= (2, 0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = x.view(x.size(0), 2, 4)
        q, k, v = self.query(parts), self.key(parts), self.value(parts)
        if self.fused:
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            mixed = torch.softmax(q @ k.transpose(1, 2) / 2.0, -1) @ v
        return self.norm(F.silu(mixed) + parts).flatten(1)


if VERSION < (2, 0):  # the operator is not there to be compiled

    def _forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = x.view(x.size(0), 2, 4)
        mixed = torch.softmax(self.query(parts) @ self.key(parts).transpose(1, 2) / 2.0, -1) @ self.value(parts)
        return self.norm(F.silu(mixed) + parts).flatten(1)

    Attention.forward = _forward


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.position = nn.Parameter(torch.randn(1, 2, 4))
        self.layers = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(4, 2, 8, activation="gelu", batch_first=True), 2, enable_nested_tensor=False
        )

    def forward(self, x):
        return self.layers(x.view(-1, 2, 4) + self.position).flatten(1)


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.gru = nn.LSTM(2, 3, num_layers=2, batch_first=True, bidirectional=True), nn.GRU(
            6, 2, batch_first=True
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state, _ = self.lstm(x.view(x.size(0), 4, 2))
        state, _ = self.gru(state)
        return state.flatten(1)


class Convolutions(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 4, 3, padding=1, groups=4),
            nn.Hardswish(),
            nn.ConvTranspose2d(4, 2, 2, stride=2),
            nn.AdaptiveAvgPool2d(2),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x.view(x.size(0), 1, 2, 4)).flatten(1)


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.act = nn.Linear(8, 6), nn.Linear(6, 4), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.act(self.first(x)))


class Quantizable(nn.Module):
    def __init__(self):
        super().__init__()
        quantization = torch.ao.quantization
        self.enter, self.leave = quantization.QuantStub(), quantization.DeQuantStub()
        self.conv, self.act, self.dense = nn.Conv2d(1, 3, 2), nn.ReLU(), nn.Linear(9, 4)

    def forward(self, x):
        x = self.act(self.conv(self.enter(x.reshape(-1, 1, 2, 4))))
        return self.leave(self.dense(x.flatten(1)))


class PackedEmbedding(nn.Module):
    """Weights of 8 and 4 bits with float scales, of the latter two a byte."""

    def __init__(self):
        super().__init__()
        self.bag = nn.quantized.EmbeddingBag(16, 8, dtype=torch.quint4x2)
        self.table = nn.quantized.Embedding(16, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        index = (x.abs() * 7).long().remainder(16)
        offsets = torch.arange(0, index.numel(), 8, dtype=torch.long)
        return self.bag(index.contiguous().view(-1), offsets)[:, :8] + self.table(index[:, 0].contiguous())


class BigConstants(nn.Module):
    """Constants of the code, in constants.pkl; numbers enough that memo entries need four bytes."""

    def __init__(self):
        super().__init__()
        self.numbers = [i * 0.001 for i in range(3000)]
        self.words = {f"word {i}": i for i in range(700)}
        self.names = [f"name {i}" for i in range(400)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.numbers[2999] + self.words["word 600"] + len(self.names)


def constant_graph():
    table = torch.randn(64, 8)
    half = torch.randn(8).half()
    return torch.jit.trace(lambda x: (x @ table.t()) @ table + half.float(), torch.randn(ROWS, WIDTH))


class Shared(nn.Module):
    """Tied weights, and views of one storage with offsets and strides."""

    def __init__(self):
        super().__init__()
        self.embedding, self.out = nn.Embedding(8, 8), nn.Linear(8, 8, bias=False)
        self.out.weight = self.embedding.weight
        base = torch.randn(10, 8)
        self.register_buffer("base", base)
        self.register_buffer("middle", base[3:5])
        self.register_buffer("turned", base.t()[:, 1:9:2])
        self.register_buffer("wide", torch.ones(1).expand(4, 8))
        self.register_buffer("none", torch.zeros(0, 5))
        self.register_buffer("end", base.flatten()[80:])
        self.register_buffer("one", torch.tensor(2.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        extra = (
            self.middle.sum()
            + self.turned.sum()
            + self.wide.sum()
            + self.base.sum()
            + self.one
            + self.none.size(1)
            + self.end.numel()
        )
        return self.out(x) + extra


class Types(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("b", torch.tensor([True, False]))
        for name in ("uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float64"):
            self.register_buffer("t_" + name, torch.tensor([1, 2, 3]).to(getattr(torch, name)))
        self.register_buffer("c", torch.tensor([1 + 2j, 3 - 1j]))
        self.register_buffer("conjugated", torch.tensor([1 + 2j, 3 - 1j]).conj())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s = (
            self.t_uint8.sum()
            + self.t_int8.sum()
            + self.t_int16.sum()
            + self.t_int32.sum()
            + self.t_int64.sum()
            + self.b.sum()
        )
        return (
            x
            + s
            + self.t_float16.float().sum()
            + self.t_bfloat16.float().sum()
            + self.t_float64.float().sum()
            + torch.real(self.c).sum()
            + torch.imag(self.conjugated.resolve_conj()).sum()
        )


class Color(enum.Enum):
    RED = 1
    GREEN = 2


class Point(typing.NamedTuple):
    x: int
    weight: torch.Tensor


@torch.jit.interface
class Step(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pass


class Twice(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2


class Attributes(nn.Module):
    """What TorchScript keeps beside tensors."""

    step: Step
    table: typing.Dict[str, torch.Tensor]
    counts: typing.Dict[int, float]
    maybe: typing.Optional[torch.Tensor]
    nothing: typing.Optional[int]
    pieces: typing.List[torch.Tensor]
    flags: typing.List[bool]
    nested: typing.List[typing.List[int]]
    pair: typing.Tuple[int, str, float]
    empty: typing.List[str]

    def __init__(self):
        super().__init__()
        self.step = Twice()
        self.table = {"a": torch.randn(8), "b": torch.ones(8)}
        self.counts = {1: 0.5, 1 << 40: -1.5}
        self.maybe, self.nothing = torch.full((8,), 0.25), None
        self.pieces, self.flags, self.nested = [torch.ones(8), torch.randn(8)], [True, False], [[1, 2], [], [3]]
        self.pair, self.empty = (7, "größe", 2.5), []
        self.color = Color.GREEN
        self.point = Point(3, torch.ones(8))
        self.where = torch.device("cpu")
        self.z = 1 + 2j
        self.blocks = nn.ModuleList([nn.Linear(8, 8), nn.Tanh()])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = (
            self.step.forward(x)
            + self.table["a"]
            + self.table["b"]
            + self.counts[1 << 40]
            + self.pieces[0]
            + self.pieces[1]
        )
        maybe = self.maybe
        if maybe is not None:
            y = y + maybe
        if self.color == Color.GREEN and self.flags[0] and self.nothing is None:
            y = y + self.nested[0][1] + self.point[0] + self.point[1] + self.pair[0] + len(self.empty)
        for block in self.blocks:
            y = block(y)
        return y.to(self.where)


class OwnState(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight, self.training = torch.randn(8), True

    @torch.jit.export
    def __getstate__(self):
        return self.weight, self.training

    @torch.jit.export
    def __setstate__(self, state: typing.Tuple[torch.Tensor, bool]):
        self.weight, self.training = state[0] + 0, state[1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight


class Sparse(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.eye(8).to_sparse())
        self.register_buffer("rows", torch.eye(8).to_sparse_csr())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sparse.mm(self.weight, x.t()).t() + torch.mm(self.rows, x.t()).t()


def static_quantized():
    quantization = torch.ao.quantization
    engine = "fbgemm" if "fbgemm" in torch.backends.quantized.supported_engines else "qnnpack"
    torch.backends.quantized.engine = engine
    model = Quantizable().eval()
    model.qconfig = quantization.get_default_qconfig(engine)
    quantization.prepare(model, inplace=True)
    model(torch.randn(16, WIDTH))
    quantization.convert(model, inplace=True)
    return torch.jit.trace(model, torch.randn(ROWS, WIDTH))


def dynamic_quantized():
    return torch.jit.script(torch.ao.quantization.quantize_dynamic(Perceptron().eval(), {nn.Linear}, dtype=torch.qint8))


def dynamic_lstm():
    return torch.jit.script(torch.ao.quantization.quantize_dynamic(Lstm().eval(), {nn.LSTM, nn.GRU}, dtype=torch.qint8))


def scripted(kind):
    return lambda: torch.jit.script(kind().eval())


def traced(kind):
    return lambda: torch.jit.trace(kind().eval(), torch.randn(ROWS, WIDTH), check_trace=False)


MODELS = {
    "gelu": lambda: torch.jit.script(nn.Sequential(nn.Linear(8, 4), nn.GELU()).eval()),
    "linspace": scripted(Linspace),
    "attention": scripted(Attention),
    "transformer": traced(Transformer),
    "lstm": scripted(Lstm),
    "convolutions": traced(Convolutions),
    "convolutions-frozen": lambda: torch.jit.freeze(torch.jit.script(Convolutions().eval())),
    "quantized-dynamic": dynamic_quantized,
    "quantized-lstm": dynamic_lstm,
    "quantized-static": static_quantized,
    "quantized-embedding": scripted(PackedEmbedding),
    "constants": constant_graph,
    "big-constants": scripted(BigConstants),
    "shared": scripted(Shared),
    "types": scripted(Types),
    "attributes": scripted(Attributes),
    "own-state": scripted(OwnState),
    "sparse": scripted(Sparse),
    "extra-files": scripted(Perceptron),
    "mobile": scripted(Perceptron),
}


def save(model, name, path):
    if name == "mobile":
        model._save_for_lite_interpreter(str(path))
    elif name == "extra-files":
        torch.jit.save(model, str(path), _extra_files={"labels.txt": "cat\ndog\n", "config/notes.json": "{}"})
    else:
        torch.jit.save(model, str(path))


def main():
    folder = pathlib.Path(__file__).resolve().parent / ("torch-" + torch.__version__.split("+")[0])
    folder.mkdir(exist_ok=True)
    reference = {"torch": torch.__version__, "models": {}}
    for name, make in MODELS.items():
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        torch.manual_seed(20260101)
        path = folder / f"{name}.pt"
        try:
            model = make()
            save(model, name, path)
            x = torch.randn(ROWS, WIDTH)
            with torch.inference_mode():
                y = torch.jit.load(str(path)).eval()(x)
            assert y.shape[0] == ROWS and y.dtype == torch.float32 and torch.isfinite(y).all(), (name, y)
        except Exception as error:  # what this torch cannot do
            path.unlink(missing_ok=True)
            print(
                f"{name}: left out: {type(error).__name__}: {str(error).strip().splitlines()[-1][:160]}",
                file=sys.stderr,
            )
            continue
        reference["models"][name] = {"input": x.tolist(), "output": y.tolist()}
    (folder / "reference.json").write_text(json.dumps(reference, indent=None, separators=(",", ":")) + "\n")


main()
