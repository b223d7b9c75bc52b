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

fail() { echo "get_tritonclient: error: $*" >&2; exit 1; }

case "${1:-}" in
    -h | --help) usage; exit 0 ;;
    "" | -*) usage >&2; exit 2 ;;
esac
wanted=$(dirname "$0")/tritonclient.txt
version=$(sed -n 's/^tritonclient==//p' "$wanted")
target=$1/tritonclient-$version
if [ -e "$target" ]; then
    echo "get_tritonclient: $target is there already"
    exit 0
fi

mkdir -p "$1"
work=$(mktemp -d "$1/.tritonclient-$version.XXXXXX")
trap 'rm -rf "$work"' EXIT
# Without dependencies, for the list has them all: numpy stays the system's, with which its torch was built.
if ! /usr/bin/python3 -m pip install --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
        --target "$work/packages" --requirement "$wanted" >"$work/pip.log" 2>&1; then
    sed 's/^/    pip: /' "$work/pip.log" | tail -n 15 >&2
    fail "pip could not get tritonclient==$version from the package index it is set up with"
fi
PYTHONPATH=$work/packages /usr/bin/python3 -c 'import tritonclient.http' || fail "what pip brought does not work here"
chmod 755 "$work/packages"
mv -T "$work/packages" "$target"
echo "get_tritonclient: $target is ready"
