"""A WebRTC peer on Debian's python3-aiortc, as a program: offers at one of the server's doors, sends a
tone and a coloured picture with a moving mark, keeps what it hears and sees, and leaves with DELETE
after --seconds, or when there is a file --out/stop.

Writes into --out: result.json, heard.npy (mono, 48 kHz, float32) and seen.npy (the last picture).
"""
import argparse
import asyncio
import fractions
import json
import os
import re
import time
import urllib.error
import urllib.request

import aioice.ice
import av
import numpy as np
from aiortc import (MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender,
                    RTCSessionDescription)

RATE = 48000
FRAME = RATE // 50


class Tone(MediaStreamTrack):
    """A sine, in real time."""
    kind = "audio"

    def __init__(self, hz, amplitude):
        super().__init__()
        self.hz, self.amplitude, self.at, self.start = hz, amplitude, 0, None

    async def recv(self):
        self.start = self.start or time.monotonic()
        await asyncio.sleep(max(0, self.start + self.at / RATE - time.monotonic()))
        t = np.arange(self.at, self.at + FRAME)
        wave = np.round(32767 * self.amplitude * np.sin(2 * np.pi * self.hz * t / RATE))
        frame = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None, :], "s16", "mono")
        frame.sample_rate, frame.pts = RATE, self.at
        frame.time_base = fractions.Fraction(1, RATE)
        self.at += FRAME
        return frame


class Camera(MediaStreamTrack):
    """One colour with a bar that moves, in real time."""
    kind = "video"

    def __init__(self, rgb, width, height, fps):
        super().__init__()
        self.rgb, self.size, self.fps, self.at, self.start = rgb, (height, width), fps, 0, None

    async def recv(self):
        self.start = self.start or time.monotonic()
        await asyncio.sleep(max(0, self.start + self.at / self.fps - time.monotonic()))
        picture = np.empty(self.size + (3,), np.uint8)
        picture[:] = self.rgb
        x = self.at * 8 % self.size[1]
        picture[:16, x:x + 16] = 255
        frame = av.VideoFrame.from_ndarray(picture, "rgb24")
        frame.pts, frame.time_base = self.at * 90000 // self.fps, fractions.Fraction(1, 90000)
        self.at += 1
        return frame


class Ears:
    """What was heard, and when pictures came."""

    def __init__(self):
        self.sound, self.picture, self.came = [], None, []

    async def listen(self, track):
        while True:
            frame = await track.recv()
            samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
            self.sound.append(samples[:, 0].astype(np.float32) / 32768)

    async def look(self, track):
        while True:
            frame = await track.recv()
            self.came.append(time.monotonic())
            self.picture = frame

    def freeze_ms(self, since):
        times = [t for t in self.came if t >= since]
        return max((1000 * (b - a) for a, b in zip(times, times[1:])), default=None)


def request(method, url, body=None, headers=None):
    """(status, headers, text)"""
    r = urllib.request.Request(url, body.encode() if body is not None else None, headers or {},
                               method=method)
    try:
        with urllib.request.urlopen(r, timeout=10) as a:
            return a.status, a.headers, a.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read().decode()


def prefer(pc, codec):
    """Offers this picture codec alone (with its repeats)."""
    for t in pc.getTransceivers():
        if t.kind == "video" and codec:
            all_codecs = RTCRtpSender.getCapabilities("video").codecs
            t.setCodecPreferences([c for c in all_codecs if c.mimeType.lower() in
                                   (f"video/{codec.lower()}", "video/rtx")])


