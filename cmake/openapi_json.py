#!/usr/bin/python3
"""Writes embedded/openapi.json, which the daemon serves, from embedded/openapi.yaml, which people edit.

Run it after editing the YAML (needs python3-yaml); tests/structure/test_openapi_file.py fails while the two differ.
The build itself needs neither Python nor YAML.
"""
import json
import pathlib

import yaml

EMBEDDED = pathlib.Path(__file__).resolve().parent.parent / "embedded"


def document():
    return yaml.safe_load((EMBEDDED / "openapi.yaml").read_text())


def text():
    return json.dumps(document(), ensure_ascii=False, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    (EMBEDDED / "openapi.json").write_text(text())
