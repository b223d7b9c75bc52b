#!/usr/bin/env python3
"""Writes reference.json from the committed models and samples; run it after training. Needs torch and numpy."""
import json
import sys

import reference

made = reference.recompute()
if made is None:
    sys.exit("make_reference.py: torch and numpy are needed (Debian: python3-torch python3-numpy)")
(reference.HERE / "reference.json").write_text(json.dumps(made, indent=1) + "\n")
right = sum(sample["label"] == sample["truth"] for sample in made["digits"]["samples"])
print(
    f"{made['made_with']}: {right} of {len(made['digits']['samples'])} sample digits right; land cover "
    + ", ".join(f"{s['label']} {s['share']:.1%}" for s in made["land_cover"]["shares"])
)
