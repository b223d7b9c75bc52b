"""Images a second through HTTP, as durable `infer` jobs and as synchronous predictions, beside a bare libtorch loop (frozen,
optimised for inference) over the same JPEGs at the same batch and threads. No picture is sent twice in a row, and the decoding
counts on both sides."""
import concurrent.futures
import json
import os
import shutil
import subprocess
import threading
import time

from peers import fastapi_torch

from .load import counts, make_queue, pause, post_pictures, resume, running, submit_many
from .processor_time import ProcessorTime
from .table import Row

MODELS = {"resnet18": 224, "small_cnn": 64}  # name -> side of its pictures
ON_GPU = {"resnet50": 224, **MODELS}
# The bare loop is given what the worker gives itself (src/inference/process/worker_process.cpp), or it would be slower for no fault of its own.
WORKER_ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GLIBC_TUNABLES": "glibc.malloc.arena_max=1:glibc.malloc.mmap_max=0:"
    "glibc.malloc.trim_threshold=1099511627776:glibc.malloc.hugetlb=1",
}
AIMS = {"resnet18": 0.95, "resnet50": 0.95, "small_cnn": 0.70}


def measure(bench):
    print(
        f"images through HTTP on {bench.device}, beside a bare libtorch loop over the same JPEGs at the same batch and threads"
    )
    runtime = find_runtime(bench)
    if runtime is None or bench.pictures is None:
        print("  needs --models, --pictures and a runtime: ninja torch_modules bench_torch_loop_NAME\n")
        return
    with running(bench.folder / "images", engine_environment(runtime, bench.device)) as daemon:
        status = daemon.wait_worker("ready", 120)
        print(
            f"  {status['runtime']} on {status['device']}"
            + ("; for a GPU: --device cuda:0, with a runtime that has it" if bench.device == "cpu" else "")
        )
        make_queue(daemon, "bench")
        for name, side in (MODELS if bench.device == "cpu" else ON_GPU).items():
            measure_model(bench, daemon, runtime, name, side)
    print()


def measure_model(bench, daemon, runtime, name, side):
    threads, pictures = len(os.sched_getaffinity(0)), bench.pictures / str(side)
    push(daemon, bench.models, name)
    bare = bare_loop(
        runtime, bench.models / f"{name}.pt", 32, threads, bench.seconds, (3, side, side), pictures, bench.device
    )
    reference = bare["decoded_per_second"]
    print(
        f"  {name}: bare loop {reference:,.0f}/s, {bare['decoded_cpu_us']:,.0f} µs of processor time an image; "
        f"without decoding {bare['forward_per_second']:,.0f}/s, {bare['forward_cpu_us']:,.0f} µs",
        flush=True,
    )
    others = {"bare loop": reference, "without decoding": bare["forward_per_second"]}
    if bench.with_peers and bench.device == "cpu":
        for most, peer in fastapi_torch.measure(bench, name, side, threads).items():
            others[f"{fastapi_torch.NAME}, batch {most}"] = peer["per_second"]
    for what, found in (
        ("jobs", as_jobs(daemon, name, upload(daemon, pictures), bench.seconds, reference)),
        ("predict", as_predictions(daemon, name, pictures, bench.seconds)),
    ):
        busy = f", GPU busy {found['busy']:.0%}" if found["busy"] is not None else ""
        print(
            f"    {what}: {found['per_second']:,.0f}/s ({found['per_second'] / reference:.2f} of the bare loop), mean batch {found['batch']:.1f}{busy}; "
            "µs of processor time an image: "
            + ", ".join(f"{thread} {us:.0f}" for thread, us in found["taken"].items()),
            flush=True,
        )
        bench.rows.append(
            Row(f"{name} {side}×{side}, {what}", found["per_second"], "/s", f"{AIMS[name] * reference:,.0f}", others)
        )


def find_runtime(bench):
    """The folder with the runtime module and the bare loop; None without it, or without models."""
    folders = [bench.build / "runtime" / name for name in ("cuda", "official", "debian")]
    return next((folder for folder in folders if bench.models and (folder / "torch_loop").exists()), None)


def engine_environment(runtime, device="cpu"):
    return {
        "MILLRACE_INFERENCE_ENABLED": "true",
        "MILLRACE_INFERENCE_RUNTIME": str(runtime / "libmillrace_torch.so"),
        "MILLRACE_INFERENCE_DEVICES": device,
    }


