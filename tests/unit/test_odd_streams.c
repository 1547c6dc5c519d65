/* tests/unit/test_odd_streams.c - what phones and gateways do to a stream, one row each, from the packet
 * to the sound that a tick takes: line > decoder > playout, on a made-up clock. A steady tone is sent;
 * it must be heard without a hole and without a click. */
#include "line_harness.h"

#include <math.h>
#include <stdio.h>

#include "codec/aenc.h"
#include "mixer/base/util.h"
#include "server/conf_priv.h"

#define SECONDS  12
#define BYTES    (SECONDS * 8000)
#define STEP     (5 * MS)
#define HZ       500
#define AMPL     6000

/* What the sender does, as a row's function changes it before packet i. */
struct sender {
    enum mcu_codec codec;
    int ptime_ms, i;
    uint16_t seq;
    uint32_t ts, ssrc;
    bool padded, extended, doubled, swapped; /* swapped: after the next one */
    bool quiet;                              /* nothing is sent, time goes on */
    int late_ms;                             /* the packet is held for so long */
    double ppm;
};

struct held {
    uint8_t data[800];
    size_t size;
    int64_t at_ns;
};

struct rig {
    struct harness h;
    struct mcu_asource source;
    struct mcu_audio_graph graph;
    struct held held[256];
    int held_count;
    double worst_step;
    int quiet_ticks, ticks;
};

struct row {
    const char *name;
    enum mcu_codec codec;
    void (*before)(struct sender *s); /* NULL: nothing */
    int hole_ms;                      /* what the disturbance itself may cost */
    int silence_s;                    /* before the second half; nothing is sent */
};

static uint8_t sound[2][BYTES]; /* PCMU, G.722 */

static void on_unit(struct mcu_unit *u, void *arg)
{
    struct rig *r = arg;
    if (r->source.job.queue_count < (int)MCU_ARRAY_LEN(r->source.job.queue))
        r->source.job.queue[r->source.job.queue_count++] = u;
    else
        mcu_unit_unref(&u);
}

static void on_send(bool rtcp, const uint8_t *data, size_t size, void *arg)
{
}

static void on_key(char key, void *arg)
{
}

static void on_nothing(void *arg)
{
}

static const struct mcu_line_events events = { .send = on_send, .unit = on_unit, .dtmf = on_key,
                                               .keyframe_wanted = on_nothing, .bye = on_nothing };

static int encode(void **state)
{
    static const enum mcu_codec codecs[2] = { MCU_CODEC_PCMU, MCU_CODEC_G722 };
    for (int c = 0; c < 2; c++) {
        struct mcu_aenc_config config = { .codec = codecs[c], .channels = 1, .frame_ms = 20,
                                          .complexity = -1 };
        struct mcu_aenc *enc;
        assert_int_equal(mcu_aenc_new(&enc, &config), 0);
        for (size_t at = 0; at + 160 <= BYTES; at += 160) {
            int16_t pcm[MCU_PCM_TICK_FRAMES];
            uint8_t out[MCU_AENC_MAX_BYTES];
            for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++)
                pcm[i] = (int16_t)lrint(AMPL * sin(2 * M_PI * HZ * ((double)at * 6 + i) / 48000.0));
            assert_int_equal(mcu_aenc_encode(enc, pcm, 1, false, out), 160);
            memcpy(sound[c] + at, out, 160);
        }
        mcu_aenc_free(&enc);
    }
    return 0;
}

/* ---- the way ---- */

static void hold(struct rig *r, const uint8_t *data, size_t size, int64_t at_ns)
{
    assert_in_range(r->held_count, 0, (int)MCU_ARRAY_LEN(r->held) - 1);
    struct held *p = &r->held[r->held_count++];
    memcpy(p->data, data, size);
    p->size = size;
    p->at_ns = at_ns;
}

static void deliver(struct rig *r)
{
    for (int i = 0; i < r->held_count;) {
        if (r->held[i].at_ns > r->h.now_ns) {
            i++;
            continue;
        }
        mcu_line_rtp(r->h.line, r->held[i].data, r->held[i].size, r->h.now_ns);
        memmove(&r->held[i], &r->held[i + 1], sizeof(r->held[0]) * (size_t)(--r->held_count - i));
    }
}

static void transmit(struct rig *r, const struct sender *s, const uint8_t *bytes, size_t size)
{
    uint8_t buf[800];
    struct mcu_rtp rtp = { .pt = s->codec == MCU_CODEC_G722 ? 9 : 0, .seq = s->seq, .ts = s->ts,
                           .ssrc = s->ssrc };
    int n = mcu_rtp_write(&rtp, buf, sizeof(buf));
    if (s->extended) { /* RFC 3550 5.3.1: one word that nobody knows */
        static const uint8_t ext[] = { 0xab, 0xcd, 0, 1, 1, 2, 3, 4 };
        buf[0] |= 0x10;
        memcpy(buf + n, ext, sizeof(ext));
        n += (int)sizeof(ext);
    }
    memcpy(buf + n, bytes, size);
    n += (int)size;
    if (s->padded) {
        memset(buf + n, 0, 8);
        buf[n + 7] = 8;
        buf[0] |= 0x20;
        n += 8;
    }
    int64_t late = s->late_ms + (s->swapped ? s->ptime_ms + 1 : 0);
    hold(r, buf, (size_t)n, r->h.now_ns + late * MS);
    if (s->doubled)
        hold(r, buf, (size_t)n, r->h.now_ns + (late + 3) * MS);
}

