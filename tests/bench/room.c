/* tests/bench/room.c - what the sound job of one room costs, without sockets: us of a core for each
 * caller and tick. One JSON object a line.
 *
 *   bench_room [CODEC CALLERS SPEAK [CORES]]
 *
 * Those who do not speak send the noise of a quiet room, as in the rows of scripts/bench. CORES 0 (the
 * default): one job on the caller's thread, so that callgrind and perf see nothing else. Else workers
 * of so many cores, and how long a tick takes with their help and without. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/aenc.h"
#include "mixer/base/clock.h"
#include "server/conf_priv.h"

#define CLIP  50  /* packets, gone round */
#define WARM  100 /* ticks */
#define TICKS 400

struct caller {
    struct mcu_conf_leg *leg;
    const struct clip *clip;
    uint32_t ssrc;
    int at;
};

struct clip {
    uint8_t data[CLIP][400];
    int size[CLIP];
};

static struct room {
    struct mcu_loop *loop;
    struct mcu_workers *workers;
    struct mcu_bus *bus;
    struct mcu_media media;
    struct mcu_config config;
    struct mcu_conf *conf;
    struct caller *caller;
    int callers;
    int64_t now_ns, tick;
    enum mcu_codec codec;
    int64_t wall_ns; /* of jobs */
} room;

static void on_unit(const struct mcu_sink *sink, int role, struct mcu_unit *unit)
{
}

static void on_ask(const struct mcu_sink *sink, int role)
{
}

static void check(int rc, const char *what)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, strerror(-rc));
    exit(1);
}

/* A voice: syllables of a tone and its harmonics, four a second; or noise at -65 dBFS. */
static int16_t sample(bool voice, int i)
{
    double t = (double)i / MCU_PCM_RATE_HZ;
    if (!voice)
        return (int16_t)(rand() % 73 - 36);
    double tone = sin(2 * M_PI * 170 * t) + 0.5 * sin(2 * M_PI * 510 * t) + 0.2 * sin(2 * M_PI * 1530 * t);
    return (int16_t)(6000 * tone * fabs(sin(2 * M_PI * 2 * t)));
}

static void make_clip(struct clip *c, enum mcu_codec codec, bool voice)
{
    struct mcu_aenc_config config = { .codec = codec, .channels = 1, .frame_ms = 20, .complexity = -1 };
    struct mcu_aenc *enc;
    check(mcu_aenc_new(&enc, &config), "encoder");
    for (int k = 0; k < CLIP; k++) {
        int16_t pcm[MCU_PCM_TICK_FRAMES];
        uint8_t data[MCU_AENC_MAX_BYTES];
        for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++)
            pcm[i] = sample(voice, k * MCU_PCM_TICK_FRAMES + i);
        c->size[k] = mcu_aenc_encode(enc, pcm, 1, false, data);
        memcpy(c->data[k], data, (size_t)c->size[k]);
    }
    mcu_aenc_free(&enc);
}

static void send_packet(struct caller *c)
{
    int k = c->at++;
    struct mcu_unit *u = mcu_unit_new((size_t)c->clip->size[k % CLIP]);
    u->size = (size_t)c->clip->size[k % CLIP];
    memcpy(u->data, c->clip->data[k % CLIP], u->size);
    u->codec = room.codec;
    u->time_ns = u->sent_ns = room.now_ns;
    u->duration_ns = MCU_PCM_TICK_NS;
    u->delay_ms = 12;
    u->play_ns = room.now_ns + 12 * MCU_NS_PER_MS;
    u->seq = k;
    u->rtp_ts = (uint32_t)k * (uint32_t)(mcu_codec_info(room.codec)->rtp_clock_hz / 50);
    u->ssrc = c->ssrc;
    mcu_conf_unit(c->leg, MCU_ROLE_AUDIO, u);
    mcu_unit_unref(&u);
}

