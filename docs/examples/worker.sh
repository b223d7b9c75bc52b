#!/bin/bash
# A worker for an external queue: MILLRACE_KEY=mr_… worker.sh QUEUE; MILLRACE_URL and LEASE_SECONDS where they differ.
# Needs curl and jq.
set -um -o pipefail # -m: what it starts is a process group of its own, which can be ended as a whole

queue=${1:?usage: worker.sh QUEUE}
url=${MILLRACE_URL:-http://127.0.0.1:7878} lease=${LEASE_SECONDS:-30}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'stopping=yes' TERM # ends it after its present job
printf 'Authorization: Bearer %s\nContent-Type: application/json\n' "${MILLRACE_KEY:?}" >"$folder/headers" # ps shows arguments

progress() { echo "{\"progress_percent\": $1}" >"$folder/told.new" && mv "$folder/told.new" "$folder/told"; }

# Replace this: the payload is on standard input, the result goes to standard output, complaints to standard error.
# Exit status 65 says that the input is at fault, so that it is not tried again; any other but 0 that it may be.
work() {
    local payload count number=0; payload=$(cat)
    count=$(jq -e '.lines | length | if . == 0 then null else . end' <<<"$payload") || return 65
    jq -r '.lines[]' <<<"$payload" | while read -r line; do
        progress $((100 * number++ / count))
        sleep "$(jq '.seconds // 0' <<<"$payload")"
        echo "${line^^}"
    done | jq -Rn '{lines: [inputs]}'
}

# PATH, with the body on standard input. Prints the answer; status 1 with 409: the job is no longer ours. Tries again
# while the daemon is away or has no room.
call() {
    local status answer=$folder/answer.$BASHPID body; body=$(cat)
    while :; do
        status=$(curl -s --max-time 60 -H "@$folder/headers" --data-binary @- -o "$answer" -w '%{http_code}' "$url/api/v1/$1" <<<"$body")
        case $status in
            200) cat "$answer"; return ;;
            000 | 429 | 503 | 507) sleep 1; if [[ $1 = queues/* ]]; then echo '{}'; return; fi ;; # asked for again, unless it ends
            *) jq -r .detail "$answer" >&2; return 1 ;;
        esac
    done
}

attempt() { # LEASE_TOKEN PAYLOAD
    local worker keeper status=143
    progress 0
    { work <<<"$2" >"$folder/result" 2>"$folder/errors"; echo $? >"$folder/status"; } & worker=$!
    while sleep "$(jq -n "$lease / 3")"; do
        call "leases/$1/heartbeat" <"$folder/told" >/dev/null || { kill -- "-$worker"; break; } # cancelled, or out of time
    done & keeper=$!
    while kill -0 "$worker" 2>/dev/null; do wait "$worker"; done
    kill -- "-$keeper" 2>/dev/null
    [ -e "$folder/status" ] && status=$(cat "$folder/status") && rm "$folder/status"
    if [ "$status" = 0 ]; then jq '{result: .}' "$folder/result" | call "leases/$1/complete"
    else jq -Rs "{error: (. + \"exit status $status\"), retryable: ($status != 65)}" "$folder/errors" | call "leases/$1/fail"; fi
}

until [ -n "${stopping:-}" ]; do
    taken=$(jq -n --arg name "$(uname -n)/$$" "{worker: \$name, max: 1, wait_seconds: ([$lease, 20] | min), lease_seconds: $lease}" |
        call "queues/$queue/leases") || exit 1
    token=$(jq -r '.data[0].lease_token // empty' <<<"$taken")
    if [ -n "$token" ]; then attempt "$token" "$(jq -c '.data[0].job.payload' <<<"$taken")" >/dev/null; fi
done
