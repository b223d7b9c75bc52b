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
    return SIGNATURE + header(width, height) + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))) + END


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
    yield "a size that overflows", SIGNATURE + header(0x7FFFFFFF, 0x7FFFFFFF) + chunk(b"IDAT", zlib.compress(b"\0")) + END
    yield "a bomb", SIGNATURE + header(8192, 8192) + chunk(b"IDAT", zlib.compress(bytes(1000))) + END
    yield "an unknown colour type", SIGNATURE + header(8, 8, color=5) + chunk(b"IDAT", zlib.compress(bytes(72))) + END
    yield "an impossible depth", SIGNATURE + header(8, 8, depth=3) + chunk(b"IDAT", zlib.compress(bytes(72))) + END
    yield "a palette picture without palette", SIGNATURE + header(8, 8, color=3) + chunk(b"IDAT", zlib.compress(bytes(72))) + END
    yield "pixels that are no zlib", SIGNATURE + header(8, 8) + chunk(b"IDAT", b"not compressed at all") + END
    yield "a chunk longer than the file", SIGNATURE + header(8, 8) + struct.pack(">I", 0x7FFFFFFF) + b"IDAT" + b"x" * 50
    yield "two headers and no pixels", SIGNATURE + header(8, 8) + header(4096, 4096) + END
    yield "an unknown row filter", SIGNATURE + header(8, 8) + chunk(b"IDAT", zlib.compress((b"\x09" + bytes(8)) * 8)) + END
    yield "a text file", b"<html><script>alert(1)</script></html>"
    yield "a gif", b"GIF89a\x01\0\x01\0\0\0\0;"
    yield "a jpeg header and nothing", b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
    yield "a jpeg that claims a huge picture", (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
                                                b"\xff\xc0\0\x0b\x08\xff\xff\xff\xff\x01\x01\x11\0\xff\xd9")
    yield "a jpeg of markers", b"\xff\xd8" + b"\xff\xfe\0\x02" * 2000
