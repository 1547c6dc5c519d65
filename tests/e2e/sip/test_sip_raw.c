/* Calls to net/sip.h: time-outs, limits, bodies, rooms, targets. */
#include "tests/e2e/sip/sip_rig.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "mixer/base/counter.h"

static void r_socket_is_not_deaf_after_an_icmp_error(void **state)
{
    struct fixture *f = *state;
    uint64_t before = mcu_counter_get(MCU_CNT_SIP_SOCKET_REARMED);
    is_alive(f->p);
    for (int i = 0; i < 5; i++) {
        new_dialog(f->p);
        /* Its answer goes to a port where nobody listens. */
        send_request(f->p, "OPTIONS", "x", free_port(), "", NULL, 0);
        is_alive(f->p);
    }
    for (int i = 0; i < 100 && mcu_counter_get(MCU_CNT_SIP_SOCKET_REARMED) == before; i++)
        is_alive(f->p);
    assert_true(mcu_counter_get(MCU_CNT_SIP_SOCKET_REARMED) > before);
}

static void call_without_ack_ends_with_bye(void **state)
{
    struct fixture *f = *state;
    new_dialog(f->p);
    int64_t begun = now_ms();
    send_invite(f->p, "room");
    expect(f->p, "SIP/2.0 200");
    expect(f->p, "SIP/2.0 200"); /* again: nobody acknowledges it */
    expect(f->p, "BYE ");
    assert_in_range(now_ms() - begun, TIMEOUT_MS - 50, TIMEOUT_MS * 3);
    expect_event(f->s, "ended 408");
    reply(f->p, "200 OK", NULL);
    is_alive(f->p);
}

static void bye_waits_for_the_ack(void **state)
{
    struct fixture *f = *state;
    new_dialog(f->p);
    send_invite(f->p, "room");
    expect(f->p, "SIP/2.0 200");
    mcu_loop_call(f->s->loop, hang, f->s);
    while (receive(f->p, 30))
        assert_true(strncmp(f->p->in, "SIP/2.0 200", 11) == 0);
    send_request(f->p, "ACK", "room", 0, "", NULL, 0);
    expect(f->p, "BYE ");
    assert_string_equal(header(f->p, "Reason"), "Q.850;cause=16;text=\"enough  of  this\"");
    reply(f->p, "200 OK", NULL);
    expect_event(f->s, "ended 0 enough");
}

static void unanswered_bye_ends_the_call(void **state)
{
    struct fixture *f = *state;
    call(f->p, "room");
    expect_event(f->s, "ack");
    mcu_loop_call(f->s->loop, hang, f->s);
    expect(f->p, "BYE ");
    expect(f->p, "BYE ");
    expect_event(f->s, "ended 0 enough");
}

/* teardown shuts down with a call whose peer never answers: within 300 ms, and ended once. */
static void shutdown_does_not_wait_for_the_dead(void **state)
{
    struct fixture *f = *state;
    call(f->p, "room");
    new_dialog(f->p);
    f->s->silent = true;
    send_invite(f->p, "ringing");
    expect_event(f->s, "ack");
    expect_event(f->s, "invite");
    mcu_loop_call(f->s->loop, shut, f->s);
    expect(f->p, "SIP/2.0 503");
    send_invite(f->p, "late");
    expect_event(f->s, "done");
    assert_int_equal(f->s->ended, 2);
    mcu_loop_stop(f->s->loop);
    mcu_loop_free(&f->s->loop);
    free(f->s);
    f->s = server_new(10, 10);
}

static void calls_above_the_rate_get_503(void **state)
{
    struct server *s = server_new(5, 1000);
    struct peer *p = peer_new(s, SOCK_DGRAM);
    int accepted = 0, refused = 0;
    for (int i = 0; i < 20; i++) {
        new_dialog(p);
        send_invite(p, "room");
    }
    while (accepted + refused < 20 && receive(p, PATIENCE_MS)) {
        accepted += strncmp(p->in, "SIP/2.0 200", 11) == 0 && strstr(header(p, "CSeq"), "INVITE");
        if (strncmp(p->in, "SIP/2.0 503", 11) == 0) {
            assert_string_equal(header(p, "Retry-After"), "5");
            refused++;
        }
        if (refused >= 15 - 1)
            break;
    }
    assert_in_range(refused, 14, 15);
    assert_in_range(s->invites, 5, 6);
    wait_calls(s, 0, PATIENCE_MS); /* no ACK came */
    server_free(s);
    peer_free(p);
}

static void calls_above_the_limit_get_503(void **state)
{
    struct server *s = server_new(1000, 2);
    struct peer *p = peer_new(s, SOCK_DGRAM);
    call(p, "a");
    call(p, "b");
    struct peer b = *p;
    new_dialog(p);
    send_invite(p, "c");
    expect(p, "SIP/2.0 503");
    send_request(p, "ACK", "c", 0, "", NULL, 0);
    hang_up(&b, "b");
    wait_calls(s, 1, PATIENCE_MS);
    p->next_id = 10;
    call(p, "d");
    hang_up(p, "d");
    server_free(s);
    peer_free(p);
}

