/* What an operator asks of calls: move one, end one, make one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/log.h"
#include "server/load.h"
#include "server/sip_side_priv.h"

/* ---- calls of ours ---- */

void mcu_call_failed(struct call *c, int status, const char *reason)
{
    char quoted[120];
    mcu_bus_emit(c->side->server->bus, mcu_loop_now(c->side->server->control),
                 MCU_EVENT_CALL_FAILED, c->room_name, c->identity.participant, c->identity.leg,
                 "status=%d reason=%s", status, mcu_log_quote(quoted, sizeof(quoted), reason));
    mcu_call_tell_referrer(c, status >= 300 ? status : 503, reason);
}

int mcu_call_dial(struct call *c)
{
    struct target *t = c->target;
    const struct mcu_digest_login login = { t->realm, t->user, t->password };
    char *sdp = malloc(SDP_BYTES);
    mcu_sip_local_address(c->side->sip, t->uri, c->local_address);
    int rc = sdp ? mcu_call_offer(c, sdp) : -ENOMEM;
    if (rc >= 0)
        rc = mcu_sip_call_out(&c->sip, c->side->sip, t->uri, t->replaces[0] ? t->replaces : NULL,
                              c->room_name, sdp, t->user[0] ? &login : NULL, c);
    mcu_digest_wipe(t->password, sizeof(t->password));
    c->offered = rc >= 0;
    free(sdp);
    return rc;
}

void mcu_call_free_target(struct call *c)
{
    if (c->target)
        mcu_digest_wipe(c->target, sizeof(*c->target));
    free(c->target);
    c->target = NULL;
}

static struct target *new_target(const char *uri, const char *replaces,
                                 const struct mcu_digest_login *login)
{
    struct target *t = calloc(1, sizeof(*t));
    bool fits = t && snprintf(t->uri, sizeof(t->uri), "%s", uri) < (int)sizeof(t->uri) &&
                snprintf(t->replaces, sizeof(t->replaces), "%s", replaces ? replaces : "") <
                    (int)sizeof(t->replaces) &&
                (!login ||
                 (snprintf(t->realm, MCU_DIGEST_TEXT, "%s", login->realm) < MCU_DIGEST_TEXT &&
                  snprintf(t->user, MCU_DIGEST_TEXT, "%s", login->user) < MCU_DIGEST_TEXT &&
                  snprintf(t->password, MCU_DIGEST_TEXT, "%s", login->password) < MCU_DIGEST_TEXT));
    if (fits)
        return t;
    free(t);
    return NULL;
}

int mcu_call_begin(struct mcu_sip_side *side, const char *room, const char *uri, const char *replaces,
                   const struct mcu_digest_login *login, uint32_t *leg)
{
    struct mcu_server *s = side->server;
    if (mcu_sip_uri_check(uri) < 0)
        return -EINVAL;
    int legs = mcu_server_legs(s);
    if (legs >= s->config.max_legs || !mcu_load_admits(s->load, legs))
        return -EBUSY;
    if (strlen(room) >= MCU_ROOM_NAME_BYTES)
        return -EINVAL;
    struct target *t = new_target(uri, replaces, login);
    struct call *c = t ? mcu_call_new(side) : NULL;
    if (!c) {
        free(t);
        return t ? -ENOMEM : -EINVAL;
    }
    c->target = t;
    strcpy(c->room_name, room);
    const char *user = strchr(uri, ':') + 1;
    snprintf(c->identity.name, sizeof(c->identity.name), "%.*s", (int)strcspn(user, "@;>?"), user);
    *leg = c->identity.leg;
    c->finding = true;
    mcu_directory_find(s->directory, c->room_name, mcu_call_found, c);
    return 0;
}

int mcu_sip_side_call(struct mcu_sip_side *side, const char *room, const char *uri,
                      const struct mcu_digest_login *login, uint32_t *leg)
{
    return mcu_call_begin(side, room, uri, NULL, login, leg);
}

/* ---- moves by hand ---- */

struct moving {
    struct mcu_sip_side *side;
    uint32_t leg;
    char room[MCU_ROOM_NAME_BYTES];
};

static void move_found(int error, struct mcu_room *room, struct mcu_ref conference, void *arg)
{
    struct moving *m = arg;
    struct call *c = mcu_call_find(m->side, m->leg);
    if (!error && c) {
        struct mcu_room *old = c->room;
        c->room = room;
        strcpy(c->room_name, m->room);
        c->conference = conference;
        mcu_leg_move(c->leg, conference);
        room = old;
    }
    if (room)
        mcu_directory_release(m->side->server->directory, &room);
    free(m);
}

int mcu_sip_side_move(struct mcu_sip_side *side, uint32_t leg, const char *raw)
{
    char room[MCU_ROOM_NAME_BYTES];
    if (mcu_room_name_parse(room, raw, strlen(raw)) < 0)
        return -EINVAL;
    if (!mcu_call_find(side, leg))
        return -ENOENT;
    struct moving *m = malloc(sizeof(*m));
    if (!m)
        return -ENOMEM;
    *m = (struct moving){ .side = side, .leg = leg };
    strcpy(m->room, room);
    mcu_directory_find(side->server->directory, room, move_found, m);
    return 0;
}

int mcu_sip_side_wish(struct mcu_sip_side *side, uint32_t leg, enum mcu_layout_wish wish)
{
    struct call *c = mcu_call_find(side, leg);
    if (!c || !c->leg)
        return -ENOENT;
    mcu_leg_wish(c->leg, wish);
    return 0;
}

int mcu_sip_side_kick(struct mcu_sip_side *side, uint32_t leg)
{
    struct call *c = side->calls;
    while (c && c->identity.leg != leg)
        c = c->next;
    if (!c || !c->sip)
        return -ENOENT;
    mcu_call_hang_up(c, "removed by the operator");
    return 0;
}

/* ---- offers by hand ---- */

int mcu_sip_side_hold(struct mcu_sip_side *side, uint32_t leg, bool hold)
{
    struct call *c = mcu_call_find(side, leg);
    if (!c || !c->sip || c->over)
        return -ENOENT;
    c->hold_wanted = hold;
    mcu_sip_reoffer(c->sip);
    return 0;
}

int mcu_sip_side_transfer(struct mcu_sip_side *side, uint32_t leg, const char *uri)
{
    struct call *c = mcu_call_find(side, leg);
    return !c || !c->sip || c->over ? -ENOENT : mcu_sip_refer(c->sip, uri);
}
