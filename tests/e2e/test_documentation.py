"""The examples of the documentation are run as they stand, and its links lead somewhere."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from support.client import until
from support.daemon import ROOT, binary, free_port

RUN = ["queue.md", "events.md", "schedules.md", "workers.md", "processors.md", "rollout.md"]
# What a page takes as being there.
MODELS = ROOT / "tests/data/models"
FILES = {
    "rollout.md": {
        "model.pt": MODELS / "digits.pt",
        "manifest.json": MODELS / "digits.manifest.json",
        "better.pt": MODELS / "digits.pt",
        "seven.png": ROOT / "tests/data/digits/samples/digit-7-row-1442.png",
    }
}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page):
    return re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def skip_without_runtime(daemon):
    until(lambda: daemon.admin().get("/api/v1/status").json["worker"]["state"] in ("ready", "unavailable"))
    if daemon.admin().get("/api/v1/status").json["worker"]["state"] == "unavailable" and not os.environ.get(
        "MILLRACE_REQUIRE_RUNTIME"
    ):
        pytest.skip("no inference runtime here")


@pytest.mark.parametrize("name", RUN)
def test_the_examples_of_a_page_work(new_daemon, tmp_path, name):
    settings = tmp_path / "millrace.toml"
    text = (ROOT / "docs" / name).read_text()
    settings.write_text(
        "\n".join(re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)).replace(
            "/usr/share/doc/millrace/examples", str(ROOT / "docs/examples")
        )
    )
    daemon = new_daemon(arguments=["--config", str(settings)])
    for target, source in FILES.get(name, {}).items():
        shutil.copy(source, tmp_path / target)
    if name in FILES:
        skip_without_runtime(daemon)
        better = json.loads((MODELS / "digits.manifest.json").read_text())
        (tmp_path / "better.json").write_text(json.dumps({**better, "description": "better"}))
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "millrace").symlink_to(binary())
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "MILLRACE_DATA": str(daemon.data),
        "LANG": "C.UTF-8",
        "LEASE_SECONDS": "1",
        "URL": f"http://127.0.0.1:{daemon.port}",
        "KEY": daemon.create_key("admin"),
    }
    script = "\n".join(blocks(ROOT / "docs" / name)).replace("http://127.0.0.1:7878", environment["URL"])
    script = script.replace("/usr/share/doc/millrace/examples", str(ROOT / "docs/examples"))
    assert script
    out = subprocess.run(
        ["bash", "-exuo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert out.returncode == 0, out.stderr[-3000:]


def test_the_first_job_of_the_readme_runs_as_it_stands(new_daemon, tmp_path):
    """From a checkout that has been built: all of it, on a port and a folder of its own. From a package: what does not name the
    checkout, beside the daemon that the package has started."""
    section = re.search(r"^## A first job$.*?(?=^## )", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)[0]
    start, first, model = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    built = [
        line
        for line in start.splitlines(keepends=True)
        if not line.startswith(("packaging/install_build_needs.sh", "packaging/build.sh"))
    ]
    assert len(built) == 2 and "tests/" not in first and "build/" not in first
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "millrace").symlink_to(binary())
    port = free_port()

    def script(daemon_data, daemon_port, *parts):
        text = (
            "".join(parts)
            .replace("127.0.0.1:7878", f"127.0.0.1:{daemon_port}")
            .replace('"$PWD/build/release/src:$PATH"', f'"{programs}:$PATH"')
        )
        environment = {
            "PATH": os.environ["PATH"],
            "MILLRACE_DATA": str(daemon_data),
            "MILLRACE_HTTP_LISTEN": f"127.0.0.1:{daemon_port}",
            "LANG": "C.UTF-8",
        }
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    packaged = new_daemon()
    out = script(packaged.data, packaged.port, f"PATH={programs}:$PATH\n", first)
    assert out.returncode == 0 and out.stdout.count('"hello":"world"') >= 1, out
    runtime = packaged.admin().get("/api/v1/status").json["worker"]["state"] != "unavailable"
    out = script(
        tmp_path / "fresh", port, "trap 'kill %1; wait' EXIT\nset -m\n", *built, first, *([model] if runtime else [])
    )
    assert out.returncode == 0, out
    assert "sign in at" in out.stdout and (not runtime or "digit" in out.stdout or '"label":"7"' in out.stdout), out


def test_ten_lines_make_a_model_of_a_module(new_daemon, tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    section = re.search(r"^## Ten lines .*?(?=^## )", (ROOT / "docs/models.md").read_text(), re.MULTILINE | re.DOTALL)[
        0
    ]
    (program,) = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    (commands,) = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert len([line for line in (program + commands).splitlines() if line]) <= 10
    traced = re.search(
        r"^## A module that is traced.*?^```python\n(.*?)^```$",
        (ROOT / "docs/models.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )[1]
    daemon = new_daemon()
    skip_without_runtime(daemon)
    (tmp_path / "program.py").write_text(program)  # TorchScript reads the source
    subprocess.run([sys.executable, "program.py"], cwd=tmp_path, check=True, timeout=120)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "millrace").symlink_to(binary())
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "MILLRACE_DATA": str(daemon.data), "LANG": "C.UTF-8"}
    out = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert out.returncode == 0 and '"data":[3,41]' in out.stdout, out
    (tmp_path / "program.py").write_text(program + traced)
    subprocess.run([sys.executable, "program.py"], cwd=tmp_path, check=True, timeout=120)
    again = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert again.returncode == 0 and "scale/2" in again.stdout and '"data":[3,41]' in again.stdout, again


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), target
        if anchor:
            headings = [
                re.sub(r"[^a-z0-9 _-]", "", line.lstrip("# ").lower()).replace(" ", "-")
                for line in other.read_text().splitlines()
                if line.startswith("#")
            ]
            assert anchor in headings, target
