"""What callers send, and how to read what they received: sounds, pictures, recordings."""
import os
import subprocess
import wave

import numpy as np

# Colours that stay apart after 4:2:0, limited range and a lossy codec.
COLOURS = [(200, 30, 30), (30, 160, 40), (40, 60, 220), (210, 190, 30), (30, 180, 190),
           (180, 40, 180), (230, 120, 30), (110, 110, 110), (100, 60, 20)]

# Hz, one for each caller: primes, so that no harmonic or sum of some falls on another one.
TONES = [431, 613, 839, 1061, 1297, 1549, 1811, 2089, 2383]


def ffmpeg(*args, stdin=None):
    """Runs ffmpeg and returns its standard output."""
    return subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *map(str, args)]
                          if stdin is None else
                          ["ffmpeg", "-loglevel", "error", "-y", *map(str, args)],
                          input=stdin, stdout=subprocess.PIPE, check=True, timeout=60).stdout


def tone(hz, rate, seconds, amplitude):
    """A sine as float samples, full scale 1."""
    return amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)


def write_wav(path, samples, rate, channels=1):
    """Writes float samples as 16-bit, the same on every channel."""
    pcm = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2")
    with wave.open(path, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.repeat(pcm, channels).tobytes())


def read_wav(path, rate=48000):
    """The first channel of any file that ffmpeg reads, as floats at that rate. (Its own way from
    stereo to mono would add 3 dB.)"""
    raw = ffmpeg("-i", path, "-vn", "-af", "pan=mono|c0=c0", "-ar", rate, "-f", "f32le", "-")
    return np.frombuffer(raw, "<f4").astype(np.float64)


def read_picture(path):
    """A still picture as [height][width][3] RGB."""
    size = subprocess.run(["ffprobe", "-loglevel", "error", "-select_streams", "v:0",
                           "-show_entries", "stream=width,height", "-of", "csv=p=0", path],
                          stdout=subprocess.PIPE, check=True, timeout=20).stdout.decode()
    width, height = map(int, size.strip().split(",")[:2])
    raw = ffmpeg("-i", path, "-frames:v", 1, "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
    return np.frombuffer(raw, np.uint8).reshape(height, width, 3)


def camera(path, number, width=320, height=180, fps=10, seconds=40):
    """A video-only file: the colour and the big number of this caller, and a mark near the upper edge
    that moves with each picture."""
    r, g, b = COLOURS[number % len(COLOURS)]
    size = height // 2
    picture = (f"color=c=0x{r:02x}{g:02x}{b:02x}:s={width}x{height}:r={fps},"
               f"drawtext=text='{number + 1}':fontsize={size}:fontcolor=white:"
               f"x=(w-tw)/2:y=(h-th)/2[all];"
               f"color=c=white:s={width // 16}x{height // 16}:r={fps}[mark];"
               f"[all][mark]overlay=x='mod(n*W/32,W-w)':y=H*4/100")
    ffmpeg("-f", "lavfi", "-i", picture, "-t", seconds, "-pix_fmt", "yuv420p", "-c:v", "libx264",
           "-preset", "ultrafast", "-g", fps, path)


def still(path, width, height):
    """The first picture of a file, scaled, as RGB."""
    raw = ffmpeg("-i", path, "-frames:v", 1, "-vf", f"scale={width}:{height}",
                 "-pix_fmt", "rgb24", "-f", "rawvideo", "-")
    return np.frombuffer(raw, np.uint8).reshape(height, width, 3)


def through_codec(samples, codec, folder):
    """48 kHz samples after one pass through a codec as a telephone would have them."""
    how = {"opus": ("libopus", 48000, "ogg", ("-b:a", "128k")),
           "g722": ("g722", 16000, "g722", ()),
           "pcmu": ("pcm_mulaw", 8000, "wav", ()), "pcma": ("pcm_alaw", 8000, "wav", ())}
    name, rate, container, extra = how[codec]
    raw = np.clip(samples, -1, 1).astype("<f4").tobytes()
    coded = os.path.join(folder, "through." + container)
    ffmpeg("-f", "f32le", "-ar", 48000, "-ac", 1, "-i", "-", "-ar", rate, "-c:a", name, *extra,
           "-f", container, coded, stdin=raw)
    return read_wav(coded)
