#!/usr/bin/env python3
"""Runs the engine on a device and prints one table: equality with the processor, ResNet-50 beside the bare loop, a batch that does
not fit, an error after which the device is lost, two passes at a time. About five minutes on one GPU.

    tests/gpu/run.sh                     builds what it needs against the PyTorch of `python3`, then runs this
    tests/gpu/check.py [--device cuda:0] [--runtime FOLDER] [--seconds N] [--row-megabytes N]

Exit 0 when every check holds, 1 when one does not, 2 when this machine has no such device. `--device cpu` runs what a processor
can be asked, to try the checks themselves. FOLDER holds libmillrace_torch.so and torch_loop. Times are printed, never judged.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/gpu")]
os.environ.setdefault("MILLRACE_BINARY", str(ROOT / "build/release/src/millrace"))

import torch  # noqa: E402

import models  # noqa: E402
from support.daemon import Daemon  # noqa: E402

TOLERANCE = 2e-3  # of the largest absolute output: TF32 and other orders of summation


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, found, holds=True):
        self.rows.append((what, found, holds))
        print(f"  {what}: {found}{'' if holds else '   DOES NOT HOLD'}", flush=True)

    def skip(self, what, why):
        self.add(what, f"not asked: {why}", None)

    def show(self):
        width = max(len(what) for what, _, _ in self.rows)
        print(f"\n{'check'.ljust(width)}  holds  found")
        for what, found, holds in self.rows:
            print(f"{what.ljust(width)}  {'-' if holds is None else 'yes' if holds else 'NO':5}  {found}")
        return all(holds is not False for _, _, holds in self.rows)


def push(daemon, folder, name):
    pushed = daemon.cli("model", "push", name, folder / f"{name}.pt", folder / f"{name}.manifest.json", timeout=300)
    assert pushed.returncode == 0, f"{name}: {pushed.stdout}{pushed.stderr}"


def predict(client, name, row):
    return client.post(f"/api/v1/models/{name}/predict", data={"data": row})


def numbers(answer):
    assert answer.status == 200, answer
    return torch.tensor(answer.json["outputs"][0]["data"])


def check_equality(daemon, folder, table):
    torch.manual_seed(1)
    inputs = {
        "cnn": torch.rand(8, 3, 64, 64),
        "lstm": torch.rand(8, 12, 16),
        "encoder": torch.randint(0, 1000, (8, 24)),
    }
    for name, rows in inputs.items():
        push(daemon, folder, name)
        wanted = models.expected(folder, name, rows)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda row: predict(daemon.client(daemon.admin_key), name, row.tolist()), rows))
        got = torch.stack([numbers(answer).reshape(wanted[0].shape) for answer in answers])
        off = float((got - wanted).abs().max() / wanted.abs().max())
        table.add(
            f"equal to the processor: {name}",
            f"largest difference {off:.1e} of the largest output, {len(rows)} inputs",
            off < TOLERANCE,
        )


def check_out_of_memory(daemon, folder, table, megabytes):
    push(daemon, folder, "hungry")
    before = daemon.worker_pid()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: predict(daemon.client(daemon.admin_key), "hungry", [i, 1, 2, 3]), range(16)))
    good = sum(
        answer.status == 200 and numbers(answer).flatten().tolist() == [2.0 * i, 2, 4, 6]
        for i, answer in enumerate(answers)
    )
    batches = sorted({answer.json["batch_size"] for answer in answers if answer.status == 200})
    table.add(
        "a batch that does not fit is split",
        f"{good} of 16 answered, {megabytes} MB a row, in passes of {batches} rows; "
        f"worker {'kept' if daemon.worker_pid() == before else 'replaced'}",
        good == 16 and daemon.worker_pid() == before,
    )


def check_lost_device(daemon, folder, table):
    push(daemon, folder, "poison")
    before = daemon.worker_pid()
    client = daemon.client(daemon.admin_key)
    began = time.time()
    poisoned = predict(client, "poison", [4000])
    back = predict(client, "poison", [3])
    took = time.time() - began
    fine = predict(client, "lstm", torch.rand(12, 16).tolist())
    table.add(
        "an error that the device does not survive",
        f"the cause was told {poisoned.status}; the next answered {back.status} after {took:.1f} s, "
        f"another model {fine.status}; worker {'kept' if daemon.worker_pid() == before else 'replaced'}",
        poisoned.status != 200 and back.status == 200 and fine.status == 200 and daemon.worker_pid() != before,
    )


def rate(daemon, name, clients, seconds):
    """Predictions a second of so many clients, each over one connection; and whether all were answered."""
    end = time.time() + seconds

    def work(_):
        client, row, done, failed = daemon.client(daemon.admin_key).keep(), [0.5] * 64, 0, 0
        while time.time() < end:
            failed += predict(client, name, row).status != 200
            done += 1
        return done, failed

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        counts = list(pool.map(work, range(clients)))
    return sum(done for done, _ in counts) / seconds, sum(failed for _, failed in counts)


def check_two_streams(daemon, folder, table, seconds):
    rates = {}
    for instances in (1, 2):
        push(daemon, folder, f"busy{instances}")
        predict(daemon.client(daemon.admin_key), f"busy{instances}", [0.5] * 64)
        rates[instances], failed = rate(daemon, f"busy{instances}", 4, seconds)
        assert failed == 0, f"{failed} predictions failed with {instances} passes at a time"
    row = torch.linspace(-1, 1, 64)
    same = numbers(predict(daemon.client(daemon.admin_key), "busy2", row.tolist())).reshape(64)
    off = float((same - models.expected(folder, "busy2", row.reshape(1, 64))[0]).abs().max())
    table.add(
        "two passes at a time",
        f"{rates[2]:,.0f}/s beside {rates[1]:,.0f}/s with one: {rates[2] / rates[1]:.2f}",
        off < TOLERANCE,
    )


def check_throughput(daemon, folder, table, runtime, device, seconds):
    loop = runtime / "torch_loop"
    if not loop.exists():
        return table.skip("ResNet-50 beside the bare loop", f"there is no {loop}")
    kind = "cuda" if device.startswith("cuda") else "cpu"
    bare = subprocess.run(
        [
            str(loop),
            str(folder / "resnet50.pt"),
            "32",
            str(len(os.sched_getaffinity(0))),
            str(seconds),
            "3",
            "224",
            "224",
            "--device",
            kind,
        ],
        text=True,
        capture_output=True,
    )
    assert bare.returncode == 0, bare.stderr
    reference = json.loads(bare.stdout)["forward_per_second"]
    push(daemon, folder, "resnet50")
    bench = daemon.cli("model", "bench", "resnet50", "--json", "--seconds", str(seconds), timeout=seconds * 40 + 300)
    assert bench.returncode == 0, bench.stderr
    best = max(json.loads(bench.stdout)["rows"], key=lambda run: run["per_second"])
    table.add(
        "ResNet-50 beside the bare loop",
        f"{best['per_second']:,.0f} images/s through HTTP with decoding, {reference:,.0f}/s of bare passes of 32: "
        f"{best['per_second'] / reference:.2f}",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--runtime", type=pathlib.Path, default=ROOT / "build/release/runtime/cuda")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument(
        "--row-megabytes", type=int, help="of the model that runs out of memory; an eighth of the device's by default"
    )
    options = parser.parse_args()
    runtime = options.runtime.resolve()
    on_gpu = options.device.startswith("cuda")
    if on_gpu and not torch.cuda.is_available():
        print(
            f"check: this machine has no device {options.device} that PyTorch {torch.__version__} can use: nothing was checked",
            file=sys.stderr,
        )
        return 2
    memory = torch.cuda.get_device_properties(options.device).total_memory >> 20 if on_gpu else 4096
    megabytes = options.row_megabytes or memory // 8
    table, work = Table(), pathlib.Path(tempfile.mkdtemp(prefix="millrace-gpu-"))
    environment = {
        "MILLRACE_INFERENCE_ENABLED": "true",
        "MILLRACE_INFERENCE_RUNTIME": str(runtime / "libmillrace_torch.so"),
        "MILLRACE_INFERENCE_DEVICES": options.device,
    }
    if not on_gpu:
        environment["MILLRACE_INFERENCE_MEMORY_LIMIT_BYTES"] = str((memory + 1024) << 20)
    daemon = Daemon(work / "data", environment)
    try:
        models.write_all(work / "models", megabytes)
        daemon.start()
        daemon.admin()
        status = daemon.wait_worker("ready", 180)
        table.add(
            "device",
            f"{status['runtime']} on {status['device']}, {status['sandbox']}",
            status["device"] == options.device,
        )
        check_equality(daemon, work / "models", table)
        check_two_streams(daemon, work / "models", table, options.seconds)
        check_out_of_memory(daemon, work / "models", table, megabytes)
        if on_gpu:
            check_lost_device(daemon, work / "models", table)
        else:
            table.skip("an error that the device does not survive", "a processor has none")
        check_throughput(daemon, work / "models", table, runtime, options.device, options.seconds)
        daemon.stop()
    finally:
        daemon.clean_up()
        shutil.rmtree(work)
    return 0 if table.show() else 1


if __name__ == "__main__":
    sys.exit(main())
