"""Good messages and packets to begin with, and what spoils them, by a seed."""
import struct

from lib import rawcall

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


def sip_messages(own, uri):
    """Good ones of several kinds to begin with."""
    invite = rawcall.request("INVITE", uri, own, body=rawcall.offer(9000, 9002))
    refer = rawcall.request("REFER", uri, own, extra="Refer-To: <sip:a@127.0.0.1>\r\n")
    return [m.encode() for m in (
        invite, refer, *(rawcall.request(method, uri, own) for method in
                         ("OPTIONS", "BYE", "CANCEL", "ACK", "INFO", "UPDATE", "REGISTER",
                          "SUBSCRIBE", "PRACK", "MESSAGE")),
        rawcall.request("INVITE", uri, own, extra="Session-Expires: 90;refresher=uac\r\n"
                        "Supported: timer,100rel,replaces\r\nReplaces: a;to-tag=b;from-tag=c\r\n"
                        "Record-Route: <sip:127.0.0.1;lr>, <sip:a@127.0.0.2;lr>\r\n"
                        "Allow: INVITE, INFO\r\nUser-Agent: mutant\r\n"),
        "SIP/2.0 200 OK" + invite[invite.index("\r\n"):],
        "SIP/2.0 401 No" + invite[invite.index("\r\n"):])]


SDP = rawcall.offer(9000, 9002) + (
    "a=fmtp:98 max-fr=30;max-fs=3600\r\nm=video 9010 RTP/AVPF 97\r\nb=TIAS:500000\r\n"
    "a=rtpmap:97 H264/90000\r\na=fmtp:97 profile-level-id=42e01f;packetization-mode=1;"
    "sprop-parameter-sets=Z0LAHtkA2D3m4QAAAwABAAADADwPFi5I,aMuMsg==\r\n"
    "a=rtcp:9011 IN IP4 127.0.0.1\r\na=rtcp-fb:* ccm fir\r\na=extmap:1 urn:x\r\n"
    "a=content:slides\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 "
    "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"
    "m=application 9 UDP/BFCP *\r\na=ptime:20\r\n"
    "m=audio 9020 RTP/AVP 111 101\r\na=rtpmap:111 opus/48000/2\r\n"
    "a=fmtp:111 useinbandfec=1;usedtx=1\r\n"
    "a=rtpmap:101 telephone-event/48000\r\na=fmtp:101 0-15\r\n")

VP8 = bytes((0x90, 0x80, 0x01, 0x30, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00))

_MARK = b"\0\0\0\x55"  # stands for an SSRC of the server
_THEIRS = 0x55
RTCP = [
    struct.pack("!BBHIQIII", 0x80, 200, 6, 0x77, 0xe9d0c0b180000000, 1, 2, 3),
    struct.pack("!BBHIIIIIII", 0x81, 201, 7, 0x77, _THEIRS, 1, 2, 3, 4, 5),
    struct.pack("!BBHI", 0x81, 202, 3, 0x77) + b"\x01\x03abc\0\0\0",
    struct.pack("!BBHI", 0x81, 203, 1, 0x78),
    struct.pack("!BBHII", 0x81, 206, 2, 0x77, _THEIRS),
    struct.pack("!BBHIIII", 0x84, 206, 4, 0x77, 0, _THEIRS, 7 << 24),
    struct.pack("!BBHIIII", 0x83, 205, 4, 0x77, 0, _THEIRS, 0xffffffff),
    struct.pack("!BBHI", 0x80, 204, 2, 0x77) + b"name",
    struct.pack("!BBHI", 0x80, 207, 1, 1)]


def rtp_packet(rng, seq, video, ssrc):
    """One of PCMU or of VP8, now and then with extensions, CSRCs or padding."""
    payload = VP8 + rng.randbytes(200) if video else rawcall.PCMU_SILENCE
    packet = rawcall.rtp(seq, seq * (3000 if video else 160), ssrc, payload, 98 if video else 0,
                         video)
    kind = rng.randrange(12)
    if kind == 0:
        extension = b"\xbe\xde\0\2" + b"\x10\x85\x32" + rng.randbytes(3) + b"\0\0"
        return bytes([packet[0] | 0x10]) + packet[1:12] + extension + packet[12:]
    if kind == 1:
        return bytes([packet[0] | 2]) + packet[1:12] + rng.randbytes(8) + packet[12:]
    if kind == 2:
        return bytes([packet[0] | 0x20]) + packet[1:] + b"\0\0\0\4"
    return packet


def rtcp_packet(rng, theirs):
    """A report and up to three others in one; theirs: the SSRC that they speak of."""
    packet = rng.choice(RTCP[:2]) + b"".join(rng.choices(RTCP, k=rng.randrange(4)))
    return packet.replace(_MARK, theirs)
