"""Kamailio in front: it pings the server with OPTIONS, real callers reach a room through it
(Record-Route, what comes within the call goes through it too) and see and hear each other; the
server registers with it with a digest, comes back before its time is over, and who calls that
address lands in the registration's room."""
from lib import case, kamailio, room
from lib.ports import Ports
from lib.server import Server


def through(meeting, proxy, user):
    """The callers of a room call the proxy instead."""
    meeting.server_uri = meeting.server.uri
    meeting.server.uri = lambda name, transport="udp": f"sip:{user}@127.0.0.1:{proxy.port}"
    meeting.meet()
    meeting.server.uri = meeting.server_uri


def judge(c, server, proxy, name, user, pictures):
    meeting = room.Room(c, name, server)
    meeting.add(f"{name}-anna", "opus", "h264")
    meeting.add(f"{name}-bert", "pcmu", "h264", transport="tcp")
    through(meeting, proxy, user)
    c.check(len(server.participants(name)) == 2, f"two are in {name}")
    if pictures:
        meeting.judge_pictures()
    # baresip records nothing any more of what it hears once it has been held: who held is judged by what
    # he heard before, the other one by what he hears after.
    meeting.listen()
    for word in ("hold", "resume"):
        before = [proxy.log().count("IN-DIALOG " + method) for method in ("INVITE", "ACK")]
        meeting.callers[0].command(word)
        for method, count in zip(("INVITE", "ACK"), before):
            c.wait_for(lambda m=method, n=count: proxy.log().count("IN-DIALOG " + m) > n, 3,
                       f"{word}: {method} goes through the proxy")
    meeting.listen()
    meeting.end()
    meeting.judge_sound()
    c.wait_for(lambda: not server.participants(name), 3, "both have left")
    c.check(proxy.log().count("IN-DIALOG BYE") >= 2, "BYE went through the proxy")


def provider(server):
    return server.api("providers")["providers"][0]


def test(c):
    port = Ports().take(2)
    server = Server(c, f"sip.register=sip:desk@127.0.0.1:{port} room=support password=secret")
    c.wait_for(lambda: provider(server)["state"] == "failed", 15, "nobody is there yet")
    proxy = kamailio.Kamailio(c, "kamailio", f"sip:127.0.0.1:{server.sip_port}", expires=10,
                              port=port)
    c.wait_for(lambda: "NODE-UP" in proxy.log(), 10, "OPTIONS pings are answered")
    c.wait_for(lambda: provider(server)["state"] == "registered", 15, "registered with it")
    shown = provider(server)["expires_in_s"]
    c.check(shown <= 10, f"for as long as it grants: {shown} s")
    judge(c, server, proxy, "front", "front", True)
    judge(c, server, proxy, "support", "desk", False)
    c.check("LOOKED-UP" in proxy.log() and ";tessera=" in proxy.log(), "by what was registered")
    c.check(provider(server)["state"] == "registered" and provider(server)["expires_in_s"] > 0,
            "still registered, well after the first time was over")
    c.check("NODE-DOWN" not in proxy.log(), "no ping went without an answer")
    c.check(server.stop(5) == 0, "the server ends in time")


case.main(test, clients=("baresip", "ffmpeg", "kamailio"))
