/* The page's view of its room. Every 250 ms the conference of each room with a page in it is asked who is
 * there and who is heard; pages are told what has changed. Chat, raised hands and what pages say of
 * their microphones live here alone: nothing is stored, and they end with the room's last page. */
#include "server/web_room.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/util.h"
#include "server/utf8.h"
#include "server/web_priv.h"

#define ASK_NS        (250 * MCU_NS_PER_MS)
#define CHATS_KEPT    50
#define CHATS_BYTES   (64 * 1024) /* of them together: a newcomer gets them at once, and may have no
                                     more than 256 kB waiting (net/http_ws.c) */
#define CHAT_BYTES    2000
#define CHATS_PER_S   3

struct web_room {
    struct web_room *next, **prev;
    struct mcu_web_side *side;
    struct mcu_ref conference;
    int pages;
    bool asked;               /* the question is on its way */
    char *roster, *speaking;  /* as last told; NULL: never */
    char *chat[CHATS_KEPT];   /* messages as sent, oldest first */
    int chat_count;
    size_t chat_bytes;
};

/* ---- telling ---- */

static void tell_text(struct web_leg *w, const char *text)
{
    if (w->ws && text)
        mcu_ws_send(w->ws, text, strlen(text)); /* a slow page is cut there */
}

static void tell(struct web_leg *w, json_t *message)
{
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    tell_text(w, text);
    free(text);
    json_decref(message);
}

static void tell_room(struct web_room *room, const char *text)
{
    for (struct web_leg *w = room->side->legs, *next; w; w = next) {
        next = w->next;
        if (w->page_room == room)
            tell_text(w, text);
    }
}

/* Tells the room, unless it has been told just that. Takes the message. */
static void tell_change(struct web_room *room, char **last, json_t *message)
{
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    json_decref(message);
    if (!text || (*last && strcmp(*last, text) == 0)) {
        free(text);
        return;
    }
    free(*last);
    *last = text;
    tell_room(room, text);
}

/* ---- rooms ---- */

static bool same_ref(struct mcu_ref a, struct mcu_ref b)
{
    return a.media == b.media && a.handle == b.handle;
}

static struct web_room *take_room(struct mcu_web_side *side, struct mcu_ref conference)
{
    struct web_room *r = side->rooms;
    while (r && !same_ref(r->conference, conference))
        r = r->next;
    if (!r) {
        r = calloc(1, sizeof(*r));
        if (!r)
            return NULL;
        r->side = side;
        r->conference = conference;
        r->prev = &side->rooms;
        r->next = side->rooms;
        if (r->next)
            r->next->prev = &r->next;
        side->rooms = r;
    }
    r->pages++;
    return r;
}

static void leave_room(struct web_leg *w)
{
    struct web_room *r = w->page_room;
    w->page_room = NULL;
    if (!r || --r->pages > 0)
        return;
    *r->prev = r->next;
    if (r->next)
        r->next->prev = r->prev;
    for (int i = 0; i < r->chat_count; i++)
        free(r->chat[i]);
    free(r->roster);
    free(r->speaking);
    free(r);
}

void mcu_web_room_tell_shown(struct web_leg *w)
{
    if (w->shown.fps)
        tell(w, json_pack("{s:s, s:i, s:i, s:i, s:i}", "type", "send", "maxWidth", w->shown.width,
                          "maxHeight", w->shown.height, "maxFps", w->shown.fps, "maxBitrate",
                          w->shown.bps));
}

/* Into the room where its leg is now; tells the page all there is to know. */
static void enter_room(struct web_leg *w)
{
    leave_room(w);
    struct web_room *r = w->page_room = take_room(w->side, w->conference);
    tell(w, json_pack("{s:s, s:I, s:s}", "type", "welcome", "you",
                      (json_int_t)w->identity.participant, "room", w->room_name));
    mcu_web_room_tell_shown(w);
    if (!r)
        return;
    tell_text(w, r->roster);
    tell_text(w, r->speaking);
    for (int i = 0; i < r->chat_count; i++)
        tell_text(w, r->chat[i]);
}

/* ---- who is there, who is heard ---- */

struct question {
    struct mcu_web_side *side;
    struct mcu_ref conference;
    struct mcu_conf_info info;
    bool answered;
};

