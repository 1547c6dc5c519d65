/* The sound of a conference: who hears whom, what is coded how often, and when. */
#include "tests/unit/conf_rig.h"
#include "tests/unit/held_runners.h"
#include "tests/unit/sound.h"

#include "mixer/amix.h"
#include "server/conf_priv.h" /* to know when a job is done */

#define SECOND MCU_PCM_RATE_HZ

/* Amplitude of a tone in the last second that the leg heard. */
static double last_tone(const struct rig_leg *l, double hz)
{
    assert_true(l->heard_frames >= SECOND);
    return sound_tone(l->heard + l->heard_frames - SECOND, SECOND, hz);
}

static double db(double ratio)
{
    return 20 * log10(ratio + 1e-9);
}

/* ---- who hears whom ---- */

static void check_minus(enum mcu_codec codec, int own_encodes, int shared_encodes)
{
    static struct rig r;
    struct rig_leg *l[3];
    rig_new(&r);
    for (int i = 0; i < 3; i++) {
        l[i] = rig_leg(&r, codec);
        l[i]->hz = (double[]){ 440, 700, 1130 }[i];
        l[i]->speaks = codec;
        rig_join(l[i]);
    }
    rig_run(&r, 2000);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            double level = db(last_tone(l[i], l[k]->hz) / l[k]->amplitude);
            if (i == k)
                assert_true(level < -50);
            else
                assert_true(fabs(level) < 1);
        }
    struct mcu_conf_info info = rig_info(&r);
    assert_int_equal(info.audio_encoders_own, own_encodes);
    assert_int_equal(info.audio_encoders_shared, shared_encodes);
    assert_int_equal(info.audio_skipped, 0);
    rig_close(&r);
}

static void three_talkers_hear_the_others_and_not_themselves(void **state)
{
    check_minus(MCU_CODEC_PCMU, 3, 0);
    check_minus(MCU_CODEC_PCMA, 3, 0);
    check_minus(MCU_CODEC_G722, 3, 0);
    check_minus(MCU_CODEC_OPUS, 3, 0);
}

static void a_unit_comes_every_tick_with_continuous_times(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *a = rig_leg(&r, MCU_CODEC_PCMU);
    rig_join(a);
    rig_run(&r, 1000);
    assert_int_equal(a->audio_count, 50);
    for (int i = 0; i < a->audio_count; i++) {
        assert_int_equal(a->audio[i].size, 160);
        assert_int_equal(a->audio[i].duration_ns, MCU_PCM_TICK_NS);
        if (i)
            assert_int_equal(a->audio[i].time_ns - a->audio[i - 1].time_ns, MCU_PCM_TICK_NS);
        assert_in_range(a->audio[i].at_ns - a->audio[i].time_ns, 0, RIG_STEP_NS);
    }
    rig_close(&r);
}

static void silent_listeners_share_one_encode_a_codec(void **state)
{
    static struct rig r;
    static const enum mcu_codec codecs[] = { MCU_CODEC_PCMU, MCU_CODEC_PCMA, MCU_CODEC_OPUS };
    rig_new(&r);
    struct rig_leg *talker = rig_leg(&r, MCU_CODEC_PCMU);
    talker->speaks = MCU_CODEC_PCMU;
    rig_join(talker);
    struct rig_leg *first[3] = { 0 };
    for (int i = 0; i < 9; i++) {
        struct rig_leg *l = rig_leg(&r, codecs[i % 3]);
        rig_join(l);
        if (i < 3)
            first[i] = l;
    }
    rig_run(&r, 1500);
    struct mcu_conf_info info = rig_info(&r);
    assert_int_equal(info.audio_encoders_shared, 3);
    assert_int_equal(info.audio_encoders_own, 1);
    assert_true(rig_leg_info(talker).own_mix);
    assert_false(rig_leg_info(first[0]).own_mix);
    for (int i = 0; i < 3; i++)
        assert_true(fabs(db(last_tone(first[i], talker->hz) / talker->amplitude)) < 1);

    /* He falls silent: at the end of the hold he hears what all hear, and costs nothing. */
    talker->speaks = MCU_CODEC_NONE;
    rig_run(&r, 700);
    info = rig_info(&r);
    assert_int_equal(info.audio_encoders_shared, 3);
    assert_int_equal(info.audio_encoders_own, 0);
    rig_close(&r);
}

