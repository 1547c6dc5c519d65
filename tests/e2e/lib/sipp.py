"""sipp as a caller: a scenario is put together step by step, written as XML and run."""
import os

from lib.case import Process
from lib import media

_HEAD = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "{name}" <sip:{name}@[local_ip]:[local_port]>;tag=[call_number]
Call-ID: [call_id]
Contact: <sip:{name}@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO
"""
_TO_FIRST = "To: <sip:[service]@[remote_ip]:[remote_port]>\n"


def sdp(*lines, version=1):
    """A session with these m= and a= lines."""
    return "\n".join(("v=0", f"o=u 1 {version} IN IP4 [local_ip]", "s=-", "c=IN IP4 [local_ip]",
                      "t=0 0") + lines) + "\n"


def audio(codec="pcmu", direction="sendrecv"):
    """The m= and a= lines of sound in one codec, at the port from which rtp_stream sends."""
    number, name = {"pcmu": (0, "PCMU"), "pcma": (8, "PCMA")}[codec]
    return (f"m=audio [rtpstream_audio_port] RTP/AVP {number}", f"a=rtpmap:{number} {name}/8000",
            f"a={direction}")


class Sipp:
    """One call. Steps are added in order, then start() runs it."""

    def __init__(self, case, server, room, name="sipp", transport="udp"):
        self.case, self.server, self.room, self.name = case, server, room, name
        self.transport = {"udp": "u1", "tcp": "t1"}[transport]
        self.folder = os.path.dirname(case.path(name, "scenario.xml"))
        self.process = None
        self._steps = []
        self._cseq = 0
        self._tests = 0

    # ---- steps ----

    def invite(self, body=None, expect=200, headers=()):
        """INVITE (a re-INVITE once the call stands), the answer, and the ACK with no body."""
        self.send_invite(body)
        self.expect(expect, headers)
        self.ack(in_dialog=expect == 200)

    def send_invite(self, body=None):
        """INVITE alone; provisional answers are taken as they come."""
        self._request("INVITE", body and "application/sdp", body)
        self._add('<recv response="100" optional="true"/>')
        self._add('<recv response="180" optional="true"/>')

    def expect(self, status, headers=()):
        """Waits for an answer. headers: (name, regular expression) that it must match; the name
        "" stands for the whole message."""
        checks = ['<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>']
        for name, expression in headers:
            self._tests += 1
            place = f'search_in="hdr" header="{name}:"' if name else 'search_in="msg"'
            checks.append(f'<ereg regexp="{expression}" {place} check_it="true" '
                          f'assign_to="t{self._tests}"/>')
        self._add(f'<recv response="{status}" rrs="true"><action>{"".join(checks)}</action></recv>')

    def expect_challenge(self, status):
        """Waits for a 401 or 407 that send_invite_with answers."""
        self._add(f'<recv response="{status}" auth="true"><action><ereg regexp=".*" '
                  'search_in="hdr" header="To:" assign_to="to"/></action></recv>')

    def send_invite_with(self, user, password, body):
        """The first INVITE again, with credentials (MD5)."""
        self._cseq += 1
        self._send("INVITE", self._cseq, "application/sdp", body, False, ' retrans="500"',
                   f"[authentication username={user} password={password}]\n")
        self._add('<recv response="100" optional="true"/>')
        self._add('<recv response="180" optional="true"/>')

    def ack(self, body=None, in_dialog=True):
        """ACK, with the answer after a delayed offer."""
        self._send("ACK", self._cseq, body and "application/sdp", body, in_dialog, "")

    def request(self, method, kind=None, body=None, expect=200, headers=()):
        """A request within the call and its answer."""
        self._request(method, kind, body)
        self.expect(expect, headers)

    def bye(self):
        """Hangs up."""
        self.request("BYE")

    def wait_bye(self, milliseconds=20000):
        """Waits until the server hangs up, and answers."""
        self._add(f'<recv request="BYE" timeout="{milliseconds}"/>')
        self._add('<send><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n'
                  '[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n\n]]></send>')

    def pause(self, seconds):
        """Waits; requests of the server meanwhile are not expected."""
        self._add(f'<pause milliseconds="{int(seconds * 1000)}"/>')

    def play(self, hz, codec="pcmu", amplitude=0.09):
        """Sends a tone from now on."""
        name = {"pcmu": "mulaw", "pcma": "alaw"}[codec]
        path = os.path.join(self.folder, f"{hz}.{name}")
        wav = os.path.join(self.folder, f"{hz}.wav")
        media.write_wav(wav, media.tone(hz, 8000, 4, amplitude), 8000)  # whole waves: it is looped
        media.ffmpeg("-i", wav, "-f", name, "-c:a", "pcm_" + name, path)
        number, rtp = {"pcmu": (0, "PCMU"), "pcma": (8, "PCMA")}[codec]
        self._add(f'<nop><action><exec rtp_stream="{path},-1,{number},{rtp}/8000"/></action></nop>')

    # ---- running ----

    def start(self, seconds=60):
        """Writes the scenario and runs it; it ends by itself after that many seconds."""
        path = os.path.join(self.folder, "scenario.xml")
        used = ",".join(["to"] + [f"t{i + 1}" for i in range(self._tests)])
        with open(path, "w", encoding="utf-8") as out:
            out.write("\n".join(['<?xml version="1.0" encoding="UTF-8"?>', '<scenario name="e2e">',
                                 *self._steps, f'<Reference variables="{used}"/>',
                                 "</scenario>\n"]))
        ports = self.server.ports
        self.process = Process(self.case, self.name, [
            "sipp", "-sf", path, f"127.0.0.1:{self.server.sip_port}", "-i", "127.0.0.1",
            "-mi", "127.0.0.1", "-p", str(ports.take(2)), "-mp", str(ports.take(8)),
            "-t", self.transport, "-s", self.room, "-m", "1",
            "-nostdin", "-timeout", str(seconds), "-timeout_error", "-recv_timeout", "20000",
            "-trace_err", "-error_file", self.case.path("log", self.name + ".err"),
            "-trace_msg", "-message_file", os.path.join(self.folder, "messages")],
            cwd=self.folder)

    def messages(self):
        """All SIP that it sent and received."""
        with open(os.path.join(self.folder, "messages"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def finish(self, seconds=60):
        """Waits for its end; the test fails when the call did not go as planned."""
        status = self.process.wait(seconds)
        self.case.check(status == 0, f"{self.name}: the call went as planned (status {status})")

    # ---- writing ----

    def _add(self, xml):
        self._steps.append(xml)

    def _request(self, method, kind, body):
        self._cseq += 1
        self._send(method, self._cseq, kind, body, self._cseq > 1, ' retrans="500"')

    def _send(self, method, cseq, kind, body, in_dialog, attributes, extra=""):
        target = "[next_url]" if in_dialog else "sip:[service]@[remote_ip]:[remote_port]"
        to = "To:[$to]\n" if in_dialog or method == "ACK" else _TO_FIRST
        text = (f"{method} {target} SIP/2.0\n" + _HEAD.format(name=self.name) + to
                + f"CSeq: {cseq} {method}\n" + extra + (f"Content-Type: {kind}\n" if kind else "")
                + f"Content-Length: {'[len]' if body else 0}\n\n" + (body or ""))
        self._add(f"<send{attributes}><![CDATA[\n{text}\n]]></send>")
