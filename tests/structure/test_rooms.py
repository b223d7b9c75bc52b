"""The scan of the includes finds what it is there to find, and finds nothing in this tree."""
import pathlib

import rooms

TABLE = """
| level | room | what | uses |
|---|---|---|---|
| 0 | `base` | x | |
| 1 | `async` | x | base |
| 2 | `store` | x | async, base |
| 2 | `jobs` | x | base |
"""


def tree(tmp_path, **files):
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("_hpp", ".hpp").replace("_cpp", ".cpp")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_this_tree_keeps_to_its_table():
    text = (rooms.ROOT / "docs/architecture.md").read_text()
    assert rooms.check(rooms.table(text), rooms.ROOT / "src") == []


def test_an_include_that_points_up_or_sideways_is_found(tmp_path):
    source = tree(
        tmp_path,
        base__a_hpp="",
        async__b_hpp='#include "base/a.hpp"\n',
        store__c_hpp='#include "async/b.hpp"\n',
        jobs__d_cpp='#include "store/c.hpp"\n',
        base__e_cpp='  #  include "store/c.hpp"\n',
    )
    found = rooms.check(rooms.table(TABLE), source)
    assert len(found) == 2 and "base/e.cpp" in found[0] and "jobs/d.cpp" in found[1]


def test_a_room_that_is_not_in_the_table_is_found(tmp_path):
    assert any("utils" in line for line in rooms.check(rooms.table(TABLE), tree(tmp_path, utils__x_hpp="")))


def test_a_table_that_points_up_is_found(tmp_path):
    table = TABLE.replace("| 1 | `async` | x | base |", "| 1 | `async` | x | base, store |")
    assert any("async" in line and "store" in line for line in rooms.check(rooms.table(table), tmp_path))


def test_an_include_beside_the_file_is_named_from_the_root(tmp_path):
    assert rooms.check(rooms.table(TABLE), tree(tmp_path, base__a_hpp="", base__b_cpp='#include "a.hpp"\n'))


def test_a_header_in_a_folder_belongs_to_its_room(tmp_path):
    source = tree(
        tmp_path,
        base__text__a_hpp="",
        base__b_cpp='#include "base/text/a.hpp"\n',
        jobs__c_cpp='#include "base/text/a.hpp"\n',
    )
    found = rooms.check(rooms.table(TABLE), source)
    assert len(found) == 1 and "jobs/c.cpp" in found[0] and "private" in found[0]


def test_app_includes_what_is_in_the_folders_of_api(tmp_path):
    table = TABLE + "| 5 | `api` | x | base |\n| 6 | `app` | x | api, base |\n"
    source = tree(
        tmp_path,
        api__jobs__a_hpp="",
        base__text__b_hpp="",
        app__c_cpp='#include "api/jobs/a.hpp"\n#include "base/text/b.hpp"\n',
    )
    found = rooms.check(rooms.table(table), source)
    assert len(found) == 1 and "base/text/b.hpp" in found[0]


def test_two_files_of_one_name_are_found(tmp_path):
    source = tree(tmp_path, base__a_hpp="", base__text__a_hpp="", jobs__a_hpp="")
    found = rooms.check(rooms.table(TABLE), source)
    assert len(found) == 1 and "base/a.hpp" in found[0] and "base/text/a.hpp" in found[0]


def test_unit_tests_lie_as_their_sources_do():
    unit, sources = rooms.ROOT / "tests/unit", rooms.ROOT / "src"
    folders = {path.parent.relative_to(unit) for path in unit.rglob("*.?pp")}
    assert [str(folder) for folder in sorted(folders) if not (sources / folder).is_dir()] == []
    tests = [path for path in unit.rglob("*.cpp") if "TEST_CASE" in path.read_text()]
    assert [path.name for path in tests if not path.stem.endswith("_test")] == []
