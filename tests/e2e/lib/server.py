"""The server under test: started with --set on loopback, asked through HTTP, ended by its pid."""
import json
import signal
import socket
import urllib.error
import urllib.request

from lib.case import Failure, Process
from lib.ports import Ports, block

_OPTIONS = """OPTIONS sip:127.0.0.1:{port} SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK-e2e-{own}-{n}
From: <sip:probe@127.0.0.1>;tag=probe
To: <sip:127.0.0.1:{port}>
Call-ID: probe-{own}-{n}
CSeq: 1 OPTIONS
Max-Forwards: 70
Content-Length: 0

"""


class Server:
    """tessera with ports of its own. Further settings are "section.key=value"."""

    def __init__(self, case, *settings, config_file=None):
        self.case = case
        self.ports = Ports()
        self.sip_port = self.ports.take(4)
        self.http_port = self.ports.take(2)
        self.rtp_first = rtp = block()
        chosen = [f"listen.sip_port={self.sip_port}", f"listen.http_port={self.http_port}",
                  f"listen.rtp_first={rtp}", f"listen.rtp_last={rtp + 399}",
                  f"media.loops={case.options.loops}", *case.options.set, *settings]
        command = [case.options.server] + [part for s in chosen for part in ("--set", s)]
        if config_file:
            command += ["--config", config_file]
        self.process = Process(case, "server", command)
        self._wait_until_it_answers()

    def _wait_until_it_answers(self):
        def answers():
            if self.process.child.poll() is not None:
                raise Failure("the server ended at its start:\n" + self.process.log())
            return self.options().startswith(("SIP/2.0 200", "SIP/2.0 401"))
        self.case.wait_for(answers, 10, "an answer to OPTIONS")

    def options(self, timeout=0.3):
        """The server's answer to an OPTIONS request outside a call, or ''."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            s.settimeout(timeout)
            own = s.getsockname()[1]
            text = _OPTIONS.format(port=self.sip_port, own=own, n=id(s) & 0xffff)
            s.sendto(text.replace("\n", "\r\n").encode(), ("127.0.0.1", self.sip_port))
            try:
                return s.recv(65536).decode(errors="replace")
            except OSError:
                return ""

    def uri(self, room):
        """The address to call for a room."""
        return f"sip:{room}@127.0.0.1:{self.sip_port}"

    def http(self, path, body=None):
        """(status, text) of a GET, or of a POST when there is a body."""
        url = f"http://127.0.0.1:{self.http_port}{path}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def api(self, path):
        """The JSON of /api/v1/PATH."""
        status, text = self.http("/api/v1/" + path)
        if status != 200:
            raise Failure(f"GET /api/v1/{path}: {status} {text[:200]}")
        return json.loads(text)

    def conference(self, room):
        """What the API shows of a conference, or None when there is none of that name."""
        return next((c for c in self.api("conferences")["conferences"] if c["name"] == room), None)

    def participants(self, room):
        """Those of a conference, in the order in which they joined; [] when there is none."""
        found = self.conference(room)
        return found["participants"] if found else []

    def events(self, kind=None):
        """The newest events, of one type when it is given."""
        return [e for e in self.api("events")["events"] if kind in (None, e["type"])]

    def metrics(self):
        """/metrics as {name{labels}: value}."""
        values = {}
        for line in self.http("/metrics")[1].splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values

    def stop(self, seconds=5):
        """SIGTERM, and the exit status; fails when it takes longer."""
        self.process.signal(signal.SIGTERM)
        return self.process.wait(seconds)
