"""Callers for the rows of tests/bench: signalling here, packets by bench_load (tests/bench/load).

    with Bench() as bench:                     a server and a load program of their own
        bench.sound("voice", "opus", ...)      what will be sent, coded before anything is measured
        calls = bench.call(50, "room", audio="opus", clip="voice")
        report = bench.measure(8)              processor time, and what came

All callers share one SIP port and one RTP port: the server has a socket for each call, as always."""
import base64
import os
import random
import re
import select
import socket
import subprocess
import time

import common
import json
import meeting
import ports

SPEECH = "/usr/share/asterisk/sounds/en_US_f_Allison"
CODECS = {"opus": (111, "opus/48000/2"), "pcmu": (0, "PCMU/8000"), "pcma": (8, "PCMA/8000"),
          "vp8": (96, "VP8/90000"), "h264": (97, "H264/90000")}
FMTP = {"h264": "profile-level-id=42e01f;packetization-mode=1"}
SUITES = {"cm": ("AES_CM_128_HMAC_SHA1_80", 30), "gcm": ("AEAD_AES_128_GCM", 28)} # bytes of key and salt
AT_ONCE = 20       # INVITEs that wait for their answer
JOIN_S = 20        # for all of them


def speech():
    """Half a minute and more of a reader's voice, raw, 48 kHz; made once."""
    path = os.path.join(common.FOLDER, "speech.raw")
    if not os.path.exists(path):
        names = ("demo-congrats", "demo-instruct", "vm-options", "demo-thanks")
        files = [f"{SPEECH}/{n}.wav" for n in names if os.path.exists(f"{SPEECH}/{n}.wav")]
        inputs = [part for f in files for part in ("-i", f)]
        join = "".join(f"[{i}]" for i in range(len(files))) + f"concat=n={len(files)}:v=0:a=1"
        subprocess.run(["ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex",
                        join + ",silenceremove=stop_periods=-1:stop_duration=0.25:stop_threshold=-45dB",
                        "-ar", "48000", "-ac", "1", "-f", "s16le", path + ".part"], check=True)
        os.rename(path + ".part", path)
    return path


def pictures(width, height):
    """The clip of scripts/bench in another size, raw; made once."""
    path = os.path.join(common.FOLDER, f"clip-{width}x{height}.yuv")
    if (width, height) == (1280, 720):
        return common.make_clip()
    if not os.path.exists(path):
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-s", "1280x720", "-i",
                        common.make_clip(), "-vf", f"scale={width}:{height}:flags=area", "-f",
                        "rawvideo", path + ".part"], check=True)
        os.rename(path + ".part", path)
    return path


class Call:
    """One call: its lines' numbers in bench_load, and how it was answered."""

    def __init__(self, room, name, audio, video, srtp):
        self.room, self.name, self.audio, self.video, self.srtp = room, name, audio, video, srtp
        self.id = f"{random.getrandbits(64):x}"
        self.status, self.to_tag, self.target, self.ports, self.keys = 0, "", "", [], []
        self.own_keys = [os.urandom(SUITES[srtp][1]) for _ in range(2)] if srtp else []
        self.lines = []      # [sound's, picture's]
        self.asked_at = self.sent_at = 0
        self.after = None    # Retry-After


