"""Who has no password of an account is not let in, learns nothing by asking, and says nothing twice;
who registers stands in a small table; a source has its limits."""
import hashlib
import shutil
import time

from lib import baresip, case, media, sipp
from lib.digest import SDP, Agent, credentials
from lib.server import Server

_ACCOUNTS = """sip:
  realm: example.org
  auth: %s
  accounts: ["alice:wonder:land", 'bob:{MD5}%s']
  registrar: true
limits: {calls_per_source_s: 1000}
"""


def start(c, auth, *settings):
    """A server with two accounts."""
    path = c.path("accounts.yaml")
    with open(path, "w", encoding="utf-8") as out:
        out.write(_ACCOUNTS % (auth, hashlib.md5(b"bob:example.org:builder").hexdigest()))
    return Server(c, *settings, config_file=path)


def challenged(c, server):
    """Both algorithms, the stronger first; nothing but the call needs them."""
    agent = Agent(c, server.sip_port)
    answer = agent.invite()
    c.check(answer.status == 401 and [x["algorithm"] for x in answer.challenges()] ==
            ["SHA-256", "MD5"], "a call is asked for SHA-256, then MD5")
    c.check(all(x["qop"] == "auth" and x["realm"] == "example.org" and "stale" not in x
                for x in answer.challenges()), "with qop=auth, the realm and no stale")
    c.check(agent.ask("OPTIONS").status == 200, "OPTIONS is not asked")
    c.check(not server.api("conferences")["conferences"], "no conference was made for it")


def let_in(c, server):
    """The right passwords, by either hash."""
    for user, password, algorithm in (("alice", "wonder:land", "SHA-256"),
                                      ("alice", "wonder:land", "MD5"), ("bob", "builder", "MD5")):
        agent = Agent(c, server.sip_port)
        answer = agent.call(user, password, algorithm)
        c.check(answer.status == 200, f"{user} is let in with {algorithm}: {answer.first}")
        c.check(agent.ask("BYE").status == 200, "and hangs up without a password")


