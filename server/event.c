#include "server/event.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/log.h"
#include "mixer/base/pool.h"
#include "net/loop.h"

#define MAX_LISTENERS 8
#define HISTORY       256
#define MAX_IN_FLIGHT 4096

struct event_msg {
    struct mcu_msg msg;
    struct mcu_bus *bus;
    struct mcu_event event;
};

struct mcu_bus {
    struct mcu_loop *control;
    struct mcu_pool *messages;
    uint64_t next_number; /* control loop */
    struct {
        mcu_event_cb cb;
        void *arg;
    } listeners[MAX_LISTENERS];
    int listener_count;
    struct mcu_event history[HISTORY]; /* control loop; ring by number of entries */
    uint64_t history_count;
};

static const char *const names[MCU_EVENT_COUNT] = {
#define MCU_EVENT_NAME(id, name) name,
    MCU_EVENTS(MCU_EVENT_NAME)
#undef MCU_EVENT_NAME
};

const char *mcu_event_name(enum mcu_event_type type)
{
    return names[type];
}

int mcu_bus_new(struct mcu_bus **out, struct mcu_loop *control)
{
    struct mcu_bus *bus = calloc(1, sizeof(*bus));
    if (!bus)
        return -ENOMEM;
    bus->control = control;
    int rc = mcu_pool_new(&bus->messages, sizeof(struct event_msg), 16, MAX_IN_FLIGHT);
    if (rc < 0) {
        free(bus);
        return rc;
    }
    *out = bus;
    return 0;
}

void mcu_bus_free(struct mcu_bus **pp)
{
    struct mcu_bus *bus = *pp;
    *pp = NULL;
    if (!bus)
        return;
    mcu_pool_free(&bus->messages);
    free(bus);
}

static void log_event(const struct mcu_event *e)
{
    char room[MCU_ROOM_MAX * 2];
    mcu_log(MCU_LOG_INFO, names[e->type], "event=%llu conference=%s participant=%u leg=%u%s%s",
            (unsigned long long)e->number, mcu_log_quote(room, sizeof(room), e->conference),
            e->participant, e->leg, e->detail[0] ? " " : "", e->detail);
}

static void deliver(struct mcu_msg *msg)
{
    struct event_msg *m = mcu_container_of(msg, struct event_msg, msg);
    struct mcu_bus *bus = m->bus;
    m->event.number = ++bus->next_number;
    bus->history[bus->history_count++ % HISTORY] = m->event;
    log_event(&m->event);
    for (int i = 0; i < bus->listener_count; i++)
        bus->listeners[i].cb(&m->event, bus->listeners[i].arg);
    mcu_pool_put(bus->messages, m);
}

void mcu_bus_emit(struct mcu_bus *bus, int64_t time_ns, enum mcu_event_type type,
                  const char *conference, uint32_t participant, uint32_t leg, const char *detail,
                  ...)
{
    struct event_msg *m = mcu_pool_get(bus->messages);
    if (!m)
        return;
    m->msg.fn = deliver;
    m->bus = bus;
    m->event.time_ns = time_ns;
    m->event.type = type;
    m->event.participant = participant;
    m->event.leg = leg;
    snprintf(m->event.conference, sizeof(m->event.conference), "%s", conference ? conference : "");
    m->event.detail[0] = '\0';
    if (detail) {
        va_list ap;
        va_start(ap, detail);
        vsnprintf(m->event.detail, sizeof(m->event.detail), detail, ap);
        va_end(ap);
    }
    mcu_loop_send(bus->control, &m->msg);
}

int mcu_bus_listen(struct mcu_bus *bus, mcu_event_cb cb, void *arg)
{
    if (bus->listener_count == MAX_LISTENERS)
        return -ENOSPC;
    bus->listeners[bus->listener_count].cb = cb;
    bus->listeners[bus->listener_count++].arg = arg;
    return 0;
}

int mcu_bus_history(const struct mcu_bus *bus, uint64_t after, struct mcu_event *out, int max)
{
    uint64_t first = bus->history_count > HISTORY ? bus->history_count - HISTORY : 0;
    int n = 0;
    for (uint64_t i = first; i < bus->history_count && n < max; i++)
        if (bus->history[i % HISTORY].number > after)
            out[n++] = bus->history[i % HISTORY];
    return n;
}
