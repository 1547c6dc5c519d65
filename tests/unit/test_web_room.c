/* tests/unit/test_web_room.c - what pages are told of their room, by WebSockets that only count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mixer/base/clock.h"
#include "server/conf.h"
#include "server/web_priv.h"

#define WS_BYTES    (256 * 1024) /* net/http.h: more waits for nobody, who is so slow is cut */
#define WS_MESSAGES 64

struct mcu_ws {
    size_t bytes, messages;
    void *peer;
};

static struct mcu_server server;
static struct mcu_web_side side;
static int64_t now;

/* ---- in the place of net/http_ws.c and of a conference ---- */

int mcu_ws_send(struct mcu_ws *ws, const char *text, size_t size)
{
    assert_int_equal(strlen(text), size);
    ws->bytes += size;
    ws->messages++;
    return 0;
}

void mcu_ws_set_peer(struct mcu_ws *ws, void *peer)
{
    ws->peer = peer;
}

void mcu_ws_close(struct mcu_ws *ws, int code, const char *reason)
{
}

void mcu_ws_release(struct mcu_ws **ws)
{
    *ws = NULL;
}

void mcu_web_check_shutdown(struct mcu_web_side *s)
{
}

int mcu_conf_get_info(struct mcu_conf *conf, struct mcu_conf_info *out)
{
    return -1;
}

static bool hand, muted;

void mcu_leg_signs(struct mcu_leg *leg, bool up, bool off)
{
    hand = up;
    muted = off;
}

static enum mcu_layout_wish wished;

void mcu_leg_wish(struct mcu_leg *leg, enum mcu_layout_wish wish)
{
    wished = wish;
}

bool mcu_layout_wish_parse(enum mcu_layout_wish *out, const char *text)
{
    *out = strcmp(text, "speaker") == 0 ? MCU_WISH_SPEAKER : MCU_WISH_NONE;
    return *out != MCU_WISH_NONE || !text[0];
}

/* ---- */

static int begin(void **state)
{
    memset(&side, 0, sizeof(side));
    now = MCU_NS_PER_S;
    side.server = &server;
    if (mcu_loop_new(&server.control, "control", true) < 0)
        return -1;
    mcu_loop_step(server.control, now);
    mcu_web_rooms_init(&side);
    return 0;
}

static int end(void **state)
{
    mcu_timer_stop(&side.room_timer);
    mcu_loop_free(&server.control);
    return 0;
}

static void enter(struct web_leg *w, struct mcu_ws *ws)
{
    static struct mcu_room *const some_room = (struct mcu_room *)1; /* is only looked at */
    static struct mcu_media media;
    memset(w, 0, sizeof(*w));
    memset(ws, 0, sizeof(*ws));
    w->side = &side;
    w->room = some_room;
    w->conference = (struct mcu_ref){ &media, 1 };
    strcpy(w->room_name, "r");
    strcpy(w->identity.name, "Ana");
    w->next = side.legs;
    w->prev = &side.legs;
    if (w->next)
        w->next->prev = &w->next;
    side.legs = w;
    assert_int_equal(mcu_web_room_accept(w, ws), 0);
}

static void leave(struct web_leg *w)
{
    mcu_web_room_left(w, "left");
    *w->prev = w->next;
    if (w->next)
        w->next->prev = w->prev;
}

static void say(struct web_leg *w, const char *message)
{
    w->chats_left = 1;
    mcu_web_room_message(w->ws, message, strlen(message), w);
}

static void a_newcomer_is_told_what_was_said(void **state)
{
    struct web_leg a, b;
    struct mcu_ws ws_a, ws_b;
    enter(&a, &ws_a);
    for (int i = 0; i < 80; i++)
        say(&a, "{\"type\":\"chat\",\"text\":\"hello\"}");
    assert_int_equal(ws_a.messages, 1 + 80);
    enter(&b, &ws_b);
    assert_int_equal(ws_b.messages, 1 + 50);
    leave(&a);
    leave(&b);
}

/* Each control character is six bytes of JSON: fifty such messages were more than a WebSocket may
 * have waiting, so that every newcomer was cut as a slow one. */
static void nothing_that_is_said_keeps_newcomers_out(void **state)
{
    static const char escape[] = "\\u0001";
    char message[8192] = "{\"type\":\"chat\",\"text\":\"";
    struct web_leg a, b;
    struct mcu_ws ws_a, ws_b;
    while (strlen(message) + sizeof(escape) + 2 < sizeof(message))
        strcat(message, escape);
    strcat(message, "\"}");
    enter(&a, &ws_a);
    for (int i = 0; i < 60; i++)
        say(&a, message);
    assert_true(ws_a.bytes > 60 * 6000);
    enter(&b, &ws_b);
    assert_true(ws_b.messages > 5 && ws_b.messages <= WS_MESSAGES);
    assert_true(ws_b.bytes < WS_BYTES / 2);
    leave(&a);
    leave(&b);
}

static void hand_and_muted_microphone_are_shown_on_the_tile(void **state)
{
    static struct mcu_leg *const some_leg = (struct mcu_leg *)1; /* is only handed on */
    struct web_leg w;
    struct mcu_ws ws;
    enter(&w, &ws);
    say(&w, "{\"type\":\"hand\",\"up\":true}"); /* its leg is not made yet */
    assert_true(!hand && !muted);
    w.leg = some_leg;
    say(&w, "{\"type\":\"state\",\"audio\":false,\"video\":true}");
    assert_true(hand && muted);
    say(&w, "{\"type\":\"hand\",\"up\":false}");
    assert_true(!hand && muted);
    say(&w, "{\"type\":\"hand\",\"up\":true}");
    mcu_web_room_closed(&ws, 1001, &w); /* the page is gone: nobody could take them back */
    assert_true(!hand && !muted);
    leave(&w);
}

static void a_page_asks_for_a_layout(void **state)
{
    static struct mcu_leg *const some_leg = (struct mcu_leg *)1;
    struct web_leg w;
    struct mcu_ws ws;
    enter(&w, &ws);
    wished = MCU_WISH_NONE;
    say(&w, "{\"type\":\"layout\",\"layout\":\"speaker\"}"); /* its leg is not made yet: it will start so */
    assert_int_equal(w.layout, MCU_WISH_SPEAKER);
    assert_int_equal(wished, MCU_WISH_NONE);
    w.leg = some_leg;
    say(&w, "{\"type\":\"layout\",\"layout\":\"speaker\"}");
    assert_int_equal(wished, MCU_WISH_SPEAKER);
    int told = ws.messages;
    say(&w, "{\"type\":\"layout\",\"layout\":\"mosaic\"}");
    say(&w, "{\"type\":\"layout\",\"layout\":7}");
    say(&w, "{\"type\":\"layout\"}");
    assert_int_equal(ws.messages, told + 3); /* complaints */
    assert_int_equal(wished, MCU_WISH_SPEAKER);
    say(&w, "{\"type\":\"layout\",\"layout\":\"\"}");
    assert_int_equal(wished, MCU_WISH_NONE);
    leave(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_newcomer_is_told_what_was_said, begin, end),
        cmocka_unit_test_setup_teardown(nothing_that_is_said_keeps_newcomers_out, begin, end),
        cmocka_unit_test_setup_teardown(a_page_asks_for_a_layout, begin, end),
        cmocka_unit_test_setup_teardown(hand_and_muted_microphone_are_shown_on_the_tile, begin, end),
    };
    return cmocka_run_group_tests_name("web_room", tests, NULL, NULL);
}