/* A tick: quiet ones are counted while the sender speaks. */
static void tick(struct rig *r, bool speaks)
{
    static int16_t last;
    struct mcu_asource *s = &r->source;
    double sum = 0;
    mcu_audio_in_decode(s, &r->graph);
    mcu_audio_in_pull(s, &r->graph, r->h.now_ns);
    for (int i = 0; i < MCU_PCM_TICK_FRAMES; i++) {
        double step = abs(s->job.pcm[i] - last);
        r->worst_step = r->ticks > 0 && step > r->worst_step ? step : r->worst_step;
        last = s->job.pcm[i];
        sum += (double)last * last;
    }
    r->ticks++;
    r->quiet_ticks += speaks && sqrt(sum / MCU_PCM_TICK_FRAMES) < AMPL * 0.35;
}

static void run_ticks(struct rig *r, int64_t until_ns, int64_t *tick_ns, bool speaks)
{
    while (r->h.now_ns < until_ns) {
        int64_t next = mcu_min((int)((until_ns - r->h.now_ns) / MS), (int)(STEP / MS)) * MS;
        harness_until(&r->h, r->h.now_ns + (next > 0 ? next : until_ns - r->h.now_ns));
        deliver(r);
        for (; *tick_ns <= r->h.now_ns; *tick_ns += MCU_PCM_TICK_NS)
            tick(r, speaks);
    }
}

static void open_rig(struct rig *r, const struct row *row)
{
    struct mcu_line_config c = harness_config(MCU_CODEC_PCMU);
    c.rx[0].pt = 0;
    c.rx[1] = (struct mcu_line_rx){ .codec = MCU_CODEC_G722, .pt = 9 };
    c.rx_count = 2;
    memset(r, 0, sizeof(*r));
    harness_open(&r->h, &c);
    mcu_line_free(&r->h.line);
    assert_int_equal(mcu_line_new(&r->h.line, &c, &r->h.clock, &events, r), 0);
    r->graph.channels = r->source.job.channels = 1;
    r->graph.heard_config.threshold_dbov = -60;
    assert_int_equal(mcu_playout_new(&r->source.job.playout, 1), 0);
}

static void close_rig(struct rig *r)
{
    for (int i = 0; i < r->source.job.queue_count; i++)
        mcu_unit_unref(&r->source.job.queue[i]);
    mcu_adec_free(&r->source.job.decoder);
    mcu_playout_free(&r->source.job.playout);
    harness_close(&r->h);
}

static void run_row(struct rig *r, const struct row *row)
{
    struct sender s = { .codec = row->codec, .ptime_ms = 20, .seq = 65400, .ts = 0xfffe0000u,
                        .ssrc = PEER_SSRC };
    int64_t tick_ns = r->h.now_ns + 13 * MS, due_ns = r->h.now_ns;
    bool rested = row->silence_s == 0;
    int at = 0, settle = 0;
    while (true) {
        s.padded = s.extended = s.doubled = s.swapped = s.quiet = false;
        s.late_ms = 0;
        if (row->before)
            row->before(&s);
        int size = s.ptime_ms * 8;
        if (at + size > BYTES)
            break;
        if (!rested && at > BYTES / 2) {
            run_ticks(r, due_ns + row->silence_s * MCU_NS_PER_S, &tick_ns, false);
            due_ns += row->silence_s * MCU_NS_PER_S;
            s.ts += (uint32_t)row->silence_s * 8000;
            rested = true;
            settle = s.i;
        }
        due_ns += (int64_t)(s.ptime_ms * MS * (1 + s.ppm * 1e-6));
        run_ticks(r, due_ns, &tick_ns, (s.i - settle) * s.ptime_ms > 300);
        if (!s.quiet) {
            transmit(r, &s, sound[s.codec == MCU_CODEC_G722] + at, (size_t)size);
            deliver(r);
            s.seq++;
        }
        s.ts += (uint32_t)size;
        at += size;
        s.i++;
    }
}

/* Underruns that the row has left behind. */
static int underruns_of(const struct rig *r)
{
    struct mcu_playout_stats stats;
    mcu_playout_get_stats(r->source.job.playout, &stats);
    return (int)stats.underruns;
}

/* ---- rows ---- */

static void jump_ahead(struct sender *s)
{
    if (s->i == 250)
        s->ts += 8000 * 3600;
}

static void jump_back(struct sender *s)
{
    if (s->i == 250)
        s->ts -= 8000 * 7;
}

static void jump_a_little(struct sender *s)
{
    if (s->i % 100 == 99)
        s->ts += s->i % 200 == 99 ? 40 : (uint32_t)-40;
}

