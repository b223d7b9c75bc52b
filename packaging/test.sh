#!/bin/bash
# Builds Millrace and runs every test, from a clean clone: unit tests (ctest), then all that drives the real
# program (pytest), with both libtorch versions. The last line counts them; exit 0 when none failed.
set -euo pipefail

usage() {
    cat <<END
Usage: packaging/test.sh [--preset NAME] [--no-install] [--without-official] [--torch NAME=PREFIX]... [--packages]
                          [PYTEST_ARGUMENT]...

  --preset NAME        release (default), dev, asan or tsan
  --no-install         do not look for missing packages
  --without-official   only Debian's libtorch; nothing is fetched with pip, and what needs it is skipped
  --torch NAME=PREFIX  a further libtorch: its module is built, and what predicts and isolates is run with it, too
  --packages           also build the .deb and .rpm and install them on a Debian 12 and a Debian 13 made for the purpose
                       (as root)

Further arguments go to pytest, for example tests/e2e -k jobs.
END
}

cd "$(dirname "$0")/.."
preset=release
install=yes
official=yes
further=()
pytest_arguments=()
while [ $# -gt 0 ]; do
    case $1 in
        --preset) preset=${2:?--preset takes a name}; shift 2 ;;
        --no-install) install=no; shift ;;
        --without-official) official=no; shift ;;
        --torch) further+=("${2:?--torch takes NAME=PREFIX}"); shift 2 ;;
        --packages) export MILLRACE_TEST_PACKAGES=1; shift ;;
        -h | --help) usage; exit 0 ;;
        *) pytest_arguments+=("$1"); shift ;;
    esac
done
folder=$PWD/build/$preset
started=$(date +%s)
step() { printf '\n==> %s\n' "$*"; }

if [ $install = yes ]; then
    step "What building and testing need"
    packaging/install_build_needs.sh --tests
fi
torch=(--torch debian=/usr)
if [ $official = yes ]; then
    step "The official libtorch"
    packaging/get_libtorch.sh build/deps
    for found in build/deps/torch-*; do torch+=(--torch "official=$PWD/$found"); done
    step "Triton's client, for the test of the inference protocol"
    packaging/get_tritonclient.sh build/deps
    export MILLRACE_REQUIRE_TRITONCLIENT=1
    step "OpenAI's client and a sentence encoder, for the tests of embeddings"
    packaging/get_openai.sh build/deps
    packaging/get_minilm.sh build/deps
    export MILLRACE_REQUIRE_OPENAI=1 MILLRACE_REQUIRE_MINILM=1
    step "Schemathesis, for the test of the contract"
    packaging/get_schemathesis.sh build/deps
    export MILLRACE_REQUIRE_SCHEMATHESIS=1
fi

for each in "${further[@]}"; do torch+=(--torch "$each"); done

# The tests of the store run on a PostgreSQL server of their own, too.
export MILLRACE_REQUIRE_POSTGRES=1

step "Building"
packaging/build.sh --preset "$preset" "${torch[@]}"

step "Unit tests"
results=$folder/test-results
rm -rf "$results"
mkdir -p "$results"
failed_runs=0
rm -rf "$folder/Testing"
ctest --test-dir "$folder" --output-on-failure --no-tests=error -j "$(nproc)" || failed_runs=1

