/* The requests of WebRTC clients: WHIP (RFC 9725), WHEP (draft-ietf-wish-whep-03), and the page's own
 * door, which is of the same kind for both directions.
 *
 *   POST   /whip/ROOM       an offer; 201 with the answer and where the leg is found
 *   PATCH  /whip/ROOM/ID    candidates, or an ICE restart (RFC 8840, RFC 9725 4.3)
 *   DELETE /whip/ROOM/ID    the end
 *   GET    /join/ROOM/ID/events   the page's WebSocket (web_room.c) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"
#include "server/api_json.h"
#include "server/utf8.h"
#include "server/web_priv.h"
#include "server/web_room.h"

#define JSON_TYPE     "application/json"
#define SDP_TYPE      "application/sdp"
#define FRAG_TYPE     "application/trickle-ice-sdpfrag"
#define LINK_BYTES    640
#define LOCATION_ROOM (3 * MCU_ROOM_NAME_BYTES)
#define LOCATION      (LOCATION_ROOM + WEB_ID_BYTES + 16)

enum { DOOR_WHIP, DOOR_WHEP, DOOR_JOIN, DOORS };

static const struct web_door doors[DOORS] = {
    [DOOR_WHIP] = { "/whip/", MCU_WEB_PUBLISH, "WHIP", "whip", false, true },
    [DOOR_WHEP] = { "/whep/", MCU_WEB_PLAY, "WHEP", "whep", true, true },
    [DOOR_JOIN] = { "/join/", MCU_WEB_BOTH, "Guest", "web", false, false },
};

static struct mcu_web_side *side_of(void *arg)
{
    return ((struct mcu_server *)arg)->web;
}

/* ---- answers ---- */

void mcu_web_refuse(struct mcu_http_request *req, int status, const char *what)
{
    static const struct mcu_http_field retry = { "Retry-After", WEB_RETRY_AFTER_S };
    char *body = mcu_api_error_json(what);
    if (body)
        mcu_http_respond_with(req, status, &retry, status == 503 || status == 429, JSON_TYPE, body, strlen(body));
    else
        mcu_http_fail(req, 503, "out of memory");
    free(body);
}

static void etag(const struct web_leg *w, char out[16])
{
    snprintf(out, 16, "\"%u\"", w->generation);
}

/* RFC 3986 2.3: what is not unreserved is coded. */
static void encode(const char *text, char *out, size_t size)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t n = 0;
    for (; *text && n + 4 <= size; text++)
        n += (size_t)snprintf(out + n, size - n, strchr(plain, *text) ? "%c" : "%%%02X",
                              (unsigned char)*text);
    out[n] = '\0';
}

/* RFC 9725 4.6: where a client may find a way through his own firewall. */
static void ice_server_link(const struct mcu_ice_server *s, char out[LINK_BYTES])
{
    bool ipv6 = strchr(s->host, ':') != NULL;
    int n = snprintf(out, LINK_BYTES, "<%s:%s%s%s:%d%s>; rel=\"ice-server\"",
                     s->turn ? "turn" : "stun", ipv6 ? "[" : "", s->host, ipv6 ? "]" : "", s->port,
                     s->turn ? s->tcp ? "?transport=tcp" : "?transport=udp" : "");
    if (s->turn)
        snprintf(out + n, LINK_BYTES - (size_t)n,
                 "; username=\"%s\"; credential=\"%s\"; credential-type=\"password\"", s->user,
                 s->password);
}

void mcu_web_respond_created(struct web_leg *w, const char *sdp, size_t size)
{
    const struct mcu_config *k = &w->side->server->config;
    struct mcu_http_request *req = w->req;
    char tag[16], room[LOCATION_ROOM], location[LOCATION], links[4][LINK_BYTES];
    struct mcu_http_field fields[3 + 4] = { { "Location", location }, { "ETag", tag },
                                            { "Accept-Patch", FRAG_TYPE } };
    int n = 3;
    w->req = NULL;
    etag(w, tag);
    encode(w->room_name, room, sizeof(room));
    snprintf(location, sizeof(location), "%s%s/%s", w->door->prefix, room, w->id);
    for (int i = 0; i < k->web_server_count; i++) {
        ice_server_link(&k->web_servers[i], links[i]);
        fields[n++] = (struct mcu_http_field){ "Link", links[i] };
    }
    mcu_http_respond_with(req, 201, fields, n, SDP_TYPE, sdp, size);
}

void mcu_web_respond_restarted(struct web_leg *w, const char *frag, size_t size)
{
    struct mcu_http_request *req = w->req;
    char tag[16];
    struct mcu_http_field field = { "ETag", tag };
    w->req = NULL;
    etag(w, tag);
    mcu_http_respond_with(req, 200, &field, 1, FRAG_TYPE, frag, size);
}

/* ---- who may ---- */

