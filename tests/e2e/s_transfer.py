"""REFER both ways and Replaces (RFC 3515, 4488, 3891), judged by who hears whom: a caller has the
room call somebody, the operator sends a leg elsewhere, a call takes the place of another; and who
may not."""
import re
import time

from lib import case, digest
from lib.phone import Phone
from lib.server import Server


def frag(notify):
    """Status and state that a NOTIFY tells of."""
    return (int(notify.body.split()[1]) if notify.body else 0,
            notify.get("Subscription-State").split(";")[0])


def notified(c, phone, want):
    """The next NOTIFY, which must say this; it is answered."""
    notify = phone.request("NOTIFY")
    phone.answer(notify, "200 OK")
    c.check(frag(notify) == want and notify.get("Content-Type").startswith("message/sipfrag") and
            notify.get("Event").startswith("refer") and "isfocus" in notify.get("Contact"),
            f"{phone.name} is told {want}: {notify.get('Event')}, {notify.get('Subscription-State')}")
    return notify


def refer(phone, target, *headers):
    """A REFER within the call."""
    return phone.ask("REFER", [f"Refer-To: <sip:{target.name}@127.0.0.1:{target.own}>", *headers])


def in_room(c, server, room, names):
    """Waits until exactly these are in the room."""
    c.wait_for(lambda: sorted(p["name"] for p in server.participants(room)) == sorted(names), 4,
               f"in {room}: {', '.join(names)}")


def theirs(c, server):
    """A caller asks the room to call somebody."""
    anna, ben, cora = (Phone(c, server, n, hz) for n, hz in
                       (("anna", 700), ("ben", 1100), ("cora", 1500)))
    anna.call("party")
    answer = refer(anna, ben)
    c.check(answer.status == 202 and "isfocus" in answer.get("Contact"), "REFER: 202")
    notified(c, anna, (100, "active"))
    again = refer(anna, cora)
    c.check(again.status == 491, "another one meanwhile: 491")
    invite = ben.request("INVITE")
    ben.answer(invite, "180 Ringing")
    ben.called(invite)
    notified(c, anna, (200, "terminated"))
    in_room(c, server, "party", ["anna", "ben"])
    c.check(anna.hears(ben) and ben.hears(anna, settle=0), "they hear each other")
    c.check(refer(anna, cora).status == 202, "the next one is taken")
    notified(c, anna, (100, "active"))
    cora.answer(cora.request("INVITE"), "486 Busy Here")
    cora.request("ACK")
    notified(c, anna, (486, "terminated"))
    c.check(anna.hears(ben, settle=0), "who was there still is")

    answer = refer(anna, cora, "Refer-Sub: false", "Supported: norefersub")
    c.check(answer.status == 202 and answer.get("Refer-Sub") == "false", "Refer-Sub: false is honoured")
    cora.called(cora.request("INVITE"))
    in_room(c, server, "party", ["anna", "ben", "cora"])
    c.check(anna.request("NOTIFY", 0.5, fail=False) is None, "and nobody is told")
    c.check(refer(anna, cora, "Refer-Sub: false").status == 202, "one that ends as its asker goes")
    anna.bye()
    invite = cora.request("INVITE")
    cora.answer(invite, "486 Busy Here")
    c.check(ben.hears(cora), "the others go on")
    for phone in (ben, cora):
        phone.bye()


def attended(c, server):
    """anna has called the room and, on another line, cora; she has the room take cora's call over (RFC
    5589 7): cora gets an INVITE that names her call with anna."""
    anna, ben, cora = (Phone(c, server, n, hz) for n, hz in
                       (("anna", 700), ("ben", 1100), ("cora", 1500)))
    anna.call("consult")
    ben.call("consult")
    named = "cora-and-anna%40127.0.0.1%3Bto-tag%3D77%2e1%3Bfrom-tag%3Da7"
    target = f"Refer-To: <sip:cora@127.0.0.1:{cora.own}?Replaces={named}>"
    c.check(anna.ask("REFER", [target]).status == 202, "Refer-To with Replaces: 202")
    notified(c, anna, (100, "active"))
    invite = cora.request("INVITE")
    c.check(invite.get("Replaces").replace(" ", "") == "cora-and-anna@127.0.0.1;to-tag=77.1;from-tag=a7"
            and "replaces" in invite.get("Require") and "?" not in invite.first,
            f"cora is called with Replaces: {invite.get('Replaces')}")
    cora.called(invite)
    notified(c, anna, (200, "terminated"))
    c.check(anna.bye().status == 200, "anna leaves, as one does after that")
    in_room(c, server, "consult", ["ben", "cora"])
    c.check(ben.hears(cora) and cora.hears(ben, settle=0), "ben and cora hear each other")
    anna.new_dialog()
    anna.call("consult")
    c.check(anna.ask("REFER", [target]).status == 202, "to one who does not know that call")
    notified(c, anna, (100, "active"))
    desk = cora.request("INVITE")
    cora.answer(desk, "481 Call/Transaction Does Not Exist")
    cora.request("ACK")
    notified(c, anna, (481, "terminated"))
    in_room(c, server, "consult", ["anna", "ben", "cora"])
    for phone in (anna, ben, cora):
        phone.bye()


