"""What an hour of one participant costs: processor time of the server and bytes that it sends, of rows that
were measured before (rooms, viewers) or are measured now."""
import json
import os

import common
import rooms
import viewers


def _earlier(name, what):
    """A row of the last run, if it was whole."""
    path = os.path.join(common.FOLDER, f"{name}.rows.json")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as f:
        return next((r for r in json.load(f) if r["what"] == what and r["ok"]), None)


def run(options):
    """A phone in a sound room of 50, and a viewer of 720p among 200."""
    room = next(r for r in rooms.ROOMS if r[0] == "Opus room of 50, 3 speak")
    sources = (_earlier("rooms", room[0]) or rooms.measure(*room, options),
               _earlier("viewers", "4 x 360p VP8 in, 200 viewers") or viewers.measure(200, None, options))
    rows = []
    print("\ncost of one participant for an hour")
    for r in sources:
        people = r.get("viewers") or r["legs"]
        rows.append({"what": r["what"], "cpu_s_an_hour": round(r["cpu"] * 3600 / people, 2),
                     "mbytes_an_hour": round(r["bytes_delivered"] / r["seconds"] * 3600 / people / 1e6, 1),
                     "people": people, "ok": r["ok"], "complete": r["ok"]})
        print(f"{rows[-1]['what']:34}{rows[-1]['cpu_s_an_hour']:>8} s of a core{rows[-1]['mbytes_an_hour']:>9} MB sent")
    return rows


def plots(rows, folder):
    """Nothing: the table says it."""
