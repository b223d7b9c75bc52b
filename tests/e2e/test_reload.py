"""SIGHUP: the configuration is read again, and a wrong one changes nothing."""
import re
import signal

import pytest
from support.daemon import Daemon
from support.waiting import until


@pytest.fixture
def configured(tmp_path):
    settings = tmp_path / "millrace.toml"
    settings.write_text('[log]\nlevel = "warning"\n')
    daemon = Daemon(tmp_path / "data", environment={"MILLRACE_INFERENCE_ENABLED": "false"})
    daemon.arguments = ["--config", str(settings)]
    daemon.start()
    yield daemon, settings
    daemon.clean_up()


def logged(daemon, text):
    return text in daemon.log()


def test_a_changed_setting_is_in_force_and_one_that_needs_a_restart_is_named(configured):
    daemon, settings = configured
    assert not logged(daemon, "event=ready")  # an event of level info
    settings.write_text('[log]\nlevel = "info"\n[jobs]\nmax_backlog = 7\n')
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: logged(daemon, "key=log.level from=warning to=info needs_restart=false"))
    until(lambda: re.search(r"key=jobs.max_backlog from=\d+ to=7 needs_restart=true", daemon.log()))
    daemon.stop()
    assert logged(daemon, "event=stopping")


def test_a_wrong_configuration_is_refused_with_its_mistake_and_the_old_one_stays(configured):
    daemon, settings = configured
    settings.write_text('[log]\nlevel = "loud"\n')
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: logged(daemon, "configuration not reloaded"))
    assert "loud" in daemon.log()
    assert daemon.client().get("/ready").status == 200
    settings.write_text('[log]\nlevel = "info"\n')
    daemon.process.send_signal(signal.SIGHUP)  # it is listened to still
    until(lambda: logged(daemon, "setting changed"))
    daemon.stop()
