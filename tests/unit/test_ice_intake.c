/* However much comes to one agent, a round of the loop takes a little of it. libnice reads each socket until
 * it is empty: a participant who sent faster than it reads held up the loop's other legs for half a minute. */
#include "ice_check.h"
#include "net/ice_intake.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define FLOOD 600
#define MOST  MCU_ICE_INTAKE_PACKETS

static void one_round(struct fixture *f)
{
    uv_run(mcu_loop_uv(f->loop), UV_RUN_NOWAIT);
}

/* How many datagrams have come to a socket. */
static int take_all(int fd)
{
    uint8_t data[600];
    int n = 0;
    while (recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
        n++;
    return n;
}

static void checks_of_one_address_are_taken_by_and_by(void **state)
{
    struct fixture *f = *state;
    uint8_t check[600];
    connect_on(f, "127.0.0.1");
    int fd = stranger(), port = local_port(&f->b), bytes = 1 << 20, answered = 0, rounds = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    for (int i = 0; i < FLOOD; i++) {
        skipped_ns += MS; /* a transaction number of its own */
        throw_at(fd, port, check, write_check(f, check, sizeof(check)));
    }
    for (; answered < FLOOD && rounds < FLOOD; rounds++) {
        one_round(f);
        int n = take_all(fd);
        assert_in_range(n, 0, MOST);
        answered += n;
    }
    assert_int_equal(answered, FLOOD);
    assert_true(rounds >= FLOOD / MOST);
    assert_both_ways(f);
    close(fd);
}

static void data_is_taken_by_and_by(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    int before = f->b.received;
    for (int i = 0; i < FLOOD; i++)
        assert_int_equal(mcu_ice_send(f->a.ice, (const uint8_t *)"\x80\x60", 2), 0);
    for (int rounds = 0; f->b.received < before + FLOOD && rounds < FLOOD; rounds++) {
        int n = f->b.received;
        one_round(f);
        assert_in_range(f->b.received - n, 0, MOST);
    }
    assert_int_equal(f->b.received, before + FLOOD);
}

/* One who floods does not keep another agent of the same context from its packets. */
static void another_agent_has_its_turn_in_each_round(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    for (int i = 0; i < FLOOD; i++)
        mcu_ice_send(f->a.ice, (const uint8_t *)"\x80\x60", 2);
    int before = f->a.received;
    mcu_ice_send(f->b.ice, (const uint8_t *)"\x80\x60", 2);
    one_round(f);
    one_round(f);
    assert_int_equal(f->a.received, before + 1);
    assert_true(f->b.received < FLOOD);
}

/* ---- a sender who is faster than libnice ---- */

struct flood {
    pthread_t thread;
    atomic_bool stop;
    int fd, port;
    size_t size;
    uint8_t check[600];
};

static void *send_on(void *arg)
{
    struct flood *f = arg;
    while (!atomic_load(&f->stop))
        throw_at(f->fd, f->port, f->check, f->size);
    return NULL;
}

static int64_t real_now_ns(void)
{
    struct timespec t;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void rounds_end_while_a_flood_goes_on(void **state)
{
    struct fixture *f = *state;
    static struct flood x[2];
    connect_on(f, "127.0.0.1");
    for (int i = 0; i < 2; i++) {
        x[i].fd = stranger();
        x[i].port = local_port(&f->b);
        x[i].size = write_check(f, x[i].check, sizeof(x[i].check));
        atomic_store(&x[i].stop, false);
        assert_int_equal(pthread_create(&x[i].thread, NULL, send_on, &x[i]), 0);
    }
    int rounds = 0;
    for (int64_t end = real_now_ns() + 300 * MS; real_now_ns() < end; rounds++)
        one_round(f);
    for (int i = 0; i < 2; i++) {
        atomic_store(&x[i].stop, true);
        pthread_join(x[i].thread, NULL);
        close(x[i].fd);
    }
    assert_true(rounds > 10);
    for (int i = 0; i < 200; i++)
        one_round(f);
    assert_both_ways(f);
}

/* A loop that comes late still tells when the packet came. */
static void the_time_of_a_packet_is_the_kernels(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    int before = f->b.received;
    int64_t begun = real_now_ns();
    mcu_ice_send(f->a.ice, (const uint8_t *)"\x80\x60", 2);
    int64_t sent = real_now_ns();
    while (real_now_ns() < sent + 5 * MS)
        ;
    one_round(f);
    assert_int_equal(f->b.received, before + 1);
    int64_t came = f->b.came_ns - skipped_ns;
    assert_true(came >= begun - MS / 10);
    assert_true(came < sent + 4 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(checks_of_one_address_are_taken_by_and_by),
        TEST(data_is_taken_by_and_by),
        TEST(another_agent_has_its_turn_in_each_round),
        TEST(rounds_end_while_a_flood_goes_on),
        TEST(the_time_of_a_packet_is_the_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
