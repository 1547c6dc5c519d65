#include "net/glib_pump.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "mixer/base/util.h"
#include "net/loop_priv.h"

#define EVENTS_A_ROUND 128 /* more than that stay pending: the set is level-triggered */
#define HANDLES        4

/* What the set holds for one descriptor. seen: the round of the last query that named it. */
struct watch {
    bool used;
    uint32_t events;  /* as given to epoll */
    uint32_t revents; /* of this round */
    uint64_t seen;
};

struct mcu_glib_pump {
    GMainContext *context;
    enum mcu_counter rearmed;
    int epoll_fd;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_timer_t timer;
    uv_poll_t poll;
    int open_handles;

    GPollFD *polls; /* of the last query */
    int polls_used, polls_capacity;
    gint priority;
    struct watch *watches; /* by descriptor */
    int watches_capacity;
    int *fds; /* the descriptors in the set */
    int fds_used, fds_capacity;
    uint64_t round;
    bool dispatched; /* since the last sync: a number may stand for another file now */
    bool lazy, files_change;
    bool due;   /* lazy: something of this context is ready, in this round */
    bool stale; /* lazy: the list of the last query may be wrong */
    struct mcu_glib_pump_files files;
    void (*begin)(void *arg), (*end)(void *arg); /* of a dispatch; may be NULL */
    void *turns_arg;
};

/* GLib's and epoll's bits are both poll(2)'s on Linux, where this runs. */
static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLERR == POLLERR &&
                  EPOLLHUP == POLLHUP && EPOLLPRI == POLLPRI,
              "epoll and poll name events alike");
static_assert(G_IO_IN == POLLIN && G_IO_OUT == POLLOUT && G_IO_ERR == POLLERR, "so does GLib");

/* Memory so short that a list of descriptors cannot grow leaves a server nothing to do but end:
 * a socket that is silently not watched is worse than a restart. */
static void *grow(void *p, int *capacity, int wanted, size_t size)
{
    int n = mcu_max(wanted, *capacity ? *capacity * 2 : 64);
    p = realloc(p, (size_t)n * size);
    if (!p)
        abort();
    memset((char *)p + (size_t)*capacity * size, 0, (size_t)(n - *capacity) * size);
    *capacity = n;
    return p;
}

static struct watch *watch_of(struct mcu_glib_pump *pump, int fd)
{
    if (fd >= pump->watches_capacity)
        pump->watches = grow(pump->watches, &pump->watches_capacity, fd + 1, sizeof(struct watch));
    return &pump->watches[fd];
}

static int control(struct mcu_glib_pump *pump, int op, int fd, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };
    return epoll_ctl(pump->epoll_fd, op, fd, &event) < 0 ? -errno : 0;
}

static void tell(const struct mcu_glib_pump *pump, void (*fn)(int fd, void *arg), int fd)
{
    if (fn)
        fn(fd, pump->files.arg);
}

static void add(struct mcu_glib_pump *pump, int fd, struct watch *w)
{
    *w = (struct watch){ .used = true, .seen = pump->round };
    if (pump->fds_used == pump->fds_capacity)
        pump->fds = grow(pump->fds, &pump->fds_capacity, pump->fds_used + 1, sizeof(int));
    pump->fds[pump->fds_used++] = fd;
    control(pump, EPOLL_CTL_ADD, fd, 0);
    tell(pump, pump->files.opened, fd);
}

/* The kernel drops a closed file from the set by itself; a new file of the same number is then
 * unknown to it, and only asking shows that. */
static void set_events(struct mcu_glib_pump *pump, int fd, struct watch *w, uint32_t events)
{
    if (events == w->events && !pump->dispatched)
        return;
    if (control(pump, EPOLL_CTL_MOD, fd, events) == -ENOENT) {
        control(pump, EPOLL_CTL_ADD, fd, events);
        mcu_count(pump->rearmed);
        tell(pump, pump->files.closed, fd);
        tell(pump, pump->files.opened, fd);
    }
    w->events = events;
}

static void drop_unseen(struct mcu_glib_pump *pump)
{
    int kept = 0;
    for (int i = 0; i < pump->fds_used; i++) {
        int fd = pump->fds[i];
        struct watch *w = &pump->watches[fd];
        if (w->seen == pump->round) {
            pump->fds[kept++] = fd;
            continue;
        }
        control(pump, EPOLL_CTL_DEL, fd, 0); /* closed already: the kernel did it */
        w->used = false;
        tell(pump, pump->files.closed, fd);
    }
    pump->fds_used = kept;
}

/* Makes the set like the list of the last query. */
static void sync_set(struct mcu_glib_pump *pump)
{
    pump->round++;
    for (int i = 0; i < pump->polls_used; i++) {
        const GPollFD *p = &pump->polls[i];
        struct watch *w = watch_of(pump, p->fd);
        if (!w->used)
            add(pump, p->fd, w);
        w->seen = pump->round;
        /* Two records of one descriptor share its place in the set. */
        w->revents |= p->events;
    }
    drop_unseen(pump);
    for (int i = 0; i < pump->fds_used; i++) {
        struct watch *w = &pump->watches[pump->fds[i]];
        uint32_t events = w->revents & (EPOLLIN | EPOLLOUT | EPOLLPRI);
        w->revents = 0;
        set_events(pump, pump->fds[i], w, events);
    }
    pump->dispatched = false;
}

/* Both end the wait: on_check reads the set. A timeout that has come is asked for anew, so that the
 * wait of this round is none. */
static void on_timer(uv_timer_t *timer)
{
    struct mcu_glib_pump *pump = timer->data;
    pump->due = pump->stale = true;
}

static void on_set_ready(uv_poll_t *poll, int status, int events)
{
    struct mcu_glib_pump *pump = poll->data;
    pump->due = true;
}

