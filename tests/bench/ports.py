"""Ports for what the rows start. None is given out twice in a run until the whole range was, so that who
has not bound his yet does not lose them to the next one. Another program may still take one in
between: that is InUse, and tried again with other ports, a few times."""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
from lib.ports import is_free  # noqa: E402

TRIES = 3
IN_USE = "address already in use"


class InUse(OSError):
    """A port that was free when it was chosen is somebody else's."""


class _Range:
    """Below the ports that the kernel gives away; begins anywhere, so that two runs at a time seldom meet."""

    def __init__(self):
        low, high = (int(p) for p in os.environ.get("BENCH_PORTS", "10000-31999").split("-"))
        self.low, self.high = low + low % 2, high
        self.next = random.randrange(self.low, self.high, 2)


_range = None


def take(count):
    """The first, an even one, of so many ports that nobody uses."""
    global _range
    _range = _range or _Range()
    first, tried = _range.next, 0
    while tried <= 2 * (_range.high - _range.low): # wherever it begins
        if first + count - 1 > _range.high:
            tried += _range.high + 1 - first
            first = _range.low
            continue
        taken = next((p for p in range(first, first + count) if not is_free(p)), None)
        if taken is None:
            _range.next = first + count + count % 2
            return first
        tried += taken + 1 - first
        first = taken + 1 + (taken + 1) % 2
    raise OSError(f"no {count} free ports in {_range.low}-{_range.high}")


def check(said):
    """Raises InUse where a program's last words are that a port is."""
    if IN_USE in said.lower():
        raise InUse(said.strip().splitlines()[-1])


def again(make):
    """What make() returns, who chooses ports each time."""
    for _ in range(TRIES - 1):
        try:
            return make()
        except InUse:
            pass
    return make()
