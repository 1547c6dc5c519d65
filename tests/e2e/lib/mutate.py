"""Good messages made bad, by a seed."""

WORDS = [b"", b"\0", b"\r\n", b"\r\n\r\n", b" ", b";", b",", b"%00", b"%", b"\"", b"<", b">", b"@",
         b":", b"[", b"]", b"-1", b"0", b"4294967296", b"99999999999999999999", b"\xff" * 9, b"/",
         b"A" * 300, b"127.0.0.1", b"[::1]", b"INVITE", b"BYE", b"SIP/2.0", b"a=",
         b"m=audio 0 x y\r\n"]


def spoil(rng, data, words=WORDS, most=3000):
    """One to four mutations: bits, bytes, pieces doubled, cut, exchanged, words put in. most: bytes."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at, n = rng.randrange(len(data) + 1), rng.choice((1, 1, 2, 4, 16, 60))
        kind = rng.randrange(7)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at:at + n] = rng.randbytes(min(n, len(data) - at))
        elif kind == 2:
            data[at:at] = data[at:at + n] * rng.choice((1, 2, 20))
        elif kind == 3:
            del data[at:at + n]
        elif kind == 4:
            data[at:at + rng.choice((0, n))] = rng.choice(words)
        elif kind == 5:
            del data[at:]
        else:
            lines = bytes(data).split(b"\r\n")
            rng.shuffle(lines)
            data = bytearray(b"\r\n".join(lines))
        del data[most:]
    return bytes(data)