static void bodies_that_are_no_sdp_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const headers[] = {
        "Content-Type: image/gif\r\n",
        "Content-Type: multipart/mixed;boundary=x\r\n",
        "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n",
        "",
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(headers); i++) {
        new_dialog(f->p);
        send_request(f->p, "INVITE", "room", 0, headers[i], "GIF89a", 6);
        expect(f->p, "SIP/2.0 415");
        assert_non_null(strstr(header(f->p, "Accept"), "application/sdp"));
        send_request(f->p, "ACK", "room", 0, "", NULL, 0);
    }
    assert_int_equal(f->s->invites, 0);
}

static void large_bodies_are_refused(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = { 70 * 1024, 200 * 1024 };
    char *body = malloc(200 * 1024);
    memset(body, 'a', 200 * 1024);
    memcpy(body, "v=0", 3);
    for (size_t i = 0; i < MCU_ARRAY_LEN(sizes); i++) {
        struct peer *p = peer_new(f->s, SOCK_STREAM);
        new_dialog(p);
        send_request(p, "INVITE", "room", 0, "Content-Type: application/sdp\r\n", body, sizes[i]);
        expect(p, "SIP/2.0 413");
        peer_free(p);
    }
    free(body);
    assert_int_equal(f->s->invites, 0);
    is_alive(f->p);
}

static void rooms_come_decoded_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    char longest[400];
    call(f->p, "caf%C3%A9%20x");
    hang_up(f->p, "caf%C3%A9%20x");
    assert_string_equal(f->s->room, "caf\xc3\xa9 x");
    call(f->p, "");
    hang_up(f->p, "");
    assert_string_equal(f->s->room, "");
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    new_dialog(f->p);
    send_invite(f->p, longest);
    expect(f->p, "SIP/2.0 414");
}

static const char *const bad_contacts[] = { "<tel:+123>", "*", "<sip:>", "<http://x/>", "sip:",
                                            "<sip:peer@127.0.0.1>, <tel:+123>", "<urn:x:y>" };

/* A target that nothing can be sent to made the stack's own BYE recurse until the stack was full. */
static void r_call_with_a_contact_of_no_use_is_refused(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad_contacts); i++) {
        new_dialog(f->p);
        f->p->contact = bad_contacts[i];
        send_invite(f->p, "room");
        expect(f->p, "SIP/2.0 400");
        send_request(f->p, "ACK", "room", 0, "", NULL, 0);
    }
    f->p->contact = NULL;
    new_dialog(f->p);
    send_request(f->p, "INVITE", "room", 0, "Record-Route: <tel:+123>\r\n", NULL, 0);
    expect(f->p, "SIP/2.0 ");
    poll(NULL, 0, TIMEOUT_MS + 100);
    is_alive(f->p);
    wait_calls(f->s, 0, PATIENCE_MS);
}

static void r_update_cannot_take_the_target_away(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad_contacts); i++) {
        new_dialog(f->p);
        send_invite(f->p, "room");
        expect(f->p, "SIP/2.0 200");
        f->p->contact = bad_contacts[i];
        send_request(f->p, "UPDATE", "room", 0, "", NULL, 0);
        f->p->contact = NULL;
    }
    /* Nobody sent an ACK: all of them are told BYE, at the address of the INVITE. */
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad_contacts); i++) {
        expect(f->p, "BYE ");
        reply(f->p, "200 OK", NULL);
    }
    is_alive(f->p);
}

static void update_during_our_offer_waits(void **state)
{
    struct fixture *f = *state;
    new_dialog(f->p);
    send_request(f->p, "INVITE", "room", 0, "", NULL, 0);
    expect(f->p, "SIP/2.0 200");
    send_request(f->p, "UPDATE", "room", 0, "Content-Type: application/sdp\r\n", sdp, strlen(sdp));
    expect(f->p, "SIP/2.0 491");
    f->p->cseq = 1;
    send_request(f->p, "ACK", "room", 0, "Content-Type: application/sdp\r\n", sdp, strlen(sdp));
    f->p->cseq = 2;
    char wanted[32];
    snprintf(wanted, sizeof(wanted), "ack %zu", strlen(sdp));
    expect_event(f->s, wanted);
    hang_up(f->p, "room");
    expect_event(f->s, "ended 0 peer");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(r_socket_is_not_deaf_after_an_icmp_error),
        CASE(call_without_ack_ends_with_bye),
        CASE(bye_waits_for_the_ack),
        CASE(unanswered_bye_ends_the_call),
        CASE(shutdown_does_not_wait_for_the_dead),
        cmocka_unit_test(calls_above_the_rate_get_503),
        cmocka_unit_test(calls_above_the_limit_get_503),
        CASE(bodies_that_are_no_sdp_are_refused),
        CASE(large_bodies_are_refused),
        CASE(rooms_come_decoded_or_not_at_all),
        CASE(r_call_with_a_contact_of_no_use_is_refused),
        CASE(r_update_cannot_take_the_target_away),
        CASE(update_during_our_offer_waits),
    };
    return RIG_MAIN(tests, argc, argv);
}
