"""/api and /metrics answer to this machine alone, whatever HTTP listens on, unless http.api says all;
/healthz and the page answer to everybody. In a network namespace of its own, where another address of
the loopback interface stands for another machine."""
import subprocess
import sys

from lib import case

# Prints "path from status", a line for each question.
SCRIPT = r"""
ip link set lo up && ip addr add 10.9.8.7/32 dev lo && ip addr add 10.9.8.8/32 dev lo || exit 77
"$1" --set listen.address=127.0.0.1 --set listen.http_address="$2" --set http.api="$3" >/dev/null 2>&1 &
server=$!
for i in $(seq 100); do curl -s -o /dev/null "http://10.9.8.7:8080/healthz" && break; sleep 0.05; done
ask() { echo "$1 $2 $(curl -s -o /dev/null -w '%{http_code}' --interface "$2" $4 "http://$3:8080$1")"; }
for path in /metrics /api/v1/conferences /healthz /r/room; do
    ask $path 10.9.8.8 10.9.8.7
    ask $path 10.9.8.7 10.9.8.7
done
ask /metrics 127.0.0.1 127.0.0.1
ask /metrics 10.9.8.7 10.9.8.7 "-HHost:evil.example"
kill $server; wait $server
"""


def asked(c, address, who):
    done = subprocess.run(["unshare", "-n", "bash", "-c", SCRIPT, "ask", c.options.server, address,
                           who], stdout=subprocess.PIPE, timeout=60, check=False)
    if done.returncode == 77:
        print("skipped: no network namespace can be made here")
        sys.exit(case.SKIPPED)
    return [line.split() for line in done.stdout.decode().splitlines()]


def test(c):
    for address in ("0.0.0.0", "10.9.8.7"):
        answers = asked(c, address, "local")
        c.check(len(answers) == 10, f"listening on {address}: all questions were asked")
        for path, source, status in answers[:8]:
            foreign = source == "10.9.8.8" and path in ("/metrics", "/api/v1/conferences")
            want = "403" if foreign else "200"
            if address == "0.0.0.0" and source == "10.9.8.7":
                continue  # comes from an address that is not named: the next ones tell
            c.check(status == want, f"on {address}, {path} from {source}: {status}")
        c.check(answers[9][2] == "403", f"on {address}, by another name: {answers[9][2]}")
    c.check(asked(c, "0.0.0.0", "local")[8][2] == "200", "on 0.0.0.0, /metrics by loopback: 200")
    c.check(asked(c, "10.9.8.7", "all")[0][2] == "200", "http.api=all: everybody may ask")


case.main(test, clients=("curl", "unshare", "ip"))