static void opus_of_other_limits_is_another_rendition(void **state)
{
    static struct rig r;
    rig_new(&r);
    for (int i = 0; i < 4; i++) {
        struct rig_leg *l = rig_leg(&r, MCU_CODEC_OPUS);
        l->join.audio.bitrate_bps = i < 2 ? 33000 + i : 16000;
        if (i == 3)
            l->join.audio.max_playback_rate_hz = 8000;
        rig_join(l);
    }
    rig_run(&r, 100);
    assert_int_equal(rig_info(&r).audio_encoders_shared, 3);
    rig_close(&r);
}

static void g722_is_never_shared(void **state)
{
    static struct rig r;
    rig_new(&r);
    for (int i = 0; i < 3; i++)
        rig_join(rig_leg(&r, MCU_CODEC_G722));
    rig_run(&r, 100);
    struct mcu_conf_info info = rig_info(&r);
    assert_int_equal(info.audio_encoders_own, 3);
    assert_int_equal(info.audio_encoders_shared, 0);
    rig_close(&r);
}

static void contributors_are_listed_without_the_listener(void **state)
{
    static struct rig r;
    struct rig_leg *l[4];
    rig_new(&r);
    for (int i = 0; i < 4; i++) {
        l[i] = rig_leg(&r, MCU_CODEC_PCMU);
        l[i]->speaks = i < 2 ? MCU_CODEC_PCMU : MCU_CODEC_NONE;
        rig_join(l[i]);
    }
    rig_run(&r, 1000);
    const struct rig_unit *to_a = &l[0]->audio[l[0]->audio_count - 1];
    const struct rig_unit *to_b = &l[1]->audio[l[1]->audio_count - 1];
    const struct rig_unit *to_c = &l[2]->audio[l[2]->audio_count - 1];
    assert_int_equal(to_a->csrc_count, 1);
    assert_int_equal(to_a->csrc[0], l[1]->ssrc);
    assert_int_equal(to_b->csrc_count, 1);
    assert_int_equal(to_b->csrc[0], l[0]->ssrc);
    assert_int_equal(to_c->csrc_count, 2);
    assert_int_equal(to_c->csrc[0] + to_c->csrc[1], l[0]->ssrc + l[1]->ssrc);
    rig_close(&r);
}

/* ---- packets of other lengths ---- */

static void longer_packets_come_out_whole(void **state)
{
    static struct rig r;
    struct rig_leg *l[2];
    rig_new(&r);
    struct rig_leg *talker = rig_leg(&r, MCU_CODEC_PCMU);
    talker->speaks = MCU_CODEC_PCMU;
    rig_join(talker);
    for (int i = 0; i < 2; i++) {
        l[i] = rig_leg(&r, MCU_CODEC_OPUS);
        l[i]->join.audio.frame_ms = i ? 60 : 40;
        rig_join(l[i]);
    }
    rig_run(&r, 2400);
    for (int i = 0; i < 2; i++) {
        int64_t ns = l[i]->join.audio.frame_ms * MCU_NS_PER_MS;
        assert_int_equal(l[i]->audio_count, 2400 * MCU_NS_PER_MS / ns);
        for (int k = 0; k < l[i]->audio_count; k++) {
            const struct rig_unit *u = &l[i]->audio[k];
            assert_int_equal(u->duration_ns, ns);
            /* The time is that of the first sample: a tick's end after which it is complete. */
            assert_in_range(u->at_ns - u->time_ns, ns - MCU_PCM_TICK_NS,
                            ns - MCU_PCM_TICK_NS + RIG_STEP_NS);
            if (k)
                assert_int_equal(u->time_ns - l[i]->audio[k - 1].time_ns, ns);
        }
        assert_true(fabs(db(last_tone(l[i], talker->hz) / talker->amplitude)) < 1);
    }
    rig_close(&r);
}

