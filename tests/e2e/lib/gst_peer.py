"""A WHIP publisher or WHEP player on GStreamer's webrtcbin with plain HTTP, as a program; options and
what it leaves are those of aiortc_peer.py. Debian's python3-gi and GStreamer's packages."""
import argparse
import os
import re
import sys
import threading
import time

import gi
import numpy as np

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib.plain_http import request  # noqa: E402
from lib.plain_peer import save, Came  # noqa: E402

ENCODERS = {
    "vp8": "vp8enc deadline=1 cpu-used=8 target-bitrate=400000 keyframe-max-dist=60 ! "
           "rtpvp8pay ! application/x-rtp,media=video,encoding-name=VP8,payload=96",
    "h264": "openh264enc bitrate=400000 complexity=low gop-size=60 ! "
            "video/x-h264,profile=constrained-baseline ! h264parse ! "
            "rtph264pay config-interval=-1 aggregate-mode=zero-latency ! "
            "application/x-rtp,media=video,encoding-name=H264,payload=96",
}
DECODERS = {
    "VP8": "rtpvp8depay ! vp8dec ! videoconvert ! video/x-raw,format=RGB",
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
        # libnice leaves loopback out of its host candidates; here there is nothing else.
        self.w.get_property("ice-agent").emit("add-local-ip-address", options.address)
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
        # A message of its own: the one inside a promise's reply is gone with the reply.
        _, message = GstSdp.SDPMessage.new_from_text(text)
        return GstWebRTC.WebRTCSessionDescription.new(kind, message)

    def ask(self, signal, argument):
        """An action of webrtcbin's, and its reply."""
        promise = Gst.Promise.new()
        self.w.emit(signal, argument, promise)
        promise.wait()
        return promise.get_reply()

    def offer(self):
        """Our description, with all candidates."""
        if not self.wanted.wait(5):
            raise SystemExit("nothing to negotiate")
        text = self.ask("create-offer", None).get_value("offer").sdp.as_text()
        self.ask("set-local-description",
                 self.description(text, GstWebRTC.WebRTCSDPType.OFFER))
        end = time.monotonic() + 5
        while self.state("ice-gathering-state") != "complete" and time.monotonic() < end:
            time.sleep(0.01)
        return self.w.get_property("local-description").sdp.as_text()

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
    save(options.out, peer.came, result)


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
