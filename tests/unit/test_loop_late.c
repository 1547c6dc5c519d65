/* Messages that may be late (mcu_loop_send_late): when they wake the loop, who takes them along, and that
 * none is lost. What counts is what was asked of the kernel, not how long it took; where the machine was
 * too slow for a case to arise, the case is made again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"
#include "net/loop.h"

#define LATEST_NS (25 * MCU_NS_PER_MS) /* as net/loop.h says */
#define ROUNDS    2000

/* ---- every wake of a loop comes by here ---- */

static int (*real_write)(int fd, eventfd_t value);
static _Atomic int wakes, woken_fd;

int eventfd_write(int fd, eventfd_t value)
{
    atomic_fetch_add(&wakes, 1);
    atomic_store(&woken_fd, fd);
    return real_write(fd, value);
}

static int find_real(void **state)
{
    void *found = dlsym(RTLD_NEXT, "eventfd_write");
    memcpy(&real_write, &found, sizeof(found));
    return found ? 0 : -1;
}

static bool waited(sem_t *sem)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 5;
    return sem_timedwait(sem, &until) == 0;
}

/* ---- a loop with one timer ---- */

struct bed {
    struct mcu_loop *loop;
    struct mcu_timer timer;
    int64_t ahead_ns, due_ns;
    bool fired; /* the loop's */
};

static void on_due(struct mcu_timer *timer)
{
    mcu_container_of(timer, struct bed, timer)->fired = true;
}

static void set_timer(void *arg)
{
    struct bed *b = arg;
    b->fired = false;
    b->due_ns = mcu_clock_now_ns() + b->ahead_ns;
    mcu_timer_start(&b->timer, b->due_ns);
}

static void nothing(void *arg)
{
}

static void open_bed(struct bed *b)
{
    *b = (struct bed){ .ahead_ns = 0 };
    assert_int_equal(mcu_loop_new(&b->loop, "late", false), 0);
    mcu_timer_init(&b->timer, b->loop, on_due);
    assert_int_equal(mcu_loop_start(b->loop), 0);
}

static void close_bed(struct bed *b)
{
    mcu_loop_stop(b->loop);
    mcu_loop_free(&b->loop);
}

/* Has the loop wait for its timer. It has set it when it takes a second message. */
static void wait_for_timer(struct bed *b, int64_t ahead_ns)
{
    b->ahead_ns = ahead_ns;
    mcu_loop_call(b->loop, set_timer, b);
    mcu_loop_call(b->loop, nothing, NULL);
}

/* ---- messages ---- */

static int order[16], order_count; /* of one loop's thread at a time */

struct note {
    struct mcu_msg msg;
    struct bed *bed;
    int n;
    bool fired; /* the timer, before this came */
    sem_t done;
};

static void on_note(struct mcu_msg *msg)
{
    struct note *t = mcu_container_of(msg, struct note, msg);
    order[order_count++ % 16] = t->n;
    t->fired = t->bed->fired;
    sem_post(&t->done);
}

static void init_note(struct note *t, struct bed *b, int n)
{
    *t = (struct note){ .msg.fn = on_note, .bed = b, .n = n };
    sem_init(&t->done, 0, 0);
}

/* ---- when the loop is woken ---- */

/* Whether one that is sent ahead_ns before the timer is due wakes the loop. */
static int wakes_before(struct bed *b, int64_t ahead_ns)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct note t;
        init_note(&t, b, 0);
        wait_for_timer(b, ahead_ns);
        int before = atomic_load(&wakes);
        int64_t from_ns = mcu_clock_now_ns();
        mcu_loop_send_late(b->loop, &t.msg);
        int64_t to_ns = mcu_clock_now_ns();
        int woke = atomic_load(&wakes) - before;
        assert_true(waited(&t.done));
        sem_destroy(&t.done);
        bool soon = b->due_ns <= from_ns + LATEST_NS, later = b->due_ns > to_ns + LATEST_NS;
        if (to_ns >= b->due_ns || soon == later || soon != (ahead_ns <= LATEST_NS))
            continue; /* we were not quick enough */
        assert_false(t.fired); /* ticks find what is ready, and nobody waits longer than for them */
        return woke;
    }
    fail_msg("never quick enough");
    return -1;
}

