"""The committed models: what reference.json says is what the files give, and the manifests say what was measured."""
import hashlib
import json

import pytest

import reference

CLOSE = 1e-4


@pytest.fixture(scope="module")
def live():
    made = reference.recompute()
    if made is None:
        pytest.skip("torch is not importable here")
    return made


@pytest.mark.parametrize("name", ["digits", "land_cover"])
def test_the_reference_belongs_to_the_committed_model(name):
    file = (reference.HERE / f"{name}.pt").read_bytes()
    assert hashlib.sha256(file).hexdigest() == reference.recorded()[name]["sha256"]


def test_model_files_name_no_file_of_the_machine_that_trained_them():
    for name in ("digits", "land_cover"):
        file = (reference.HERE / f"{name}.pt").read_bytes()
        assert b"debug_pkl" not in file and b"/home/" not in file and b"/root/" not in file


def test_the_digit_classifier_is_right_about_the_samples():
    samples = reference.recorded()["digits"]["samples"]
    assert len(samples) == 12
    assert [s["label"] for s in samples] == [s["truth"] for s in samples]


def test_this_torch_gives_the_recorded_probabilities(live):
    for now, then in zip(live["digits"]["samples"], reference.recorded()["digits"]["samples"], strict=True):
        assert now["file"] == then["file"]
        assert now["probabilities"] == pytest.approx(then["probabilities"], abs=CLOSE)


def test_this_torch_gives_the_recorded_land_cover_map(live):
    then = reference.recorded()["land_cover"]
    now, was = reference.class_map(live["land_cover"]), reference.class_map(then)
    assert len(now) == len(was) == then["width"] * then["height"]
    assert sum(a != b for a, b in zip(now, was)) <= then["undecided_pixels"]


def test_a_missing_date_does_not_spoil_a_pixel():
    torch = pytest.importorskip("torch")
    numpy = pytest.importorskip("numpy")
    patch = torch.tensor(numpy.load(reference.DATA / "land_cover" / "patch.npy"))[None, :, :8, :8].clone()
    patch[:, 5] = float("nan")
    with torch.inference_mode():
        logits = torch.jit.load(str(reference.HERE / "land_cover.pt"))(patch)
    assert logits.shape == (1, 5, 8, 8) and not torch.isnan(logits).any()


def test_digits_manifest_states_the_accuracy_that_the_file_has(live):
    import numpy
    import torch

    spec = reference.manifest("digits")
    data = numpy.load(reference.DATA / "digits" / "digits.npz")
    images = torch.tensor((data["images"][1437:] * 15).astype(numpy.float32))[:, None] * spec["input"]["scale"]
    with torch.inference_mode():
        logits = torch.jit.load(str(reference.HERE / "digits.pt"))(
            (images - spec["input"]["mean"][0]) / spec["input"]["std"][0]
        )
    right = (logits.argmax(1).numpy() == data["labels"][1437:]).mean()
    assert right == pytest.approx(spec["accuracy"]["held_out"], abs=1e-3)
    assert right >= 0.98


def test_land_cover_manifest_states_the_accuracy_that_the_file_has():
    numpy = pytest.importorskip("numpy")
    spec = reference.manifest("land_cover")
    values = [1, 2, 3, 4, 8]
    truth = numpy.load(reference.DATA / "land_cover" / "land_cover.npz")["labels"][:, 60:85].reshape(-1)
    guess = numpy.array(values, numpy.uint8)[
        numpy.frombuffer(reference.class_map(reference.recorded()["land_cover"]), numpy.uint8)
    ]
    known = truth > 0
    assert int(known.sum()) == spec["accuracy"]["samples"]
    assert (guess == truth)[known].mean() == pytest.approx(spec["accuracy"]["held_out"], abs=1e-3)


def test_manifests_agree_with_themselves():
    for name in ("digits", "land_cover"):
        spec = json.loads((reference.HERE / f"{name}.manifest.json").read_text())
        assert spec["name"] == name and spec["output"]["shape"][0] == len(spec["labels"])
    assert len(spec["postprocess"]["colors"]) == len(spec["labels"])
