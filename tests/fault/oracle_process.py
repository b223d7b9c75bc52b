#!/usr/bin/env python3
"""The witness, a process of its own.

    oracle_process.py serve JOURNAL             lines on standard input; each is answered "kept" once it is flushed to disk
    oracle_process.py judge JOURNAL PORT KEY    holds what was promised against what the daemon on PORT says; exit 1: broken

It outlives a test that dies: what it was told is in the journal, and whoever has the journal may judge.
"""
import json
import os
import signal
import sys

import verdict
from journal import Journal


def serve(path):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal, meant for the test
    rest = b""
    with open(path, "ab", buffering=0) as journal:
        while piece := os.read(sys.stdin.fileno(), 1 << 20):
            lines, newline, rest = (rest + piece).rpartition(b"\n")
            if not newline:
                continue
            journal.write(lines + newline)  # all that came together, in one flush
            os.fsync(journal.fileno())
            os.write(sys.stdout.fileno(), b"kept\n" * (lines.count(b"\n") + 1))


def judge(path, port, key):
    journal = Journal.read(path)
    faults = verdict.judge(journal, int(port), key)
    json.dump({"promises": len(journal.promises), "faults": faults}, sys.stdout, indent=1)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit({"serve": serve, "judge": judge}[sys.argv[1]](*sys.argv[2:]))
