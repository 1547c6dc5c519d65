/* The way of a leg to its conference and back: leg's loop > conference's loop > leg's loop. */
#include <stdlib.h>

#include "mixer/base/util.h"
#include "server/leg_priv.h"

/* ---- up: units and feedback ---- */

static void conf_takes_unit(void *obj, int role, struct mcu_unit *unit)
{
    mcu_conf_unit(obj, role, unit);
}

static void conf_takes_keyframe(void *obj, int role, struct mcu_unit *unit)
{
    mcu_conf_keyframe(obj, role);
}

static void conf_takes_key(void *obj, int key, struct mcu_unit *unit)
{
    mcu_conf_key(obj, (char)key);
}

enum { SIGN_HAND = 1, SIGN_MUTED = 2 };

static void conf_takes_signs(void *obj, int signs, struct mcu_unit *unit)
{
    mcu_conf_signs(obj, signs & SIGN_HAND, signs & SIGN_MUTED);
}

static void conf_takes_wish(void *obj, int wish, struct mcu_unit *unit)
{
    mcu_conf_wish(obj, (enum mcu_layout_wish)wish);
}

static void conf_takes_loss(void *obj, int percent, struct mcu_unit *unit)
{
    mcu_conf_loss(obj, MCU_ROLE_AUDIO, percent);
}

static void conf_takes_picture_loss(void *obj, int percent, struct mcu_unit *unit)
{
    mcu_conf_loss(obj, MCU_ROLE_VIDEO, percent);
}

static void conf_takes_limit(void *obj, int kbps, struct mcu_unit *unit)
{
    mcu_conf_limit(obj, kbps * INT64_C(1000));
}

static void to_conf(struct mcu_leg *leg, mcu_media_fn fn, int number, struct mcu_unit *unit)
{
    if (leg->attachment == LEG_ATTACHED)
        mcu_media_post(leg->conf_leg, MCU_CONF_LEGS, fn, number, unit);
}

void mcu_leg_to_conf_unit(struct leg_line *l, struct mcu_unit *unit)
{
    to_conf(l->leg, conf_takes_unit, l->role, unit);
}

void mcu_leg_to_conf_keyframe(struct leg_line *l)
{
    to_conf(l->leg, conf_takes_keyframe, l->role, NULL);
}

void mcu_leg_to_conf_key(struct mcu_leg *leg, char key)
{
    to_conf(leg, conf_takes_key, key, NULL);
}

void mcu_leg_to_conf_signs(struct mcu_leg *leg)
{
    const struct mcu_join *j = &leg->params.join;
    to_conf(leg, conf_takes_signs, (j->hand ? SIGN_HAND : 0) | (j->muted ? SIGN_MUTED : 0), NULL);
}

void mcu_leg_to_conf_wish(struct mcu_leg *leg)
{
    to_conf(leg, conf_takes_wish, (int)leg->params.join.layout, NULL);
}

void mcu_leg_to_conf_loss(struct mcu_leg *leg, int role, int percent)
{
    if (role == MCU_ROLE_AUDIO || role == MCU_ROLE_VIDEO)
        to_conf(leg, role == MCU_ROLE_AUDIO ? conf_takes_loss : conf_takes_picture_loss, percent,
                NULL);
}

void mcu_leg_to_conf_limit(struct mcu_leg *leg, int kbps)
{
    to_conf(leg, conf_takes_limit, kbps, NULL);
}

static void conf_takes_loop(void *obj, int role, struct mcu_unit *unit)
{
    mcu_conf_loop(obj, role);
}

void mcu_leg_tell_loops(struct mcu_leg *leg)
{
    for (int i = 0; i < MCU_ROLES && leg->attachment == LEG_ATTACHED; i++) {
        if (leg->line[i].looped)
            to_conf(leg, conf_takes_loop, i, NULL);
        leg->line[i].looped = false;
    }
}

/* ---- down: what the conference calls of a leg ---- */

/* Role and generation travel in the one number that a message has room for. */
static int line_word(int role, int generation)
{
    return generation << 8 | role;
}

static struct leg_line *line_of(struct mcu_leg *leg, int word)
{
    struct leg_line *l = &leg->line[word & 0xff];
    return l->used && word >> 8 == leg->generation ? l : NULL;
}

static void leg_sends(void *obj, int word, struct mcu_unit *unit)
{
    struct mcu_leg *leg = obj;
    struct leg_line *l = line_of(leg, word);
    if (!l || !l->remote_known)
        return;
    l->sent_ns = unit->time_ns;
    mcu_line_send(l->line, unit, mcu_loop_now(leg->media->loop));
    mcu_leg_poll_line(l);
}

static void leg_asks_keyframe(void *obj, int word, struct mcu_unit *unit)
{
    struct mcu_leg *leg = obj;
    struct leg_line *l = line_of(leg, word);
    if (!l)
        return;
    mcu_line_ask_keyframe(l->line, mcu_loop_now(leg->media->loop));
    mcu_leg_poll_line(l);
}

static void sink_unit(const struct mcu_sink *sink, int role, struct mcu_unit *unit)
{
    mcu_media_post(sink->ref, MCU_LEGS, leg_sends, line_word(role, sink->generation), unit);
}

