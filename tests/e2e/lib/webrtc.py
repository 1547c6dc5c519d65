"""WebRTC peers of python3-aiortc (aiortc_peer.py), each a process of its own, and what they measured."""
import json
import os
import shutil
import subprocess
import sys

import numpy as np

from lib import measure
from lib.case import SKIPPED, Failure, Process
from lib.media import COLOURS, TONES, ffmpeg, tone, write_wav

_PYTHON = "/usr/bin/python3"  # Debian's: aiortc is one of its packages
NODE = shutil.which("node") or shutil.which("nodejs")
_HERE = os.path.dirname(os.path.abspath(__file__))
_WEB = os.path.join(_HERE, "..", "..", "web")


class WebPeer:
    """One peer at a door ("whip", "whep", "join") of a room. Its tone and colour go by its number."""
    program = "aiortc_peer.py"

    def __init__(self, case, server, door, room, name, *further, number=0, seconds=60, query=""):
        way = {"whip": "send", "whep": "receive", "join": "both"}[door]
        self.case, self.name, self.number = case, name, number
        self._out = case.path(name, "")
        url = f"http://{server.host}:{server.http_port}/{door}/{room}?name={name}{query}"
        self.process = Process(case, name, [
            *self.command(), "--url", url, "--way", way, "--out", self._out,
            "--tone", str(TONES[number]), "--colour", ",".join(map(str, COLOURS[number])),
            "--seconds", str(seconds), *self.home(server), *map(str, further)])

    def home(self, server):
        """Where its host candidates are."""
        return ["--address", server.address]

    def command(self):
        """The program, up to the options that all have."""
        return [_PYTHON, os.path.join(_HERE, self.program)]

    def stop(self):
        """It leaves now."""
        with open(os.path.join(self._out, "stop"), "w", encoding="utf-8"):
            pass

    def result(self, seconds=60):
        """What it measured, after its end."""
        status = self.process.wait(seconds)
        if status != 0:
            raise Failure(f"{self.name} ended with status {status}:\n{self.process.log()[-600:]}")
        with open(os.path.join(self._out, "result.json"), encoding="utf-8") as f:
            return json.load(f)

    def heard(self):
        """The sound, 48 kHz mono."""
        return np.load(os.path.join(self._out, "heard.npy"))

    def seen(self):
        """The last picture as RGB."""
        path = os.path.join(self._out, "seen.npy")
        if not os.path.exists(path):
            raise Failure(f"{self.name} saw no picture")
        return np.load(path)

    def judge_tiles(self, numbers):
        """Who stands in which tile, by colour."""
        picture = self.seen()
        height, width = picture.shape[:2]
        for i, rect in enumerate(measure.grid(len(numbers), width, height)):
            shown = measure.colour_of(picture, rect)
            off = measure.colour_distance(shown, COLOURS[numbers[i]])
            self.case.check(off < 25, f"{self.name} sees number {numbers[i] + 1} in tile {i + 1} "
                                      f"({off} off)")

    def judge_tones(self, hears, silent, level_db, seconds=4):
        """hears: numbers whose tones are there at level_db; silent: those that must not be."""
        sound = measure.steady(self.heard(), seconds)
        self.case.check(len(sound) >= seconds * 47000, f"{self.name} has {seconds} s of sound")
        for n, db in zip(hears, measure.tones_db(sound, [TONES[n] for n in hears])):
            self.case.check(abs(db - level_db) < 1.5, f"{self.name} hears {n + 1} at {db:.1f} dB")
        for n, db in zip(silent, measure.lines_db(sound, [TONES[n] for n in silent])):
            self.case.check(db < level_db - 40, f"{self.name} does not hear {n + 1}: {db:.1f} dB")
        gap = measure.longest_gap_ms(sound, level_db)
        self.case.check(gap <= 20, f"{self.name}: longest gap {gap} ms")


class GstPeer(WebPeer):
    """The same on GStreamer; publishes or plays."""
    program = "gst_peer.py"


class ChromePeer(WebPeer):
    """The same in Chromium with npm's WHIP and WHEP client (tests/web/whip_peer.mjs)."""

    def home(self, server):
        return []

    def command(self):
        camera, microphone = self.case.path(self.name, "camera.y4m"), \
            self.case.path(self.name, "tone.wav")
        r, g, b = COLOURS[self.number]
        # Two seconds, which the browser repeats; the tone fits in whole periods.
        ffmpeg("-f", "lavfi", "-i", f"color=c=0x{r:02x}{g:02x}{b:02x}:s=320x180:r=15,"
               "drawbox=x='mod(t*80,304)':y=0:w=16:h=16:color=white:t=fill", "-t", 2,
               "-pix_fmt", "yuv420p", camera)
        write_wav(microphone, tone(TONES[self.number], 48000, 10, 0.09), 48000)
        return [NODE, os.path.join(_WEB, "whip_peer.mjs"), "--camera", camera, "--microphone",
                microphone]


def need_chromium():
    """Skips the test unless Chromium and npm's packages are there."""
    if not os.path.exists(os.path.join(_WEB, "node_modules", "whip-whep")) or \
            not shutil.which("chromium") or not NODE:
        print("skipped: no Chromium, or no packages of npm's (scripts/setup test)")
        sys.exit(SKIPPED)


def need_gstreamer():
    """Skips the test unless GStreamer has what gst_peer.py uses."""
    elements = "webrtcbin nicesink dtlsenc srtpenc vp8enc openh264enc opusenc"
    program = ("import gi, sys\ngi.require_version('Gst', '1.0')\n"
               "gi.require_version('GstWebRTC', '1.0')\nfrom gi.repository import Gst\n"
               "Gst.init(None)\n"
               f"sys.exit(not all(map(Gst.ElementFactory.find, '{elements}'.split())))")
    if subprocess.run([_PYTHON, "-c", program], stderr=subprocess.DEVNULL, check=False).returncode:
        print("skipped: GStreamer's webrtcbin is not installed (scripts/setup test)")
        sys.exit(SKIPPED)