static void packets_of_any_length_are_heard(void **state)
{
    static const int lengths[] = { 40, 60 };
    static const enum mcu_codec codecs[] = { MCU_CODEC_PCMU, MCU_CODEC_OPUS };
    for (int i = 0; i < 4; i++) {
        static struct rig r;
        rig_new(&r);
        struct rig_leg *talker = rig_leg(&r, MCU_CODEC_NONE);
        struct rig_leg *listener = rig_leg(&r, MCU_CODEC_PCMA);
        talker->speaks = codecs[i / 2];
        talker->packet_ms = lengths[i % 2];
        rig_join(talker);
        rig_join(listener);
        rig_run(&r, 3000);
        assert_true(fabs(db(last_tone(listener, talker->hz) / talker->amplitude)) < 1);
        assert_true(db(last_tone(listener, 2 * talker->hz) / talker->amplitude) < -35);
        assert_true(rig_leg_info(talker).underruns <= 1);
        rig_close(&r);
    }
}

/* ---- the seam ---- */

/* Two who speak and one who is spoken to all the time: what `talker` hears is the same whether he
 * speaks or not, so it can be held against one encoder that never stopped. */
static void speech_always(int16_t *out, int n)
{
    int have = sound_speech(out, n);
    for (int i = 0; i < n; i++)
        out[i] = (int16_t)(out[i % have] + (int)(sound_rnd() % 2001) - 1000);
}

/* The mix of one voice from its tap, from the time from_ns on: silence, the block that it is faded
 * in with, and then the voice. */
static void append(struct mcu_tap *tap, struct mcu_amix *amix, int64_t from_ns, int16_t *mix,
                   int *n)
{
    struct mcu_pcm *pcm;
    while ((pcm = mcu_tap_read(tap))) {
        struct mcu_limiter limiter = { 0 };
        bool first = *n == 0;
        if (first)
            *n = (int)((pcm->time_ns - from_ns) * 48 / 1000000);
        mcu_amix_begin(amix);
        mcu_amix_add(amix, pcm->samples, first ? 0 : 1, 1);
        mcu_amix_output(amix, -1, &limiter, mix + *n);
        *n += MCU_PCM_TICK_FRAMES;
        mcu_pcm_unref(&pcm);
    }
}

/* The ideal mix through one encoder and one decoder that never switched. alone[]: the packets that
 * must not lean on earlier ones; that costs the same without a switch. */
static int unbroken(enum mcu_codec codec, const int16_t *mix, int n, const bool *alone,
                    int16_t *out)
{
    struct mcu_aenc *enc = NULL;
    struct mcu_adec *dec = NULL;
    struct mcu_aenc_config c = { .codec = codec, .channels = 1, .frame_ms = 20, .complexity = -1,
                                 .bitrate_bps = 32000 };
    uint8_t data[MCU_AENC_MAX_BYTES];
    int at = 0;
    assert_int_equal(mcu_aenc_new(&enc, &c), 0);
    assert_int_equal(mcu_adec_new(&dec, codec, 1), 0);
    for (int i = 0; i < n; i += MCU_PCM_TICK_FRAMES) {
        int size = mcu_aenc_encode(enc, mix + i, 1, alone[i / MCU_PCM_TICK_FRAMES], data);
        at += mcu_adec_decode(dec, data, (size_t)size, out + at);
    }
    mcu_aenc_free(&enc);
    mcu_adec_free(&dec);
    return at;
}

