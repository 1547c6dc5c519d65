/* Senders that pause: comfort noise of RFC 3389 and of Opus, and silence that is announced by RFC
 * 6464 and not decoded. */
#include "tests/unit/conf_rig.h"
#include "tests/unit/sound.h"

#include <opus/opus.h>

#include "server/conf_priv.h" /* decoders at work */

#define TICK MCU_PCM_TICK_FRAMES

struct pauser {
    struct rig r;
    struct rig_leg *from, *to;
    struct mcu_aenc *enc;
    OpusEncoder *opus;
    enum mcu_codec codec;
};

static void start(struct pauser *p, enum mcu_codec codec)
{
    struct mcu_aenc_config c = { .codec = codec, .channels = 1, .complexity = -1, .frame_ms = 20 };
    memset(p, 0, sizeof(*p));
    rig_new(&p->r);
    p->codec = codec;
    p->from = rig_leg(&p->r, MCU_CODEC_NONE);
    p->to = rig_leg(&p->r, MCU_CODEC_G722);
    rig_join(p->from);
    rig_join(p->to);
    assert_int_equal(mcu_aenc_new(&p->enc, &c), 0);
}

static void stop(struct pauser *p)
{
    mcu_aenc_free(&p->enc);
    if (p->opus)
        opus_encoder_destroy(p->opus);
    rig_close(&p->r);
}

/* A tick passes in which a packet comes, or none (size 0). */
static void tick(struct pauser *p, enum mcu_codec codec, const uint8_t *data, size_t size,
                 int level_dbov)
{
    struct rig_leg *l = p->from;
    if (size) {
        l->speaks = codec;
        struct mcu_unit *u = rig_audio_unit(l, data, size);
        l->speaks = MCU_CODEC_NONE;
        u->level_dbov = (int8_t)level_dbov;
        u->duration_ns = 20 * MCU_NS_PER_MS;
        mcu_conf_unit(rig_conf_leg(l), MCU_ROLE_AUDIO, u);
        mcu_unit_unref(&u);
    }
    l->rtp_ts += (uint32_t)(mcu_codec_info(p->codec)->rtp_clock_hz / 50);
    int64_t next_ns = l->next_ns + 20 * MCU_NS_PER_MS;
    for (int i = 0; i < 4; i++) {
        l->next_ns = p->r.now_ns + MCU_NS_PER_S; /* the rig itself leaves his clock alone */
        rig_step(&p->r);
    }
    l->next_ns = next_ns;
}

static void say(struct pauser *p, int ticks, int level_dbov)
{
    uint8_t data[MCU_AENC_MAX_BYTES];
    int16_t pcm[TICK];
    for (int i = 0; i < ticks; i++) {
        rig_tone(p->from, pcm);
        int n = mcu_aenc_encode(p->enc, pcm, 1, false, data);
        tick(p, p->codec, data, (size_t)n, level_dbov);
    }
}

/* dBov of what the listener heard from `from` to `to` ms ago. */
static double heard_dbov(const struct pauser *p, int from_ms, int to_ms)
{
    const struct rig_leg *l = p->to;
    const int16_t *x = l->heard + l->heard_frames - from_ms * 48;
    return 20 * log10(sound_rms(x, (from_ms - to_ms) * 48) / 32768 + 1e-9);
}

static uint64_t underruns(struct pauser *p)
{
    return rig_conf_leg(p->from)->asource->underruns;
}

/* The largest step between two samples of the last ms heard. */
static int largest_step(const struct pauser *p, int ms)
{
    const struct rig_leg *l = p->to;
    int most = 0;
    for (int i = l->heard_frames - ms * 48; i < l->heard_frames; i++)
        most = mcu_max(most, abs(l->heard[i] - l->heard[i - 1]));
    return most;
}

/* ---- comfort noise ---- */

