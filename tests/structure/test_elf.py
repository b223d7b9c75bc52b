"""The program needs nothing but glibc at run time, and is hardened."""
import pathlib
import re
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.daemon import binary  # noqa: E402

GLIBC = {
    "libc.so.6",
    "libm.so.6",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libresolv.so.2",
}


def readelf(*options):
    return subprocess.run(
        ["readelf", "--wide", *options, str(binary())], capture_output=True, text=True, check=True
    ).stdout


def sanitized():
    return "libasan" in readelf("--dynamic") or "libtsan" in readelf("--dynamic")


def test_only_glibc_is_needed():
    needed = {line.split("[")[1].split("]")[0] for line in readelf("--dynamic").splitlines() if "(NEEDED)" in line}
    allowed = GLIBC | ({"libasan.so.8", "libubsan.so.1", "libtsan.so.2"} if sanitized() else set())
    assert needed <= allowed, f"needs {needed - allowed}"
    assert "libc.so.6" in needed


def test_no_path_of_the_build_machine_is_searched():
    dynamic = readelf("--dynamic")
    assert "(RPATH)" not in dynamic and "(RUNPATH)" not in dynamic


def test_it_is_position_independent_and_its_relocations_are_read_only():
    assert "Type:" in readelf("--file-header") and "DYN" in readelf("--file-header")
    assert "GNU_RELRO" in readelf("--program-headers")
    assert "BIND_NOW" in readelf("--dynamic") or "NOW" in readelf("--dynamic")


def test_the_stack_is_not_executable():
    stack = next(line for line in readelf("--program-headers").splitlines() if "GNU_STACK" in line)
    assert "RWE" not in stack and " E " not in stack


def test_nothing_of_the_cxx_runtime_is_exported():
    """The runtime module brings its own libstdc++; ours must not meet it."""
    if sanitized():
        return
    exported = [
        line.split()[-1]
        for line in readelf("--dyn-syms").splitlines()
        if len(line.split()) >= 8 and line.split()[4] in ("GLOBAL", "WEAK") and line.split()[6] != "UND"
    ]
    assert not [name for name in exported if name.startswith(("_ZNSt", "_ZSt", "__cxa", "_ZNKSt"))], exported[:10]


def unwind_addresses(file):
    """The first address of each entry in the table by which an exception finds a function's landing pads."""
    sections = subprocess.run(["readelf", "--wide", "-S", str(file)], capture_output=True, text=True, check=True).stdout
    _, offset, size = re.search(r"\.eh_frame_hdr\s+\S+\s+(\w+) (\w+) (\w+)", sections).groups()
    table = file.read_bytes()[int(offset, 16) : int(offset, 16) + int(size, 16)]
    (count,) = struct.unpack_from("<I", table, 8)
    return [struct.unpack_from("<ii", table, 12 + 8 * i)[0] for i in range(count)]


def test_no_two_functions_unwind_from_the_same_address():
    """The search finds either of the two: an exception of the other one would end the program."""
    program = binary()
    for file in [program, *program.parents[1].glob("runtime/*/libmillrace_torch.so")]:
        addresses = unwind_addresses(file)
        assert len(addresses) > 100 and len(addresses) == len(set(addresses)), file
