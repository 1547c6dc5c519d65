/* tests/unit/ice_rig.h - two ICE agents of ours on loopback. Time is the test's: clock_gettime is ours, for
 * libnice, GLib and libuv alike, so that half a minute of consent checks passes in milliseconds. */
#ifndef MCU_TESTS_UNIT_ICE_RIG_H
#define MCU_TESTS_UNIT_ICE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "mixer/base/counter.h"
#include "net/ice.h"
#include "net/ice_candidate.h"
#include "net/loop_priv.h"

#define MS         INT64_C(1000000)
#define CANDIDATES 8

static int64_t skipped_ns;

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, id, t);
    if (id == CLOCK_MONOTONIC) {
        int64_t ns = t->tv_sec * INT64_C(1000000000) + t->tv_nsec + skipped_ns;
        t->tv_sec = ns / INT64_C(1000000000);
        t->tv_nsec = ns % INT64_C(1000000000);
    }
    return rc;
}

struct side {
    struct mcu_ice *ice;
    char candidates[CANDIDATES][256];
    int candidate_count, gathered;
    enum mcu_ice_state state;
    int changes;
    int received;
    int64_t came_ns;
    size_t size;
    uint8_t data[MCU_ICE_MAX_BYTES];
    bool free_at_data;
};

struct fixture {
    struct mcu_loop *loop;
    struct mcu_ice_loop *ice_loop;
    struct side a, b;
};

static inline void on_gathered(void *arg)
{
    ((struct side *)arg)->gathered++;
}

static inline void on_candidate(const char *text, void *arg)
{
    struct side *s = arg;
    if (s->candidate_count < CANDIDATES)
        snprintf(s->candidates[s->candidate_count++], sizeof(s->candidates[0]), "%s", text);
}

static inline void on_state(enum mcu_ice_state state, void *arg)
{
    struct side *s = arg;
    s->state = state;
    s->changes++;
}

static inline void on_datagram(const uint8_t *data, size_t size, int64_t came_ns, void *arg)
{
    struct side *s = arg;
    s->received++;
    s->came_ns = came_ns;
    s->size = size;
    memcpy(s->data, data, size);
    if (s->free_at_data)
        mcu_ice_free(&s->ice);
}

static const struct mcu_ice_events events = { on_gathered, on_candidate, on_state, on_datagram };

static inline int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));
    assert_int_equal(mcu_loop_new(&f->loop, "t", false), 0);
    assert_int_equal(mcu_ice_loop_new(&f->ice_loop, f->loop, 0), 0);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    mcu_ice_free(&f->a.ice);
    mcu_ice_free(&f->b.ice);
    mcu_ice_loop_free(&f->ice_loop);
    mcu_loop_free(&f->loop);
    test_free(f);
    return 0;
}

/* Some rounds of the loop at one time. */
static inline void turn(struct fixture *f)
{
    for (int i = 0; i < 4; i++)
        uv_run(mcu_loop_uv(f->loop), UV_RUN_NOWAIT);
}

static inline void pass_ms(struct fixture *f, int ms)
{
    for (; ms > 0; ms -= 10) {
        skipped_ns += 10 * MS;
        turn(f);
    }
}

/* Until the condition holds, 60 s of test time at most. */
#define pass_until(f, condition)                                                                   \
    do {                                                                                           \
        for (int left_ = 6000; left_ > 0 && !(condition); left_--)                                 \
            pass_ms(f, 10);                                                                        \
        assert_true(condition);                                                                    \
    } while (0)

static inline struct mcu_ice_config config_of(const char *host, bool controlling)
{
    struct mcu_ice_config c = { .local_count = 1, .controlling = controlling };
    assert_int_equal(mcu_addr_parse(&c.local[0], host, 0), 0);
    return c;
}

static inline void start(struct fixture *f, struct side *s, const struct mcu_ice_config *config)
{
    assert_int_equal(mcu_ice_new(&s->ice, f->ice_loop, config, &events, s), 0);
    assert_int_equal(mcu_ice_gather(s->ice), 0);
}

static inline void give_credentials(struct side *from, struct side *to)
{
    const char *ufrag, *pwd;
    mcu_ice_local(from->ice, &ufrag, &pwd);
    assert_int_equal(mcu_ice_set_remote(to->ice, ufrag, pwd), 0);
}

static inline void give_candidates(struct side *from, struct side *to)
{
    for (int i = 0; i < from->candidate_count; i++)
        assert_int_equal(mcu_ice_add_candidate(to->ice, from->candidates[i]), 0);
}

static inline void join(struct fixture *f)
{
    give_credentials(&f->a, &f->b);
    give_credentials(&f->b, &f->a);
    give_candidates(&f->a, &f->b);
    give_candidates(&f->b, &f->a);
    pass_until(f, f->a.state == MCU_ICE_CONNECTED && f->b.state == MCU_ICE_CONNECTED);
}

static inline void connect_on(struct fixture *f, const char *host)
{
    struct mcu_ice_config a = config_of(host, true), b = config_of(host, false);
    start(f, &f->a, &a);
    start(f, &f->b, &b);
    join(f);
}

/* As connect_on, by TCP alone. */
static inline void connect_by_tcp(struct fixture *f)
{
    struct mcu_ice_config a = config_of("127.0.0.1", true), b = config_of("127.0.0.1", false);
    a.tcp = b.tcp = true;
    start(f, &f->a, &a);
    start(f, &f->b, &b);
    give_credentials(&f->a, &f->b);
    give_credentials(&f->b, &f->a);
    for (int i = 0; i < f->b.candidate_count; i++)
        if (strstr(f->b.candidates[i], "TCP"))
            assert_int_equal(mcu_ice_add_candidate(f->a.ice, f->b.candidates[i]), 0);
    pass_until(f, f->a.state == MCU_ICE_CONNECTED && f->b.state == MCU_ICE_CONNECTED);
}

static inline void assert_crosses(struct fixture *f, struct side *from, struct side *to, size_t size)
{
    uint8_t data[MCU_ICE_MAX_BYTES];
    int before = to->received;
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(0x80 + i % 64);
    assert_int_equal(mcu_ice_send(from->ice, data, size), 0);
    pass_until(f, to->received > before);
    assert_int_equal(to->received, before + 1);
    assert_int_equal(to->size, size);
    assert_memory_equal(to->data, data, size);
}

static inline void assert_both_ways(struct fixture *f)
{
    assert_crosses(f, &f->a, &f->b, 172);
    assert_crosses(f, &f->b, &f->a, 1200);
}

static inline int local_port(struct side *s)
{
    struct mcu_ice_candidate c;
    assert_int_equal(mcu_ice_candidate_parse(&c, s->candidates[0]), 0);
    return mcu_addr_port(&c.addr);
}

static inline int stranger(void)
{
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
    return fd;
}

static inline void throw_at(int fd, int port, const void *data, size_t size)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(sendto(fd, data, size, 0, (struct sockaddr *)&to, sizeof(to)), size);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