def build(options, ears):
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    tasks = []

    @pc.on("track")
    def on_track(track):
        take = ears.listen if track.kind == "audio" else ears.look
        tasks.append(asyncio.ensure_future(take(track)))

    direction = {"send": "sendonly", "receive": "recvonly", "both": "sendrecv"}[options.way]
    sound = Tone(options.tone, options.amplitude) if options.way != "receive" else "audio"
    rgb = tuple(map(int, options.colour.split(",")))
    width, height = map(int, options.size.split("x"))
    camera = Camera(rgb, width, height, options.fps) if options.way != "receive" else "video"
    pc.addTransceiver(sound, direction=direction)
    if not options.no_video:
        pc.addTransceiver(camera, direction=direction)
        prefer(pc, options.codec)
    return pc, tasks


async def join(options, pc):
    """Offer, answer; the URL of the leg."""
    await pc.setLocalDescription(await pc.createOffer())
    headers = {"Content-Type": "application/sdp"}
    if options.token:
        headers["Authorization"] = "Bearer " + options.token
    loop = asyncio.get_event_loop()
    status, head, text = await loop.run_in_executor(
        None, request, "POST", options.url, pc.localDescription.sdp, headers)
    if status != 201:
        raise SystemExit(f"POST {options.url}: {status} {text}")
    await pc.setRemoteDescription(RTCSessionDescription(text, "answer"))
    return re.match(r"https?://[^/]+", options.url).group(0) + head["Location"], head["ETag"]


async def statistics(pc):
    out = {}
    for s in (await pc.getStats()).values():
        if s.type in ("inbound-rtp", "outbound-rtp", "remote-inbound-rtp"):
            out[f"{s.type} {s.kind}"] = {k: v for k, v in vars(s).items()
                                         if isinstance(v, (int, float))}
    return out


async def run(options):
    ears = Ears()
    pc, tasks = build(options, ears)
    began = time.monotonic()
    where, tag = await join(options, pc)
    end = began + options.seconds
    connected = None
    stop = os.path.join(options.out, "stop")
    while time.monotonic() < end and not os.path.exists(stop) and \
            pc.connectionState not in ("failed", "closed"):
        if pc.connectionState == "connected" and connected is None:
            connected = time.monotonic()
        await asyncio.sleep(0.05)
    result = {
        "where": where, "etag": tag, "state": pc.connectionState,
        "connect_ms": connected and 1000 * (connected - began),
        "first_picture_ms": ears.came and 1000 * (ears.came[0] - began) or None,
        "pictures": len(ears.came), "freeze_ms": ears.freeze_ms(began + 3),
        "fps": len([t for t in ears.came if t > end - 3]) / 3, "stats": await statistics(pc),
    }
    if not options.kill:
        result["deleted"] = request("DELETE", where)[0]
        await pc.close()
    for t in tasks:
        t.cancel()
    save(options, ears, result)
    if options.kill:
        os._exit(0)


def save(options, ears, result):
    os.makedirs(options.out, exist_ok=True)
    sound = np.concatenate(ears.sound) if ears.sound else np.zeros(0, np.float32)
    np.save(os.path.join(options.out, "heard.npy"), sound)
    if ears.picture is not None:
        np.save(os.path.join(options.out, "seen.npy"), ears.picture.to_ndarray(format="rgb24"))
    with open(os.path.join(options.out, "result.json"), "w", encoding="utf-8") as f:
        json.dump(result, f)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--url", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--way", choices=["send", "receive", "both"], default="both")
    p.add_argument("--tone", type=float, default=440)
    p.add_argument("--amplitude", type=float, default=0.09)
    p.add_argument("--colour", default="128,128,128")
    p.add_argument("--size", default="320x180")
    p.add_argument("--fps", type=int, default=15)
    p.add_argument("--codec", default="")
    p.add_argument("--no-video", action="store_true")
    p.add_argument("--token", default="")
    p.add_argument("--seconds", type=float, default=10)
    p.add_argument("--address", default="127.0.0.1")
    p.add_argument("--kill", action="store_true", help="go without a word")
    options = p.parse_args()
    # aioice leaves loopback out of its host candidates; here there is nothing else.
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [options.address]
    asyncio.get_event_loop().run_until_complete(run(options))


if __name__ == "__main__":
    main()