class Bench:
    """A server and callers. settings: of the server, "key=value"."""

    def __init__(self, legs=200, settings=()):
        self.sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sip.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sip.bind(("127.0.0.1", 0))
        self.own = self.sip.getsockname()[1]
        self.server = meeting.Server(legs, [
            "limits.calls_per_source_s=0", "limits.legs_per_source=0", "limits.calls_per_s=100000",
            "limits.connecting_per_source=1000", "limits.legs=5000", "limits.legs_per_conference=5000",
            *settings])
        try:
            ports.again(self._start_load)
        except OSError:
            self.server.stop()
            raise
        self.calls, self.next_line, self.next_phase = [], 0, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.load.stdin.close()
        self.load.wait(10)
        self.server.stop()
        self.sip.close()

    # ---- bench_load ----

    def _start_load(self):
        self.rtp = ports.take(2)
        self.load = subprocess.Popen(["build/tests/bench_load", str(self.rtp)], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True, bufsize=1)
        if not self.load.stdout.readline().startswith("ok"):
            self.load.communicate(timeout=10)
            raise ports.InUse(f"bench_load does not get the ports {self.rtp} and {self.rtp + 1}")

    def _answer(self):
        line = self.load.stdout.readline()
        if line.startswith("error") or not line:
            raise RuntimeError(f"bench_load: {line.strip() or 'is gone'}")
        return line

    def tell(self, *words):
        """A command of tests/bench/load/load.c."""
        self.load.stdin.write(" ".join(str(w) for w in words) + "\n")
        return self._answer()

    def sound(self, name, codec, what="voice", seconds=20, start=0):
        """A clip of "voice", "noise" (of a quiet room) or "bursts"."""
        self.tell("sound", name, codec, speech() if what == "voice" else what, start, seconds)

    def pictures(self, name, codec, width, height, bps, fps=30, code=True):
        """A clip of pictures, with the number of each written into it as a bar code."""
        self.tell("pictures", name, codec, pictures(width, height), width, height, fps, bps, int(code))

    # ---- SIP ----

    def _send(self, method, call, cseq, body="", extra=""):
        uri = call.target or f"sip:{call.room}@127.0.0.1:{self.server.sip}"
        tag = f";tag={call.to_tag}" if call.to_tag else ""
        text = (f"{method} {uri} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 127.0.0.1:{self.own};branch=z9hG4bK{random.getrandbits(48):x}\r\n"
                f"From: \"{call.name}\" <sip:{call.id}@127.0.0.1:{self.own}>;tag=b\r\n"
                f"To: <sip:{call.room}@127.0.0.1:{self.server.sip}>{tag}\r\n"
                f"Call-ID: {call.id}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n"
                f"Contact: <sip:{call.id}@127.0.0.1:{self.own}>\r\n{extra}"
                + ("Content-Type: application/sdp\r\n" if body else "")
                + f"Content-Length: {len(body)}\r\n\r\n{body}")
        self.sip.sendto(text.encode(), ("127.0.0.1", self.server.sip))

    def _media(self, kind, codec, direction, call):
        srtp_key = call.srtp and call.own_keys[kind == "video"]
        number, name = CODECS[codec]
        profile = "RTP/SAVP" if srtp_key else "RTP/AVP"
        text = (f"m={kind} {self.rtp} {profile} {number}\r\na=rtpmap:{number} {name}\r\n"
                f"a={direction}\r\n")
        if codec in FMTP:
            text += f"a=fmtp:{number} {FMTP[codec]}\r\n"
        if kind == "video":
            text += f"a=rtcp-fb:{number} nack pli\r\n"
        if srtp_key:
            key = base64.b64encode(srtp_key).decode()
            text += f"a=crypto:1 {SUITES[call.srtp][0]} inline:{key}\r\n"
        return text

    def _invite(self, call):
        direction = call.direction
        body = ("v=0\r\no=bench 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n")
        if call.audio:
            body += self._media("audio", call.audio, direction[0], call)
        if call.video:
            body += self._media("video", call.video, direction[1], call)
        call.sent_at = time.monotonic()
        call.asked_at = call.asked_at or call.sent_at
        self._send("INVITE", call, 1, body)

    def _take(self, text, waiting):
        """An answer; others' requests (OPTIONS, BYE) are answered with 200."""
        call_id = re.search(r"(?im)^(?:Call-ID|i):\s*(\S+)", text).group(1)
        call = waiting.get(call_id)
        if not text.startswith("SIP/2.0"):
            head = "\r\n".join(line for line in text.split("\r\n\r\n")[0].split("\r\n")
                               if re.match(r"(?i)(via|v|from|f|to|t|call-id|i|cseq):", line))
            self.sip.sendto(f"SIP/2.0 200 OK\r\n{head}\r\nContent-Length: 0\r\n\r\n".encode(),
                            ("127.0.0.1", self.server.sip))
            return
        status = int(text[8:11])
        if not call or status < 200 or "INVITE" not in re.search(r"(?im)^CSeq:.*", text).group(0):
            return
        call.status = status
        tag = re.search(r"(?im)^(?:To|t):.*;tag=([^;\s]+)", text)
        call.to_tag = tag.group(1) if tag else ""
        after = re.search(r"(?im)^Retry-After:\s*(\d+)", text)
        call.after = int(after.group(1)) if after else None
        contact = re.search(r"(?im)^(?:Contact|m):.*?<([^>]+)>", text)
        if status == 200 and contact:
            call.target = contact.group(1)
        self._send("ACK", call, 1)
        if status == 200:
            call.ports = [int(p) for p in re.findall(r"(?m)^m=\w+ (\d+)", text)]
            call.keys = [base64.b64decode(k.split("|")[0]) for k in re.findall(r"inline:(\S+)", text)]
        del waiting[call_id]

    def _answers(self, waiting, seconds):
        if select.select([self.sip], [], [], seconds)[0]:
            try:
                while True:
                    self._take(self.sip.recv(65536, socket.MSG_DONTWAIT).decode(errors="replace"), waiting)
            except BlockingIOError:
                pass

    def _join(self, calls):
        waiting, todo = {}, list(calls)
        end = time.monotonic() + JOIN_S
        while (waiting or todo) and time.monotonic() < end:
            while todo and len(waiting) < AT_ONCE:
                call = todo.pop(0)
                waiting[call.id] = call
                self._invite(call)
            self._answers(waiting, 0.1)
            for call in waiting.values():
                if time.monotonic() - call.sent_at > 1:
                    self._invite(call)

    # ---- calls ----

    def call(self, count, room, audio=None, clip=None, video=None, vclip=None, srtp=None, group="-",
             phase_ms=None, must=True):
        """So many calls; without a clip they receive only. Their sound begins at evenly spread times
        of a tick, unless phase_ms says when. srtp: None, or of SUITES. Returns those that were answered with 200."""
        calls = [Call(room, f"{room} {len(self.calls) + i}", audio, video, srtp) for i in range(count)]
        for call in calls:
            call.direction = ("sendrecv" if clip else "recvonly", "sendrecv" if vclip else "recvonly")
        self._join(calls)
        up = [c for c in calls if c.status == 200]
        if must and len(up) < count:
            raise RuntimeError(f"{count - len(up)} of {count} calls were refused: "
                               f"{sorted({c.status for c in calls})}")
        for call in up:
            self._start(call, clip, vclip, group, phase_ms)
        self.calls += up
        self.refused = [c for c in calls if c.status != 200]
        return up

    def _start(self, call, clip, vclip, group, phase_ms):
        self.next_phase = (self.next_phase + 7) % 20 # spread over a tick
        phase = self.next_phase if phase_ms is None else phase_ms
        lines = ([("a", call.audio, clip)] if call.audio else []) + ([("v", call.video, vclip)] if call.video else [])
        for i, (kind, codec, what) in enumerate(lines):
            keys = (call.own_keys[0 if kind == "a" else 1].hex(), call.keys[i].hex()) if call.srtp else ("-", "-")
            skip = 0 if kind == "v" else self.next_line * 37
            self.tell("line", self.next_line, kind, call.ports[i], codec, CODECS[codec][0], what or "-",
                      skip, phase * 1000, group if kind == "a" else "-", *keys)
            call.lines.append(self.next_line)
            self.next_line += 1

    def hang_up(self, calls):
        """BYE; nothing of them counts from now on."""
        for call in calls:
            for line in call.lines:
                self.tell("gone", line)
            self._send("BYE", call, 2)
            self.calls.remove(call)

    # ---- measuring ----

    def measure(self, seconds):
        """What came in so many seconds, and what it cost: bench_load's report, with "lines" by their
        numbers, "threads" and "cpu" of the server (cores), "busy": server and callers, of all cores."""
        self.tell("mark")
        before, own, begin = self.server.cpu(), self._own_cpu(), time.monotonic()
        end = begin + seconds
        while time.monotonic() < end:
            self._answers({}, max(0, end - time.monotonic()))
        after, span, still = self.server.cpu(), time.monotonic() - begin, self._own_cpu()
        self.load.stdin.write("report\n")
        report = json.loads(self._answer())
        report["lines"] = {line["id"]: line for line in report["lines"]}
        report["threads"] = {k: round((after[k] - before.get(k, 0)) / span, 4) for k in after}
        report["cpu"] = round(sum(report["threads"].values()), 4)
        report["busy"] = round((report["cpu"] + (still - own) / span) / os.cpu_count(), 3)
        return report

    def _own_cpu(self):
        """Seconds of bench_load since its start."""
        with open(f"/proc/{self.load.pid}/schedstat", encoding="ascii") as f:
            return int(f.read().split()[0]) / 1e9


def delivered(report, calls, fps=None):
    """The worst of what one of the calls got: rates a second, and what was lost."""
    span = report["seconds"]
    lines = [report["lines"][n] for call in calls for n in call.lines]
    sound = [l["packets"] / span for l in lines if l["kind"] == "a"]
    shown = [l["frames"] / span for l in lines if l["kind"] == "v"]
    row = {"audio_min": round(min(sound), 1) if sound else None,
           "fps_min": round(min(shown), 1) if shown else None, "lost": sum(l["lost"] for l in lines),
           "bytes_delivered": sum(l["bytes"] for l in lines)}
    row["ok"] = (row["lost"] == 0 and (not sound or row["audio_min"] >= meeting.WITHIN * 50)
                 and (not fps or row["fps_min"] >= meeting.WITHIN * fps))
    return row


def quantile(values, q):
    """Of a list; None of an empty one."""
    values = sorted(values)
    return round(values[int(q * (len(values) - 1) + 0.5)], 2) if values else None
