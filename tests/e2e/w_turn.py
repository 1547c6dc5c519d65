"""An ICE agent that may use nothing but its relay connects through coturn, over UDP and TCP; data
of all sizes crosses both ways, and the relay is given back to the server at the end. A wrong
password gives no relay and does no harm."""
import os
import re
import socket

from lib import case, ports
from lib.case import Process

_USER, _PASSWORD = "tessera", "only-for-this-test"


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def pair(c, name, port, password, *more):
    program = os.path.join(os.path.dirname(c.options.peer), "mcu_ice_pair")
    process = Process(c, name, [program, "127.0.0.1", str(port), _USER, password, *more])
    return process.wait(60), process.log()


def test(c):
    port, relays = ports.Ports().take(2), ports.block()
    turn = Process(c, "turnserver", [
        "turnserver", "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1",
        f"--listening-port={port}", f"--min-port={relays}", f"--max-port={relays + 399}",
        f"--user={_USER}:{_PASSWORD}", "--realm=test", "--lt-cred-mech", "--no-tls", "--no-dtls",
        "--no-cli", "--allow-loopback-peers", "--log-file=stdout", "--verbose",
        f"--pidfile={c.path('turn.pid')}", f"--userdb={c.path('turn.db')}"])
    c.wait_for(lambda: answers(port), 10, "coturn listens")
    for transport in ("udp", "tcp"):
        status, log = pair(c, transport, port, _PASSWORD, *(["tcp"] if transport == "tcp" else []))
        c.check(status == 0 and "relayed: ok" in log, f"relayed by TURN over {transport}:\n{log}")
        ended = c.wait_for(lambda: re.findall(r"(?:delete|lifetime=0|closed)", turn.log()), 5,
                           "coturn was told that the relay is free")
        c.say(f"{len(ended)} lines of coturn tell of ends")
    status, log = pair(c, "wrong", port, "another-password")
    c.check(status == 1 and "typ relay" not in log, f"no relay without the password:\n{log}")
    c.check(turn.child.poll() is None, "coturn still runs")


case.main(test, clients=("turnserver",))
