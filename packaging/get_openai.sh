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

fail() { echo "get_openai: error: $*" >&2; exit 1; }

case "${1:-}" in
    -h | --help) usage; exit 0 ;;
    "" | -*) usage >&2; exit 2 ;;
esac
wanted=$(dirname "$0")/openai.txt
version=$(sed -n 's/^openai==//p' "$wanted")
target=$1/openai-$version
if [ -e "$target" ]; then
    echo "get_openai: $target is there already"
    exit 0
fi

mkdir -p "$1"
work=$(mktemp -d "$1/.openai-$version.XXXXXX")
trap 'rm -rf "$work"' EXIT
# Without dependencies, for the list has them all.
if ! /usr/bin/python3 -m pip install --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
        --target "$work/packages" --requirement "$wanted" >"$work/pip.log" 2>&1; then
    sed 's/^/    pip: /' "$work/pip.log" | tail -n 15 >&2
    fail "pip could not get openai==$version from the package index it is set up with"
fi
PYTHONPATH=$work/packages /usr/bin/python3 -c 'import openai' || fail "what pip brought does not work here"
chmod 755 "$work/packages"
mv -T "$work/packages" "$target"
echo "get_openai: $target is ready"
