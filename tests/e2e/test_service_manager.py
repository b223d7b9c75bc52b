"""What systemd hears: readiness, the watchdog's pings, and the end. The fake manager is a datagram socket."""
import os
import signal
import socket
import time

import pytest
from support.daemon import Daemon


@pytest.fixture
def fake_manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        yield manager


@pytest.fixture
def notified(tmp_path, fake_manager):
    daemon = Daemon(tmp_path / "data", {"NOTIFY_SOCKET": fake_manager.getsockname(), "WATCHDOG_USEC": "200000"})
    yield daemon
    daemon.clean_up()


def heard(manager, wanted, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if manager.recv(4096).decode() == wanted:
            return True
    return False


def test_the_manager_hears_readiness_pings_and_the_end(notified, fake_manager):
    notified.start()
    assert heard(fake_manager, "READY=1")
    for _ in range(3):
        assert heard(fake_manager, "WATCHDOG=1")
    notified.stop()
    assert heard(fake_manager, "STOPPING=1")


def test_a_daemon_that_stands_still_is_not_vouched_for(notified, fake_manager):
    notified.start()
    assert heard(fake_manager, "WATCHDOG=1")
    os.kill(notified.process.pid, signal.SIGSTOP)
    time.sleep(0.3)
    fake_manager.settimeout(0.05)
    with pytest.raises(TimeoutError):
        while True:
            fake_manager.recv(4096)
    fake_manager.settimeout(1)
    with pytest.raises(TimeoutError):
        fake_manager.recv(4096)
    os.kill(notified.process.pid, signal.SIGCONT)
    fake_manager.settimeout(10)
    assert heard(fake_manager, "WATCHDOG=1")
    notified.stop()