static void noise_of_the_level_given_fills_the_pause(enum mcu_codec codec)
{
    static struct pauser p;
    static const uint8_t cn[] = { 40 }, louder[] = { 30, 70, 140 };
    start(&p, codec);
    say(&p, 50, 1);
    uint64_t before = underruns(&p);
    tick(&p, MCU_CODEC_CN, cn, sizeof(cn), 1);
    for (int i = 0; i < 100; i++)
        tick(&p, codec, NULL, 0, 1);
    assert_true(fabs(heard_dbov(&p, 1500, 0) + 40) < 1.5);
    tick(&p, MCU_CODEC_CN, louder, sizeof(louder), 1);
    for (int i = 0; i < 50; i++)
        tick(&p, codec, NULL, 0, 1);
    assert_true(fabs(heard_dbov(&p, 700, 0) + 30) < 2);
    assert_int_equal(underruns(&p), before);
    say(&p, 50, 1); /* and speech comes again without it */
    double tone = sound_tone(p.to->heard + p.to->heard_frames - 24000, 24000, p.from->hz);
    double rms = sound_rms(p.to->heard + p.to->heard_frames - 24000, 24000);
    assert_true(fabs(20 * log10(tone / p.from->amplitude)) < 1);
    assert_true(fabs(20 * log10(rms * sqrt(2) / tone)) < 0.5);
    stop(&p);
}

static void comfort_noise_fills_the_pauses_of_g711_and_g722(void **state)
{
    noise_of_the_level_given_fills_the_pause(MCU_CODEC_PCMU);
    noise_of_the_level_given_fills_the_pause(MCU_CODEC_PCMA);
    noise_of_the_level_given_fills_the_pause(MCU_CODEC_G722);
}

/* No packet is missing by its number, and none of the time is made up for. */
static void a_pause_without_noise_fades_to_silence(void **state)
{
    static struct pauser p;
    start(&p, MCU_CODEC_PCMU);
    say(&p, 50, 1);
    for (int i = 0; i < 50; i++)
        tick(&p, MCU_CODEC_PCMU, NULL, 0, 1);
    assert_true(heard_dbov(&p, 800, 0) < -80);
    say(&p, 50, 1);
    double tone = sound_tone(p.to->heard + p.to->heard_frames - 24000, 24000, p.from->hz);
    assert_true(fabs(20 * log10(tone / p.from->amplitude)) < 1);
    stop(&p);
}

static void noise_before_any_sound_or_of_another_source_says_nothing(void **state)
{
    static struct pauser p;
    static const uint8_t cn[] = { 20 };
    start(&p, MCU_CODEC_PCMU);
    for (int i = 0; i < 20; i++)
        tick(&p, MCU_CODEC_CN, cn, sizeof(cn), 1);
    say(&p, 20, 1);
    p.from->ssrc++;
    for (int i = 0; i < 30; i++)
        tick(&p, MCU_CODEC_CN, cn, sizeof(cn), 1);
    assert_true(heard_dbov(&p, 300, 0) < -80);
    stop(&p);
}

/* As browsers send it: the first packet that says nothing goes out, then one each 400 ms. */
static void opus_fills_its_own_pauses(void **state)
{
    static struct pauser p;
    static int16_t speech[5 * MCU_PCM_RATE_HZ];
    int error, sent = 0, least = 0, most = 0;
    bool was_small = false;
    double background = 0;
    start(&p, MCU_CODEC_OPUS);
    p.opus = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &error);
    opus_encoder_ctl(p.opus, OPUS_SET_DTX(1));
    opus_encoder_ctl(p.opus, OPUS_SET_BITRATE(24000));
    for (int i = 0; i < 5 * MCU_PCM_RATE_HZ; i++) { /* 1 s of a voice, then the room alone */
        double voice = i < MCU_PCM_RATE_HZ ? 6000 * sin(2 * M_PI * 200 * i / 48000.0) *
                                                 (1 + sin(2 * M_PI * 4 * i / 48000.0)) / 2
                                           : 0;
        speech[i] = (int16_t)(voice + (double)(sound_rnd() % 401) - 200);
    }
    for (int t = 0; t < 250; t++) {
        uint8_t data[1500];
        int n = opus_encode(p.opus, speech + t * TICK, TICK, data, sizeof(data));
        bool small = n <= 2, send = !small || !was_small;
        was_small = small;
        sent += send && t >= 150;
        tick(&p, MCU_CODEC_OPUS, data, send ? (size_t)n : 0, 1);
        int level = rig_conf_leg(p.from)->asource->level_dbov;
        least = t >= 150 ? mcu_min(least, level) : 0;
        most = t >= 150 ? mcu_max(most, level) : -127;
    }
    background = 20 * log10(sound_rms(speech + 3 * MCU_PCM_RATE_HZ, MCU_PCM_RATE_HZ) / 32768);
    assert_true(sent < 30); /* it did pause */
    print_message("background %.1f dBov, heard %d to %d, %d packets of 100\n", background, least,
                  most, sent);
    assert_true(least > background - 4 && most < background + 1); /* the band of speech */
    assert_int_equal(underruns(&p), 0);
    stop(&p);
}

