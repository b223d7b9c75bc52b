#!/bin/bash
# Puts the official CPU build of libtorch into DEST/torch-VERSION (lib/, include/, licenses/), for building the
# runtime module and for the packages. Nothing outside DEST is touched, and no Python environment.
set -euo pipefail

VERSION=2.13.0
usage() {
    cat <<END
Usage: packaging/get_libtorch.sh DEST

Downloads the wheel torch==$VERSION (CPU build) with pip, unpacks its libraries and headers into
DEST/torch-$VERSION and checks them. Does nothing when they are already there.

  MILLRACE_TORCH_WHEEL=FILE   use this wheel and no network: torch-$VERSION for CPython 3.11, CPU build,
                              downloaded on another machine
  MILLRACE_TORCH_INDEX=URL    an additional package index to ask, where pip's own does not have the CPU build
END
}

# shellcheck source=packaging/get_arguments.sh
. "$(dirname "$0")/get_arguments.sh"
target=$dest/torch-$VERSION
machine=$(uname -m)

# check DIR: says what is wrong with an unpacked runtime, or nothing.
check() {
    local file
    for file in lib/libtorch_cpu.so lib/libc10.so include/torch/script.h include/torch/headeronly/version.h; do
        [ -s "$1/$file" ] || { echo "$file is missing"; return; }
    done
    compgen -G "$1/lib/libgomp*.so*" >/dev/null || { echo "lib/libgomp is missing"; return; }
    if compgen -G "$1/lib/libtorch_cuda*" >/dev/null; then
        echo "it is a CUDA build (lib/libtorch_cuda.so); the CPU build is needed"
        return
    fi
    local found
    found=$(sed -n 's/^#define TORCH_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' \
            "$1/include/torch/headeronly/version.h" | paste -sd.)
    [ "$found" = "$VERSION" ] || { echo "its headers are of version ${found:-unknown}, not $VERSION"; return; }
    ldd "$1/lib/libtorch_cpu.so" >/dev/null 2>&1 || { echo "lib/libtorch_cpu.so is not a library for $machine"; return; }
    local missing
    missing=$(ldd "$1/lib/libtorch_cpu.so" | sed -n 's/^[[:space:]]*\(.*\) => not found$/\1/p' | paste -sd' ')
    [ -z "$missing" ] || echo "lib/libtorch_cpu.so needs libraries that are not here: $missing"
}

if [ -e "$target" ]; then
    problem=$(check "$target")
    [ -z "$problem" ] && { say "$target is there already"; exit 0; }
    fail "$target exists, but $problem; remove it and run this again"
fi

mkdir -p "$dest"
work=$(mktemp -d "$dest/.torch-$VERSION.XXXXXX")
trap 'rm -rf "$work"' EXIT
command -v python3 >/dev/null || fail "python3 is needed (apt-get install python3)"

by_hand="To do it by hand: on a machine with internet get the wheel torch-$VERSION (CPU build) for CPython 3.11
and linux $machine, from PyTorch's download site or a package mirror, copy it here, and run
    MILLRACE_TORCH_WHEEL=/path/to/torch-$VERSION….whl $0 $dest"

# ask REQUIREMENT: downloads the wheel into $work; pip's output goes to the log.
ask() {
    local extra=()
    [ -n "${MILLRACE_TORCH_INDEX:-}" ] && extra=(--extra-index-url "$MILLRACE_TORCH_INDEX")
    python3 -m pip download --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
        --python-version 3.11 --implementation cp --abi cp311 \
        --platform "manylinux_2_28_$machine" --platform "linux_$machine" \
        "${extra[@]}" --dest "$work" "$1" >>"$work/pip.log" 2>&1
}

if [ -n "${MILLRACE_TORCH_WHEEL:-}" ]; then
    [ -f "$MILLRACE_TORCH_WHEEL" ] || fail "MILLRACE_TORCH_WHEEL: there is no file $MILLRACE_TORCH_WHEEL"
    wheel=$MILLRACE_TORCH_WHEEL
else
    python3 -m pip --version >/dev/null 2>&1 || fail "pip is needed (apt-get install python3-pip)
$by_hand"
    say "asking pip for torch==$VERSION (about 200 MB)"
    # The label +cpu is how indexes that hold several builds name this one; others hold it without a label.
    if ! ask "torch==$VERSION+cpu" && ! ask "torch==$VERSION"; then
        sed 's/^/    pip: /' "$work/pip.log" | tail -n 15 >&2
        fail "pip could not get torch==$VERSION from the package index it is set up with
$by_hand"
    fi
    wheel=$(echo "$work"/torch-*.whl)
fi

say "unpacking $(basename "$wheel")"
python3 - "$wheel" "$work/unpacked" <<'END' || fail "$wheel could not be unpacked (is it a whole wheel?)"
import re, shutil, sys, zipfile
from pathlib import Path

# What only Python, tests or other back ends load.
NOT_NEEDED = re.compile(r"lib(torch_python|torchbind_test|jitbackend_test|backend_with_compiler|aoti_custom_ops"
                        r"|torch_global_deps|shm.*|.*_test.*)\.so.*|.*\.(a|lib|cmake)")
source, target = sys.argv[1], Path(sys.argv[2])
try:
    with zipfile.ZipFile(source) as wheel:
        for entry in wheel.infolist():
            parts = entry.filename.split("/")
            if entry.is_dir() or ".." in parts:
                continue
            if parts[:2] == ["torch", "lib"] and len(parts) == 3 and not NOT_NEEDED.fullmatch(parts[2]):
                place = target / "lib" / parts[2]
            elif parts[:2] == ["torch", "include"]:
                place = target.joinpath(*parts[1:])
            elif parts[0].endswith(".dist-info") and re.match("(LICEN|NOTICE)", parts[-1]):
                inner = parts[parts.index("licenses") + 1:] if "licenses" in parts else parts[1:]
                place = target.joinpath("licenses", *inner)
            else:
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with wheel.open(entry) as packed, open(place, "wb") as out:
                shutil.copyfileobj(packed, out, 1 << 20)
except (zipfile.BadZipFile, OSError) as error:
    sys.exit(f"get_libtorch: {error}")
END

problem=$(check "$work/unpacked")
if [ -n "$problem" ]; then
    fail "$(basename "$wheel") does not serve: $problem
Where the index holds the CUDA build, name one with the CPU build by MILLRACE_TORCH_INDEX=URL.
$by_hand"
fi
chmod 755 "$work/unpacked"
mv -T "$work/unpacked" "$target" 2>/dev/null || [ -z "$(check "$target")" ] || fail "cannot move the files to $target"
say "$target is ready ($(du -sh "$target/lib" | cut -f1) of libraries)"
