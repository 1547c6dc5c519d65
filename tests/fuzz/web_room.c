/* tests/fuzz/web_room.c - what a room's pages send over their WebSockets, in any order with their
 * coming and going (server/web_room.c). The WebSockets and the conference are put in their place
 * here.
 *
 * Lines: "0text" to "3text": that page sends the text (3 only watches); "j2" comes, or is loaded
 * anew; "c2" its WebSocket closes; "e2" its leg ends; "l2" its leg is made; "m2" it is moved to the
 * other room; "s2" it is told its size; "t" 250 ms pass; "q" what was posted is run; "nName" a SIP
 * participant's name, of any bytes. What pages are told is JSON of a kind that they know; who only
 * watches says nothing; a newcomer is told no more than may wait for him; in the end nothing is
 * left. */
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/hash.h"
#include "server/conf.h"
#include "server/web_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)   ((x) ? (void)0 : abort())
#define STEPS      32 /* lines of an input that count, */
#define TICKS      4 /* and of those in which time passes: they cost most */
#define PAGES      4
#define WATCHES    3
#define CHATS      3            /* of a page at once */
#define WS_BYTES   (256 * 1024) /* net/http_ws.c: more waits for nobody */
#define TEXT_BYTES 8192         /* of a message (net/http.h) */
#define STEP_NS    (250 * MCU_NS_PER_MS)

enum { ROSTER, CHAT }; /* among the types of messages */

struct mcu_ws {
    struct web_leg *owner;
    void *peer;
    bool told_who; /* is there */
    size_t bytes;  /* since it came */
};

static struct mcu_server server;
static struct mcu_web_side side;
static struct mcu_media media[2];
static mcu_handle conferences[2];
static struct web_leg pages[PAGES];
static bool present[PAGES];
static struct mcu_ws *leaving; /* its closed event is due */
static char sip_name[MCU_NAME_MAX];
static int alive; /* WebSockets */
static int ticks_left;

/* ---- in the place of net/http_ws.c ---- */

static void check_chat(const json_t *message)
{
    json_int_t from = json_integer_value(json_object_get(message, "from"));
    const char *text = json_string_value(json_object_get(message, "text"));
    CHECK(from >= 0 && from < PAGES &&
          from != WATCHES); /* participants are numbered like the pages */
    CHECK(text && text[0] && strlen(text) <= 2000);
    CHECK(json_string_value(json_object_get(message, "name")));
}

/* The SIP participant is the last. */
static void check_roster(const json_t *message)
{
    const json_t *people = json_object_get(message, "participants");
    const json_t *last = json_array_get(people, json_array_size(people) - 1);
    CHECK(json_integer_value(json_object_get(last, "id")) == 77);
}

/* The place of its type among those that pages know. */
static size_t check_message(const char *text, size_t size)
{
    static const char *const types[] = { "roster", "chat", "welcome", "speaking",
                                         "error",  "pong", "bye",     "send" };
    json_t *message = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(message, "type"));
    size_t i = 0;
    CHECK(type && text[size] == '\0');
    while (i < MCU_ARRAY_LEN(types) && strcmp(types[i], type) != 0)
        i++;
    CHECK(i < MCU_ARRAY_LEN(types));
    if (i == ROSTER)
        check_roster(message);
    if (i == CHAT)
        check_chat(message);
    json_decref(message);
    return i;
}

int mcu_ws_send(struct mcu_ws *ws, const char *text, size_t size)
{
    /* What was sent before, by this input or another, is not read again: that took most of the time. */
    static struct {
        uint64_t hash;
        size_t type;
    } read[1 << 14];
    uint64_t hash = mcu_fnv1a(MCU_FNV1A_START, text, size + 1);
    size_t at = (hash ^ hash >> 32) % MCU_ARRAY_LEN(read);
    if (read[at].hash != hash) {
        read[at].type = check_message(text, size);
        read[at].hash = hash;
    }
    size_t type = read[at].type;
    CHECK(type != CHAT || ws->owner->page_room);
    ws->told_who |= type == ROSTER;
    ws->bytes += size;
    return 0;
}

