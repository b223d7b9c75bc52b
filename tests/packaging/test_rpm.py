"""The .rpm, from the same description: what is in it, what it asks for, and that its program runs."""
import shutil

import pytest

from debian_root import run

pytestmark = pytest.mark.packaging


@pytest.fixture(scope="module")
def rpm(package):
    if not shutil.which("rpmbuild"):
        pytest.skip("rpmbuild is not installed")
    return package("RPM")


def test_the_rpm_carries_the_same_files(rpm):
    files = set(run("rpm", "-qpl", rpm).splitlines())
    for path in (
        "/usr/bin/millrace",
        "/usr/lib/millrace/libmillrace_torch.so",
        "/usr/lib/millrace/torch/lib/libtorch_cpu.so",
        "/etc/millrace/millrace.toml",
        "/usr/lib/systemd/system/millrace.service",
        "/usr/share/man/man1/millrace.1.gz",
    ):
        assert path in files, f"{path} is missing"
    assert run("rpm", "-qpc", rpm).splitlines() == ["/etc/millrace/millrace.toml"]


def test_folders_of_the_system_are_not_claimed(rpm):
    files = set(run("rpm", "-qpl", rpm).splitlines())
    assert not files & {
        "/etc",
        "/usr",
        "/usr/bin",
        "/usr/lib",
        "/usr/share",
        "/usr/share/man",
        "/usr/lib/systemd/system",
    }


def test_the_private_libraries_are_neither_offered_nor_asked_for(rpm):
    assert "libtorch" not in run("rpm", "-qp", "--provides", rpm)
    requires = run("rpm", "-qp", "--requires", rpm)
    assert "libtorch" not in requires and "libc10" not in requires and "libgomp" not in requires
    assert "libc.so.6" in requires


def test_the_program_in_it_runs(rpm, tmp_path):
    run("cmake", "-E", "tar", "xf", rpm, cwd=tmp_path)  # cmake's tar reads .rpm too
    assert run(tmp_path / "usr/bin/millrace", "version").startswith("millrace ")
    assert "libtorch_cpu.so" in run("readelf", "-d", tmp_path / "usr/lib/millrace/libmillrace_torch.so")
    missing = run("ldd", tmp_path / "usr/lib/millrace/libmillrace_torch.so")
    assert "not found" not in missing, missing
