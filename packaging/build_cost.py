#!/usr/bin/env python3
"""Where the time of a build goes: processor seconds of compiling by room, and the files that took longest.

    packaging/build_cost.py [BUILD_FOLDER] [--every N] [--files N] [--jobs N]

Compiles every N-th file of each room again with the commands of that build (build/release unless given), throws the
result away, and counts the seconds of processor time, which other programs on the machine change little. A room's
seconds are those of its sample, as many times as the room has more files. --every 1 compiles everything. The folder is
built before, for the precompiled headers; ccache has no part in it."""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
OBJECT = re.compile(r"(?:^|/)CMakeFiles/(?P<target>[^/]+)\.dir/")


def commands(folder):
    """The compile commands of what was built, by target."""
    targets = collections.defaultdict(list)
    for entry in json.loads((folder / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        output = words[words.index("-o") + 1]
        found = OBJECT.search(output)
        if found and output.endswith(".cpp.o") and (pathlib.Path(entry["directory"]) / output).exists():
            words[words.index("-o") + 1] = "/dev/null"
            targets[found["target"]].append((entry["file"], words, entry["directory"]))
    return targets


def seconds_of(compilation):
    """The file and the processor seconds, user and system, of the compiler and what it starts."""
    file, words, directory = compilation
    compiler = subprocess.Popen(words, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = compiler.stderr.read()
    _, status, used = os.wait4(compiler.pid, 0)
    compiler.returncode = os.waitstatus_to_exitcode(status)
    if compiler.returncode != 0:
        raise SystemExit(f"{file} does not compile; build the folder first\n{errors.decode(errors='replace')[:1000]}")
    return os.path.relpath(file, ROOT), used.ru_utime + used.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--every", type=int, default=5, help="which file of each room is compiled: every N-th (5)")
    parser.add_argument("--files", type=int, default=10, help="how many of the slowest files are named")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="compilers at a time")
    options = parser.parse_args()
    if not (options.folder / "compile_commands.json").exists():
        parser.error(f"{options.folder} is no configured build")
    targets = commands(options.folder)
    if not targets:
        parser.error(f"nothing is built in {options.folder}")
    samples = [(target, each) for target, all_ in targets.items() for each in sorted(all_)[:: options.every]]
    rooms = collections.defaultdict(list)
    slowest = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for (target, _), (file, seconds) in zip(samples, pool.map(seconds_of, [each for _, each in samples])):
            rooms[target].append(seconds)
            slowest.append((seconds, file))
    cost = {target: sum(each) / len(each) * len(targets[target]) for target, each in rooms.items()}
    print("| target | files | compiled | seconds | a file |\n|---|---:|---:|---:|---:|")
    for target, seconds in sorted(cost.items(), key=lambda item: -item[1]):
        count = len(targets[target])
        print(f"| `{target}` | {count} | {len(rooms[target])} | {seconds:.0f} | {seconds / count:.1f} |")
    tests = sum(seconds for target, seconds in cost.items() if target.startswith("test_"))
    print(f"\nAll: {sum(cost.values()):.0f} s, of which unit tests {tests:.0f} s. The slowest files:")
    for seconds, file in sorted(slowest, reverse=True)[: options.files]:
        print(f"  {seconds:5.1f} s  {file}")


if __name__ == "__main__":
    main()
