"""Offers within a call, both ways, judged by who hears whom: the operator's hold and resume (an
offer of ours), glare, an offer that is refused, UPDATE with and without a body, the version of
o=."""
import time

from lib import case
from lib.phone import Phone, version_of
from lib.server import Server


def post(server, leg, what):
    """Asks for something to be done to a leg."""
    return server.http(f"/api/v1/legs/{leg}/{what}", {})[0]


def leg_of(server, room, name):
    """The leg of the participant of this name."""
    return next(p["leg"] for p in server.participants(room) if p["name"] == name)


def meet(c, server, room):
    """Two phones in a room, who hear each other."""
    anna, ben = Phone(c, server, "anna", 700), Phone(c, server, "ben", 1100)
    for phone in (anna, ben):
        c.check(phone.call(room).status == 200, f"{phone.name} is in {room}")
    c.wait_for(lambda: len(server.participants(room)) == 2, 3, "two in the room")
    c.check(anna.hears(ben) and ben.hears(anna, settle=0), "they hear each other")
    return anna, ben


def offered(c, phone, direction):
    """The server's next offer, which must say so, with isfocus in its Contact."""
    invite = phone.request("INVITE")
    c.check(f"a={direction}" in invite.body and "isfocus" in invite.get("Contact"),
            f"{phone.name} is offered a={direction}, by a conference")
    return invite


def accept(phone, invite, direction, headers=()):
    """200 with this direction, and its ACK."""
    phone.take_media(invite)
    phone.answer(invite, "200 OK", headers, phone.sdp(direction))
    return phone.request("ACK")


def hold(c, server):
    """The operator puts a leg on hold and takes it back."""
    anna, ben = meet(c, server, "hold")
    leg = leg_of(server, "hold", "ben")
    c.check(post(server, leg, "hold") == 202, "hold is taken on")
    invite = offered(c, ben, "inactive")
    accept(ben, invite, "inactive")
    first = version_of(invite)
    c.check(not anna.hears(ben) and not ben.hears(anna, settle=0), "on hold: neither hears")
    answer = ben.ask("INVITE", body=ben.sdp("sendrecv"))
    c.check("a=inactive" in answer.body, "an offer of sendrecv by who is held: inactive")
    c.check(not anna.hears(ben) and not ben.hears(anna, settle=0), "and still neither hears")
    c.check(post(server, leg, "resume") == 202, "resume is taken on")
    invite = offered(c, ben, "sendrecv")
    c.check(version_of(invite) > first, "under a higher version")
    accept(ben, invite, "sendrecv")
    c.check(anna.hears(ben) and ben.hears(anna, settle=0), "resumed: they hear each other")
    c.check([len(server.events(k)) for k in ("leg-held", "leg-resumed")] == [1, 1], "events tell")
    c.check(post(server, 9999, "hold") == 404, "no such leg: 404")
    return anna, ben, leg


def refused(c, server, anna, ben, leg):
    """An offer of ours that the phone refuses: the session goes on as it was."""
    before = version_of(ben.ask("INVITE", body=ben.sdp()))
    for status in ("488 Not Acceptable Here", "500 Server Error", "603 Declined"):
        post(server, leg, "hold")
        invite = offered(c, ben, "inactive")
        ben.answer(invite, status)
        c.check(ben.request("ACK").get("CSeq").endswith("ACK"), f"{status} is acknowledged")
    c.wait_for(lambda: len(server.events("leg-offer-refused")) == 3, 2, "events tell")
    c.check(anna.hears(ben) and ben.hears(anna, settle=0), "all refused: they hear each other")
    after = version_of(ben.ask("INVITE", body=ben.sdp()))
    again = version_of(ben.ask("INVITE", body=ben.sdp()))
    c.check(after > before and again == after,
            f"versions {before}, refused, {after}, and unchanged {again}")


