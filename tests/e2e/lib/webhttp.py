"""WHIP and WHEP requests by hand, and the offers of tests/unit/data/sdp/web."""
import glob
import http.client
import os
import re

_OFFERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "unit", "data",
                       "sdp", "web")
SDP = "application/sdp"
FRAG = "application/trickle-ice-sdpfrag"


class Answer:
    """What came back. Header fields that stand there twice are joined, as HTTP allows."""

    def __init__(self, response):
        self.status = response.status
        self.text = response.read().decode()
        self.headers = response.headers

    def header(self, name):
        """One header field, or ''."""
        return ", ".join(self.headers.get_all(name) or [])


def request(server, method, path, body=None, **headers):
    """One request on a connection of its own; If_Match stands for If-Match."""
    connection = http.client.HTTPConnection(server.address, server.http_port, timeout=15)
    try:
        connection.request(method, path, body,
                           {k.replace("_", "-"): v for k, v in headers.items()})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def post(server, path, sdp, **headers):
    """An offer."""
    return request(server, "POST", path, sdp, Content_Type=SDP, **headers)


def patch(server, path, frag, **headers):
    """Candidates, or a restart."""
    return request(server, "PATCH", path, frag, Content_Type=FRAG, **headers)


def offers():
    """{name: SDP} of real clients."""
    found = {}
    for path in sorted(glob.glob(os.path.join(_OFFERS, "*.offer"))):
        with open(path, encoding="utf-8", newline="") as f:
            found[os.path.basename(path)[:-len(".offer")]] = f.read()
    return found


def credentials(sdp):
    """(ufrag, pwd) of a description or fragment."""
    return (re.search(r"a=ice-ufrag:(\S+)", sdp).group(1),
            re.search(r"a=ice-pwd:(\S+)", sdp).group(1))


def fragment(ufrag, pwd, *candidates, end=False):
    """RFC 8840 section 9, in the form of RFC 9725 section 4.3.1."""
    lines = [f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{pwd}", "m=audio 9 RTP/AVP 0", "a=mid:0",
             *(f"a={c}" for c in candidates), *(["a=end-of-candidates"] if end else [])]
    return "".join(line + "\r\n" for line in lines)
