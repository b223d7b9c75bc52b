"""What Python's torch makes of the committed models and sample inputs, for comparing Millrace's predictions.

`recorded()` reads reference.json (needs nothing but Python); `recompute()` runs the models now and gives the same
structure, or None where torch or numpy cannot be imported. Preprocessing is written out here a second time, on
purpose: this is the reference that the server's own is held against.
"""
import base64
import hashlib
import json
import sys
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE.parent
sys.path.insert(0, str(HERE))
import png  # noqa: E402


def recorded() -> dict:
    return json.loads((HERE / "reference.json").read_text())


def manifest(name: str) -> dict:
    return json.loads((HERE / f"{name}.manifest.json").read_text())


def class_map(entry: dict) -> bytes:
    """The land-cover class indices of a reference entry, row-major, one byte a pixel."""
    return zlib.decompress(base64.b64decode(entry["class_map"]))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digits(torch, numpy) -> dict:
    spec, model = manifest("digits"), torch.jit.load(str(HERE / "digits.pt"))
    entry = {"sha256": _digest(HERE / "digits.pt"), "samples": []}
    for path in sorted((DATA / "digits" / "samples").glob("*.png")):
        width, height, channels, pixels = png.read(path.read_bytes())
        assert [height, width] == spec["input"]["resize"] and channels == 1, path
        gray = numpy.frombuffer(pixels, numpy.uint8).reshape(1, 1, height, width).astype(numpy.float32)
        scaled = gray * numpy.float32(spec["input"]["scale"])
        scaled = (scaled - numpy.float32(spec["input"]["mean"][0])) / numpy.float32(spec["input"]["std"][0])
        with torch.inference_mode():
            probabilities = torch.softmax(model(torch.tensor(scaled))[0], 0).tolist()
        entry["samples"].append(
            {
                "file": f"digits/samples/{path.name}",
                "truth": path.name.split("-")[1],
                "label": spec["labels"][probabilities.index(max(probabilities))],
                "probabilities": [round(p, 7) for p in probabilities],
            }
        )
    return entry


def _land_cover(torch, numpy) -> dict:
    spec, model = manifest("land_cover"), torch.jit.load(str(HERE / "land_cover.pt"))
    patch = numpy.load(DATA / "land_cover" / "patch.npy")
    with torch.inference_mode():
        logits = model(torch.tensor(patch)[None])[0]
    best = logits.topk(2, 0).values
    classes = logits.argmax(0).to(torch.uint8).numpy()
    counts = [int((classes == index).sum()) for index in range(len(spec["labels"]))]
    return {
        "sha256": _digest(HERE / "land_cover.pt"),
        "file": "land_cover/patch.npy",
        "width": classes.shape[1],
        "height": classes.shape[0],
        "shares": [
            {"label": label, "share": round(count / classes.size, 7), "pixels": count, "color": color}
            for label, count, color in zip(spec["labels"], counts, spec["postprocess"]["colors"])
        ],
        # Pixels whose two best logits are so close that another build of the same sums may order them otherwise.
        "undecided_pixels": int(((best[0] - best[1]) < 1e-4).sum()),
        "class_map": base64.b64encode(zlib.compress(classes.tobytes(), 9)).decode(),
        "class_map_sha256": hashlib.sha256(classes.tobytes()).hexdigest(),
    }


def recompute():
    try:
        import numpy
        import torch
    except ImportError:
        return None
    return {
        "made_with": f"torch {torch.__version__}",
        "digits": _digits(torch, numpy),
        "land_cover": _land_cover(torch, numpy),
    }
