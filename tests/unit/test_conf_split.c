/* The sound of a large room is done by several runners: with the same result, and waiting for nobody. */
#include "tests/unit/count_alloc.h"
#include "tests/unit/conf_rig.h"

#include <semaphore.h>

#include "mixer/base/hash.h"
#include "server/conf_priv.h" /* to split a small room, and to know when a job is done */

#define LEGS 16
#define MS   1200

/* What each leg was sent, as one number. */
struct sent {
    uint64_t hash[LEGS];
    int count[LEGS];
};

static struct sent *sent; /* of the run */

static void hash(uint64_t *h, const void *data, size_t size)
{
    *h = mcu_fnv1a(*h, data, size);
}

static void on_sent(const struct mcu_sink *sink, int role, struct mcu_unit *u)
{
    const struct rig_leg *l = sink->arg;
    uint64_t *h = &sent->hash[l->join.leg - 1];
    if (role != MCU_ROLE_AUDIO)
        return;
    hash(h, u->data, u->size);
    hash(h, &u->time_ns, sizeof(u->time_ns));
    hash(h, u->csrc, sizeof(u->csrc[0]) * u->csrc_count);
    hash(h, u->csrc_level, u->csrc_count);
    sent->count[l->join.leg - 1]++;
}

static void settle(struct rig *r)
{
    while (r->conf->audio.job_running) {
        rig_nap();
        mcu_loop_step(r->loop, r->now_ns);
    }
}

static void run_settled(struct rig *r, int ms)
{
    for (int at = 0; at < ms; at += 5) {
        rig_step(r);
        settle(r);
    }
}

/* cores 0: no threads, and one job. Otherwise all of them help with each tick. */
static void open_room(struct rig *r, int cores)
{
    static const enum mcu_codec codecs[] = { MCU_CODEC_OPUS, MCU_CODEC_PCMU, MCU_CODEC_G722,
                                             MCU_CODEC_PCMA, MCU_CODEC_OPUS };
    rig_open_cores(r, cores, cores == 0);
    rig_start(r);
    r->conf->audio.split_ns = cores ? 0 : INT64_MAX;
    for (int i = 0; i < LEGS; i++) {
        struct rig_leg *l = rig_leg(r, codecs[i % 5]);
        l->join.sink.unit = on_sent;
        l->speaks = codecs[(i + 1) % 5];
        l->amplitude = 500 + 100 * i;
        rig_join(l);
    }
}

/* All speak, some fall silent and speak again, packets are lost, one leaves. */
static void run_room(int cores, struct sent *out, struct mcu_workers_stats *stats)
{
    static struct rig r;
    memset(out, 0, sizeof(*out));
    sent = out;
    open_room(&r, cores);
    run_settled(&r, MS / 3);
    for (int i = 0; i < LEGS; i += 3)
        r.legs[i]->speaks = MCU_CODEC_NONE;
    for (int i = 0; i < LEGS; i += 5)
        r.legs[i]->seq += 2;
    run_settled(&r, MS / 3);
    for (int i = 0; i < LEGS; i += 3)
        r.legs[i]->speaks = MCU_CODEC_OPUS;
    rig_leave(r.legs[7]);
    run_settled(&r, MS / 3);
    while (mcu_help_is_out(&r.conf->audio.help)) {
        rig_nap();
        mcu_loop_step(r.loop, r.now_ns);
    }
    mcu_workers_get_stats(r.workers, stats);
    /* What helpers took is part of what the room cost. */
    if (cores)
        assert_int_equal(rig_info(&r).audio_cpu_ns, stats->cpu_ns[MCU_JOB_AUDIO]);
    rig_close(&r);
}

static void packets_are_the_same_whoever_made_them(void **state)
{
    static struct sent four, one, alone;
    struct mcu_workers_stats stats;
    run_room(4, &four, &stats); /* first: libuv's pool stays as large as it was made */
    assert_true(stats.jobs[MCU_JOB_AUDIO] > 2 * MS / 20); /* helpers came */
    run_room(1, &one, &stats);
    assert_int_equal(stats.jobs[MCU_JOB_AUDIO], MS / 20);
    run_room(0, &alone, &stats);
    for (int i = 0; i < LEGS; i++) {
        assert_int_equal(alone.count[i], i == 7 ? MS * 2 / 3 / 20 : MS / 20);
        assert_int_equal(four.count[i], alone.count[i]);
        assert_true(four.hash[i] == alone.hash[i]);
        assert_true(one.hash[i] == alone.hash[i]);
    }
}

static void a_small_room_asks_for_no_help(void **state)
{
    static struct sent out;
    static struct rig r;
    struct mcu_workers_stats stats;
    sent = &out;
    open_room(&r, 4);
    r.conf->audio.split_ns = 1000 * MCU_NS_PER_S;
    run_settled(&r, 400);
    mcu_workers_get_stats(r.workers, &stats);
    assert_int_equal(stats.jobs[MCU_JOB_AUDIO], 20);
    rig_close(&r);
}

static void a_warm_room_does_not_allocate(void **state)
{
    static struct sent out;
    static struct rig r;
    sent = &out;
    open_room(&r, 4);
    run_settled(&r, 1000);
    long before = allocations;
    run_settled(&r, 500);
    assert_int_equal(allocations, before);
    rig_close(&r);
}

/* ---- no helper comes ---- */

struct blocker {
    struct mcu_job job;
    struct mcu_strand strand;
    sem_t *go;
    atomic_int *begun;
};

static void block(struct mcu_job *job)
{
    struct blocker *b = mcu_container_of(job, struct blocker, job);
    atomic_fetch_add(b->begun, 1);
    sem_wait(b->go);
}

static void unblocked(struct mcu_job *job)
{
}

/* The room has one runner of five; its helpers stand in the queue behind it, also when it ends. */
static void nobody_waits_for_helpers_that_do_not_come(void **state)
{
    static struct sent out;
    static struct rig r;
    static struct blocker b[4];
    sem_t go;
    atomic_int begun = 0;
    bool gone = false;
    sem_init(&go, 0, 0);
    sent = &out;
    memset(&out, 0, sizeof(out));
    open_room(&r, 4);
    for (int i = 0; i < 4; i++) {
        b[i] = (struct blocker){ .go = &go, .begun = &begun };
        b[i].job = (struct mcu_job){ .home = r.loop, .run = block, .done = unblocked };
        mcu_strand_init(&b[i].strand, r.workers, MCU_JOB_AUDIO);
        mcu_strand_push(&b[i].strand, &b[i].job);
    }
    while (atomic_load(&begun) < 4)
        rig_nap();
    run_settled(&r, 100);
    for (int i = 0; i < LEGS; i++)
        assert_int_equal(out.count[i], 5);
    mcu_conf_end(r.conf, rig_conf_ended, &gone);
    r.conf = NULL;
    for (int i = 0; i < 4; i++)
        sem_post(&go);
    for (int i = 0; i < 50000 && !gone; i++) {
        rig_nap();
        mcu_loop_step(r.loop, r.now_ns);
    }
    assert_true(gone);
    rig_close(&r);
    sem_destroy(&go);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_the_same_whoever_made_them),
        cmocka_unit_test(a_small_room_asks_for_no_help),
        cmocka_unit_test(a_warm_room_does_not_allocate),
        cmocka_unit_test(nobody_waits_for_helpers_that_do_not_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
