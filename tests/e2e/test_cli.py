"""The command line against a running daemon: what it prints, and its exit codes."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest
from support.daemon import binary

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
FAILED, USAGE, UNREACHABLE = 1, 2, 3


def test_a_job_is_submitted_listed_shown_and_waited_for(run):
    made = json.loads(
        run("job", "submit", "--kind", "echo", "--payload", '{"a":1}', "--tag", "site=north", "--json").stdout
    )
    assert made["id"] and made["state"] in ("queued", "running")
    done = json.loads(run("job", "wait", made["id"], "--json").stdout)
    assert done["state"] == "succeeded" and done["result"] == {"a": 1}
    assert json.loads(run("job", "show", made["id"], "--json").stdout)["tags"] == {"site": "north"}
    assert made["id"] in run("job", "list").stdout
    assert made["id"] in [
        job["id"] for job in json.loads(run("job", "list", "--tag", "site=north", "--json").stdout)["data"]
    ]
    assert json.loads(run("job", "result", made["id"]).stdout) == {"a": 1}
    assert made["id"] in run("job", "show", made["id"]).stdout


def test_submit_and_wait_in_one(run):
    assert json.loads(run("job", "submit", "--kind", "echo", "--payload", '{"b":2}', "--wait").stdout) == {"b": 2}
    assert json.loads(run("job", "submit", "--kind", "echo", "--payload", "-", "--wait", stdin='{"c":3}').stdout) == {
        "c": 3
    }


def test_the_end_of_a_job_is_the_exit_code(run):
    run(
        "job",
        "submit",
        "--kind",
        "sleep",
        "--payload",
        '{"seconds":0,"fail_times":1}',
        "--max-attempts",
        "1",
        "--wait",
        expect=FAILED,
    )
    made = json.loads(run("job", "submit", "--kind", "sleep", "--payload", '{"seconds":600}', "--json").stdout)
    run("job", "result", made["id"], expect=FAILED)
    run("job", "cancel", made["id"])
    run("job", "wait", made["id"], expect=FAILED)
    assert json.loads(run("job", "retry", made["id"], "--json").stdout)["state"] in ("queued", "running", "scheduled")
    run("job", "cancel", made["id"])
    run("job", "show", "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55", expect=FAILED)
    run("job", "submit", "--kind", "no-such-kind", expect=FAILED)


def test_keys(run, daemon):
    made = json.loads(run("key", "create", "--name", "camera", "--role", "submitter", "--json").stdout)
    assert made["key"].startswith("mr_") and daemon.client(made["key"]).get("/api/v1/jobs").status == 200
    plain = run("key", "create", "--name", "script", "--role", "viewer", "--expires", "30d")
    assert (
        daemon.client(plain.stdout.strip()).get("/api/v1/jobs").status == 200
    ), "standard output is the key and nothing else"
    assert made["id"] in run("key", "list").stdout and made["key"] not in run("key", "list", "--json").stdout
    run("key", "revoke", made["id"])
    assert daemon.client(made["key"]).get("/api/v1/jobs").status == 401
    run("key", "revoke", "0197a3c2-5d1f-7c3e-8a40-f2b6d9e01c55", expect=FAILED)
    run("key", "create", "--name", "x", "--role", "god", expect=USAGE)


def test_blobs(run, tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_bytes(os.urandom(200_000))
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert digest in run("blob", "put", source).stdout
    assert json.loads(run("blob", "put", source, "--json").stdout)["sha256"] == digest
    run("blob", "get", digest, "-o", target)
    assert target.read_bytes() == source.read_bytes()
    assert run("blob", "get", digest, "-o", "-", text=False).stdout == source.read_bytes()
    run("blob", "get", "0" * 64, "-o", target, expect=FAILED)
    run("blob", "get", "nonsense", expect=USAGE)


def test_models(run, runtime, tmp_path):
    out = run("model", "push", "digits", DATA / "models/digits.pt", DATA / "models/digits.manifest.json")
    assert "digits/1" in out.stdout
    assert json.loads(run("model", "list", "--json").stdout)["data"][0]["name"] == "digits"
    assert "digits/1" in run("model", "list").stdout and "digits/1" in run("model", "show", "digits").stdout
    files = sorted((DATA / "digits/samples").glob("digit-7*.png"))
    result = json.loads(run("model", "predict", "digits", files[0], "--json").stdout)
    assert result["label"] == "7"
    assert "7" in run("model", "predict", "digits", files[0]).stdout
    job = json.loads(run("job", "submit", "--model", "digits", "--file", f"image={files[0]}", "--wait").stdout)
    assert job["label"] == "7"
    (tmp_path / "no.png").write_bytes(b"no picture")
    run("model", "predict", "digits", tmp_path / "no.png", expect=FAILED)
    run("model", "predict", "nothing", files[0], expect=FAILED)
    for manifest in ([DATA / "models/digits.manifest.json"], []):  # the model is what is missing, and what is named
        assert (
            f"no model file {tmp_path}/no.pt"
            in run("model", "push", "digits", tmp_path / "no.pt", *manifest, expect=FAILED).stderr
        )


def test_land_cover_writes_its_map(run, land_cover, tmp_path):
    out = run("model", "predict", land_cover, DATA / "land_cover/patch.npy", "--output", tmp_path / "map.png")
    assert "forest" in out.stdout and (tmp_path / "map.png").read_bytes()[:4] == b"\x89PNG"


def test_status_for_people_and_programs(run):
    assert json.loads(run("status", "--json").stdout)["ready"] is True
    assert "ready" in run("status").stdout


def test_without_a_daemon_the_exit_code_is_3(tmp_path):
    for arguments in (
        ["status"],
        ["job", "list"],
        ["key", "create", "--name", "x", "--role", "viewer"],
        ["model", "list"],
    ):
        out = subprocess.run(
            [str(binary()), *arguments, "--data", str(tmp_path)], capture_output=True, text=True, timeout=20
        )
        assert out.returncode == UNREACHABLE and out.stderr and not out.stdout, out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["job"],
        ["job", "submit", "--priority", "11", "--kind", "echo"],
        ["job", "show"],
        ["status", "--no-such-option"],
        ["job", "submit", "--kind", "echo", "--payload", "{"],
        ["completion", "tcsh"],
        ["key", "create", "--name", "x"],
        ["config", "show", "--set", "no.such.key=1"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2_and_says_what_is_wrong(run, arguments):
    out = run(*arguments, expect=USAGE)
    assert out.stderr and not out.stdout


def test_a_stranger_cannot_use_the_socket(daemon):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    out = subprocess.run(
        [
            "setpriv",
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
            str(binary()),
            "status",
            "--data",
            str(daemon.data),
        ],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert out.returncode in (FAILED, UNREACHABLE), out


def test_configuration_is_checked_and_its_origins_told(run, tmp_path):
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text("[jobs]\nconcurrency = 7\n")
    bad.write_text("[jobs]\nconcurency = 7\n")
    run("config", "check", "--config", good)
    out = run("config", "check", "--config", bad, expect=FAILED)
    assert "concurency" in out.stderr
    shown = json.loads(run("config", "show", "--config", good, "--set", "http.listen=127.0.0.1:1", "--json").stdout)
    assert str(shown["jobs.concurrency"]["value"]) == "7" and "good.toml" in shown["jobs.concurrency"]["origin"]
    assert shown["http.listen"]["value"] == "127.0.0.1:1" and shown["store.readers"]["origin"] == "default"
    assert "good.toml" in run("config", "show", "--origin", "--config", good).stdout
    documented = tmp_path / "documented.toml"
    documented.write_text(run("config", "show", "--documented").stdout)
    run("config", "check", "--config", documented)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed(run, shell):
    assert "millrace" in run("completion", shell).stdout


@pytest.mark.parametrize(
    "line, offers",
    [
        ("millrace qu", "queue"),
        ("millrace queue pa", "pause"),
        ("millrace dlq replay --dr", "--dry-run"),
        ("millrace job submit --unique-", "--unique-key --unique-states --unique-period"),
        ("millrace job show --dat", "--data"),
    ],
)
def test_completion_offers_what_fits(run, line, offers):
    words = line.split()
    script = (
        run("completion", "bash").stdout
        + f"\nCOMP_WORDS=({line}) COMP_CWORD={len(words) - 1}; _millrace; echo ${{COMPREPLY[@]}}"
    )
    assert subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20).stdout.strip() == offers


def test_the_manual_is_good_roff(run):
    manual = run("man").stdout
    assert manual.startswith(".TH MILLRACE 1") and ".SS millrace flow wait" in manual.replace("\\-", "-")
    if shutil.which("groff"):
        out = subprocess.run(
            ["groff", "-man", "-ww", "-Tutf8", "-Kutf8", "-z"], input=manual, capture_output=True, text=True, timeout=20
        )
        assert out.returncode == 0 and not out.stderr, out.stderr


def test_version_and_help(run):
    assert run("version").stdout.startswith("millrace ")
    assert json.loads(run("version", "--json").stdout)["version"]
    for arguments in (["--help"], ["job", "--help"], ["job", "submit", "--help"], ["serve", "--help"]):
        assert "--" in run(*arguments).stdout


def test_output_to_a_full_disk_is_a_failure():
    with open("/dev/full", "w") as full:
        out = subprocess.run([str(binary()), "version"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert out.returncode == FAILED and out.stderr
