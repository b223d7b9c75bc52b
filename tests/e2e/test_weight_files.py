"""The model files of several versions of torch: pushed, asked, and held against what Python computed."""
import json
import pathlib
import struct
import zipfile

import pytest
from support.client import assert_problem

ARCHIVES = pathlib.Path(__file__).resolve().parents[1] / "data/archives"
CASES = [
    (folder, name, case)
    for folder in sorted(ARCHIVES.glob("torch-*"))
    for name, case in json.loads((folder / "reference.json").read_text())["models"].items()
]
# What libtorch itself says of a file that a newer torch wrote, or of operators that this build of it lacks.
UNKNOWN = (
    "Unknown builtin op",
    "maximum supported version",
    "not found in",
    "could not be resolved",
    "quantized engine",
    "No function is registered",
    "Didn't find engine",
)


def manifest(name, case):
    return {
        "format": 1,
        "name": name,
        "task": "tensor",
        "input": {"name": "x", "kind": "tensor", "shape": [len(case["input"][0])]},
        "output": {"name": "y", "shape": [len(case["output"][0])]},
        "postprocess": {"kind": "raw"},
        "batching": {"max_batch": 4},
    }


@pytest.mark.parametrize("folder, name, case", CASES, ids=[f"{folder.name}-{name}" for folder, name, _ in CASES])
def test_a_model_answers_as_in_python(admin, folder, name, case):
    model = f"{folder.name}-{name}".replace(".", "-")
    answer = admin.push_model(model, (folder / f"{name}.pt").read_bytes(), json.dumps(manifest(model, case)))
    if answer.status == 422 and any(sign in answer.json["detail"] for sign in UNKNOWN):
        pytest.skip(answer.json["detail"][:200])
    assert answer.status in (200, 201), answer
    if (
        name == "types"
        and "1.13" not in folder.name
        and "1.13" in admin.get("/api/v1/status").json["worker"]["runtime"]
    ):
        pytest.skip("libtorch 1.13 drops the conjugation of a complex tensor that a later torch wrote")
    # Dynamic quantisation scales by all that is in a batch; Python had the rows in one.
    tolerance = 2e-2 if name in ("quantized-dynamic", "quantized-lstm") else 1e-3
    for row, expected in zip(case["input"], case["output"]):
        got = admin.predict(model, json.dumps({"data": row}).encode(), "application/json")
        assert got.status == 200, got
        assert got.json["outputs"][0]["data"] == pytest.approx(expected, rel=tolerance, abs=tolerance)


def rewritten(source, target, change):
    """The archive with its records changed, as a zip program would write it."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            content = change(info.filename, old.read(info.filename))
            if content is not None:
                new.writestr(info.filename, content)
    return target.read_bytes()


def short(name, content):
    return content[:4] if name.endswith("/data/0") else content


def missing(name, content):
    return None if name.endswith("/data/0") else content


def beyond(name, content):
    """The first tensor's offset, which is 0, becomes 1."""
    return content.replace(b"K\x00(K", b"K\x01(K", 1) if name.endswith("/data.pkl") else content


def command(name, content):
    return b"\x80\x02cos\nsystem\n(X\x02\x00\x00\x00idtR." if name.endswith("/constants.pkl") else content


def big_endian(name, content):
    return content.replace(b"little", b"big") if name.endswith("/byteorder") else content


@pytest.mark.parametrize(
    "change, said",
    [
        (short, "bytes, but"),
        (missing, "is missing"),
        (beyond, "lies outside"),
        (command, "os.system"),
        (big_endian, "byte order"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_a_forged_archive_is_refused_with_what_is_wrong(admin, tmp_path, change, said):
    source = ARCHIVES / "torch-2.13.0/gelu.pt"
    case = {"input": [[0.0] * 8], "output": [[0.0] * 4]}
    answer = admin.push_model(
        "forged", rewritten(source, tmp_path / "gelu.pt", change), json.dumps(manifest("forged", case))
    )
    assert_problem(answer, 422)
    assert said in answer.json["detail"], answer


def test_a_weights_record_is_never_read_beyond_its_end(admin, tmp_path):
    """The pickle says more than the record holds: whatever lay behind it in memory would be the weights."""
    source = ARCHIVES / "torch-1.13.0a0/gelu.pt"

    def enlarged(name, content):
        if not name.endswith("/data.pkl"):
            return content
        return content.replace(b"K\x20tQ", b"J" + struct.pack("<i", 262144) + b"tQ", 1)

    assert enlarged("gelu/data.pkl", zipfile.ZipFile(source).read("gelu/data.pkl")) != zipfile.ZipFile(source).read(
        "gelu/data.pkl"
    )
    case = {"input": [[0.0] * 8], "output": [[0.0] * 4]}
    answer = admin.push_model(
        "forged", rewritten(source, tmp_path / "gelu.pt", enlarged), json.dumps(manifest("forged", case))
    )
    assert_problem(answer, 422)
    assert "262144 elements of Float are 1048576" in answer.json["detail"], answer


def test_an_object_of_another_class_than_declared_is_refused(admin, tmp_path):
    """The interpreter reads attributes by place: of a smaller object it would read what lies behind."""
    torch = pytest.importorskip("torch")

    class Small(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    class Large(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = 1.0, 2.0, 3.0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.a * self.b * self.c

    class Both(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.large, self.small = Large(), Small()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.small(self.large(x))

    torch.jit.save(torch.jit.script(Both()), str(tmp_path / "both.pt"))
    case = {"input": [[0.0] * 4], "output": [[0.0] * 4]}
    assert (
        admin.push_model("both", (tmp_path / "both.pt").read_bytes(), json.dumps(manifest("both", case))).status == 201
    )

    def swapped(name, content):
        return content.replace(b"Large\n", b"Small\n", 1) if name.endswith("/data.pkl") else content

    answer = admin.push_model(
        "forged", rewritten(tmp_path / "both.pt", tmp_path / "forged.pt", swapped), json.dumps(manifest("forged", case))
    )
    assert_problem(answer, 422)
    assert "the attribute large" in answer.json["detail"], answer
