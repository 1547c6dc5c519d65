"""In a recording, sound and picture of a caller are within 45 ms of each other."""
import glob
import os
import subprocess

import numpy as np

from lib import case, media, peer
from lib.server import Server

LIMIT_MS = 45
BEEP_HZ = 1000
SMALL = (64, 36)   # pictures are judged by their brightness alone


def times(path, kind):
    """The times of a stream's packets ("a" or "v"), in s."""
    out = subprocess.run(["ffprobe", "-loglevel", "error", "-select_streams", kind + ":0",
                          "-show_entries", "packet=pts_time", "-of", "csv=p=0", path],
                         stdout=subprocess.PIPE, check=True, timeout=30).stdout.decode().split()
    return [float(line.rstrip(",")) for line in out]


def flashes(path):
    """When the picture becomes white, in s."""
    raw = media.ffmpeg("-i", path, "-vsync", "passthrough", "-vf", f"scale={SMALL[0]}:{SMALL[1]}",
                       "-pix_fmt", "gray", "-f", "rawvideo", "-")
    light = np.frombuffer(raw, np.uint8).reshape(-1, SMALL[0] * SMALL[1]).mean(axis=1)
    at = times(path, "v")[:len(light)]
    limit = (light.min() + light.max()) / 2
    return [t for t, a, b in zip(at[1:], light, light[1:]) if a < limit <= b]


def beeps(path):
    """When the beep begins, in s: the tone's level in steps of 1 ms over 10 ms."""
    sound = media.read_wav(path)
    t = np.arange(len(sound)) / 48000
    wave = np.cumsum(sound * np.exp(-2j * np.pi * BEEP_HZ * t))
    level = np.abs(wave[480::48] - wave[:-480:48])
    loud = level > level.max() / 2
    return [times(path, "a")[0] + (i * 48 + 240) / 48000 for i in range(1, len(loud))
            if loud[i] and not loud[max(0, i - 300):i].any()]


def test(c):
    folder = os.path.dirname(c.path("rec", "x"))
    server = Server(c, "recording.enabled=true", f"recording.directory={folder}",
                    "video.width=960", "video.height=540")
    peer.Peer(c, server, "sync", "clapper", "--silent", "--flash", "--size", "320x180@25",
              seconds=14).result()
    c.check(server.stop() == 0, "the server ended")
    path = glob.glob(os.path.join(folder, "**", "*.mkv"), recursive=True)[0]
    heard, seen = beeps(path), [t for t in flashes(path) if t > 4]
    pairs = [min((s - h for h in heard), key=abs) * 1000 for s in seen]
    c.check(len(pairs) >= 5, f"{len(heard)} beeps, {len(seen)} flashes in the steady part")
    worst = max(pairs, key=abs)
    c.check(abs(worst) <= LIMIT_MS,
            f"picture after sound by {np.median(pairs):.1f} ms, at worst {worst:.1f} ms")


case.main(test, clients=("ffmpeg",))