def push(daemon, models, name):
    pushed = daemon.cli("model", "push", name, models / f"{name}.pt", models / f"{name}.manifest.json", timeout=300)
    assert pushed.returncode == 0, pushed


def upload(daemon, pictures):
    """The digests of the pictures, each stored as a blob."""
    client = daemon.client(daemon.admin_key).keep()
    answers = [
        client.put("/api/v1/blobs", file.read_bytes(), headers={"Content-Type": "image/jpeg"})
        for file in sorted(pictures.iterdir())
    ]
    return [answer.json["sha256"] for answer in answers]


def as_jobs(daemon, name, blobs, seconds, expected):
    """Of a queue that was filled before: no client works while it is measured."""
    jobs = [{"kind": "infer", "queue": "bench", "payload": {"model": name, "input": {"blob": blob}}} for blob in blobs]
    pause(daemon, "bench")
    submit_many(daemon, int(expected * (seconds + 4) * 1.2) + 1000, *jobs)
    resume(daemon, "bench")
    time.sleep(2)  # the model is loaded and the batches are full
    found = steady(daemon, seconds, lambda: counts(daemon)["succeeded"])
    assert counts(daemon)["queued"] > 0, "the queue ran empty while it was measured"
    while counts(daemon)["queued"] + counts(daemon)["running"] > 0:
        time.sleep(0.1)
    return found


def as_predictions(daemon, name, pictures, seconds, connections=256):
    """Of as many clients as fill the batches; wrk works beside the daemon."""
    url = f"http://127.0.0.1:{daemon.port}/api/v1/models/{name}/predict"
    with concurrent.futures.ThreadPoolExecutor() as pool:
        load = pool.submit(post_pictures, url, pictures, seconds + 8, connections, daemon.admin_key)
        time.sleep(2)
        found = steady(daemon, seconds, lambda: inferred(daemon)[0])
        answers = load.result()
    assert answers["errors"] == 0, answers
    return {**found, "p50_ms": answers["p50_ms"], "p99_ms": answers["p99_ms"]}


def steady(daemon, seconds, count):
    """Items a second by `count`, from the end of one batch to the end of another; rows of a pass; where the time went."""
    begin, first = edge(count)
    clock, before = ProcessorTime(daemon=daemon.process.pid, worker=daemon.worker_pid()), inferred(daemon)
    with BusyShare() as gpu:
        time.sleep(seconds)
    end, last = edge(count)
    rows, passes = (after - earlier for after, earlier in zip(inferred(daemon), before))
    return {
        "per_second": (last - first) / (end - begin),
        "batch": rows / passes,
        "taken": clock.taken(rows),
        "busy": gpu.share,
    }


class BusyShare:
    """How busy the first GPU was, 0 to 1, by what nvidia-smi says ten times a second; None where there is none."""

    def __enter__(self):
        self.share, self.seen, self.process = None, [], None
        if shutil.which("nvidia-smi"):
            command = [
                "nvidia-smi",
                "--id=0",
                "--query-gpu=utilization.gpu",
                "--format=csv,noheader,nounits",
                "--loop-ms=100",
            ]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            self.reader = threading.Thread(target=lambda: self.seen.extend(int(line) for line in self.process.stdout))
            self.reader.start()
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.reader.join()
        if self.seen:
            self.share = sum(self.seen) / len(self.seen) / 100


def edge(count):
    """The moment at which the count changes: small counts come by whole batches."""
    before, end = count(), time.monotonic() + 60
    while (now := count()) == before:
        assert time.monotonic() < end, "nothing is finished any more"
        time.sleep(0.05)  # asking costs the processors, too
    return time.monotonic(), now


def inferred(daemon):
    """Rows and forward passes since the start, of all models."""
    found = {"items": 0.0, "batches": 0.0}
    for line in daemon.admin().get("/metrics").body.decode().splitlines():
        for what in found:
            if line.startswith(f"millrace_inference_{what}_total"):
                found[what] += float(line.rsplit(" ", 1)[1])
    return found["items"], found["batches"]


def bare_loop(runtime, file, batch, threads, seconds, shape, pictures=None, device="cpu"):
    command = [str(runtime / "torch_loop"), str(file), str(batch), str(threads), str(seconds), *map(str, shape)]
    if pictures:
        command += ["--jpegs", str(pictures)]
    if device != "cpu":
        command += ["--device", device]
    environment = {**os.environ, **WORKER_ENVIRONMENT}
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
