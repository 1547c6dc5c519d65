/* net/loop.h - an event loop and its thread: timers, inbox, sockets.
 * Threads: each call says. A loop is made by one thread, then run by its own.
 *
 *   any thread --mcu_loop_send--> inbox --(eventfd)--> fn on the loop's thread
 *
 * Timers are absolute conference times in a heap under one timerfd, so ticks never drift. In
 * manual mode (tests) nothing has a thread: the test sets the time and runs what is due. */
#ifndef MCU_NET_LOOP_H
#define MCU_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct mcu_loop;

/* A message or a finished job, embedded in whatever it carries: posting never allocates and never
 * fails. It belongs to the inbox until fn is called; fn may free or reuse it. */
struct mcu_msg {
    struct mcu_msg *next;
    void (*fn)(struct mcu_msg *msg);
};

struct mcu_timer {
    struct mcu_loop *loop;
    void (*fn)(struct mcu_timer *timer);
    int64_t due_ns;
    int heap_index; /* -1: not running */
};

/* name: of the thread, at most 15 characters. manual: no thread, see mcu_loop_step.
 * Returns 0, -ENOMEM or another negative errno. */
int mcu_loop_new(struct mcu_loop **out, const char *name, bool manual);
/* Starts the thread. 0 or negative errno. */
int mcu_loop_start(struct mcu_loop *loop);
/* Any thread but its own: runs what is in the inbox, then ends and joins the thread. */
void mcu_loop_stop(struct mcu_loop *loop);
/* After stop (or manual): runs what is in the inbox, here, and what that sends to this loop. Returns how many
 * messages. Loops that send to each other are drained by turns, until none ran, before the first is freed. */
int mcu_loop_drain(struct mcu_loop *loop);
/* After stop (or manual): nothing of it may be in use. Drains it. */
void mcu_loop_free(struct mcu_loop **loop);

/* Any thread: conference time now; in manual mode the time that the test set. */
int64_t mcu_loop_now(const struct mcu_loop *loop);

/* Any thread. Messages of one sender arrive in order. */
void mcu_loop_send(struct mcu_loop *loop, struct mcu_msg *msg);
/* Any thread. The same, before all that waits and between two timers: for sound that is ready. */
void mcu_loop_send_first(struct mcu_loop *loop, struct mcu_msg *msg);
/* Any thread. The same as mcu_loop_send, for what nobody waits for: where a timer is due within 25 ms it
 * costs the loop no wake of its own. Runs with whatever comes first, and before that timer. */
void mcu_loop_send_late(struct mcu_loop *loop, struct mcu_msg *msg);
/* Its thread, within work that takes long: runs what was sent first. Returns how many that were. */
int mcu_loop_serve_first(struct mcu_loop *loop);
/* True on the loop's thread (or, in manual mode, always). */
bool mcu_loop_is_current(const struct mcu_loop *loop);
/* Any other thread: runs fn on the loop and waits for it. For start, stop and tests only. */
void mcu_loop_call(struct mcu_loop *loop, void (*fn)(void *arg), void *arg);

/* Its thread. start: also moves a running one; a time that has passed fires in the next round. */
void mcu_timer_init(struct mcu_timer *timer, struct mcu_loop *loop, void (*fn)(struct mcu_timer *));
void mcu_timer_start(struct mcu_timer *timer, int64_t due_ns);
void mcu_timer_stop(struct mcu_timer *timer);
bool mcu_timer_running(const struct mcu_timer *timer);

/* Manual mode: sets the time to now_ns (never back), runs due timers in order of time, and the
 * inbox until it is empty. Returns the number of callbacks run. */
int mcu_loop_step(struct mcu_loop *loop, int64_t now_ns);
/* Manual mode: the next timer's time, or INT64_MAX. */
int64_t mcu_loop_next_due(const struct mcu_loop *loop);

/* Stops the loop on SIGINT and SIGTERM (calls fn on the loop), SIGHUP likewise. One loop only. */
int mcu_loop_on_signal(struct mcu_loop *loop, int signum, void (*fn)(int signum, void *arg),
                       void *arg);

#endif
