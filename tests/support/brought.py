"""What packaging/get_*.sh bring into build/deps for tests."""
import importlib
import os
import sys

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


def imported(what):
    """WHAT as a Python package, imported from where it was brought, with all that lies beside it there. Copies of those
    packages that other tests have imported from the system are forgotten: they may be too old for it."""
    folder = brought(what)
    beside = {each.name.removesuffix(".py") for each in folder.iterdir()}
    for name in [name for name in sys.modules if name.split(".")[0] in beside]:
        del sys.modules[name]
    sys.path.insert(0, str(folder))  # it stays: the package imports what it needs when it is used
    return importlib.import_module(what)
