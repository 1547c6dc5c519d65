"""Session timers (RFC 4028) in both roles, with short times: we refresh by UPDATE, or by INVITE
where the peer takes none; a peer who never refreshes, never confirms or never lets go holds nothing
up."""
import re
import time
import urllib.request

from lib import case
from lib.phone import Phone, version_of
from lib.server import Server

EXPIRES_S = 5
TIMER = "Supported: timer"
NO_UPDATE = "Allow: INVITE, ACK, BYE, CANCEL, INFO"


def expires(message):
    """(seconds, refresher) of Session-Expires."""
    found = re.match(r"(\d+)(?:.*refresher=(\w+))?", message.get("Session-Expires"))
    return (int(found.group(1)), found.group(2)) if found else (0, None)


def we_refresh(c, server):
    """Without a timer of the caller's, or with refresher=uas, it is us."""
    uas = [TIMER, f"Session-Expires: {EXPIRES_S};refresher=uas"]
    for name, headers in (("plain", []), ("uas", uas)):
        phone = Phone(c, server, name, 700)
        answer = phone.call("we", headers)
        c.check(expires(answer) == (EXPIRES_S, "uas"), f"{name}: {answer.get('Session-Expires')}")
        for _ in range(2):
            update = phone.request("UPDATE", EXPIRES_S)
            c.check(not update.body and "isfocus" in update.get("Contact") and
                    expires(update) == (EXPIRES_S, "uac"), f"{name}: refreshed by UPDATE")
            phone.answer(update, "200 OK", [TIMER, f"Session-Expires: {EXPIRES_S};refresher=uac"])
        version = version_of(answer)
        phone.answer(phone.request("UPDATE", EXPIRES_S), "501 Not Implemented")
        invite = phone.request("INVITE", 2)
        c.check(version_of(invite) == version and "isfocus" in invite.get("Contact"),
                f"{name}: UPDATE refused: an INVITE with what stands, version {version}")
        phone.answer(invite, "200 OK", [TIMER, f"Session-Expires: {EXPIRES_S};refresher=uac"],
                     phone.sdp(version=phone.version))
        phone.request("ACK")
        phone.bye()


def we_refresh_by_invite(c, server):
    """A caller whose Allow has no UPDATE, also after an offer of ours that he refused."""
    phone = Phone(c, server, "old", 700)
    answer = phone.call("old", [NO_UPDATE])
    leg = c.wait_for(lambda: server.participants("old"), 3, "he is in the room")[0]["leg"]
    server.http(f"/api/v1/legs/{leg}/hold", {})
    phone.answer(phone.request("INVITE"), "488 No")
    phone.request("ACK")
    invite = phone.request("INVITE", EXPIRES_S)
    c.check("a=sendrecv" in invite.body and version_of(invite) > version_of(answer),
            "refreshed by INVITE with what stands, not with what was refused")
    phone.answer(invite, "200 OK", [NO_UPDATE], phone.sdp(version=phone.version))
    phone.request("ACK")
    again = phone.request("INVITE", EXPIRES_S)
    c.check(version_of(again) == version_of(invite), "and again, unchanged")
    phone.answer(again, "200 OK", [NO_UPDATE], phone.sdp(version=phone.version))
    phone.request("ACK")
    phone.bye()


def they_refresh(c, server):
    """refresher=uac: who refreshes stays, who does not is hung up on."""
    good, bad = Phone(c, server, "good", 700), Phone(c, server, "bad", 1100)
    wish = [TIMER, f"Session-Expires: {EXPIRES_S};refresher=uac"]
    for phone in (good, bad):
        answer = phone.call("they", wish)
        c.check(expires(answer) == (EXPIRES_S, "uac") and "timer" in answer.get("Require"),
                f"{phone.name}: {answer.get('Session-Expires')}")
    start = time.monotonic()
    for step in range(3):
        time.sleep(2)
        method, body = ("UPDATE", "") if step < 2 else ("INVITE", good.sdp(version=good.version))
        answer = good.ask(method, wish, body)
        c.check(answer.status == 200 and expires(answer) == (EXPIRES_S, "uac"), f"{method} refreshes")
    bye = bad.request("BYE", 1)
    bad.answer(bye, "200 OK")
    c.wait_for(lambda: [p["name"] for p in server.participants("they")] == ["good"], 2,
               "only who refreshed is there")
    c.say(f"after {time.monotonic() - start:.1f} s: {bye.get('Reason')}")
    good.bye()


