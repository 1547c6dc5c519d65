/* The sound of one source of a conference as its tap gives it: blocks with the conference's time. */
#include "tests/unit/conf_rig.h"
#include "server/conf_priv.h" /* to know when a job is done */

static void a_tap_gives_blocks_with_the_conference_time(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *a = rig_leg(&r, MCU_CODEC_PCMU);
    struct rig_leg *b = rig_leg(&r, MCU_CODEC_PCMU);
    a->speaks = MCU_CODEC_PCMU;
    rig_join(a);
    rig_join(b);
    struct mcu_tap *tap = mcu_conf_tap(rig_conf_leg(a));
    assert_non_null(tap);
    rig_run(&r, 500);
    struct mcu_pcm *pcm;
    int n = 0;
    int64_t last = 0;
    while ((pcm = mcu_tap_read(tap))) {
        if (n)
            assert_int_equal(pcm->time_ns - last, MCU_PCM_TICK_NS);
        /* The very time that the unit carries in which he is heard. */
        bool found = false;
        for (int i = 0; i < b->audio_count; i++)
            found |= b->audio[i].time_ns == pcm->time_ns;
        assert_true(found);
        assert_int_equal(pcm->channels, 1);
        if (n > 2)
            assert_in_range(-pcm->level_dbov, 18, 25); /* 4000 of 32768, sine */
        last = pcm->time_ns;
        n++;
        mcu_pcm_unref(&pcm);
    }
    assert_true(n >= 21 && n <= 25);
    assert_int_equal(mcu_tap_dropped(tap), 0);
    mcu_tap_free(&tap);
    rig_close(&r);
}

static void speak_stereo(struct rig_leg *l, struct mcu_aenc *enc)
{
    int16_t mono[MCU_PCM_TICK_FRAMES], pcm[MCU_PCM_TICK_FRAMES * 2];
    uint8_t data[MCU_AENC_MAX_BYTES];
    rig_tone(l, mono);
    for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++) {
        pcm[2 * i] = mono[i];
        pcm[2 * i + 1] = 0;
    }
    int n = mcu_aenc_encode(enc, pcm, 2, false, data);
    l->speaks = MCU_CODEC_OPUS;
    struct mcu_unit *u = rig_audio_unit(l, data, (size_t)n);
    l->speaks = MCU_CODEC_NONE;
    mcu_conf_unit(rig_conf_leg(l), MCU_ROLE_AUDIO, u);
    mcu_unit_unref(&u);
    l->next_ns += MCU_PCM_TICK_NS;
    l->rtp_ts += MCU_PCM_TICK_FRAMES;
}

/* Energy of the left less that of the right channel, as a share of both. */
static double lean(const struct mcu_pcm *p)
{
    double l = 1, r = 1;
    assert_int_equal(p->channels, 2);
    for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++) {
        l += (double)p->samples[2 * i] * p->samples[2 * i];
        r += (double)p->samples[2 * i + 1] * p->samples[2 * i + 1];
    }
    return (l - r) / (l + r);
}

/* Kept as mono until then; nobody outside sees that. */
static void a_source_has_two_channels_once_it_sends_them(void **state)
{
    static struct rig r;
    struct mcu_aenc_config config = { .codec = MCU_CODEC_OPUS, .channels = 2, .frame_ms = 20,
                                      .complexity = -1 };
    struct mcu_aenc *enc;
    struct mcu_pcm *pcm;
    int before = 0, after = 0;
    assert_int_equal(mcu_aenc_new(&enc, &config), 0);
    rig_open(&r, true);
    r.config.audio_channels = 2;
    rig_start(&r);
    struct rig_leg *a = rig_leg(&r, MCU_CODEC_PCMU);
    a->speaks = MCU_CODEC_OPUS;
    rig_join(a);
    struct mcu_tap *tap = mcu_conf_tap(rig_conf_leg(a));
    rig_run(&r, 400);
    assert_int_equal(rig_conf_leg(a)->asource->job.channels, 1);
    for (; (pcm = mcu_tap_read(tap)); mcu_pcm_unref(&pcm), before++)
        assert_true(lean(pcm) == 0);
    a->speaks = MCU_CODEC_NONE;
    for (int i = 0; i < 30; i++) {
        speak_stereo(a, enc);
        for (int k = 0; k < 4; k++) {
            r.now_ns += RIG_STEP_NS;
            mcu_loop_step(r.loop, r.now_ns);
        }
    }
    assert_int_equal(rig_conf_leg(a)->asource->job.channels, 2);
    for (; (pcm = mcu_tap_read(tap)); mcu_pcm_unref(&pcm), after++)
        assert_true(after < 10 || lean(pcm) > 0.9);
    assert_true(before > 15 && after > 25);
    mcu_tap_free(&tap);
    mcu_aenc_free(&enc);
    rig_close(&r);
}

static void a_slow_reader_loses_blocks_and_nobody_waits(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *a = rig_leg(&r, MCU_CODEC_PCMU);
    a->speaks = MCU_CODEC_PCMU;
    rig_join(a);
    struct mcu_tap *tap = mcu_conf_tap(rig_conf_leg(a));
    rig_run(&r, 2000);
    assert_int_equal(a->audio_count, 100);
    int n = 0;
    struct mcu_pcm *pcm;
    uint64_t dropped = mcu_tap_dropped(tap);
    while ((pcm = mcu_tap_read(tap))) {
        n++;
        mcu_pcm_unref(&pcm);
    }
    assert_int_equal(n, 50);
    assert_true(dropped >= 46 && dropped <= 50);
    mcu_tap_free(&tap);
    rig_close(&r);
}

static void a_tap_and_its_source_end_in_any_order(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *a = rig_leg(&r, MCU_CODEC_PCMU);
    a->speaks = MCU_CODEC_PCMU;
    rig_join(a);
    struct mcu_tap *tap = mcu_conf_tap(rig_conf_leg(a));
    rig_run(&r, 200);
    assert_null(mcu_conf_tap(rig_conf_leg(a))); /* one reader */
    assert_true(mcu_pcm_alive() > r.pcm_before);
    uint64_t dropped = mcu_counter_get(MCU_CNT_TAP_DROPPED);
    mcu_tap_free(&tap);
    assert_null(tap);
    /* What nobody can read any more is given back at once, and is not lost either. */
    assert_int_equal(mcu_pcm_alive(), r.pcm_before);
    rig_run(&r, 200);
    assert_int_equal(mcu_pcm_alive(), r.pcm_before);
    assert_int_equal(mcu_counter_get(MCU_CNT_TAP_DROPPED), dropped);

    /* The place is free for the next reader, who outlives the source. */
    tap = mcu_conf_tap(rig_conf_leg(a));
    assert_non_null(tap);
    rig_run(&r, 200);
    rig_leave(a);
    rig_run(&r, 100);
    struct mcu_pcm *pcm;
    int n = 0;
    while ((pcm = mcu_tap_read(tap))) {
        n++;
        mcu_pcm_unref(&pcm);
    }
    assert_true(n >= 9);
    mcu_tap_free(&tap);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tap_gives_blocks_with_the_conference_time),
        cmocka_unit_test(a_source_has_two_channels_once_it_sends_them),
        cmocka_unit_test(a_slow_reader_loses_blocks_and_nobody_waits),
        cmocka_unit_test(a_tap_and_its_source_end_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
