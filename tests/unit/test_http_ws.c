/* WebSockets: the handshake, messages both ways, and peers that break the rules. */
#include "http_rig.h"

#include "mixer/base/clock.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"

/* What the server side saw. Written on the loop; read by the test after it was told of the event. */
static struct {
    struct mcu_ws *ws[300];
    _Atomic int accepted, closed, messages;
    int code;
    char accepted_path[256], token[64];
} seen;

/* ---- the server side ---- */

static int accept_echo(struct mcu_http_request *req, struct mcu_ws *ws, void *arg)
{
    if (strcmp(mcu_http_path_rest(req), "forbidden") == 0)
        return 403;
    snprintf(seen.accepted_path, sizeof(seen.accepted_path), "%s", mcu_http_path_rest(req));
    if (!mcu_http_query(req, "token", seen.token, sizeof(seen.token)))
        strcpy(seen.token, "-");
    if (strcmp(mcu_http_path_rest(req), "greet") == 0)
        assert_int_equal(mcu_ws_send(ws, "welcome", 7), 0);
    if (strcmp(mcu_http_path_rest(req), "bye") == 0)
        mcu_ws_close(ws, 4001, "not now");
    mcu_ws_set_peer(ws, &seen);
    seen.ws[seen.accepted++] = ws;
    return 0;
}

static void echo(struct mcu_ws *ws, const char *text, size_t size, void *peer)
{
    assert_ptr_equal(peer, &seen);
    assert_int_equal(text[size], 0);
    seen.messages++;
    if (strcmp(text, "close me") == 0) {
        mcu_ws_send(ws, "so long", 7);
        mcu_ws_close(ws, 4002, "as you wish");
        assert_int_equal(mcu_ws_send(ws, "x", 1), -EPIPE);
    } else if (strcmp(text, "release me") == 0) {
        mcu_ws_release(&ws);
    } else {
        mcu_ws_send(ws, text, size);
    }
}

static void note_closed(struct mcu_ws *ws, int code, void *peer)
{
    seen.code = code;
    assert_int_equal(mcu_ws_send(ws, "late", 4), -EPIPE);
    mcu_ws_close(ws, 1000, NULL);
    mcu_ws_release(&ws);
    seen.closed++;
}

static const struct mcu_ws_events events = { accept_echo, echo, note_closed };
static const struct mcu_ws_route open_row = { .events = &events };
static const struct mcu_ws_route named_row = { .events = &events, .subprotocol = "tessera.v1" };
static const struct mcu_ws_route any_row = { .events = &events, .any_origin = true };

static const struct mcu_http_route rows[] = {
    { "GET", "/hello", .handler = say_hello },
    { "GET", "/ws/*", .ws = &open_row },
    { "GET", "/named", .ws = &named_row },
    { "GET", "/any", .ws = &any_row },
};

static void open_site(struct site *s, struct mcu_http_config config)
{
    memset(&seen, 0, sizeof(seen));
    start_with(s, config, rows, MCU_ARRAY_LEN(rows));
}

/* ---- the peer ---- */

static int knock(const struct site *s, const char *path, const char *fields, struct reply *r)
{
    char request[1024];
    int fd = dial(s);
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST UPGRADE KEY "%s\r\n", path, fields);
    say(fd, request);
    memset(r, 0, sizeof(*r));
    if (!read_head(fd, r))
        r->ended = true;
    else
        assert_int_equal(sscanf(r->head, "HTTP/1.1 %d ", &r->status), 1);
    return fd;
}

static int join(const struct site *s, const char *path)
{
    struct reply r;
    int fd = knock(s, path, "", &r);
    assert_int_equal(r.status, 101);
    return fd;
}

enum { MASKED = 1, TEXT = 0x81, BINARY = 0x82, TEXT_BEGIN = 1, MORE = 0, END = 0x80, CLOSE = 0x88,
       PING = 0x89, PONG = 0x8a };

