"""Ports of a test's own, so that tests can run beside each other and beside anything else."""
import os
import socket

_FIRST, _LAST, _BLOCK = 10000, 32000, 400  # below the range from which the kernel picks its own
_held = []


def is_free(port):
    """By UDP and by TCP: SIP has both."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def _take(base):
    """Holds the block for the life of this process by the name of an abstract socket."""
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lock.bind(f"\0tessera-e2e-{base}")
    except OSError:
        lock.close()
        return False
    if all(is_free(base + i) for i in range(0, _BLOCK, 20)):
        _held.append(lock)
        return True
    lock.close()
    return False


def block():
    """The first of _BLOCK ports that no other test uses."""
    count = (_LAST - _FIRST) // _BLOCK
    start = os.getpid() % count
    for i in range(count):
        base = _FIRST + (start + i) % count * _BLOCK
        if _take(base):
            return base
    raise RuntimeError("no free block of ports")


class Ports:
    """Hands out the ports of one block (more blocks when it is used up)."""

    def __init__(self):
        self._next = self._end = 0

    def take(self, count=2):
        """The first of `count` neighbouring ports, an even number."""
        count += count & 1
        if self._next + count > self._end:
            self._next = block()
            self._end = self._next + _BLOCK
        self._next += count
        return self._next - count
