"""How the C++ is laid out: the width of its lines, what clang-format makes of it, and how large its files are."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rooms import ROOT

MOST_COLUMNS = 120
MOST_LINES = 350
# Ratchets: they follow the code down, never up.
MOST_LINES_MEDIAN, MOST_LINES_OF_NINE_IN_TEN = 70, 180


def sources(*folders: str) -> list[Path]:
    return sorted(
        file for folder in folders for file in (ROOT / folder).rglob("*") if file.suffix in {".cpp", ".hpp", ".h"}
    )


def lines_of_raw_strings(text: str) -> set[int]:
    """The numbers of the lines that a raw string literal touches."""
    lines = set()
    for literal in re.finditer(r'R"(\w*)\(.*?\)\1"', text, re.DOTALL):
        first = text.count("\n", 0, literal.start()) + 1
        lines.update(range(first, first + literal.group().count("\n") + 1))
    return lines


def test_lines_are_not_too_wide():
    """But for JSON in raw strings of tests, which stays as a client would send it."""
    wide = []
    for file in sources("src", "tests", "cmake"):
        text = file.read_text()
        may_be_wide = lines_of_raw_strings(text) if ROOT / "tests" in file.parents else set()
        wide += [
            f"{file.relative_to(ROOT)}:{number}"
            for number, line in enumerate(text.splitlines(), 1)
            if len(line) > MOST_COLUMNS and number not in may_be_wide
        ]
    assert not wide, f"more than {MOST_COLUMNS} columns; packaging/check.sh --fix lays files out"


@pytest.mark.skipif(
    shutil.which("clang-format-14") is None, reason="clang-format-14 is not installed; other versions differ"
)
def test_files_are_as_clang_format_lays_them_out():
    files = [str(file) for file in sources("src", "tests", "cmake")]
    out = subprocess.run(
        ["clang-format-14", "--dry-run", "--Werror", *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", out.stderr, re.MULTILINE)))
    assert out.returncode == 0, f"packaging/check.sh --fix lays them out: {wrong}"


def test_files_stay_small(capsys):
    sizes = sorted((len(file.read_text().splitlines()), str(file.relative_to(ROOT))) for file in sources("src"))
    median, nine_in_ten = sizes[len(sizes) // 2][0], sizes[len(sizes) * 9 // 10][0]
    with capsys.disabled():
        print(
            f"\n{len(sizes)} files: median {median} lines, nine in ten have at most {nine_in_ten}, the largest is {sizes[-1]}"
        )
    assert median <= MOST_LINES_MEDIAN
    assert nine_in_ten <= MOST_LINES_OF_NINE_IN_TEN
    assert not [file for lines, file in sizes if lines > MOST_LINES], "split it, by what it does"
