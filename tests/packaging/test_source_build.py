"""From a checkout to predictions on a clean Debian 13: its compiler, its libraries, its libtorch. Half an hour of work.

    MILLRACE_TEST_SOURCE_BUILD=1 python3 -m pytest tests/packaging/test_source_build.py
"""
import os
import shutil
import subprocess

import pytest

from debian_root import ROOT, DebianRoot

pytestmark = pytest.mark.skipif(
    os.environ.get("MILLRACE_TEST_SOURCE_BUILD") != "1", reason="MILLRACE_TEST_SOURCE_BUILD=1 is not set"
)


@pytest.fixture
def root(tmp_path):
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.skip("needs root and debootstrap")
    caches = ROOT / "build"
    caches.mkdir(exist_ok=True)
    made = DebianRoot(tmp_path / "root", caches, "trixie")
    yield made
    made.close()


def test_the_first_command_of_the_readme_builds_and_predicts_on_debian_13(root):
    source = root.path / "src"
    source.mkdir()
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", "HEAD"], check=True, capture_output=True).stdout
    subprocess.run(["tar", "x", "-C", str(source)], input=archive, check=True)
    for name in ("resolv.conf", "hosts"):
        shutil.copy(f"/etc/{name}", root.path / "etc" / name)
    subprocess.run(["mount", "--bind", "/dev", root.path / "dev"], check=True)  # the worker reads /dev/urandom
    root.mounted.append(root.path / "dev")
    printed = root.run("/src/packaging/run.sh", "--once")
    assert "libtorch 2.6" in root.run("cat", "/src/build/run-data.log")
    assert printed.rstrip().endswith("Stopping the daemon")
