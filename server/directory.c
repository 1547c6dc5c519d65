#include "server/directory.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "server/conf.h"

struct finder {
    struct finder *next;
    struct mcu_directory *directory;
    struct mcu_room *room;
    int error;
    mcu_directory_cb cb;
    void *arg;
};

struct mcu_room {
    struct mcu_room *next;
    struct mcu_directory *directory;
    char name[MCU_ROOM_MAX];
    struct mcu_media *media;
    struct mcu_conf *conf;   /* its loop's; the control loop only carries it */
    struct mcu_ref ref;
    bool ready;
    int users;
    _Atomic unsigned layouts; /* the conference's word */
    struct finder *waiting, **last_waiting;
    struct mcu_config config; /* for its creation */
    int error;
};

struct mcu_directory {
    struct mcu_loop *control;
    struct mcu_media *const *media;
    int media_count;
    const struct mcu_config *config;
    struct mcu_room *rooms;
    int room_count, alive;
    struct mcu_timer tidy;
};

/* Some seconds after conferences have ended: what their codecs, and libnice and OpenSSL of their legs, held
 * lies free in the allocator's arenas, in between what lives on. Without this, 4000 calls with pictures left
 * 290 MB of which 75 were in use, and 200 browsers 78 MB instead of 48. */
#define TIDY_AFTER_NS (5 * MCU_NS_PER_S)

static void tidy(struct mcu_timer *timer)
{
    malloc_trim(0);
}

int mcu_directory_new(struct mcu_directory **out, struct mcu_loop *control,
                      struct mcu_media *const *media, int media_count,
                      const struct mcu_config *config)
{
    struct mcu_directory *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->control = control;
    d->media = media;
    d->media_count = media_count;
    d->config = config;
    mcu_timer_init(&d->tidy, control, tidy);
    *out = d;
    return 0;
}

void mcu_directory_free(struct mcu_directory **dp)
{
    if (*dp)
        mcu_timer_stop(&(*dp)->tidy);
    free(*dp);
    *dp = NULL;
}

struct mcu_media *mcu_directory_place_leg(struct mcu_directory *d)
{
    struct mcu_media *best = d->media[0];
    for (int i = 1; i < d->media_count; i++)
        if (atomic_load(&d->media[i]->leg_load) < atomic_load(&best->leg_load))
            best = d->media[i];
    return best;
}

static struct mcu_media *place_conference(struct mcu_directory *d)
{
    struct mcu_media *best = d->media[0];
    for (int i = 1; i < d->media_count; i++)
        if (atomic_load(&d->media[i]->conf_load) < atomic_load(&best->conf_load))
            best = d->media[i];
    return best;
}

/* ---- answers ---- */

static void answer(void *arg)
{
    struct finder *f = arg;
    struct mcu_room *room = f->error ? NULL : f->room;
    struct mcu_ref ref = room ? room->ref : (struct mcu_ref){ 0 };
    f->cb(f->error, room, ref, f->arg);
    free(f);
}

static void answer_waiting(struct mcu_room *room)
{
    while (room->waiting) {
        struct finder *f = room->waiting;
        room->waiting = f->next;
        f->error = room->error;
        if (room->error)
            room->users--;
        answer(f);
    }
}

/* ---- creation: control > media loop > control ---- */

static void unlink_room(struct mcu_room *room)
{
    struct mcu_room **p = &room->directory->rooms;
    while (*p && *p != room)
        p = &(*p)->next;
    if (*p)
        *p = room->next;
    room->directory->room_count--;
}

static void created(void *arg)
{
    struct mcu_room *room = arg;
    room->ready = true;
    if (!room->error) {
        answer_waiting(room);
        return;
    }
    unlink_room(room); /* first: who asks again from within the answer must not find it */
    answer_waiting(room);
    atomic_fetch_sub(&room->media->conf_load, 1);
    room->directory->alive--;
    free(room);
}