def too_short(c, server):
    """422 both ways."""
    phone = Phone(c, server, "short", 700)
    answer = phone.call("short", [TIMER, "Session-Expires: 1"])
    c.check(answer.status == 422 and int(answer.get("Min-SE")) >= 2,
            f"1 s: 422 with Min-SE {answer.get('Min-SE')}")
    phone.new_dialog()
    server.http("/api/v1/conferences/short/call", {"uri": f"sip:short@127.0.0.1:{phone.own}"})
    invite = phone.request("INVITE")
    c.check(expires(invite)[0] == EXPIRES_S, "our call says how long")
    phone.answer(invite, "422 Session Interval Too Small", ["Min-SE: 8"])
    phone.request("ACK")
    invite = phone.request("INVITE")
    c.check(expires(invite)[0] == 8 and invite.get("Min-SE") == "8", "422: once more with 8 s")
    phone.called(invite, headers=[TIMER, "Require: timer", "Session-Expires: 8;refresher=uas"])
    start = time.monotonic()
    bye = phone.request("BYE", 9)
    c.check(6 < time.monotonic() - start < 8.2, "the callee was to refresh and did not: BYE")
    phone.answer(bye, "200 OK")


def callee(c, server):
    """Of a call of ours we refresh where the callee leaves it to us."""
    phone = Phone(c, server, "callee", 700)
    server.http("/api/v1/conferences/callee/call", {"uri": f"sip:callee@127.0.0.1:{phone.own}"})
    ours = [TIMER, f"Session-Expires: {EXPIRES_S};refresher=uac"]
    phone.called(phone.request("INVITE"), headers=ours)
    update = phone.request("UPDATE", EXPIRES_S)
    c.check("isfocus" in update.get("Contact"), "refreshed by UPDATE")
    phone.answer(update, "200 OK", ours)
    phone.bye()


def dead_peers(c, server):
    """Neither ACK nor any answer to BYE: all is given back (T1 is 50 ms, so after 3.2 s each)."""
    silent, gone = Phone(c, server, "silent", 700), Phone(c, server, "gone", 1100)
    silent.send("INVITE", "dead", (), silent.sdp())
    c.check(silent.response().status == 200, "a call is answered, and no ACK comes")
    gone.call("dead")
    c.wait_for(lambda: server.participants("dead"), 3, "who confirms is in the room")
    leg = next(p["leg"] for p in server.participants("dead") if p["name"] == "gone")
    server.http(f"/api/v1/legs/{leg}/hold", {})  # not answered either
    gone.request("INVITE")
    request_delete(server, leg)
    gone.request("BYE")
    start = time.monotonic()
    silent.request("BYE", 5)
    c.wait_for(lambda: not server.api("conferences")["conferences"], 8, "nobody is in a room")
    c.wait_for(lambda: server.metrics()["tessera_rtp_port_pairs_used"] == 0, 8, "ports are back")
    c.wait_for(lambda: '"calls":0' in server.http("/healthz")[1], 8, "calls are back")
    c.say(f"all is back after {time.monotonic() - start:.1f} s")


def request_delete(server, leg):
    """DELETE of a leg."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.http_port}/api/v1/legs/{leg}",
                                     headers={"Content-Type": "application/json"},
                                     method="DELETE")
    urllib.request.urlopen(request, timeout=5).close()


def test(c):
    server = Server(c, "listen.http_control=true", f"sip.session_expires_s={EXPIRES_S}",
                    "sip.min_se_s=2", "sip.t1_ms=50")
    we_refresh(c, server)
    we_refresh_by_invite(c, server)
    they_refresh(c, server)
    too_short(c, server)
    callee(c, server)
    dead_peers(c, server)
    c.check(server.stop() == 0, "the server ends well")


case.main(test, clients=())
