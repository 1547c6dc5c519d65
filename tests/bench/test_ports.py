"""Unit tests of what rows start programs with: ports that never meet, and another program that has one."""
import os
import socket
import sys
import tempfile
import unittest
from unittest import mock

import common
import ports
import servers


def bound(port, kind=socket.SOCK_DGRAM):
    s = socket.socket(socket.AF_INET, kind)
    s.bind(("127.0.0.1", port))
    return s


class Ports(unittest.TestCase):
    """A range of its own for each; the kernel says where nobody is."""

    def setUp(self):
        self.first = self.find(200)
        os.environ["BENCH_PORTS"] = f"{self.first}-{self.first + 199}"
        ports._range = None
        self.addCleanup(setattr, ports, "_range", None)
        self.addCleanup(os.environ.pop, "BENCH_PORTS")

    @staticmethod
    def find(count):
        """So many in a row that are free now."""
        before, ports._range = ports._range, None
        first = ports.take(count)
        ports._range = before
        return first

    def test_no_port_is_given_twice_before_all_were(self):
        for _ in range(20):
            ports._range = None # begins anywhere
            seen = set()
            for count in (4, 2, 36, 5, 68):
                first = ports.take(count)
                mine = set(range(first, first + count))
                self.assertFalse(seen & mine, "given out twice")
                self.assertEqual(first % 2, 0)
                self.assertTrue(mine <= set(range(self.first, self.first + 200)))
                if seen and first < min(seen): # all the way round
                    break
                seen |= mine

    def test_those_of_others_are_left_out(self):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with bound(self.first + 99, kind):
                for _ in range(20):
                    first = ports.take(60)
                    self.assertNotIn(self.first + 99, range(first, first + 60))

    def test_a_range_that_is_full_says_so(self):
        with bound(self.first + 99):
            self.assertRaises(OSError, ports.take, 150)
        self.assertEqual(ports.take(200), self.first)
        self.assertRaises(OSError, ports.take, 201)

    def test_who_meets_another_program_tries_thrice(self):
        tries = []

        def unlucky(times):
            tries.append(1)
            if len(tries) <= times:
                ports.check("bench: cannot bind: Address already in use\n")
            return "done"
        self.assertEqual(ports.again(lambda: unlucky(2)), "done")
        self.assertEqual(len(tries), 3)
        tries.clear()
        self.assertRaises(ports.InUse, ports.again, lambda: unlucky(3))
        self.assertEqual(len(tries), 3)

    def test_other_troubles_are_not_tried_again(self):
        tries = []

        def broken():
            tries.append(1)
            raise OSError("no such file")
        self.assertRaises(OSError, ports.again, broken)
        self.assertEqual(len(tries), 1)

    def test_a_feed_says_that_a_port_is_taken(self):
        first = ports.take(8)
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(common, "FOLDER", folder), \
                bound(first + 2):
            self.assertRaises(ports.InUse, servers.Feed, {}, "360p", [], [], (first, first + 2))
            feed = servers.Feed({}, "360p", [], [], (first, first + 4))
            self.assertEqual(feed.stop(), 0.0)

    def test_a_server_that_meets_another_program_takes_other_ports(self):
        first = ports.take(8)
        chosen = []

        def unlucky(count, real=ports.take):
            chosen.append(first if not chosen else real(count))
            return chosen[-1]
        with tempfile.TemporaryDirectory() as folder, mock.patch("meeting.FOLDER", folder), \
                mock.patch("ports.take", unlucky), bound(first):
            server = servers.meeting.Server(2, http=True)
            self.assertNotEqual(server.sip, first)
            self.assertEqual(len(chosen), 6)
            self.assertIsNone(server.child.poll())
            server.stop()


if __name__ == "__main__":
    if not os.path.exists("build/tests/bench_feed"):
        sys.exit(77)
    unittest.main()
