"""A new certificate for SIP over TLS without a restart: SIGHUP brings it to new connections, whatever
its kind of key; the calls that stand go on, on their connections; a file that is no good is refused
with a line in the log. Nothing below TLS 1.2 is spoken."""
import shutil
import signal
import ssl

from lib import case, room, tls
from lib.server import Server


def install(made, to):
    for source, target in zip(made, to):
        shutil.copy(source, target)


def reload(c, server, word):
    before = server.process.log().count(word)
    server.process.signal(signal.SIGHUP)
    c.wait_for(lambda: server.process.log().count(word) > before, 5, f"{word} in the log")


def shown(c, port, name, what):
    with tls.Line(port) as line:
        c.check(line.common_name == name and line.options(port) == 200,
                f"{what}: {line.common_name}")


def test(c):
    files = c.path("live", "cert.pem"), c.path("live", "key.pem")
    install(tls.make(c, "first"), files)
    port, settings = tls.settings(*files)
    server = Server(c, *settings, tls_port=port)
    old = tls.Line(port)
    c.check(old.common_name == "first" and old.options(port) == 200, "the first one is shown")
    try:
        tls.Line(port, newest=ssl.TLSVersion.TLSv1_1).close()
        c.check(False, "TLS 1.1 is refused")
    except (ssl.SSLError, OSError) as error:
        c.say(f"ok: TLS 1.1 is refused ({type(error).__name__})")

    meeting = room.Room(c, "tls", server)
    meeting.add("anna", "opus", "h264", transport="tls")
    meeting.add("bert", "pcmu", "h264")
    meeting.meet()
    meeting.judge_pictures()

    install(tls.make(c, "second", "ec"), files)
    reload(c, server, "sip-tls-reloaded")
    shown(c, port, "second", "a new connection after SIGHUP")
    c.check(old.options(port) == 200, "the old connection goes on")

    with open(files[0], "w", encoding="utf-8") as out:
        out.write("no certificate\n")
    reload(c, server, "sip-tls-kept")
    shown(c, port, "second", "after a bad file")
    shutil.copy(tls.make(c, "third")[0], files[0])
    reload(c, server, "sip-tls-kept")
    shown(c, port, "second", "after a certificate without its key")

    for word in ("hold", "resume"):  # on the connection from before
        meeting.callers[0].command(word)
        c.wait_for(lambda: server.process.log().count("call-ended") == 0, 1, "no call has ended")
    meeting.listen()
    meeting.judge_pictures()
    meeting.end()
    meeting.judge_sound()
    old.close()


case.main(test, clients=("baresip", "ffmpeg", "openssl"))
