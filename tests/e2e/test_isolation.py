"""What a hostile model may not do, through the whole daemon: refused, in the log, and nobody else notices. The first half runs a
runtime module of machine code that attacks (tests/hostile), the second what TorchScript itself has to offer."""
import os
import pathlib

import pytest
from support import hostile
from support.client import assert_problem, until
from support.hostile import ACTS, ask, first_output, push
from support.pictures import hostile_tiffs, hostile_webps, png


def log_of(daemon):
    return daemon.log_path.read_text(errors="replace")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """A daemon whose runtime is the hostile one."""
    from support.daemon import Daemon

    if not hostile.hostile_runtime().exists():
        pytest.skip("the hostile runtime was not built")
    daemon = Daemon(
        tmp_path_factory.mktemp("attacked") / "data",
        environment={"MILLRACE_INFERENCE_RUNTIME": str(hostile.hostile_runtime())},
    )
    try:
        daemon.start()
        client = daemon.admin()
        daemon.wait_worker()
        push(client, "intruder", timeout_seconds=1)
        push(client, "honest")
        yield daemon
        daemon.stop()
    finally:
        daemon.clean_up()


@pytest.mark.parametrize(
    "act,logged",
    [
        ("read_shadow", None),
        ("read_secret", None),
        ("write_file", "call=openat"),
        ("tcp_socket", "call=socket"),
        ("udp_socket", "call=socket"),
        ("unix_socket", "call=socket"),
        ("fork_process", "call=clone"),
        ("run_command", "call=clone"),
        ("execute", "call=execve"),
        ("trace_parent", "call=ptrace"),
        ("kill_parent", "call=kill"),
        ("raise_limit", "call=prlimit64"),
        ("remove_file", "call=unlink"),
        ("pin_parent", None),
        ("read_parent", "call=process_vm_readv"),
        ("mount_something", "call=mount"),
    ],
)
def test_a_hostile_act_is_refused_and_logged(attacked, act, logged):
    client, number = attacked.admin(), os.getpid()
    secret = pathlib.Path(f"/tmp/millrace-hostile-{number}")
    secret.write_text("secret")
    try:
        before = len(log_of(attacked))
        problem = assert_problem(ask(client, "intruder", ACTS[act], number), (422, 500, 502))
        assert "refused" in problem["detail"] and "ESCAPED" not in problem["detail"]
        lines = [line for line in log_of(attacked)[before:].splitlines() if "the sandbox refused" in line]
        if logged:  # what Landlock refuses the model alone is told
            assert lines and logged in lines[0] and "model=intruder/1" in lines[0], lines
        assert secret.read_text() == "secret"
    finally:
        secret.unlink()
    assert first_output(ask(client, "honest", 21)) == 42


def test_refusals_are_counted(attacked):
    client = attacked.admin()
    metric = next(
        line
        for line in client.get("/metrics").body.decode().splitlines()
        if line.startswith("millrace_worker_denied_total")
    )
    before = float(metric.split()[1])
    ask(client, "intruder", ACTS["tcp_socket"])
    metric = next(
        line
        for line in client.get("/metrics").body.decode().splitlines()
        if line.startswith("millrace_worker_denied_total")
    )
    assert float(metric.split()[1]) == before + 1


@pytest.mark.parametrize(
    "act",
    [
        "hang",
        "abort_process",
        "segmentation_fault",
        "leave",
        "close_channel",
        "write_garbage",
        "answer_for_another",
        "greet_again",
        "claim_much",
    ],
)
def test_what_ends_the_worker_ends_neither_the_daemon_nor_others_work(attacked, act):
    client, process = attacked.admin(), attacked.process.pid
    attacked.wait_worker()
    answer = ask(client, "intruder", ACTS[act])
    assert answer.status in (200, 500, 502, 503, 504), answer
    assert until(lambda: ask(client, "honest", 21).status == 200)
    assert attacked.process.pid == process and attacked.process.poll() is None


