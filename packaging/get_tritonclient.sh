#!/bin/bash
# Puts Triton's HTTP client into DEST/tritonclient-VERSION, for the test that holds the Open Inference Protocol against it.
# Nothing outside DEST is touched, and no Python environment.
set -euo pipefail

usage() {
    cat <<TEXT
Usage: packaging/get_tritonclient.sh DEST

Installs what packaging/tritonclient.txt names, with pip, into a folder of DEST. Does nothing when it is already there.
TEXT
}

# shellcheck source=packaging/get_python_package.sh
. "$(dirname "$0")/get_python_package.sh"
get_python_package tritonclient tritonclient
PYTHONPATH=$work/packages /usr/bin/python3 -c 'import tritonclient.http' || fail "what pip brought does not work here"
keep "$work/packages"