static void create_there(void *arg)
{
    struct mcu_room *room = arg;
    room->error = mcu_conf_new(&room->conf, room->media, room->name, &room->config);
    if (room->error == 0)
        room->ref = (struct mcu_ref){ room->media, mcu_conf_handle(room->conf) };
    if (room->error == 0)
        mcu_conf_tell_layouts(room->conf, &room->layouts);
    mcu_post_call(room->directory->control, created, room);
}

static struct mcu_room *create(struct mcu_directory *d, const char *name)
{
    struct mcu_room *room = calloc(1, sizeof(*room));
    if (!room)
        return NULL;
    room->directory = d;
    room->media = place_conference(d);
    room->config = *d->config;
    room->last_waiting = &room->waiting;
    snprintf(room->name, sizeof(room->name), "%s", name);
    room->next = d->rooms;
    d->rooms = room;
    d->room_count++;
    d->alive++;
    atomic_fetch_add(&room->media->conf_load, 1);
    mcu_post_call(room->media->loop, create_there, room);
    return room;
}

void mcu_directory_find(struct mcu_directory *d, const char *name, mcu_directory_cb cb, void *arg)
{
    struct finder *f = calloc(1, sizeof(*f));
    if (!f)
        abort();
    *f = (struct finder){ .directory = d, .cb = cb, .arg = arg };
    for (f->room = d->rooms; f->room && strcmp(f->room->name, name) != 0;)
        f->room = f->room->next;
    if (f->room ? f->room->users >= d->config->max_legs_per_conference
                : d->room_count >= d->config->max_conferences)
        f->error = -EBUSY;
    else if (!f->room && !(f->room = create(d, name)))
        f->error = -ENOMEM;
    if (!f->error)
        f->room->users++;
    if (f->error || f->room->ready) {
        mcu_post_call(d->control, answer, f);
    } else {
        *f->room->last_waiting = f;
        f->room->last_waiting = &f->next;
    }
}

int mcu_directory_users(const struct mcu_room *room)
{
    return room->users;
}

unsigned mcu_directory_layouts(const struct mcu_room *room)
{
    return atomic_load_explicit(&room->layouts, memory_order_relaxed);
}

/* ---- the end ---- */

static void tidy_later(struct mcu_directory *d)
{
    if (!mcu_timer_running(&d->tidy))
        mcu_timer_start(&d->tidy, mcu_loop_now(d->control) + TIDY_AFTER_NS);
}

static void gone(void *arg)
{
    struct mcu_room *room = arg;
    atomic_fetch_sub(&room->media->conf_load, 1);
    room->directory->alive--;
    tidy_later(room->directory);
    free(room);
}

static void ended_there(void *arg)
{
    struct mcu_room *room = arg;
    mcu_post_call(room->directory->control, gone, room);
}

static void end_there(void *arg)
{
    struct mcu_room *room = arg;
    mcu_conf_end(room->conf, ended_there, room);
}

void mcu_directory_release(struct mcu_directory *d, struct mcu_room **rp)
{
    struct mcu_room *room = *rp;
    *rp = NULL;
    if (!room || --room->users > 0)
        return;
    unlink_room(room);
    mcu_post_call(room->media->loop, end_there, room);
}

/* ---- the rest ---- */

struct reload {
    struct mcu_ref ref;
    struct mcu_config config;
};

static void reload_there(void *arg)
{
    struct reload *r = arg;
    struct mcu_conf *conf = mcu_handle_get(&r->ref.media->conferences, r->ref.handle);
    if (conf)
        mcu_conf_set_config(conf, &r->config);
    free(r);
}

void mcu_directory_reload(struct mcu_directory *d)
{
    for (struct mcu_room *room = d->rooms; room; room = room->next) {
        struct reload *r = room->ready ? malloc(sizeof(*r)) : NULL;
        if (!r)
            continue;
        *r = (struct reload){ room->ref, *d->config };
        mcu_post_call(room->media->loop, reload_there, r);
    }
}

int mcu_directory_alive(const struct mcu_directory *d)
{
    return d->alive;
}
