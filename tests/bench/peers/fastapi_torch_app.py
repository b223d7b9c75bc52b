"""A model behind FastAPI as a team would write it: uvicorn, Pillow, torch, and micro-batches gathered on the event loop.

    python3 -m uvicorn fastapi_torch_app:app      (configured by MODEL, SIDE, THREADS and BATCH of the environment)

POST /predict takes an encoded picture and answers its five likeliest labels. With BATCH 1 each request is decoded and run by
itself in a thread of the pool; above, what waits is decoded and run together, up to BATCH pictures a pass.
"""
import asyncio
import io
import os

import numpy
import torch
from fastapi import FastAPI, Request
from PIL import Image
from starlette.concurrency import run_in_threadpool

SIDE, BATCH = int(os.environ["SIDE"]), int(os.environ["BATCH"])
MEAN, DEVIATION = (numpy.array(each, dtype=numpy.float32) for each in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))

torch.set_num_threads(int(os.environ["THREADS"]))
model = torch.jit.optimize_for_inference(torch.jit.load(os.environ["MODEL"]).eval())
app = FastAPI()
waiting = asyncio.Queue()


def decode(data):
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    if picture.size != (SIDE, SIDE):
        picture = picture.resize((SIDE, SIDE), Image.BILINEAR)
    return ((numpy.asarray(picture, dtype=numpy.float32) / 255 - MEAN) / DEVIATION).transpose(2, 0, 1)


def run(pictures):
    with torch.inference_mode():
        shares = torch.softmax(model(torch.from_numpy(numpy.stack([decode(each) for each in pictures]))), 1)
        confidence, label = shares.topk(5)
    return [
        [{"label": f"class {i}", "confidence": c} for i, c in zip(*each)]
        for each in zip(label.tolist(), confidence.tolist())
    ]


async def gather_batches():
    while True:
        batch = [await waiting.get()]
        while len(batch) < BATCH and not waiting.empty():
            batch.append(waiting.get_nowait())
        try:
            for (_, answer), top in zip(batch, await run_in_threadpool(run, [data for data, _ in batch])):
                answer.set_result(top)
        except Exception as error:
            for _, answer in batch:
                answer.set_exception(error)


@app.on_event("startup")
async def start():
    if BATCH > 1:
        app.state.gathering = asyncio.create_task(gather_batches())


@app.post("/predict")
async def predict(request: Request):
    data = await request.body()
    if BATCH == 1:
        return {"top": (await run_in_threadpool(run, [data]))[0]}
    answer = asyncio.get_running_loop().create_future()
    await waiting.put((data, answer))
    return {"top": await answer}
