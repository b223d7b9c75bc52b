"""The systemd unit, as far as it can be judged without a running systemd."""
import re
import shutil
import subprocess

import pytest

from debian_root import ROOT

UNIT = (ROOT / "systemd/millrace.service").read_text()


@pytest.fixture
def runnable(tmp_path):
    """The unit with a program that is there."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    path = tmp_path / "millrace.service"
    path.write_text(re.sub(r"(?m)^ExecStart=.*$", "ExecStart=/bin/true", UNIT))
    return path


def test_systemd_understands_every_line(runnable):
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(runnable)], text=True, capture_output=True)
    complaints = [line for line in done.stderr.splitlines() if "millrace.service" in line]
    assert done.returncode == 0 and complaints == []


def test_the_service_is_confined(runnable):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(runnable)],
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr  # exposure of 2.5 or more


def test_a_stop_outlasts_the_drain_and_a_wrong_configuration_is_not_retried():
    drain = int(re.search(r"(?m)^#drain_seconds = (\d+)$", (ROOT / "embedded/millrace.toml").read_text()).group(1))
    assert int(re.search(r"(?m)^TimeoutStopSec=(\d+)$", UNIT).group(1)) >= drain + 10
    assert "RestartPreventExitStatus=2" in UNIT
