"""A bad network between mcu_peer and the server: a UDP relay for RTP and RTCP in both
directions with seeded loss, bursts, jitter, duplicates and a limited rate. It runs in a thread
of the test, which may change what it does at any time."""
import heapq
import random
import select
import socket
import threading
import time

LINES = 4  # sound, its RTCP, pictures, their RTCP
PORTS = 2 * LINES


class Way:
    """What happens to packets in one direction. Loss and duplicates in percent."""

    def __init__(self):
        self.loss = self.duplicate = 0.0
        self.burst = 1            # packets that are lost one after the other, on average
        self.jitter_ms = 0        # each packet is held for up to so long: they overtake each other
        self.delay_ms = 0
        self.bps = 0              # 0: no limit; what queues for over a second is lost
        self.blackout_until = 0.0  # nothing passes before this time, ...
        self.hold = False         # ... or it comes all at once at its end
        self.passed = self.lost = self.doubled = self.late_max_ms = 0
        self.close = 0            # losses of sound with at most one packet since the one before
        self._since_loss = 9
        self._in_burst = False
        self.free_at = 0.0

    def blackout(self, seconds, hold=False):
        """From now on nothing passes for so long."""
        self.hold = hold
        self.blackout_until = time.monotonic() + seconds

    def drops(self, rng):
        """Whether the next packet is lost: `loss` percent in all, in runs of `burst` (Gilbert's model)."""
        share = min(self.loss / 100, 0.99)
        begin = share / (self.burst * (1 - share))
        self._in_burst = rng.random() < (1 - 1 / self.burst if self._in_burst else begin) \
            if self.burst > 1 else rng.random() < share
        return self._in_burst

    def note(self, lost, sound):
        """Counts a packet."""
        self.lost += lost
        if sound:
            self.close += lost and self._since_loss <= 1
            self._since_loss = 0 if lost else self._since_loss + 1


class Relay:
    """Ports base..base+3 are the caller's as the server sees him (see peer --relay), base+4..base+7
    the server's as the caller sees it. Each side is known by what it sends."""

    def __init__(self, case, ports, seed=1):
        self.base = ports.take(PORTS)
        self.up, self.down = Way(), Way()  # caller to server, server to caller
        self._random = random.Random(seed)
        self._sockets = []
        for i in range(PORTS):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            s.bind(("127.0.0.1", self.base + i))
            s.setblocking(False)
            self._sockets.append(s)
        self._sides = [None] * PORTS
        self._queue, self._count = [], 0
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        case.cleanup(self.close)

    def close(self):
        """Ends it."""
        self._stop = True
        self._thread.join(2)
        for s in self._sockets:
            s.close()

    def _when(self, way, size, now):
        """The time at which a packet leaves, or None when it is lost."""
        if way.drops(self._random):
            return None
        at = now
        if now < way.blackout_until:
            if not way.hold:
                return None
            at = way.blackout_until
        if way.bps:
            at = way.free_at = max(at, way.free_at) + size * 8 / way.bps
            if at - now > 1:
                way.free_at -= size * 8 / way.bps
                return None
        return at + (way.delay_ms + self._random.random() * way.jitter_ms) / 1000

    def _take(self, i, data, now):
        way = self.down if i < LINES else self.up
        at = self._when(way, len(data), now)
        way.note(at is None, i % LINES == 0)
        if at is None:
            return
        self._count += 1
        heapq.heappush(self._queue, (at, self._count, i, data))
        if self._random.random() * 100 < way.duplicate:
            way.doubled += 1
            self._count += 1
            heapq.heappush(self._queue, (at + 0.002, self._count, i, data))

    def _forward(self, now):
        while self._queue and self._queue[0][0] <= now:
            at, _, i, data = heapq.heappop(self._queue)
            way = self.down if i < LINES else self.up
            way.late_max_ms = max(way.late_max_ms, (now - at) * 1000)
            other = (i + LINES) % PORTS
            if self._sides[other]:
                way.passed += 1
                try:
                    self._sockets[other].sendto(data, self._sides[other])
                except OSError:
                    pass  # that side has closed its port

    def _run(self):
        by_socket = {s: i for i, s in enumerate(self._sockets)}
        while not self._stop:
            wait = self._queue[0][0] - time.monotonic() if self._queue else 0.1
            for s in select.select(self._sockets, [], [], min(max(wait, 0), 0.1))[0]:
                try:
                    while True:
                        data, source = s.recvfrom(65536)
                        self._sides[by_socket[s]] = source
                        self._take(by_socket[s], data, time.monotonic())
                except OSError:
                    pass  # all read, or a refused packet's echo
            self._forward(time.monotonic())