/* Until all that is with the workers is done; the job itself is what is timed. */
static void finish_job(void)
{
    int64_t begin = mcu_clock_now_ns();
    mcu_loop_step(room.loop, room.now_ns);
    while (room.conf->audio.job_running)
        mcu_loop_step(room.loop, room.now_ns);
    room.wall_ns += mcu_clock_now_ns() - begin;
    while (mcu_help_is_out(&room.conf->audio.help))
        mcu_loop_step(room.loop, room.now_ns);
}

static void run_ticks(int n)
{
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < room.callers; k++)
            send_packet(&room.caller[k]);
        room.now_ns += MCU_PCM_TICK_NS;
        finish_job();
    }
}

static void open_room(int cores)
{
    mcu_log_set_level(MCU_LOG_ERROR);
    mcu_config_defaults(&room.config);
    check(mcu_loop_new(&room.loop, "bench", true), "loop");
    check(mcu_workers_new(&room.workers, cores, cores == 0), "workers");
    check(mcu_bus_new(&room.bus, room.loop), "bus");
    check(mcu_media_init(&room.media, room.loop, 0, room.workers, room.bus), "media");
    room.now_ns = 1000 * MCU_NS_PER_S;
    mcu_loop_step(room.loop, room.now_ns);
    check(mcu_conf_new(&room.conf, &room.media, "room", &room.config), "conference");
}

static void join(const struct clip *voice, const struct clip *noise, int speak)
{
    room.caller = calloc((size_t)room.callers, sizeof(*room.caller));
    for (int i = 0; i < room.callers; i++) {
        struct mcu_join join = { .leg = (uint32_t)i + 1, .participant = (uint32_t)i + 1,
                                 .sends_audio = true,
                                 .audio = { .codec = room.codec, .channels = 1, .frame_ms = 20 },
                                 .sink = { .unit = on_unit, .ask_keyframe = on_ask } };
        mcu_handle h = mcu_conf_join(room.conf, &join);
        room.caller[i] = (struct caller){ .leg = mcu_handle_get(&room.media.conf_legs, h),
                                          .clip = i < speak ? voice : noise,
                                          .ssrc = 1000 + (uint32_t)i, .at = i * 7 };
    }
}

static void measure(const char *how, int64_t split_ns)
{
    struct mcu_audio_graph *g = &room.conf->audio;
    g->split_ns = split_ns;
    run_ticks(WARM);
    int64_t cpu_ns = g->cpu_ns;
    room.wall_ns = 0;
    run_ticks(TICKS);
    printf("{\"codec\": \"%s\", \"callers\": %d, \"how\": \"%s\", \"cpu_us_a_tick\": %.0f, "
           "\"us_each\": %.2f, \"wall_us_a_tick\": %.0f}\n", mcu_codec_info(room.codec)->name,
           room.callers, how, (double)(g->cpu_ns - cpu_ns) / TICKS / 1e3,
           (double)(g->cpu_ns - cpu_ns) / TICKS / room.callers / 1e3,
           (double)room.wall_ns / TICKS / 1e3);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct clip voice, noise;
    static const char *const names[] = { "opus", "g722", "pcmu" };
    static const enum mcu_codec codecs[] = { MCU_CODEC_OPUS, MCU_CODEC_G722, MCU_CODEC_PCMU };
    const char *name = argc > 1 ? argv[1] : "pcmu";
    int speak = argc > 3 ? atoi(argv[3]) : 3, cores = argc > 4 ? atoi(argv[4]) : 0;
    for (int i = 0; i < 3; i++)
        if (!strcmp(name, names[i]))
            room.codec = codecs[i];
    room.callers = argc > 2 ? atoi(argv[2]) : 200;
    make_clip(&voice, room.codec, true);
    make_clip(&noise, room.codec, false);
    open_room(cores);
    join(&voice, &noise, speak);
    measure("alone", INT64_MAX);
    if (cores > 1)
        measure("helped", 0);
    return 0;
}
