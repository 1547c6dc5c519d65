/* WebSockets: what libwebsockets leaves to us of RFC 6455, and the limits of a peer.
 *
 *   accept > (ESTABLISHED) > messages both ways > close frame both ways, or the connection just
 * ends
 *
 * A mcu_ws lives until its connection is gone and its owner has released it, whichever is later. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/utf8.h"
#include "mixer/base/util.h"
#include "net/http_priv.h"

#define IN_BYTES       8192
#define QUEUE_MESSAGES 64
#define QUEUE_BYTES    (256 * 1024)
#define RATE_COST_NS   (MCU_NS_PER_S / 50) /* of a message; a second's worth may come at once */
#define CLOSE_NS       (2 * MCU_NS_PER_S)
#define CODE_NONE      1005
#define CODE_GONE      1006

struct message {
    struct message *next;
    size_t size;
    unsigned char frame[]; /* LWS_PRE, then the text */
};

struct mcu_ws {
    struct mcu_http_conn *conn; /* NULL: gone */
    const struct mcu_ws_events *events;
    void *peer;
    bool established, released;
    bool told; /* closed was called, or nobody wants to hear it */
    int code;  /* for closed */

    struct message *first, **last;
    int queued;
    size_t queued_bytes;
    bool ping_due;
    int64_t pinged_ns;

    int close_code; /* 0: not closing */
    char close_reason[124];
    bool close_sent;

    char *in; /* of the message that is coming: IN_BYTES and a zero */
    size_t in_size;
    int64_t budget_ns, budget_at_ns;
};

/* ---- life ---- */

static struct mcu_ws *new_ws(struct mcu_http_conn *c, const struct mcu_ws_events *events)
{
    struct mcu_ws *ws = calloc(1, sizeof(*ws));
    if (!ws)
        return NULL;
    ws->conn = c;
    ws->events = events;
    ws->code = CODE_GONE;
    ws->last = &ws->first;
    ws->budget_ns = MCU_NS_PER_S;
    ws->budget_at_ns = ws->pinged_ns = mcu_loop_now(c->http->loop);
    return ws;
}

static void drop_queue(struct mcu_ws *ws)
{
    for (struct message *m; (m = ws->first);) {
        ws->first = m->next;
        free(m);
    }
    ws->last = &ws->first;
    ws->queued = 0;
    ws->queued_bytes = 0;
}

static void free_ws(struct mcu_ws *ws)
{
    drop_queue(ws);
    free(ws->in);
    free(ws);
}

static void tell_closed(struct mcu_ws *ws)
{
    bool tell = !ws->told && !ws->released;
    ws->told = true;
    if (tell)
        ws->events->closed(ws, ws->code, ws->peer);
}

static void hear(struct mcu_http_conn *c)
{
    if (!c->ws->close_code)
        c->deadline_ns = mcu_loop_now(c->http->loop) + c->http->ping_ns * 5 / 2;
}

int mcu_ws_accept(struct mcu_http_conn *c, struct mcu_http_request *req)
{
    struct mcu_ws *ws = new_ws(c, req->route->ws->events);
    if (!ws)
        return 503;
    c->ws = ws;
    int status = ws->events->accept(req, ws, c->http->arg);
    if (status) {
        c->ws = NULL;
        free_ws(ws);
        return status;
    }
    mcu_count(MCU_CNT_WS_OPENED);
    hear(c);
    return 0;
}

void mcu_ws_gone(struct mcu_http_conn *c)
{
    struct mcu_ws *ws = c->ws;
    c->ws = NULL;
    ws->conn = NULL;
    drop_queue(ws);
    if (ws->released) {
        free_ws(ws);
        return;
    }
    tell_closed(ws); /* who may release it therein: that frees */
}

void mcu_ws_release(struct mcu_ws **pp)
{
    struct mcu_ws *ws = *pp;
    *pp = NULL;
    if (!ws)
        return;
    ws->released = true;
    if (ws->conn)
        mcu_ws_close(ws, 1001, NULL);
    else
        free_ws(ws);
}

void mcu_ws_set_peer(struct mcu_ws *ws, void *peer)
{
    ws->peer = peer;
}

/* ---- out ---- */

static void ask_to_write(struct mcu_ws *ws)
{
    if (ws->established)
        lws_callback_on_writable(ws->conn->wsi);
}

int mcu_ws_send(struct mcu_ws *ws, const char *text, size_t size)
{
    if (!ws->conn || ws->conn->cut || ws->close_code)
        return -EPIPE;
    if (ws->queued >= QUEUE_MESSAGES || size > QUEUE_BYTES - ws->queued_bytes) {
        mcu_count(MCU_CNT_WS_SLOW);
        mcu_http_cut(ws->conn);
        return -ENOBUFS;
    }
    struct message *m = malloc(sizeof(*m) + LWS_PRE + size);
    if (!m)
        return -ENOMEM;
    m->next = NULL;
    m->size = size;
    memcpy(m->frame + LWS_PRE, text, size);
    *ws->last = m;
    ws->last = &m->next;
    ws->queued++;
    ws->queued_bytes += size;
    ask_to_write(ws);
    return 0;
}

static void begin_close(struct mcu_ws *ws, int code, const char *reason)
{
    ws->close_code = code;
    strncpy(ws->close_reason, reason ? reason : "", sizeof(ws->close_reason) - 1);
    ws->conn->deadline_ns = mcu_loop_now(ws->conn->http->loop) + CLOSE_NS;
    ask_to_write(ws);
}

