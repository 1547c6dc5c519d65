#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "mixer/base/log.h"
#include "mixer/base/util.h"
#include "net/ice_intake.h"
#include "net/ice_priv.h"

#define AGENTS_PER_CONTEXT 16
#define FAREWELL_NS        (300 * MCU_NS_PER_MS)

struct mcu_ice_loop {
    struct mcu_loop *loop;
    int agents_per_context;
    struct mcu_ice_group *groups;
};

/* GLib and the libraries on it complain to stderr by themselves; it becomes one of our lines. */
static void log_line(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer arg)
{
    static struct mcu_log_limit limit;
    char quoted[512];
    bool serious = level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
    mcu_log_limited(&limit, serious ? MCU_LOG_WARN : MCU_LOG_DEBUG, "glib", "domain=%s text=%s",
                    domain ? domain : "-", mcu_log_quote(quoted, sizeof(quoted), text));
}

static void redirect_logs(void)
{
    g_log_set_default_handler(log_line, NULL);
}

int mcu_ice_loop_new(struct mcu_ice_loop **out, struct mcu_loop *loop, int agents_per_context)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    assert(mcu_loop_is_current(loop));
    pthread_once(&once, redirect_logs);
    struct mcu_ice_loop *owner = calloc(1, sizeof(*owner));
    if (!owner)
        return -ENOMEM;
    owner->loop = loop;
    owner->agents_per_context = agents_per_context ? agents_per_context : AGENTS_PER_CONTEXT;
    *out = owner;
    return 0;
}

static void unlink_group(struct mcu_ice_group *group)
{
    struct mcu_ice_group **at = &group->owner->groups;
    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
    group->owner = NULL;
}

static void end_group(struct mcu_ice_group *group)
{
    unlink_group(group);
    mcu_glib_pump_free(&group->pump);
    g_main_context_unref(group->context);
}

static void on_reap(struct mcu_msg *msg)
{
    struct mcu_ice_group *group = mcu_container_of(msg, struct mcu_ice_group, reap);
    group->reaping = false;
    if (group->owner && group->agents)
        return;
    if (group->owner)
        end_group(group);
    free(group);
}

static void begin_turn(void *arg)
{
    mcu_ice_intake_begin(mcu_ice_see_stun, arg);
}

static void end_turn(void *arg)
{
    mcu_ice_intake_end();
}

static int new_group(struct mcu_ice_loop *owner, struct mcu_ice_group **out)
{
    struct mcu_ice_group *group = calloc(1, sizeof(*group));
    if (!group)
        return -ENOMEM;
    group->context = g_main_context_new();
    int rc = mcu_glib_pump_new(&group->pump, owner->loop, group->context, MCU_CNT_ICE_SOCKET_REARMED);
    if (rc < 0) {
        g_main_context_unref(group->context);
        free(group);
        return rc;
    }
    mcu_glib_pump_set_turns(group->pump, begin_turn, end_turn, group);
    group->reap.fn = on_reap;
    group->owner = owner;
    group->next = owner->groups;
    owner->groups = group;
    *out = group;
    return 0;
}

struct mcu_ice_group *mcu_ice_group_join(struct mcu_ice_loop *owner, bool files_change)
{
    struct mcu_ice_group *group = owner->groups;
    assert(mcu_loop_is_current(owner->loop));
    while (group && group->agents >= owner->agents_per_context)
        group = group->next;
    if (!group && new_group(owner, &group) < 0)
        return NULL;
    if (files_change || !group->agents)
        mcu_glib_pump_set_lazy(group->pump, files_change);
    group->agents++;
    return group;
}

void mcu_ice_group_leave(struct mcu_ice_group *group)
{
    if (--group->agents || group->reaping)
        return;
    group->reaping = true;
    mcu_loop_send(group->owner->loop, &group->reap);
}

struct mcu_loop *mcu_ice_group_loop(const struct mcu_ice_group *group)
{
    return group->owner->loop;
}

/* Agents that were freed and wait for a TURN server leave when it has answered. */
static void say_farewell(struct mcu_ice_group *group)
{
    int64_t end = mcu_clock_now_ns() + FAREWELL_NS;
    while (group->agents && mcu_clock_now_ns() < end)
        if (!g_main_context_iteration(group->context, FALSE))
            usleep(1000);
}

void mcu_ice_loop_free(struct mcu_ice_loop **pp)
{
    struct mcu_ice_loop *owner = *pp;
    *pp = NULL;
    if (!owner)
        return;
    assert(mcu_loop_is_current(owner->loop));
    while (owner->groups) {
        struct mcu_ice_group *group = owner->groups;
        say_farewell(group);
        end_group(group);
        if (!group->reaping && !group->agents)
            free(group);
    }
    free(owner);
}