# The newer runtime runs everything; the older one what predicts.
export MILLRACE_BINARY=$folder/src/millrace MILLRACE_REQUIRE_RUNTIME=1
run_pytest() {
    local name=$1
    shift
    MILLRACE_INFERENCE_RUNTIME=$folder/runtime/$name/libmillrace_torch.so \
        /usr/bin/python3 -m pytest -q -p no:cacheprovider \
        --junitxml "$results/pytest-$name${MILLRACE_STORE:+-$MILLRACE_STORE}.xml" "$@" || failed_runs=1
}
newest=debian
[ $official = yes ] && newest=official
step "Tests of the whole program, with the $newest libtorch"
run_pytest "$newest" "${pytest_arguments[@]:-tests}"
if [ $newest != debian ] && [ ${#pytest_arguments[@]} = 0 ]; then
    step "Predictions again, with Debian's libtorch"
    run_pytest debian tests/e2e tests/data -k "predict or infer or model or image"
fi
if [ ${#pytest_arguments[@]} = 0 ]; then
    step "The whole program again, with its rows in PostgreSQL"
    # But for what the rows have no part in: HTTP, how inputs are read, how the worker is shared and kept apart.
    without_rows="pictures or inputs or tokenizers or outputs or isolation or foreign_memory or weight_files or minilm"
    without_rows+=" or fairness or model_memory or trial or http_framing"
    MILLRACE_STORE=postgres MILLRACE_FAULT_KILLS=100 run_pytest "$newest" tests/e2e tests/fault/test_postgres_faults.py \
        tests/fault/test_crash_points.py tests/fault/test_random_kills.py --deselect tests/e2e/test_schemathesis.py \
        -k "not ($without_rows)"
fi
for each in "${further[@]}"; do
    step "Predictions and isolation again, with ${each%%=*}"
    run_pytest "${each%%=*}" tests/e2e -k "predict or infer or model or image or isolation"
done

# The page's code, and the page in a real browser against a real daemon. Building needs no Node; these tests do.
node_tests() {
    local name=$1 where=$2 pattern=$3
    # shellcheck disable=SC2086  # the pattern is meant to be expanded, there
    (cd "$where" && node --test --test-concurrency=1 --test-reporter=junit \
        --test-reporter-destination="$results/$name.xml" $pattern) || failed_runs=1
}
packages_of() {
    [ -d "$1/node_modules" ] || (cd "$1" && npm ci --silent --no-audit --no-fund) || return 1
}
if [ ${#pytest_arguments[@]} -gt 0 ]; then
    :
elif ! command -v npm >/dev/null || [ "$(node --version | sed 's/^v\([0-9]*\).*/\1/')" -lt 20 ]; then
    step "Skipping the web page's tests: they need Node 20 or newer, with npm"
elif ! packages_of web || ! packages_of tests/ui; then
    step "Skipping the web page's tests: npm cannot get what they need"
else
    step "Tests of the web page's code"
    (cd web && npx tsc -p tsconfig.test.json) || failed_runs=1
    node_tests web web 'tests/*.test.mjs'
    step "Tests of the web page in a browser"
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    rm -rf "$folder/ui-data"
    daemon=(packaging/run.sh --no-install --no-build --preset "$preset" --data "$folder/ui-data" --listen "127.0.0.1:$port")
    trap '"${daemon[@]}" --stop' EXIT
    if "${daemon[@]}" >"$results/ui-daemon.txt"; then
        MILLRACE_URL=http://127.0.0.1:$port MILLRACE_KEY=$(cat "$folder/ui-data.key") node_tests ui tests/ui '*.test.mjs'
    else
        tail -n 20 "$results/ui-daemon.txt"
        failed_runs=1
    fi
fi

if [ ${#pytest_arguments[@]} = 0 ]; then
    step "Layout and linters"
    packaging/check.sh --all --without-structure || failed_runs=1
fi

step "Result after $(($(date +%s) - started)) s"
python3 - "$results" "$folder/Testing/Temporary" "$failed_runs" <<'END'
import re, sys
import xml.etree.ElementTree as xml
from pathlib import Path

results, ctest, failed_runs = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
passed = failed = skipped = 0
# Each unit test program holds many cases and counts them itself; one that crashed says nothing and counts as one.
log, failures = ctest / "LastTest.log", ctest / "LastTestsFailed.log"
cases = r"\[doctest\] test cases: *\d+ \| *(\d+) passed \| *(\d+) failed"
for good, bad in re.findall(cases, log.read_text(errors="replace") if log.exists() else ""):
    passed, failed = passed + int(good), failed + int(bad)
if failures.exists():
    failed = max(failed, len(failures.read_text().splitlines()))
for file in sorted(results.glob("*.xml")):
    for case in xml.parse(file).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            print(f"FAILED {case.get('classname')} {case.get('name')}")
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
failed = max(failed, failed_runs)
print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
sys.exit(1 if failed else 0)
END
