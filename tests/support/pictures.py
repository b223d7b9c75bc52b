"""Pictures made by hand, so that every byte of a hostile one is chosen."""
import struct
import zlib


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def header(width, height, depth=8, color=0, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))


SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = chunk(b"IEND", b"")


def png(width=8, height=8, rows=None):
    """A gray picture; `rows` are bytes, black by default."""
    rows = rows or [bytes(width)] * height
    return (
        SIGNATURE + header(width, height) + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))) + END
    )


def hostile_pngs():
    """(name, bytes) of pictures that must be refused and harm nobody."""
    good = png()
    yield "empty", b""
    yield "only the signature", SIGNATURE
    yield "cut in the header", good[:20]
    yield "cut in the pixels", good[:-20]
    yield "no end", good[:-12][:-4]
    yield "a broken checksum", good[:29] + b"\0\0\0\0" + good[33:]
    yield "no width", SIGNATURE + header(0, 8) + chunk(b"IDAT", zlib.compress(b"")) + END
    yield "a width beyond the limit", SIGNATURE + header(8193, 1) + chunk(b"IDAT", zlib.compress(bytes(8194))) + END
    yield "a size that overflows", SIGNATURE + header(0x7FFFFFFF, 0x7FFFFFFF) + chunk(
        b"IDAT", zlib.compress(b"\0")
    ) + END
    yield "a bomb", SIGNATURE + header(8192, 8192) + chunk(b"IDAT", zlib.compress(bytes(1000))) + END
    yield "an unknown colour type", SIGNATURE + header(8, 8, color=5) + chunk(b"IDAT", zlib.compress(bytes(72))) + END
    yield "an impossible depth", SIGNATURE + header(8, 8, depth=3) + chunk(b"IDAT", zlib.compress(bytes(72))) + END
    yield "a palette picture without palette", SIGNATURE + header(8, 8, color=3) + chunk(
        b"IDAT", zlib.compress(bytes(72))
    ) + END
    yield "pixels that are no zlib", SIGNATURE + header(8, 8) + chunk(b"IDAT", b"not compressed at all") + END
    yield "a chunk longer than the file", SIGNATURE + header(8, 8) + struct.pack(">I", 0x7FFFFFFF) + b"IDAT" + b"x" * 50
    yield "two headers and no pixels", SIGNATURE + header(8, 8) + header(4096, 4096) + END
    yield "an unknown row filter", SIGNATURE + header(8, 8) + chunk(
        b"IDAT", zlib.compress((b"\x09" + bytes(8)) * 8)
    ) + END
    yield "a text file", b"<html><script>alert(1)</script></html>"
    yield "a gif", b"GIF89a\x01\0\x01\0\0\0\0;"
    yield "a jpeg header and nothing", b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
    yield "a jpeg that claims a huge picture", (
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
        b"\xff\xc0\0\x0b\x08\xff\xff\xff\xff\x01\x01\x11\0\xff\xd9"
    )
    yield "a jpeg of markers", b"\xff\xd8" + b"\xff\xfe\0\x02" * 2000


def tiff(entries, content=b"", next_directory=0, count=None):
    """A little-endian TIFF of one directory; entries are (tag, type, count, value)."""
    directory = struct.pack("<H", len(entries) if count is None else count)
    for tag, kind, number, value in entries:
        directory += struct.pack("<HHII", tag, kind, number, value)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", next_directory) + content


def plain_tiff(width=8, height=8, bits=8, samples=1, compression=1, rows=None, offset=None, size=None, more=()):
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, bits),
        (259, 3, 1, compression),
        (262, 3, 1, 1),
        (273, 4, 1, 0),
        (277, 3, 1, samples),
        (278, 4, 1, height if rows is None else rows),
        (279, 4, 1, 0),
        *more,
    ]
    at = 8 + 2 + 12 * len(entries) + 4
    entries[5] = (273, 4, 1, at if offset is None else offset)
    entries[8] = (279, 4, 1, 64 if size is None else size)
    return tiff(entries, bytes(64))


def hostile_tiffs():
    """The same for TIFF: what its directory can claim."""
    yield "only the signature", b"II*\0"
    yield "a directory beyond the file", b"II*\0\xff\xff\xff\x7f"
    yield "a directory that names itself as the next", tiff([(256, 4, 1, 8)], next_directory=8)
    yield "no entries", tiff([])
    yield "more entries than there are", tiff([(256, 4, 1, 8)], count=65535)
    yield "no width", plain_tiff(width=0)
    yield "a width beyond the limit", plain_tiff(width=1 << 20)
    yield "a size that overflows", plain_tiff(width=0x7FFFFFFF, height=0x7FFFFFFF)
    yield "a thousand bands that are not there", plain_tiff(samples=65535)
    yield "an impossible depth", plain_tiff(bits=7)
    yield "a strip beyond the file", plain_tiff(offset=0x7FFFFFF0)
    yield "pixels that are no zlib", plain_tiff(compression=8)
    yield "pixels that are no LZW", plain_tiff(compression=5)
    yield "an unknown compression", plain_tiff(compression=60000)
    yield "tiles of a terabyte", plain_tiff(
        more=[(322, 4, 1, 1 << 30), (323, 4, 1, 1 << 30), (324, 4, 1, 8), (325, 4, 1, 64)]
    )


def webp(chunk_kind, content, size=None):
    body = b"WEBP" + chunk_kind + struct.pack("<I", len(content) if size is None else size) + content
    return b"RIFF" + struct.pack("<I", len(body)) + body


def hostile_webps():
    """The same for WebP."""
    frame = b"\x10\x02\0\x9d\x01\x2a"  # a key frame's header, then 14 bits of width and of height
    yield "only the container", b"RIFF\x04\0\0\0WEBP"
    yield "a lossy frame without pixels", webp(b"VP8 ", frame + struct.pack("<HH", 8, 8))
    yield "a lossy frame beyond the limit", webp(b"VP8 ", frame + struct.pack("<HH", 0x3FFF, 0x3FFF) + bytes(100))
    yield "a lossless frame of noise", webp(b"VP8L", b"\x2f\x07\xc0\x01\0" + bytes(range(256)))
    yield "a lossless frame beyond the limit", webp(b"VP8L", b"\x2f\xff\xff\xff\x0f" + b"\xff" * 100)
    yield "a chunk longer than the file", webp(b"VP8L", b"\x2f\x07\xc0\x01\0", size=0x7FFFFFFF)
    yield "a canvas larger than what is on it", webp(b"VP8X", b"\x10\0\0\0" + b"\xff\xff\xff" * 2)
    yield "an animation without frames", webp(b"VP8X", b"\x02\0\0\0" + b"\x07\0\0" * 2)