def bad_targets(c, server):
    """What is no address to call, and who is in no call."""
    phone = Phone(c, server, "bad", 700)
    phone.call("bad")
    for target, status in (("<tel:+4912345>", 400), ("<sip:x@h?Replaces=a>", 400),
                           ("<sip:x@h?Subject=a>", 400), ("<sip:x@h?Route=%3Csip:evil%3E>", 400),
                           ("<sip:x@h?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2&Subject=x>", 400),
                           ("<sip:x@h?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2%0d%0aRoute:x>", 400),
                           ("<sip:x@h?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2%2Cb>", 400),
                           ("<sip:x@h?Replaces=" + "a" * 400 + "%3Bto-tag%3D1%3Bfrom-tag%3D2>", 400),
                           ("<sip:x@h;method=BYE>", 400), ("<sip:" + "x" * 600 + "@h>", 400),
                           ("<sip:x@h>, <sip:y@h>", 400), ("nonsense", 400), ("<sip:>", 400)):
        answer = phone.ask("REFER", ["Refer-To: " + target])
        c.check(answer.status == status, f"Refer-To: {target[:30]}: {answer.status}")
    c.check(phone.ask("REFER").status == 400, "none: 400")
    c.check(phone.ask("OPTIONS").status == 200 and server.participants("bad"), "the call goes on")
    phone.bye()
    phone.new_dialog()
    c.check(refer(phone, phone).status == 403, "outside a call: 403")
    phone.their_tag = "nobody"
    c.check(refer(phone, phone).status == 481, "in a call that is none: 481")


def ours(c, server):
    """The operator sends a leg elsewhere."""
    phone = Phone(c, server, "goes", 700)
    phone.call("ours")
    leg = c.wait_for(lambda: server.participants("ours"), 3, "in the room")[0]["leg"]

    def transfer(uri):
        return server.http(f"/api/v1/legs/{leg}/transfer", {"uri": uri})[0]
    bad = [transfer(u) for u in ("tel:1", "sip:a b@h", "sip:x@h?a=b")]
    c.check(bad == 3 * [400], "no address: 400")
    c.check(server.http(f"/api/v1/legs/{leg}/transfer", {"room": "x"})[0] == 400, "no uri: 400")

    c.check(transfer("sip:else@192.0.2.1") == 202, "a transfer is taken on")
    request = phone.request("REFER")
    c.check("sip:else@192.0.2.1" in request.get("Refer-To") and request.get("Referred-By") and
            "isfocus" in request.get("Contact"), "the phone is asked")
    c.check(transfer("sip:more@192.0.2.1") == 409, "one at a time")
    phone.answer(request, "202 Accepted")
    event = "Event: refer;id=" + request.get("CSeq").split()[0]
    for body, state in (("SIP/2.0 100 Trying\r\n", "active;expires=60"),
                        ("SIP/2.0 503 Nobody\r\n", "terminated;reason=noresource")):
        answer = phone.ask("NOTIFY", [event, "Subscription-State: " + state], body,
                           kind="message/sipfrag;version=2.0")
        c.check(answer.status == 200, "NOTIFY of a REFER of ours: 200")
    c.wait_for(lambda: server.events("transfer-failed"), 2, "an event says that it failed")
    c.check("503" in str(server.events("transfer-failed")) and server.participants("ours"),
            "with 503, and the leg stays")
    answer = phone.ask("NOTIFY", [event, "Subscription-State: active"], "SIP/2.0 200 OK\r\n",
                       kind="message/sipfrag")
    c.check(answer.status == 481, "one more afterwards: 481")

    transfer("sip:else@192.0.2.1")
    phone.answer(phone.request("REFER"), "603 Declined")
    c.wait_for(lambda: "603" in str(server.events("transfer-failed")), 2, "refused at once: an event")
    c.check(server.participants("ours"), "and the leg stays")

    transfer("sip:else@192.0.2.1")
    request = phone.request("REFER")
    phone.answer(request, "202 Accepted")
    phone.ask("NOTIFY", ["Event: refer;id=" + request.get("CSeq").split()[0],
                         "Subscription-State: terminated;reason=noresource"], "SIP/2.0 200 OK\r\n",
              kind="message/sipfrag")
    phone.answer(phone.request("BYE"), "200 OK")
    c.wait_for(lambda: server.events("transfer-done"), 2, "done: an event, and BYE")


def replaces(phone, *more):
    """The Replaces header that names this phone's call: the server's tag, then its own."""
    return (f"Replaces: {phone.call_id};to-tag={phone.their_tag};from-tag={phone.tag}"
            + "".join(";" + m for m in more))


