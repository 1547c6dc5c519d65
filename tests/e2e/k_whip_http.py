"""The HTTP of WHIP (RFC 9725) and WHEP, request by request: tokens, ETag and If-Match, trickle and
restart, DELETE, CORS, ICE servers, and a refusal with its reason for everything that cannot be."""
import json

from lib import case, webhttp
from lib.server import Server
from lib.webhttp import credentials, fragment, patch, post, request

SERVERS = "stun:stun.test:3479,turn:[2001:db8::7]:3480?transport=tcp ana s3cret"
CANDIDATE = "candidate:1 1 udp 2122260223 127.0.0.1 22999 typ host"
OTHERS = fragment("abcdefgh", "0123456789abcdefghijklmn", CANDIDATE)


def refused(c, answer, status, what, *words):
    """The status, and a reason that says what is wrong."""
    reason = json.loads(answer.text).get("error", "") if answer.text else ""
    c.check(answer.status == status and reason and all(w in reason for w in words),
            f"{what}: {answer.status} {reason}")


def resource(c, server, door, sdp, **headers):
    """A new leg: (its path, its ETag, the answer)."""
    answer = post(server, f"/{door}/r", sdp, **headers)
    c.check(answer.status == 201 and answer.header("Content-Type").startswith(webhttp.SDP),
            f"{door}: {answer.status} {answer.text[:80]!r}")
    path, tag = answer.header("Location"), answer.header("ETag")
    c.check(path.startswith(f"/{door}/r/") and len(path.split("/")[3]) == 32 and
            tag.startswith('"'), f"Location {path}, ETag {tag}")
    return path, tag, answer


def tokens(c, server, sdp):
    for door in ("whip", "whep"):
        for what, headers in (("none", {}), ("another", {"Authorization": "Bearer s3kret"}),
                              ("one longer", {"Authorization": "Bearer s3cret!"}),
                              ("another scheme", {"Authorization": "Basic s3cret"})):
            answer = post(server, f"/{door}/r", sdp, **headers)
            refused(c, answer, 401, f"{door}, token: {what}", "token")
            c.check(answer.header("WWW-Authenticate") == "Bearer", "and says which kind")
    path, tag, _ = resource(c, server, "whip", sdp, Authorization="Bearer s3cret")
    ufrag = credentials(sdp)
    c.check(patch(server, path, fragment(*ufrag, CANDIDATE), If_Match=tag).status == 204,
            "whoever knows the leg's address may go on")
    c.check(request(server, "DELETE", path).status == 200, "and end it")


def life(c, server, door, sdp):
    """One leg from its offer to its end."""
    path, tag, _ = resource(c, server, door, sdp)
    mine = credentials(sdp)
    some = fragment(*mine, CANDIDATE)
    refused(c, patch(server, path, OTHERS), 428, "a restart without If-Match", "If-Match")
    if door == "whep":  # npm's whip-whep
        c.check(patch(server, path, some).status == 204, "players may leave it out: 204")
    else:
        refused(c, patch(server, path, some), 428, "no If-Match", "If-Match")
    refused(c, patch(server, path, some, If_Match='"77"'), 412, "another generation")
    refused(c, patch(server, path, "nonsense", If_Match=tag), 400, "no fragment")
    c.check(patch(server, path, some, If_Match=tag).status == 204, "trickle: 204")
    c.check(patch(server, path, fragment(*mine, end=True), If_Match=f'"x", {tag}').status == 204,
            "the end of candidates, with two tags: 204")
    again = patch(server, path, OTHERS, If_Match="*")
    c.check(again.status == 200 and again.header("ETag") not in ("", tag) and
            again.header("Content-Type").startswith(webhttp.FRAG),
            f"restart: {again.status}, ETag {again.header('ETag')}")
    c.check(len(set(credentials(again.text))) == 2 and "a=candidate:" in again.text,
            "with new credentials and candidates")
    refused(c, patch(server, path, some, If_Match=tag), 412, "the generation before")
    third = patch(server, path, fragment("ijklmnop", "z" * 24), If_Match='"*"')
    c.check(third.status == 200 and credentials(third.text) != credentials(again.text),
            "restart as RFC 9725's examples write it (\"*\")")
    other = {"whip": "whep", "whep": "whip", "join": "whip"}[door]
    refused(c, request(server, "DELETE", path.replace(door, other)), 404, "through another door")
    refused(c, request(server, "DELETE", path.replace("/r/", "/s/")), 404, "through another room")
    c.check(request(server, "DELETE", path).status == 200, "DELETE: 200")
    refused(c, request(server, "DELETE", path), 404, "once more")
    refused(c, patch(server, path, some, If_Match=tag), 404, "PATCH after the end")


