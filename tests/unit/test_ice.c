/* Two ICE agents connect: families, sizes, late candidates, roles, TCP; and what their end leaves. */
#include "ice_rig.h"

#include <dirent.h>
#include <stdlib.h>

static int open_descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* ---- connecting ---- */

static void two_agents_connect(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    assert_int_equal(f->a.gathered, 1);
    assert_int_equal(f->a.candidate_count, 1);
    assert_non_null(strstr(f->a.candidates[0], " typ host"));
    struct mcu_ice_selected s;
    assert_true(mcu_ice_selected(f->a.ice, &s));
    assert_int_equal(mcu_addr_port(&s.local), local_port(&f->a));
    assert_int_equal(mcu_addr_port(&s.remote), local_port(&f->b));
    assert_int_equal(s.local_type, MCU_ICE_HOST);
    assert_false(s.tcp);
    assert_both_ways(f);
}

static void two_agents_connect_by_ipv6(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "::1");
    assert_both_ways(f);
}

static void two_families_are_offered_at_once(void **state)
{
    struct fixture *f = *state;
    struct mcu_ice_config c = config_of("127.0.0.1", true);
    c.local_count = 2;
    assert_int_equal(mcu_addr_parse(&c.local[1], "::1", 0), 0);
    start(f, &f->a, &c);
    assert_int_equal(f->a.candidate_count, 2);
    c = config_of("::1", false);
    start(f, &f->b, &c);
    join(f);
    assert_both_ways(f);
}

static void every_size_crosses(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    for (size_t size = 2; size <= MCU_ICE_MAX_BYTES; size += size < 40 ? 1 : 251)
        assert_crosses(f, &f->a, &f->b, size);
    assert_crosses(f, &f->b, &f->a, MCU_ICE_MAX_BYTES);
    uint8_t big[MCU_ICE_MAX_BYTES + 1] = { 0x80 };
    assert_int_equal(mcu_ice_send(f->a.ice, big, sizeof(big)), -EMSGSIZE);
    assert_int_equal(mcu_ice_send(f->a.ice, big, 0), -EMSGSIZE);
}

static void late_candidates_connect(void **state)
{
    struct fixture *f = *state;
    struct mcu_ice_config a = config_of("127.0.0.1", false), b = config_of("127.0.0.1", true);
    start(f, &f->a, &a);
    start(f, &f->b, &b);
    give_credentials(&f->a, &f->b);
    give_credentials(&f->b, &f->a);
    pass_ms(f, 8000);
    assert_int_not_equal(f->a.state, MCU_ICE_FAILED);
    assert_int_equal(mcu_ice_send(f->a.ice, (const uint8_t *)"\x80", 1), -ENOTCONN);
    give_candidates(&f->a, &f->b); /* b is then peer-reflexive for a */
    pass_until(f, f->a.state == MCU_ICE_CONNECTED && f->b.state == MCU_ICE_CONNECTED);
    assert_both_ways(f);
}

static void candidates_may_come_before_credentials(void **state)
{
    struct fixture *f = *state;
    struct mcu_ice_config a = config_of("127.0.0.1", false), b = config_of("127.0.0.1", true);
    start(f, &f->a, &a);
    start(f, &f->b, &b);
    give_candidates(&f->a, &f->b);
    give_candidates(&f->b, &f->a);
    pass_ms(f, 100);
    join(f);
    assert_both_ways(f);
}

static void wrong_password_never_connects(void **state)
{
    struct fixture *f = *state;
    struct mcu_ice_config a = config_of("127.0.0.1", false), b = config_of("127.0.0.1", true);
    const char *ufrag, *pwd;
    start(f, &f->a, &a);
    start(f, &f->b, &b);
    mcu_ice_local(f->a.ice, &ufrag, &pwd);
    assert_int_equal(mcu_ice_set_remote(f->b.ice, ufrag, "0123456789012345678901"), 0);
    give_credentials(&f->b, &f->a);
    give_candidates(&f->a, &f->b);
    give_candidates(&f->b, &f->a);
    mcu_ice_end_of_candidates(f->a.ice);
    mcu_ice_end_of_candidates(f->b.ice);
    pass_until(f, f->b.state == MCU_ICE_FAILED);
    assert_int_not_equal(f->a.state, MCU_ICE_CONNECTED);
    assert_int_equal(mcu_ice_send(f->b.ice, (const uint8_t *)"\x80", 1), -ENOTCONN);
}

static void two_controlling_agents_settle(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 8; i++) { /* whoever has the larger tie-breaker (RFC 8445 7.3.1.1) */
        struct mcu_ice_config c = config_of("127.0.0.1", i % 2);
        memset(&f->a, 0, sizeof(f->a));
        memset(&f->b, 0, sizeof(f->b));
        start(f, &f->a, &c);
        start(f, &f->b, &c);
        join(f);
        assert_both_ways(f);
        mcu_ice_free(&f->a.ice);
        mcu_ice_free(&f->b.ice);
    }
}

