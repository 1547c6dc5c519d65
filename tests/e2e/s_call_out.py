"""A room calls: who answers is heard and takes part; who does not is told of; a challenge of the
realm that was named gets a digest, another gets none."""
import hashlib
import re
import time

from lib import baresip, case, measure, media
from lib.digest import Agent
from lib.server import Server


def call(server, room, **what):
    """Asks the server to call: (status, body)."""
    return server.http(f"/api/v1/conferences/{room}/call", what)


def answers(c, server):
    """A client that answers is in the room, and both sides are heard."""
    ports = server.ports
    callee = baresip.Caller(c, ports, "callee", "pcmu", media.tone(700, 8000, 20, 0.1))
    other = baresip.Caller(c, ports, "other", "pcmu", media.tone(1100, 8000, 20, 0.1), "h264", 3)
    callee.listen(14)
    other.dial(server.uri("room"), 14)
    c.wait_for(lambda: len(server.participants("room")) == 1, 8, "one caller")
    status, text = call(server, "room", uri=f"sip:callee@127.0.0.1:{callee.sip_port}")
    c.check(status == 202 and '"leg":' in text, f"the call is taken on: {status} {text}")
    c.wait_for(lambda: len(server.participants("room")) == 2, 8, "whom we called takes part")
    c.check({p["name"] for p in server.participants("room")} == {"callee", "other"},
            "under the name that was called")
    time.sleep(4)
    picture = other.picture()
    c.check(picture.shape[1] > 0 and picture.std() > 5, "the canvas is seen")
    callee.hang_up()
    c.wait_for(lambda: len(server.participants("room")) == 1, 5, "it leaves when it hangs up")
    other.hang_up()
    for caller, hz in ((callee, 1100), (other, 700)):
        heard = caller.heard()
        loudest = max(measure.tones_db(heard[at:at + 48000], [700, 1100])[[700, 1100].index(hz)]
                      for at in range(0, max(1, len(heard) - 48000), 24000))
        c.check(loudest > -30, f"{caller.name} hears {hz} Hz at {loudest:.1f} dB")


def refused(c, server):
    """What the callee says against it becomes an event."""
    phone = Agent(c, server.sip_port)
    status, _ = call(server, "lonely", uri=f"sip:x@127.0.0.1:{phone.own}")
    invite = phone.receive()
    c.check(status == 202 and invite.first.startswith("INVITE"), "the phone is called")
    c.check("isfocus" in invite.get("Contact") and "m=audio" in invite.body, "as by a conference")
    phone.answer(invite, "183 Session Progress", "v=0\r\n")  # early media: passed over
    phone.answer(invite, "486 Busy Here")
    event = c.wait_for(lambda: server.events("call-failed"), 3, "an event")[-1]
    c.check("486" in str(event) and event["conference"] == "lonely", f"says so: {event}")
    c.check(phone.receive().first.startswith("ACK"), "and the refusal is acknowledged")
    c.wait_for(lambda: not server.conference("lonely"), 3, "the room is gone")
    for body in ({}, {"uri": "tel:1"}, {"uri": "sip:a@h", "user": "x"}, {"uri": "sip:a b@h"},
                 {"uri": "sip:a@h?Subject=x"}, {"uri": "sip:a@h\r\nX: y"}, {"uri": 5}):
        status, text = call(server, "lonely", **body)
        c.check(status == 400, f"{body}: {status}")
    c.check(call(server, "a*b", uri="sip:a@h")[0] == 404, "an impossible room: 404")


def challenges(c, server, realm, status="401 Unauthorized", header="WWW-Authenticate"):
    """Calls a phone with credentials for the realm "ours"; the requests that it gets after a
    challenge of this realm."""
    phone = Agent(c, server.sip_port)
    call(server, "digest", uri=f"sip:x@127.0.0.1:{phone.own}", realm="ours", user="us",
         password="sesame")
    invite = phone.receive()
    c.check("Authorization" not in invite.text, "no digest before it is asked for")
    phone.answer(invite, f"{status}\r\n{header}: Digest realm=\"{realm}\", nonce=\"n1\", "
                 f"algorithm=SHA-256, qop=\"auth\"")
    c.check(phone.receive().first.startswith("ACK"), "the challenge is acknowledged")
    return phone


def foreign_realm(c, server):
    """A challenge of another realm ends the call."""
    phone = challenges(c, server, "theirs")
    phone.socket.settimeout(1)
    try:
        text = phone.socket.recv(65536).decode()
    except OSError:
        text = ""
    c.check(not text, "another realm gets no digest, nor a second call " + text)
    c.check("401" in str(server.events("call-failed")[-1]), "it is told as refused")


def own_realm(c, server):
    """The named realm gets the right one, once."""
    for status, header, name in (("401 Unauthorized", "WWW-Authenticate", "Authorization"),
                                 ("407 Proxy", "Proxy-Authenticate", "Proxy-Authorization")):
        phone = challenges(c, server, "ours", status, header)
        invite = phone.receive()
        text = invite.get(name)
        given = dict(re.findall(r'(\w+)="?([^",\s]+)', text))
        first = hashlib.sha256(b"us:ours:sesame").hexdigest()
        second = hashlib.sha256(("INVITE:" + given["uri"]).encode()).hexdigest()
        want = hashlib.sha256(f"{first}:n1:{given['nc']}:{given['cnonce']}:auth:{second}"
                              .encode()).hexdigest()
        c.check(given["response"] == want, f"our realm gets the right digest in {name}")
        phone.answer(invite, f"{status}\r\n{header}: Digest realm=\"ours\", nonce=\"n2\", "
                     "algorithm=SHA-256, qop=\"auth\"")
        c.check(phone.receive().first.startswith("ACK"), "refused again")
        c.wait_for(lambda: status[:3] in str(server.events("call-failed")[-1]), 3,
                   "the same password is not tried twice")


def between_servers(c, server):
    """One server's room calls another's, with a digest of SHA-256; both see a participant."""
    path = c.path("far.yaml")
    with open(path, "w", encoding="utf-8") as out:
        out.write("sip: {auth: invite, realm: far, accounts: ['near:open sesame']}\n")
    far = Server(c, config_file=path)
    call(server, "bridge", uri=far.uri("room"), realm="far", user="near", password="open sesame")
    c.wait_for(lambda: len(far.participants("room")) == 1 and
               len(server.participants("bridge")) == 1, 5, "two rooms in one call")
    call(server, "bridge", uri=far.uri("room"), realm="far", user="near", password="wrong")
    c.wait_for(lambda: any("401" in str(e) and e["conference"] == "bridge"
                           for e in server.events("call-failed")), 5, "a wrong password is told of")
    for one in (server, far):
        c.check("sesame" not in one.process.log(), "no password is in the log")
    c.check(far.stop() == 0, "the far server ends well")


def test(c):
    server = Server(c, "listen.http_control=true")
    refused(c, server)
    foreign_realm(c, server)
    own_realm(c, server)
    between_servers(c, server)
    answers(c, server)
    c.check(server.stop() == 0, "the server ends well")


case.main(test)
