#!/usr/bin/env python3
"""Where the time of a build goes: seconds of compiling by room, and the files that took longest.

    packaging/build_cost.py [BUILD_FOLDER] [--files N]

Reads Ninja's own log of the folder (build/release unless given), which keeps the last time that each file was compiled. A file that ccache
had costs nothing there, so for true figures build an empty folder with CCACHE_DISABLE=1. With as many jobs as processors the seconds are
close to seconds of processor time."""
import argparse
import collections
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]
OBJECT = re.compile(r"(?:^|/)CMakeFiles/(?P<target>[^/]+)\.dir/(?P<file>.*\.(?:cpp|c))\.o$")


def compiled(folder):
    """Target, file and seconds of each object."""
    last = {}
    for line in (folder / ".ninja_log").read_text().splitlines()[1:]:
        start, end, _, output, _ = line.split("\t")
        last[output] = (int(end) - int(start)) / 1000
    for output, seconds in last.items():
        found = OBJECT.search(output)
        if found and (folder / output).exists():
            yield found["target"], found["file"].removeprefix("__/"), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--files", type=int, default=10, help="how many of the slowest files are named")
    options = parser.parse_args()
    if not (options.folder / ".ninja_log").exists():
        parser.error(f"{options.folder} has no build by Ninja")
    objects = list(compiled(options.folder))
    rooms = collections.defaultdict(list)
    for target, _, seconds in objects:
        rooms[target].append(seconds)
    print(f"| {'target':24s} | files | seconds | a file |\n|{'-' * 26}|------:|--------:|-------:|")
    for target, each in sorted(rooms.items(), key=lambda item: -sum(item[1])):
        print(f"| {target:24s} | {len(each):5d} | {sum(each):7.0f} | {sum(each) / len(each):6.1f} |")
    everything = [seconds for *_, seconds in objects]
    print(
        f"| {'all':24s} | {len(everything):5d} | {sum(everything):7.0f} | {sum(everything) / max(len(everything), 1):6.1f} |"
    )
    print("\nThe slowest files:")
    for target, file, seconds in sorted(objects, key=lambda each: -each[2])[: options.files]:
        print(f"  {seconds:5.1f} s  {file} ({target})")


if __name__ == "__main__":
    main()
