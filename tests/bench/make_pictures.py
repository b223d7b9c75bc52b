#!/usr/bin/env python3
"""Makes the JPEG pictures that the benchmarks decode: 256 different ones of a side, so that nothing is served from a cache.

    make_pictures.py FOLDER [PHOTOGRAPHS]

FOLDER/64/000.jpg … 255.jpg and FOLDER/224/…, quality 90, chroma halved both ways as cameras do. They are pieces of the
photographs that come with scikit-image (an astronaut, a cat, a cup of coffee, a rocket, a motorcycle: public domain or CC0),
from the folder PHOTOGRAPHS or where Debian's python3-skimage puts them. It need not be installed:

    apt-get download python3-skimage && dpkg -x python3-skimage_*.deb skimage
    make_pictures.py FOLDER skimage/usr/lib/python3/dist-packages/skimage/data

Without them the pictures are noise with a photograph's spectrum (1/f). Needs Pillow and NumPy; seeded, so that two runs agree.
"""
import pathlib
import sys

import numpy
from PIL import Image

COUNT = 256
SIDES = (64, 224)
NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")
DEBIAN = "/usr/lib/python3/dist-packages/skimage/data"


def photographs(folder):
    files = [folder / name for name in NAMES if (folder / name).exists()]
    return [Image.open(file).convert("RGB") for file in files]


def noise(random, side=512):
    """Equal energy in every octave, in three channels that mostly agree, as in a photograph."""
    frequency = numpy.hypot(*numpy.meshgrid(numpy.fft.fftfreq(side), numpy.fft.fftfreq(side)))
    frequency[0, 0] = 1
    planes = [numpy.fft.ifft2(numpy.fft.fft2(random.standard_normal((side, side))) / frequency).real for _ in range(4)]
    channels = [planes[0] + 0.3 * plane for plane in planes[1:]]
    return Image.fromarray(
        numpy.stack([numpy.clip(128 + 50 * each / each.std(), 0, 255) for each in channels], -1).astype(numpy.uint8)
    )


def piece(random, source, side):
    """A square of at least `side` pixels from somewhere in the picture, reduced to `side`, half of them mirrored."""
    most = min(source.size)
    width = int(random.integers(min(side, most), min(4 * side, most) + 1))
    left, top = (int(random.integers(0, length - width + 1)) for length in source.size)
    cut = source.crop((left, top, left + width, top + width)).resize((side, side), Image.BICUBIC)
    return cut.transpose(Image.FLIP_LEFT_RIGHT) if random.random() < 0.5 else cut


def main(folder, origin):
    random = numpy.random.default_rng(0)
    sources = photographs(origin)
    print(
        f"from {len(sources)} photographs in {origin}"
        if sources
        else "no photographs there: noise with a photograph's spectrum"
    )
    sources = sources or [noise(random) for _ in range(4)]
    for side in SIDES:
        (folder / str(side)).mkdir(parents=True, exist_ok=True)
        for index in range(COUNT):
            cut = piece(random, sources[index % len(sources)], side)
            cut.save(folder / str(side) / f"{index:03d}.jpg", quality=90, subsampling="4:2:0")
        size = sum(file.stat().st_size for file in (folder / str(side)).iterdir()) / COUNT
        print(f"{folder / str(side)}: {COUNT} pictures of {side} x {side}, {size:,.0f} bytes on average")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else DEBIAN))
