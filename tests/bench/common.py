"""What the row families of scripts/bench share: the clip, the programs of tests/bench, the folder.

A row family is a module of this folder with two functions:
  run(options) -> list of rows   measures, prints its own table; a row is a dict that JSON can hold.
                                 row["ok"] = False: what was due was not delivered (INCOMPLETE)
  plots(rows, folder)            writes its SVG files into the folder; nothing where nothing is worth it
A row that has "what" and "who" takes the place of its like where --only measures a part.
options: .quick and .full (bool), .seconds (to measure a row for: 3, 8, 24),
.only (a text, mostly empty)."""
import json
import os
import subprocess

PHOTO = "/usr/share/backgrounds/friends_by_Aitzol_Berasategi.jpg"
FOLDER = "bench"
CLIP_FRAMES = 90
# Two heads at a window, cut from the photograph; they sway as a caller does, before a camera whose
# sensor makes noise.
SCENE = ("crop=2056:1156:0:620,scale=1440:810:flags=area,loop=-1:1,"
         "crop=1280:720:x='80+30*sin(n/11)':y='45+20*sin(n/7)',noise=alls=7:allf=t,format=yuv420p")


def make_clip():
    """The path of raw I420 of 1280x720; made once."""
    path = os.path.join(FOLDER, "clip.yuv")
    if not os.path.exists(path):
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", PHOTO, "-vf", SCENE, "-frames:v",
                        str(CLIP_FRAMES), "-f", "rawvideo", path + ".part"], check=True)
        os.rename(path + ".part", path)
    return path


def program(name, *arguments):
    """The rows that a program of tests/bench prints."""
    out = subprocess.run([os.path.join("build/tests", name), *arguments], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def mark(row):
    """What stands behind a row of a table."""
    return "" if row.get("ok", True) else "  INCOMPLETE"


def keep(name, rows):
    """For rows that are made of other rows (cost.py)."""
    with open(os.path.join(FOLDER, f"{name}.rows.json"), "w", encoding="utf-8") as f:
        json.dump(rows, f)