static const struct web_leg *web_leg_of(const struct mcu_web_side *side, uint32_t leg)
{
    const struct web_leg *w = side->legs;
    while (w && w->identity.leg != leg)
        w = w->next;
    return w;
}

static json_t *describe_leg(const struct mcu_web_side *side, const struct mcu_conf_leg_info *l)
{
    const struct web_leg *w = web_leg_of(side, l->leg);
    char name[3 * MCU_NAME_MAX];
    mcu_utf8_clean(name, sizeof(name), l->name);
    return json_pack("{s:I, s:s, s:s, s:b, s:b, s:b}", "id", (json_int_t)l->participant, "name",
                     name, "kind", w ? w->door->kind : "sip", "audio",
                     l->audio_in != MCU_CODEC_NONE && !(w && w->muted), "video",
                     l->has_picture && !(w && w->camera_off), "hand", l->hand || (w && w->hand));
}

static void tell_answer(struct web_room *r, const struct mcu_conf_info *info)
{
    json_t *people = json_array(), *speaking = json_array();
    for (int i = 0; i < info->leg_count; i++) {
        if (info->legs[i].hidden)
            continue;
        json_array_append_new(people, describe_leg(r->side, &info->legs[i]));
        if (info->legs[i].heard)
            json_array_append_new(speaking, json_integer(info->legs[i].participant));
    }
    tell_change(r, &r->roster, json_pack("{s:s, s:o}", "type", "roster", "participants", people));
    tell_change(r, &r->speaking, json_pack("{s:s, s:o}", "type", "speaking", "ids", speaking));
}

static void answered(void *arg)
{
    struct question *q = arg;
    struct web_room *r = q->side->rooms;
    while (r && !same_ref(r->conference, q->conference))
        r = r->next;
    if (r)
        r->asked = false;
    if (r && q->answered)
        tell_answer(r, &q->info);
    q->side->questions--;
    mcu_web_check_shutdown(q->side);
    free(q->info.legs);
    free(q);
}

static void ask_there(void *arg)
{
    struct question *q = arg;
    struct mcu_media *media = q->conference.media;
    struct mcu_conf *conf = mcu_handle_get(&media->conferences, q->conference.handle);
    q->answered = conf && mcu_conf_get_info(conf, &q->info) == 0;
    mcu_post_call(q->side->server->control, answered, q);
}

static void ask(struct web_room *r)
{
    struct question *q = r->asked ? NULL : calloc(1, sizeof(*q));
    if (!q)
        return;
    *q = (struct question){ .side = r->side, .conference = r->conference };
    r->asked = true;
    r->side->questions++;
    mcu_post_call(r->conference.media->loop, ask_there, q);
}

static void on_time(struct mcu_timer *timer)
{
    struct mcu_web_side *side = mcu_container_of(timer, struct mcu_web_side, room_timer);
    for (struct web_leg *w = side->legs; w; w = w->next) {
        w->chats_left = mcu_min(w->chats_left + 1, CHATS_PER_S);
        if (w->page_room && !same_ref(w->page_room->conference, w->conference))
            enter_room(w); /* it has been moved */
    }
    for (struct web_room *r = side->rooms; r; r = r->next)
        ask(r);
    if (side->rooms)
        mcu_timer_start(timer, mcu_loop_now(timer->loop) + ASK_NS);
}

/* ---- what pages say ---- */

