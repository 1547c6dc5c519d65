"""baresip 1.0.0 as a caller: it sends a file as camera and one as microphone, records what it
hears, and takes pictures of what it sees."""
import glob
import json
import os
import socket
import time

import numpy as np

from lib.case import Failure, Process
from lib import media

# name in accounts, sample rate, channels of the sound file (aufile must match the codec exactly)
AUDIO = {"opus": ("opus/48000/2", 48000, 2), "g722": ("g722/16000/1", 16000, 1),
         "pcmu": ("pcmu/8000/1", 8000, 1), "pcma": ("pcma/8000/1", 8000, 1)}

_CONFIG = """poll_method epoll
sip_listen {host}:{sip}
audio_path /usr/share/baresip
audio_source aufile,{folder}/voice.wav
ausrc_srate {rate}
auplay_srate {rate}
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
video_source avformat,{folder}/camera.mkv
video_display fakevideo
video_size {width}x{height}
video_bitrate 300000
video_fps {fps}
rtp_ports {rtp}-{rtp_last}
rtcp_mux {mux}
jitter_buffer_delay 1-10
rtp_stats yes
net_interface {address}
module_path {modules}
module stdio.so
module g711.so
module g722.so
module opus.so
{seal_modules}{video_modules}module aufile.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
snd_path {folder}
"""
_SEAL_MODULES = {"srtp": "srtp", "srtp-mand": "srtp", "srtp-mandf": "srtp",
                 "dtls_srtp": "dtls_srtp"}  # account parameter mediaenc: its module
_VIDEO_MODULES = "".join(f"module {m}.so\n" for m in
                         ("avcodec", "vp8", "avformat", "fakevideo", "snapshot"))


def _module_path():
    for path in ("/usr/lib/baresip/modules", *glob.glob("/usr/lib/*/baresip/modules")):
        if os.path.isdir(path):
            return path
    return "/usr/lib/baresip/modules"


class Caller:
    """One baresip. sound: float samples at the codec's rate (see AUDIO); video: "h264", "vp8" or
    None; number: which colour and figure its camera shows; seal: how it secures media, a value of
    baresip's mediaenc, or None; account: more of its account's line (";auth_user=..."); address: its
    own. It does not call yet."""

    def __init__(self, case, ports, name, audio, sound, video=None, number=0, size=(320, 180),
                 fps=10, transport="udp", seal=None, mux=False, account="",
                 address="127.0.0.1"):
        self.case, self.name, self.audio, self.video = case, name, audio, video
        self.number, self.size = number, size
        self.transport = transport
        self.folder = os.path.dirname(case.path(name, "config"))
        self.process = None
        codec, rate, channels = AUDIO[audio]
        self.control = ports.take(2)
        media.write_wav(os.path.join(self.folder, "voice.wav"), sound, rate, channels)
        if video:
            media.camera(os.path.join(self.folder, "camera.mkv"), number, *size, fps)
        rtp = ports.take(20)
        self.sip_port = ports.take(2)
        host = f"[{address}]" if ":" in address else address
        self._command = ["baresip", "-f", "."] + (["-6"] if ":" in address else [])
        self._write("config", _CONFIG.format(
            address=address, host=host, sip=self.sip_port, control=self.control,
            folder=self.folder, rate=rate, rtp=rtp,
            rtp_last=rtp + 19, width=size[0], height=size[1], fps=fps, modules=_module_path(),
            video_modules=_VIDEO_MODULES if video else "", mux="yes" if mux else "no",
            seal_modules=f"module {_SEAL_MODULES[seal]}.so\n" if seal else ""))
        self._write("contacts", "")
        lines = f";audio_codecs={codec}" + (f";video_codecs={video}" if video else "")
        lines += f";mediaenc={seal}" if seal else ""
        self._write("accounts", f'"{name}" <sip:{name}@{host};transport={transport}>'
                                f";regint=0;answermode=auto{lines}{account}\n")

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as out:
            out.write(text)

    def register_as(self, user, port):
        """Gives it the account user@127.0.0.1:port, to be registered when it starts."""
        with open(os.path.join(self.folder, "accounts"), encoding="utf-8") as lines:
            text = lines.read()
        self._write("accounts", text.replace(f"sip:{self.name}@127.0.0.1", f"sip:{user}@127.0.0.1:{port}")
                    .replace("regint=0", "regint=60"))

    def listen(self, seconds=60):
        """Starts it; it answers whoever calls, and ends by itself after that many seconds."""
        self.process = Process(self.case, self.name, self._command + ["-t", str(seconds)],
                               cwd=self.folder)
        self.case.wait_for(self._ready, 5, f"{self.name} listens")

    def _ready(self):
        try:
            socket.create_connection(("127.0.0.1", self.control), 1).close()
        except OSError:
            return False
        return True

    def dial(self, uri, seconds=60):
        """Starts it and calls; it ends by itself after that many seconds."""
        if self.transport != "udp":
            uri += ";transport=" + self.transport
        command = self._command + ["-t", str(seconds)] + (["-v"] if self.video else [])
        self.process = Process(self.case, self.name, command + ["-e", "/dial " + uri],
                               cwd=self.folder)

    def command(self, name, params=""):
        """Runs one of baresip's commands and returns its answer's text."""
        message = json.dumps({"command": name, "params": params}).encode()
        with socket.create_connection(("127.0.0.1", self.control), 3) as s:
            s.settimeout(3)
            s.sendall(b"%d:%s," % (len(message), message))
            data = b""
            while True:
                size, _, rest = data.partition(b":")
                if rest and len(rest) > int(size):
                    answer = json.loads(rest[:int(size)])
                    if answer.get("response", True):
                        return answer.get("data", "")
                    data = rest[int(size) + 1:]
                    continue
                more = s.recv(65536)
                if not more:
                    raise Failure(f"{self.name} closed its control connection")
                data += more

    def in_call(self):
        """Whether the call has been answered."""
        return "Call established" in self.process.log()

    def picture(self):
        """What it sees now, as RGB."""
        path = os.path.join(self.folder, f"seen-{time.monotonic_ns()}.png")
        self.command("snapshot_recv", path)

        def complete():
            try:
                return os.path.getsize(path) > 0 and media.read_picture(path)[0, 0, 0] >= 0
            except Exception:  # not there, or still being written
                return False
        self.case.wait_for(complete, 5, f"a picture from {self.name}")
        # baresip writes black as 16 and white as 235: the samples of limited range as they are.
        levels = (media.read_picture(path).astype(np.float64) - 16) * 255 / 219
        return np.clip(np.round(levels), 0, 255).astype(np.uint8)

    def heard(self):
        """All that it has heard, mono at 48 kHz; after its end."""
        files = glob.glob(os.path.join(self.folder, "dump-*-dec.wav"))
        if not files:
            raise Failure(f"{self.name} has recorded nothing")
        return media.read_wav(max(files, key=os.path.getsize))

    def hang_up(self):
        """Ends the call and the program as a user would."""
        try:
            self.command("quit")
        except OSError:
            pass
        self.process.wait(10)


def rate_of(audio):
    """The sample rate that Caller wants its sound in."""
    return AUDIO[audio][1]
