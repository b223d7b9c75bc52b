#!/bin/bash
# Builds the daemon and the runtime module against the PyTorch that `python3` imports, and runs every check of a GPU: one table,
# in under ten minutes once it is built.
set -euo pipefail

usage() {
    cat <<END
Usage: tests/gpu/run.sh [--python PYTHON] [--no-build] [ARGUMENT OF check.py]...

  --python PYTHON   whose PyTorch is built against and computes what is expected (python3)
  --no-build        run what has been built before

Further arguments go to tests/gpu/check.py, for example --device cuda:1 or --seconds 5.
END
}

cd "$(dirname "$0")/../.."
python=python3
build=yes
while [ $# -gt 0 ]; do
    case $1 in
        --python) python=${2:?--python takes a program}; shift 2 ;;
        --no-build) build=no; shift ;;
        -h | --help) usage; exit 0 ;;
        *) break ;;
    esac
done
torch=$("$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))') || {
    echo "run: error: $python imports no torch; name one that does with --python" >&2
    exit 2
}
[ $build = no ] || packaging/build.sh --torch "cuda=$torch" millrace torch_modules bench_torch_loop_cuda
exec "$python" tests/gpu/check.py "$@"
