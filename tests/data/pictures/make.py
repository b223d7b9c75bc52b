#!/usr/bin/env python3
"""Makes the pictures of this folder and `expected.json`, what Pillow and OpenCV see in them.

For each of "files": its size, the values of convert("RGB") of the picture (turned upright where it has an orientation), and,
where it has an alpha, those over white; "about" is how far a decoder may be from them. For each of "resized": what becomes of
noise.png by Pillow's resize (antialias) and by OpenCV's. Values are bytes in base64, row by row.

With Pillow 13.0, numpy 2.4 and opencv-python-headless 5.0 from PyPI.
"""
import base64
import io
import json
import pathlib

import cv2
import numpy
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 13, 9

y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH]
RED, GREEN, BLUE = x * 19 % 256, y * 28, 255 - (x + y) * 11
rgb = Image.fromarray(numpy.stack([RED, GREEN, BLUE], axis=2).astype(numpy.uint8))
alpha = Image.fromarray(((x * 37 + y * 53) % 256).astype(numpy.uint8))
rgba = rgb.copy()
rgba.putalpha(alpha)
grey = rgb.convert("L")
la = Image.merge("LA", (grey, alpha))
bits = grey.point(lambda v: 255 if v > 100 else 0).convert("1")
palette = rgb.quantize(16)
cmyk = Image.fromarray(numpy.stack([RED, GREEN, BLUE, x * 9], axis=2).astype(numpy.uint8), "CMYK")
deep = Image.fromarray((x * 4500 + y * 900).astype(numpy.uint16))
exif = Image.Exif()
exif[274] = 6

FILES = {
    "grey.jpg": (grey, {"quality": 95}, 3),
    "progressive.jpg": (rgb, {"quality": 95, "progressive": True}, 3),
    "restarts.jpg": (rgb, {"quality": 95, "restart_marker_blocks": 1}, 3),
    "420.jpg": (rgb, {"quality": 90, "subsampling": "4:2:0"}, 3),
    "411.jpg": (rgb, {"quality": 90, "subsampling": "4:1:1"}, 3),
    "adobe-rgb.jpg": (rgb, {"quality": 95, "keep_rgb": True}, 3),
    "cmyk.jpg": (cmyk, {"quality": 95}, 3),
    "orientation.jpg": (rgb, {"quality": 95, "exif": exif}, 3),
    "two.mpo": (rgb, {"quality": 95, "save_all": True, "append_images": [rgb.rotate(180)]}, 3),
    "rgba.png": (rgba, {}, 1),
    "grey-alpha.png": (la, {}, 1),
    "palette-trns.png": (palette, {"transparency": bytes(range(0, 240, 15))}, 1),
    "grey-trns.png": (grey, {"transparency": 100}, 1),
    "grey-16.png": (deep, {}, 1),
    "animated.png": (rgb, {"save_all": True, "append_images": [rgb.rotate(180)]}, 1),
    "orientation.png": (rgb, {"exif": exif}, 1),
    "rgba.webp": (rgba, {"lossless": True, "exact": True}, 1),
    "lossy.webp": (rgb, {"quality": 90}, 3),
    "animated.webp": (rgb, {"save_all": True, "append_images": [rgb.rotate(180)], "lossless": True}, 1),
    "orientation.webp": (rgb, {"lossless": True, "exif": exif}, 1),
    "bits.tif": (bits, {}, 1),
    "bits-group4.tif": (bits, {"compression": "group4"}, 1),
    "bits-group3.tif": (bits, {"compression": "group3"}, 1),
    "bits-white-is-0.tif": (bits, {"compression": "group4", "tiffinfo": {262: 0}}, 1),
    "grey-white-is-0.tif": (grey, {"tiffinfo": {262: 0}}, 1),
    "palette.tif": (palette, {"compression": "tiff_lzw"}, 1),
    "grey-alpha.tif": (la, {}, 1),
    "rgba.tif": (rgba, {"compression": "tiff_deflate"}, 1),
    "rgb-predictor.tif": (rgb, {"compression": "tiff_lzw", "tiffinfo": {317: 2}}, 1),
    "rgb-jpeg.tif": (rgb, {"compression": "jpeg", "quality": 95}, 3),
    "differences.tif": (rgb.convert("YCbCr"), {}, 3),
    "cmyk.tif": (cmyk, {"compression": "packbits"}, 1),
    "big.tif": (rgb, {"big_tiff": True}, 1),
    "pages.tif": (rgb, {"save_all": True, "append_images": [rgb.rotate(180)]}, 1),
    "orientation.tif": (rgb, {"tiffinfo": {274: 6}}, 1),
}
FORMATS = {"jpg": "JPEG", "mpo": "MPO", "png": "PNG", "webp": "WEBP", "tif": "TIFF"}


