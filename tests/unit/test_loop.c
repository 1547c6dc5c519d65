/* Loops, timers and workers; messages that may be late are in test_loop_late.c. Real threads appear only
 * where threads are the subject. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"
#include "net/loop.h"
#include "net/workers.h"

struct tick {
    struct mcu_timer timer;
    int64_t first, period, late;
    int count;
};

static void on_tick(struct mcu_timer *timer)
{
    struct tick *t = mcu_container_of(timer, struct tick, timer);
    assert_int_equal(mcu_loop_now(timer->loop), t->first + t->count * t->period);
    t->count++;
    mcu_timer_start(timer, t->first + t->count * t->period);
}

static void timers_keep_absolute_time(void **state)
{
    struct mcu_loop *loop;
    assert_int_equal(mcu_loop_new(&loop, "t", true), 0);
    struct tick a = { .first = 10, .period = 33333333 }, b = { .first = 20, .period = 20000000 };
    mcu_timer_init(&a.timer, loop, on_tick);
    mcu_timer_init(&b.timer, loop, on_tick);
    mcu_timer_start(&a.timer, a.first);
    mcu_timer_start(&b.timer, b.first);
    /* An hour in uneven steps: every tick fires at its own time. */
    for (int64_t t = 0; t < 3600 * MCU_NS_PER_S; t += 777 * MCU_NS_PER_MS)
        mcu_loop_step(loop, t);
    mcu_loop_step(loop, 3600 * MCU_NS_PER_S);
    assert_int_equal(b.count, 3600 * 50);
    assert_in_range(a.count, 108000, 108002);
    mcu_timer_stop(&a.timer);
    assert_false(mcu_timer_running(&a.timer));
    mcu_timer_stop(&b.timer);
    assert_int_equal(mcu_loop_next_due(loop), INT64_MAX);
    mcu_loop_free(&loop);
}

static int order[256], order_count;

struct numbered {
    struct mcu_timer timer;
    int n;
};

static void on_numbered(struct mcu_timer *timer)
{
    order[order_count++] = mcu_container_of(timer, struct numbered, timer)->n;
}

static void timers_fire_in_order_and_can_be_moved(void **state)
{
    struct mcu_loop *loop;
    struct numbered t[200];
    assert_int_equal(mcu_loop_new(&loop, "t", true), 0);
    srand(7);
    for (int i = 0; i < 200; i++) {
        t[i].n = rand() % 100000;
        mcu_timer_init(&t[i].timer, loop, on_numbered);
        mcu_timer_start(&t[i].timer, rand());
    }
    for (int i = 0; i < 200; i++)
        mcu_timer_start(&t[i].timer, t[i].n);
    for (int i = 0; i < 200; i += 2)
        mcu_timer_stop(&t[i].timer);
    order_count = 0;
    mcu_loop_step(loop, 100000);
    assert_int_equal(order_count, 100);
    for (int i = 1; i < 100; i++)
        assert_true(order[i - 1] <= order[i]);
    mcu_loop_free(&loop);
}

#define SENDERS  4
#define MESSAGES 20000

struct numbered_msg {
    struct mcu_msg msg;
    int sender, n;
};

static struct numbered_msg *messages;
static int last_seen[SENDERS];
static _Atomic int received;
static struct mcu_loop *target;

static void on_msg(struct mcu_msg *msg)
{
    struct numbered_msg *m = mcu_container_of(msg, struct numbered_msg, msg);
    assert_int_equal(m->n, last_seen[m->sender]++);
    atomic_fetch_add(&received, 1);
}

static void send_all(void *arg)
{
    int sender = (int)(intptr_t)arg;
    for (int i = 0; i < MESSAGES; i++) {
        struct numbered_msg *m = &messages[sender * MESSAGES + i];
        m->msg.fn = on_msg;
        m->sender = sender;
        m->n = i;
        mcu_loop_send(target, &m->msg);
    }
}

