#include "mixer/base/share.h"

#include <errno.h>

#define OPEN (1u << 31) /* helpers may come in; below it is how many are there */

void mcu_share_init(struct mcu_share *s, void (*ask)(void *arg), void *arg)
{
    *s = (struct mcu_share){ .ask = ask, .ask_arg = arg };
    sem_init(&s->left, 0, 0);
}

void mcu_share_deinit(struct mcu_share *s)
{
    sem_destroy(&s->left);
}

static void do_pieces(struct mcu_share *s)
{
    int i;
    while ((i = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed)) < s->count)
        s->piece(s->arg, i);
}

/* Nobody comes in any more; once the last one has left, what they did is ours. */
static void shut(struct mcu_share *s)
{
    if (atomic_fetch_and(&s->state, ~OPEN) == OPEN)
        return;
    while (sem_wait(&s->left) < 0 && errno == EINTR)
        ;
}

void mcu_share_run(struct mcu_share *s, void (*piece)(void *arg, int i), void *arg, int count,
                   bool with_help)
{
    bool helped = with_help && s->ask;
    s->piece = piece;
    s->arg = arg;
    s->count = count;
    atomic_store(&s->next, 0);
    if (helped) {
        atomic_store(&s->state, OPEN);
        s->ask(s->ask_arg);
    }
    do_pieces(s);
    if (helped)
        shut(s);
}

void mcu_share_help(struct mcu_share *s)
{
    unsigned state = atomic_load(&s->state);
    do {
        if (!(state & OPEN))
            return;
    } while (!atomic_compare_exchange_weak(&s->state, &state, state + 1));
    do_pieces(s);
    if (atomic_fetch_sub(&s->state, 1) == 1)
        sem_post(&s->left);
}
