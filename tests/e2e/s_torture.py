"""SIP messages that are odd but right, and such that are wrong, over UDP and TCP, written after
RFC 4475 and RFC 5118: each gets what it deserves, the answer goes to where the request came
from (no Via makes the server connect, ask the DNS or write to a third party), and OPTIONS is
answered at once after it."""
import re
import select
import socket
import time

from lib import case, rawcall
from lib.server import Server

ANSWER_MS = 50
MALFORMED = "malformed"  # 400, or nothing where there is nobody to tell

# name, what replaces what in a good OPTIONS request, wished answers
ROWS = (
    ("good", (), (200,)),
    ("folded and spaced", (("To: ", "tO  :\r\n  "), ("CSeq: 1 ", "cseq:   0001\r\n\t")), (200,)),
    ("short names", (("Via:", "v:"), ("From:", "f:"), ("To:", "t:"), ("Call-ID:", "i:"),
                     ("Contact:", "m:"), ("Content-Length:", "l:")), (200,)),
    ("escaped user, parameters", (("OPTIONS sip:", "OPTIONS sip:%75ser;par=u%40x@"),), (200,)),
    ("unknown headers", (("Max-", "X-!.%*+_`'~: \xc3\xa9\r\nNewFangled: ;,,;,;\r\nMax-"),), (200,)),
    ("unknown method", (("OPTIONS ", "NEWMETHOD "), ("1 OPTIONS", "1 NEWMETHOD")), (405, 501)),
    ("unknown scheme", (("OPTIONS sip:", "OPTIONS nobodyKnows:"),), (416,)),
    ("unknown extension wanted", (("Max-", "Require: nothingSupportsThis\r\nMax-"),), (420,)),
    ("SIP/7.0", (("SIP/2.0\r\n", "SIP/7.0\r\n"), ("SIP/2.0/", "SIP/7.0/")), (505,)),
    ("target without brackets", (("OPTIONS sip:127.0.0.1", "OPTIONS sip:2001:db8::10"),), (400,)),
    ("target in angle brackets", (("OPTIONS sip:", "OPTIONS <sip:"), (" SIP/2.0\r\n",
                                                                    "> SIP/2.0\r\n")), (400,)),
    ("blanks in the target", (("OPTIONS sip:", "OPTIONS sip:user@ x;p= y "),), MALFORMED),
    ("wrong method in CSeq", (("1 OPTIONS", "1 INVITE"),), (400,)),
    ("huge CSeq", (("CSeq: 1 ", "CSeq: 36893488147419103232 "),), MALFORMED),
    ("negative length", (("Content-Length: 0", "Content-Length: -999"),), (400,)),
    ("quote without end", (("To: <", "To: \"Mr. J. User <"),), (400,)),
    ("two Call-IDs of two", (("CSeq:", "Call-ID: another@here\r\nCSeq: 2 OPTIONS\r\nCSeq:"),),
     (400,)),
    ("no From", (("From:", "X-From:"),), (400,)),
    ("Via of another transport", (("SIP/2.0/UDP", "SIP/2.0/SCTP"),), (200,)),
    ("Via of TCP", (("SIP/2.0/UDP", "SIP/2.0/TCP"),), (200,)),
    ("Via with maddr", ((";branch", ";maddr=no-such-host.invalid;branch"),), (200,)),
    ("Via that names another as received", ((";branch", ";received=127.0.0.99;branch"),), (200,)),
)


def message(server, transport, own, changes):
    text = rawcall.request("OPTIONS", f"sip:127.0.0.1:{server.sip_port}", own, transport=transport)
    for old, new in changes:
        if old not in text and not old.startswith("SIP/2.0/"):
            raise AssertionError(old)
        text = text.replace(old, new, 1)
    return text.encode("latin1")


def statuses(data):
    return [int(s) for s in re.findall(r"(?m)^SIP/2.0 (\d{3}) ", data.decode("latin1"))]


def over_udp(server, changes, seconds):
    """Final answers where the request came from; an attempt to connect counts as 999."""
    with socket.socket() as door, rawcall.bind() as s:
        own = s.getsockname()[1]
        door.bind(("127.0.0.1", own))
        door.listen(1)
        s.sendto(message(server, "UDP", own, changes), ("127.0.0.1", server.sip_port))
        got, end = [], time.monotonic() + seconds
        while not got and time.monotonic() < end:
            for ready in select.select([s, door], [], [], 0.05)[0]:
                got += [999] if ready is door else statuses(s.recv(65536))
        return got


def over_tcp(server, changes, seconds):
    """The same on a connection."""
    with socket.create_connection(("127.0.0.1", server.sip_port)) as s:
        s.settimeout(seconds)
        s.sendall(message(server, "TCP", s.getsockname()[1], changes))
        try:
            return statuses(s.recv(65536))
        except OSError:
            return []


def answer_ms(server):
    """How long OPTIONS takes."""
    start = time.monotonic()
    answer = server.options(2)
    return (time.monotonic() - start) * 1000 if answer.startswith("SIP/2.0 200") else 9999


def test(c):
    server = Server(c)
    wrong = []
    for name, changes, wished in ROWS:
        for transport, ask in (("UDP", over_udp), ("TCP", over_tcp)):
            got = ask(server, changes, 1 if wished != MALFORMED else 0.3)
            took = min(answer_ms(server), answer_ms(server))  # the machine is not ours alone
            good = (got in ([], [400]) if wished == MALFORMED else
                    bool(got) and got[0] in wished) and took < ANSWER_MS
            c.say(f"{name} over {transport}: {got}, wished {wished}; OPTIONS in {took:.1f} ms"
                  + ("" if good else "  WRONG"))
            if not good:
                wrong.append(f"{name} over {transport}")
    c.check(not wrong, f"{2 * len(ROWS) - len(wrong)} of {2 * len(ROWS)} as wished (not: {wrong})")


case.main(test, clients=())
