#!/usr/bin/env python3
"""Makes land_cover.npz and patch.npy from eo-learn's NDVI.npy, LULC.npy and timestamps.json (see ORIGIN.md).

    import_land_cover.py FOLDER_WITH_THE_THREE_FILES
"""
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
STEP = 10000  # NDVI is kept as whole ten-thousandths
HELD_OUT = slice(60, 85)  # columns that are never trained on: train_land_cover.py uses the same numbers


def main(folder: Path) -> None:
    ndvi = np.load(folder / "NDVI.npy")[..., 0]
    labels = np.load(folder / "LULC.npy")[..., 0].astype(np.uint8)
    dates = json.loads((folder / "timestamps.json").read_text())
    whole = np.round(ndvi * STEP).astype(np.int16)
    np.savez_compressed(HERE / "land_cover.npz", ndvi=whole, labels=labels, dates=np.array(dates))
    patch = (whole.astype(np.float32) / np.float32(STEP))[:, :, HELD_OUT]
    np.save(HERE / "patch.npy", np.ascontiguousarray(patch))
    print(f"{whole.shape} NDVI values, patch {patch.shape}, largest rounding {abs(whole / STEP - ndvi).max():.1e}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