void mcu_ws_close(struct mcu_ws *ws, int code, const char *reason)
{
    if (ws->conn && !ws->conn->cut && !ws->close_code)
        begin_close(ws, code, reason);
}

/* The frame is ours: libwebsockets would send its own only out of its receiving callback. */
static int send_close(struct mcu_ws *ws)
{
    unsigned char frame[LWS_PRE + 4 + sizeof(ws->close_reason)], *p = frame + LWS_PRE;
    size_t n = strlen(ws->close_reason);
    p[0] = 0x88; /* RFC 6455 section 5.2 */
    p[1] = (unsigned char)(n + 2);
    p[2] = (unsigned char)(ws->close_code >> 8);
    p[3] = (unsigned char)ws->close_code;
    memcpy(p + 4, ws->close_reason, n);
    ws->close_sent = true;
    return lws_write(ws->conn->wsi, p, n + 4, LWS_WRITE_HTTP) < 0 ? -1 : 0;
}

/* Not empty: of a pong without payload libwebsockets tells nothing. */
static int send_ping(struct mcu_ws *ws)
{
    unsigned char frame[LWS_PRE + 1] = { [LWS_PRE] = 'p' };
    ws->ping_due = false;
    return lws_write(ws->conn->wsi, frame + LWS_PRE, 1, LWS_WRITE_PING) < 0 ? -1 : 0;
}

/* One frame each time, as libwebsockets wants it. */
static int on_writable(struct mcu_ws *ws)
{
    struct message *m = ws->first;
    if (ws->close_sent)
        return 0;
    if (ws->ping_due) {
        if (send_ping(ws) < 0)
            return -1;
    } else if (m) {
        int n = lws_write(ws->conn->wsi, m->frame + LWS_PRE, m->size, LWS_WRITE_TEXT);
        if (n < (int)m->size)
            return -1;
        ws->first = m->next;
        if (!ws->first)
            ws->last = &ws->first;
        ws->queued--;
        ws->queued_bytes -= m->size;
        free(m);
    } else if (ws->close_code) {
        return send_close(ws);
    }
    if (ws->first || ws->close_code)
        lws_callback_on_writable(ws->conn->wsi);
    return 0;
}

void mcu_ws_sweep(struct mcu_http_conn *c, int64_t now_ns)
{
    struct mcu_ws *ws = c->ws;
    if (!ws->established || ws->close_code || now_ns - ws->pinged_ns < c->http->ping_ns)
        return;
    ws->pinged_ns = now_ns;
    ws->ping_due = true;
    ask_to_write(ws);
}

/* ---- in ---- */

/* The peer broke a rule: it hears which, and what it sends besides is read over. */
static void break_off(struct mcu_ws *ws, int code, const char *reason)
{
    mcu_count(MCU_CNT_WS_BAD);
    drop_queue(ws);
    ws->code = code;
    begin_close(ws, code, reason);
}

static bool within_rate(struct mcu_ws *ws)
{
    int64_t now = mcu_loop_now(ws->conn->http->loop);
    ws->budget_ns += now - ws->budget_at_ns;
    ws->budget_at_ns = now;
    if (ws->budget_ns > MCU_NS_PER_S)
        ws->budget_ns = MCU_NS_PER_S;
    ws->budget_ns -= RATE_COST_NS;
    return ws->budget_ns >= 0;
}

static void on_whole_message(struct mcu_ws *ws)
{
    size_t size = ws->in_size;
    ws->in_size = 0;
    ws->in[size] = '\0';
    if (!mcu_utf8_is_valid(ws->in, size))
        break_off(ws, LWS_CLOSE_STATUS_INVALID_PAYLOAD, "not UTF-8");
    else if (!within_rate(ws))
        break_off(ws, LWS_CLOSE_STATUS_POLICY_VIOLATION, "too many messages");
    else if (!ws->released)
        ws->events->message(ws, ws->in, size, ws->peer);
}

static int on_receive(struct mcu_ws *ws, const void *data, size_t len)
{
    struct lws *wsi = ws->conn->wsi;
    if (ws->close_code)
        return 0; /* we have said our last word */
    if (!ws->in && !(ws->in = malloc(IN_BYTES + 1)))
        return -1;
    if (lws_frame_is_binary(wsi)) {
        break_off(ws, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, "text only");
        return 0;
    }
    if (len + lws_remaining_packet_payload(wsi) > IN_BYTES - ws->in_size) {
        break_off(ws, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "too long");
        return 0;
    }
    memcpy(ws->in + ws->in_size, data, len);
    ws->in_size += len;
    if (lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi))
        on_whole_message(ws);
    return 0;
}

/* Not 0: it answers ours, so this is the end. Else libwebsockets answers it. */
static int on_peer_close(struct mcu_ws *ws, const unsigned char *in, size_t len)
{
    if (ws->close_sent)
        return -1;
    ws->code = len >= 2 ? in[0] << 8 | in[1] : CODE_NONE;
    ws->close_sent = true;
    if (!ws->close_code)
        begin_close(ws, ws->code, NULL);
    return 0;
}

int mcu_ws_on_lws(struct mcu_http_conn *c, enum lws_callback_reasons reason, const void *in,
                  size_t len)
{
    struct mcu_ws *ws = c->ws;
    if (!ws)
        return -1;
    if (reason != LWS_CALLBACK_SERVER_WRITEABLE)
        hear(c);
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        ws->established = true;
        if (ws->first || ws->close_code)
            ask_to_write(ws);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return on_receive(ws, in, len);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return on_peer_close(ws, in, len);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writable(ws);
    default:
        return 0;
    }
}
