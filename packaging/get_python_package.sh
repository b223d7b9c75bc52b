# shellcheck shell=bash
# What packaging/get_*.sh share: a package from PyPI, as packaging/LIST.txt pins it, in a folder of DEST. Sourced after `usage`
# is defined; nothing outside DEST is touched, and no Python environment.
#
#   get_python_package DEST LIST PACKAGE     sets `target` and ends the script when it is there; else installs the packages into
#                                            $work/packages, which goes when the script ends
#   keep FOLDER                              moves what was made to `target`
name=$(basename "$0" .sh)
fail() { echo "$name: error: $*" >&2; exit 1; }

get_python_package() {
    local list=$2 package=$3 wanted version
    case "$1" in
        -h | --help) usage; exit 0 ;;
        "" | -*) usage >&2; exit 2 ;;
    esac
    wanted=$(dirname "$0")/$list.txt
    version=$(sed -n "s/^$package==//p" "$wanted")
    target=$1/$list-$version
    if [ -e "$target" ]; then
        echo "$name: $target is there already"
        exit 0
    fi
    mkdir -p "$1"
    work=$(mktemp -d "$1/.$list-$version.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    # Without dependencies: the list has all that are wanted, and numpy stays the system's, with which its torch was built.
    if ! /usr/bin/python3 -m pip install --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
            --target "$work/packages" --requirement "$wanted" >"$work/pip.log" 2>&1; then
        sed 's/^/    pip: /' "$work/pip.log" | tail -n 15 >&2
        fail "pip could not get $package==$version from the package index it is set up with"
    fi
}

keep() {
    chmod 755 "$1"
    mv -T "$1" "$target"
    echo "$name: $target is ready"
}
