#!/bin/bash
# Puts Schemathesis into DEST/schemathesis-VERSION, for the test that holds the daemon against its OpenAPI document.
# Nothing outside DEST is touched, and no Python environment.
set -euo pipefail

usage() {
    cat <<TEXT
Usage: packaging/get_schemathesis.sh DEST

Installs what packaging/schemathesis.txt names, with pip, into a folder of DEST. Does nothing when it is already there.
TEXT
}

# shellcheck source=packaging/get_python_package.sh
. "$(dirname "$0")/get_python_package.sh"
get_python_package schemathesis schemathesis
PYTHONPATH=$work/packages /usr/bin/python3 -c 'import schemathesis.cli' || fail "what pip brought does not work here"
keep "$work/packages"
