"""A WHIP publisher or WHEP player on GStreamer's webrtcbin with plain HTTP, as a program; options and
what it leaves are those of aiortc_peer.py. Debian's python3-gi and GStreamer's packages."""
import argparse
import json
import os
import re
import threading
import time
import urllib.error
import urllib.request

import gi
import numpy as np

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

ENCODERS = {
    "vp8": "vp8enc deadline=1 cpu-used=8 target-bitrate=400000 keyframe-max-dist=60 ! "
           "rtpvp8pay ! application/x-rtp,media=video,encoding-name=VP8,payload=96",
    "h264": "openh264enc bitrate=400000 complexity=low gop-size=60 ! "
            "video/x-h264,profile=constrained-baseline ! h264parse ! "
            "rtph264pay config-interval=-1 aggregate-mode=zero-latency ! "
            "application/x-rtp,media=video,encoding-name=H264,payload=96",
}
DECODERS = {
    # VP8 does not say its colours; from 720 lines on GStreamer takes them for BT.709.
    "VP8": "rtpvp8depay ! vp8dec ! capssetter caps=video/x-raw,colorimetry=bt601 ! "
           "videoconvert ! video/x-raw,format=RGB",
    "H264": "rtph264depay ! h264parse ! openh264dec ! videoconvert ! video/x-raw,format=RGB",
    "OPUS": "rtpopusdepay ! opusdec plc=true ! audioconvert ! audioresample ! "
            "audio/x-raw,format=F32LE,rate=48000,channels=1",
}
CAPS = {
    "audio": "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,"
             "encoding-params=(string)2",
    "vp8": "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000,"
           "rtcp-fb-nack-pli=(boolean)true,rtcp-fb-nack=(boolean)true",
    "h264": "application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000,"
            "packetization-mode=(string)1,profile-level-id=(string)42e01f,"
            "rtcp-fb-nack-pli=(boolean)true,rtcp-fb-nack=(boolean)true",
}


def sources(options):
    """What is published."""
    r, g, b = map(int, options.colour.split(","))
    width, height = options.size.split("x")
    return (f"videotestsrc is-live=true pattern=solid-color "
            f"foreground-color={0xff000000 | r << 16 | g << 8 | b} ! "
            f"video/x-raw,format=I420,width={width},height={height},framerate={options.fps}/1 ! "
            f"queue ! {ENCODERS[options.codec]} ! w. "
            f"audiotestsrc is-live=true wave=sine freq={options.tone} volume={options.amplitude} "
            "samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=1 ! queue ! "
            "opusenc bitrate=64000 ! rtpopuspay ! "
            "application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! w.")


class Came:
    """What was heard, and when pictures came."""

    def __init__(self):
        self.sound, self.picture, self.pictures = [], None, []

    def numbers(self, began, end):
        """As in aiortc_peer.py's result."""
        steady = [t for t in self.pictures if t >= began + 3]
        return {
            "first_picture_ms": self.pictures and 1000 * (self.pictures[0] - began) or None,
            "pictures": len(self.pictures),
            "freeze_ms": max((1000 * (b - a) for a, b in zip(steady, steady[1:])), default=None),
            "fps": len([t for t in self.pictures if t > end - 3]) / 3}

    def save(self, folder, result):
        sound = np.concatenate(self.sound) if self.sound else np.zeros(0, np.float32)
        np.save(os.path.join(folder, "heard.npy"), sound)
        if self.picture is not None:
            np.save(os.path.join(folder, "seen.npy"), self.picture)
        with open(os.path.join(folder, "result.json"), "w", encoding="utf-8") as f:
            json.dump(result, f)


def request(method, url, body=None, headers=None):
    """(status, headers, text)"""
    r = urllib.request.Request(url, body.encode() if body is not None else None, headers or {},
                               method=method)
    try:
        with urllib.request.urlopen(r, timeout=10) as a:
            return a.status, a.headers, a.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read().decode()