def glare(c, server, anna, ben, leg):
    """Both offer at once: theirs gets 491, and so does ours, which comes again."""
    post(server, leg, "hold")
    ours = offered(c, ben, "inactive")
    ben.send("INVITE", body=ben.sdp())
    answer = ben.response()
    c.check(answer.status == 491, "an offer that meets ours: 491")
    ben.acknowledge(answer)
    ben.answer(ours, "491 Request Pending")
    ben.request("ACK")
    start = time.monotonic()
    c.check(ben.ask("INVITE", body=ben.sdp()).status == 200, "theirs is taken when it comes again")
    c.check(anna.hears(ben, settle=0.2, seconds=0.5) or time.monotonic() - start > 1.5,
            "sound goes on meanwhile")
    again = ben.request("INVITE", 4.5)
    waited = time.monotonic() - start
    c.check(waited <= 2.3, f"ours again after {waited:.2f} s (they made the Call-ID: 0 to 2 s)")
    ben.answer(again, "500 Later", ["Retry-After: 1"])
    ben.request("ACK")
    start = time.monotonic()
    again = ben.request("INVITE", 3)
    c.check(time.monotonic() - start > 0.8, "and after 500 with Retry-After once more")
    accept(ben, again, "inactive")
    c.check(not anna.hears(ben), "held in the end")
    post(server, leg, "resume")
    accept(ben, offered(c, ben, "sendrecv"), "sendrecv")
    c.check(anna.hears(ben), "and back")


def glare_of_the_caller(c, server):
    """Of a call of ours: 2.1 to 4 s."""
    phone = Phone(c, server, "callee", 900)
    server.http("/api/v1/conferences/out/call", {"uri": f"sip:callee@127.0.0.1:{phone.own}"})
    phone.called(phone.request("INVITE"))
    c.wait_for(lambda: len(server.participants("out")) == 1, 3, "who was called is in the room")
    leg = leg_of(server, "out", "callee")
    post(server, leg, "hold")
    phone.answer(offered(c, phone, "inactive"), "491 Request Pending")
    phone.request("ACK")
    start = time.monotonic()
    again = phone.request("INVITE", 5)
    waited = time.monotonic() - start
    c.check(2.0 <= waited <= 4.3, f"ours again after {waited:.2f} s (our Call-ID: 2.1 to 4 s)")
    accept(phone, again, "inactive")
    phone.bye()


def overlap(c, server, ben):
    """A second offer of theirs while the first is open: 500 with Retry-After."""
    first = ben.send("INVITE", body=ben.sdp())
    answer = ben.response(first)
    c.check(answer.status == 200, "a re-INVITE is answered, and its ACK is kept back")
    ben.send("INVITE", body=ben.sdp())
    second = ben.response()
    c.check(second.status == 500 and 0 <= int(second.get("Retry-After").split()[0]) <= 10,
            "another one meanwhile: 500 with Retry-After")
    ben.acknowledge(second)
    last, ben.cseq = ben.cseq, first
    ben.acknowledge(answer)
    ben.cseq = last
    delayed = ben.send("INVITE")
    answer = ben.response(delayed)
    c.check(answer.status == 200 and "m=audio" in answer.body, "one without an offer gets ours")
    update = ben.ask("UPDATE", body=ben.sdp())
    c.check(update.status == 491, "an UPDATE before our offer has its answer: 491")
    ben.cseq, last = delayed, ben.cseq
    ben.acknowledge(answer, ben.sdp())
    ben.cseq = last