def in_place(c, server):
    """A call takes the place of another."""
    anna, desk, room = (Phone(c, server, n, hz) for n, hz in
                        (("anna", 700), ("desk", 1100), ("system", 1500)))
    anna.call("place")
    desk.call("place")
    in_room(c, server, "place", ["anna", "desk"])
    was = next(p["participant"] for p in server.participants("place") if p["name"] == "desk")
    wrong = [("Replaces: nobody@nowhere;to-tag=a;from-tag=b", 481),
             (replaces(desk).replace("to-tag=", "to-tag=x"), 481),
             (replaces(desk).replace("from-tag=", "from-tag=x"), 481),
             (replaces(desk, "early-only"), 486), ("Replaces: ;;;", 400),
             ("Max-Forwards: 70\r\nReplaces: ;;;", 400),  # two of one: on the list of errors too
             (f"Replaces: {desk.call_id}", 400), (f"Replaces: {desk.call_id};to-tag=a", 400),
             (replaces(desk) + "\r\n" + replaces(anna), 400)]
    for header, status in wrong:
        room.new_dialog()
        answer = room.call("elsewhere", [header])
        c.check(answer.status == status, f"{header[:60]!r}: {answer.status}")
    in_room(c, server, "place", ["anna", "desk"])
    room.new_dialog()
    c.check(room.call("elsewhere", ["Require: replaces", replaces(desk)]).status == 200,
            "with the right tags: 200")
    bye = desk.request("BYE")
    desk.answer(bye, "200 OK")
    in_room(c, server, "place", ["anna", "system"])
    now = next(p["participant"] for p in server.participants("place") if p["name"] == "system")
    c.check(now == was and not server.conference("elsewhere"), "the same participant, in its room")
    c.check(room.hears(anna) and anna.hears(room, settle=0), "who came is heard and hears")
    c.check(anna.heard_db(desk.hz, time.monotonic() - 1) < -50, "who was there is not")
    c.check(server.events("leg-replaced"), "an event tells")

    ringing, taker = Phone(c, server, "ringing", 900), Phone(c, server, "taker", 1900)
    server.http("/api/v1/conferences/place/call", {"uri": f"sip:r@127.0.0.1:{ringing.own}"})
    invite = ringing.request("INVITE")
    ringing.ring(invite)
    ringing.answer(invite, "180 Ringing")
    c.check(taker.call("elsewhere", [replaces(ringing, "early-only")]).status == 200,
            "a call of ours that rings is taken elsewhere")
    ringing.answer(ringing.request("CANCEL"), "200 OK")
    ringing.answer(invite, "487 Request Terminated")
    in_room(c, server, "place", ["anna", "system", "taker"])
    c.check(taker.hears(anna), "who took it hears the room")
    for phone in (anna, room, taker):
        phone.bye()


def with_accounts(c):
    """Where passwords are asked for: REFER of those alone who have shown one, Replaces of one's own."""
    path = c.path("accounts.yaml")
    with open(path, "w", encoding="utf-8") as out:
        out.write("sip: {auth: invite, realm: r, accounts: ['ann:a', 'bob:b']}\n")
    server = Server(c, config_file=path)
    phones = {n: Phone(c, server, n, hz) for n, hz in (("ann", 700), ("ann2", 900), ("bob", 1100))}

    def call(phone, user, password, room, *headers):
        body = phone.sdp()
        phone.send("INVITE", room, headers, body)
        answer = phone.response()
        phone.acknowledge(answer)
        challenge = next(d for d in answer.challenges() if d["algorithm"] == "SHA-256")
        value = digest.credentials(challenge, user, password, "INVITE", server.uri(room))
        return phone.call(room, [*headers, "Authorization: " + value], body)
    c.check(call(phones["ann"], "ann", "a", "secret").status == 200, "ann is in")
    c.check(call(phones["bob"], "bob", "b", "x", replaces(phones["ann"])).status == 403,
            "bob cannot take her place")
    in_room(c, server, "secret", ["ann"])
    c.check(call(phones["ann2"], "ann", "a", "x", replaces(phones["ann"])).status == 200,
            "her other phone can")
    phones["ann"].answer(phones["ann"].request("BYE"), "200 OK")
    in_room(c, server, "secret", ["ann2"])
    c.check(refer(phones["ann2"], phones["ann"]).status == 202, "who has shown a password may REFER")
    phones["ann"].answer(phones["ann"].request("INVITE"), "486 Busy")
    phones["ann2"].bye()
    c.check(server.stop() == 0, "this server ends well")


def without(c):
    """By default nobody without a password has the server call anybody; and it can be off."""
    server = Server(c)
    phone = Phone(c, server, "phone", 700)
    phone.call("room")
    c.check(refer(phone, phone).status == 403 and phone.request("INVITE", 0.3, fail=False) is None,
            "REFER without accounts: 403, nobody is called")
    phone.bye()
    server.stop()
    server = Server(c, "sip.refer=off")
    phone = Phone(c, server, "phone", 700)
    phone.call("room")
    c.check(refer(phone, phone).status == 405, "switched off: 405")
    phone.bye()
    server.stop()


def test(c):
    server = Server(c, "listen.http_control=true", "sip.refer=all")
    theirs(c, server)
    attended(c, server)
    bad_targets(c, server)
    ours(c, server)
    in_place(c, server)
    c.wait_for(lambda: not server.api("conferences")["conferences"], 4, "all rooms are gone")
    c.check(server.stop() == 0, "the server ends well")
    with_accounts(c)
    without(c)


case.main(test, clients=())
