"""FastAPI + PyTorch from Debian's packages: the same pictures over the same client, with micro-batches and without."""
import os
import pathlib
import subprocess

from support.daemon import free_port

from measures.load import post_pictures

from .server import running_server

NAME = "FastAPI + PyTorch"
NEEDS = "apt install python3-fastapi python3-uvicorn python3-torch python3-pil"
HERE = pathlib.Path(__file__).parent
PYTHON = "/usr/bin/python3"


def there():
    return subprocess.run([PYTHON, "-c", "import fastapi, uvicorn, torch, PIL"], capture_output=True).returncode == 0


def measure(bench, name, side, threads):
    """Predictions a second, by the most pictures of a pass (32 and 1), each as post_pictures() says it; {} without the packages."""
    if not there():
        print(f"  {NAME} is not here: {NEEDS}")
        return {}
    return {batch: with_batch(bench, name, side, threads, batch) for batch in (32, 1)}


def with_batch(bench, name, side, threads, batch):
    port = free_port()
    environment = {
        **os.environ,
        "MODEL": str(bench.models / f"{name}.pt"),
        "SIDE": str(side),
        "THREADS": str(threads),
        "BATCH": str(batch),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    command = [
        PYTHON,
        "-m",
        "uvicorn",
        "fastapi_torch_app:app",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-access-log",
    ]
    with running_server(command, port, env=environment, cwd=HERE):
        url, pictures = f"http://127.0.0.1:{port}/predict", bench.pictures / str(side)
        connections = 256 if batch > 1 else 2 * threads
        post_pictures(url, pictures, 2, connections)
        found = post_pictures(
            url, pictures, 4 * bench.seconds, connections
        )  # longer: what is under way at the end is not counted
    assert found["errors"] == 0, found
    return found