static void sink_ask_keyframe(const struct mcu_sink *sink, int role)
{
    mcu_media_post(sink->ref, MCU_LEGS, leg_asks_keyframe, line_word(role, sink->generation),
                   NULL);
}

struct shown_message {
    struct mcu_ref leg;
    int word;
    struct mcu_shown shown;
};

static void shown_here(void *arg)
{
    struct shown_message *m = arg;
    struct mcu_leg *leg = mcu_handle_get(&m->leg.media->legs, m->leg.handle);
    struct leg_line *l = leg ? line_of(leg, m->word) : NULL;
    if (l)
        mcu_leg_is_shown(l, &m->shown);
    free(m);
}

/* Seldom, and not to be lost: a message of its own. */
static void sink_shown(const struct mcu_sink *sink, int role, const struct mcu_shown *shown)
{
    struct shown_message *m = calloc(1, sizeof(*m));
    if (!m)
        abort();
    *m = (struct shown_message){ sink->ref, line_word(role, sink->generation), *shown };
    mcu_post_call(sink->ref.media->loop, shown_here, m);
}

/* ---- joining, leaving ---- */

struct joining {
    struct mcu_leg *leg;     /* stays until the answer is back */
    struct mcu_ref conference;
    struct mcu_join join;
    mcu_handle result;
};

static void joined(void *arg)
{
    struct joining *j = arg;
    struct mcu_leg *leg = j->leg;
    leg->attachment = j->result ? LEG_ATTACHED : LEG_DETACHED;
    leg->conf_leg = (struct mcu_ref){ j->conference.media, j->result };
    for (int i = 0; i < MCU_ROLES; i++) /* the conference knows nothing yet */
        leg->line[i].loss_percent = leg->line[i].limit_kbps = 0;
    mcu_leg_tell_loops(leg);
    mcu_leg_to_conf_signs(leg); /* they may have changed on the way */
    mcu_leg_to_conf_wish(leg);
    if (!j->result && !leg->move_again)
        mcu_leg_fail(leg, "the conference could not take the leg");
    free(j);
    if (leg->ending) {
        mcu_leg_leave(leg);
        mcu_leg_finish_end(leg);
    } else if (leg->move_again) {
        mcu_leg_leave(leg);
        mcu_leg_start_joining(leg);
    }
}

static void join_there(void *arg)
{
    struct joining *j = arg;
    struct mcu_conf *conf =
        mcu_handle_get(&j->conference.media->conferences, j->conference.handle);
    j->result = conf ? mcu_conf_join(conf, &j->join) : 0;
    mcu_post_call(j->join.sink.ref.media->loop, joined, j);
}

void mcu_leg_start_joining(struct mcu_leg *leg)
{
    struct joining *j = calloc(1, sizeof(*j));
    if (!j)
        abort();
    j->leg = leg;
    j->conference = leg->conference;
    j->join = leg->params.join;
    j->join.video_after_ns = leg->line[MCU_ROLE_VIDEO].sent_ns;
    leg->generation = (leg->generation + 1) & 0xffff;
    j->join.sink = (struct mcu_sink){ .ref = { leg->media, leg->handle },
                                      .generation = leg->generation, .unit = sink_unit,
                                      .ask_keyframe = sink_ask_keyframe, .shown = sink_shown };
    leg->attachment = LEG_JOINING;
    leg->move_again = false;
    mcu_post_call(j->conference.media->loop, join_there, j);
}

static void leave_there(void *arg)
{
    struct mcu_ref *ref = arg;
    struct mcu_conf_leg *cl = mcu_handle_get(&ref->media->conf_legs, ref->handle);
    if (cl)
        mcu_conf_leave(cl);
    free(ref);
}

void mcu_leg_leave(struct mcu_leg *leg)
{
    if (leg->attachment != LEG_ATTACHED)
        return;
    /* A message of its own: this one must not be dropped. */
    struct mcu_ref *ref = malloc(sizeof(*ref));
    if (!ref)
        abort();
    *ref = leg->conf_leg;
    mcu_post_call(ref->media->loop, leave_there, ref);
    leg->attachment = LEG_DETACHED;
}

struct conf_update {
    struct mcu_ref conf_leg;
    struct mcu_join join;
};

static void update_there(void *arg)
{
    struct conf_update *u = arg;
    struct mcu_conf_leg *cl = mcu_handle_get(&u->conf_leg.media->conf_legs, u->conf_leg.handle);
    if (cl)
        mcu_conf_update(cl, &u->join);
    free(u);
}

void mcu_leg_rejoin(struct mcu_leg *leg)
{
    if (leg->attachment == LEG_JOINING) {
        leg->move_again = true; /* joins anew with what it is now */
        return;
    }
    if (leg->attachment != LEG_ATTACHED)
        return;
    struct conf_update *u = calloc(1, sizeof(*u));
    if (!u)
        abort();
    u->conf_leg = leg->conf_leg;
    u->join = leg->params.join;
    mcu_post_call(u->conf_leg.media->loop, update_there, u);
}
