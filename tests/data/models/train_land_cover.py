#!/usr/bin/env python3
"""Trains the land-cover model on tests/data/land_cover and writes land_cover.pt and land_cover.manifest.json.

    train_land_cover.py [FOLDER]      (where to write; beside this script by default)

Takes an NDVI series [N, 68 dates, rows, columns] and gives a logit per class for each pixel. The patch is split by
columns: 60-84 are held out, 57-59 and 85-87 are left out on both sides so that neighbours do not leak, the rest is
trained on. Sizes and length of training were chosen on splits inside the training columns. Needs torch >= 1.13 and
numpy.
"""
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

import model_files

CLASSES = [
    (1, "cultivated land", "#f2c14e"),
    (2, "forest", "#1b6b3a"),
    (3, "grassland", "#9bd16f"),
    (4, "shrubland", "#8f7a3e"),
    (8, "artificial surface", "#d1495b"),
]
TRAINED_ON = [(0, 57), (88, 100)]  # columns
HELD_OUT = (60, 85)
STEPS, WIDTH = 300, 32


class LandCover(nn.Module):
    """Each pixel's series through 1x1 convolutions, with one look at the eight neighbours in between."""

    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("mean", mean.view(1, -1, 1, 1))
        self.register_buffer("std", std.view(1, -1, 1, 1))
        self.series = nn.Conv2d(len(mean), WIDTH, 1)
        self.around = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, padding_mode="replicate")
        self.classify = nn.Conv2d(WIDTH, len(CLASSES), 1)
        self.drop = nn.Dropout(0.2)

    def forward(self, ndvi):
        # A date without a value (cloud, no data) counts as an ordinary one: the date's mean, 0 after scaling.
        scaled = (ndvi - self.mean) / self.std
        scaled = torch.where(torch.isnan(scaled), torch.zeros_like(scaled), scaled)
        hidden = self.drop(torch.relu(self.series(scaled)))
        return self.classify(self.drop(torch.relu(self.around(hidden))))


def load():
    """NDVI [1, dates, rows, columns] and the class of each pixel [1, rows, columns], -1 where there is none."""
    data = np.load(model_files.DATA / "land_cover" / "land_cover.npz")
    ndvi = torch.tensor(data["ndvi"].astype(np.float32) / np.float32(10000))[None]
    truth = np.full(data["labels"].shape, -1, np.int64)
    for index, (value, _, _) in enumerate(CLASSES):
        truth[data["labels"] == value] = index
    return ndvi, torch.tensor(truth)[None]


def train(ndvi, truth) -> LandCover:
    trained = torch.zeros_like(truth, dtype=torch.bool)
    for first, end in TRAINED_ON:
        trained[:, :, first:end] = truth[:, :, first:end] >= 0
    pixels = ndvi.permute(0, 2, 3, 1)[trained]
    model = LandCover(pixels.mean(0), pixels.std(0))
    # Rare classes weigh more, by the square root of their rarity; a class of fewer than 10 pixels counts as 10.
    counts = torch.bincount(truth[trained], minlength=len(CLASSES)).float()
    weights = (counts.clamp(min=10) / counts.sum()) ** -0.5
    loss_of = nn.CrossEntropyLoss(
        weight=weights / weights.mean(), ignore_index=-1, label_smoothing=0.05, reduction="sum"
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=STEPS)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = sum(loss_of(model(ndvi[..., a:b]), truth[..., a:b]) for a, b in TRAINED_ON)
        (loss / trained.sum()).backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def measure(model, ndvi, truth):
    """Accuracy on the held-out columns: overall, by class, and of always saying the commonest class."""
    first, end = HELD_OUT
    with torch.no_grad():
        guess = model(ndvi[..., first:end]).argmax(1)
    expected = truth[..., first:end]
    known = expected >= 0
    right = (guess == expected) & known
    by_class = [(int(right[expected == c].sum()), int((expected == c).sum())) for c in range(len(CLASSES))]
    return int(right.sum()), int(known.sum()), by_class


def main(folder: Path) -> None:
    model_files.start(seed=0)
    ndvi, truth = load()
    model = train(ndvi, truth)
    right, known, by_class = measure(model, ndvi, truth)
    accuracy = round(right / known, 4)
    commonest = max(count for _, count in by_class) / known
    lines = [f"{label} {hit} of {count}" for (_, label, _), (hit, count) in zip(CLASSES, by_class)]
    note = (
        f"columns {HELD_OUT[0]}-{HELD_OUT[1] - 1}, not trained on; pixels right by class: {', '.join(lines)}. "
        f"Always saying forest would be right {commonest:.4f} of the time. Cultivated land had 3 pixels to learn "
        "from; shrubland is hard to tell from the forest and grassland around it"
    )
    print(f"land_cover: {right} of {known} held-out pixels right, accuracy {accuracy:.4f}\n  {note}")

    rows_and_columns = [-1, -1]
    model_files.save(
        model,
        "land_cover",
        {
            "format": 1,
            "name": "land_cover",
            "description": "Land cover of each pixel from a Sentinel-2 NDVI series of 68 dates",
            "task": "pixel_classification",
            "input": {
                "name": "ndvi",
                "kind": "tensor",
                "datatype": "FP32",
                "shape": [ndvi.shape[1], *rows_and_columns],
            },
            "output": {"name": "logits", "datatype": "FP32", "shape": [len(CLASSES), *rows_and_columns]},
            "labels": [label for _, label, _ in CLASSES],
            "postprocess": {"kind": "argmax_map", "colors": [color for _, _, color in CLASSES]},
            "batching": {"max_batch": 4, "max_delay_ms": 2},
            "limits": {"max_input_bytes": 33554432, "timeout_seconds": 60},
            "accuracy": {"held_out": accuracy, "metric": "pixel accuracy", "samples": known, "note": note},
            "warm_up": True,
        },
        folder,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else model_files.HERE)