static double worst_frame(const int16_t *ideal, const int16_t *heard, int frames, int *at)
{
    double worst = 999;
    for (int i = 0; i + MCU_PCM_TICK_FRAMES <= frames; i += MCU_PCM_TICK_FRAMES) {
        double signal = 0, noise = 0;
        for (int k = i; k < i + MCU_PCM_TICK_FRAMES; k++) {
            double d = ideal[k] - heard[k];
            signal += (double)ideal[k] * ideal[k];
            noise += d * d;
        }
        double snr = noise > 0 ? 10 * log10((signal + 1) / noise) : 999;
        if (snr < worst) {
            worst = snr;
            *at = i / MCU_PCM_TICK_FRAMES;
        }
    }
    return worst;
}

static void check_seam(enum mcu_codec codec, double least_db)
{
    static struct rig r;
    static int16_t voice[21 * SECOND], mix[21 * SECOND], ideal[21 * SECOND];
    int n = 0;
    speech_always(voice, 21 * SECOND);
    rig_open(&r, true);
    r.config.heard_threshold_dbov = -47; /* his pauses do not take him out of the mix */
    rig_start(&r);
    struct rig_leg *other = rig_leg(&r, MCU_CODEC_NONE);
    struct rig_leg *talker = rig_leg(&r, codec);
    struct rig_leg *listener = rig_leg(&r, codec);
    other->speech = voice;
    other->speaks = MCU_CODEC_PCMU;
    talker->speaks = MCU_CODEC_PCMA;
    rig_join(other);
    rig_join(talker);
    rig_join(listener);
    struct mcu_tap *tap = mcu_conf_tap(rig_conf_leg(other));
    assert_non_null(tap);
    struct mcu_amix *amix = NULL;
    assert_int_equal(mcu_amix_new(&amix, 1, 1), 0);
    memset(mix, 0, sizeof(mix));
    bool own = false, alone[21 * 50] = { false };
    int switches = 0;
    for (int ms = 0; ms < 12000; ms += 20) {
        /* Turns of other lengths: long enough to switch both ways, and too short to go back. */
        bool talks = (ms >= 1500 && ms < 2500) || (ms >= 5010 && ms < 5500) ||
                     (ms >= 7500 && ms < 7700) || (ms >= 8700 && ms < 9300);
        /* His room is never quite still: what all others hear is not what he hears. */
        talker->amplitude = talks ? 4000 : 120;
        rig_run(&r, 20);
        append(tap, amix, talker->heard_from_ns, mix, &n);
        bool now_own = rig_leg_info(talker).own_mix;
        switches += now_own != own;
        alone[talker->audio_count - 1] |= own && !now_own;
        own = now_own;
    }
    mcu_tap_free(&tap);
    mcu_amix_free(&amix);
    if (codec != MCU_CODEC_G722)
        assert_in_range(switches, 6, 8); /* G.711 goes back in between too */
    int frames = unbroken(codec, mix, n, alone, ideal);
    int at = 0;
    assert_true(talker->heard_frames >= frames);
    double worst = worst_frame(ideal, talker->heard, frames, &at);
    if (worst < least_db)
        fail_msg("codec %d: frame %d has %.1f dB", codec, at, worst);
    rig_close(&r);
}

static void joining_and_leaving_the_heard_set_makes_no_seam(void **state)
{
    check_seam(MCU_CODEC_PCMU, 60);
    check_seam(MCU_CODEC_G722, 60);
    check_seam(MCU_CODEC_OPUS, 30);
}

/* ---- loud ---- */

static void ten_shouters_do_not_clip(void **state)
{
    static struct rig r;
    struct rig_leg *l[10];
    rig_new(&r);
    struct rig_leg *listener = rig_leg(&r, MCU_CODEC_OPUS);
    listener->join.audio.bitrate_bps = 64000;
    rig_join(listener);
    for (int i = 0; i < 10; i++) {
        l[i] = rig_leg(&r, MCU_CODEC_NONE);
        l[i]->amplitude = 30000;
        l[i]->hz = 211 + 97 * i;
        l[i]->speaks = MCU_CODEC_PCMU;
        rig_join(l[i]);
    }
    rig_run(&r, 3000);
    const int16_t *x = listener->heard + listener->heard_frames - SECOND;
    double tones = 0, all = sound_rms(x, SECOND);
    int flat = 0, longest = 0;
    for (int i = 0; i < 10; i++)
        tones += pow(last_tone(listener, l[i]->hz), 2) / 2;
    for (int i = 1; i < SECOND; i++) {
        flat = x[i] == x[i - 1] && abs(x[i]) > 30000 ? flat + 1 : 0;
        longest = flat > longest ? flat : longest;
    }
    assert_true(longest < 4);
    assert_true(all > 6000);
    /* What is not a tone is distortion: cutting at full scale would make it as strong as them. */
    assert_true(tones / (all * all) > 0.9);
    rig_close(&r);
}

