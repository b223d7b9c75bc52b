#!/bin/bash
# Installs, with apt, what building Millrace needs and is not here yet, and puts what has no package of its own below
# build/deps. Does nothing when all of it is here.
set -euo pipefail

usage() {
    cat <<END
Usage: packaging/install_build_needs.sh [--tests] [--list]

  --tests   also what the tests and the packages need (pytest, a browser, lintian, …)
  --list    print the package names and install nothing

For Debian 12 and 13, as root or with sudo. docs/dependencies.md says what each library is for.
END
}

# Debian 12 has Boost 1.81 beside its older default, under a name of its own; the default of Debian 13 is new enough.
release=$(sed -n 's/^VERSION_ID="\?\([0-9]*\).*/\1/p' /etc/os-release 2>/dev/null || true)
boost=
[ "$release" = 12 ] && boost=1.81
build=(g++ cmake ninja-build ccache pkg-config python3 python3-pip tzdata
       libabsl-dev "libboost$boost-dev" "libboost-json$boost-dev" "libboost-url$boost-dev" libcli11-dev libdeflate-dev libfmt-dev
       libjpeg62-turbo-dev liblmdb-dev libpcre2-dev libpng-dev libpq-dev libseccomp-dev libsqlite3-dev libssl-dev libtiff-dev libutf8proc-dev libwebp-dev libzstd-dev
       zlib1g-dev doctest-dev
       libtorch-dev libopenblas0-pthread)
tests=(python3-pytest python3-numpy python3-yaml python3-torch curl jq
       shellcheck chromium debootstrap dpkg-dev file git lintian man-db rpm unzip)
# The server for the tests of the store's second driver: each release has one version of it.
if [ "$release" = 13 ]; then tests+=(postgresql-17); else tests+=(postgresql-15); fi
# Later versions lay files out in another way, and are not asked.
[ "$release" = 12 ] && tests+=(black clang-format-14)

say() { echo "install_build_needs: $*"; }
fail() { echo "install_build_needs: error: $*" >&2; exit 1; }

wanted=("${build[@]}")
list=no
for argument in "$@"; do
    case $argument in
        --tests) wanted+=("${tests[@]}") ;;
        --list) list=yes ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
if [ $list = yes ]; then
    printf '%s\n' "${wanted[@]}"
    exit 0
fi

command -v apt-get >/dev/null || fail "this machine has no apt; on Debian 12 and 13 the packages are: ${wanted[*]}"
if ! grep -qx ID=debian /etc/os-release || { [ "$release" != 12 ] && [ "$release" != 13 ]; }; then
    say "warning: this is neither Debian 12 nor 13; package names and versions may differ" >&2
fi

here=$(dpkg-query -W -f='${Package} ${db:Status-Abbrev}\n' "${wanted[@]}" 2>/dev/null | awk '$2 == "ii" { print $1 }' || true)
missing=()
for package in "${wanted[@]}"; do
    grep -qxF "$package" <<<"$here" || missing+=("$package")
done
get_libpq() { "$(dirname "$0")/get_libpq.sh" "$(dirname "$0")/../build/deps"; }
if [ ${#missing[@]} = 0 ]; then
    say "everything is here (${#wanted[@]} packages)"
    get_libpq
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "packages are missing and this is neither root nor a user with sudo; as root:
    apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
fi
apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"
}

say "installing ${#missing[@]} packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt update && apt install --yes --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail "apt could not install: ${missing[*]}"
fi
get_libpq
say "done"
