#!/bin/bash
# From a clean clone to predictions: installs what is missing, builds, starts the daemon, pushes the two example
# models, runs real inputs through the queue and shows what comes out.
set -euo pipefail

usage() {
    cat <<END
Usage: packaging/run.sh [--once] [--data DIR] [--listen ADDRESS:PORT] [--runtime debian|official]
                        [--preset NAME] [--no-install] [--no-build] [--stop]

  --once             stop the daemon at the end; exit 0 when every prediction succeeded
  --data DIR         where the daemon keeps its data (build/run-data)
  --listen A:P       where it serves HTTP (127.0.0.1:7878)
  --runtime NAME     the libtorch to run: debian (1.13, from apt; the default) or official (2.13, fetched with pip by
                     packaging/get_libtorch.sh)
  --stop             stop a daemon that an earlier run left behind, and exit
  --preset NAME      which build: release (default), dev, asan or tsan
  --no-install       do not look for missing packages
  --no-build         run what has been built before

A daemon that an earlier run left running is used again, unless the program has been built anew since.
END
}

cd "$(dirname "$0")/.."
once=no
data=build/run-data
listen=127.0.0.1:7878
runtime=debian
preset=release
install=yes
build=yes
stop_only=no
while [ $# -gt 0 ]; do
    case $1 in
        --once) once=yes; shift ;;
        --data) data=${2:?--data takes a folder}; shift 2 ;;
        --listen) listen=${2:?--listen takes an address and a port}; shift 2 ;;
        --runtime) runtime=${2:?--runtime takes debian or official}; shift 2 ;;
        --stop) stop_only=yes; shift ;;
        --preset) preset=${2:?--preset takes a name}; shift 2 ;;
        --no-install) install=no; shift ;;
        --no-build) build=no; shift ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
case $runtime in debian | official) ;; *) usage >&2; exit 2 ;; esac
folder=$PWD/build/$preset
binary=$folder/src/millrace
mkdir -p "$data"
data=$(cd "$data" && pwd)
log=$data.log
pid_file=$data.pid
key_file=$data.key

step() { printf '\n==> %s\n' "$*"; }
fail() { echo "run: error: $*" >&2; exit 1; }

# The daemon of this folder, if it is alive: its process id.
running_pid() {
    local pid
    pid=$(cat "$pid_file" 2>/dev/null) || return 1
    [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "serve --data $data " && echo "$pid"
}

stop_daemon() {
    local pid
    pid=$(running_pid) || return 0
    kill -TERM "$pid"
    for _ in $(seq 400); do
        [ -d "/proc/$pid" ] || { rm -f "$pid_file"; return 0; }
        sleep 0.1
    done
    fail "the daemon (process $pid) did not stop in 40 s; see $log"
}

ready() {
    python3 - "$listen" <<'END' >/dev/null 2>&1
import sys, urllib.request
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{sys.argv[1]}/ready", timeout=2)
END
}

start_daemon() {
    local pid
    if pid=$(running_pid); then
        if [ "$pid_file" -nt "$binary" ] && ready; then
            echo "process $pid is running already"
            return
        fi
        echo "the one that runs (process $pid) is older than the program or serves elsewhere: starting anew"
        stop_daemon
    fi
    : >"$log"
    setsid nohup "$binary" serve --data "$data" --listen "$listen" \
        --set "inference.runtime=$module" >>"$log" 2>&1 </dev/null &
    pid=$!
    echo "$pid" >"$pid_file"
    for _ in $(seq 1200); do
        ready && { echo "process $pid, log in $log"; return; }
        [ -d "/proc/$pid" ] || break
        sleep 0.1
    done
    tail -n 20 "$log" >&2
    fail "the daemon is not ready; the end of $log is above"
}

# An admin key that works: the one of an earlier run, or a new one.
admin_key() {
    if [ -s "$key_file" ] && python3 - "$listen" "$key_file" <<'END' >/dev/null 2>&1
import sys, urllib.request
key = open(sys.argv[2]).read().strip()
request = urllib.request.Request(f"http://{sys.argv[1]}/api/v1/status", headers={"Authorization": f"Bearer {key}"})
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5)
END
    then
        return
    fi
    (umask 077 && "$binary" key create --name run.sh --role admin --data "$data" --json |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["key"])' >"$key_file")
}

if [ $stop_only = yes ]; then
    stop_daemon
    exit 0
fi

if [ $install = yes ]; then
    step "What building needs"
    packaging/install_build_needs.sh
fi
if [ $runtime = official ]; then
    step "The official libtorch"
    packaging/get_libtorch.sh build/deps
fi

if [ $build = yes ]; then
    step "Building (minutes the first time)"
    packaging/build.sh --preset "$preset" millrace torch_modules
fi
module=$folder/runtime/$runtime/libmillrace_torch.so
[ -x "$binary" ] || fail "there is no $binary: build it first"
[ -e "$module" ] || fail "there is no $module: build it first, with that libtorch"

[ $once = yes ] && trap 'stop_daemon' EXIT
step "Starting the daemon"
start_daemon
admin_key

step "Pushing two models"
for model in digits land_cover; do
    "$binary" model push $model tests/data/models/$model.pt tests/data/models/$model.manifest.json --data "$data"
done
"$binary" model list --data "$data"

step "Predicting, through the queue"
python3 packaging/show_predictions.py "$binary" "$data"

if [ $once = yes ]; then
    step "Stopping the daemon"
    exit 0
fi
step "Running"
echo "  web page   http://$listen/"
echo "  admin key  $(cat "$key_file")"
stop="packaging/run.sh --stop"
[ "$data" = "$PWD/build/run-data" ] || stop+=" --data $(printf %q "$data")"
echo "  stop       $stop"
echo "  command    $binary status --data $(printf %q "$data")"
