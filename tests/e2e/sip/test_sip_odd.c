/* What should not be sent to net/sip.h, and what calls leave behind in memory. */
#include "tests/e2e/sip/sip_rig.h"

#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define HEAD(uri, from, to, contact)                                                               \
    "INVITE " uri " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKodd%d\r\nFrom: " from   \
    "\r\nTo: " to "\r\nCall-ID: odd%d\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n" contact
#define PLAIN HEAD("sip:x@127.0.0.1", "<sip:a@b>;tag=1", "<sip:x@y>", "Contact: <sip:a@127.0.0.1>\r\n")
#define END   "Content-Length: 0\r\n\r\n"

/* Each is a format with the port once and a number of its own twice. */
static const char *const odd[] = {
    HEAD("sip:127.0.0.1", "<sip:b>;tag=1", "<sip:y>", "Contact: <sip:127.0.0.1>\r\n") END,
    HEAD("sip:127.0.0.1", "sip:b;tag=1", "sip:y", "") END,
    HEAD("sip:127.0.0.1", "tel:+1;tag=1", "sip:y", "") END,
    HEAD("sip:x@127.0.0.1", "\"\\\"\" <sip:b>;tag=1", "<sip:y>", "Contact: *\r\n") END,
    HEAD("sip:x@127.0.0.1", "\"unclosed <sip:b>;tag=1", "<sip:y>", "Contact: <sip:\r\n") END,
    HEAD("tel:+1234", "<tel:+5678>;tag=1", "<tel:+1234>", "Contact: <tel:+5678>\r\n") END,
    HEAD("sips:x@127.0.0.1", "<sips:b>;tag=1", "<sips:y>", "Contact: <sips:b@127.0.0.1>\r\n") END,
    HEAD("http://x/", "<http://b/>;tag=1", "<http://y/>", "Contact: <http://b/>\r\n") END,
    HEAD("urn:service:sos", "<sip:b>;tag=1", "<urn:service:sos>", "") END,
    HEAD("sip:%%00%%00@127.0.0.1", "<sip:%%00@b>;tag=1", "<sip:%%@y>", "") END,
    (HEAD("sip:x:password@127.0.0.1;transport=nonsense;maddr=1.2.3.4?a=b", "<sip:a@b>;tag=1",
          "<sip:x@y>", "Contact: <sip:a@127.0.0.1;lr;x=\"y\">;expires=-1\r\n") END),
    HEAD("sip:x@127.0.0.1", "<sip:a@b>", "<sip:x@y>;tag=made-up", "") END,
    PLAIN "Content-Length: -1\r\n\r\n",
    PLAIN "Content-Length: 99999999999999999999\r\n\r\n",
    PLAIN "Content-Length: 5000\r\n\r\nv=0\r\n",
    PLAIN "Content-Type:\r\nContent-Length: 3\r\n\r\nv=0",
    PLAIN "Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0",
    PLAIN "Content-Type: multipart/mixed\r\nContent-Length: 4\r\n\r\n----",
    PLAIN "Content-Encoding: ,\r\nContent-Length: 3\r\n\r\nv=0",
    PLAIN "Require: nothing-we-know\r\n" END,
    PLAIN "Proxy-Require: x\r\n" END,
    PLAIN "Require: 100rel\r\nSupported: 100rel\r\n" END,
    PLAIN "Session-Expires: 1\r\nSupported: timer\r\n" END,
    PLAIN "Session-Expires: 4294967295;refresher=uas\r\nMin-SE: 4294967295\r\nSupported: timer\r\n" END,
    PLAIN "Session-Expires: x\r\n" END,
    PLAIN "Replaces: odd1;from-tag=1;to-tag=2\r\n" END,
    PLAIN "Route: <sip:1.2.3.4;lr>, <sip:>, ,\r\nRecord-Route: <sip:1.2.3.4>\r\n" END,
    PLAIN "Subject:\r\n folded\r\n\tand folded\r\n" END,
    PLAIN "Max-Forwards: 0\r\n" END,
    PLAIN "CSeq: 2 BYE\r\n" END,
    PLAIN "Call-ID: another\r\n" END,
    PLAIN "Allow:\r\nAllow: ,,,\r\nUser-Agent: \xff\xfe\r\n" END,
    (PLAIN "Content-Type: application/sdp\r\nContent-Length: 59\r\n\r\n"
           "v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\nm=application 5000 TCP/BFCP /1\r\n"),
    ("INVITE sip:x@127.0.0.1 SIP/7.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKodd%d\r\n"
    "Call-ID: odd%d\r\n\r\n"),
    "INVITE sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP :%d;branch=%d\r\nCall-ID: %d\r\n\r\n",
    ("INVITE  sip:x@127.0.0.1  SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\n"
    "Call-ID: odd%d\r\n\r\n"),
    ("CANCEL sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\nFrom: <sip:a>;tag=1"
    "\r\nTo: <sip:b>\r\nCall-ID: odd%d\r\nCSeq: 1 CANCEL\r\n" END),
    ("ACK sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\nFrom: <sip:a>;tag=1\r\n"
    "To: <sip:b>;tag=9\r\nCall-ID: odd%d\r\nCSeq: 1 ACK\r\n" END),
    ("UNHEARD-OF sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\nFrom: <sip:a>;"
    "tag=1\r\nTo: <sip:b>\r\nCall-ID: odd%d\r\nCSeq: 4294967296 UNHEARD-OF\r\n" END),
    ("PRACK sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\nFrom: <sip:a>;tag=1"
    "\r\nTo: <sip:b>\r\nCall-ID: odd%d\r\nCSeq: 1 PRACK\r\nRAck: 1 1 INVITE\r\n" END),
    ("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\nFrom: <sip:a>;tag=1\r\n"
    "To: <sip:b>;tag=2\r\nCall-ID: odd%d\r\nCSeq: 1 INVITE\r\nContact: <sip:c>\r\n" END),
    "SIP/2.0 9999999999 \r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d\r\nCall-ID: %d\r\n\r\n",
    "GET / HTTP/1.0\r\nHost: %d.%d.%d\r\n\r\n",
    "\r\n\r\n",
    "%d%d%d",
    " ",
};

