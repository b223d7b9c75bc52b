# shellcheck shell=bash
# What packaging/get_*.sh share: a package from PyPI, as packaging/LIST.txt pins it, in a folder of DEST. Sourced after `usage`
# is defined; nothing outside DEST is touched, and no Python environment.
#
#   get_python_package LIST PACKAGE   sets `target` and ends the script when it is there; else installs the packages into
#                                     $work/packages, which goes when the script ends
#   keep FOLDER                       moves what was made to `target`
# shellcheck source=packaging/get_arguments.sh
. "$(dirname "$0")/get_arguments.sh"

get_python_package() {
    local list=$1 package=$2 wanted version
    wanted=$(dirname "$0")/$list.txt
    version=$(sed -n "s/^$package==//p" "$wanted")
    target=$dest/$list-$version
    if [ -e "$target" ]; then
        say "$target is there already"
        exit 0
    fi
    mkdir -p "$dest"
    work=$(mktemp -d "$dest/.$list-$version.XXXXXX")
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
    say "$target is ready"
}
