"""A bad network between one browser and the server: a UDP port that everything of one ICE pair goes
through. The browser takes it for the server's candidate, the server for the browser's."""
import heapq
import random
import select
import socket
import threading
import time

from lib.relay import Way


class IceRelay:
    """port: what the browser sends to. Each packet is lost, held and overtaken by itself (seeded)."""

    def __init__(self, case, ports, seed=1):
        self.port = ports.take(2)
        self.up, self.down = Way(), Way()  # browser to server, server to browser
        self._random = random.Random(seed)
        self._front, self._back = self._socket(self.port), self._socket(self.port + 1)
        self._browser = self._server = None
        self._queue, self._count, self._stop = [], 0, False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        case.cleanup(self.close)

    @staticmethod
    def _socket(port):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.bind(("127.0.0.1", port))
        s.setblocking(False)
        return s

    def aim(self, candidates):
        """The server's candidates, as its answer has them: [{"address": ..., "port": ...}]."""
        first = next(c for c in candidates if ":" not in c["address"])
        self._server = (first["address"], first["port"])

    def close(self):
        """Ends it."""
        self._stop = True
        self._thread.join(2)
        self._front.close()
        self._back.close()

    def _take(self, way, out, to, data, now):
        lost = to is None or way.drops(self._random)
        way.note(lost, False)
        if lost:
            return
        self._count += 1
        at = now + (way.delay_ms + self._random.random() * way.jitter_ms) / 1000
        heapq.heappush(self._queue, (at, self._count, way, out, to, data))

    def _forward(self, now):
        while self._queue and self._queue[0][0] <= now:
            at, _, way, out, to, data = heapq.heappop(self._queue)
            way.late_max_ms = max(way.late_max_ms, (now - at) * 1000)
            way.passed += 1
            try:
                out.sendto(data, to)
            except OSError:
                pass  # that side has closed its port

    def _read(self, s, now):
        try:
            while True:
                data, source = s.recvfrom(65536)
                if s is self._front:
                    self._browser = source
                    self._take(self.up, self._back, self._server, data, now)
                else:
                    self._take(self.down, self._front, self._browser, data, now)
        except OSError:
            pass  # all read, or a refused packet's echo

    def _run(self):
        while not self._stop:
            wait = self._queue[0][0] - time.monotonic() if self._queue else 0.1
            for s in select.select([self._front, self._back], [], [], min(max(wait, 0), 0.1))[0]:
                self._read(s, time.monotonic())
            self._forward(time.monotonic())
