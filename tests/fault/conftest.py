import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

from support.daemon import Daemon  # noqa: E402


KILLS = int(os.environ.get("MILLRACE_FAULT_KILLS", "200"))


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=KILLS, help="random kills of the daemon under a mixed load")
    parser.addoption("--seed", type=int, default=None, help="of the random moments; printed when a test fails")


@pytest.fixture
def kills(request):
    return request.config.getoption("--kills", KILLS)


@pytest.fixture
def dice(request):
    import random

    seed = request.config.getoption("--seed", None)
    seed = random.randrange(1 << 32) if seed is None else seed
    print(f"--seed {seed}")
    return random.Random(seed)


@pytest.fixture
def new_daemon(tmp_path):
    made = []

    def make(start=True, **options):
        running = Daemon(tmp_path / f"data{len(made)}", **options)
        made.append(running)
        return running.start() if start else running

    yield make
    for running in made:
        running.clean_up()
