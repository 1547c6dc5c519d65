#!/usr/bin/env python3
"""Holds the README's tour of the source: every file and folder that it names in backquotes is there.

usage: tour.py SOURCE_DIR

A name with a folder is a path (of the repository, or below `server`, `net` and the like); one without is some
file's name. What a run leaves behind (bench/, demo/, build/) is none of the source.
"""
import fnmatch
import os
import pathlib
import re
import sys

LEFT_BY_RUNS = ("bench/", "build/", "demo/", "recordings/")
SKIPPED = {"build", "build-asan", "build-tsan", "build-fuzz", "node_modules", ".git"}
NAME = re.compile(r"`([\w.*-]+(?:/[\w.*-]+)*\.(?:c|h|py|js|mjs|css|html|sh)|(?:scripts|tests|server|net|codec|mixer)/[\w/.*-]*)`")


def main():
    root = pathlib.Path(sys.argv[1])
    names = set()
    for _, folders, files in os.walk(root):
        folders[:] = [f for f in folders if f not in SKIPPED]
        names.update(files)
    wrong = []
    for number, line in enumerate((root / "README.md").read_text(encoding="utf-8").splitlines(), 1):
        for name in NAME.findall(line):
            if name.startswith(LEFT_BY_RUNS):
                continue
            found = any(root.glob(name.rstrip("/"))) if "/" in name else (
                bool(fnmatch.filter(names, name)))
            if not found:
                wrong.append(f"README.md:{number}: there is no {name}")
    print("\n".join(wrong) if wrong else "all files that the README names are there")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