static void send_odd(struct peer *p, struct peer *stream)
{
    char out[4096];
    for (size_t i = 0; i < MCU_ARRAY_LEN(odd); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        int n = snprintf(out, sizeof(out), odd[i], p->port, (int)i + 1000 * (stream != NULL),
                         (int)i + 1000 * (stream != NULL));
#pragma GCC diagnostic pop
        if (!stream) {
            send(p->fd, out, (size_t)n, 0);
            is_alive(p);
            continue;
        }
        struct peer *s = peer_new(p->s, SOCK_STREAM);
        send(s->fd, out, (size_t)n, MSG_NOSIGNAL);
        receive(s, 5);
        peer_free(s);
        is_alive(p);
    }
}

static void odd_messages_do_no_harm(void **state)
{
    struct fixture *f = *state;
    send_odd(f->p, NULL);
    send_odd(f->p, f->p);
    wait_calls(f->s, 0, PATIENCE_MS); /* those that were good enough to be calls have ended */
    assert_int_equal(f->s->ended, f->s->invites);
    assert_true(f->s->invites > 10);
}

/* Every single byte of a good INVITE replaced, in turn, by a few bad ones. */
static void broken_bytes_do_no_harm(void **state)
{
    struct fixture *f = *state;
    static const char bad[] = { 0, '\n', '<', '"', ';', ' ', (char)0xff };
    char out[1024];
    int id = 5000;
    for (int at = 0, n = 1; at < n; at++)
        for (size_t b = 0; b < sizeof(bad); b++, id++) {
            n = snprintf(out, sizeof(out), PLAIN "Content-Type: application/sdp\r\n"
                         "Content-Length: 3\r\n\r\nv=0", f->p->port, id, id);
            out[at] = bad[b];
            send(f->p->fd, out, (size_t)n, 0);
            if (b == 0)
                is_alive(f->p);
        }
    is_alive(f->p);
    wait_calls(f->s, 0, 2 * PATIENCE_MS);
    assert_int_equal(f->s->ended, f->s->invites);
}

static void calls_in_a_row(struct peer *p, int n)
{
    for (int i = 0; i < n; i++) {
        call(p, "room");
        hang_up(p, "room");
    }
    wait_calls(p->s, 0, PATIENCE_MS);
    /* The stack remembers each transaction for 64 T1. */
    poll(NULL, 0, TIMEOUT_MS + 400);
    is_alive(p);
}

/* A leak shows in each round, a table that doubled only in one. */
static void calls_leave_no_memory_behind(void **state)
{
    struct fixture *f = *state;
    size_t before, after = 0;
    int rounds = 0;
    calls_in_a_row(f->p, 200);
    do {
        before = after ? after : mallinfo2().uordblks;
        calls_in_a_row(f->p, 200);
        after = mallinfo2().uordblks;
    } while (after > before + 200 * 50 && ++rounds < 4);
    assert_true(rounds < 4);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(odd_messages_do_no_harm),
        CASE(broken_bytes_do_no_harm),
        CASE(calls_leave_no_memory_behind),
    };
    return RIG_MAIN(tests, argc, argv);
}
