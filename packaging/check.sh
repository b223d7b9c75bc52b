#!/bin/bash
# Checks how the sources are laid out and what linters say of them: of what changed, in seconds, or of everything.
set -euo pipefail

usage() {
    cat <<END
Usage: packaging/check.sh [--all] [--fix] [--without-structure] [--tidy BUILD_FOLDER] [--install-hook]

Looks at what differs from origin/main, with what git does not know yet:
  C++                 clang-format-14, and tests/structure (widths of lines, sizes of files, includes)
  Python              black
  TypeScript, CSS     prettier, and the type checker
  shell               shellcheck

  --all               everything, not only what changed
  --without-structure not tests/structure
  --fix               lay files out instead of saying which are not
  --tidy FOLDER       also clang-tidy-14 on the C++, with the compile commands of that build (minutes), but for the
                      runtime module
  --install-hook      run this before each commit of this clone, on what is to be committed

A tool that is not installed is named and left out, and so is another version of one that would lay files out in
another way: apt-get install clang-format-14 clang-tidy-14 black shellcheck (Debian 12), and npm ci in web. Exit code
1 when a check failed.

Examples:
  packaging/check.sh --fix
  packaging/check.sh --tidy build/dev
  packaging/check.sh --all
END
}

cd "$(dirname "$0")/.."
all=no fix=no tidy='' base=origin/main staged=no structure=yes
while [ $# -gt 0 ]; do
    case $1 in
        --all) all=yes ;;
        --fix) fix=yes ;;
        --without-structure) structure=no ;;
        --staged) staged=yes ;; # the hook's
        --tidy) tidy=${2:?--tidy takes a build folder}; shift ;;
        --install-hook)
            hook=$(git rev-parse --git-path hooks/pre-commit)
            printf '#!/bin/sh\nexec packaging/check.sh --staged\n' >"$hook"
            chmod +x "$hook"
            echo "check: commits of this clone are checked first; git commit --no-verify goes without"
            exit 0 ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

# The files of these patterns that are to be looked at, one a line.
files() {
    if [ $all = yes ]; then git ls-files -- "$@"
    elif [ $staged = yes ]; then git diff --cached --name-only --diff-filter=d -- "$@"
    else
        git rev-parse -q --verify $base >/dev/null || base=HEAD
        { git diff --name-only --diff-filter=d "$(git merge-base HEAD $base)" -- "$@"; git ls-files -o --exclude-standard -- "$@"; } | sort -u
    fi
}
failed=no
has() { command -v "$1" >/dev/null || { echo "check: $1 is not installed; left out"; return 1; }; }
# check NAME COMMAND… <FILES
check() {
    local name=$1 list
    shift
    list=$(cat)
    [ -n "$list" ] || return 0
    echo "check: $name, $(wc -l <<<"$list") files"
    xargs -d '\n' "$@" <<<"$list" || failed=yes
}

cpp=('*.cpp' '*.hpp' '*.h')
if has clang-format-14; then
    mode=(--dry-run --Werror)
    [ $fix = yes ] && mode=(-i)
    check clang-format clang-format-14 "${mode[@]}" < <(files "${cpp[@]}")
fi
if has black && [[ $(black --version) != black,\ 23.* ]]; then
    echo "check: this black is not version 23; left out"
elif command -v black >/dev/null; then
    mode=(--check)
    [ $fix = yes ] && mode=()
    check black black -q --config .black.toml "${mode[@]}" < <(files '*.py')
fi
if has shellcheck; then
    check shellcheck shellcheck -S warning < <(files '*.sh')
fi
if [ -x web/node_modules/.bin/prettier ]; then
    mode=(--check)
    [ $fix = yes ] && mode=(--write)
    check prettier web/node_modules/.bin/prettier --log-level warn "${mode[@]}" < <(files 'web/src/*.ts' 'web/src/*.tsx' 'web/src/*.css' 'web/tests/*.mjs' 'tests/ui/*.mjs')
    [ -z "$(files 'web/src/*')" ] || (cd web && npx tsc --noEmit) || failed=yes
else
    echo "check: prettier is not installed (npm ci in web); left out"
fi
if [ $structure = yes ]; then
    echo "check: tests/structure"
    /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/structure/test_layout.py tests/structure/test_rooms.py \
        tests/structure/test_openapi_file.py || failed=yes
fi
if [ -n "$tidy" ] && has clang-tidy-14; then
    # GCC's precompiled header and its own flags are nothing to clang: the header itself is included instead.
    mkdir -p "$tidy/tidy"
    cp "$tidy"/CMakeFiles/precompiled.dir/cmake_pch.hxx "$tidy/tidy/"
    sed -e 's#-include [^ ]*/cmake_pch.hxx#-include '"$(realpath "$tidy")"'/tidy/cmake_pch.hxx#' \
        -e 's#-fpch-preprocess\|-Winvalid-pch\|--param [^ ]*\|-Wno-maybe-uninitialized\|-Wno-restrict\|-Wno-stringop-overflow\|-Wno-mismatched-new-delete\|-Werror##g' \
        "$tidy/compile_commands.json" >"$tidy/tidy/compile_commands.json"
    # Not the runtime module: clang 14 does not compile libtorch's headers as C++20. It counts the warnings of system
    # headers, and shows none of them.
    check clang-tidy -P "$(nproc)" -n 4 clang-tidy-14 --quiet -p "$tidy/tidy" \
        < <(files 'src/*.cpp' ':!src/inference/torch') \
        2> >(grep -v '^[0-9]* warnings\? generated\.$' >&2)
fi
[ $failed = no ] || { echo "check: failed; --fix lays files out"; exit 1; }
echo "check: good"
