"""What packaging/get_*.sh bring into build/deps for tests."""
import os

import pytest

from .daemon import ROOT


def brought(what):
    """The newest build/deps/WHAT-*; the test is skipped where packaging/get_WHAT.sh has not been, unless the run insists on it."""
    found = sorted((ROOT / "build/deps").glob(f"{what}-*"))
    if found:
        return found[-1]
    missing = f"no {what} here; packaging/get_{what}.sh build/deps brings it"
    if os.environ.get(f"MILLRACE_REQUIRE_{what.upper()}"):
        pytest.fail(missing)
    pytest.skip(missing, allow_module_level=True)
