"""Two models of unlike size on one device: what clients of the small one get beside 32 clients of the large one, against what they
get alone in the same run; and how long they wait, in passes of the large one."""
import concurrent.futures
import time

from .images import engine_environment, find_runtime, push
from .load import post_pictures, running
from .table import Row

LARGE, SMALL = ("resnet50", 224), ("small_cnn", 64)  # name, side of its pictures
LARGE_CLIENTS, SMALL_CLIENTS = 32, (1, 8)
AIM = 0.3  # of what the small model makes alone


def measure(bench):
    print(f"{SMALL[0]} beside {LARGE_CLIENTS} clients of {LARGE[0]}")
    runtime = find_runtime(bench)
    if runtime is None or bench.pictures is None:
        print("  needs --models, --pictures and a runtime: ninja torch_modules bench_torch_loop_NAME\n")
        return
    with running(
        bench.folder / "fairness", engine_environment(runtime, bench.device)
    ) as daemon, concurrent.futures.ThreadPoolExecutor() as pool:
        daemon.wait_worker("ready", 120)
        for name, _ in (LARGE, SMALL):
            push(daemon, bench.models, name)
            load(bench, daemon, (name, dict((LARGE, SMALL))[name]), 2, 2)  # loaded, and warm
        settle(daemon)
        lone_large = load(bench, daemon, LARGE, bench.seconds, LARGE_CLIENTS)
        print(f"  alone: {LARGE[0]} {lone_large['per_second']:,.1f}/s", flush=True)
        for clients in SMALL_CLIENTS:
            settle(daemon)
            alone = load(bench, daemon, SMALL, bench.seconds, clients)
            assert (
                alone["per_second"] > 0 and lone_large["per_second"] > 0
            ), "too short: nothing was answered; give more --seconds"
            large = pool.submit(load, bench, daemon, LARGE, bench.seconds + 6, LARGE_CLIENTS)
            time.sleep(3)
            before = figures(daemon)
            beside = load(bench, daemon, SMALL, bench.seconds, clients)
            after = figures(daemon)
            passes = after["passes"] - before["passes"]
            pass_ms = (after["ms"] - before["ms"]) / max(passes, 1)
            rows = (after["rows"] - before["rows"]) / max(passes, 1)
            large = large.result()
            share = beside["per_second"] / alone["per_second"]
            print(
                f"  {clients} clients: {beside['per_second']:,.0f}/s beside it, {alone['per_second']:,.0f}/s alone ({share:.2f}); p99 {beside['p99_ms']:.1f} ms, "
                f"alone {alone['p99_ms']:.1f}; a pass of {LARGE[0]} took {pass_ms:.0f} ms with {rows:.1f} rows, and it made {large['per_second']:,.1f}/s "
                f"({large['per_second'] / lone_large['per_second']:.2f} of alone)",
                flush=True,
            )
            bench.rows.append(
                Row(
                    f"{SMALL[0]} beside {LARGE[0]}, {clients} clients",
                    beside["per_second"],
                    "/s",
                    f"{AIM * alone['per_second']:,.0f}",
                    {"alone": alone["per_second"]},
                )
            )
            bench.rows.append(
                Row(
                    f"{SMALL[0]} beside {LARGE[0]}, {clients} clients, p99",
                    beside["p99_ms"],
                    "ms",
                    f"{2 * pass_ms:,.0f}",
                    {"alone": alone["p99_ms"]},
                )
            )
    print()


def settle(daemon):
    """Clients that have gone leave batches behind that still run, and may cost their worker: what comes next must not wait for it."""
    client, end = daemon.admin(), time.monotonic() + 120
    while (worker := client.get("/api/v1/status").json["worker"])["in_flight"] + worker["queued"] > 0 or worker[
        "state"
    ] != "ready":
        assert time.monotonic() < end, worker
        time.sleep(0.1)
    for name, side in (LARGE, SMALL):
        loaded = daemon.cli("model", "load", name, timeout=120)
        assert loaded.returncode == 0, loaded


def load(bench, daemon, model, seconds, clients):
    name, side = model
    found = post_pictures(
        f"http://127.0.0.1:{daemon.port}/api/v1/models/{name}/predict",
        bench.pictures / str(side),
        seconds,
        clients,
        daemon.admin_key,
    )
    assert found["errors"] == 0, found
    return found


def figures(daemon):
    """Of the large model since the start: passes, their rows, and their milliseconds."""
    stats = daemon.admin().get(f"/v2/models/{LARGE[0]}/stats").json["model_stats"][0]
    batches = stats["batch_stats"]
    return {
        "passes": sum(each["compute_infer"]["count"] for each in batches),
        "rows": sum(each["batch_size"] * each["compute_infer"]["count"] for each in batches),
        "ms": sum(each["compute_infer"]["ns"] for each in batches) / 1e6,
    }
