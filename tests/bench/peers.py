"""The same work done by others: command lines of a GStreamer pipeline and of ffmpeg that take N senders'
VP8 and Opus by RTP, compose 1280x720 at 30 pictures/s, mix the sound, and send both by RTP. Encoders are
set as ours are (codec/venc_vpx.c, venc_openh264.c), as far as each lets them be set."""
CANVAS_BPS, OPUS_BPS = 1500000, 32000
# ffmpeg's first hundred canvases show still pictures, in less time than they last: it makes good what it
# missed while it looked at its inputs. VP8's encoder then has a reference of 47 dB that nothing
# replaces, worth 2 dB for as long as the clip sways about the same place. A keyframe when its inputs move
# is a start like that of the others.
KEYFRAME_AT_S = 8


def gstreamer(ports, to, rects, codec):
    """ports: (audio, video) of each sender; to: where the result goes; rects: (x, y, w, h) of each."""
    pads = " ".join(f"sink_{i}::xpos={x} sink_{i}::ypos={y} sink_{i}::width={w} sink_{i}::height={h}"
                    for i, (x, y, w, h) in enumerate(rects))
    encoder = {
        "vp8": f"vp8enc deadline=1 cpu-used=-8 threads=1 end-usage=cbr target-bitrate={CANVAS_BPS} "
               "lag-in-frames=0 error-resilient=0 keyframe-mode=disabled min-quantizer=2 "
               "max-quantizer=56 undershoot=100 overshoot=100 buffer-size=400 buffer-initial-size=200 "
               "buffer-optimal-size=250 max-intra-bitrate=400 "
               "! rtpvp8pay mtu=1200 picture-id-mode=15-bit pt=98",
        "h264": f"openh264enc complexity=low rate-control=bitrate bitrate={CANVAS_BPS} multi-thread=1 "
                "enable-frame-skip=false gop-size=100000 deblocking=on scene-change-detection=false "
                "background-detection=false adaptive-quantization=false "
                "! rtph264pay mtu=1200 config-interval=-1 pt=97"}[codec]
    out = (f"compositor name=c background=black start-time-selection=first {pads} "
           f"! video/x-raw,format=I420,width=1280,height=720,framerate=30/1 ! queue ! {encoder} "
           f"! udpsink host=127.0.0.1 port={to[1]} sync=false async=false "
           f"audiomixer name=a ! audio/x-raw,rate=48000,channels=1 ! queue "
           f"! opusenc bitrate={OPUS_BPS} complexity=5 frame-size=20 bitrate-type=cbr "
           f"audio-type=generic ! rtpopuspay pt=111 "
           f"! udpsink host=127.0.0.1 port={to[0]} sync=false async=false ")
    for i, (audio, video) in enumerate(ports):
        out += (f'udpsrc port={video} buffer-size=4000000 caps="application/x-rtp,media=video,'
                f'clock-rate=90000,encoding-name=VP8,payload=98" ! rtpjitterbuffer latency=40 '
                f"! rtpvp8depay ! vp8dec threads=1 ! queue ! c.sink_{i} "
                f'udpsrc port={audio} caps="application/x-rtp,media=audio,clock-rate=48000,'
                f'encoding-name=OPUS,payload=111,encoding-params=(string)2" '
                f"! rtpjitterbuffer latency=40 ! rtpopusdepay ! opusdec "
                f"! audio/x-raw,rate=48000,channels=1 ! queue ! a.sink_{i} ")
    return ["gst-launch-1.0", "-q"] + _words(out)


def _words(text):
    """As a shell would cut it; the quotes go."""
    return [w.replace('"', "") for w in text.split()]


def sdp(ports):
    """One description for ffmpeg: all senders' lines."""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    for audio, video in ports:
        lines += [f"m=video {video} RTP/AVP 98", "a=rtpmap:98 VP8/90000",
                  f"m=audio {audio} RTP/AVP 111", "a=rtpmap:111 opus/48000/2"]
    return "\r\n".join(lines) + "\r\n"


def ffmpeg(sdp_path, n, to, rects, codec):
    tiles = "".join(f"[0:v:{i}]fps=30,scale={w}:{h}:flags=area[v{i}];"
                    for i, (_, _, w, h) in enumerate(rects))
    layout = "|".join(f"{x}_{y}" for x, y, _, _ in rects)
    video = "".join(f"[v{i}]" for i in range(n))
    sound = "".join(f"[0:a:{i}]" for i in range(n))
    pictures = f"{tiles}{video}xstack=inputs={n}:layout={layout}:fill=black,pad=1280:720[v]"
    voices = f"{sound}amix=inputs={n}:normalize=0,aformat=channel_layouts=mono[a]"
    encoder = {
        "vp8": ["libvpx", "-deadline", "realtime", "-cpu-used", "-8", "-lag-in-frames", "0",
                "-minrate", str(CANVAS_BPS), "-maxrate", str(CANVAS_BPS),
                "-bufsize", str(CANVAS_BPS * 4 // 10), "-rc_init_occupancy", str(CANVAS_BPS // 5),
                "-undershoot-pct", "100", "-overshoot-pct", "100", "-qmin", "2", "-qmax", "56",
                "-max-intra-rate", "400"],
        "h264": ["libx264", "-preset", "superfast", "-tune", "zerolatency", "-profile:v", "baseline",
                 "-maxrate", str(CANVAS_BPS), "-bufsize", str(CANVAS_BPS // 2)]}[codec]
    return (["ffmpeg", "-v", "error", "-nostdin", "-protocol_whitelist", "file,rtp,udp",
             "-fflags", "nobuffer", "-analyzeduration", "0", "-probesize", "32", "-use_wallclock_as_timestamps", "1",
             "-buffer_size", "4000000", "-reorder_queue_size", "16",
             "-threads", "1", "-i", sdp_path, "-filter_complex_threads", "1",
             "-filter_complex", pictures, "-filter_complex", voices,
             "-map", "[v]", "-c:v", *encoder, "-b:v", str(CANVAS_BPS), "-g", "100000", "-threads", "1",
             "-force_key_frames", str(KEYFRAME_AT_S), "-r", "30", "-payload_type", {"vp8": "98", "h264": "97"}[codec],
             "-f", "rtp", f"rtp://127.0.0.1:{to[1]}?pkt_size=1200",
             "-map", "[a]", "-c:a", "libopus", "-b:a", str(OPUS_BPS), "-vbr", "off",
             "-compression_level", "5", "-frame_duration", "20", "-application", "audio",
             "-payload_type", "111", "-f", "rtp", f"rtp://127.0.0.1:{to[0]}?pkt_size=1200"])
