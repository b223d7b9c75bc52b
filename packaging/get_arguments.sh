# shellcheck shell=bash
# What every packaging/get_*.sh begins with. Sourced after `usage` is defined, with the script's own arguments: sets `name`
# and `dest`, or says how the script is used and ends it.
name=$(basename "$0" .sh)
say() { echo "$name: $*"; }
fail() { echo "$name: error: $*" >&2; exit 1; }

case "${1:-}" in
    -h | --help) usage; exit 0 ;;
    "" | -*) usage >&2; exit 2 ;;
esac
# shellcheck disable=SC2034 # the scripts use it
dest=$1