static void messages_of_one_sender_arrive_in_order(void **state)
{
    struct mcu_loop *senders[SENDERS];
    messages = calloc(SENDERS * MESSAGES, sizeof(*messages));
    assert_int_equal(mcu_loop_new(&target, "target", false), 0);
    assert_int_equal(mcu_loop_start(target), 0);
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(mcu_loop_new(&senders[i], "sender", false), 0);
        assert_int_equal(mcu_loop_start(senders[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++)
        mcu_loop_call(senders[i], send_all, (void *)(intptr_t)i);
    for (int i = 0; i < SENDERS; i++) {
        mcu_loop_stop(senders[i]);
        mcu_loop_free(&senders[i]);
    }
    mcu_loop_stop(target);
    assert_int_equal(received, SENDERS * MESSAGES);
    mcu_loop_free(&target);
    free(messages);
}

/* ---- what is sent first ---- */

struct note {
    struct mcu_msg msg;
    int n;
    struct mcu_loop *loop;
    struct note *sends; /* meanwhile, as from another thread */
    bool serves;
};

static void on_note(struct mcu_msg *msg)
{
    struct note *t = mcu_container_of(msg, struct note, msg);
    if (t->sends)
        mcu_loop_send_first(t->loop, &t->sends->msg);
    if (t->serves)
        assert_int_equal(mcu_loop_serve_first(t->loop), 1);
    order[order_count++] = t->n;
}

static void messages_sent_first_overtake_what_waits(void **state)
{
    static const int expected[] = { 4, 1, 5, 6, 2, 3 };
    struct mcu_loop *loop;
    struct note t[7];
    assert_int_equal(mcu_loop_new(&loop, "t", true), 0);
    for (int i = 0; i < 7; i++)
        t[i] = (struct note){ .msg.fn = on_note, .n = i, .loop = loop };
    t[1].sends = &t[5]; /* before the next message */
    t[2].sends = &t[6]; /* even within it, where it asks */
    t[2].serves = true;
    order_count = 0;
    for (int i = 1; i <= 3; i++)
        mcu_loop_send(loop, &t[i].msg);
    mcu_loop_send_first(loop, &t[4].msg);
    assert_int_equal(mcu_loop_step(loop, 1), 6 - 1); /* the one served within is not counted twice */
    assert_int_equal(order_count, 6);
    assert_memory_equal(order, expected, sizeof(expected));
    mcu_loop_free(&loop);
}

struct sending_timer {
    struct mcu_timer timer;
    struct note *note;
    int n;
};

static void on_sending_timer(struct mcu_timer *timer)
{
    struct sending_timer *t = mcu_container_of(timer, struct sending_timer, timer);
    if (t->note)
        mcu_loop_send_first(timer->loop, &t->note->msg);
    order[order_count++] = t->n;
}

/* 200 pacers are due together: sound that becomes ready at the first does not wait for the others. */
static void messages_sent_first_come_between_two_timers(void **state)
{
    static const int expected[] = { 0, 9, 1 };
    struct mcu_loop *loop;
    struct sending_timer t[2];
    assert_int_equal(mcu_loop_new(&loop, "t", true), 0);
    struct note note = { .msg.fn = on_note, .n = 9, .loop = loop };
    order_count = 0;
    for (int i = 0; i < 2; i++) {
        t[i].n = i;
        t[i].note = i == 0 ? &note : NULL;
        mcu_timer_init(&t[i].timer, loop, on_sending_timer);
        mcu_timer_start(&t[i].timer, 10);
    }
    mcu_loop_step(loop, 10);
    assert_int_equal(order_count, 3);
    assert_memory_equal(order, expected, sizeof(expected));
    mcu_loop_free(&loop);
}

/* ---- jobs ---- */

#define STRANDS 8
#define JOBS    500

struct counted_job {
    struct mcu_job job;
    int strand, n;
};

static int next_run[STRANDS]; /* guarded by the strand's order: TSan proves it */
static int done_count;

static void job_run(struct mcu_job *job)
{
    struct counted_job *j = mcu_container_of(job, struct counted_job, job);
    assert_int_equal(next_run[j->strand]++, j->n);
}

static void job_done(struct mcu_job *job)
{
    done_count++;
}

static void run_jobs(bool inline_mode)
{
    struct mcu_workers *w;
    struct mcu_loop *loop;
    struct mcu_strand strands[STRANDS];
    struct counted_job *jobs = calloc(STRANDS * JOBS, sizeof(*jobs));
    assert_int_equal(mcu_workers_new(&w, 2, inline_mode), 0);
    assert_int_equal(mcu_loop_new(&loop, "home", true), 0);
    done_count = 0;
    for (int s = 0; s < STRANDS; s++) {
        next_run[s] = 0;
        mcu_strand_init(&strands[s], w, s % 2 ? MCU_JOB_VIDEO : MCU_JOB_AUDIO);
    }
    for (int i = 0; i < STRANDS * JOBS; i++) {
        struct counted_job *j = &jobs[i];
        *j = (struct counted_job){ .strand = i % STRANDS, .n = i / STRANDS };
        j->job.home = loop;
        j->job.run = job_run;
        j->job.done = job_done;
        mcu_strand_push(&strands[j->strand], &j->job);
    }
    mcu_workers_free(&w);
    mcu_loop_step(loop, 0);
    assert_int_equal(done_count, STRANDS * JOBS);
    mcu_loop_free(&loop);
    free(jobs);
}

static void jobs_of_a_strand_run_in_order(void **state)
{
    run_jobs(false);
}

static void inline_workers_need_no_thread(void **state)
{
    run_jobs(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_keep_absolute_time),
        cmocka_unit_test(timers_fire_in_order_and_can_be_moved),
        cmocka_unit_test(messages_of_one_sender_arrive_in_order),
        cmocka_unit_test(messages_sent_first_overtake_what_waits),
        cmocka_unit_test(messages_sent_first_come_between_two_timers),
        cmocka_unit_test(jobs_of_a_strand_run_in_order),
        cmocka_unit_test(inline_workers_need_no_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
