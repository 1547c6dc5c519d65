/* Calls of net/sip.h to a peer. */
#include "tests/e2e/sip/sip_rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void dial(void *arg)
{
    struct peer *p = arg;
    char uri[64];
    struct mcu_sip_call *c = NULL;
    snprintf(uri, sizeof(uri), "sip:peer@127.0.0.1:%d", p->port);
    assert_int_equal(mcu_sip_call_out(&c, p->s->sip, uri, NULL, "room <1>", sdp, NULL, p->s), 0);
    p->s->last = c;
    p->s->calls++;
}

static void dial_badly(void *arg)
{
    struct peer *p = arg;
    static const char *const uris[] = { "", "x", "sip:", "http://127.0.0.1/", "tel:123", "sip:a@" };
    struct mcu_sip_call *c = NULL;
    for (size_t i = 0; i < MCU_ARRAY_LEN(uris); i++)
        assert_int_equal(mcu_sip_call_out(&c, p->s->sip, uris[i], NULL, "x", sdp, NULL, p->s), -EINVAL);
}

static void outgoing_call_is_answered_and_hung_up(void **state)
{
    struct fixture *f = *state;
    mcu_loop_call(f->s->loop, dial_badly, f->p);
    mcu_loop_call(f->s->loop, dial, f->p);
    expect(f->p, "INVITE ");
    assert_non_null(strstr(header(f->p, "From"), "sip:room%20%3C1%3E@127.0.0.1"));
    assert_non_null(strstr(header(f->p, "Contact"), ";isfocus"));
    assert_non_null(strstr(f->p->in, "m=audio"));
    reply(f->p, "180 Ringing", NULL);
    reply(f->p, "200 OK", sdp);
    expect(f->p, "ACK ");
    expect_event(f->s, "answered");
    mcu_loop_call(f->s->loop, hang, f->s);
    expect(f->p, "BYE ");
    reply(f->p, "200 OK", NULL);
    expect_event(f->s, "ended 0 enough");
}

static void outgoing_call_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const answers[] = { "486 Busy", "401 Unauthorized", "603 Decline",
                                           "407 Proxy\r\nProxy-Authenticate: Digest realm=x" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(answers); i++) {
        char wanted[16];
        mcu_loop_call(f->s->loop, dial, f->p);
        expect(f->p, "INVITE ");
        reply(f->p, answers[i], NULL);
        expect(f->p, "ACK ");
        snprintf(wanted, sizeof(wanted), "ended %.3s", answers[i]);
        expect_event(f->s, wanted);
    }
}

static void ask_keyframe(void *arg)
{
    struct server *s = arg;
    mcu_sip_ask_keyframe(s->last);
}

/* nua waits for a password that never comes; neither the request nor the BYE behind it may. */
static void challenges_within_a_call_hold_nothing_up(void **state)
{
    static const char challenge[] = "401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"x\", "
                                    "nonce=\"n\", algorithm=MD5, qop=\"auth\"";
    struct fixture *f = *state;
    mcu_loop_call(f->s->loop, dial, f->p);
    expect(f->p, "INVITE ");
    reply(f->p, "200 OK", sdp);
    expect(f->p, "ACK ");
    expect_event(f->s, "answered");
    mcu_loop_call(f->s->loop, ask_keyframe, f->s);
    expect(f->p, "INFO ");
    reply(f->p, challenge, NULL);
    usleep(50 * 1000); /* the answer has to be there before the next request is made */
    mcu_loop_call(f->s->loop, hang, f->s);
    expect(f->p, "BYE ");
    reply(f->p, challenge, NULL);
    expect_event(f->s, "ended 0 enough");
}

static void outgoing_call_is_cancelled(void **state)
{
    struct fixture *f = *state;
    mcu_loop_call(f->s->loop, dial, f->p);
    expect(f->p, "INVITE ");
    char invite[4096];
    snprintf(invite, sizeof(invite), "%.4095s", f->p->in);
    reply(f->p, "180 Ringing", NULL);
    mcu_loop_call(f->s->loop, hang, f->s);
    expect(f->p, "CANCEL ");
    reply(f->p, "200 OK", NULL);
    strcpy(f->p->in, invite);
    reply(f->p, "487 Request Terminated", NULL);
    expect_event(f->s, "ended 0 enough");
    /* And one that nobody answers at all. */
    mcu_loop_call(f->s->loop, dial, f->p);
    expect_event(f->s, "ended 408");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(outgoing_call_is_answered_and_hung_up),
        CASE(outgoing_call_is_refused),
        CASE(challenges_within_a_call_hold_nothing_up),
        CASE(outgoing_call_is_cancelled),
    };
    return RIG_MAIN(tests, argc, argv);
}
