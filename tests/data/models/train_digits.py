#!/usr/bin/env python3
"""Trains the digit classifier on tests/data/digits and writes digits.pt and digits.manifest.json.

    train_digits.py [FOLDER]      (where to write; beside this script by default)

Rows from 1437 on are held out: they come from other writers than most of the training rows, and nothing was tuned
on them (sizes and length of training were chosen on rows 1100-1436). Needs torch >= 1.13 and numpy.
"""
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

import model_files

HELD_OUT_FROM = 1437
SCALE = 1 / 240  # grey levels 0-240 to 0-1: the manifest says the same to the server
EPOCHS, BATCH = 60, 64


class Digits(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.classify = nn.Sequential(
            nn.Dropout(0.3), nn.Linear(32 * 4 * 4, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 10)
        )

    def forward(self, image):
        return self.classify(self.features(image).flatten(1))


def shifted(images, background: float):
    """The whole batch moved by up to one pixel, as if the digit had been cut out a little off."""
    dy, dx = (int(v) for v in torch.randint(-1, 2, (2,)))
    padded = nn.functional.pad(images, (1, 1, 1, 1), value=background)
    return padded[:, :, 1 + dy : 9 + dy, 1 + dx : 9 + dx]


def train(images, labels, background: float) -> Digits:
    model = Digits()
    steps = EPOCHS * ((len(images) + BATCH - 1) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    for _ in range(EPOCHS):
        order = torch.randperm(len(images))
        for at in range(0, len(images), BATCH):
            batch = order[at : at + BATCH]
            optimizer.zero_grad()
            loss_of(model(shifted(images[batch], background)), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def main(folder: Path) -> None:
    model_files.start(seed=2)
    data = np.load(model_files.DATA / "digits" / "digits.npz")
    labels = torch.tensor(data["labels"].astype(np.int64))
    scaled = torch.tensor((data["images"] * 15).astype(np.float32))[:, None] * SCALE
    # Rounded, so that the manifest says exactly what was trained with.
    mean = round(scaled[:HELD_OUT_FROM].mean().item(), 4)
    std = round(scaled[:HELD_OUT_FROM].std().item(), 4)
    inputs = (scaled - mean) / std

    model = train(inputs[:HELD_OUT_FROM], labels[:HELD_OUT_FROM], background=(0 - mean) / std)
    with torch.no_grad():
        guess = model(inputs[HELD_OUT_FROM:]).argmax(1)
    truth = labels[HELD_OUT_FROM:]
    right = int((guess == truth).sum())
    accuracy = round(right / len(truth), 4)
    print(f"digits: {right} of {len(truth)} held-out images right, accuracy {accuracy:.4f}")

    model_files.save(
        model,
        "digits",
        {
            "format": 1,
            "name": "digits",
            "description": "Handwritten digits, 8 by 8 grey pixels (UCI optical recognition of handwritten digits)",
            "task": "image_classification",
            "input": {
                "name": "image",
                "kind": "image",
                "datatype": "FP32",
                "shape": [1, 8, 8],
                "color": "gray",
                "resize": [8, 8],
                "scale": SCALE,
                "mean": [mean],
                "std": [std],
            },
            "output": {"name": "logits", "datatype": "FP32", "shape": [10]},
            "labels": [str(digit) for digit in range(10)],
            "postprocess": {"kind": "softmax_top_k", "top_k": 3},
            "batching": {"max_batch": 32, "max_delay_ms": 2},
            "limits": {"max_input_bytes": 1048576, "timeout_seconds": 30},
            "accuracy": {
                "held_out": accuracy,
                "metric": "accuracy",
                "samples": len(truth),
                "note": f"{right} of {len(truth)} right on rows {HELD_OUT_FROM}-{len(labels) - 1}, "
                "which were not trained on",
            },
            "warm_up": True,
        },
        folder,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else model_files.HERE)