def updates(c, server, anna, ben):
    """Address, port and codec change by UPDATE."""
    version = version_of(ben.ask("INVITE", body=ben.sdp()))
    answer = ben.ask("UPDATE")
    c.check(answer.status == 200 and not answer.body and "isfocus" in answer.get("Contact"),
            "an UPDATE without a body: 200 without one")
    answer = ben.ask("UPDATE", body=ben.sdp(version=ben.version))
    c.check(answer.status == 200 and version_of(answer) == version, "the same again: no new version")
    ben.open_media()
    answer = ben.ask("UPDATE", body=ben.sdp())
    c.check(answer.status == 200 and version_of(answer) == version, "another port: no version of ours")
    c.check(ben.hears(anna) and anna.hears(ben, settle=0), "heard at the new port")
    ben.codec = "pcma"
    answer = ben.ask("UPDATE", body=ben.sdp())
    c.check("RTP/AVP 8" in answer.body and version_of(answer) == version + 1,
            "another codec: version + 1")
    c.check(ben.hears(anna) and anna.hears(ben, settle=0), "heard in the new codec")
    answer = ben.ask("UPDATE", body=ben.sdp(address="0.0.0.0"))
    c.check(answer.status == 200 and not ben.hears(anna), "0.0.0.0 by UPDATE: nothing comes")
    g729 = ["m=audio 9 RTP/AVP 18", "a=rtpmap:18 G729/8000"]
    answer = ben.ask("UPDATE", body=ben.sdp(lines=g729))
    c.check(answer.status == 488 and answer.get("Warning"), "an impossible one: 488 with Warning")
    answer = ben.ask("UPDATE", body=ben.sdp())
    c.check(answer.status == 200 and ben.hears(anna) and anna.hears(ben, settle=0),
            "and back: they hear each other")
    c.check(ben.ask("UPDATE", body="x", kind="text/plain").status == 415, "another body: 415")


def early(c, server):
    """UPDATE before the call is answered."""
    phone = Phone(c, server, "early", 900)
    server.http("/api/v1/conferences/early/call", {"uri": f"sip:early@127.0.0.1:{phone.own}"})
    invite = phone.request("INVITE")
    phone.ring(invite)
    phone.answer(invite, "180 Ringing", ["Require: 100rel", "RSeq: 1"])
    prack = phone.request("PRACK", 1, fail=False)
    if prack:
        phone.answer(prack, "200 OK")
    answer = phone.ask("UPDATE", body=phone.sdp())
    c.check(answer.status in (491, 481), f"an offer of theirs while ours is open: {answer.status}")
    phone.answer(invite, "200 OK", (), phone.sdp())
    phone.request("ACK")
    c.wait_for(lambda: len(server.participants("early")) == 1, 3, "the call goes on")
    phone.bye()


def lines(c, server):
    """Second video lines, BFCP and H.224 keep their places, also later in a call."""
    phone = Phone(c, server, "lines", 900)
    extra = ["m=video 0 RTP/AVP 97", "m=video 7002 RTP/AVP 98", "a=rtpmap:98 H264/90000",
             "a=content:slides", "m=application 7004 UDP/BFCP *", "a=floorctrl:c-s",
             "m=application 7006 RTP/AVP 100", "a=rtpmap:100 H224/4800"]
    sound = [f"m=audio {phone.port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000"]
    want = ["audio", "video", "video", "application", "application"]
    for method in ("INVITE", "INVITE", "UPDATE"):
        body = phone.sdp(lines=sound + extra)
        answer = phone.ask(method, body=body) if phone.their_tag else phone.call("lines", body=body)
        got = [line[2:].split() for line in answer.body.split("\r\n") if line.startswith("m=")]
        c.check([g[0] for g in got] == want and [g[1] == "0" for g in got] == [False] + 4 * [True],
                f"{method}: five lines in order, the last four refused")
        c.check("isfocus" in answer.get("Contact"), "isfocus in the Contact")
    phone.bye()


def test(c):
    server = Server(c, "listen.http_control=true")
    anna, ben, leg = hold(c, server)
    refused(c, server, anna, ben, leg)
    glare(c, server, anna, ben, leg)
    overlap(c, server, ben)
    updates(c, server, anna, ben)
    glare_of_the_caller(c, server)
    early(c, server)
    lines(c, server)
    post(server, leg, "hold")
    ben.request("INVITE")  # never answered
    for phone in (anna, ben):
        phone.bye()
    c.wait_for(lambda: not server.api("conferences")["conferences"], 3, "all rooms are gone")
    c.check(server.stop() == 0, "the server ends well")


case.main(test, clients=())