void mcu_ws_set_peer(struct mcu_ws *ws, void *peer)
{
    ws->peer = peer;
}

void mcu_ws_close(struct mcu_ws *ws, int code, const char *reason)
{
    CHECK(!leaving);
    leaving = ws;
}

void mcu_ws_release(struct mcu_ws **ws)
{
    alive -= *ws != NULL;
    free(*ws);
    *ws = NULL;
}

/* ---- in the place of legs and of the conference ---- */

/* What media.c would send to a loop: the questions of rooms and their answers. */
static struct {
    void (*fn)(void *arg);
    void *arg;
} posted[64];
static size_t posted_count;

void mcu_post_call(struct mcu_loop *loop, void (*fn)(void *arg), void *arg)
{
    CHECK(posted_count < MCU_ARRAY_LEN(posted));
    posted[posted_count].fn = fn;
    posted[posted_count++].arg = arg;
}

static void run_posted(void)
{
    for (size_t i = 0; i < posted_count; i++) /* the answers stand behind */
        posted[i].fn(posted[i].arg);
    posted_count = 0;
}

void mcu_web_check_shutdown(struct mcu_web_side *s)
{
    CHECK(s->questions >= 0);
}

int mcu_conf_get_info(struct mcu_conf *conf, struct mcu_conf_info *out)
{
    out->legs = calloc(PAGES + 1, sizeof(*out->legs));
    if (!out->legs)
        return -ENOMEM;
    for (uint32_t i = 0; i < PAGES; i++)
        if (present[i])
            out->legs[out->leg_count++] = (struct mcu_conf_leg_info){ .leg = i,
                                                                      .participant = i,
                                                                      .hidden = pages[i].hidden,
                                                                      .audio_in = MCU_CODEC_OPUS,
                                                                      .heard = i == 1 };
    struct mcu_conf_leg_info *sip = &out->legs[out->leg_count++];
    *sip = (struct mcu_conf_leg_info){ .leg = 77, .participant = 77, .heard = sip_name[0] & 1 };
    memcpy(sip->name, sip_name, sizeof(sip->name));
    return 0;
}

/* The leg of a page is its web_leg here. */
void mcu_leg_signs(struct mcu_leg *leg, bool hand, bool muted)
{
    const struct web_leg *w = (const struct web_leg *)leg;
    CHECK(hand == w->hand && muted == w->muted);
}

void mcu_leg_wish(struct mcu_leg *leg, enum mcu_layout_wish wish)
{
    CHECK(wish == ((const struct web_leg *)leg)->layout);
}

bool mcu_layout_wish_parse(enum mcu_layout_wish *out, const char *text)
{
    if (strcmp(text, "grid") != 0 && strcmp(text, "speaker") != 0 && text[0])
        return false;
    *out = text[0] == 'g' ? MCU_WISH_GRID : text[0] ? MCU_WISH_SPEAKER : MCU_WISH_NONE;
    return true;
}

/* ---- pages ---- */

static void run_closed(void)
{
    struct mcu_ws *ws = leaving;
    leaving = NULL;
    if (ws)
        mcu_web_room_closed(ws, 1000, ws->peer);
}

static void end_leg(int i)
{
    struct web_leg *w = &pages[i];
    if (!present[i])
        return;
    present[i] = false;
    mcu_web_room_left(w, "left");
    run_closed();
    CHECK(!w->ws && !w->page_room);
    *w->prev = w->next;
    if (w->next)
        w->next->prev = w->prev;
}

static void make_leg(int i)
{
    static const struct web_door door = { .kind = "web" };
    struct web_leg *w = &pages[i];
    *w = (struct web_leg){
        .side = &side,
        .door = &door,
        .hidden = i == WATCHES,
        .room = (struct mcu_room *)1, /* is only looked at */
        .conference = { &media[0], conferences[0] },
        .identity = { .leg = (uint32_t)i, .participant = (uint32_t)i, .name = "Ana" },
        .room_name = "room"
    };
    w->next = side.legs;
    w->prev = &side.legs;
    if (w->next)
        w->next->prev = &w->next;
    side.legs = w;
    present[i] = true;
}