static bool may_enter(const struct mcu_web_side *side, const struct web_door *door,
                      const struct mcu_http_request *req)
{
    const struct mcu_config *k = &side->server->config;
    char given[sizeof("Bearer ") + sizeof(k->web_token)] = { 0 };
    char wanted[sizeof(given)] = { 0 };
    if (!door->token || !k->web_token[0])
        return true;
    snprintf(wanted, sizeof(wanted), "Bearer %s", k->web_token);
    mcu_http_header(req, MCU_HTTP_AUTHORIZATION, given, sizeof(given));
    bool same = mcu_digest_equal(given, wanted, sizeof(given));
    mcu_srtp_wipe(given, sizeof(given));
    mcu_srtp_wipe(wanted, sizeof(wanted));
    return same;
}

static bool let_in(const struct mcu_web_side *side, const struct web_door *door,
                   struct mcu_http_request *req)
{
    static const struct mcu_http_field challenge = { "WWW-Authenticate", "Bearer" };
    static const char body[] = "{\"error\":\"this needs a bearer token (web.token)\"}";
    if (may_enter(side, door, req))
        return true;
    mcu_http_respond_with(req, 401, &challenge, 1, JSON_TYPE, body, sizeof(body) - 1);
    return false;
}

/* ---- POST ---- */

static void too_many(struct mcu_http_request *req)
{
    mcu_web_refuse(req, 429, "too many joins from this address (limits.calls_per_source_s)");
}

static void post(struct mcu_web_side *side, const struct web_door *door,
                 struct mcu_http_request *req)
{
    char room[MCU_ROOM_NAME_BYTES], name[MCU_NAME_MAX], clean[MCU_NAME_MAX], hidden[8];
    char layout[MCU_HTTP_QUERY_BYTES]; /* what is not known is refused, not overlooked */
    struct web_wish wish = { .door = door, .room = room, .name = door->name,
                             .hidden = door->hidden };
    /* The allowance first: it limits guesses of the token as well. */
    if (!mcu_web_source_may(side, req)) {
        too_many(req);
        return;
    }
    if (!let_in(side, door, req))
        return;
    if (mcu_room_name_decoded(room, mcu_http_path_rest(req)) < 0) {
        mcu_web_refuse(req, 404, "no conference can have that name");
        return;
    }
    if (mcu_http_query(req, "name", name, sizeof(name)) && name[0])
        wish.name = mcu_utf8_clean(clean, sizeof(clean), name);
    if (door->role == MCU_WEB_BOTH && mcu_http_query(req, "hidden", hidden, sizeof(hidden)))
        wish.hidden = strcmp(hidden, "1") == 0;
    if (mcu_http_query(req, "layout", layout, sizeof(layout)) &&
        !mcu_layout_wish_parse(&wish.layout, layout)) {
        mcu_web_refuse(req, 400, "layout is grid or speaker");
        return;
    }
    wish.offer = mcu_http_body(req, &wish.offer_bytes);
    mcu_web_open(side, &wish, req);
}

/* ---- a leg's own resource ---- */

/* "ROOM/ID" + tail; a room's name may hold slashes, an id does not. */
static struct web_leg *leg_of_path(struct mcu_web_side *side, const struct web_door *door,
                                   const char *rest, const char *tail)
{
    char text[MCU_ROOM_NAME_BYTES + WEB_ID_BYTES + 16], room[MCU_ROOM_NAME_BYTES];
    size_t len = strlen(rest), tail_len = strlen(tail);
    if (len >= sizeof(text) || len < tail_len || strcmp(rest + len - tail_len, tail) != 0)
        return NULL;
    snprintf(text, sizeof(text), "%.*s", (int)(len - tail_len), rest);
    char *slash = strrchr(text, '/');
    if (!slash)
        return NULL;
    *slash = '\0';
    if (mcu_room_name_decoded(room, text) < 0)
        return NULL;
    return mcu_web_find(side, door, room, slash + 1);
}

static void no_such_leg(struct mcu_http_request *req)
{
    mcu_web_refuse(req, 404, "there is no such leg (any more)");
}

/* One of the tags of a field's list (RFC 9110 13.1.1). Weak ones as well: a proxy that compresses
 * answers makes them so on the way. */
static bool lists_tag(const char *list, const char *tag)
{
    size_t len = strlen(tag);
    while (*list) {
        list += strspn(list, " \t,");
        if (strncmp(list, "W/", 2) == 0)
            list += 2;
        size_t n = strcspn(list, " \t,");
        if (n == len && strncmp(list, tag, len) == 0)
            return true;
        list += n;
    }
    return false;
}

/* The examples of RFC 9725 (4.3.2) put the asterisk in quotes, its text and RFC 9110 do not. */
static bool is_any_tag(const char *match)
{
    return strcmp(match, "*") == 0 || strcmp(match, "\"*\"") == 0;
}

/* Whether If-Match allows this: 0, or the status to refuse with. RFC 9725 4.3.1 and 4.3.2: a restart
 * comes under any tag, the rest must name the generation that it belongs to. Players may leave the
 * field out, as npm's whip-whep 1.2.0 does: the credentials in the fragment name it as well. */
