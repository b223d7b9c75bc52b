#!/bin/bash
# Configures and builds one preset; packaging/run.sh and packaging/test.sh share it.
set -euo pipefail

usage() {
    cat <<END
Usage: packaging/build.sh [--preset NAME] [--torch NAME=PREFIX]... [TARGET]...

  --preset NAME          dev, release (default), asan or tsan: build/NAME is the build folder
  --torch NAME=PREFIX    a libtorch to build the runtime module for; may be repeated. Without it: Debian's, and the
                         official one where packaging/get_libtorch.sh has put it below build/deps
END
}

cd "$(dirname "$0")/.."
preset=release
torch=()
targets=()
while [ $# -gt 0 ]; do
    case $1 in
        --preset) preset=${2:?--preset takes a name}; shift 2 ;;
        --torch) torch+=("${2:?--torch takes NAME=PREFIX}"); shift 2 ;;
        -h | --help) usage; exit 0 ;;
        -*) usage >&2; exit 2 ;;
        *) targets+=("$1"); shift ;;
    esac
done
if [ ${#torch[@]} = 0 ]; then
    [ -e /usr/include/torch/script.h ] && torch+=("debian=/usr")
    for folder in build/deps/torch-*; do
        [ -d "$folder/lib" ] && torch+=("official=$PWD/$folder")
    done
fi

# A compiler takes up to 1.5 GB here: fewer at once where memory is short.
memory_jobs=$(awk '/^MemAvailable:/ { n = int($2 / 1500000); print n < 1 ? 1 : n }' /proc/meminfo)
cores=$(nproc)
jobs=$((memory_jobs < cores ? memory_jobs : cores))

started=$(date +%s)
echo "build: preset $preset, $jobs at once, libtorch: ${torch[*]:-none}"
cmake --preset "$preset" -DMILLRACE_TORCH_DIRS="$(IFS=';'; echo "${torch[*]}")" -Wno-dev >"/tmp/millrace-configure.$$" 2>&1 || {
    cat "/tmp/millrace-configure.$$" >&2
    rm -f "/tmp/millrace-configure.$$"
    exit 1
}
rm -f "/tmp/millrace-configure.$$"
cmake --build "build/$preset" -j "$jobs" ${targets[@]:+--target "${targets[@]}"}
echo "build: build/$preset is up to date after $(($(date +%s) - started)) s"
