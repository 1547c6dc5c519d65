#!/bin/sh
# run.sh SIP_ECHO SCENARIO.xml ROOM u1|t1 [LINE...]; SIP_ECHO_ARGS: of the server
# Runs a sipp scenario against a server of its own. Passes when sipp does, when the server's log
# holds every LINE in this order, and when the server ends by itself with no call left.
set -eu
echo_server=$1 scenario=$2 room=$3 transport=$4
shift 4
dir=$(mktemp -d)
"$echo_server" ${SIP_ECHO_ARGS:-} >"$dir/log" 2>"$dir/errors" &
server=$!
trap 'kill "$server" 2>/dev/null || :; rm -rf "$dir"' EXIT
for _ in $(seq 100); do
    grep -q listening "$dir/log" && break
    sleep 0.1
done
port=$(sed -n 's/^listening //p' "$dir/log")
own=$((10000 + $$ % 20000)) # below the kernel's own choices, and another one for each test
status=0
(cd "$dir" && sipp -sf "$scenario" "127.0.0.1:$port" -i 127.0.0.1 -p "$own" -t "$transport" -s "$room" -m 1 \
    -nostdin -timeout 58 -timeout_error -recv_timeout 57000 -trace_err -error_file sipp.err \
    -trace_msg -message_file sipp.msg >sipp.out 2>&1) || status=$?
kill -TERM "$server"
wait "$server" || status=$?
at=0
for line in "$@"; do
    found=$(grep -nF -- "$line" "$dir/log" | cut -d: -f1 | awk -v at="$at" '$1 > at' | head -1)
    if [ -z "$found" ]; then
        echo "missing after line $at of the server's log: $line"
        status=1
    else
        at=$found
    fi
done
if [ "$status" != 0 ]; then
    echo "--- status $status; server:"
    cat "$dir/log" "$dir/errors"
    echo "--- sipp:"
    cat "$dir/sipp.err" 2>/dev/null || tail -20 "$dir/sipp.out"
    tail -60 "$dir/sipp.msg" 2>/dev/null || :
fi
exit "$status"
