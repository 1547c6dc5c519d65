#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "mixer/base/thread.h"
#include "mixer/base/util.h"
#include "net/loop_priv.h"

#define MAX_SIGNALS 4
#define LATE_WAITS_NS (25 * MCU_NS_PER_MS)

struct signal_handler {
    uv_signal_t handle;
    void (*fn)(int signum, void *arg);
    void *arg;
};

struct mcu_loop {
    uv_loop_t uv;
    char name[16];
    bool manual, started;
    pthread_t thread;

    /* any thread, under the lock */
    pthread_mutex_t lock;
    struct mcu_msg *head, **tail, *first_head, **first_tail;
    bool stopping, woken;   /* woken: what waits is known to the loop */
    _Atomic bool has_first, has_late; /* so that asking costs no lock */

    /* An eventfd of our own: who is woken by uv_async_send before it has returned spins until it has, up
     * to 1000 pauses, and where he took its core from it in vain (6 % of a media loop of 200 viewers). */
    int wake_fd;
    uv_poll_t wake_poll;
    _Atomic int64_t armed_ns; /* what the timerfd is set to by the loop; INT64_MAX: nothing */
    _Atomic int64_t manual_now_ns;

    /* the loop's thread only */
    struct mcu_timer **heap;
    int heap_size, heap_capacity;
    int timer_fd;
    bool fired; /* the timer, and was not set since: it stays readable until it is */
    uv_poll_t timer_poll;
    uv_prepare_t before_poll;
    struct signal_handler *signals[MAX_SIGNALS];
    int signal_count;
};

static _Thread_local struct mcu_loop *current;

/* ---- timers: a binary heap by due time ---- */

static void heap_place(struct mcu_loop *loop, int i, struct mcu_timer *t)
{
    loop->heap[i] = t;
    t->heap_index = i;
}

