"""A conference is recorded: the file plays, has everybody's tone and picture, and is still playable
when the server was killed in the middle."""
import glob
import json
import os
import signal
import subprocess
import time

from lib import case, measure, media, room
from lib.case import Failure

SETTINGS = ("recording.enabled=true", "video.fps=15", "video.width=960", "video.height=540")
RECORDED_S = 8


def probe(path):
    """What ffprobe says of a file, packets included."""
    out = subprocess.run(["ffprobe", "-loglevel", "error", "-show_streams", "-show_format",
                          "-show_entries", "packet=stream_index,pts_time", "-of", "json", path],
                         stdout=subprocess.PIPE, check=True, timeout=30).stdout
    return json.loads(out)


def times(info, kind):
    """The times of all packets of a kind, in s."""
    index = next(s["index"] for s in info["streams"] if s["codec_type"] == kind)
    return [float(p["pts_time"]) for p in info["packets"] if p["stream_index"] == index]


def recording(folder):
    """The one file in a folder."""
    files = glob.glob(os.path.join(folder, "**", "*.mkv"), recursive=True)
    if len(files) != 1:
        raise Failure(f"expected one recording, found {files}")
    return files[0]


def judge_file(c, path, callers, least_s):
    info = probe(path)
    kinds = sorted(s["codec_type"] for s in info["streams"])
    c.check(kinds == ["audio", "video"], f"it has {kinds}")
    lengths = {}
    for kind in kinds:
        at = times(info, kind)
        lengths[kind] = max(at) - min(at)
        step = max(b - a for a, b in zip(at, at[1:]))
        c.check(step < 0.21 if kind == "video" else step < 0.021,
                f"{len(at)} packets of {kind}, no gap above {step * 1000:.0f} ms")
    c.check(min(lengths.values()) >= least_s and
            abs(lengths["audio"] - lengths["video"]) < 0.2, f"it lasts {lengths} s")
    sound = measure.steady(media.read_wav(path), 4)
    levels = measure.tones_db(sound, [media.TONES[o.number] for o in callers])
    wanted = measure.tones_db(media.tone(1000, 48000, 4, room.AMPLITUDE), [1000])[0]
    c.check(abs(levels - wanted).max() <= room.WITHIN_DB,
            f"everybody's tone is in it: {levels - wanted}")
    picture = path + ".png"
    # By number: without an end to the file there is no seeking from there.
    some = len(times(info, "video")) - 10
    media.ffmpeg("-i", path, "-vf", f"select=gte(n\\,{some})", "-frames:v", 1, picture)
    return media.read_picture(picture)


def test(c):
    for killed in (False, True):
        folder = os.path.dirname(c.path("killed" if killed else "whole", "x"))
        meeting = room.Room(c, "rec", settings=(*SETTINGS, f"recording.directory={folder}"))
        meeting.add(f"anna{killed:d}", "opus", "h264")
        meeting.add(f"bert{killed:d}", "pcmu", "vp8")
        meeting.meet()
        meeting.judge_pictures()
        time.sleep(RECORDED_S)
        age = meeting.server.conference("rec")["age_s"]
        if killed:
            meeting.server.process.signal(signal.SIGKILL)
            meeting.drop()
        else:
            meeting.end()
            c.check(meeting.server.stop() == 0, "the server ended")
        c.say(f"{'killed' if killed else 'ended'} after {age:.1f} s: {recording(folder)}")
        last = judge_file(c, recording(folder), meeting.callers, age - 1)
        meeting.judge_tiles("the recording", last)


case.main(test)
