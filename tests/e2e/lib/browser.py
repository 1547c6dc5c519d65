"""Debian's Chromium and Firefox on the server's own page, led through tests/web/e2e_driver.mjs: real
clicks, the camera and microphone of a file (Chromium) or made up (Firefox), pictures and sound read
from the page's own elements."""
import base64
import json
import os
import queue
import shutil
import subprocess
import sys
import threading

import numpy as np

from lib import measure, media
from lib.case import SKIPPED, Failure

_WEB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "web")
_PROGRAMS = {"chromium": ("chromium",), "firefox": ("firefox-esr", "firefox")}
RATE = 48000

_PLAYOUT = """window.tessera.session.pc.getStats().then((report) => {
  for (const s of report.values())
    if (s.type === 'media-playout') return { delay: s.totalPlayoutDelay, samples: s.totalSamplesCount };
  return { delay: 0, samples: 0 };
})"""

# Firefox's made-up microphone is a sine of this amplitude.
FIREFOX_AMPLITUDE = 0.1


def missing():
    """What is not installed for such a test, or ''."""
    if not shutil.which("node"):
        return "node"
    for names in _PROGRAMS.values():
        if not any(map(shutil.which, names)):
            return names[0]
    return "" if os.path.isdir(os.path.join(_WEB, "node_modules")) else "tests/web/node_modules"


def need():
    """Skips the test where a browser is missing."""
    if missing():
        print(f"skipped: {missing()} is not there (scripts/setup test)")
        sys.exit(SKIPPED)


