"""Fifty calls a second by sipp, in three rounds: none fails, descriptors come back, and the
third round needs no more memory than the second. --full: rounds of a minute with 40 s of rest,
longer than the stack remembers a transaction."""
import os
import re
import sys
import time

from lib import case
from lib.server import Server

FULL = "--full" in sys.argv
sys.argv = [a for a in sys.argv if a != "--full"]
RATE, ROUND_S, REST_S = 50, 60 if FULL else 5, 40 if FULL else 4
GROWTH_KB = 1024 if FULL else 6 * 1024  # short rest: its transactions are still there


def usage(server):
    """(memory in kB, descriptors) of the server."""
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        rss = int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))
    return rss, len(os.listdir(f"/proc/{server.process.pid}/fd"))


def calls(c, server, number):
    """One round."""
    name = f"round{number}"
    process = case.Process(c, name, [
        "sipp", "-sn", "uac", f"127.0.0.1:{server.sip_port}", "-i", "127.0.0.1", "-s", "rush",
        "-p", str(server.ports.take(2)), "-mp", str(server.ports.take(8)), "-r", str(RATE),
        "-m", str(RATE * ROUND_S), "-d", "500", "-nostdin", "-timeout", str(ROUND_S + 20),
        "-timeout_error", "-trace_err", "-error_file", c.path("log", name + ".err")],
        cwd=os.path.dirname(c.path(name, "x")))
    status = process.wait(ROUND_S + 30)
    c.check(status == 0, f"{name}: {RATE * ROUND_S} calls, status {status}")


def test(c):
    server = Server(c, "listen.rtp_first=33000", "listen.rtp_last=49999")  # ports rest after a call
    before = usage(server)
    seen = [before]
    for number in (1, 2, 3):
        calls(c, server, number)
        c.wait_for(lambda: not server.api("conferences")["conferences"], 5, "all are gone")
        time.sleep(REST_S)
        seen.append(usage(server))
        c.say(f"after round {number}: {seen[-1][0]} kB, {seen[-1][1]} descriptors")
    c.check(seen[3][1] <= before[1] + 2, f"descriptors: {before[1]}, then {seen[3][1]}")
    c.say(f"load {os.getloadavg()[0]:.1f}")
    c.check(seen[3][0] - seen[2][0] <= GROWTH_KB, f"memory after each round: "
            f"{', '.join(str(rss) for rss, _ in seen)} kB")
    c.check(server.stop() == 0, "it stops as it should")


case.main(test, clients=("sipp",))
