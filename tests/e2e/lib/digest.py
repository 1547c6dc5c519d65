"""A SIP user agent over UDP that knows digests: for what no real client would do."""
import hashlib
import re
import socket
import uuid

from lib.case import Failure

_HASH = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}
SDP = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        "m=audio 9000 RTP/AVP 0\r\n")


class Message:
    """One SIP message: its first line, status (0 for a request), headers and body."""

    def __init__(self, text):
        self.text = text
        head, _, self.body = text.partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.first = lines[0]
        self.status = int(lines[0].split()[1]) if lines[0].startswith("SIP/") else 0
        self.headers = [line.split(":", 1) for line in lines[1:]]

    def all(self, name):
        """Every value of a header, in order."""
        return [v.strip() for n, v in self.headers if n.strip().lower() == name.lower()]

    def get(self, name):
        """The first value of a header, or ''."""
        return (self.all(name) or [""])[0]

    def challenges(self):
        """[{parameter: value}] of the WWW-Authenticate headers."""
        return [dict((k.lower(), q or t) for k, q, t in
                     re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', v))
                for v in self.all("WWW-Authenticate")]


def credentials(challenge, user, password, method, uri, count=1):
    """The Authorization value that answers a challenge."""
    def digest(text):
        return _HASH[challenge["algorithm"]](text.encode()).hexdigest()
    first = digest(f"{user}:{challenge['realm']}:{password}")
    response = digest(f"{first}:{challenge['nonce']}:{count:08x}:abc:auth:{digest(method + ':' + uri)}")
    return (f'Digest username="{user}", realm="{challenge["realm"]}", nonce="{challenge["nonce"]}", '
            f'uri="{uri}", response="{response}", algorithm={challenge["algorithm"]}, '
            f'cnonce="abc", qop=auth, nc={count:08x}')


class Agent:
    """One UDP socket that sends requests and reads what comes back."""

    def __init__(self, case, port, address="127.0.0.1"):
        self.port = port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.settimeout(3)
        self.address, self.own = self.socket.getsockname()
        case.cleanup(self.socket.close)
        self.dialog()

    def dialog(self):
        """What is sent from now on belongs to another call."""
        self.call_id, self.cseq, self.to_tag = uuid.uuid4().hex, 0, ""

    def send(self, method, room="room", headers=(), body=None, cseq=None):
        """Sends a request; ACK and CANCEL take the number of the one before."""
        if method not in ("ACK", "CANCEL") and cseq is None:
            self.cseq += 1
            self.branch = uuid.uuid4().hex
        me = f"{self.address}:{self.own}"
        text = "\r\n".join([
            f"{method} sip:{room}@127.0.0.1:{self.port} SIP/2.0",
            f"Via: SIP/2.0/UDP {me};branch=z9hG4bK{self.branch};rport",
            f"From: <sip:agent@{me}>;tag=a{self.call_id[:8]}",
            f"To: <sip:{room}@127.0.0.1:{self.port}>" + self.to_tag,
            f"Call-ID: {self.call_id}", f"CSeq: {cseq or self.cseq} {method}", "Max-Forwards: 70",
            *([] if any(h.startswith("Contact:") for h in headers) else [f"Contact: <sip:agent@{me}>"]),
            *headers, *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body or '')}", "", body or ""])
        self.socket.sendto(text.encode(), ("127.0.0.1", self.port))

    def answer(self, request, status, body=""):
        """Answers a request; more headers may follow the status, on lines of their own."""
        copied = "".join(f"{n}:{v}\r\n" for n, v in request.headers
                         if n.lower() in ("via", "from", "call-id", "cseq"))
        kind = "Content-Type: application/sdp\r\n" if body else ""
        text = (f"SIP/2.0 {status}\r\n{copied}To: {request.get('To')};tag=phone\r\n"
                f"Contact: <sip:phone@{self.address}:{self.own}>\r\n{kind}"
                f"Content-Length: {len(body)}\r\n\r\n{body}")
        self.socket.sendto(text.encode(), ("127.0.0.1", self.port))

    def receive(self):
        """The next message; fails when none comes within 3 s."""
        try:
            return Message(self.socket.recv(65536).decode(errors="replace"))
        except OSError:
            raise Failure("no answer within 3 s") from None

    def final(self):
        """The next final answer to the last request."""
        while True:
            message = self.receive()
            if message.status >= 200 and message.get("CSeq").split()[0] == str(self.cseq):
                return message

    def ask(self, method, room="room", headers=(), body=None):
        """A request and its final answer; one that refuses an INVITE is acknowledged."""
        self.send(method, room, headers, body)
        answer = self.final()
        if method == "INVITE":
            tag, self.to_tag = self.to_tag, ";tag=" + answer.get("To").split("tag=")[-1]
            self.send("ACK", room)
            if answer.status >= 300:
                self.to_tag = tag
        if method == "BYE":
            self.dialog()
        return answer

    def invite(self, headers=(), room="room"):
        """A call with sound."""
        return self.ask("INVITE", room, headers, SDP)

    def login(self, method, user, password, room="room", algorithm="SHA-256", headers=(), body=None):
        """A request, and the same with credentials after its challenge."""
        challenge = next(c for c in self.ask(method, room, headers, body).challenges()
                         if c["algorithm"] == algorithm)
        uri = f"sip:{room}@127.0.0.1:{self.port}"
        value = credentials(challenge, user, password, method, uri)
        return self.ask(method, room, [*headers, "Authorization: " + value], body)

    def call(self, user, password, algorithm="SHA-256", room="room"):
        """A call with a password."""
        return self.login("INVITE", user, password, room, algorithm, body=SDP)