static void another_source(struct sender *s)
{
    if (s->i == 200 || s->i == 400) {
        s->ssrc ^= 0x55555;
        s->seq = (uint16_t)(s->seq + 12345);
        s->ts += 0x1234567;
    }
}

static void begins_anew(struct sender *s)
{
    if (s->i == 300)
        s->seq = 1;
}

static void many_ptimes(struct sender *s)
{
    static const int ms[] = { 20, 10, 30, 60, 20, 40, 50 };
    s->ptime_ms = ms[s->i / 40 % 7];
}

static void ptime_10(struct sender *s)
{
    s->ptime_ms = 10;
}

static void ptime_60(struct sender *s)
{
    s->ptime_ms = 60;
}

static void out_of_order(struct sender *s)
{
    s->swapped = s->i > 20 && s->i % 3 == 0;
}

static void twice(struct sender *s)
{
    s->doubled = true;
}

static void padded_extended(struct sender *s)
{
    s->padded = s->i % 2 == 0;
    s->extended = s->i % 3 == 0;
}

static void other_codec(struct sender *s)
{
    s->codec = s->i / 150 % 2 ? MCU_CODEC_G722 : MCU_CODEC_PCMU;
}

static void fast_clock(struct sender *s)
{
    s->ppm = -200;
}

static void speaks_in_spurts(struct sender *s)
{
    s->quiet = s->i % 100 >= 60;
}

static void a_burst(struct sender *s)
{
    s->late_ms = s->i >= 200 && s->i < 210 ? (210 - s->i) * 20 : 0;
}

static const struct row rows[] = {
    { "nothing odd, numbers and times wrap", MCU_CODEC_PCMU, NULL, 0, 0 },
    { "G.722 counts in 8000 Hz (RFC 3551 4.5.2)", MCU_CODEC_G722, NULL, 0, 0 },
    { "ten minutes of silence", MCU_CODEC_PCMU, NULL, 0, 600 },
    { "ten minutes of silence, G.722", MCU_CODEC_G722, NULL, 0, 600 },
    { "time jumps ahead by an hour", MCU_CODEC_PCMU, jump_ahead, 120, 0 },
    { "time jumps back", MCU_CODEC_PCMU, jump_back, 120, 0 },
    { "time jumps by 5 ms both ways", MCU_CODEC_PCMU, jump_a_little, 0, 0 },
    { "another SSRC, twice", MCU_CODEC_PCMU, another_source, 240, 0 },
    { "numbers begin anew", MCU_CODEC_PCMU, begins_anew, 120, 0 },
    { "ptime 10 to 60 ms, changing", MCU_CODEC_PCMU, many_ptimes, 100, 0 },
    { "ptime changing, G.722", MCU_CODEC_G722, many_ptimes, 100, 0 },
    { "ptime 10 ms", MCU_CODEC_PCMU, ptime_10, 0, 0 },
    { "ptime 60 ms", MCU_CODEC_PCMU, ptime_60, 60, 0 },
    { "every third one late by one", MCU_CODEC_PCMU, out_of_order, 40, 0 },
    { "each one twice", MCU_CODEC_PCMU, twice, 0, 0 },
    { "padding and extensions", MCU_CODEC_PCMU, padded_extended, 0, 0 },
    { "the codec changes", MCU_CODEC_PCMU, other_codec, 100, 0 }, /* G.722 begins in mid-stream */
    { "a clock that is 200 ppm fast", MCU_CODEC_PCMU, fast_clock, 0, 0 },
    { "a burst of 200 ms", MCU_CODEC_PCMU, a_burst, 200, 0 },
};

static void pauses_that_nobody_announced_are_no_underruns(void **state)
{
    static const struct row row = { "spurts", MCU_CODEC_PCMU, speaks_in_spurts, 0, 0 };
    static struct rig rig;
    open_rig(&rig, &row);
    run_row(&rig, &row);
    assert_in_range(rig.quiet_ticks, 150, 240); /* the pauses are silence */
    assert_in_range(underruns_of(&rig), 0, 4);  /* the last one is not over yet */
    close_rig(&rig);
}

static void odd_streams_are_heard_without_holes_and_clicks(void **state)
{
    static struct rig rig;
    double usual = 2 * M_PI * HZ / 48000 * AMPL;
    for (size_t i = 0; i < MCU_ARRAY_LEN(rows); i++) {
        open_rig(&rig, &rows[i]);
        run_row(&rig, &rows[i]);
        print_message("%-42s quiet for %3d ms, sharpest step %.1f of the usual\n", rows[i].name,
                      rig.quiet_ticks * 20, rig.worst_step / usual);
        if (rig.quiet_ticks * 20 > rows[i].hole_ms)
            fail_msg("%s: quiet for %d ms", rows[i].name, rig.quiet_ticks * 20);
        assert_true(rig.worst_step < 3 * usual);
        close_rig(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_that_nobody_announced_are_no_underruns),
        cmocka_unit_test(odd_streams_are_heard_without_holes_and_clicks),
    };
    return cmocka_run_group_tests(tests, encode, NULL);
}
