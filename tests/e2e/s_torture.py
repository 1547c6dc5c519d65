"""SIP messages that are odd but right, and such that are wrong, over UDP, TCP and TLS, written after
RFC 4475 and RFC 5118: each gets what it deserves, the answer goes to where the request came
from (no Via makes the server connect, ask the DNS or write to a third party), and OPTIONS is
answered at once after it.

Where TESSERA_SIP_TORTURE names a file with the RFCs' own messages (JSON: rows of name, section,
class, wished codes, message in base64), these are sent too, and 59 of 61 must get what is wished."""
import base64
import json
import os
import re
import select
import socket
import time

from lib import case, rawcall, tls
from lib.server import Server

ANSWER_MS = 50
WISHED_OF_61 = 59
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
    ("unreadable To, Via of TCP with a name",
     (("To: <", "To: \"Mr. J. User <"), ("SIP/2.0/UDP 127.0.0.1", "SIP/2.0/TCP a.invalid"),
      (";branch", ";rport;branch")), (400,)),
    ("SIP/7.0, Via with a name",
     (("SIP/2.0\r\n", "SIP/7.0\r\n"), ("SIP/2.0/UDP 127.0.0.1", "SIP/2.0/UDP a.invalid"),
      (";branch", ";rport;branch")), (505,)),
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


def over_udp(server, make, seconds):
    """Final answers where the request came from; an attempt to connect counts as 999."""
    with socket.socket() as door, rawcall.bind() as s:
        own = s.getsockname()[1]
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("127.0.0.1", own))
        door.listen(1)
        s.sendto(make("UDP", own), ("127.0.0.1", server.sip_port))
        got, end = [], time.monotonic() + seconds
        while not got and time.monotonic() < end:
            for ready in select.select([s, door], [], [], 0.05)[0]:
                got += [999] if ready is door else statuses(s.recv(65536))
            got = [status for status in got if status >= 200]
        return got


def over_tcp(server, make, seconds):
    """The same on a connection."""
    with socket.create_connection(("127.0.0.1", server.sip_port)) as s:
        return tls.final(s, make("TCP", s.getsockname()[1]), seconds)


def over_tls(server, make, seconds):
    """The same on one of TLS."""
    with tls.Line(server.tls_port) as line:
        return line.ask(make("TLS", line.own), seconds)


WAYS = (("UDP", over_udp), ("TCP", over_tcp), ("TLS", over_tls))


def answer_ms(server):
    """How long OPTIONS takes."""
    start = time.monotonic()
    answer = server.options(2)
    return (time.monotonic() - start) * 1000 if answer.startswith("SIP/2.0 200") else 9999


def judge_rows(c, server):
    """Our own messages."""
    wrong = []
    for name, changes, wished in ROWS:
        for transport, ask in WAYS:
            got = ask(server, lambda way, own, what=changes: message(server, way, own, what),
                      1 if wished != MALFORMED else 0.3)
            took = min(answer_ms(server), answer_ms(server))  # the machine is not ours alone
            good = (got in ([], [400]) if wished == MALFORMED else
                    bool(got) and got[0] in wished) and took < ANSWER_MS
            if not good:
                c.say(f"{name} over {transport}: {got}, wished {wished}; OPTIONS in {took:.1f} ms")
                wrong.append(f"{name} over {transport}")
    count = len(WAYS) * len(ROWS)
    c.check(not wrong, f"{count - len(wrong)} of {count} as wished (not: {wrong})")


# What a class of the RFCs' messages wishes of the first final answer (None: there was none).
CLASSES = {
    "accept": lambda got, codes: got in codes or got not in (None, 400, 500),
    "reject": lambda got, codes: got is None or 400 <= got < 700,
    "code": lambda got, codes: got in codes,
    "ignore": lambda got, codes: got is None,
    "any": lambda got, codes: got != 999,
}


_SENT_BY = rb"(?im)^(?:via|v)\s*:\s*SIP\s*/\s*[\d.]+\s*/\s*\w+\s+(\[[^\]]*\](?::\d+)?|[^\s;,]+)"


def as_sent(text, way):
    """The RFC's message; over UDP its first Via asks for the answer where it comes from (RFC 3581).
    Several share a branch and a Call-ID: each gets its own, or it would be another's repetition."""
    own = b"%d-%s" % (time.monotonic_ns(), way.encode())
    data = base64.b64decode(text).replace(b"as3-111", b"as3-" + own).replace(b"hlau_", b"h" + own)
    found = re.search(_SENT_BY, data)
    return data[:found.end()] + b";rport" + data[found.end():] if way == "UDP" and found else data


def judge_rfcs(c, server, path):
    """The RFCs' own: alive and answering after each, and the wished outcome."""
    with open(path, encoding="utf-8") as rows:
        data = json.load(rows)
    rows = data["rfc4475"] + data["rfc5118"]
    for transport, ask in WAYS:
        wrong, slowest = [], 0
        for name, _, kind, codes, text in rows:
            got = ask(server, lambda way, own, what=text: as_sent(what, way), 0.25)
            slowest = max(slowest, min(answer_ms(server), answer_ms(server)))
            if not CLASSES[kind](got[0] if got else None, codes):
                wrong.append(f"{name} ({kind}): {got}")
        c.check(slowest < ANSWER_MS, f"{transport}: OPTIONS after each within {slowest:.1f} ms")
        c.check(len(rows) - len(wrong) >= WISHED_OF_61 * len(rows) / 61,
                f"{transport}: {len(rows) - len(wrong)} of {len(rows)} as wished (not: {wrong})")


def test(c):
    port, settings = tls.settings(*tls.make(c, "torture", "ec"))
    server = Server(c, *settings, tls_port=port)
    judge_rows(c, server)
    path = os.environ.get("TESSERA_SIP_TORTURE")
    if path:
        judge_rfcs(c, server, path)
    c.check(server.stop() == 0, "it stops as it should")


case.main(test, clients=("openssl",))
