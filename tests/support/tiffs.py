"""TIFF files made by hand: uncompressed, interleaved, one strip, little-endian."""
import struct

GEO_TAGS = [(33550, 12, struct.pack("<3d", 10, 10, 0)), (34735, 3, struct.pack("<8H", 1, 1, 0, 1, 1024, 0, 1, 1))]


def tiff(width, height, samples, bits, data, photometric=1, extra_tags=()):
    """`data`: the values, row by row and pixel by pixel. `extra_tags`: (tag, type, bytes), above 339."""
    sizes = {3: 2, 4: 4, 12: 8}
    fields = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [bits] * samples),
        (259, 3, [1]),
        (262, 3, [photometric]),
        (273, 4, [0]),
        (277, 3, [samples]),
        (278, 4, [height]),
        (279, 4, [len(data)]),
    ]
    if photometric == 1 and samples > 1:
        fields.append((338, 3, [0] * (samples - 1)))
    entries = [
        (tag, kind, struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)) for tag, kind, values in fields
    ]
    entries += list(extra_tags)
    rest_at = 8 + 2 + 12 * len(entries) + 4
    rest = b""
    directory = struct.pack("<H", len(entries))
    data_at = rest_at + sum(len(value) for _, _, value in entries if len(value) > 4)
    for tag, kind, value in entries:
        if tag == 273:
            value = struct.pack("<I", data_at)
        count = len(value) // sizes[kind]
        if len(value) > 4:
            directory += struct.pack("<HHII", tag, kind, count, rest_at + len(rest))
            rest += value
        else:
            directory += struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", 0) + rest + data