static void they_wake_only_a_loop_whose_timer_is_far(void **state)
{
    static const int near_ms[] = { 2, 10, 20, 24 }, far_ms[] = { 28, 50, 10000 };
    struct bed b;
    open_bed(&b);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < MCU_ARRAY_LEN(near_ms); i++)
            assert_int_equal(wakes_before(&b, near_ms[i] * MCU_NS_PER_MS), 0);
        for (size_t i = 0; i < MCU_ARRAY_LEN(far_ms); i++)
            assert_int_equal(wakes_before(&b, far_ms[i] * MCU_NS_PER_MS), 1);
    }
    close_bed(&b);
}

/* Keeps the loop busy until it is let go, so that what is sent meanwhile comes at one time. */
struct hold {
    struct mcu_msg msg;
    sem_t busy, go;
};

static void on_hold(struct mcu_msg *msg)
{
    struct hold *h = mcu_container_of(msg, struct hold, msg);
    sem_post(&h->busy);
    assert_true(waited(&h->go));
}

static void begin_hold(struct hold *h, struct mcu_loop *loop)
{
    *h = (struct hold){ .msg.fn = on_hold };
    sem_init(&h->busy, 0, 0);
    sem_init(&h->go, 0, 0);
    mcu_loop_send(loop, &h->msg);
    assert_true(waited(&h->busy));
}

static void end_hold(struct hold *h, struct note *last)
{
    sem_post(&h->go);
    assert_true(waited(&last->done));
    sem_destroy(&h->busy);
    sem_destroy(&h->go);
}

static void several_wake_it_once_and_come_in_order(void **state)
{
    struct bed b;
    struct hold h;
    struct note t[8];
    open_bed(&b);
    wait_for_timer(&b, 10 * MCU_NS_PER_S);
    begin_hold(&h, b.loop);
    order_count = 0;
    int before = atomic_load(&wakes);
    for (int i = 0; i < 8; i++) {
        init_note(&t[i], &b, i);
        mcu_loop_send_late(b.loop, &t[i].msg);
    }
    assert_int_equal(atomic_load(&wakes) - before, 1);
    end_hold(&h, &t[7]);
    for (int i = 0; i < 8; i++)
        assert_int_equal(order[i], i);
    close_bed(&b);
}

/* In the order of sending: what waits does not keep a usual one from waking the loop, and goes along. */
static void a_usual_message_takes_along_what_waits(void **state)
{
    struct bed b;
    struct note t[3];
    open_bed(&b);
    for (int i = 0; i < 100; i++) {
        wait_for_timer(&b, LATEST_NS - 5 * MCU_NS_PER_MS);
        order_count = 0;
        for (int k = 0; k < 3; k++)
            init_note(&t[k], &b, k);
        int before = atomic_load(&wakes);
        mcu_loop_send_late(b.loop, &t[0].msg);
        mcu_loop_send_late(b.loop, &t[1].msg);
        mcu_loop_send(b.loop, &t[2].msg);
        bool quick = mcu_clock_now_ns() < b.due_ns;
        int woke = atomic_load(&wakes) - before;
        assert_true(waited(&t[2].done));
        assert_int_equal(order_count, 3);
        for (int k = 0; k < 3; k++)
            assert_int_equal(order[k], k);
        if (quick)
            assert_int_equal(woke, 1);
    }
    close_bed(&b);
}

static void of_a_step_they_come_in_the_order_of_sending(void **state)
{
    static const int expected[] = { 3, 0, 1, 2 };
    struct bed b = { .fired = false };
    struct note t[4];
    assert_int_equal(mcu_loop_new(&b.loop, "late", true), 0);
    for (int i = 0; i < 4; i++)
        init_note(&t[i], &b, i);
    order_count = 0;
    mcu_loop_send_late(b.loop, &t[0].msg);
    mcu_loop_send(b.loop, &t[1].msg);
    mcu_loop_send_late(b.loop, &t[2].msg);
    mcu_loop_send_first(b.loop, &t[3].msg);
    assert_int_equal(mcu_loop_step(b.loop, 1), 4);
    assert_memory_equal(order, expected, sizeof(expected));
    mcu_loop_free(&b.loop);
}

/* ---- the moment when the loop sets its timer ---- */

struct restless {
    struct mcu_msg msg;
    struct bed *bed;
    int64_t ahead_ns; /* the timer is set to so much from now, after the other side knows */
    _Atomic bool done;
};

static void on_restless(struct mcu_msg *msg)
{
    struct restless *t = mcu_container_of(msg, struct restless, msg);
    int64_t due_ns = mcu_clock_now_ns() + t->ahead_ns;
    atomic_store(&t->done, true);
    mcu_timer_start(&t->bed->timer, due_ns);
}

