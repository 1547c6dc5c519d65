/* Restart, and consent (RFC 7675) on a connection that loses packets. */
#include "ice_rig.h"

#include <linux/filter.h>
#include <stdlib.h>

static void restart_keeps_data_flowing(void **state)
{
    struct fixture *f = *state;
    const char *ufrag, *pwd, *old;
    connect_on(f, "127.0.0.1");
    mcu_ice_local(f->a.ice, &ufrag, &pwd);
    old = strdup(ufrag);
    mcu_ice_restart(f->a.ice);
    mcu_ice_restart(f->b.ice);
    mcu_ice_local(f->a.ice, &ufrag, &pwd);
    assert_string_not_equal(ufrag, old);
    free((char *)old);
    pass_ms(f, 50);
    assert_int_equal(f->a.state, MCU_ICE_CONNECTED);
    assert_both_ways(f);
    f->a.candidate_count = 0;
    mcu_ice_each_candidate(f->a.ice, on_candidate, &f->a);
    assert_int_equal(f->a.candidate_count, 1);
    join(f);
    pass_ms(f, 30000);
    assert_int_equal(f->a.state, MCU_ICE_CONNECTED);
    assert_both_ways(f);
    assert_int_equal(f->a.changes, 2);
}

static void consent_lasts_while_the_peer_answers(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    pass_ms(f, 60000);
    assert_int_equal(f->a.state, MCU_ICE_CONNECTED);
    assert_int_equal(f->b.state, MCU_ICE_CONNECTED);
    assert_both_ways(f);
}

static void lost_consent_is_told_and_a_restart_brings_it_back(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    mcu_ice_free(&f->b.ice);
    uint64_t lost = mcu_counter_get(MCU_CNT_ICE_CONSENT_LOST);
    pass_ms(f, 4000);
    assert_int_equal(f->a.state, MCU_ICE_CONNECTED);
    pass_ms(f, 25000);
    assert_int_equal(f->a.state, MCU_ICE_CONNECTED);
    pass_ms(f, 3000); /* RFC 7675 5.1: 30 s */
    assert_int_equal(f->a.state, MCU_ICE_DISCONNECTED);
    assert_int_equal(mcu_counter_get(MCU_CNT_ICE_CONSENT_LOST), lost + 1);
    assert_int_equal(mcu_ice_send(f->a.ice, (const uint8_t *)"\x80", 1), -ENOTCONN);
    struct mcu_ice_config c = config_of("127.0.0.1", false);
    memset(&f->b, 0, sizeof(f->b));
    start(f, &f->b, &c);
    mcu_ice_restart(f->a.ice);
    join(f);
    assert_both_ways(f);
}

/* The socket of the side whose only candidate this is: "candidate:FOUNDATION 1 UDP PRIORITY IP PORT". */
static int socket_of(const struct side *s)
{
    char host[64];
    int port = 0;
    assert_int_equal(sscanf(s->candidates[0], "%*s %*s %*s %*s %63s %d", host, &port), 2);
    for (int fd = 3; fd < 1024; fd++) {
        struct sockaddr_in own;
        socklen_t size = sizeof(own);
        if (getsockname(fd, (struct sockaddr *)&own, &size) == 0 && own.sin_family == AF_INET &&
            ntohs(own.sin_port) == port)
            return fd;
    }
    return -1;
}

/* Both sides send, as callers do. */
static void talk_ms(struct fixture *f, int ms)
{
    for (; ms > 0; ms -= 100) {
        mcu_ice_send(f->a.ice, (const uint8_t *)"\x80\0", 2);
        mcu_ice_send(f->b.ice, (const uint8_t *)"\x80\0", 2);
        pass_ms(f, 100);
    }
}

/* For so long the kernel drops all that comes to its socket. */
static void deafen_ms(struct fixture *f, const struct side *s, int ms)
{
    struct sock_filter nothing = { BPF_RET | BPF_K, 0, 0, 0 };
    struct sock_fprog program = { 1, &nothing };
    int fd = socket_of(s);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0);
    talk_ms(f, ms);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &program, sizeof(program)), 0);
}

/* For so long the kernel keeps all answers to checks from its socket; data goes on. */
static void without_answers_ms(struct fixture *f, const struct side *s, int ms)
{
    struct sock_filter step[] = {
        { BPF_LD | BPF_H | BPF_ABS, 0, 0, 8 }, /* behind the UDP header */
        { BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0x0101 },
        { BPF_RET | BPF_K, 0, 0, 0 },
        { BPF_RET | BPF_K, 0, 0, 0xffff },
    };
    struct sock_fprog program = { 4, step };
    int fd = socket_of(s);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0);
    talk_ms(f, ms);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &program, sizeof(program)), 0);
}

static void data_alone_is_no_consent(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    without_answers_ms(f, &f->a, 20000);
    assert_int_equal(f->a.state, MCU_ICE_CONNECTED);
    talk_ms(f, 8000);
    without_answers_ms(f, &f->a, 23000);
    assert_int_equal(f->a.state, MCU_ICE_CONNECTED);
    without_answers_ms(f, &f->a, 8000);
    assert_int_equal(f->a.state, MCU_ICE_DISCONNECTED);
    assert_int_equal(f->b.state, MCU_ICE_CONNECTED);
    assert_int_equal(mcu_ice_send(f->a.ice, (const uint8_t *)"\x80", 1), -ENOTCONN);
}

static void consent_lasts_over_tcp(void **state)
{
    struct fixture *f = *state;
    connect_by_tcp(f);
    talk_ms(f, 100000);
    assert_int_equal(f->a.state, MCU_ICE_CONNECTED);
    assert_int_equal(f->b.state, MCU_ICE_CONNECTED);
}

static void some_lost_checks_do_no_harm(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    for (int i = 0; i < 4; i++) {
        deafen_ms(f, &f->a, 9000); /* two checks of each side, or their answers */
        talk_ms(f, 8000);
        assert_int_equal(f->a.state, MCU_ICE_CONNECTED);
        assert_int_equal(f->b.state, MCU_ICE_CONNECTED);
        assert_both_ways(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(restart_keeps_data_flowing),
        TEST(consent_lasts_while_the_peer_answers),
        TEST(some_lost_checks_do_no_harm),
        TEST(data_alone_is_no_consent),
        TEST(consent_lasts_over_tcp),
        TEST(lost_consent_is_told_and_a_restart_brings_it_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
