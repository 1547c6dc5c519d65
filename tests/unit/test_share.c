/* Work that is done by whoever comes: each piece once, and nobody waits for who does not come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "mixer/base/share.h"

#define PIECES  50
#define HELPERS 3
#define RUNS    2000

struct work {
    struct mcu_share share;
    int done[PIECES]; /* not atomic: what a piece writes is to be seen after the run */
    int asked;
    atomic_bool stop;
};

static void do_piece(void *arg, int i)
{
    struct work *w = arg;
    assert_in_range(i, 0, PIECES - 1);
    w->done[i]++;
}

static void count_ask(void *arg)
{
    struct work *w = arg;
    w->asked++;
}

static void *help_always(void *arg)
{
    struct work *w = arg;
    while (!atomic_load(&w->stop))
        mcu_share_help(&w->share);
    return NULL;
}

static void check_done(struct work *w, int times)
{
    for (int i = 0; i < PIECES; i++)
        assert_int_equal(w->done[i], times);
}

static void who_asks_and_gets_no_help_does_it_alone(void **state)
{
    static struct work w;
    mcu_share_init(&w.share, count_ask, &w);
    mcu_share_run(&w.share, do_piece, &w, PIECES, true);
    mcu_share_run(&w.share, do_piece, &w, PIECES, false);
    mcu_share_run(&w.share, do_piece, &w, 0, true);
    check_done(&w, 2);
    assert_int_equal(w.asked, 2);
    mcu_share_deinit(&w.share);
}

static void help_at_any_time_does_each_piece_once(void **state)
{
    static struct work w;
    pthread_t helper[HELPERS];
    mcu_share_init(&w.share, count_ask, &w);
    for (int i = 0; i < HELPERS; i++)
        assert_int_equal(pthread_create(&helper[i], NULL, help_always, &w), 0);
    for (int n = 1; n <= RUNS; n++) {
        mcu_share_run(&w.share, do_piece, &w, PIECES, n % 5 != 0);
        check_done(&w, n);
    }
    atomic_store(&w.stop, true);
    for (int i = 0; i < HELPERS; i++)
        pthread_join(helper[i], NULL);
    mcu_share_deinit(&w.share);
}

/* ---- a helper that is slow ---- */

struct slow {
    struct mcu_share share;
    pthread_t helper;
    pthread_t owner;
    atomic_bool began;
    bool finished; /* by the helper */
};

static void slow_piece(void *arg, int i)
{
    struct slow *s = arg;
    if (pthread_equal(pthread_self(), s->owner)) {
        while (!atomic_load(&s->began)) /* leaves him one */
            sched_yield();
        return;
    }
    atomic_store(&s->began, true);
    for (int k = 0; k < 20000; k++)
        sched_yield();
    s->finished = true;
}

static void *help_once(void *arg)
{
    struct slow *s = arg;
    mcu_share_help(&s->share);
    return NULL;
}

static void start_helper(void *arg)
{
    struct slow *s = arg;
    assert_int_equal(pthread_create(&s->helper, NULL, help_once, s), 0);
}

static void what_a_helper_has_in_hand_is_waited_for(void **state)
{
    static struct slow s;
    s.owner = pthread_self();
    mcu_share_init(&s.share, start_helper, &s);
    mcu_share_run(&s.share, slow_piece, &s, 2, true);
    assert_true(s.finished);
    pthread_join(s.helper, NULL);
    mcu_share_deinit(&s.share);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_and_gets_no_help_does_it_alone),
        cmocka_unit_test(help_at_any_time_does_each_piece_once),
        cmocka_unit_test(what_a_helper_has_in_hand_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