class Peer:
    """One webrtcbin."""

    def __init__(self, options):
        self.came = Came()
        self.wanted = threading.Event()
        text = "webrtcbin name=w bundle-policy=max-bundle latency=60 "
        self.pipeline = Gst.parse_launch(
            text + (sources(options) if options.way == "send" else ""))
        self.w = self.pipeline.get_by_name("w") or self.pipeline
        if not isinstance(self.pipeline, Gst.Pipeline):  # one element alone
            self.pipeline = Gst.Pipeline.new(None)
            self.pipeline.add(self.w)
        # libnice leaves loopback out of its host candidates; here there is nothing else. PyGObject
        # takes webrtcbin's own (floating) reference of it, so this one has to stay.
        self.ice = self.w.get_property("ice-agent")
        self.ice.emit("add-local-ip-address", options.address)
        self.w.connect("on-negotiation-needed", lambda _: self.wanted.set())
        self.w.connect("pad-added", self.on_pad)
        if options.way == "receive":
            for caps in (CAPS["audio"], CAPS[options.codec]):
                self.w.emit("add-transceiver",
                            GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY,
                            Gst.Caps.from_string(caps))

    def on_pad(self, _, pad):
        """A stream of the other side's."""
        if pad.direction != Gst.PadDirection.SRC:
            return
        name = pad.get_current_caps().get_structure(0).get_string("encoding-name")
        sink = Gst.parse_bin_from_description(
            f"queue ! {DECODERS[name]} ! appsink name=out emit-signals=true sync=false "
            "max-buffers=50", True)
        sink.get_by_name("out").connect(
            "new-sample", self.on_sound if name == "OPUS" else self.on_picture)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def on_sound(self, sink):
        buffer = sink.emit("pull-sample").get_buffer()
        self.came.sound.append(np.frombuffer(
            buffer.extract_dup(0, buffer.get_size()), np.float32))
        return Gst.FlowReturn.OK

    def on_picture(self, sink):
        sample = sink.emit("pull-sample")
        size, buffer = sample.get_caps().get_structure(0), sample.get_buffer()
        width, height = size.get_int("width")[1], size.get_int("height")[1]
        self.came.pictures.append(time.monotonic())
        if len(self.came.pictures) % 15 == 0:
            rows = np.frombuffer(buffer.extract_dup(0, buffer.get_size()), np.uint8)
            rows = rows.reshape(height, -1)[:, :width * 3]
            self.came.picture = rows.reshape(height, width, 3)
        return Gst.FlowReturn.OK

    def description(self, text, kind):
        _, message = GstSdp.SDPMessage.new_from_text(text)
        return GstWebRTC.WebRTCSessionDescription.new(kind, message)

    def ask(self, signal, argument):
        """An action of webrtcbin's: its promise, which holds the reply."""
        promise = Gst.Promise.new()
        self.w.emit(signal, argument, promise)
        promise.wait()
        return promise

    def offer(self):
        """Our description, with all candidates."""
        if not self.wanted.wait(5):
            raise SystemExit("nothing to negotiate")
        promise = self.ask("create-offer", None)
        reply = promise.get_reply()  # each is a part of the one before, and gone with it
        offer = reply.get_value("offer")
        text = offer.sdp.as_text()
        self.ask("set-local-description",
                 self.description(text, GstWebRTC.WebRTCSDPType.OFFER))
        end = time.monotonic() + 5
        while self.state("ice-gathering-state") != "complete" and time.monotonic() < end:
            time.sleep(0.01)
        description = self.w.get_property("local-description")
        return description.sdp.as_text()

    def answer(self, text):
        self.ask("set-remote-description",
                 self.description(text, GstWebRTC.WebRTCSDPType.ANSWER))

    def state(self, name="connection-state"):
        return self.w.get_property(name).value_nick


def run(options):
    peer = Peer(options)
    began = time.monotonic()
    peer.pipeline.set_state(Gst.State.PLAYING)
    offer = peer.offer()
    posted = time.monotonic()
    status, head, text = request("POST", options.url, offer, {"Content-Type": "application/sdp"})
    if status != 201:
        raise SystemExit(f"POST {options.url}: {status} {text}")
    peer.answer(text)
    where = re.match(r"https?://[^/]+", options.url).group(0) + head["Location"]
    end, connected, stop = began + options.seconds, None, os.path.join(options.out, "stop")
    while time.monotonic() < end and not os.path.exists(stop) and peer.state() != "failed":
        connected = connected or (time.monotonic() if peer.state() == "connected" else None)
        time.sleep(0.05)
    result = {"where": where, "state": peer.state(),
              "connect_ms": connected and 1000 * (connected - posted)}
    result.update(peer.came.numbers(posted, time.monotonic()))
    result["deleted"] = request("DELETE", where)[0]
    peer.pipeline.set_state(Gst.State.NULL)
    peer.came.save(options.out, result)
    os._exit(0)  # see Peer.ice


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--url", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--way", choices=["send", "receive"], required=True)
    p.add_argument("--tone", type=float, default=440)
    p.add_argument("--amplitude", type=float, default=0.09)
    p.add_argument("--colour", default="128,128,128")
    p.add_argument("--size", default="320x180")
    p.add_argument("--fps", type=int, default=15)
    p.add_argument("--codec", choices=list(ENCODERS), default="vp8")
    p.add_argument("--seconds", type=float, default=10)
    p.add_argument("--address", default="127.0.0.1")
    options = p.parse_args()
    Gst.init(None)
    loop = GLib.MainLoop()
    threading.Thread(target=loop.run, daemon=True).start()
    run(options)


if __name__ == "__main__":
    main()
