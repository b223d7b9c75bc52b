"""Procrastinate under the load of tests/bench/postgres.py, run by a Python that has it and psycopg.

procrastinate_load.py SECONDS     prints JSON; PGHOST, PGUSER and PGDATABASE name the server
"""
import asyncio
import json
import sys
import time

import procrastinate

SECONDS = float(sys.argv[1])
PAYLOAD = {"order": 4711, "customer": "a customer"}
app = procrastinate.App(connector=procrastinate.PsycopgConnector(min_size=4, max_size=64))
ran = 0


@app.task(name="nothing", queue="work")
async def nothing(**_):
    global ran
    ran += 1


async def rate(loops, one, items=1):
    """Calls `one` from so many loops at once: how many a second there were."""
    begin, done = time.monotonic(), 0

    async def loop():
        nonlocal done
        while time.monotonic() - begin < SECONDS:
            await one()
            done += items

    await asyncio.gather(*(loop() for _ in range(loops)))
    return done / (time.monotonic() - begin)


async def main():
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        never = nothing.configure(queue="never")
        submit = await rate(64, lambda: never.defer_async(**PAYLOAD))
        batch = await rate(4, lambda: never.batch_defer_async(*[PAYLOAD] * 1000), 1000)
        for _ in range(int(SECONDS)):
            await nothing.batch_defer_async(*[PAYLOAD] * 2000)
        begin = time.monotonic()
        try:
            await asyncio.wait_for(
                app.run_worker_async(queues=["work"], concurrency=48, wait=False, install_signal_handlers=False),
                SECONDS,
            )
        except asyncio.TimeoutError:
            pass
        return {"submit": submit, "batch": batch, "run": ran / (time.monotonic() - begin)}


print(json.dumps(asyncio.run(main())))
