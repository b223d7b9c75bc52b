#!/usr/bin/env python3
"""Makes tests/data/tokenizers anew from its lines.txt; see the README.md there. Needs tokenizers, sentencepiece, protobuf."""
import json
import pathlib
import shutil
import tempfile

import references

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "data/tokenizers"
# Instead of SentencePiece's own rules, which make a file of 250 KB: what becomes what, in hexadecimal code points.
RULES = [
    "FF26\t46",
    "FF55\t75",
    "FF4C\t6C",
    "3000\t20",
    "A0\t20",
    "9\t20",
    "FB01\t66 69",
    "FB02\t66 6C",
    "2460\t31",
    "BD\t31 2044 32",
    "B2\t32",
    "FEFF\t",
    "AD\t",
    "200B\t20",
    "1100 1161 11A8\tAC01",
    "65 301\tE9",
    "212B\tC5",
    "FDFA\t635 644 649",
]
KEPT = [
    "bert_cased_vocabulary",
    "bert_uncased",
    "gpt2_vocabulary",
    "roberta",
    "smollm2",
    "llama3",
    "llama2",
    "llama2_metaspace",
    "t5",
    "bpe_model",
    "own_symbols",
    "bpe_symbols",
    "xlm_roberta",
    "odd_steps",
]


def main():
    lines = (FOLDER / "lines.txt").read_text(encoding="utf-8").split("\n")[:-1]
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        rules.write("".join(rule + "\n" for rule in RULES))
        rules.flush()
        every = references.all_of(lines, 1200, rules=rules.name)
    for old in FOLDER.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    kept = [reference for reference in every if reference.name in KEPT]
    references.write(kept, FOLDER)
    for reference in kept:
        single = [reference.encode(line)[0] for line in lines]
        pairs = [[list(each) for each in reference.encode(a, b)] for a, b in zip(lines, lines[1:])]
        (FOLDER / reference.name / "expected.json").write_text(
            json.dumps({"lines": single, "pairs": pairs}, separators=(",", ":")) + "\n"
        )


if __name__ == "__main__":
    main()
