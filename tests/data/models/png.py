"""Reading and writing 8-bit PNG files with the standard library alone, so that tests need no image package."""
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by PNG colour type; 3 is an index into the palette


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def write_gray(width: int, height: int, pixels: bytes) -> bytes:
    """A grey 8-bit PNG; pixels are row-major, one byte each."""
    if len(pixels) != width * height:
        raise ValueError("pixels do not fill the image")
    rows = b"".join(b"\x00" + pixels[y * width : (y + 1) * width] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")


def _paeth(left: int, up: int, corner: int) -> int:
    estimate = left + up - corner
    distance, choice = min((abs(estimate - left), 0), (abs(estimate - up), 1), (abs(estimate - corner), 2))
    return (left, up, corner)[choice]


def _unfilter(kind: int, line: bytearray, above: bytes, step: int) -> None:
    for i in range(len(line)):
        left = line[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        add = (0, left, above[i], (left + above[i]) // 2, _paeth(left, above[i], corner))[kind]
        line[i] = (line[i] + add) & 255


def read(data: bytes):
    """(width, height, channels, pixels) of an 8-bit, non-interlaced PNG; a palette is resolved to RGB."""
    if data[:8] != SIGNATURE:
        raise ValueError("not a PNG")
    at, packed, palette, header = 8, b"", b"", None
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        at += 12 + size
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"PLTE":
            palette = body
        elif kind == b"IDAT":
            packed += body
    width, height, depth, colour, _, _, interlaced = header
    if depth not in (1, 2, 4, 8) or interlaced or (depth < 8 and colour not in (0, 3)):
        raise ValueError("only 8-bit (or packed palette) non-interlaced PNG is read here")
    channels = CHANNELS[colour]
    stride = (width * channels * depth + 7) // 8
    raw, lines, above = zlib.decompress(packed), [], bytes(stride)
    for y in range(height):
        start = y * (stride + 1)
        line = bytearray(raw[start + 1 : start + 1 + stride])
        _unfilter(raw[start], line, above, max(1, channels * depth // 8))
        above = bytes(line)
        if depth < 8:
            mask, per_byte = (1 << depth) - 1, 8 // depth
            unpacked = bytes((above[x // per_byte] >> (8 - depth * (x % per_byte + 1))) & mask for x in range(width))
            lines.append(unpacked if colour == 3 else bytes(v * 255 // mask for v in unpacked))
        else:
            lines.append(above)
    pixels = b"".join(lines)
    if colour == 3:
        pixels, channels = b"".join(palette[3 * v : 3 * v + 3] for v in pixels), 3
    return width, height, channels, pixels