class Browser:
    """One browser with one page. number: whose colour, figure and tone it sends (media.py); amplitude
    of its tone, 0: silence; loud: the kiosk flag, sound without a touch; relay: a lib.ice_relay that
    all of its media goes through; clap: flash and beep instead of camera and microphone."""

    audio = "opus"

    def __init__(self, case, server, kind, name, number=0, amplitude=0.09, size=(640, 360), fps=15,
                 loud=False, relay=None, clap=False):
        self.case, self.server, self.kind, self.name = case, server, kind, name
        self.number, self.size, self.video = number, size, True
        self.amplitude = FIREFOX_AMPLITUDE if kind == "firefox" else amplitude
        self.folder = os.path.dirname(case.path(name, "camera.mkv"))
        self._relay = relay
        self._answers, self._ready, self._last = {}, queue.Queue(), 0
        wanted = {"browser": kind, "options": {"fps": fps, "clap": clap}, "relay": relay.port if relay else 0}
        camera = os.path.join(self.folder, "camera.mkv")
        media.camera(camera, number, *size, fps, seconds=5)
        if kind == "firefox":
            wanted["options"]["still"] = self._still(camera)
            wanted["prefs"] = {"media.navigator.audio.fake_frequency": media.TONES[number]}
        else:
            wanted["args"] = self._files(camera) + ["--use-fake-ui-for-media-stream"]
            if loud:
                wanted["args"] += ["--autoplay-policy=no-user-gesture-required"]
        self._start(wanted)

    def _files(self, camera):
        """Chromium's camera and microphone, and the arguments that name them."""
        y4m, wav = (os.path.join(self.folder, name) for name in ("camera.y4m", "voice.wav"))
        media.ffmpeg("-i", camera, "-pix_fmt", "yuv420p", y4m)
        # A whole number of periods in whole seconds: the loop is not heard.
        media.write_wav(wav, media.tone(media.TONES[self.number], RATE, 10, self.amplitude), RATE)
        return ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={y4m}",
                f"--use-file-for-fake-audio-capture={wav}"]

    def _still(self, camera):
        path = os.path.join(self.folder, "camera.png")
        media.ffmpeg("-i", camera, "-frames:v", 1, path)
        return path

    def _start(self, wanted):
        self._log = self.case.path("log", self.name + ".log")
        with open(self._log, "wb") as log:
            self._child = subprocess.Popen(
                ["node", os.path.join(_WEB, "e2e_driver.mjs"), json.dumps(wanted)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.case.cleanup(self.close)
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self._ready.get(timeout=60)
        except queue.Empty:
            raise Failure(f"{self.kind} did not start within 60 s") from None

    def _read(self):
        for line in self._child.stdout:
            message = json.loads(line)
            if message.get("event") == "ready":
                self._ready.put(True)
            elif message.get("event") == "candidates":
                self._relay.aim(message["found"])
            else:
                self._answers[message["id"]].put(message)
        for waiting in self._answers.values():
            waiting.put({"error": "the driver has ended"})

    def call(self, do, timeout=60, **values):
        """One command of the driver and its answer."""
        self._last += 1
        number, answer = self._last, queue.Queue()
        self._answers[number] = answer
        self._child.stdin.write(json.dumps({"id": number, "do": do, **values}) + "\n")
        self._child.stdin.flush()
        try:
            message = answer.get(timeout=timeout)
        except queue.Empty:
            raise Failure(f"{self.name}: no answer to {do} within {timeout} s") from None
        finally:
            del self._answers[number]
        if "error" in message:
            raise Failure(f"{self.name}: {do}: {message['error'][:800]}")
        return message["value"]

    def close(self):
        """The browser ends, with no word of the page to the server but what its end brings along."""
        if self._child.poll() is None:
            self._child.stdin.close()
            try:
                self._child.wait(15)
            except subprocess.TimeoutExpired:
                self._child.terminate()
                self._child.wait(10)

    # ---- the page ----

    def evaluate(self, expression, timeout=60):
        """The value of an expression of the page, awaited."""
        return self.call("evaluate", timeout, expression=expression)

    def open(self, path):
        """Opens a path of the server."""
        self.call("goto", url=f"http://127.0.0.1:{self.server.http_port}{path}")

    def click(self, selector):
        """A click of the mouse."""
        self.call("click", selector=selector)

    def join(self, room):
        """From the link into the meeting, as a person does it: the name, the devices, one button."""
        self.open(f"/r/{room}?name={self.name}")
        self.case.wait_for(lambda: self.evaluate(
            "document.body.dataset.view === 'prejoin' && !!document.querySelector('#preview').srcObject"),
            20, f"{self.name} has its preview")
        self.click("#join")
        self.case.wait_for(self.in_call, 20, f"{self.name} is in the call")

    def in_call(self):
        """Whether the page is connected and shows a picture."""
        return self.evaluate("document.body.dataset.state === 'connected' && "
                             "[...document.querySelectorAll('#picture,#kiosk-picture')]"
                             ".some((video) => video.videoWidth > 0)")

    def leave(self):
        """Presses the button that leaves."""
        self.click("#leave")

    hang_up = leave

    def picture(self):
        """What its video element shows, as RGB."""
        path = os.path.join(self.folder, "seen.png")
        with open(path, "wb") as out:
            out.write(base64.b64decode(self.evaluate("e2e.picture()")))
        return media.read_picture(path)

    def listen(self, seconds):
        """Takes up so much of the sound that it receives; heard() then has it."""
        if self.kind == "chromium":
            got = self.evaluate(f"e2e.samples({seconds})", seconds + 30)
            samples = np.frombuffer(base64.b64decode(got["data"]), "<f4").astype(np.float64)
            self._heard = samples if got["rate"] == RATE else None
        else:
            path = os.path.join(self.folder, "heard.ogg")
            with open(path, "wb") as out:
                out.write(base64.b64decode(self.evaluate(f"e2e.recording({seconds})", seconds + 30)))
            self._heard = media.read_wav(path)

    def heard(self):
        """The sound of listen(), 48 kHz mono."""
        return self._heard

    def stats(self):
        """getStats: {"in": {"audio": {...}, "video": {...}}, "out": ..., "far": ..., "pair": ...}."""
        return self.evaluate("e2e.stats()")

    def played(self):
        """What loudspeaker_ms() is to count from (Chromium)."""
        return self.evaluate(_PLAYOUT)

    def loudspeaker_ms(self, since):
        """How long sound took from its decoder to the loudspeaker, by the browser's own account, since
        played() was called. What e2e.watch() notes is the decoder's; pictures are timed for the loudspeaker."""
        now = self.played()
        samples = now["samples"] - since["samples"]
        return 1000 * (now["delay"] - since["delay"]) / samples if samples > 0 else 0

    def shot(self, name):
        """A picture of the whole page, for people: SHOTS names the folder, none unless set."""
        folder = os.environ.get("SHOTS")
        if folder:
            os.makedirs(folder, exist_ok=True)
            self.call("screenshot", file=os.path.join(folder, f"{name}.png"))

    def no_complaints(self):
        """Fails when the page has logged an error or broken its own policy."""
        said = self.call("complaints")
        self.case.check(not said, f"{self.name}: errors of the page: {said}")