static int check_match(const struct web_leg *w, const struct mcu_http_request *req,
                       const struct mcu_sdpfrag *frag, bool restart)
{
    char match[256], tag[16];
    bool mine = strcmp(frag->ufrag, w->nego->transport.ufrag) == 0;
    if (!mcu_http_header(req, MCU_HTTP_IF_MATCH, match, sizeof(match)))
        return w->door->role == MCU_WEB_PLAY && mine ? 0 : 428;
    etag(w, tag);
    return lists_tag(match, tag) || (restart && is_any_tag(match)) ? 0 : 412;
}

static void patch(struct mcu_web_side *side, const struct web_door *door,
                  struct mcu_http_request *req)
{
    struct web_leg *w = leg_of_path(side, door, mcu_http_path_rest(req), "");
    struct mcu_nego_web_error error = { { 0 } };
    size_t size;
    const char *body = mcu_http_body(req, &size);
    struct mcu_sdpfrag *frag = calloc(1, sizeof(*frag));
    if (!w) {
        no_such_leg(req);
    } else if (!frag) {
        mcu_web_refuse(req, 503, "out of memory");
    } else if (mcu_sdpfrag_parse(frag, body, size, &error) < 0) {
        mcu_web_refuse(req, 400, error.what);
    } else {
        bool restart = frag->ufrag[0] && strcmp(frag->ufrag, w->nego->transport.ufrag) != 0;
        int status = check_match(w, req, frag, restart);
        if (status)
            mcu_web_refuse(req, status, status == 428 ? "If-Match is needed: the ETag of the answer"
                                                      : "this is not the ICE generation in use");
        else if (restart && !frag->pwd[0]) /* half a pair would end the leg */
            mcu_web_refuse(req, 400, "a restart needs a=ice-ufrag and a=ice-pwd");
        else if (!restart)
            mcu_web_trickle(w, frag, req);
        else if (mcu_web_source_may(side, req))
            mcu_web_restart(w, frag, req);
        else
            too_many(req);
    }
    free(frag);
}

static void delete(struct mcu_web_side *side, const struct web_door *door,
                   struct mcu_http_request *req)
{
    struct web_leg *w = leg_of_path(side, door, mcu_http_path_rest(req), "");
    if (!w) {
        no_such_leg(req);
        return;
    }
    mcu_web_end(w, "left");
    mcu_http_respond(req, 200, NULL, NULL, 0);
}

/* ---- the rows ---- */

#define DOOR_HANDLERS(door, DOOR)                                                                  \
    static void door##_post(struct mcu_http_request *req, void *arg)                               \
    {                                                                                              \
        post(side_of(arg), &doors[DOOR], req);                                                     \
    }                                                                                              \
    static void door##_patch(struct mcu_http_request *req, void *arg)                              \
    {                                                                                              \
        patch(side_of(arg), &doors[DOOR], req);                                                    \
    }                                                                                              \
    static void door##_delete(struct mcu_http_request *req, void *arg)                             \
    {                                                                                              \
        delete(side_of(arg), &doors[DOOR], req);                                                   \
    }

DOOR_HANDLERS(whip, DOOR_WHIP)
DOOR_HANDLERS(whep, DOOR_WHEP)
DOOR_HANDLERS(join, DOOR_JOIN)

static int accept_events(struct mcu_http_request *req, struct mcu_ws *ws, void *arg)
{
    struct web_leg *w =
        leg_of_path(side_of(arg), &doors[DOOR_JOIN], mcu_http_path_rest(req), "/events");
    return w ? mcu_web_room_accept(w, ws) : 404;
}

static const struct mcu_ws_events ws_events = {
    .accept = accept_events,
    .message = mcu_web_room_message,
    .closed = mcu_web_room_closed,
};

static const struct mcu_ws_route events_route = { .events = &ws_events,
                                                  .subprotocol = "tessera.v1" };

/* WHIP and WHEP players stand on pages of any site (RFC 9725 4.2); our own door is for our page: another
 * site must not take a visitor's browser into a room that it could not reach itself. */
#define DOOR_ROWS(door, path, any_site)                                                            \
    { "POST", path, .handler = door##_post, .accepts = SDP_TYPE, .cors = any_site },               \
    { "PATCH", path, .handler = door##_patch, .accepts = FRAG_TYPE, .cors = any_site },            \
    { "DELETE", path, .handler = door##_delete, .accepts = "", .cors = any_site }

static const struct mcu_http_route routes[] = {
    { "GET", "/join/*", .ws = &events_route },
    DOOR_ROWS(whip, "/whip/*", true),
    DOOR_ROWS(whep, "/whep/*", true),
    DOOR_ROWS(join, "/join/*", false),
};

const struct mcu_http_route *mcu_web_routes(int *n)
{
    *n = (int)MCU_ARRAY_LEN(routes);
    return routes;
}
