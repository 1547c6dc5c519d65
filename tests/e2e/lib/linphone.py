"""linphonec 5.1 as a caller: VP8 and Opus, a file as microphone and a still as camera. It knows no
loopback address but where there is no other, so it runs in a network namespace with lo alone, and
the server with it: see `alone`."""
import os
import subprocess
import sys

from lib import media
from lib.case import SKIPPED

_RC = """[sip]
sip_port={sip}
sip_tcp_port={sip}
sip_tls_port=0
guess_hostname=0
contact="{name}" <sip:{name}@127.0.0.1:{sip}>
verify_server_certs=0
media_encryption={seal}
media_encryption_mandatory={mandatory}
default_proxy=-1
[rtp]
audio_rtp_port={rtp}
video_rtp_port={video}
[net]
mtu=1300
[video]
enabled=1
capture=1
display=0
device=StaticImage: Static picture
automatically_initiate=1
automatically_accept=1
[sound]
echocancellation=0
{codecs}"""


def alone():
    """Runs the test again in a network namespace of its own; there it returns."""
    if os.environ.get("TESSERA_E2E_ALONE"):
        return
    if subprocess.run(["unshare", "-n", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        print("skipped: no network namespace can be made here (unshare -n)")
        sys.exit(SKIPPED)
    environment = dict(os.environ, TESSERA_E2E_ALONE="1")
    sys.exit(subprocess.run(["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh",
                             sys.executable, *sys.argv], env=environment, check=False).returncode)


class Linphone:
    """One linphonec. seal: "none", "srtp", "dtls". sound: float samples at 8 kHz; picture: the caller
    whose colour and number its still camera shows."""

    def __init__(self, case, ports, name, sound, seal="none", picture=0):
        self.case, self.name = case, name
        self.folder = os.path.dirname(case.path(name, "rc"))
        self.recording = os.path.join(self.folder, "heard.wav")
        media.write_wav(os.path.join(self.folder, "voice.wav"), sound, 8000, 1)
        self._still = os.path.join(self.folder, "still.jpg")
        media.camera(os.path.join(self.folder, "camera.mkv"), picture, 352, 288, seconds=1)
        media.ffmpeg("-i", os.path.join(self.folder, "camera.mkv"), "-frames:v", 1, self._still)
        rtp = ports.take(4)
        with open(os.path.join(self.folder, "rc"), "w", encoding="utf-8") as out:
            out.write(_RC.format(sip=ports.take(2), name=name, seal=seal, rtp=rtp, video=rtp + 2,
                                 mandatory=0 if seal == "none" else 1, codecs=""))
        self.child = self.log_path = None

    def dial(self, uri):
        """Starts it and calls."""
        self.log_path = self.case.path("log", self.name + ".log")
        with open(self.log_path, "wb") as log:
            self.child = subprocess.Popen(
                ["linphonec", "-c", "rc", "-V", "-C", "-S", "-d", "6", "-l", self.log_path + ".trace"],
                cwd=self.folder, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
                env=dict(os.environ, HOME=self.folder))
        self.case.cleanup(self._kill)
        for line in ("ipv6 disable", "soundcard use files",
                     f"staticpic set {self._still}", "staticpic fps 5",
                     f"play {self.folder}/voice.wav", f"record {self.recording}", f"call {uri}"):
            self.command(line)

    def command(self, line):
        """One line of its console."""
        self.child.stdin.write((line + "\n").encode())
        self.child.stdin.flush()

    def log(self):
        """What its console shows."""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def trace(self):
        """Its own log."""
        with open(self.log_path + ".trace", encoding="utf-8", errors="replace") as log:
            return log.read()

    def hang_up(self):
        """Ends the call and the program."""
        for line in ("terminate", "quit"):
            try:
                self.command(line)
            except OSError:
                pass
        try:
            self.child.wait(8)
        except subprocess.TimeoutExpired:
            self._kill()

    def heard(self):
        """All that it has heard, mono at 48 kHz; after its end."""
        return media.read_wav(self.recording)

    def _kill(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait(5)
