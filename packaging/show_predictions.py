#!/usr/bin/env python3
"""Sends the sample inputs through the durable queue of a running daemon and prints what the models say.

    show_predictions.py BINARY DATA_FOLDER

Exit 0 when every job succeeded. Used by packaging/run.sh; standard library only.
"""
import json
import subprocess
import sys
from pathlib import Path

SAMPLES = Path(__file__).resolve().parent.parent / "tests" / "data"


class Millrace:
    def __init__(self, binary: str, data: str):
        self.binary, self.data = binary, data

    def __call__(self, *arguments):
        """The JSON that a command prints; its own words on standard error, and an end, when it fails."""
        command = [self.binary, *map(str, arguments), "--data", self.data, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"failed: {' '.join(command)}")
        return json.loads(done.stdout or "null")

    def submit(self, model: str, file: Path) -> str:
        return self("job", "submit", "--model", model, "--file", f"input={file}")["id"]

    def result(self, job: str) -> dict:
        return self("job", "wait", job, "--for", "120")["result"]


def show_digits(jobs, millrace: Millrace) -> None:
    print("\nHandwritten digits, none of them seen in training")
    print(f"  {'file':<24} {'true':>4} {'label':>6} {'confidence':>11}")
    right = 0
    for file, job in jobs:
        truth, result = file.name.split("-")[1], millrace.result(job)
        right += result["label"] == truth
        mark = "" if result["label"] == truth else "  wrong"
        print(f"  {file.name:<24} {truth:>4} {result['label']:>6} {result['confidence']:>11.1%}{mark}")
    print(f"  {right} of {len(jobs)} right")


def show_land_cover(job: str, millrace: Millrace) -> None:
    result = millrace.result(job)
    print(
        f"\nLand cover of a Sentinel-2 patch, {result['width']} × {result['height']} pixels of 10 m, "
        "none of them seen in training"
    )
    print(f"  {'class':<24} {'share':>8} {'pixels':>8}")
    for share in result["shares"]:
        print(f"  {share['label']:<24} {share['share']:>8.1%} {share['pixels']:>8}")
    picture = Path(f"{millrace.data}.land-cover.png")
    millrace("blob", "get", result["map"]["blob"], "--output", picture)
    print(f"  the map as a picture: {picture}")


def main(binary: str, data: str) -> None:
    millrace = Millrace(binary, data)
    digits = sorted((SAMPLES / "digits" / "samples").glob("*.png"))
    jobs = [(file, millrace.submit("digits", file)) for file in digits]
    patch = millrace.submit("land_cover", SAMPLES / "land_cover" / "patch.npy")
    print(f"{len(jobs) + 1} jobs submitted, each on disk before it was acknowledged")
    show_digits(jobs, millrace)
    show_land_cover(patch, millrace)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
