#!/usr/bin/env python3
"""Makes digits.npz and samples/ from scikit-learn's digits.csv.gz (see ORIGIN.md).

    import_digits.py /usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz
"""
import gzip
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "models"))
import png  # noqa: E402

HELD_OUT_FROM = 1437  # rows from here on are never trained on: train_digits.py uses the same number


def main(source: str) -> None:
    with gzip.open(source, "rt") as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.uint8)
    images, labels = table[:, :64].reshape(-1, 8, 8), table[:, 64]
    np.savez_compressed(HERE / "digits.npz", images=images, labels=labels)

    # The first held-out image of each digit, and the next two of the rows that follow: chosen by position alone.
    chosen = [HELD_OUT_FROM + int(np.argmax(labels[HELD_OUT_FROM:] == digit)) for digit in range(10)]
    chosen += [row for row in range(HELD_OUT_FROM, len(labels)) if row not in chosen][:2]
    samples = HERE / "samples"
    samples.mkdir(exist_ok=True)
    for row in chosen:
        pixels = (images[row] * 15).tobytes()
        (samples / f"digit-{labels[row]}-row-{row}.png").write_bytes(png.write_gray(8, 8, pixels))
    print(f"{len(labels)} images, {len(chosen)} samples")


if __name__ == "__main__":
    main(sys.argv[1])
