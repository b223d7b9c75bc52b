#!/usr/bin/env python3
"""Which lines of src the tests have run: a table by room, and the files with the most lines that nothing has run.

    cmake --preset coverage && ninja -C build/coverage
    ctest --preset coverage
    MILLRACE_BINARY=build/coverage/src/millrace python3 -m pytest tests/e2e
    packaging/coverage.py [BUILD_FOLDER] [--files N] [--lines FILE] [--reset]

Asks gcov about every object of the folder (build/coverage unless given). A line of a header or template counts as run when it was run in
any of them. The counts of all runs since the build, or since --reset, are added up."""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
SRC = ROOT / "src"


def counts_of(gcov, notes):
    """File below src, line and count of each line of one object."""
    out = subprocess.run([gcov, "--json-format", "--stdout", notes], capture_output=True, check=True).stdout
    for document in map(json.loads, out.splitlines()):
        for file in document["files"]:
            path = pathlib.Path(os.path.normpath(file["file"]))
            if path.is_relative_to(SRC):
                for line in file["lines"]:
                    yield path.relative_to(SRC), line["line_number"], line["count"]


def measure(gcov, objects):
    """The count of each line, by file."""
    files = collections.defaultdict(dict)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for counts in pool.map(lambda notes: list(counts_of(gcov, notes)), objects):
            for file, line, count in counts:
                files[file][line] = max(files[file].get(line, 0), count)
    return files


def spans(lines):
    """1-3, 7 of [1, 2, 3, 7]."""
    begun = []
    for line in sorted(lines):
        if begun and begun[-1][1] == line - 1:
            begun[-1][1] = line
        else:
            begun.append([line, line])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in begun)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=ROOT / "build/coverage")
    parser.add_argument(
        "--files", type=int, default=20, help="how many files are named, those with the most lines not run first"
    )
    parser.add_argument(
        "--lines", metavar="FILE", help="the lines of this file below src that were not run, and no table"
    )
    parser.add_argument("--reset", action="store_true", help="forget what was run so far, and end")
    parser.add_argument("--gcov", default="gcov", help="that of the compiler which built the folder")
    options = parser.parse_args()
    if options.reset:
        for data in options.folder.rglob("*.gcda"):
            data.unlink()
        return
    objects = sorted(options.folder.rglob("*.gcno"))
    if not objects:
        parser.error(f"{options.folder} is no build with coverage: cmake --preset coverage")
    files = measure(options.gcov, objects)
    missed = {file: [line for line, count in lines.items() if count == 0] for file, lines in files.items()}
    if options.lines:
        if pathlib.Path(options.lines) not in missed:
            parser.error(f"{options.lines} has no lines that count, or was not compiled")
        print(spans(missed[pathlib.Path(options.lines)]))
        return
    rooms = collections.defaultdict(lambda: [0, 0])
    for file, lines in files.items():
        for room in (file.parts[0] if len(file.parts) > 1 else "main", "all"):
            rooms[room][0] += len(lines)
            rooms[room][1] += len(lines) - len(missed[file])
    print("| room | lines | run | % |\n|---|---:|---:|---:|")
    for room, (lines, run) in sorted(rooms.items(), key=lambda item: (item[0] == "all", item[0])):
        print(f"| `{room}` | {lines} | {run} | {100 * run / lines:.1f} |")
    print("\nThe most lines that were not run:")
    for file, lines in sorted(missed.items(), key=lambda item: -len(item[1]))[: options.files]:
        print(f"  {len(lines):4d} of {len(files[file]):4d}  {file}")


if __name__ == "__main__":
    main()