/* Without a sleep, or it would always come too late for that moment; and a little later each time. */
static bool spun(struct restless *t, int further)
{
    int64_t until_ns = mcu_clock_now_ns() + 5 * MCU_NS_PER_S;
    for (int i = 1; !atomic_load(&t->done); i++) {
        if (i % 4096 == 0)
            sched_yield();
        if (i % 4096 == 0 && mcu_clock_now_ns() > until_ns)
            return false;
    }
    for (int i = 0; i < further; i++)
        atomic_load(&t->done);
    return true;
}

/* The loop sets its timer far away just when the next message comes, which must not wait for it. */
static void they_never_wait_for_a_far_timer(void **state)
{
    struct bed b;
    struct restless t = { .msg.fn = on_restless, .bed = &b };
    open_bed(&b);
    for (int i = 0; i < 2 * ROUNDS; i++) {
        t.ahead_ns = i % 2 ? 200 * MCU_NS_PER_S : MCU_NS_PER_MS / 20;
        atomic_store(&t.done, false);
        mcu_loop_send_late(b.loop, &t.msg);
        assert_true(spun(&t, i % 400));
    }
    close_bed(&b);
}

struct own {
    struct bed bed;
    struct note note;
};

static void send_own(void *arg)
{
    struct own *o = arg;
    set_timer(&o->bed);
    mcu_loop_send_late(o->bed.loop, &o->note.msg);
}

static void from_the_loop_itself_they_come_before_its_timer(void **state)
{
    struct own o;
    open_bed(&o.bed);
    init_note(&o.note, &o.bed, 0);
    o.bed.ahead_ns = 5 * MCU_NS_PER_MS;
    mcu_loop_call(o.bed.loop, send_own, &o);
    assert_true(waited(&o.note.done));
    assert_false(o.note.fired);
    close_bed(&o.bed);
}

/* ---- many threads ---- */

#define SENDERS  4
#define MESSAGES 20000

struct numbered {
    struct mcu_msg msg;
    int sender, n;
};

static struct numbered *numbered;
static int next_of[SENDERS], arrived; /* the target's */
static struct mcu_loop *target;

static void on_numbered(struct mcu_msg *msg)
{
    struct numbered *m = mcu_container_of(msg, struct numbered, msg);
    assert_int_equal(m->n, next_of[m->sender]++);
    arrived++;
}

/* Late ones, with a usual one now and then: of one sender all are in order. */
static void *send_all(void *arg)
{
    int sender = (int)(intptr_t)arg;
    for (int i = 0; i < MESSAGES; i++) {
        struct numbered *m = &numbered[sender * MESSAGES + i];
        *m = (struct numbered){ .msg.fn = on_numbered, .sender = sender, .n = i };
        if (i % 97 == 50 + sender)
            mcu_loop_send(target, &m->msg);
        else
            mcu_loop_send_late(target, &m->msg);
    }
    return NULL;
}

static void on_tick(struct mcu_timer *timer)
{
    mcu_timer_start(timer, timer->due_ns + MCU_NS_PER_MS / 2);
}

static void start_ticking(void *arg)
{
    mcu_timer_start(arg, mcu_clock_now_ns());
}

static void many_threads_may_send_at_once(void **state)
{
    pthread_t thread[SENDERS];
    struct mcu_timer tick;
    numbered = calloc(SENDERS * MESSAGES, sizeof(*numbered));
    assert_non_null(numbered);
    assert_int_equal(mcu_loop_new(&target, "late", false), 0);
    mcu_timer_init(&tick, target, on_tick);
    assert_int_equal(mcu_loop_start(target), 0);
    mcu_loop_call(target, start_ticking, &tick);
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, send_all, (void *)(intptr_t)i), 0);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(thread[i], NULL);
    mcu_loop_stop(target);
    assert_int_equal(arrived, SENDERS * MESSAGES);
    mcu_loop_free(&target);
    free(numbered);
}

/* ---- the end ---- */

static int freed;

/* What it carries is freed by who takes it, and that leads to another one, as often as `more` says. */
struct carrier {
    struct mcu_msg msg;
    struct mcu_loop *loop, *other; /* to each in turn */
    int more;
    bool usual;
};