static void only_the_loudest_are_heard_where_so_configured(void **state)
{
    static struct rig r;
    struct rig_leg *l[4];
    rig_open(&r, true);
    r.config.max_heard = 2;
    rig_start(&r);
    for (int i = 0; i < 4; i++) {
        l[i] = rig_leg(&r, MCU_CODEC_PCMU);
        l[i]->amplitude = i < 2 ? 1000 : 8000;
        l[i]->speaks = MCU_CODEC_PCMU;
        rig_join(l[i]);
    }
    rig_run(&r, 3000);
    for (int i = 0; i < 4; i++)
        assert_int_equal(rig_leg_info(l[i]).heard, i >= 2);
    assert_true(db(last_tone(l[0], l[1]->hz) / 1000) < -40);
    assert_true(fabs(db(last_tone(l[0], l[2]->hz) / 8000)) < 1);
    assert_int_equal(rig_info(&r).audio_encoders_own, 2);
    rig_close(&r);
}

/* ---- late ---- */

static void settle(struct rig *r)
{
    while (r->conf->audio.job_running) {
        rig_nap();
        mcu_loop_step(r->loop, r->now_ns);
    }
}

/* The audio job of the conference has to wait. */
static void stall(struct rig *r, int ms)
{
    static struct held_runners h;
    hold_runners(r, &h, 3, MCU_JOB_AUDIO);
    rig_run(r, ms);
    let_go(&h);
    while (!all_are_back(&h)) {
        rig_nap();
        mcu_loop_step(r->loop, r->now_ns);
    }
    held_end(&h);
    settle(r);
}

static void late_ticks_are_made_good(void **state)
{
    static struct rig r;
    rig_open(&r, false);
    rig_start(&r);
    struct rig_leg *a = rig_leg(&r, MCU_CODEC_PCMU);
    struct rig_leg *b = rig_leg(&r, MCU_CODEC_PCMU);
    b->speaks = MCU_CODEC_PCMU;
    rig_join(a);
    rig_join(b);
    for (int i = 0; i < 50; i++) {
        rig_run(&r, 20);
        settle(&r);
    }
    assert_int_equal(a->audio_count, 50);
    stall(&r, 60);
    assert_int_equal(a->audio_count, 53);
    for (int i = 1; i < a->audio_count; i++)
        assert_int_equal(a->audio[i].time_ns - a->audio[i - 1].time_ns, MCU_PCM_TICK_NS);
    assert_int_equal(rig_info(&r).audio_skipped, 0);

    uint64_t skipped = mcu_counter_get(MCU_CNT_AUDIO_SKIPPED_TICKS);
    int before = a->audio_count;
    stall(&r, 500);
    struct mcu_conf_info info = rig_info(&r);
    assert_true(info.audio_skipped >= 19 && info.audio_skipped <= 20);
    assert_int_equal(mcu_counter_get(MCU_CNT_AUDIO_SKIPPED_TICKS) - skipped, info.audio_skipped);
    assert_int_equal(a->audio_count - before, 25 - (int)info.audio_skipped);
    for (int i = before; i < a->audio_count; i++)
        assert_int_equal((a->audio[i].time_ns - a->audio[0].time_ns) % MCU_PCM_TICK_NS, 0);
    assert_in_range(a->audio[a->audio_count - 1].time_ns, r.now_ns - MCU_PCM_TICK_NS, r.now_ns);

    /* And it goes on as if nothing had been. */
    before = a->audio_count;
    for (int i = 0; i < 10; i++) {
        rig_run(&r, 20);
        settle(&r);
    }
    assert_int_equal(a->audio_count - before, 10);
    rig_close(&r);
}

