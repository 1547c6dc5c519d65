#include "server/media.h"

#include <errno.h>
#include <stdlib.h>

#include "mixer/base/counter.h"
#include "mixer/base/pool.h"
#include "mixer/base/util.h"

#define MAX_MESSAGES 65536

struct media_msg {
    struct mcu_msg msg;
    struct mcu_ref to;
    size_t table;
    mcu_media_fn fn;
    int line;
    struct mcu_unit *unit;
};

int mcu_media_init(struct mcu_media *media, struct mcu_loop *loop, int index,
                   struct mcu_workers *workers, struct mcu_bus *bus)
{
    *media = (struct mcu_media){ .loop = loop, .index = index, .workers = workers, .bus = bus };
    return mcu_pool_new(&media->messages, sizeof(struct media_msg), 64, MAX_MESSAGES);
}

void mcu_media_deinit(struct mcu_media *media)
{
    mcu_pool_free(&media->messages);
    mcu_image_unref(&media->logo);
    mcu_handle_table_deinit(&media->conferences);
    mcu_handle_table_deinit(&media->conf_legs);
    mcu_handle_table_deinit(&media->legs);
}

static void call(struct mcu_ref to, size_t table, mcu_media_fn fn, int line, struct mcu_unit *unit)
{
    const struct mcu_handle_table *t =
        (const struct mcu_handle_table *)((const char *)to.media + table);
    void *obj = mcu_handle_get(t, to.handle);
    if (obj)
        fn(obj, line, unit);
    else
        mcu_count(MCU_CNT_STALE_HANDLES);
}

static void deliver(struct mcu_msg *msg)
{
    struct media_msg *m = mcu_container_of(msg, struct media_msg, msg);
    struct mcu_pool *pool = m->to.media->messages;
    call(m->to, m->table, m->fn, m->line, m->unit);
    mcu_unit_unref(&m->unit);
    mcu_pool_put(pool, m);
}

void mcu_media_post(struct mcu_ref to, size_t table, mcu_media_fn fn, int line,
                    struct mcu_unit *unit)
{
    if (mcu_loop_is_current(to.media->loop)) {
        call(to, table, fn, line, unit);
        return;
    }
    struct media_msg *m = mcu_pool_get(to.media->messages);
    if (!m) {
        mcu_count(MCU_CNT_MESSAGES_DROPPED);
        return;
    }
    *m = (struct media_msg){ .msg.fn = deliver, .to = to, .table = table, .fn = fn, .line = line,
                             .unit = unit ? mcu_unit_ref(unit) : NULL };
    if (unit && mcu_codec_info(unit->codec)->kind == MCU_AUDIO)
        mcu_loop_send_first(to.media->loop, &m->msg);
    else
        mcu_loop_send(to.media->loop, &m->msg);
}

struct call_msg {
    struct mcu_msg msg;
    void (*fn)(void *arg);
    void *arg;
};

static void run_call(struct mcu_msg *msg)
{
    struct call_msg *m = mcu_container_of(msg, struct call_msg, msg);
    void (*fn)(void *) = m->fn;
    void *arg = m->arg;
    free(m);
    fn(arg);
}

void mcu_post_call(struct mcu_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct call_msg *m = malloc(sizeof(*m));
    if (!m)
        abort();
    *m = (struct call_msg){ .msg.fn = run_call, .fn = fn, .arg = arg };
    mcu_loop_send(loop, &m->msg);
}