static void on_prepare(uv_prepare_t *handle)
{
    struct mcu_glib_pump *pump = handle->data;
    gint timeout_ms = -1;
    if (pump->lazy && !pump->stale)
        return;
    pump->stale = false;
    g_main_context_prepare(pump->context, &pump->priority);
    for (;;) {
        int n = g_main_context_query(pump->context, pump->priority, &timeout_ms, pump->polls,
                                     pump->polls_capacity);
        pump->polls_used = mcu_min(n, pump->polls_capacity);
        if (n <= pump->polls_capacity)
            break;
        pump->polls = grow(pump->polls, &pump->polls_capacity, n, sizeof(GPollFD));
    }
    sync_set(pump);
    if (timeout_ms < 0)
        uv_timer_stop(&pump->timer);
    else
        uv_timer_start(&pump->timer, on_timer, (uint64_t)timeout_ms, 0);
}

static void collect(struct mcu_glib_pump *pump)
{
    struct epoll_event events[EVENTS_A_ROUND];
    int n = epoll_wait(pump->epoll_fd, events, EVENTS_A_ROUND, 0);
    for (int i = 0; i < n; i++) {
        struct watch *w = &pump->watches[events[i].data.fd];
        w->revents = events[i].events;
        if (w->revents & EPOLLERR)
            mcu_count(pump->rearmed);
        if (w->revents & EPOLLIN)
            tell(pump, pump->files.ready, events[i].data.fd);
    }
    for (int i = 0; i < pump->polls_used; i++) {
        GPollFD *p = &pump->polls[i];
        uint32_t wanted = (uint32_t)p->events | EPOLLERR | EPOLLHUP;
        p->revents = (gushort)(pump->watches[p->fd].revents & wanted);
    }
    for (int i = 0; i < n; i++)
        pump->watches[events[i].data.fd].revents = 0;
}

static void on_check(uv_check_t *handle)
{
    struct mcu_glib_pump *pump = handle->data;
    if (!pump->polls_used)
        return; /* made in this round: GLib wants to be asked before it is told */
    if (pump->lazy && !pump->due)
        return;
    pump->due = false;
    pump->stale = true; /* also where GLib has nothing to dispatch: its list changed meanwhile */
    collect(pump);
    if (!g_main_context_check(pump->context, pump->priority, pump->polls, pump->polls_used))
        return;
    if (pump->begin)
        pump->begin(pump->turns_arg);
    g_main_context_dispatch(pump->context);
    if (pump->end)
        pump->end(pump->turns_arg);
    pump->dispatched |= !pump->lazy || pump->files_change;
}

static void release(struct mcu_glib_pump *pump)
{
    if (pump->epoll_fd >= 0)
        close(pump->epoll_fd);
    free(pump->polls);
    free(pump->watches);
    free(pump->fds);
    free(pump);
}

static void on_closed(uv_handle_t *handle)
{
    struct mcu_glib_pump *pump = handle->data;
    if (--pump->open_handles == 0)
        release(pump);
}

int mcu_glib_pump_new(struct mcu_glib_pump **out, struct mcu_loop *loop, GMainContext *context,
                      enum mcu_counter rearmed)
{
    assert(mcu_loop_is_current(loop));
    struct mcu_glib_pump *pump = calloc(1, sizeof(*pump));
    if (!pump)
        return -ENOMEM;
    uv_loop_t *uv = mcu_loop_uv(loop);
    pump->context = context;
    pump->rearmed = rearmed;
    pump->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int rc = pump->epoll_fd < 0 ? -errno : uv_poll_init(uv, &pump->poll, pump->epoll_fd);
    if (rc < 0 || !g_main_context_acquire(context)) {
        /* A failed uv_poll_init has registered nothing; after a good one this cannot happen but by
         * a mistake of ours, the context being another thread's. */
        assert(rc < 0);
        release(pump);
        return rc < 0 ? rc : -EBUSY;
    }
    uv_prepare_init(uv, &pump->prepare);
    uv_check_init(uv, &pump->check);
    uv_timer_init(uv, &pump->timer);
    pump->prepare.data = pump->check.data = pump->timer.data = pump->poll.data = pump;
    pump->open_handles = HANDLES;
    uv_prepare_start(&pump->prepare, on_prepare);
    uv_check_start(&pump->check, on_check);
    uv_poll_start(&pump->poll, UV_READABLE, on_set_ready);
    *out = pump;
    return 0;
}

void mcu_glib_pump_set_lazy(struct mcu_glib_pump *pump, bool files_change)
{
    pump->lazy = true;
    pump->files_change = files_change;
    mcu_glib_pump_kick(pump);
}

void mcu_glib_pump_kick(struct mcu_glib_pump *pump)
{
    pump->stale = true;
    pump->dispatched = true;
}

void mcu_glib_pump_watch_files(struct mcu_glib_pump *pump, const struct mcu_glib_pump_files *files)
{
    pump->files = *files;
}

void mcu_glib_pump_set_turns(struct mcu_glib_pump *pump, void (*begin)(void *arg),
                             void (*end)(void *arg), void *arg)
{
    pump->begin = begin;
    pump->end = end;
    pump->turns_arg = arg;
}

void mcu_glib_pump_free(struct mcu_glib_pump **pp)
{
    struct mcu_glib_pump *pump = *pp;
    *pp = NULL;
    if (!pump)
        return;
    g_main_context_release(pump->context);
    uv_close((uv_handle_t *)&pump->prepare, on_closed);
    uv_close((uv_handle_t *)&pump->check, on_closed);
    uv_close((uv_handle_t *)&pump->timer, on_closed);
    uv_close((uv_handle_t *)&pump->poll, on_closed);
}