/* ---- changes ---- */

static void another_codec_in_a_call_goes_on_without_a_gap(void **state)
{
    static struct rig r;
    static const enum mcu_codec turns[] = { MCU_CODEC_OPUS, MCU_CODEC_G722, MCU_CODEC_PCMA,
                                            MCU_CODEC_PCMU };
    rig_new(&r);
    struct rig_leg *a = rig_leg(&r, MCU_CODEC_PCMU);
    struct rig_leg *b = rig_leg(&r, MCU_CODEC_PCMU);
    a->speaks = b->speaks = MCU_CODEC_PCMU;
    rig_join(a);
    rig_join(b);
    rig_run(&r, 500);
    for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        a->join.audio.codec = turns[i];
        a->speaks = turns[i];
        rig_update(a);
        rig_run(&r, 1500);
        assert_int_equal(a->audio[a->audio_count - 1].codec, turns[i]);
        assert_int_equal(rig_leg_info(a).audio_in, turns[i]);
        assert_true(fabs(db(last_tone(a, b->hz) / b->amplitude)) < 1);
        assert_true(fabs(db(last_tone(b, a->hz) / a->amplitude)) < 1);
    }
    for (int i = 1; i < a->audio_count; i++)
        assert_int_equal(a->audio[i].time_ns - a->audio[i - 1].time_ns, MCU_PCM_TICK_NS);
    a->join.audio.codec = MCU_CODEC_NONE;
    a->join.sends_audio = false;
    rig_update(a);
    rig_run(&r, 40);
    int before = a->audio_count;
    rig_run(&r, 1000);
    assert_int_equal(a->audio_count, before);
    assert_true(db(last_tone(b, a->hz) / a->amplitude) < -50);
    rig_close(&r);
}

/* A leg that leaves in the middle of what it is given, as a sink without a loop between may do. */
static int leave_after;

static void leave_on_unit(const struct mcu_sink *sink, int role, struct mcu_unit *u)
{
    struct rig_leg *l = sink->arg;
    l->audio_count++;
    if (--leave_after == 0)
        rig_leave(l);
}

static void a_leg_may_leave_while_it_is_given_sound(void **state)
{
    static struct rig r;
    rig_new(&r);
    struct rig_leg *l[4];
    for (int i = 0; i < 4; i++) {
        l[i] = rig_leg(&r, i < 2 ? MCU_CODEC_PCMU : MCU_CODEC_G722);
        l[i]->join.sink.unit = leave_on_unit;
        l[i]->speaks = MCU_CODEC_PCMU;
        rig_join(l[i]);
    }
    for (leave_after = 10; rig_info(&r).leg_count > 0;) {
        rig_run(&r, 20);
        if (leave_after <= 0)
            leave_after = 6;
    }
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_talkers_hear_the_others_and_not_themselves),
        cmocka_unit_test(a_unit_comes_every_tick_with_continuous_times),
        cmocka_unit_test(silent_listeners_share_one_encode_a_codec),
        cmocka_unit_test(opus_of_other_limits_is_another_rendition),
        cmocka_unit_test(g722_is_never_shared),
        cmocka_unit_test(contributors_are_listed_without_the_listener),
        cmocka_unit_test(longer_packets_come_out_whole),
        cmocka_unit_test(packets_of_any_length_are_heard),
        cmocka_unit_test(joining_and_leaving_the_heard_set_makes_no_seam),
        cmocka_unit_test(ten_shouters_do_not_clip),
        cmocka_unit_test(only_the_loudest_are_heard_where_so_configured),
        cmocka_unit_test(late_ticks_are_made_good),
        cmocka_unit_test(another_codec_in_a_call_goes_on_without_a_gap),
        cmocka_unit_test(a_leg_may_leave_while_it_is_given_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