static void come(int i)
{
    struct mcu_ws *ws = calloc(1, sizeof(*ws));
    CHECK(ws);
    if (!present[i])
        make_leg(i);
    alive++;
    ws->owner = &pages[i];
    CHECK(mcu_web_room_accept(&pages[i], ws) == 0);
    CHECK(ws->peer == &pages[i] && ws->bytes < WS_BYTES / 2);
}

static void closes(int i)
{
    struct mcu_ws *ws = present[i] ? pages[i].ws : NULL;
    if (ws)
        mcu_web_room_closed(ws, 1006, ws->peer);
}

/* With the zero byte that is promised behind it, and nothing after. */
static void say(int i, const uint8_t *text, size_t size)
{
    struct web_leg *w = &pages[i];
    char *exact = present[i] && w->ws && size <= TEXT_BYTES ? malloc(size + 1) : NULL;
    if (!exact)
        return;
    memcpy(exact, text, size);
    exact[size] = '\0';
    mcu_web_room_message(w->ws, exact, size, w);
    CHECK(w->chats_left >= 0 && w->chats_left <= CHATS);
    free(exact);
}

static void pass_time(void)
{
    static int64_t now_ns = MCU_NS_PER_S;
    now_ns += STEP_NS;
    mcu_loop_step(server.control, now_ns);
    run_posted();
    for (int i = 0; i < PAGES; i++)
        CHECK(!present[i] || !pages[i].ws || pages[i].ws->told_who);
}

/* What a line says of a page. */
static void happen(int what, int i)
{
    struct web_leg *w = &pages[i];
    if (what == 'j')
        come(i);
    else if (what == 'c')
        closes(i);
    else if (what == 'e')
        end_leg(i);
    else if (what == 'l' && present[i])
        w->leg = (struct mcu_leg *)w;
    else if (what == 'm' && present[i])
        w->conference = w->conference.media == media ? (struct mcu_ref){ media + 1, conferences[1] }
                                                     : (struct mcu_ref){ media, conferences[0] };
    else if (what == 's' && present[i]) {
        w->shown = (struct mcu_shown){ .width = 640, .height = 360, .fps = 30, .bps = 500000 };
        mcu_web_room_tell_shown(w);
    }
}

static void take_line(const uint8_t *line, size_t size)
{
    if (size == 0)
        return;
    if (line[0] >= '0' && line[0] < '0' + PAGES)
        say(line[0] - '0', line + 1, size - 1);
    else if (line[0] == 't' && ticks_left-- > 0)
        pass_time();
    else if (line[0] == 'q')
        run_posted();
    else if (line[0] == 'n') {
        memset(sip_name, 0, sizeof(sip_name));
        memcpy(sip_name, line + 1, size - 1 < sizeof(sip_name) ? size - 1 : sizeof(sip_name) - 1);
    } else if (size >= 2) {
        happen(line[0], line[1] & (PAGES - 1));
    }
}

static void begin(void)
{
    if (!server.control) {
        CHECK(mcu_loop_new(&server.control, "control", true) == 0);
        for (int i = 0; i < 2; i++) /* some object: it is only handed on */
            CHECK((conferences[i] = mcu_handle_add(&media[i].conferences, &media[i])) != 0);
        side.server = &server;
        pass_time();
        mcu_web_rooms_init(&side);
    }
    sip_name[0] = '\0';
    ticks_left = TICKS;
    come(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    for (int i = 0; i < STEPS && size > 0; i++) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t n = end ? (size_t)(end - data) : size;
        take_line(data, n);
        n += end != NULL;
        data += n;
        size -= n;
    }
    for (int i = 0; i < PAGES; i++)
        end_leg(i);
    run_posted();
    mcu_timer_stop(&side.room_timer);
    CHECK(alive == 0 && !side.rooms && !side.legs && side.questions == 0);
    return 0;
}
