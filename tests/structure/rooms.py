#!/usr/bin/python3
"""Includes only point down: every #include of the sources is held against the table of rooms.

The table is the one in docs/architecture.md with the columns level, room and uses. A room may include itself, the
rooms that its line names, and nothing else of ours; a line may name only rooms of a lower level, except that
`processors` may use the services of its own level, `api` the room `http`, and `events` the room `store`.

A room's headers at its root are its contract, those in its folders are its own: other rooms include only the former.
`app`, which puts the program together, also includes what is in the folders of `api`, `cli` and `processors`. A
file's name occurs once in its room. Prints each violation and exits 1 if there is one.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
SAME_LEVEL = {"processors": None, "api": {"http"}, "events": {"store"}}  # None: all of the level
# Rooms for `app` alone: a folder of theirs has everything of one resource, group of commands or kind of job.
SERVE_APP = {"api", "cli", "processors"}
# Generated or outside the rooms: entry points may use anything.
ENTRY = {"main.cpp"}


def table(text):
    """{room: (level, {rooms it uses})} from the first markdown table with these three columns."""
    rooms, columns = {}, None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        names = [cell.lower() for cell in cells]
        if columns is None:
            if {"level", "room", "uses"} <= set(names):
                columns = {name: names.index(name) for name in ("level", "room", "uses")}
            continue
        if not line.strip().startswith("|"):
            break
        if set(cells[0]) <= set("-: "):
            continue
        level = int(re.search(r"\d+", cells[columns["level"]]).group())
        uses = set(re.findall(r"[a-z_]+", cells[columns["uses"]].replace("`", " ")))
        for room in re.findall(r"[a-z_.]+", cells[columns["room"]].replace("`", " ")):
            rooms[room] = (level, uses - {"none"})
    return rooms


def beside(room, used):
    return room in SAME_LEVEL and (SAME_LEVEL[room] is None or used in SAME_LEVEL[room])


def is_private(room, included):
    """Whether a header lies in a folder of another room, where `room` has no business."""
    owner = included.split("/")[0]
    return included.count("/") > 1 and owner != room and not (room == "app" and owner in SERVE_APP)


def same_names(source):
    """Two files of one room with the same name, as lines of text."""
    seen = {}
    for path in sorted([*source.rglob("*.hpp"), *source.rglob("*.cpp")]):
        inside = path.relative_to(source)
        other = seen.setdefault((inside.parts[0], path.name), inside)
        if other != inside:
            yield f"src/{other} and src/{inside} have the same name"


def check(rooms, source):
    """Every violation as a line of text."""
    found = []
    for room, (level, uses) in sorted(rooms.items()):
        for used in sorted(uses):
            if used not in rooms:
                found.append(f"the table lets {room} use {used}, which is no room of it")
            elif rooms[used][0] > level or (rooms[used][0] == level and not beside(room, used)):
                found.append(f"the table lets {room} (level {level}) use {used} (level {rooms[used][0]})")
    folders = {path.name for path in source.iterdir() if path.is_dir() and any(path.rglob("*.?pp"))}
    found += [f"src/{name} is not in the table" for name in sorted(folders - set(rooms))]
    found += same_names(source)
    for path in sorted([*source.rglob("*.hpp"), *source.rglob("*.cpp"), *source.rglob("*.h")]):
        inside = path.relative_to(source)
        if str(inside) in ENTRY:
            continue
        room = inside.parts[0]
        for included in INCLUDE.findall(path.read_text()):
            target = included.split("/")[0]
            if "/" not in included:
                found.append(f"src/{inside}: \"{included}\" is not named from src/ as \"room/file.hpp\"")
            elif (source / target).is_dir() and target != room and target not in rooms.get(room, (0, set()))[1]:
                found.append(f"src/{inside}: room {room} may not include {included}")
            elif (source / target).is_dir() and is_private(room, included):
                found.append(f"src/{inside}: {included} is private to the room {target}")
    return found


def main():
    rooms = table((ROOT / "docs/architecture.md").read_text())
    if not rooms:
        sys.exit("docs/architecture.md has no table with the columns level, room, uses")
    found = check(rooms, ROOT / "src")
    print("\n".join(found) if found else f"{len(rooms)} rooms, every include points down")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