/* ---- announced silence ---- */

static uint64_t decoded(struct pauser *p)
{
    return rig_conf_leg(p->from)->asource->job.expected_seq;
}

static void silence_that_is_announced_is_not_decoded(enum mcu_codec codec)
{
    static struct pauser p;
    start(&p, codec);
    say(&p, 50, -20);
    say(&p, 49, -127);
    uint64_t at = decoded(&p);
    say(&p, 100, -127);
    assert_in_range(decoded(&p), at, at + 2); /* after one second no more */
    say(&p, 50, -61);                         /* below what is heard */
    assert_in_range(decoded(&p), at, at + 2);
    assert_true(heard_dbov(&p, 400, 0) < -80);
    assert_int_equal(underruns(&p), 0);
    /* It comes back with the first packet, softly. */
    say(&p, 1, -20);
    assert_true(decoded(&p) > at + 100);
    say(&p, 4, -20);
    int step = largest_step(&p, 100);
    say(&p, 50, -20);
    int steady = largest_step(&p, 500);
    assert_true(step <= steady * 3 / 2);
    double tone = sound_tone(p.to->heard + p.to->heard_frames - 24000, 24000, p.from->hz);
    assert_true(fabs(20 * log10(tone / p.from->amplitude)) < 1);
    stop(&p);
}

static void announced_silence_is_not_decoded_and_ends_at_once(void **state)
{
    silence_that_is_announced_is_not_decoded(MCU_CODEC_OPUS);
    silence_that_is_announced_is_not_decoded(MCU_CODEC_G722);
    silence_that_is_announced_is_not_decoded(MCU_CODEC_PCMU);
}

static void what_is_heard_or_has_no_level_is_always_decoded(void **state)
{
    static const int levels[] = { 1, -59, 0 };
    static struct pauser p;
    for (int i = 0; i < 3; i++) {
        start(&p, MCU_CODEC_PCMU);
        say(&p, 100, levels[i]);
        uint64_t at = decoded(&p);
        say(&p, 50, levels[i]);
        assert_int_equal(decoded(&p), at + 50);
        stop(&p);
    }
}

static void short_silences_are_decoded(void **state)
{
    static struct pauser p;
    start(&p, MCU_CODEC_PCMU);
    for (int i = 0; i < 5; i++) {
        uint64_t at = decoded(&p);
        say(&p, 45, -127);
        say(&p, 5, -30);
        assert_true(decoded(&p) - at >= 50);
    }
    stop(&p);
}

/* Who listens to one source alone hears all of it. */
static void a_tap_keeps_its_source_awake(void **state)
{
    static struct pauser p;
    start(&p, MCU_CODEC_PCMU);
    struct mcu_tap *tap = mcu_conf_tap(rig_conf_leg(p.from));
    assert_non_null(tap);
    say(&p, 100, -127);
    uint64_t at = decoded(&p);
    say(&p, 50, -127);
    assert_int_equal(decoded(&p), at + 50);
    mcu_tap_free(&tap);
    stop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comfort_noise_fills_the_pauses_of_g711_and_g722),
        cmocka_unit_test(a_pause_without_noise_fades_to_silence),
        cmocka_unit_test(noise_before_any_sound_or_of_another_source_says_nothing),
        cmocka_unit_test(opus_fills_its_own_pauses),
        cmocka_unit_test(announced_silence_is_not_decoded_and_ends_at_once),
        cmocka_unit_test(what_is_heard_or_has_no_level_is_always_decoded),
        cmocka_unit_test(short_silences_are_decoded),
        cmocka_unit_test(a_tap_keeps_its_source_awake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
