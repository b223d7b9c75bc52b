"""Packages are built and installed for real: minutes of work, as root, on a Debian 12 and a Debian 13 made for the purpose.

    MILLRACE_TEST_SOURCE_BUILD=1 python3 -m pytest tests/packaging/test_source_build.py   # builds on Debian 13: half an hour
    MILLRACE_TEST_PACKAGES=1 MILLRACE_BINARY=build/release/src/millrace python3 -m pytest tests/packaging
"""
import os
import shutil
import sys

import pytest

from debian_root import ROOT, run

sys.path.insert(0, str(ROOT / "tests"))


def pytest_configure(config):
    config.addinivalue_line("markers", "packaging: builds and installs packages; needs root and minutes")


def pytest_collection_modifyitems(items):
    if os.environ.get("MILLRACE_TEST_PACKAGES") == "1":
        return
    for item in items:
        if item.get_closest_marker("packaging"):
            item.add_marker(pytest.mark.skip(reason="MILLRACE_TEST_PACKAGES=1 is not set"))


@pytest.fixture(scope="session")
def build_folder():
    from support.daemon import binary

    folder = binary().parents[1]
    if not (folder / "CPackConfig.cmake").exists():
        pytest.skip(f"{folder} was configured without the official libtorch: there are no packages")
    return folder


@pytest.fixture(scope="session")
def package(build_folder, tmp_path_factory):
    """Builds the package of a generator, once: package("DEB") → its path."""
    built = {}

    def build(generator):
        if generator not in built:
            out = tmp_path_factory.mktemp(generator.lower())
            run("cpack", "-G", generator, "-B", out, cwd=build_folder)
            built[generator] = next(out.glob(f"*.{generator.lower()}"))
            shutil.rmtree(out / "_CPack_Packages", ignore_errors=True)
        return built[generator]

    return build