/* "2026-11-21T12:00:00Z" */
static void time_text(char out[32])
{
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void drop_oldest_chat(struct web_room *r)
{
    r->chat_bytes -= strlen(r->chat[0]);
    free(r->chat[0]);
    memmove(r->chat, r->chat + 1, sizeof(r->chat) - sizeof(r->chat[0]));
    r->chat_count--;
}

static void keep_chat(struct web_room *r, char *text)
{
    size_t size = strlen(text);
    while (r->chat_count == CHATS_KEPT ||
           (r->chat_count > 0 && r->chat_bytes + size > CHATS_BYTES))
        drop_oldest_chat(r);
    r->chat[r->chat_count++] = text;
    r->chat_bytes += size;
}

static void complain(struct web_leg *w, const char *text)
{
    tell(w, json_pack("{s:s, s:s}", "type", "error", "text", text));
}

static void take_chat(struct web_leg *w, const json_t *message)
{
    const char *text = json_string_value(json_object_get(message, "text"));
    char time[32];
    if (w->hidden || !w->page_room) {
        complain(w, "who only watches cannot write");
    } else if (!text || !*text || strlen(text) > CHAT_BYTES) {
        complain(w, "a chat message has 1 to 2000 bytes");
    } else if (w->chats_left <= 0) {
        complain(w, "too many chat messages");
    } else {
        w->chats_left--;
        time_text(time);
        json_t *m = json_pack("{s:s, s:I, s:s, s:s, s:s}", "type", "chat", "from",
                              (json_int_t)w->identity.participant, "name", w->identity.name, "text",
                              text, "time", time);
        char *said = m ? json_dumps(m, JSON_COMPACT) : NULL;
        json_decref(m);
        if (!said)
            return;
        tell_room(w->page_room, said);
        keep_chat(w->page_room, said);
    }
}

/* What stands on its tile: whoever only sees the picture knows it too. */
static void show_signs(const struct web_leg *w)
{
    if (w->leg)
        mcu_leg_signs(w->leg, w->hand, w->muted);
}

static void take_state(struct web_leg *w, const json_t *message)
{
    w->muted = json_is_false(json_object_get(message, "audio"));
    w->camera_off = json_is_false(json_object_get(message, "video"));
    show_signs(w);
}

static void take_hand(struct web_leg *w, const json_t *message)
{
    w->hand = json_is_true(json_object_get(message, "up"));
    show_signs(w);
}

static void take_layout(struct web_leg *w, const json_t *message)
{
    const char *text = json_string_value(json_object_get(message, "layout"));
    if (!text || !mcu_layout_wish_parse(&w->layout, text))
        complain(w, "a layout is grid, speaker or empty for the room's own");
    else if (w->leg)
        mcu_leg_wish(w->leg, w->layout);
}

static void take_ping(struct web_leg *w, const json_t *message)
{
    tell(w, json_pack("{s:s}", "type", "pong"));
}

void mcu_web_room_message(struct mcu_ws *ws, const char *text, size_t size, void *peer)
{
    static const struct {
        const char *type;
        void (*take)(struct web_leg *w, const json_t *message);
    } takers[] = {
        { "chat", take_chat }, { "state", take_state }, { "hand", take_hand },
        { "layout", take_layout }, { "ping", take_ping },
    };
    struct web_leg *w = peer;
    if (!w)
        return; /* its leg has ended */
    json_t *message = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(message, "type"));
    size_t i = 0;
    while (type && i < MCU_ARRAY_LEN(takers) && strcmp(takers[i].type, type) != 0)
        i++;
    if (type && i < MCU_ARRAY_LEN(takers))
        takers[i].take(w, message);
    else
        complain(w, "a message is a JSON object with type state, hand, layout, chat or ping");
    json_decref(message);
}

/* ---- life ---- */

int mcu_web_room_accept(struct web_leg *w, struct mcu_ws *ws)
{
    struct mcu_timer *timer = &w->side->room_timer;
    if (!w->room)
        return 409; /* the answer is not made yet */
    mcu_ws_release(&w->ws); /* the page was loaded anew: this one counts */
    w->ws = ws;
    w->chats_left = CHATS_PER_S;
    mcu_ws_set_peer(ws, w);
    enter_room(w);
    if (!mcu_timer_running(timer))
        mcu_timer_start(timer, mcu_loop_now(timer->loop));
    return 0;
}

void mcu_web_room_closed(struct mcu_ws *ws, int code, void *peer)
{
    struct web_leg *w = peer;
    if (w && w->ws == ws) {
        w->ws = NULL;
        w->hand = w->muted = w->camera_off = false;
        show_signs(w);
        leave_room(w);
    }
    mcu_ws_release(&ws);
}

void mcu_web_room_left(struct web_leg *w, const char *why)
{
    if (!w->ws)
        return;
    tell(w, json_pack("{s:s, s:s}", "type", "bye", "reason", why));
    mcu_ws_set_peer(w->ws, NULL);
    mcu_ws_close(w->ws, 1000, NULL);
    w->ws = NULL; /* given back when it has closed */
    leave_room(w);
}

void mcu_web_rooms_init(struct mcu_web_side *side)
{
    mcu_timer_init(&side->room_timer, side->server->control, on_time);
}
