#!/usr/bin/env python3
"""Compares the tokenizers of Millrace with the reference implementations on the lines of a file, and prints how many differ.

    ninja -C build/release bench_tokenizer
    python -m venv V && V/bin/pip install tokenizers sentencepiece protobuf
    V/bin/python tests/tokenizers/compare.py --lines LINES --bench build/release/tests/bench/bench_tokenizer [--size 8000] [--json FILE ...]

Each kind is trained on the lines first; --json adds tokenizer.json files that are there already. Every other line is a pair with the
next one when --pairs is given. Exits 1 when something differs.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import references
from tokenizers import Tokenizer


def ours(bench, folder, reference, lines, extra):
    files = [f"{name}={folder / name}" for name in reference.files]
    text = subprocess.run(
        [bench, json.dumps(reference.manifest), lines, *files, *extra],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    return text.stdout.rstrip("\n").split("\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", required=True)
    parser.add_argument("--bench", required=True)
    parser.add_argument("--size", type=int, default=8000)
    parser.add_argument("--json", nargs="*", default=[])
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--pairs", action="store_true")
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--keep", help="folder for the trained files")
    arguments = parser.parse_args()
    lines = pathlib.Path(arguments.lines).read_text(encoding="utf-8").split("\n")[:-1]
    every = references.all_of(lines, arguments.size)
    for path in arguments.json:
        tokenizer = Tokenizer.from_file(path)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        every.append(references.of_tokenizer(pathlib.Path(path).parent.name, tokenizer))
    differing = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(arguments.keep or temporary)
        references.write(every, folder)
        texts = [(line, None) for line in lines]
        if arguments.pairs:
            texts = [(a, b) for a, b in zip(lines[0::2], lines[1::2])]
        written = pathlib.Path(temporary) / "lines"
        written.write_text("".join((a if b is None else a + "\t" + b) + "\n" for a, b in texts), encoding="utf-8")
        for reference in every:
            if arguments.only and reference.name not in arguments.only:
                continue
            got = ours(
                arguments.bench, folder / reference.name, reference, written, ["--pairs"] if arguments.pairs else []
            )
            start = time.monotonic()
            expected = [reference.encode(a, b) for a, b in texts]
            took = time.monotonic() - start
            wrong = 0
            for text, line, (ids, types) in zip(texts, got, expected):
                want = "".join(f"{i} " for i in ids) + (
                    "| " + "".join(f"{t} " for t in types) if arguments.pairs else ""
                )
                if line.strip() != want.strip():
                    wrong += 1
                    if wrong <= 3:
                        print(f"  {text!r}\n    ours {line.strip()[:300]}\n    want {want.strip()[:300]}")
            differing += wrong
            speed = ""
            if arguments.time:
                speed = f"; ours {ours(arguments.bench, folder / reference.name, reference, written, ['--time'])[0]}, theirs {len(texts) / took:.0f} lines/s"
            print(f"{reference.name}: {wrong} of {len(texts)} differ{speed}", flush=True)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
