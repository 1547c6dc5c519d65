"""Each refusal under its own code, with the headers that go with it, outside and inside a call; and
the call of a bystander goes on."""
from lib import case
from lib.phone import Phone
from lib.server import Server

TELEPHONE = ["m=audio 6000 RTP/AVP 18", "a=rtpmap:18 G729/8000"]


def first(phone, headers=(), body=None, room="room", **options):
    """The answer to the first INVITE of a call that is not to be."""
    phone.new_dialog()
    cseq = phone.send("INVITE", room, headers, phone.sdp() if body is None else body, **options)
    answer = phone.response(cseq)
    phone.acknowledge(answer)
    if answer.status == 200:
        phone.bye()
    return answer


def outside(phone, method, headers=(), body="", **options):
    """The answer to a request outside calls."""
    phone.new_dialog()
    return phone.response(phone.send(method, "room", headers, body, **options))


def invites(c, phone):
    """First INVITEs."""
    good = first(phone)
    c.check(good.status == 200 and "isfocus" in good.get("Contact"), "a good one: 200")
    rows = (
        ("malformed description", first(phone, body="v=0\r\nm=audio x RTP/AVP 0\r\n"), 400, "Warning"),
        ("impossible room", first(phone, room="a%00b"), 404, "Warning"),
        ("another body", first(phone, body="hello", kind="text/plain"), 415, "Accept"),
        ("a compressed body", first(phone, ["Content-Encoding: gzip"]), 415, "Accept"),
        ("an unknown extension", first(phone, ["Require: foo, timer"]), 420, "Unsupported"),
        ("no common codec", first(phone, body=phone.sdp(lines=TELEPHONE)), 488, "Warning"),
        ("secured without a key", first(phone, body=phone.sdp(lines=["m=audio 6000 RTP/SAVP 0"])),
         488, "Warning"),
        ("too short a session", first(phone, ["Supported: timer", "Session-Expires: 30"]), 422,
         "Min-SE"),
    )
    for name, answer, status, header in rows:
        c.check(answer.status == status and answer.get(header),
                f"{name}: {answer.status}, {header}: {answer.get(header)}")
    c.check(first(phone, ["Accept: text/plain"]).status == 406, "Accept without application/sdp: 406")
    c.check(first(phone, ["Accept: text/plain, application/*;q=0.5"]).status == 200,
            "Accept that covers it: 200")
    c.check(first(phone, ["Max-Forwards: 0"]).status == 200,
            "Max-Forwards 0: we are the end of the way (RFC 4475, zeromf), so 200")
    for cseq in (2 ** 31, 2 ** 32 - 1):
        answer = first(phone, cseq=cseq)
        c.check(answer.status == 400, f"CSeq {cseq}: {answer.status} {answer.first}")


def strays(c, phone):
    """Outside calls."""
    for method, status in (("MESSAGE", 405), ("SUBSCRIBE", 405), ("PUBLISH", 405), ("REGISTER", 405),
                           ("NOSUCH", 501), ("INFO", 481), ("BYE", 481), ("UPDATE", 481),
                           ("PRACK", 481), ("NOTIFY", 481), ("REFER", 403)):
        answer = outside(phone, method, ["Event: refer", "Subscription-State: active",
                                         "Refer-To: <sip:x@127.0.0.1>", "RAck: 1 1 INVITE"])
        c.check(answer.status == status, f"{method} outside a call: {answer.first}")
        if status == 405:
            c.check("INVITE" in answer.get("Allow"), "with Allow")


def inside(c, phone):
    """In a call: it goes on."""
    phone.new_dialog()
    c.check(phone.call("inside").status == 200, "a call")
    for name, method, options, status in (
            ("no common codec", "INVITE", {"body": phone.sdp(lines=TELEPHONE)}, 488),
            ("malformed", "INVITE", {"body": "v=0\r\nm=audio x RTP/AVP 0\r\n"}, 400),
            ("another body", "INVITE", {"body": "x", "kind": "text/plain"}, 415),
            ("an unknown extension", "INVITE",
             {"body": phone.sdp(), "headers": ["Require: foo"]}, 420),
            ("another body", "INFO", {"body": "x", "kind": "text/plain"}, 415),
            ("no key", "INFO", {"body": "Signal=x", "kind": "application/dtmf-relay"}, 400),
            ("nothing", "INFO", {}, 200),
            ("text", "MESSAGE", {"body": "hello", "kind": "text/plain"}, 405),
            ("unknown", "NOSUCH", {}, 501),
            ("stray", "PRACK", {"headers": ["RAck: 1 1 INVITE"]}, 481),
            ("stray", "NOTIFY", {"headers": ["Event: refer", "Subscription-State: active"]}, 481),
            ("an old number", "OPTIONS", {"cseq": 1}, 500),
            ("a good one", "INVITE", {"body": phone.sdp()}, 200)):
        last = phone.cseq
        answer = phone.ask(method, **options)
        c.check(answer.status == status, f"{method} in a call, {name}: {answer.first}")
        phone.cseq = max(phone.cseq, last)
        if answer.status == 488:
            c.check(answer.get("Warning").startswith("399 "), "with Warning")
        if answer.status == 415:
            c.check(answer.get("Accept"), "with Accept")


def full(c):
    """503 with Retry-After."""
    server = Server(c, "limits.legs=1")
    one = Phone(c, server, "one", 700)
    c.check(one.call("room").status == 200, "one is there")
    answer = first(Phone(c, server, "late", 900))
    c.check(answer.status == 503 and int(answer.get("Retry-After")) > 0,
            f"no more callers: 503, Retry-After {answer.get('Retry-After')}")
    one.bye()
    c.check(server.stop() == 0, "this server ends well")


def test(c):
    server = Server(c, "sip.refer=all")
    bystander, other = Phone(c, server, "bystander", 700), Phone(c, server, "other", 1500)
    c.check([p.call("inside").status for p in (bystander, other)] == [200, 200], "two are there")
    phone = Phone(c, server, "phone", 1100)
    invites(c, phone)
    strays(c, phone)
    inside(c, phone)
    c.check(bystander.hears(phone) and phone.hears(bystander, settle=0), "in the end all are heard")
    for one in (bystander, other, phone):
        one.bye()
    c.wait_for(lambda: not server.api("conferences")["conferences"], 4, "all rooms are gone")
    c.check(server.stop() == 0, "the server ends well")
    full(c)


case.main(test, clients=())