def kept_out(c, server):
    """A wrong password and an unknown account: the same answer, in the same time."""
    seen, times = set(), {"alice": [], "nobody": []}
    for _ in range(100):
        for user in times:
            agent = Agent(c, server.sip_port)
            challenge = agent.invite().challenges()[0]
            value = credentials(challenge, user, "guess", "INVITE", "sip:x")
            begun = time.perf_counter()
            answer = agent.invite(["Authorization: " + value])
            times[user].append(time.perf_counter() - begun)
            seen.add((answer.first, len(answer.challenges()),
                      tuple(sorted(n.strip() for n, _ in answer.headers)),
                      any("stale" in x for x in answer.challenges())))
            agent.socket.close()
    c.check(len(seen) == 1 and "401" in str(seen), f"known and unknown are told the same: {seen}")
    median = {u: sorted(t)[len(t) // 2] * 1e3 for u, t in times.items()}
    c.check(abs(median["alice"] - median["nobody"]) < 0.2,
            f"in the same time: {median['alice']:.3f} and {median['nobody']:.3f} ms")


def replayed(c, server):
    """What was heard on the wire opens nothing."""
    agent = Agent(c, server.sip_port)
    challenge = agent.invite().challenges()[0]
    value = credentials(challenge, "alice", "wonder:land", "INVITE", "sip:x")
    c.check(agent.invite(["Authorization: " + value]).status == 200, "the first use of a digest")
    agent.ask("BYE")
    thief = Agent(c, server.sip_port)
    answer = thief.invite(["Authorization: " + value])
    c.check(answer.status == 401 and all(x.get("stale") == "true" for x in answer.challenges()),
            "the second is stale")
    again = credentials(challenge, "alice", "wonder:land", "INVITE", "sip:x", count=2)
    c.check(agent.invite(["Authorization: " + again]).status == 200, "the next count is good")
    agent.ask("BYE")
    forged = dict(challenge, nonce="0" * len(challenge["nonce"]))
    answer = agent.invite(["Authorization: " +
                           credentials(forged, "alice", "wonder:land", "INVITE", "sip:x")])
    c.check(answer.status == 401, "a nonce of one's own is not taken")
    other = credentials(dict(challenge, realm="elsewhere"), "alice", "wonder:land", "INVITE", "x")
    answer = agent.invite(["Authorization: " + other])
    c.check(answer.status == 401 and "stale" not in answer.challenges()[0], "nor another realm")


def registered(c, server):
    """Contacts come, are shortened, listed, and go."""
    agent = Agent(c, server.sip_port)

    def register(user, *headers, to="alice"):
        return agent.login("REGISTER", user, "wonder:land", to, headers=headers)
    answer = register("alice", "Contact: <sip:a@127.0.0.1:6000>", "Expires: 90")
    c.check(answer.status == 200 and "sip:a@127.0.0.1:6000" in answer.get("Contact")
            and "expires=90" in answer.get("Contact"), "registered: " + answer.get("Contact"))
    answer = register("alice", "Contact: <sip:b@127.0.0.1:6001>;expires=100000")
    c.check(sorted(",".join(answer.all("Contact")).count(x) for x in
                   ("expires=3600", "sip:a@", "sip:b@")) == [1, 1, 1],
            "a second contact, for an hour: " + "; ".join(answer.all("Contact")))
    answer = register("alice", "Contact: <sip:c@127.0.0.1>;expires=10")
    c.check(answer.status == 423 and answer.get("Min-Expires") == "60", "too brief: 423")
    c.check(register("nobody", "Contact: <sip:c@h>").status == 401, "an unknown account: 401")
    c.check(register("alice", "Contact: <sip:c@h>", to="bob").status == 403, "another's place: 403")
    c.check(register("alice", "Contact: *").status == 400, "* without Expires: 0 is 400")
    answer = register("alice", "Contact: *", "Expires: 0")
    c.check(answer.status == 200 and not answer.all("Contact"), "* takes all out")
    answer = agent.invite(["Contact: *"])
    c.check(answer.status in (400, 401), "* in a call is refused: " + answer.first)


def with_sipp(c):
    """sipp knows MD5 and gives up at another challenge."""
    server = start(c, "invite", "sip.digests=MD5")
    for password, status in (("wonder:land", 200), ("wrong", 401)):
        call = sipp.Sipp(c, server, "sipp", "sipp" + str(status))
        call.send_invite(sipp.sdp(*sipp.audio()))
        call.expect_challenge(401)
        call.ack(in_dialog=False)
        call.send_invite_with("alice", password, sipp.sdp(*sipp.audio()))
        call.expect(status)
        call.ack(in_dialog=status == 200)
        if status == 200:
            call.bye()
        call.start()
        call.finish()
    answer = Agent(c, server.sip_port).call("alice", "wonder:land", "MD5")
    c.check(answer.status == 200, "MD5 alone is offered")
    c.check(server.stop() == 0, "the server ends well")


def with_baresip(c):
    """baresip registers and calls; with a wrong password it does neither."""
    if not shutil.which("baresip"):
        return
    server = start(c, "invite", "sip.digests=MD5")
    callers = []
    for password in ("wonder:land", "wrong"):
        caller = baresip.Caller(c, server.ports, "caller-" + password[:5], "pcmu",
                                media.tone(440, 8000, 4, 0.1), account=";auth_user=alice;"
                                f"auth_pass={password};outbound=sip:127.0.0.1:{server.sip_port}")
        caller.register_as("alice", server.sip_port)
        caller.dial(server.uri("room"), 6)
        callers.append(caller)
    c.wait_for(callers[0].in_call, 5, "baresip is let in")
    c.wait_for(lambda: "200 OK" in callers[0].process.log() or "OK [" in callers[0].process.log(),
               5, "baresip is registered")
    c.wait_for(lambda: "401" in callers[1].process.log(), 5, "a wrong password is told of")
    c.check(not callers[1].in_call() and len(server.participants("room")) == 1,
            "and is not let in")
    contact = Agent(c, server.sip_port).login("REGISTER", "alice", "wonder:land", "alice", "MD5")
    c.check("sip:" in contact.get("Contact"), "its contact is listed: " + contact.get("Contact"))
    for caller in callers:
        caller.hang_up()
    c.check(server.stop() == 0, "the server ends well")


def reliable(c):
    """RFC 3262: whoever requires it gets a 180 that is repeated until it is confirmed."""
    server = Server(c)
    agent = Agent(c, server.sip_port)
    agent.send("INVITE", headers=["Require: 100rel"], body=SDP)
    answer = agent.receive()
    while answer.status == 100:
        answer = agent.receive()
    c.check(answer.status == 180 and answer.get("RSeq") and "100rel" in answer.get("Require"),
            f"a reliable 180: {answer.first} RSeq {answer.get('RSeq')}")
    c.check(agent.receive().get("RSeq") == answer.get("RSeq"), "it is repeated")
    agent.to_tag = ";tag=" + answer.get("To").split("tag=")[-1]
    invited = agent.cseq
    agent.send("PRACK", headers=[f"RAck: {answer.get('RSeq')} {invited} INVITE"])
    seen = [agent.receive() for _ in range(2)]
    while {m.status for m in seen} < {200} or len({m.get("CSeq") for m in seen
                                                   if m.status == 200}) < 2:
        seen.append(agent.receive())
    c.check({m.get("CSeq").split()[1] for m in seen if m.status == 200} == {"PRACK", "INVITE"},
            "PRACK and INVITE get their 200")
    agent.send("ACK", cseq=invited)
    c.check(agent.ask("BYE").status == 200, "the call stands")
    agent.send("INVITE", headers=["Supported: 100rel"], body=SDP)
    answer = agent.receive()
    while answer.status == 100:
        answer = agent.receive()
    c.check(not answer.get("RSeq"), "who only can is not made to: " + answer.first)
    answer = answer if answer.status >= 200 else agent.final()
    agent.to_tag = ";tag=" + answer.get("To").split("tag=")[-1]
    agent.send("ACK")
    agent.ask("BYE")
    answer = agent.invite(["Require: 100rel, telepathy"])
    c.check(answer.status == 420 and "telepathy" in answer.get("Unsupported")
            and "100rel" not in answer.get("Unsupported"), "telepathy is 420: " + answer.first)
    c.check(server.stop() == 0, "the server ends well")


def all_asked(c):
    """auth: all asks OPTIONS and what changes a call too; the call goes on meanwhile."""
    server = start(c, "all")
    agent = Agent(c, server.sip_port)
    # The probe of the server's start takes any answer; this one must be a challenge.
    c.check(agent.ask("OPTIONS").status == 401, "OPTIONS is asked")
    agent.dialog()
    c.check(agent.login("OPTIONS", "alice", "wonder:land").status == 200, "and answered then")
    agent.dialog()
    c.check(agent.call("alice", "wonder:land").status == 200, "a call")
    c.check(agent.invite().status == 401, "its re-INVITE is asked")
    c.check(agent.ask("INFO").status == 401, "its INFO is asked")
    answer = agent.call("alice", "wonder:land")
    c.check(answer.status == 200, "the re-INVITE with a password: " + answer.first)
    c.check(agent.ask("BYE").status == 200, "BYE needs none")
    c.check(server.stop() == 0, "the server ends well")


def limited(c):
    """So many calls a second and at a time from one address; others are not touched by it."""
    server = Server(c, "limits.calls_per_source_s=5", "limits.legs_per_source=2")
    agents = [Agent(c, server.sip_port) for _ in range(3)]
    c.check([a.invite().status for a in agents] == [200, 200, 503], "the third at a time gets 503")
    other = Agent(c, server.sip_port, "127.0.0.2")
    c.check(other.invite().status == 200, "another source does not")
    c.check(agents[0].ask("BYE").status == 200, "one ends")
    time.sleep(1)
    c.check(agents[2].invite().status == 200, "then there is a place again")
    answers = []
    for _ in range(8):
        agents[2].dialog()
        answers.append(agents[2].invite())
    refused = [a for a in answers if a.status == 503]
    c.check(len(refused) == 8 and all(a.get("Retry-After") for a in refused), "503 says when")
    c.check(server.stop() == 0, "the server ends well")


def test(c):
    server = start(c, "invite")
    challenged(c, server)
    let_in(c, server)
    kept_out(c, server)
    replayed(c, server)
    registered(c, server)
    c.check("wonder" not in server.process.log() and "builder" not in server.process.log(),
            "no password is in the log")
    c.check(server.metrics()["tessera_sip_auth_refused_total"] > 100, "guesses are counted")
    c.check(server.stop() == 0, "the server ends well")
    with_sipp(c)
    with_baresip(c)
    reliable(c)
    all_asked(c)
    limited(c)


case.main(test, clients=("sipp",))