def cors(c, server, sdp):
    preflight = {"Origin": "https://player.example", "Access_Control_Request_Method": "POST",
                 "Access_Control_Request_Headers": "authorization,content-type"}
    path, _, made = resource(c, server, "whep", sdp, Origin="https://player.example")
    for where in ("/whip/r", "/whep/r", path):
        answer = request(server, "OPTIONS", where, **preflight)
        allowed = answer.header("Access-Control-Allow-Methods")
        c.check(answer.status == 204 and answer.header("Access-Control-Allow-Origin") and
                all(m in allowed for m in ("POST", "PATCH", "DELETE")) and
                "authorization" in answer.header("Access-Control-Allow-Headers").lower() and
                "if-match" in answer.header("Access-Control-Allow-Headers").lower() and
                answer.header("Accept-Post") == webhttp.SDP, f"OPTIONS {where[:7]}: {allowed}")
    seen = made.header("Access-Control-Expose-Headers").lower()
    c.check(made.header("Access-Control-Allow-Origin") and
            all(h in seen for h in ("location", "etag", "link")), f"pages may read {seen}")
    for where in ("/api/v1/conferences", "/join/r"):
        answer = request(server, "OPTIONS", where, **preflight)
        c.check(not answer.header("Access-Control-Allow-Origin"), f"{where} allows no other page")
    request(server, "DELETE", path)


def refusals(c, server, sdp, all_offers):
    for name in ("", "...", "a*b", "%ff", "a%01b", "a%5cb", "x" * 200, "a/b"):
        answer = post(server, f"/whip/{name}", sdp)
        refused(c, answer, 404, f"the room {name[:20]!r}")
    refused(c, request(server, "POST", "/whip/r", sdp, Content_Type="text/plain"), 415,
            "an offer as text/plain", webhttp.SDP)
    refused(c, request(server, "POST", "/whip/r", sdp), 415, "an offer of no type")
    path, tag, _ = resource(c, server, "whip", sdp)
    refused(c, request(server, "PATCH", path, OTHERS, Content_Type=webhttp.SDP, If_Match=tag), 415,
            "a fragment as SDP", webhttp.FRAG)
    request(server, "DELETE", path)
    refused(c, post(server, "/whip/r", ""), 400, "an empty offer")
    refused(c, post(server, "/whip/r", "v=0\r\nnonsense\r\n"), 400, "a broken line", "line 2")
    refused(c, post(server, "/whip/r", "x" * 70000), 413, "70 kB")
    refused(c, post(server, "/whip/r", sdp.replace("a=fingerprint", "a=x")), 400,
            "no fingerprint", "fingerprint")
    refused(c, post(server, "/whip/r", sdp.replace("a=ice-ufrag", "a=x")), 400, "no ICE", "ufrag")
    refused(c, post(server, "/whip/r", sdp.replace("a=rtcp-mux", "a=x")), 400, "no rtcp-mux",
            "rtcp-mux")
    unknown = sdp
    for codec in ("opus", "G722", "PCMU", "PCMA", "VP8", "VP9", "H264", "AV1"):
        unknown = unknown.replace(f" {codec}/", " X-none/")
    refused(c, post(server, "/whip/r", unknown), 406, "no codec in common", "codec")
    refused(c, post(server, "/whep/r", all_offers["obs-whip"]), 406, "OBS at the wrong door")


def full(c, sdp):
    server = Server(c, "limits.legs=1")
    path, _, _ = resource(c, server, "whip", sdp)
    answer = post(server, "/whip/r", sdp)
    refused(c, answer, 503, "one too many")
    c.check(int(answer.header("Retry-After")) > 0, f"Retry-After {answer.header('Retry-After')}")
    request(server, "DELETE", path)
    c.wait_for(lambda: post(server, "/whip/r", sdp).status == 201, 3, "there is room again")


def links(c, server, sdp):
    path, _, answer = resource(c, server, "whip", sdp, Authorization="Bearer s3cret")
    link = answer.header("Link")
    c.check('<stun:stun.test:3479>; rel="ice-server"' in link, f"Link: {link}")
    c.check('<turn:[2001:db8::7]:3480?transport=tcp>; rel="ice-server"; username="ana"; '
            'credential="s3cret"; credential-type="password"' in link, "the same with TURN")
    request(server, "DELETE", path)


def test(c):
    all_offers = webhttp.offers()
    sdp, play = all_offers["chromium"], all_offers["chromium-whep"]
    guarded = Server(c, "web.token=s3cret", f"web.ice_servers={SERVERS}")
    tokens(c, guarded, sdp)
    links(c, guarded, sdp)
    path, _, _ = resource(c, guarded, "join", sdp)
    request(guarded, "DELETE", path)
    server = Server(c)
    for door, offer in (("whip", sdp), ("whep", play), ("join", sdp)):
        life(c, server, door, offer)
    cors(c, server, play)
    refusals(c, server, sdp, all_offers)
    full(c, sdp)
    for s in (server, guarded):
        c.wait_for(lambda s=s: not s.api("conferences")["conferences"], 10, "nobody is left")
        c.check(s.stop() == 0, "it stops as it should")


case.main(test, clients=())
