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
from support.daemon import ROOT, binary

RUN = ["queue.md", "schedules.md", "workers.md", "processors.md", "rollout.md"]
# What a page takes as being there.
MODELS = ROOT / "tests/data/models"
FILES = {"rollout.md": {"model.pt": MODELS / "digits.pt", "manifest.json": MODELS / "digits.manifest.json", "better.pt": MODELS / "digits.pt",
                        "seven.png": ROOT / "tests/data/digits/samples/digit-7-row-1442.png"}}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page):
    return re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def skip_without_runtime(daemon):
    until(lambda: daemon.admin().get("/api/v1/status").json["worker"]["state"] in ("ready", "unavailable"))
    if daemon.admin().get("/api/v1/status").json["worker"]["state"] == "unavailable" and not os.environ.get("MILLRACE_REQUIRE_RUNTIME"):
        pytest.skip("no inference runtime here")


@pytest.mark.parametrize("name", RUN)
def test_the_examples_of_a_page_work(new_daemon, tmp_path, name):
    settings = tmp_path / "millrace.toml"
    text = (ROOT / "docs" / name).read_text()
    settings.write_text("\n".join(re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
                        .replace("/usr/share/doc/millrace/examples", str(ROOT / "docs/examples")))
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
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "MILLRACE_DATA": str(daemon.data), "LANG": "C.UTF-8", "LEASE_SECONDS": "1",
                   "URL": f"http://127.0.0.1:{daemon.port}", "KEY": daemon.create_key("admin")}
    script = "\n".join(blocks(ROOT / "docs" / name)).replace("http://127.0.0.1:7878", environment["URL"])
    script = script.replace("/usr/share/doc/millrace/examples", str(ROOT / "docs/examples"))
    assert script
    out = subprocess.run(["bash", "-exuo", "pipefail", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out.stderr[-3000:]


def test_ten_lines_make_a_model_of_a_module(new_daemon, tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    section = re.search(r"^## Ten lines .*?(?=^## )", (ROOT / "docs/models.md").read_text(), re.MULTILINE | re.DOTALL)[0]
    program, = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    commands, = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert len([line for line in (program + commands).splitlines() if line]) <= 10
    daemon = new_daemon()
    skip_without_runtime(daemon)
    (tmp_path / "program.py").write_text(program)  # TorchScript reads the source
    subprocess.run([sys.executable, "program.py"], cwd=tmp_path, check=True, timeout=120)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "millrace").symlink_to(binary())
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "MILLRACE_DATA": str(daemon.data), "LANG": "C.UTF-8"}
    out = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert out.returncode == 0 and '"data":[3,41]' in out.stdout, out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), target
        if anchor:
            headings = [re.sub(r"[^a-z0-9 _-]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in other.read_text().splitlines() if line.startswith("#")]
            assert anchor in headings, target
