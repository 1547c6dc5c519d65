/* Connections that peers open: limits of one source, silence, use. Real sockets on loopback, a clock
 * by hand. */
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "mixer/base/clock.h"
#include "net/sip_conns.h"

struct pair {
    int peer, ours;
    struct sockaddr_storage address; /* the peer's */
};

static int listener, port;
static bool needed;

static bool in_use(const struct sockaddr_storage *peer, void *arg)
{
    return needed;
}

static struct pair connect_one(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct pair p = { 0 };
    socklen_t size = sizeof(p.address);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p.peer = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(p.peer, (struct sockaddr *)&to, sizeof(to)), 0);
    p.ours = accept(listener, (struct sockaddr *)&p.address, &size);
    assert_true(p.ours >= 0);
    return p;
}

static void end(struct mcu_sip_conns *c, struct pair *p)
{
    mcu_sip_conns_closed(c, p->ours);
    close(p->ours);
    close(p->peer);
}

/* Whether the peer sees the connection's end. */
static bool is_shut(const struct pair *p)
{
    struct pollfd poll_fd = { .fd = p->peer, .events = POLLIN };
    char byte;
    return poll(&poll_fd, 1, 0) == 1 && recv(p->peer, &byte, 1, MSG_DONTWAIT) == 0;
}

static struct mcu_sip_conns *make(int max, int silent_ms, int idle_ms)
{
    struct mcu_sip_conns *c = NULL;
    const struct mcu_sip_conns_config config = { .port = port, .max_per_source = max,
                                                 .silent_ms = silent_ms, .idle_ms = idle_ms,
                                                 .in_use = in_use };
    assert_int_equal(mcu_sip_conns_new(&c, &config), 0);
    needed = false;
    return c;
}

static void one_source_gets_so_many_and_a_place_comes_back(void **state)
{
    struct mcu_sip_conns *c = make(2, 0, 0);
    struct pair p[4];
    for (int i = 0; i < 3; i++) {
        p[i] = connect_one();
        mcu_sip_conns_opened(c, p[i].ours, 0);
    }
    assert_false(is_shut(&p[0]) || is_shut(&p[1]));
    assert_true(is_shut(&p[2]));
    end(c, &p[2]);
    end(c, &p[0]);
    p[3] = connect_one();
    mcu_sip_conns_opened(c, p[3].ours, 0);
    assert_false(is_shut(&p[3]));
    end(c, &p[1]);
    end(c, &p[3]);
    assert_int_equal(mcu_sip_conns_count(c), 0);
    mcu_sip_conns_free(&c);
}

static void who_brings_no_request_goes_even_if_he_sends_bytes(void **state)
{
    struct mcu_sip_conns *c = make(0, 1000, 60000);
    struct pair quiet = connect_one(), talker = connect_one();
    mcu_sip_conns_opened(c, quiet.ours, 0);
    mcu_sip_conns_opened(c, talker.ours, 0);
    mcu_sip_conns_ready(c, quiet.ours, 900 * MCU_NS_PER_MS);
    mcu_sip_conns_spoke(c, &talker.address, false);
    mcu_sip_conns_tick(c, 1000 * MCU_NS_PER_MS);
    assert_false(is_shut(&quiet));
    mcu_sip_conns_tick(c, 1001 * MCU_NS_PER_MS);
    assert_true(is_shut(&quiet));
    assert_false(is_shut(&talker));
    end(c, &quiet);
    end(c, &talker);
    mcu_sip_conns_free(&c);
}

static void silence_ends_what_nobody_needs(void **state)
{
    struct mcu_sip_conns *c = make(0, 1000, 5000);
    struct pair idle = connect_one(), kept = connect_one();
    mcu_sip_conns_opened(c, idle.ours, 0);
    mcu_sip_conns_opened(c, kept.ours, 0);
    mcu_sip_conns_spoke(c, &idle.address, false);
    mcu_sip_conns_spoke(c, &kept.address, true);
    mcu_sip_conns_ready(c, idle.ours, 3 * MCU_NS_PER_S);
    mcu_sip_conns_tick(c, 7 * MCU_NS_PER_S);
    assert_false(is_shut(&idle));
    needed = true;
    mcu_sip_conns_tick(c, 9 * MCU_NS_PER_S);
    assert_false(is_shut(&idle));
    needed = false;
    mcu_sip_conns_tick(c, 9 * MCU_NS_PER_S);
    assert_true(is_shut(&idle));
    assert_false(is_shut(&kept));
    end(c, &idle);
    end(c, &kept);
    mcu_sip_conns_free(&c);
}

static void other_descriptors_are_let_alone(void **state)
{
    struct mcu_sip_conns *c = make(1, 1, 1);
    struct pair p = connect_one();
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    mcu_sip_conns_opened(c, listener, 0);
    mcu_sip_conns_opened(c, p.peer, 0); /* one of ours to somebody: its own port is any */
    mcu_sip_conns_opened(c, udp, 0);
    mcu_sip_conns_opened(c, -1, 0);
    assert_int_equal(mcu_sip_conns_count(c), 0);
    assert_int_equal(mcu_sip_conns_is_tls(c, &p.address), -1);
    mcu_sip_conns_opened(c, p.ours, 0);
    assert_int_equal(mcu_sip_conns_is_tls(c, &p.address), 0);
    close(udp);
    end(c, &p);
    mcu_sip_conns_free(&c);
}

static int open_listener(void **state)
{
    struct sockaddr_in any = { .sin_family = AF_INET };
    socklen_t size = sizeof(any);
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&any, size) < 0 || listen(listener, 8) < 0)
        return -1;
    getsockname(listener, (struct sockaddr *)&any, &size);
    port = ntohs(any.sin_port);
    return 0;
}

static int close_listener(void **state)
{
    return close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_source_gets_so_many_and_a_place_comes_back),
        cmocka_unit_test(who_brings_no_request_goes_even_if_he_sends_bytes),
        cmocka_unit_test(silence_ends_what_nobody_needs),
        cmocka_unit_test(other_descriptors_are_let_alone),
    };
    return cmocka_run_group_tests(tests, open_listener, close_listener);
}
