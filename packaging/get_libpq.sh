#!/bin/bash
# Puts what Debian's libpq.a needs and no small package has into DEST/libpq-VERSION/lib: libpgcommon_shlib.a and
# libpgport_shlib.a of the same version. The package with them is for those who extend the server, and its installation
# brings clang and LLVM; so it is downloaded and unpacked. Nothing outside DEST is touched.
set -euo pipefail

usage() {
    cat <<END
Usage: packaging/get_libpq.sh DEST

Does nothing when they are already there. Needs libpq-dev, and apt with the sources that it came from.

  MILLRACE_LIBPQ_DEB=FILE   use this package and no network: postgresql-server-dev-MAJOR of the version of libpq-dev,
                            downloaded on another machine
END
}

say() { echo "get_libpq: $*"; }
fail() { echo "get_libpq: error: $*" >&2; exit 1; }

case "${1:-}" in
    -h | --help) usage; exit 0 ;;
    "" | -*) usage >&2; exit 2 ;;
esac
package_version=$(dpkg-query -W -f='${Version}' libpq-dev 2>/dev/null) || fail "libpq-dev is not installed"
version=$(sed -n 's/^#define PG_VERSION "\([^ "]*\).*/\1/p' /usr/include/postgresql/pg_config.h)
[ -n "$version" ] || fail "/usr/include/postgresql/pg_config.h names no version"
package=postgresql-server-dev-${version%%.*}
target=$1/libpq-$version
if [ -s "$target/lib/libpgcommon_shlib.a" ] && [ -s "$target/lib/libpgport_shlib.a" ]; then
    say "$target is there already"
    exit 0
fi

mkdir -p "$1"
work=$(mktemp -d "$1/.libpq-$version.XXXXXX")
trap 'rm -rf "$work"' EXIT
if [ -n "${MILLRACE_LIBPQ_DEB:-}" ]; then
    [ -f "$MILLRACE_LIBPQ_DEB" ] || fail "MILLRACE_LIBPQ_DEB: there is no file $MILLRACE_LIBPQ_DEB"
    found=$(dpkg-deb -f "$MILLRACE_LIBPQ_DEB" Package Version | tr '\n' ' ')
    [ "$found" = "Package: $package Version: $package_version " ] ||
        fail "$MILLRACE_LIBPQ_DEB is \"$found\", and $package $package_version is needed"
    cp "$MILLRACE_LIBPQ_DEB" "$work/package.deb"
else
    # apt's own user may not write into the folder; it then downloads as whoever runs this, which is as good.
    if ! (cd "$work" && apt-get download -qq -o APT::Sandbox::User="$(id -un)" "$package=$package_version") \
            >"$work/apt.log" 2>&1; then
        sed 's/^/    apt: /' "$work/apt.log" | tail -n 15 >&2
        fail "apt could not get $package $package_version; if it has a newer one, bring libpq-dev to that version:
    apt-get install libpq-dev"
    fi
    mv "$work/$package"_*.deb "$work/package.deb"
fi
dpkg-deb -x "$work/package.deb" "$work/unpacked"
mkdir -p "$work/kept/lib"
cp "$work/unpacked/usr/lib/postgresql/${version%%.*}/lib/"lib{pgcommon,pgport}_shlib.a "$work/kept/lib" ||
    fail "$package has no libpgcommon_shlib.a or libpgport_shlib.a"
cp "$work/unpacked/usr/share/doc/$package/copyright" "$work/kept"
chmod 755 "$work/kept"
rm -rf "$target"
mv -T "$work/kept" "$target"
say "$target is ready"
