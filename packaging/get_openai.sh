#!/bin/bash
# Puts OpenAI's Python client into DEST/openai-VERSION, for the test that holds /v1 against it.
# Nothing outside DEST is touched, and no Python environment.
set -euo pipefail

usage() {
    cat <<TEXT
Usage: packaging/get_openai.sh DEST

Installs what packaging/openai.txt names, with pip, into a folder of DEST. Does nothing when it is already there.
TEXT
}

# shellcheck source=packaging/get_python_package.sh
. "$(dirname "$0")/get_python_package.sh"
get_python_package openai openai
PYTHONPATH=$work/packages /usr/bin/python3 -c 'import openai' || fail "what pip brought does not work here"
keep "$work/packages"