def flat(picture):
    return base64.b64encode(numpy.ascontiguousarray(picture).tobytes()).decode()


def seen(data, name):
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if picture.mode.startswith("I"):  # convert() would make everything above 255 white
        wide = numpy.asarray(picture).astype(float)
        picture = Image.fromarray(numpy.round(wide / 257).astype(numpy.uint8))
    shown = {
        "size": list(picture.size),
        "about": FILES[name][2] if name in FILES else 1,
        "rgb": flat(picture.convert("RGB")),
    }
    if "A" in picture.mode or "transparency" in picture.info:
        over = picture.convert("RGBA")
        shown["over_white"] = flat(Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB"))
    return shown


def resized(noise):
    for width, height in ((10, 7), (40, 31), (23, 5)):
        for name in ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"):
            picture = noise.resize((width, height), getattr(Image.Resampling, name.upper()))
            yield {"size": [width, height], "interpolation": name, "antialias": True, "rgb": flat(picture)}
        for name, flag in (
            ("nearest", cv2.INTER_NEAREST),
            ("bilinear", cv2.INTER_LINEAR),
            ("bicubic", cv2.INTER_CUBIC),
        ):
            picture = cv2.resize(numpy.asarray(noise), (width, height), interpolation=flag)
            yield {"size": [width, height], "interpolation": name, "antialias": False, "rgb": flat(picture)}


def letterbox(noise):
    """As the YOLO family does it, into 40 x 40."""
    ratio = min(40 / noise.width, 40 / noise.height)
    width, height = round(noise.width * ratio), round(noise.height * ratio)
    picture = cv2.resize(numpy.asarray(noise), (width, height), interpolation=cv2.INTER_LINEAR)
    left, top = round((40 - width) / 2 - 0.1), round((40 - height) / 2 - 0.1)
    whole = cv2.copyMakeBorder(
        picture, top, 40 - height - top, left, 40 - width - left, cv2.BORDER_CONSTANT, value=(114, 114, 114)
    )
    return {
        "size": [40, 40],
        "ratio": [width / noise.width, height / noise.height],
        "offset": [left, top],
        "rgb": flat(whole),
    }


def main():
    for name, (picture, options, _) in FILES.items():
        out = io.BytesIO()
        picture.save(out, FORMATS[name.rsplit(".", 1)[1]], **options)
        (HERE / name).write_bytes(out.getvalue())
    png = (HERE / "rgba.png").read_bytes()
    (HERE / "no-end.png").write_bytes(png[:-12])
    (HERE / "behind-the-end.png").write_bytes(png + b"and more")
    files = {
        name: seen((HERE / name).read_bytes(), name) for name in sorted([*FILES, "no-end.png", "behind-the-end.png"])
    }
    noise = Image.fromarray(numpy.random.default_rng(1).integers(0, 256, (17, 23, 3), numpy.uint8))
    noise.save(HERE / "noise.png")
    expected = {"files": files, "resized": list(resized(noise)), "letterbox": letterbox(noise)}
    lines = [
        json.dumps(name) + ": " + json.dumps(value, indent=1, separators=(",", ":")) for name, value in expected.items()
    ]
    (HERE / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