static size_t make_frame(unsigned char *out, int first, const void *data, size_t size, bool masked)
{
    static const unsigned char mask[4] = { 0x12, 0x34, 0x56, 0x78 };
    size_t n = 0;
    out[n++] = (unsigned char)first;
    unsigned char bit = masked ? 0x80 : 0;
    if (size < 126) {
        out[n++] = (unsigned char)(bit | size);
    } else {
        out[n++] = bit | 126;
        out[n++] = (unsigned char)(size >> 8);
        out[n++] = (unsigned char)size;
    }
    if (masked) {
        memcpy(out + n, mask, 4);
        n += 4;
    }
    for (size_t i = 0; i < size; i++)
        out[n++] = ((const unsigned char *)data)[i] ^ (masked ? mask[i & 3] : 0);
    return n;
}

static void put(int fd, int first, const void *data, size_t size)
{
    static unsigned char frame[70000];
    size_t n = make_frame(frame, first, data, size, true);
    assert_int_equal(send(fd, frame, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void put_text(int fd, const char *text)
{
    put(fd, TEXT, text, strlen(text));
}

static bool read_bytes(int fd, void *out, size_t size)
{
    for (size_t n = 0; n < size;) {
        ssize_t k = recv(fd, (char *)out + n, size - n, 0);
        if (k <= 0) {
            assert_false(k < 0 && errno == EAGAIN);
            return false;
        }
        n += (size_t)k;
    }
    return true;
}

struct frame {
    int first; /* -1: the end of the connection */
    size_t size;
    unsigned char data[70000];
};

static struct frame *get(int fd)
{
    static struct frame f;
    unsigned char head[4];
    memset(&f, 0, sizeof(f));
    f.first = -1;
    if (!read_bytes(fd, head, 2))
        return &f;
    f.first = head[0];
    assert_int_equal(head[1] & 0x80, 0);
    f.size = head[1];
    if (f.size == 126) {
        assert_true(read_bytes(fd, head, 2));
        f.size = (size_t)head[0] << 8 | head[1];
    }
    assert_true(f.size < sizeof(f.data));
    if (!read_bytes(fd, f.data, f.size))
        f.first = -1;
    return &f;
}

static void expect_text(int fd, const char *text)
{
    struct frame *f = get(fd);
    assert_int_equal(f->first, TEXT);
    assert_string_equal((char *)f->data, text);
}

static void expect_close(int fd, int code)
{
    struct frame *f = get(fd);
    if (f->first != CLOSE || (f->data[0] << 8 | f->data[1]) != code)
        fail_msg("%02x %d, not a close with %d", f->first, f->data[0] << 8 | f->data[1], code);
    put(fd, CLOSE, f->data, 2);
    while (get(fd)->first >= 0)
        ;
}

static void wait_closed(struct site *s, int n)
{
    while (seen.closed < n)
        mcu_loop_call(s->loop, no_op, NULL);
}

/* ---- tests ---- */

static void a_handshake_opens_a_websocket(void **state)
{
    struct site s;
    struct reply r;
    open_site(&s, (struct mcu_http_config){ 0 });
    int fd = knock(&s, "/ws/room%20a?token=t%26", "Origin: http://localhost:8080\r\n", &r);
    assert_int_equal(r.status, 101);
    assert_string_equal(field(&r, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_null(field(&r, "Sec-WebSocket-Protocol"));
    assert_null(field(&r, "Sec-WebSocket-Extensions"));
    assert_string_equal(seen.accepted_path, "room a");
    assert_string_equal(seen.token, "t&");
    put_text(fd, "h\xc3\xa9llo");
    expect_text(fd, "h\xc3\xa9llo");
    put_text(fd, "");
    expect_text(fd, "");
    put(fd, CLOSE, "\x03\xe8", 2);
    assert_int_equal(get(fd)->first, CLOSE);
    assert_int_equal(get(fd)->first, -1);
    wait_closed(&s, 1);
    assert_int_equal(seen.code, 1000);
    close(fd);
    stop(&s);
}

static void what_accept_sends_comes_first(void **state)
{
    struct site s;
    open_site(&s, (struct mcu_http_config){ 0 });
    int fd = join(&s, "/ws/greet");
    expect_text(fd, "welcome");
    close(fd);
    fd = join(&s, "/ws/bye");
    expect_close(fd, 4001);
    close(fd);
    wait_closed(&s, 2);
    stop(&s);
}

static void a_message_behind_the_handshake_is_read(void **state)
{
    struct site s;
    struct reply r = { 0 };
    unsigned char text[600];
    open_site(&s, (struct mcu_http_config){ 0 });
    int fd = dial(&s);
    size_t n = (size_t)snprintf((char *)text, sizeof(text), "GET /ws/a HTTP/1.1\r\n" HOST UPGRADE KEY
                                                            "\r\n");
    n += make_frame(text + n, TEXT, "early", 5, true);
    n += make_frame(text + n, TEXT, "bird", 4, true);
    assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
    assert_true(read_head(fd, &r));
    expect_text(fd, "early");
    expect_text(fd, "bird");
    close(fd);
    wait_closed(&s, 1);
    stop(&s);
}

static void a_subprotocol_is_negotiated(void **state)
{
    struct site s;
    struct reply r;
    open_site(&s, (struct mcu_http_config){ 0 });
    int fd = knock(&s, "/named", "Sec-WebSocket-Protocol: other, tessera.v1\r\n", &r);
    assert_int_equal(r.status, 101);
    assert_string_equal(field(&r, "Sec-WebSocket-Protocol"), "tessera.v1");
    close(fd);
    fd = knock(&s, "/named", "", &r);
    assert_int_equal(r.status, 400);
    close(fd);
    fd = knock(&s, "/named", "Sec-WebSocket-Protocol: tessera.v2\r\n", &r);
    assert_int_equal(r.status, 400);
    close(fd);
    fd = knock(&s, "/any", "Sec-WebSocket-Extensions: permessage-deflate\r\n", &r);
    assert_int_equal(r.status, 101);
    assert_null(field(&r, "Sec-WebSocket-Extensions"));
    close(fd);
    wait_closed(&s, 2);
    stop(&s);
}

static void refusals_come_before_the_upgrade(void **state)
{
    static const struct {
        const char *path, *fields;
        int status;
    } cases[] = {
        { "/ws/forbidden", "", 403 },
        { "/ws/a", "Origin: https://evil.example\r\n", 403 },
        { "/ws/a", "Origin: http://localhost\r\n", 403 }, /* another port is another site */
        { "/ws/a", "Origin: null\r\n", 403 },
        { "/any", "Origin: https://evil.example\r\n", 101 },
        { "/nothing", "", 404 },
        { "/hello", "", 405 },
        { "/ws/a", HOST, 400 },
        { "/ws/a", "Content-Length: 5\r\n", 400 },
        { "/ws/a", KEY, 400 },
    };
    struct site s;
    struct reply r;
    open_site(&s, (struct mcu_http_config){ 0 });
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++) {
        int fd = knock(&s, cases[i].path, cases[i].fields, &r);
        if (r.status != cases[i].status)
            fail_msg("%s %s: %d", cases[i].path, cases[i].fields, r.status);
        if (r.status != 101) {
            assert_string_equal(field(&r, "Connection"), "close");
            while (!ended(fd))
                ;
        }
        close(fd);
    }
    wait_closed(&s, 1);
    assert_int_equal(seen.accepted, 1);
    refused(&s, "GET /ws/a HTTP/1.1\r\n" HOST "\r\n", 426, "WebSocket");
    static const char *const strange[] = {
        "GET /ws/a HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 8\r\n" KEY "\r\n",
        "GET /ws/a HTTP/1.1\r\n" HOST UPGRADE "\r\n",
        "GET /ws/a HTTP/1.1\r\n" HOST UPGRADE "Sec-WebSocket-Key: short\r\n\r\n",
        "GET /ws/a HTTP/1.1\r\n" HOST "Connection: close\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\n" KEY "\r\n",
        "POST /ws/a HTTP/1.1\r\n" HOST UPGRADE KEY "Content-Length: 0\r\n\r\n",
        "GET /ws/a HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        "GET /ws/a HTTP/1.1\r\nHost: evil.example\r\n" UPGRADE KEY "\r\n",
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(strange); i++) {
        int fd = dial(&s);
        say(fd, strange[i]);
        memset(&r, 0, sizeof(r));
        if (read_head(fd, &r) && strncmp(r.head, "HTTP/1.1 4", 10) != 0)
            fail_msg("%s: %s", strange[i], r.head);
        close(fd);
    }
    assert_int_equal(seen.accepted, 1);
    stop(&s);
}

static void fragments_and_pings_between_them_are_one_message(void **state)
{
    struct site s;
    open_site(&s, (struct mcu_http_config){ 0 });
    int fd = join(&s, "/ws/a");
    put(fd, TEXT_BEGIN, "caf\xc3", 4); /* in the middle of a character */
    put(fd, PING, "p", 1);
    put(fd, MORE, "\xa9 ", 2);
    put(fd, END, "au lait", 7);
    struct frame *f = get(fd);
    assert_int_equal(f->first, PONG);
    assert_int_equal(f->size, 1);
    expect_text(fd, "caf\xc3\xa9 au lait");
    close(fd);
    wait_closed(&s, 1);
    assert_int_equal(seen.code, 1006);
    stop(&s);
}

static void the_longest_message_passes_and_no_longer(void **state)
{
    struct site s;
    char *text = calloc(1, 70000);
    memset(text, 'x', 65000);
    open_site(&s, (struct mcu_http_config){ 0 });
    int fd = join(&s, "/ws/a");
    put(fd, TEXT, text, 8192);
    struct frame *f = get(fd);
    assert_int_equal(f->size, 8192);
    assert_memory_equal(f->data, text, 8192);
    put(fd, TEXT, text, 8193);
    expect_close(fd, 1009);
    close(fd);
    fd = join(&s, "/ws/a");
    put(fd, TEXT, text, 65000);
    expect_close(fd, 1009);
    close(fd);
    fd = join(&s, "/ws/a");
    put(fd, TEXT_BEGIN, text, 8000);
    put(fd, END, text, 193);
    expect_close(fd, 1009);
    close(fd);
    wait_closed(&s, 3);
    assert_int_equal(seen.messages, 1);
    free(text);
    stop(&s);
}

static void binary_and_bad_utf8_are_broken_off(void **state)
{
    static const char *const bad[] = { "\xff", "a\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                       "cut \xe2\x82" };
    struct site s;
    open_site(&s, (struct mcu_http_config){ 0 });
    uint64_t before = mcu_counter_get(MCU_CNT_WS_BAD);
    int fd = join(&s, "/ws/a");
    put(fd, BINARY, "abc", 3);
    expect_close(fd, 1003);
    close(fd);
    wait_closed(&s, 1);
    assert_int_equal(seen.code, 1003);
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad); i++) {
        fd = join(&s, "/ws/a");
        put_text(fd, bad[i]);
        expect_close(fd, 1007);
        close(fd);
    }
    wait_closed(&s, 1 + (int)MCU_ARRAY_LEN(bad));
    assert_int_equal(seen.messages, 0);
    assert_int_equal(mcu_counter_get(MCU_CNT_WS_BAD) - before, 1 + MCU_ARRAY_LEN(bad));
    stop(&s);
}

static void broken_frames_end_the_connection(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        { "\xc1\x81\0\0\0\0x", 7 },                         /* a reserved bit */
        { "\x83\x81\0\0\0\0x", 7 },                         /* an unknown opcode */
        { "\x8b\x81\0\0\0\0x", 7 },
        { "\x09\x80\0\0\0\0", 6 },                          /* a ping in pieces */
        { "\x89\xfe\x00\x80\0\0\0\0", 8 },                  /* a long ping */
        { "\x80\x81\0\0\0\0x", 7 },                         /* more of nothing */
        { "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14 }, /* 2^64 bytes */
        { "\x81\xff\x00\x00\x01\x00\x00\x00\x00\x00\0\0\0\0x", 15 },
        { "\x01\x81\0\0\0\0x\x81\x81\0\0\0\0x", 14 },       /* a message within a message */
    };
    struct site s;
    open_site(&s, (struct mcu_http_config){ .ping_ms = 400 });
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad); i++) {
        int fd = join(&s, "/ws/a"), first;
        assert_int_equal(send(fd, bad[i].bytes, bad[i].size, MSG_NOSIGNAL), (ssize_t)bad[i].size);
        while ((first = get(fd)->first) >= 0 && first != CLOSE)
            if (first == TEXT)
                fail_msg("frame %zu was taken", i);
        close(fd);
    }
    wait_closed(&s, (int)MCU_ARRAY_LEN(bad));
    assert_int_equal(seen.messages, 0);
    stop(&s);
}

static void too_many_messages_are_broken_off(void **state)
{
    struct site s;
    open_site(&s, (struct mcu_http_config){ 0 });
    int fd = join(&s, "/ws/a"), heard = 0;
    struct frame *f;
    for (int i = 0; i < 200; i++)
        put_text(fd, "again");
    while ((f = get(fd))->first == TEXT)
        heard++;
    assert_in_range(seen.messages, 50, 150);
    assert_int_equal(f->first, CLOSE);
    assert_int_equal(f->data[0] << 8 | f->data[1], 1008);
    close(fd);
    wait_closed(&s, 1);
    stop(&s);
}

static void our_close_waits_for_what_is_queued(void **state)
{
    struct site s;
    open_site(&s, (struct mcu_http_config){ 0 });
    int fd = join(&s, "/ws/a");
    put_text(fd, "close me");
    expect_text(fd, "so long");
    struct frame *f = get(fd);
    assert_int_equal(f->first, CLOSE);
    assert_memory_equal(f->data, "\x0f\xa2" "as you wish", 13);
    put(fd, CLOSE, "\x0f\xa2", 2);
    assert_int_equal(get(fd)->first, -1);
    close(fd);
    wait_closed(&s, 1);
    stop(&s);
}

static void who_released_it_hears_no_more(void **state)
{
    struct site s;
    open_site(&s, (struct mcu_http_config){ 0 });
    int fd = join(&s, "/ws/a");
    put_text(fd, "release me");
    expect_close(fd, 1001);
    close(fd);
    stop(&s);
    assert_int_equal(seen.closed, 0);
}

static void send_much(void *arg)
{
    char *text = calloc(1, 8001);
    memset(text, 'y', 8000);
    int n = 0, rc;
    while ((rc = mcu_ws_send(seen.ws[0], text, 8000)) == 0)
        n++;
    assert_int_equal(rc, -ENOBUFS);
    assert_int_equal(n, 256 * 1024 / 8000);
    assert_int_equal(mcu_ws_send(seen.ws[0], text, 1), -EPIPE);
    assert_int_equal(seen.closed, 0); /* never from within a call */
    free(text);
}

static void send_many(void *arg)
{
    int n = 0;
    while (mcu_ws_send(seen.ws[1], "z", 1) == 0)
        n++;
    assert_int_equal(n, 64);
}

static void a_slow_peer_is_cut(void **state)
{
    struct site s;
    open_site(&s, (struct mcu_http_config){ 0 });
    uint64_t before = mcu_counter_get(MCU_CNT_WS_SLOW);
    int fd[2] = { join(&s, "/ws/a"), join(&s, "/ws/b") };
    mcu_loop_call(s.loop, send_much, NULL);
    mcu_loop_call(s.loop, send_many, NULL);
    wait_closed(&s, 2);
    assert_int_equal(seen.code, 1006);
    assert_int_equal(mcu_counter_get(MCU_CNT_WS_SLOW) - before, 2);
    close(fd[0]);
    close(fd[1]);
    stop(&s);
}

static void the_silent_are_pinged_and_the_dead_are_cut(void **state)
{
    struct site s;
    open_site(&s, (struct mcu_http_config){ .ping_ms = 120 });
    uint64_t dead = mcu_counter_get(MCU_CNT_WS_DEAD);
    int alive = join(&s, "/ws/alive"), mute = join(&s, "/ws/dead");
    struct frame *f;
    for (int i = 0; i < 6; i++) { /* twice the time of a dead one */
        f = get(alive);
        assert_int_equal(f->first, PING);
        put(alive, PONG, f->data, f->size);
    }
    while (get(mute)->first == PING)
        ;
    wait_closed(&s, 1);
    assert_int_equal(mcu_counter_get(MCU_CNT_WS_DEAD) - dead, 1);
    put_text(alive, "here");
    while ((f = get(alive))->first == PING)
        ;
    assert_string_equal((char *)f->data, "here");
    close(alive);
    close(mute);
    stop(&s);
}

static void newcomers_never_push_out_a_websocket(void **state)
{
    struct site s;
    int fd[16];
    open_site(&s, (struct mcu_http_config){ .max_connections = 8 });
    for (int i = 0; i < 7; i++)
        fd[i] = join(&s, "/ws/a");
    for (int i = 7; i < 16; i++)
        fd[i] = dial(&s);
    say(fd[15], "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    expect(fd[15], 200, "hello");
    for (int i = 0; i < 7; i++) {
        put_text(fd[i], "still here");
        expect_text(fd[i], "still here");
    }
    for (int i = 0; i < 16; i++)
        close(fd[i]);
    wait_closed(&s, 7);
    stop(&s);
}

static void two_hundred_come_talk_and_go(void **state)
{
    struct site s;
    static int fd[200];
    open_site(&s, (struct mcu_http_config){ 0 });
    for (int i = 0; i < 200; i++)
        fd[i] = join(&s, "/ws/a");
    for (int i = 0; i < 200; i++)
        put_text(fd[i], "hello");
    for (int i = 0; i < 200; i++)
        expect_text(fd[i], "hello");
    for (int i = 0; i < 200; i++)
        close(fd[i]);
    wait_closed(&s, 200);
    stop(&s);
}

static void close_tells_those_that_are_open(void **state)
{
    struct site s;
    open_site(&s, (struct mcu_http_config){ 0 });
    int fd[3];
    for (int i = 0; i < 3; i++)
        fd[i] = join(&s, "/ws/a");
    stop(&s);
    assert_int_equal(seen.closed, 3);
    for (int i = 0; i < 3; i++) {
        while (get(fd[i])->first >= 0)
            ;
        close(fd[i]);
    }
}

/* Handshakes that stop in the middle, and many at once. */
static void half_open_upgrades_are_cut(void **state)
{
    static const char part[] = "GET /ws/a HTTP/1.1\r\n" HOST UPGRADE;
    struct site s;
    int fd[40];
    open_site(&s, (struct mcu_http_config){ .timeout_ms = 150 });
    for (int i = 0; i < 40; i++) {
        fd[i] = dial(&s);
        say(fd[i], part);
    }
    for (int i = 0; i < 40; i++) {
        assert_true(ended(fd[i]));
        close(fd[i]);
    }
    assert_int_equal(seen.accepted, 0);
    stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_opens_a_websocket),
        cmocka_unit_test(what_accept_sends_comes_first),
        cmocka_unit_test(a_message_behind_the_handshake_is_read),
        cmocka_unit_test(a_subprotocol_is_negotiated),
        cmocka_unit_test(refusals_come_before_the_upgrade),
        cmocka_unit_test(fragments_and_pings_between_them_are_one_message),
        cmocka_unit_test(the_longest_message_passes_and_no_longer),
        cmocka_unit_test(binary_and_bad_utf8_are_broken_off),
        cmocka_unit_test(broken_frames_end_the_connection),
        cmocka_unit_test(too_many_messages_are_broken_off),
        cmocka_unit_test(our_close_waits_for_what_is_queued),
        cmocka_unit_test(who_released_it_hears_no_more),
        cmocka_unit_test(a_slow_peer_is_cut),
        cmocka_unit_test(the_silent_are_pinged_and_the_dead_are_cut),
        cmocka_unit_test(newcomers_never_push_out_a_websocket),
        cmocka_unit_test(two_hundred_come_talk_and_go),
        cmocka_unit_test(close_tells_those_that_are_open),
        cmocka_unit_test(half_open_upgrades_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
