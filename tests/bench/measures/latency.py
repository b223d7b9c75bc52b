"""What a synchronous prediction of a small tensor adds to its bare forward pass, one request after the other on one connection;
beside it what HTTP alone costs."""
import json
import os
import struct
import subprocess

from .images import bare_loop, engine_environment, find_runtime, push
from .load import running
from .table import Row

COUNT = 5000
VALUES = [index / 16 for index in range(16)]


def measure(bench):
    print("added latency of a prediction of 16 numbers through one linear layer, one connection")
    client = bench.build / "tests/bench/bench_http_latency"
    runtime = find_runtime(bench)
    if runtime is None or not client.exists():
        print("  needs --models, a runtime and ninja bench_http_latency\n")
        return
    with running(bench.folder / "latency", engine_environment(runtime)) as daemon:
        daemon.wait_worker("ready", 120)
        push(daemon, bench.models, "linear")
        health = median(client, daemon, "GET", "/health")
        bare = bare_loop(runtime, bench.models / "linear.pt", 1, len(os.sched_getaffinity(0)), 1, (16,))[
            "forward_median_us"
        ]
        print(f"  bare forward {bare:.1f} µs, GET /health {health['median_us']:.0f} µs")
        for what, path, body, headers in forms():
            file = bench.folder / "body"
            file.write_bytes(body)
            found = median(
                client,
                daemon,
                "POST",
                path,
                ["--body", str(file), *(part for each in headers for part in ("--header", each))],
            )
            print(f"  {what}: median {found['median_us']:.0f} µs, p95 {found['p95_us']:.0f}, p99 {found['p99_us']:.0f}")
            bench.rows.append(
                Row(
                    f"added latency, {what}, median",
                    (found["median_us"] - bare) / 1000,
                    "ms",
                    "0.15",
                    {"GET /health": health["median_us"] / 1000},
                )
            )
    print()


def forms():
    """Name, path, body and headers of each way to send the numbers."""
    yield "POST /predict, JSON", "/api/v1/models/linear/predict", json.dumps(VALUES).encode(), [
        "Content-Type: application/json"
    ]
    head = json.dumps(
        {
            "inputs": [{"name": "x", "shape": [1, 16], "datatype": "FP32", "parameters": {"binary_data_size": 64}}],
            "outputs": [{"name": "y", "parameters": {"binary_data": True}}],
        }
    ).encode()
    yield (
        "POST /v2 infer, binary",
        "/v2/models/linear/infer",
        head + struct.pack("<16f", *VALUES),
        [f"Inference-Header-Content-Length: {len(head)}", "Content-Type: application/octet-stream"],
    )


def median(client, daemon, method, path, more=()):
    command = [
        str(client),
        str(daemon.port),
        method,
        path,
        str(COUNT),
        "--header",
        f"Authorization: Bearer {daemon.admin_key}",
        *more,
    ]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended
    return json.loads(ended.stdout)
