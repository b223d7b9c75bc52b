"""Submits and runs beside open event streams, in turns with and without them, and the memory of a stream that is idle."""
import contextlib
import os
import statistics
import subprocess
import sys
import time

from support.event_stream import EventStream

from .load import JOB, make_queue, resident_bytes, running, wrk
from .runs import in_process
from .table import Row

OF_A_KEY = 250  # a key may have 256
PAGE = "?types=service.status,jobs.changed"  # what the web page follows
ALL = ""
TURNS = 6
# Reads streams. Whoever follows jobs.changed reads the newest jobs when some have, as the overview does.
READ = """
import selectors, socket, sys, time
port, count, query, key = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
fields = f" HTTP/1.1\\r\\nHost: x\\r\\nAccept-Encoding: gzip\\r\\nAuthorization: Bearer {key}\\r\\n\\r\\n"
ready, read_at = selectors.DefaultSelector(), {}
for _ in range(count):
    stream, reads = (socket.create_connection(("127.0.0.1", port)) for _ in range(2))
    stream.sendall(f"GET /api/v1/events/stream{query}{fields}".encode())
    ready.register(stream, selectors.EVENT_READ, reads)
    ready.register(reads, selectors.EVENT_READ)
print("open", flush=True)
while True:
    for each, _ in ready.select():
        got = each.fileobj.recv(1 << 20)
        if not got:
            ready.unregister(each.fileobj)
        elif each.data and b"jobs.changed" in got and time.monotonic() - read_at.get(each.data, 0) > 0.9:
            read_at[each.data] = time.monotonic()
            each.data.sendall(f"GET /api/v1/jobs?limit=8{fields}".encode())
"""


def measure(bench):
    room = {
        "MILLRACE_HTTP_MAX_CONNECTIONS": str(bench.streams * 2 + 1000),
        "MILLRACE_HTTP_MAX_CONNECTIONS_PER_ADDRESS": str(bench.streams + 1000),
    }
    with running(bench.folder / "streams", room) as daemon:
        bench.rows.append(
            Row(f"memory of an idle stream, of {bench.streams:,}", idle(daemon, bench), "bytes", "12,288")
        )
        for name, query, count in (("pages", PAGE, 50), ("stream of every change", ALL, 1)):
            for what, figure in (("submits", submitted), ("runs", in_process)):
                rates, times = compare(daemon, query, count, lambda: figure(daemon, bench.seconds))
                title = f"{what}, with {count} {name} open"
                bench.rows.append(Row(title, rates[0], "/s", "", {"without": rates[1]}))
                bench.rows.append(Row(f"{title}: of a processor", times[0], "µs", "", {"without": times[1]}))


def idle(daemon, bench):
    """Bytes of the daemon for each."""
    keys = [daemon.create_key("viewer") for _ in range(-(-bench.streams // OF_A_KEY))]
    opened = [EventStream(daemon.client(daemon.admin_key)).opened() for _ in range(10)]
    before = resident_bytes(daemon.process.pid)
    for n in range(bench.streams):
        opened.append(EventStream(daemon.client(keys[n // OF_A_KEY])).opened())
    time.sleep(1)
    bytes_of_one = (resident_bytes(daemon.process.pid) - before) / bench.streams
    for each in opened:
        each.close()
    return bytes_of_one


def submitted(daemon, seconds):
    make_queue(daemon, "held", external=True)  # nobody runs them
    return wrk(daemon, "/api/v1/jobs", 64, seconds, {**JOB, "queue": "held"})["per_second"]


@contextlib.contextmanager
def streams(daemon, query, count):
    reader = subprocess.Popen(
        [sys.executable, "-c", READ, str(daemon.port), str(count), query, daemon.admin_key],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert reader.stdout.readline() == "open\n"
        yield
    finally:
        reader.terminate()
        reader.wait()


def compare(daemon, query, count, figure):
    """Medians with the streams and without, measured in turns: items a second, and the daemon's processor time for each. What has
    piled up slows the later ones, so each goes first as often as the other."""
    rates, times = ([], []), ([], [])

    def turn(number):
        with streams(daemon, query, count) if number == 0 else contextlib.nullcontext():
            before, begin = processor_seconds(daemon), time.monotonic()
            rates[number].append(figure())
            items = rates[number][-1] * (time.monotonic() - begin)
            times[number].append((processor_seconds(daemon) - before) * 1e6 / items)

    for number in range(TURNS):
        for which in (0, 1) if number % 2 else (1, 0):
            turn(which)
    return tuple(map(statistics.median, rates)), tuple(map(statistics.median, times))


def processor_seconds(daemon):
    with open(f"/proc/{daemon.process.pid}/stat") as stat:
        user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