static void tcp_connects(void **state)
{
    struct fixture *f = *state;
    connect_by_tcp(f);
    struct mcu_ice_selected s;
    assert_true(mcu_ice_selected(f->a.ice, &s));
    assert_true(s.tcp);
    assert_both_ways(f);
}

/* Five packets of a picture; the last one is shorter. */
static void queue_picture(struct mcu_ice *ice)
{
    uint8_t data[1200] = { 0x80 };
    for (int i = 0; i < 5; i++) {
        data[1] = (uint8_t)i;
        mcu_ice_queue(ice, data, i < 4 ? 1200 : 300);
    }
}

static void a_pictures_packets_wait_and_leave_together(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    int before = f->b.received;
    queue_picture(f->a.ice);
    pass_ms(f, 100);
    assert_int_equal(f->b.received, before);
    mcu_ice_flush(f->a.ice);
    pass_until(f, f->b.received == before + 5);
    assert_int_equal(f->b.size, 300);
    assert_int_equal(f->b.data[1], 4);
    assert_both_ways(f);
    queue_picture(f->a.ice);
    mcu_ice_free(&f->a.ice); /* they leave before it does */
    pass_until(f, f->b.received == before + 11);
}

static void over_tcp_they_leave_at_once(void **state)
{
    struct fixture *f = *state;
    tcp_connects(state);
    int before = f->b.received;
    queue_picture(f->a.ice);
    pass_until(f, f->b.received == before + 5);
    mcu_ice_flush(f->a.ice);
    assert_int_equal(f->b.size, 300);
}

static void a_taken_port_is_told(void **state)
{
    struct fixture *f = *state;
    struct mcu_ice_config c = config_of("127.0.0.1", true);
    c.port = 12011;
    start(f, &f->a, &c);
    assert_int_equal(local_port(&f->a), 12011);
    assert_int_equal(mcu_ice_new(&f->b.ice, f->ice_loop, &c, &events, &f->b), 0);
    assert_int_equal(mcu_ice_gather(f->b.ice), -EADDRINUSE);
    mcu_ice_free(&f->a.ice);
    mcu_ice_free(&f->b.ice);
    start(f, &f->b, &c);
    c.local_count = 0;
    assert_int_equal(mcu_ice_new(&f->a.ice, f->ice_loop, &c, &events, &f->a), -EINVAL);
    c = config_of("0.0.0.0", true);
    assert_int_equal(mcu_ice_new(&f->a.ice, f->ice_loop, &c, &events, &f->a), -EINVAL);
}

/* ---- ends ---- */

static void an_event_may_free_its_agent(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    f->b.free_at_data = true;
    for (int i = 0; i < 10; i++)
        assert_int_equal(mcu_ice_send(f->a.ice, (const uint8_t *)"\x80\x60", 2), 0);
    pass_ms(f, 100);
    assert_null(f->b.ice);
    assert_int_equal(f->b.received, 1);
}

static void two_hundred_agents_leave_nothing(void **state)
{
    enum { N = 200 };
    struct fixture *f = *state;
    struct mcu_ice_config c = config_of("127.0.0.1", false);
    static struct side sides[N];
    memset(sides, 0, sizeof(sides));
    connect_on(f, "127.0.0.1"); /* what GLib opens once for good is open then */
    mcu_ice_free(&f->a.ice);
    mcu_ice_free(&f->b.ice);
    turn(f);
    int before = open_descriptors();
    for (int i = 0; i < N; i++) {
        c.controlling = i % 2;
        start(f, &sides[i], &c);
    }
    for (int i = 0; i < N; i++) {
        give_credentials(&sides[i], &sides[i ^ 1]);
        give_candidates(&sides[i], &sides[i ^ 1]);
    }
    assert_true(open_descriptors() >= before + N);
    pass_ms(f, 20); /* some end while they check */
    for (int i = 0; i < N; i += 7)
        mcu_ice_free(&sides[i].ice);
    for (int i = 0; i < N; i++)
        if (sides[i].ice && sides[i ^ 1].ice)
            pass_until(f, sides[i].state == MCU_ICE_CONNECTED);
    for (int i = 0; i < N; i++)
        mcu_ice_free(&sides[i].ice);
    turn(f);
    assert_int_equal(open_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_agents_connect),
        TEST(two_agents_connect_by_ipv6),
        TEST(two_families_are_offered_at_once),
        TEST(every_size_crosses),
        TEST(late_candidates_connect),
        TEST(candidates_may_come_before_credentials),
        TEST(wrong_password_never_connects),
        TEST(two_controlling_agents_settle),
        TEST(tcp_connects),
        TEST(a_pictures_packets_wait_and_leave_together),
        TEST(over_tcp_they_leave_at_once),
        TEST(a_taken_port_is_told),
        TEST(an_event_may_free_its_agent),
        TEST(two_hundred_agents_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
