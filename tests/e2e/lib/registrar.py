"""A provider's registrar over UDP: it challenges REGISTER, checks the digest, grants what it likes, and
keeps what came. It can fall silent."""
import hashlib
import re
import socket
import threading

from lib.digest import Message

_HASH = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}


class Registrar:
    """One address of a provider. realms: of the challenges, in one answer each; the user's password is
    checked in the last one."""

    def __init__(self, case, user, password, realms, expires=4, algorithm="MD5", port=0):
        self.user, self.password, self.realms = user, password, realms
        self.expires, self.algorithm = expires, algorithm
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.silent = False
        self.requests = []  # every REGISTER that came
        self.contact = None  # of the registration that holds
        self.wrong = []  # what a good client would not do
        self._running = True
        self.socket.settimeout(0.1)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        case.cleanup(self.close)

    def close(self):
        """It is gone."""
        self._running = False
        self._thread.join(2)
        self.socket.close()

    def _serve(self):
        while self._running:
            try:
                data, source = self.socket.recvfrom(65536)
            except OSError:
                continue
            message = Message(data.decode(errors="replace"))
            if message.first.startswith("REGISTER "):
                self.requests.append(message)
                if not self.silent:
                    self._take(message, source)

    def _take(self, message, source):
        given = message.get("Authorization")
        if not given:
            self._answer(message, source, "401 Unauthorized", [
                f'WWW-Authenticate: Digest realm="{realm}", nonce="n{i}", qop="auth", '
                f'algorithm={self.algorithm}' for i, realm in enumerate(self.realms)])
            return
        fields = dict((k, q or t) for k, q, t in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', given))
        challenge = {"realm": self.realms[-1], "nonce": f"n{len(self.realms) - 1}"}
        want = self._response(challenge, fields)
        if fields.get("realm") != self.realms[-1] or fields.get("response") != want:
            self.wrong.append(given)
            self._answer(message, source, "403 Forbidden")
            return
        contact = message.get("Contact")
        if message.get("Expires") == "0":
            self.contact = None
            self._answer(message, source, "200 OK")
            return
        self.contact = re.search(r"<([^>]*)>", contact).group(1)
        self._answer(message, source, "200 OK", [f"Contact: <{self.contact}>;expires={self.expires}"])

    def _response(self, challenge, fields):
        def digest(text):
            return _HASH[self.algorithm](text.encode()).hexdigest()
        first = digest(f"{self.user}:{challenge['realm']}:{self.password}")
        return digest(f"{first}:{challenge['nonce']}:{fields.get('nc')}:{fields.get('cnonce')}:auth:"
                      + digest(f"REGISTER:{fields.get('uri')}"))

    def _answer(self, request, source, status, headers=()):
        copied = "".join(f"{n}:{v}\r\n" for n, v in request.headers
                         if n.lower() in ("via", "from", "call-id", "cseq"))
        more = "".join(h + "\r\n" for h in headers)
        text = (f"SIP/2.0 {status}\r\n{copied}To: {request.get('To')};tag=reg\r\n{more}"
                "Content-Length: 0\r\n\r\n")
        self.socket.sendto(text.encode(), source)

    def cseqs(self):
        """The numbers of what came, in order."""
        return [int(m.get("CSeq").split()[0]) for m in self.requests]