def test_a_model_that_attacks_while_it_is_loaded_is_refused_and_logged(attacked):
    client = attacked.admin()
    marked = with_entry(
        (hostile.MODELS / "numbers.pt").read_bytes(), "numbers/extra/act", f"hostile-act={ACTS['tcp_socket']} ".encode()
    )
    problem = assert_problem(client.push_model("trojan", marked, hostile.manifest("trojan")), 422)
    assert "refused" in problem["detail"]
    assert "on trial" in log_of(attacked)
    assert_problem(client.get("/api/v1/models/trojan"), 404)


def with_entry(archive, name, content):
    """The archive with one more stored entry."""
    import io
    import zipfile

    buffer = io.BytesIO(archive)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as opened:
        opened.writestr(name, content)
    return buffer.getvalue()


# What TorchScript has


@pytest.fixture(scope="module")
def intruder(admin, runtime):
    return push(admin, "intruder", "intruder.pt", timeout_seconds=20)


@pytest.mark.parametrize("act", [911, 912, 913], ids=["reads a file", "writes a file", "saves a tensor"])
def test_a_scripted_model_that_reaches_for_files_gets_nowhere(daemon, admin, intruder, act):
    answer = ask(admin, intruder, act)
    if act == 913 and answer.status == 200:  # torch.save does not look whether its file could be opened
        assert first_output(answer) == 2 * act
    else:
        problem = assert_problem(answer, (422, 500, 502))
        assert "unable to open file" in problem["detail"], problem
    assert not pathlib.Path("millrace-escape").exists()
    assert first_output(ask(admin, intruder, 4)) == 8
    # Its constant operations run while it is optimised: the log has them from its trial on.
    lines = [line for line in log_of(daemon).splitlines() if "the sandbox refused" in line]
    for model in ('model="intruder/0 on trial"', "model=intruder/1"):
        assert any("call=openat" in line and model in line for line in lines), lines


def test_a_model_that_writes_a_file_while_it_is_loaded_is_never_registered(daemon, admin, runtime):
    content = (hostile.MODELS / "opens_at_load.pt").read_bytes()
    assert_problem(admin.push_model("trojan", content, hostile.manifest("trojan")), 422)
    assert_problem(admin.get("/api/v1/models/trojan"), 404)
    assert not pathlib.Path("millrace-escape").exists()
    assert any(
        "call=open" in line and "trojan" in line
        for line in log_of(daemon).splitlines()
        if "the sandbox refused" in line
    )


def test_every_thread_of_the_worker_that_decodes_and_infers_is_confined(daemon, admin, digits, intruder):
    assert admin.predict(digits, png(), "image/png").status == 200
    first_output(ask(admin, intruder, 4))
    tasks = list(pathlib.Path(f"/proc/{daemon.worker_pid()}/task").iterdir())
    names = {(task / "comm").read_text().strip() for task in tasks}
    assert any(name.startswith("decode") for name in names) and any(name.startswith("infer") for name in names), names
    for task in tasks:
        status = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        name = status["Name"].strip()
        assert status["Seccomp"].strip() == "2" and status["NoNewPrivs"].strip() == "1", name
        if (
            "libtorch 1" not in admin.get("/api/v1/status").json["worker"]["runtime"]
        ):  # its BLAS makes threads as it is loaded
            assert int(status["CapEff"], 16) == 0, name


# PNG and JPEG: test_predictions.py
@pytest.mark.parametrize(
    "media_type,content",
    [
        *(pytest.param("image/tiff", content, id=f"tiff, {name}") for name, content in hostile_tiffs()),
        *(pytest.param("image/webp", content, id=f"webp, {name}") for name, content in hostile_webps()),
    ],
)
def test_a_hostile_picture_is_a_clear_problem_and_costs_no_worker(daemon, admin, digits, media_type, content):
    worker = daemon.worker_pid()
    problem = assert_problem(admin.predict(digits, content, media_type), (400, 413, 415, 422))
    assert problem["detail"]
    assert daemon.worker_pid() == worker
