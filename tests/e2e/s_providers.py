"""The server registers with providers: it answers the challenge of its own realm and no other, comes
back before its time is over, goes to the provider's next address when one falls silent, and takes
its leave at its end. Calls that come over the registration land in its room without a password,
hear each other, and others do not get in."""
import time

from lib import case, phone
from lib.registrar import Registrar
from lib.server import Server

REALM = "provider.test"


def provider(server, address):
    return next(p for p in server.api("providers")["providers"] if p["address"] == address)


def registered(c, server, registrar, seconds, what):
    address = "sip:desk@" + REALM
    c.wait_for(lambda: provider(server, address)["state"] == "registered" and
               provider(server, address)["via"] == f"sip:127.0.0.1:{registrar.port}", seconds, what)
    shown = provider(server, address)
    c.check(0 <= shown["expires_in_s"] <= registrar.expires and shown["room"] == "support", what)


def call(c, server, name, hz, target):
    caller = phone.Phone(c, server, name, hz)
    caller.target = target
    answer = caller.call()
    return caller, answer.status


def judge_calls(c, server, contact):
    anna, status = call(c, server, "anna", 440, contact)
    c.check(status == 200, f"a call over the registration: {status}")
    bert, status = call(c, server, "bert", 660, contact)
    c.check(status == 200, f"and another: {status}")
    c.wait_for(lambda: len(server.participants("support")) == 2, 3, "both are in the room set")
    c.check(anna.hears(bert) and bert.hears(anna), "they hear each other")
    for what, target in (("no secret", contact.split(";tessera=")[0]),
                         ("a wrong secret", contact[:-4] + "beef"),
                         ("half a secret", contact[:-4])):
        _, status = call(c, server, "other", 880, target)
        c.check(status == 401, f"a call with {what}: {status}")
    anna.bye()
    bert.bye()


def test(c):
    first = Registrar(c, "desk", "pass word", ["evil.test", REALM])
    second = Registrar(c, "desk", "pass word", [REALM], algorithm="SHA-256", expires=6)
    evil = Registrar(c, "fax", "secret", ["evil.test"])
    path = c.path("tessera.yaml")
    with open(path, "w", encoding="utf-8") as out:
        out.write("sip:\n  accounts: [alice:x]\n  auth: invite\n  register:\n"
                  f"    - 'sip:desk@{REALM} via=sip:127.0.0.1:{first.port} "
                  f"via=sip:127.0.0.1:{second.port} room=support expires=60 password=pass word'\n"
                  f"    - 'sip:fax@127.0.0.1:{evil.port} realm={REALM} password=secret'\n")
    server = Server(c, config_file=path)
    registered(c, server, first, 5, "registered with the first address")
    c.check(not first.wrong and all("evil" not in m.get("Authorization") for m in first.requests),
            "the foreign realm got no digest")
    c.check(len({m.get("Call-ID") for m in first.requests}) == 1 and
            first.cseqs() == sorted(set(first.cseqs())), f"one Call-ID, CSeq {first.cseqs()}")
    came = len(first.requests)
    c.wait_for(lambda: len(first.requests) >= came + 2, 4, "it comes back before 4 s are over")

    first.silent = True
    registered(c, server, second, 12, "the second address, after the first fell silent")
    c.check(server.metrics()['tessera_sip_provider_registered{address="sip:desk@provider.test"}'] == 1
            and server.metrics()["tessera_sip_provider_failovers_total"] >= 1, "metrics say so")
    judge_calls(c, server, second.contact)

    fax = provider(server, f"sip:fax@127.0.0.1:{evil.port}")
    c.check(fax["state"] == "failed" and fax["status"] == 401, f"the foreign provider: {fax}")
    c.check(evil.requests and not any(m.get("Authorization") for m in evil.requests),
            f"it got no digest in {len(evil.requests)} requests")
    c.check("pass word" not in server.process.log(), "no password is in the log")

    started = time.monotonic()
    status = server.stop(5)
    c.check(status == 0 and second.contact is None,
            f"it takes its leave, and ends in {time.monotonic() - started:.1f} s")
    c.check(second.requests[-1].get("Expires") == "0", "with REGISTER and Expires: 0")


case.main(test, clients=())
