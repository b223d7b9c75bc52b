"""The .deb on a clean Debian 12 and on a clean Debian 13: install, run a job, upgrade, remove, purge."""
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time

import pytest

from debian_root import RELEASES, ROOT, DebianRoot, run

pytestmark = pytest.mark.packaging
SERVICE = (ROOT / "systemd/millrace.service").read_text()


@pytest.fixture(scope="module")
def deb(package):
    return package("DEB")


@pytest.fixture(scope="module", params=RELEASES)
def root(request, build_folder, tmp_path_factory):
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.skip("needs root and debootstrap")
    made = DebianRoot(tmp_path_factory.mktemp("debian") / "root", build_folder, request.param)
    yield made
    made.close()


class Service:
    """What systemd would do: the unit's command, as its user, with its folders and a notification socket."""

    def __init__(self, root):
        self.root = root
        runtime = root.path / "run/millrace"
        runtime.mkdir(exist_ok=True)
        account = (root.path / "etc/passwd").read_text().split("\nmillrace:")[1].split(":")
        os.chown(runtime, int(account[1]), int(account[2]))
        notify = root.path / "run/notify"
        notify.unlink(missing_ok=True)
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.bind(str(notify))
        notify.chmod(0o777)
        command = next(line for line in SERVICE.splitlines() if line.startswith("ExecStart=")).removeprefix(
            "ExecStart="
        )
        self.log = root.path / "tmp/service.log"
        self.process = subprocess.Popen(
            root.command(
                "NOTIFY_SOCKET=/run/notify",
                "MILLRACE_HTTP_LISTEN=127.0.0.1:0",
                *shlex.split(command),
                user="millrace:millrace",
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=open(self.log, "ab"),
        )
        self.notifications.settimeout(60)
        while "READY=1" not in self.notifications.recv(4096).decode():
            assert self.process.poll() is None, self.log.read_text()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(45) == 0, self.log.read_text()
        self.notifications.close()


def wait_for_worker(root):
    for _ in range(600):
        status = json.loads(
            subprocess.run(root.command("millrace", "status", "--json"), text=True, capture_output=True).stdout or "{}"
        )
        if status.get("worker", {}).get("state") == "ready":
            return status
        time.sleep(0.1)
    raise AssertionError(f"the worker is not ready: {status}")


def newer(deb, folder):
    """The same package with a higher version."""
    run("dpkg-deb", "-R", deb, folder / "unpacked")
    control = folder / "unpacked/DEBIAN/control"
    text = control.read_text()
    version = next(line for line in text.splitlines() if line.startswith("Version: ")).removeprefix("Version: ")
    control.write_text(text.replace(f"Version: {version}", f"Version: {version}+next"))
    out = folder / "next.deb"
    run("dpkg-deb", "-Znone", "-b", folder / "unpacked", out)
    shutil.rmtree(folder / "unpacked")
    return out


def test_lintian_finds_no_error(deb):
    if not shutil.which("lintian"):
        pytest.skip("lintian is not installed")
    found = subprocess.run(
        ["lintian", "--fail-on", "error", "--tag-display-limit", "0", str(deb)], text=True, capture_output=True
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_dependencies_are_few(deb):
    depends = {each.split()[0] for each in run("dpkg-deb", "-f", deb, "Depends").split(", ")}
    assert depends <= {"adduser", "libc6", "libgcc-s1", "libstdc++6"}


def test_everything_is_in_its_place_and_roots(deb):
    listed = {}
    for line in run("dpkg-deb", "-c", deb).splitlines():
        mode, owner, size, _, _, path = line.split()[:6]
        listed[path.removeprefix(".")] = mode
        assert owner == "root/root", line
        assert mode[5] != "w" and mode[8] != "w", line
    for path in (
        "/usr/bin/millrace",
        "/usr/lib/millrace/libmillrace_torch.so",
        "/usr/lib/millrace/torch/lib/libtorch_cpu.so",
        "/usr/lib/millrace/torch/lib/libc10.so",
        "/usr/lib/millrace/torch/lib/libgomp.so.1",
        "/etc/millrace/millrace.toml",
        "/usr/lib/systemd/system/millrace.service",
        "/usr/share/man/man1/millrace.1.gz",
        "/usr/share/bash-completion/completions/millrace",
        "/usr/share/zsh/vendor-completions/_millrace",
        "/usr/share/fish/vendor_completions.d/millrace.fish",
        "/usr/share/doc/millrace/copyright",
        "/usr/share/doc/millrace/changelog.Debian.gz",
        "/usr/share/doc/millrace/examples/worker.py",
    ):
        assert path in listed, f"{path} is missing"


def test_install_run_upgrade_remove_purge(root, deb, tmp_path):
    before, accounts = root.files(), (root.path / "etc/passwd").read_text()
    shutil.copy(deb, root.path / "tmp/millrace.deb")
    installed = root.run("dpkg", "-i", "/tmp/millrace.deb")
    assert "millrace:" in (root.path / "etc/passwd").read_text()
    assert "key create" in installed
    enabled = root.path / "etc/systemd/system/multi-user.target.wants/millrace.service"
    assert enabled.is_symlink()
    data = root.path / "var/lib/millrace"
    assert data.stat().st_mode & 0o777 == 0o750 and data.owner() != "root"
    assert root.run("millrace", "config", "check", "--config", "/etc/millrace/millrace.toml").startswith("ok: ")
    assert (
        "cannot reach the daemon"
        in subprocess.run(root.command("millrace", "status"), text=True, capture_output=True).stderr
    )

    # A real job with a real model, through the packaged runtime.
    service = Service(root)
    status = wait_for_worker(root)
    assert status["worker"]["runtime"].startswith("libtorch 2.13")
    for name in ("digits.pt", "digits.manifest.json"):
        shutil.copy(ROOT / "tests/data/models" / name, root.path / "tmp" / name)
    image = sorted((ROOT / "tests/data/digits/samples").glob("*.png"))[0]
    shutil.copy(image, root.path / "tmp/digit.png")
    root.run("millrace", "model", "push", "digits", "/tmp/digits.pt")
    job = json.loads(
        root.run("millrace", "job", "submit", "--model", "digits", "--file", "image=/tmp/digit.png", "--wait", "--json")
    )
    assert job["state"] == "succeeded" and job["result"]["label"] in set("0123456789")
    key = json.loads(root.run("millrace", "key", "create", "--name", "first", "--role", "admin", "--json"))["key"]
    assert key.startswith("mr_")
    # Nobody but root and the daemon's own user gets in without a key.
    assert (
        root.run(
            "millrace",
            "job",
            "list",
            "--socket",
            "/run/millrace/admin.sock",
            user="nobody:nogroup",
            code=1 if _connects(root) else 3,
        )
        == ""
    )
    service.stop()

    # Upgrade: data stays, and so does what the administrator wrote.
    settings = root.path / "etc/millrace/millrace.toml"
    settings.write_text(settings.read_text() + "\n# mine\n")
    shutil.copy(newer(deb, tmp_path), root.path / "tmp/next.deb")
    root.run("dpkg", "-i", "/tmp/next.deb")
    assert root.run("dpkg-query", "-f", "${Version}", "-W", "millrace").endswith("+next")
    assert settings.read_text().endswith("# mine\n")
    assert enabled.is_symlink()
    service = Service(root)
    wait_for_worker(root)
    assert json.loads(root.run("millrace", "job", "show", job["id"], "--json"))["result"] == job["result"]
    assert (
        root.run("millrace", "model", "predict", "digits", "/tmp/digit.png").splitlines()[1].split()[1]
        == job["result"]["label"]
    )
    service.stop()

    # Remove: the program goes; configuration, data and the user stay.
    root.run("dpkg", "-r", "millrace")
    assert not (root.path / "usr/bin/millrace").exists() and not (root.path / "usr/lib/millrace").exists()
    assert (
        settings.exists() and (data / "millrace.db").exists() and "millrace:" in (root.path / "etc/passwd").read_text()
    )

    assert os.readlink(root.path / "etc/systemd/system/millrace.service") == "/dev/null"  # nothing can start it

    # Purge: nothing is left.
    root.run("dpkg", "-P", "millrace")
    assert (root.path / "etc/passwd").read_text() == accounts
    assert "millrace" not in (root.path / "etc/group").read_text()
    assert root.files() - before == set()
    assert before - root.files() == set()


def test_the_first_job_of_the_readme_runs_beside_the_installed_service(root, deb):
    """As it stands but for the port, which others on this machine may have."""
    section = re.search(r"^## A first job$.*?(?=^## )", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)[0]
    _, block, _ = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    root.install("curl")
    shutil.copy(deb, root.path / "tmp/millrace.deb")
    root.run("dpkg", "-i", "/tmp/millrace.deb")
    service = Service(root)
    try:
        listens = re.search(r" url=http://(\S+)/ ", service.log.read_text())[1]
        out = root.run("bash", "-euo", "pipefail", "-c", block.replace("127.0.0.1:7878", listens))
        assert len(re.findall(r'"hello": ?"world"', out)) >= 2 and "sign in at" in out, out
    finally:
        service.stop()
        root.run("dpkg", "-P", "millrace")


def _connects(root):
    """Whether a stranger may connect to the socket at all: then it is the daemon that refuses."""
    done = subprocess.run(
        root.command("millrace", "status", "--socket", "/run/millrace/admin.sock", user="nobody:nogroup"),
        capture_output=True,
    )
    return done.returncode != 3


def test_removal_and_reinstallation_keep_the_data(root, deb):
    root.run("dpkg", "-i", "/tmp/millrace.deb")
    marker = root.path / "var/lib/millrace/marker"
    marker.write_text("kept")
    root.run("dpkg", "-r", "millrace")
    root.run("dpkg", "-i", "/tmp/millrace.deb")
    assert marker.read_text() == "kept"
    root.run("dpkg", "-P", "millrace")
    assert not marker.exists()