static void sift_up(struct mcu_loop *loop, int i, struct mcu_timer *t)
{
    while (i > 0 && loop->heap[(i - 1) / 2]->due_ns > t->due_ns) {
        heap_place(loop, i, loop->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_place(loop, i, t);
}

static void sift_down(struct mcu_loop *loop, int i, struct mcu_timer *t)
{
    for (;;) {
        int child = 2 * i + 1;
        if (child >= loop->heap_size)
            break;
        if (child + 1 < loop->heap_size &&
            loop->heap[child + 1]->due_ns < loop->heap[child]->due_ns)
            child++;
        if (loop->heap[child]->due_ns >= t->due_ns)
            break;
        heap_place(loop, i, loop->heap[child]);
        i = child;
    }
    heap_place(loop, i, t);
}

static void heap_remove(struct mcu_loop *loop, struct mcu_timer *t)
{
    int i = t->heap_index;
    struct mcu_timer *last = loop->heap[--loop->heap_size];
    t->heap_index = -1;
    if (last == t)
        return;
    if (i > 0 && loop->heap[(i - 1) / 2]->due_ns > last->due_ns)
        sift_up(loop, i, last);
    else
        sift_down(loop, i, last);
}

/* Once a round, right before the loop waits: setting a timerfd is dear (in a virtual machine it leaves
 * the guest: 40 % of a media loop with 200 viewers, when each timer that started set it). Setting it
 * also takes back that it has fired, so that it need not be read. */
static void arm(struct mcu_loop *loop)
{
    int64_t due = loop->heap_size ? loop->heap[0]->due_ns : INT64_MAX;
    if (loop->manual ||
        (due == atomic_load_explicit(&loop->armed_ns, memory_order_relaxed) && !loop->fired))
        return;
    atomic_store(&loop->armed_ns, due);
    loop->fired = false;
    struct itimerspec spec = { 0 };
    if (due != INT64_MAX) {
        int64_t at = due > 0 ? due : 1; /* an all-zero time would disarm */
        spec.it_value.tv_sec = at / MCU_NS_PER_S;
        spec.it_value.tv_nsec = at % MCU_NS_PER_S;
    }
    timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static struct mcu_msg *take_list(struct mcu_loop *loop, struct mcu_msg **head, struct mcu_msg ***tail)
{
    pthread_mutex_lock(&loop->lock);
    struct mcu_msg *m = *head;
    *head = NULL;
    *tail = head;
    if (head == &loop->first_head) {
        atomic_store_explicit(&loop->has_first, false, memory_order_relaxed);
    } else {
        atomic_store_explicit(&loop->has_late, false, memory_order_relaxed);
        loop->woken = false;
    }
    pthread_mutex_unlock(&loop->lock);
    return m;
}

int mcu_loop_serve_first(struct mcu_loop *loop)
{
    int ran = 0;
    if (!atomic_load_explicit(&loop->has_first, memory_order_relaxed))
        return 0;
    struct mcu_msg *m = take_list(loop, &loop->first_head, &loop->first_tail);
    while (m) {
        struct mcu_msg *next = m->next; /* fn may free m */
        m->fn(m);
        m = next;
        ran++;
    }
    return ran;
}

/* Runs what is due at `now`; a timer that starts itself again for a time already past waits for the
 * next round, so that one late timer cannot hold the loop. */
static int run_timers(struct mcu_loop *loop, int64_t now)
{
    int ran = 0, bound = loop->heap_size;
    while (loop->heap_size && loop->heap[0]->due_ns <= now && ran < bound) {
        struct mcu_timer *t = loop->heap[0];
        heap_remove(loop, t);
        t->fn(t);
        ran++;
        mcu_loop_serve_first(loop);
    }
    return ran;
}

void mcu_timer_init(struct mcu_timer *timer, struct mcu_loop *loop, void (*fn)(struct mcu_timer *))
{
    *timer = (struct mcu_timer){ .loop = loop, .fn = fn, .heap_index = -1 };
}

void mcu_timer_start(struct mcu_timer *timer, int64_t due_ns)
{
    struct mcu_loop *loop = timer->loop;
    assert(mcu_loop_is_current(loop));
    if (timer->heap_index >= 0)
        heap_remove(loop, timer);
    if (loop->heap_size == loop->heap_capacity) {
        int capacity = loop->heap_capacity ? loop->heap_capacity * 2 : 64;
        struct mcu_timer **p = realloc(loop->heap, (size_t)capacity * sizeof(struct mcu_timer *));
        if (!p)
            abort(); /* a timer that silently never fires is worse than a restart */
        loop->heap = p;
        loop->heap_capacity = capacity;
    }
    timer->due_ns = due_ns;
    sift_up(loop, loop->heap_size++, timer);
}

void mcu_timer_stop(struct mcu_timer *timer)
{
    if (!timer->loop || timer->heap_index < 0)
        return;
    assert(mcu_loop_is_current(timer->loop));
    heap_remove(timer->loop, timer);
}

bool mcu_timer_running(const struct mcu_timer *timer)
{
    return timer->loop && timer->heap_index >= 0;
}

/* ---- inbox ---- */

static int run_inbox(struct mcu_loop *loop)
{
    int ran = mcu_loop_serve_first(loop);
    struct mcu_msg *m = take_list(loop, &loop->head, &loop->tail);
    while (m) {
        struct mcu_msg *next = m->next; /* fn may free m */
        m->fn(m);
        m = next;
        ran += 1 + mcu_loop_serve_first(loop);
    }
    return ran;
}

static int run_late(struct mcu_loop *loop)
{
    return atomic_load(&loop->has_late) ? run_inbox(loop) : 0;
}

static void wake_up(struct mcu_loop *loop)
{
    eventfd_write(loop->wake_fd, 1); /* fails only where it is readable already */
}

/* Under the lock. */
static void append(struct mcu_loop *loop, struct mcu_msg *msg)
{
    msg->next = NULL;
    *loop->tail = msg;
    loop->tail = &msg->next;
}

void mcu_loop_send(struct mcu_loop *loop, struct mcu_msg *msg)
{
    pthread_mutex_lock(&loop->lock);
    append(loop, msg);
    bool wake = !loop->woken;
    loop->woken = true;
    pthread_mutex_unlock(&loop->lock);
    if (wake && !loop->manual)
        wake_up(loop);
}

/* The loop looks here once it has set its timer, right before it waits: either it finds this message then,
 * or this sees the time that it was set to (both in one total order). */
void mcu_loop_send_late(struct mcu_loop *loop, struct mcu_msg *msg)
{
    int64_t soon = mcu_clock_now_ns() + LATE_WAITS_NS;
    pthread_mutex_lock(&loop->lock);
    append(loop, msg);
    atomic_store(&loop->has_late, true);
    bool wake = !loop->woken && atomic_load(&loop->armed_ns) > soon;
    loop->woken |= wake;
    pthread_mutex_unlock(&loop->lock);
    if (wake && !loop->manual)
        wake_up(loop);
}

void mcu_loop_send_first(struct mcu_loop *loop, struct mcu_msg *msg)
{
    msg->next = NULL;
    pthread_mutex_lock(&loop->lock);
    bool was_empty = !loop->first_head;
    *loop->first_tail = msg;
    loop->first_tail = &msg->next;
    atomic_store_explicit(&loop->has_first, true, memory_order_relaxed);
    pthread_mutex_unlock(&loop->lock);
    if (was_empty && !loop->manual)
        wake_up(loop);
}

static void stop_if_done(struct mcu_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    bool stop = loop->stopping && !loop->head && !loop->first_head;
    pthread_mutex_unlock(&loop->lock);
    if (stop)
        uv_stop(&loop->uv);
}

static void on_wake(uv_poll_t *poll, int status, int events)
{
    struct mcu_loop *loop = poll->data;
    eventfd_t times;
    eventfd_read(loop->wake_fd, &times); /* before the inbox: what comes behind it wakes again */
    run_inbox(loop);
    stop_if_done(loop);
}

/* The last thing before the loop waits. Messages too start timers; one that came after the timer was set
 * is seen here, or its sender has seen the new time (mcu_loop_send_late). */
static void before_poll(uv_prepare_t *prepare)
{
    struct mcu_loop *loop = prepare->data;
    bool ran = false;
    arm(loop);
    while (run_late(loop)) {
        ran = true;
        arm(loop);
    }
    if (ran)
        stop_if_done(loop);
}

static void on_timerfd(uv_poll_t *poll, int status, int events)
{
    struct mcu_loop *loop = poll->data;
    loop->fired = true;
    run_late(loop); /* ticks find what is ready */
    run_timers(loop, mcu_clock_now_ns());
}

/* ---- life ---- */

/* -errno where fd is one of a call that failed. */
static int watch(struct mcu_loop *loop, uv_poll_t *poll, int fd, uv_poll_cb fn)
{
    int rc = fd < 0 ? -errno : uv_poll_init(&loop->uv, poll, fd);
    if (rc < 0)
        return rc;
    poll->data = loop;
    return uv_poll_start(poll, UV_READABLE, fn);
}

static int open_handles(struct mcu_loop *loop)
{
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int rc = watch(loop, &loop->wake_poll, loop->wake_fd, on_wake);
    if (rc < 0)
        return rc;
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    rc = watch(loop, &loop->timer_poll, loop->timer_fd, on_timerfd);
    if (rc < 0)
        return rc;
    uv_prepare_init(&loop->uv, &loop->before_poll); /* it and its start cannot fail */
    loop->before_poll.data = loop;
    uv_prepare_start(&loop->before_poll, before_poll);
    return 0;
}

int mcu_loop_new(struct mcu_loop **out, const char *name, bool manual)
{
    struct mcu_loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return -ENOMEM;
    snprintf(loop->name, sizeof(loop->name), "%s", name);
    loop->manual = manual;
    loop->tail = &loop->head;
    loop->first_tail = &loop->first_head;
    atomic_init(&loop->armed_ns, INT64_MAX);
    loop->wake_fd = loop->timer_fd = -1;
    pthread_mutex_init(&loop->lock, NULL);
    int rc = uv_loop_init(&loop->uv);
    if (rc < 0) {
        free(loop);
        return rc;
    }
    rc = open_handles(loop);
    if (rc < 0) {
        mcu_loop_free(&loop);
        return rc;
    }
    *out = loop;
    return 0;
}

static void *loop_thread(void *arg)
{
    struct mcu_loop *loop = arg;
    current = loop;
    pthread_setname_np(pthread_self(), loop->name);
    mcu_thread_be_prompt();
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    return NULL;
}

int mcu_loop_start(struct mcu_loop *loop)
{
    assert(!loop->manual && !loop->started);
    int rc = pthread_create(&loop->thread, NULL, loop_thread, loop);
    loop->started = rc == 0;
    return -rc;
}

void mcu_loop_stop(struct mcu_loop *loop)
{
    if (!loop->started)
        return;
    assert(!mcu_loop_is_current(loop));
    pthread_mutex_lock(&loop->lock);
    loop->stopping = true;
    pthread_mutex_unlock(&loop->lock);
    wake_up(loop);
    pthread_join(loop->thread, NULL);
    loop->started = false;
}

int mcu_loop_drain(struct mcu_loop *loop)
{
    int all = 0;
    assert(!loop->started);
    for (int n; (n = run_inbox(loop)) > 0;) /* what they sent each other too */
        all += n;
    return all;
}

void mcu_loop_free(struct mcu_loop **pp)
{
    struct mcu_loop *loop = *pp;
    *pp = NULL;
    if (!loop)
        return;
    mcu_loop_drain(loop);
    for (int i = 0; i < loop->signal_count; i++)
        uv_close((uv_handle_t *)&loop->signals[i]->handle, NULL);
    if (loop->wake_poll.data)
        uv_close((uv_handle_t *)&loop->wake_poll, NULL);
    if (loop->timer_poll.data)
        uv_close((uv_handle_t *)&loop->timer_poll, NULL);
    if (loop->before_poll.data)
        uv_close((uv_handle_t *)&loop->before_poll, NULL);
    /* Everybody else has closed his handles; what is left are their close callbacks. */
    for (int i = 0; i < 100 && uv_run(&loop->uv, UV_RUN_NOWAIT); i++)
        ;
    uv_loop_close(&loop->uv);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    if (loop->timer_fd >= 0)
        close(loop->timer_fd);
    for (int i = 0; i < loop->signal_count; i++)
        free(loop->signals[i]);
    pthread_mutex_destroy(&loop->lock);
    free(loop->heap);
    free(loop);
}

int64_t mcu_loop_now(const struct mcu_loop *loop)
{
    return loop->manual ? loop->manual_now_ns : mcu_clock_now_ns();
}

bool mcu_loop_is_current(const struct mcu_loop *loop)
{
    /* Before its start a loop belongs to the thread that made it. */
    return loop->manual || current == loop || !loop->started;
}

struct call {
    struct mcu_msg msg;
    void (*fn)(void *arg);
    void *arg;
    sem_t done;
};

static void run_call(struct mcu_msg *msg)
{
    struct call *call = mcu_container_of(msg, struct call, msg);
    call->fn(call->arg);
    sem_post(&call->done);
}

void mcu_loop_call(struct mcu_loop *loop, void (*fn)(void *arg), void *arg)
{
    if (loop->manual || !loop->started) {
        fn(arg);
        return;
    }
    assert(!mcu_loop_is_current(loop));
    struct call call = { .msg.fn = run_call, .fn = fn, .arg = arg };
    sem_init(&call.done, 0, 0);
    mcu_loop_send(loop, &call.msg);
    while (sem_wait(&call.done) < 0 && errno == EINTR)
        ;
    sem_destroy(&call.done);
}

int mcu_loop_step(struct mcu_loop *loop, int64_t now_ns)
{
    assert(loop->manual);
    int ran = run_inbox(loop);
    for (;;) {
        int64_t due = mcu_loop_next_due(loop);
        if (due > now_ns)
            break;
        if (due > loop->manual_now_ns)
            loop->manual_now_ns = due;
        ran += run_timers(loop, loop->manual_now_ns);
        ran += run_inbox(loop);
    }
    if (now_ns > loop->manual_now_ns)
        loop->manual_now_ns = now_ns;
    for (int n; (n = run_inbox(loop)) > 0;)
        ran += n;
    return ran;
}

int64_t mcu_loop_next_due(const struct mcu_loop *loop)
{
    return loop->heap_size ? loop->heap[0]->due_ns : INT64_MAX;
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct signal_handler *h = handle->data;
    h->fn(signum, h->arg);
}

int mcu_loop_on_signal(struct mcu_loop *loop, int signum, void (*fn)(int signum, void *arg),
                       void *arg)
{
    if (loop->signal_count == MAX_SIGNALS)
        return -ENOSPC;
    struct signal_handler *h = calloc(1, sizeof(*h));
    if (!h)
        return -ENOMEM;
    h->fn = fn;
    h->arg = arg;
    int rc = uv_signal_init(&loop->uv, &h->handle);
    if (rc < 0) {
        free(h);
        return rc;
    }
    h->handle.data = h;
    loop->signals[loop->signal_count++] = h;
    return uv_signal_start(&h->handle, on_signal, signum);
}

uv_loop_t *mcu_loop_uv(struct mcu_loop *loop)
{
    return &loop->uv;
}