static void on_carrier(struct mcu_msg *msg)
{
    struct carrier *c = mcu_container_of(msg, struct carrier, msg);
    if (c->more-- == 0) {
        free(c);
        freed++;
    } else if (c->other) {
        mcu_loop_send(c->more % 2 ? c->other : c->loop, &c->msg);
    } else if (c->usual) {
        mcu_loop_send(c->loop, &c->msg);
    } else {
        mcu_loop_send_late(c->loop, &c->msg);
    }
}

static void send_carrier(struct mcu_loop *loop, int more, bool usual)
{
    struct carrier *c = malloc(sizeof(*c));
    assert_non_null(c);
    *c = (struct carrier){ .msg.fn = on_carrier, .loop = loop, .more = more, .usual = usual };
    mcu_loop_send_late(loop, &c->msg);
}

static void a_loop_that_stops_has_taken_all(void **state)
{
    for (int i = 0; i < 20; i++) {
        struct bed b;
        open_bed(&b);
        wait_for_timer(&b, i % 5 ? 20 * MCU_NS_PER_MS : 10 * MCU_NS_PER_S);
        freed = 0;
        for (int k = 0; k < 6; k++)
            send_carrier(b.loop, k, i % 2 && k % 2);
        mcu_loop_stop(b.loop);
        assert_int_equal(freed, 6);
        mcu_loop_free(&b.loop);
    }
}

static void what_is_left_when_a_loop_is_freed_is_taken_too(void **state)
{
    for (int manual = 0; manual < 2; manual++) {
        struct mcu_loop *loop;
        assert_int_equal(mcu_loop_new(&loop, "late", manual), 0); /* and never started */
        freed = 0;
        for (int i = 0; i < 6; i++)
            send_carrier(loop, i, i % 2);
        mcu_loop_free(&loop);
        assert_int_equal(freed, 6);
    }
}

static void what_comes_after_the_stop_is_taken_when_it_is_freed(void **state)
{
    struct bed b;
    open_bed(&b);
    wait_for_timer(&b, 10 * MCU_NS_PER_S);
    mcu_loop_stop(b.loop);
    freed = 0;
    send_carrier(b.loop, 0, false);
    send_carrier(b.loop, 2, false);
    mcu_loop_free(&b.loop);
    assert_int_equal(freed, 2);
}

static void loops_that_send_to_each_other_are_drained_by_turns(void **state)
{
    struct mcu_loop *a, *b;
    assert_int_equal(mcu_loop_new(&a, "a", false), 0);
    assert_int_equal(mcu_loop_new(&b, "b", false), 0);
    freed = 0;
    struct carrier *c = malloc(sizeof(*c));
    assert_non_null(c);
    *c = (struct carrier){ .msg.fn = on_carrier, .loop = a, .other = b, .more = 6 };
    mcu_loop_send(a, &c->msg);
    int ran = 0, rounds = 0;
    for (int n = 1; n; rounds++)
        ran += n = mcu_loop_drain(a) + mcu_loop_drain(b);
    assert_int_equal(freed, 1);
    assert_int_equal(ran, 7);
    assert_in_range(rounds, 3, 8);
    mcu_loop_free(&a);
    mcu_loop_free(&b);
}

/* Else the loop would go round and round. */
static void a_wake_is_over_when_its_message_runs(void **state)
{
    struct bed b;
    open_bed(&b);
    mcu_loop_call(b.loop, nothing, NULL);
    struct pollfd fd = { .fd = atomic_load(&woken_fd), .events = POLLIN };
    assert_int_equal(poll(&fd, 1, 0), 0);
    close_bed(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_wake_only_a_loop_whose_timer_is_far),
        cmocka_unit_test(several_wake_it_once_and_come_in_order),
        cmocka_unit_test(a_usual_message_takes_along_what_waits),
        cmocka_unit_test(of_a_step_they_come_in_the_order_of_sending),
        cmocka_unit_test(they_never_wait_for_a_far_timer),
        cmocka_unit_test(from_the_loop_itself_they_come_before_its_timer),
        cmocka_unit_test(many_threads_may_send_at_once),
        cmocka_unit_test(a_loop_that_stops_has_taken_all),
        cmocka_unit_test(what_is_left_when_a_loop_is_freed_is_taken_too),
        cmocka_unit_test(what_comes_after_the_stop_is_taken_when_it_is_freed),
        cmocka_unit_test(loops_that_send_to_each_other_are_drained_by_turns),
        cmocka_unit_test(a_wake_is_over_when_its_message_runs),
    };
    return cmocka_run_group_tests(tests, find_real, NULL);
}
