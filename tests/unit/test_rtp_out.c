/* tests/unit/test_rtp_out.c - the sending half of a line: timestamps, packet times, pacing. */
#include <math.h>

#include "line_harness.h"

#include <errno.h>

#include "mixer/base/counter.h"
#include "net/pacer.h"

static void send_audio(struct harness *h, enum mcu_codec codec, int64_t time_ns, size_t size, int fill)
{
    struct mcu_unit *u = mcu_unit_new(size);
    u->codec = codec;
    u->time_ns = time_ns;
    u->duration_ns = 20 * MS;
    u->size = size;
    u->csrc_count = 2;
    u->csrc[0] = 77;
    u->csrc[1] = 88;
    memset(u->data, fill, size);
    mcu_line_send(h->line, u, h->now_ns);
    mcu_unit_unref(&u);
}

static struct mcu_rtp parsed(struct harness *h, int i)
{
    struct mcu_rtp r;
    assert_int_equal(mcu_rtp_parse(&r, h->packet[i].data, h->packet[i].size), 0);
    return r;
}

static void audio_timestamps_follow_conference_time(void **state)
{
    struct harness h;
    struct mcu_line_config c = harness_config(MCU_CODEC_OPUS);
    harness_open(&h, &c);
    for (int i = 0; i < 30; i++) /* silence of 200 ms in the middle */
        send_audio(&h, MCU_CODEC_OPUS, (5000 + (i < 15 ? i : i + 10) * 20) * MS + 7, 60, i);
    send_audio(&h, MCU_CODEC_PCMU, 6000 * MS, 160, 0); /* another codec is dropped */
    assert_int_equal(h.packets, 30);
    struct mcu_rtp first = parsed(&h, 0);
    for (int i = 0; i < 30; i++) {
        struct mcu_rtp r = parsed(&h, i);
        assert_int_equal(r.ssrc, OUR_SSRC);
        assert_int_equal(r.pt, 96);
        assert_int_equal((uint16_t)(r.seq - first.seq), i);
        assert_int_equal(r.ts - first.ts, (i < 15 ? i : i + 10) * 960);
        assert_int_equal(r.marker, i == 0 || i == 15);
        assert_int_equal(r.csrc_count, 2);
        assert_int_equal(r.csrc[1], 88);
        assert_int_equal(r.payload_bytes, 60);
    }
    harness_close(&h);
}

static void audio_time_never_runs_backwards(void **state)
{
    struct harness h;
    struct mcu_line_config c = harness_config(MCU_CODEC_PCMU);
    harness_open(&h, &c);
    for (int i = 0; i < 10; i++)
        send_audio(&h, MCU_CODEC_PCMU, (5000 + i * 20) * MS, 160, i);
    for (int i = 0; i < 10; i++) /* another conference, 70 ms behind: 3 whole units are heard twice */
        send_audio(&h, MCU_CODEC_PCMU, (5130 + i * 20) * MS, 160, i);
    assert_int_equal(h.packets, 16);
    for (int i = 1; i < h.packets; i++)
        assert_true((int32_t)(parsed(&h, i).ts - parsed(&h, i - 1).ts) >= 160);
    harness_close(&h);
}

static void audio_is_cut_and_gathered_to_the_packet_time(void **state)
{
    static const int ptimes[] = { 10, 20, 30, 40, 50, 60 };
    for (size_t k = 0; k < 6; k++) {
        struct harness h;
        struct mcu_line_config c = harness_config(MCU_CODEC_G722);
        c.tx_ptime_ms = ptimes[k];
        harness_open(&h, &c);
        for (int i = 0; i < 300; i++)
            send_audio(&h, MCU_CODEC_G722, (5000 + i * 20) * MS, 160, i);
        assert_int_equal(h.packets, 6000 / ptimes[k]);
        struct mcu_rtp first = parsed(&h, 0);
        for (int i = 0, at = 0; i < h.packets; i++) {
            struct mcu_rtp r = parsed(&h, i);
            assert_int_equal(r.payload_bytes, ptimes[k] * 8);
            assert_int_equal(r.ts - first.ts, i * ptimes[k] * 8);
            assert_int_equal(r.marker, i == 0);
            for (size_t b = 0; b < r.payload_bytes; b++, at++)
                assert_int_equal(r.payload[b], (uint8_t)(at / 160));
        }
        harness_close(&h);
    }
}

static void audio_gathered_does_not_span_a_silence(void **state)
{
    struct harness h;
    struct mcu_line_config c = harness_config(MCU_CODEC_PCMU);
    c.tx_ptime_ms = 60;
    harness_open(&h, &c);
    send_audio(&h, MCU_CODEC_PCMU, 5000 * MS, 160, 1);
    assert_int_equal(h.packets, 0);
    for (int i = 0; i < 3; i++)
        send_audio(&h, MCU_CODEC_PCMU, (6000 + i * 20) * MS, 160, 2);
    assert_int_equal(h.packets, 2);
    assert_int_equal(parsed(&h, 0).payload_bytes, 160);
    assert_int_equal(parsed(&h, 1).payload_bytes, 480);
    assert_true(parsed(&h, 1).marker);
    assert_int_equal(parsed(&h, 1).ts - parsed(&h, 0).ts, 8000);
    harness_close(&h);
}

/* A VP8 frame of any content: 3 bytes of header, P bit (inverse key) first. */
static struct mcu_unit *picture(size_t size, bool key, int64_t time_ns, int fill)
{
    struct mcu_unit *u = mcu_unit_new(size);
    memset(u->data, fill, size);
    u->data[0] = key ? 0x10 : 0x11;
    memcpy(u->data + 3, "\x9d\x01\x2a\x40\x01\xf0\x00", 7);
    u->size = size;
    u->codec = MCU_CODEC_VP8;
    u->keyframe = key;
    u->time_ns = time_ns;
    return u;
}

static void send_picture(struct harness *h, size_t size, bool key)
{
    struct mcu_unit *u = picture(size, key, h->now_ns, 7);
    mcu_line_send(h->line, u, h->now_ns);
    mcu_unit_unref(&u);
}

static void open_video(struct harness *h, int pace_bps)
{
    struct mcu_line_config c = harness_config(MCU_CODEC_VP8);
    c.pace_bps = pace_bps;
    c.fb_pli = true;
    harness_open(h, &c);
}

static void pacer_spreads_a_keyframe(void **state)
{
    struct harness h;
    open_video(&h, 1000000);
    int64_t start = h.now_ns;
    send_picture(&h, 60000, true);
    int first = h.packets; /* what a usual picture has leaves at once */
    assert_in_range(first, 3, 5);
    harness_until(&h, start + 400 * MS);
    int rtp = 0, in_round = 0, most = 0;
    int64_t last = 0, round = 0;
    for (int i = 0; i < h.packets; i++) {
        if (h.packet[i].rtcp)
            continue;
        rtp++;
        if (i < first)
            continue;
        in_round = h.packet[i].at_ns == round ? in_round + 1 : 1;
        most = in_round > most ? in_round : most;
        round = last = h.packet[i].at_ns;
        struct mcu_rtp r = parsed(&h, i);
        assert_true(r.payload_bytes <= 1200);
        assert_int_equal(r.ts, parsed(&h, 0).ts);
    }
    assert_in_range(rtp, 50, 53);
    assert_in_range(most, 1, 3);
    /* 60 kB at 2.5 Mbit/s: 192 ms. */
    assert_in_range(last - start, 170 * MS, 210 * MS);
    harness_close(&h);
}

static void pacer_lets_a_steady_stream_pass_within_a_frame(void **state)
{
    struct harness h;
    open_video(&h, 1000000);
    for (int i = 0; i < 90; i++) { /* 30 pictures a second at the bitrate */
        int64_t frame = (1000 + i * 100 / 3) * MS;
        harness_until(&h, frame);
        send_picture(&h, 4000, i == 0);
        harness_until(&h, frame + 20 * MS);
        int newest = h.packets - 1;
        while (h.packet[newest].rtcp)
            newest--;
        assert_true(parsed(&h, newest).marker);
    }
    harness_close(&h);
}

static void pacer_drops_whole_pictures_and_goes_on_at_a_keyframe(void **state)
{
    struct harness h;
    open_video(&h, 100000); /* 250 kbit/s out, 1 s is 31 kB */
    uint64_t dropped = mcu_counter_get(MCU_CNT_PACER_DROPPED);
    send_picture(&h, 40000, true);
    send_picture(&h, 5000, false); /* more than 1 s waits already */
    assert_int_equal(h.keyframes_wanted, 1);
    send_picture(&h, 5000, false);
    send_picture(&h, 5000, false);
    assert_int_equal(h.keyframes_wanted, 1);
    assert_int_equal(mcu_counter_get(MCU_CNT_PACER_DROPPED) - dropped, 3);
    harness_until(&h, h.now_ns + 1400 * MS);
    send_picture(&h, 5000, false); /* there is room, but nothing to build on */
    int before = h.packets;
    harness_until(&h, h.now_ns + 500 * MS);
    send_picture(&h, 5000, true);
    harness_until(&h, h.now_ns + 500 * MS);
    int rtp = 0;
    for (int i = before; i < h.packets; i++)
        rtp += !h.packet[i].rtcp;
    assert_in_range(rtp, 5, 6);
    harness_close(&h);
}

static void pacer_without_a_rate_sends_at_once(void **state)
{
    struct harness h;
    open_video(&h, 0);
    send_picture(&h, 60000, true);
    assert_in_range(h.packets, 50, 53);
    for (int i = 0; i < h.packets; i++)
        assert_int_equal(parsed(&h, i).marker, i == h.packets - 1);
    harness_close(&h);
}

static void pacer_bucket_is_small_and_does_not_save_up(void **state)
{
    struct mcu_pacer p;
    mcu_pacer_init(&p, 400000, 1200); /* 1 Mbit/s: 625 bytes a round, but two packets at least */
    int64_t t = 0;
    for (int k = 0; k < 3; k++, t += 10000 * MS) { /* idle for 10 s in between */
        int n = 0;
        while (mcu_pacer_may_send(&p, t)) {
            mcu_pacer_sent(&p, 1200);
            n++;
        }
        assert_int_equal(n, 2);
    }
    size_t bytes = 0;
    for (t -= 10000 * MS; t < 21000 * MS; t += 5 * MS)
        for (; mcu_pacer_may_send(&p, t); bytes += 1200)
            mcu_pacer_sent(&p, 1200);
    assert_in_range(bytes, 120000, 130000);
}

/* A keyframe of 0.3 s, at the rates of all rungs: in no 20 ms (or the time of four packets) does more
 * than twice the pacing rate leave, though a timer be late. */
static void pacer_never_bursts_above_twice_its_rate(void **state)
{
    static const int rates[] = { 60000, 150000, 500000, 1500000, 4000000 };
    for (int k = 0; k < 5; k++) {
        struct mcu_pacer p;
        int64_t at[512], t = 1000 * MS, window;
        int n = 0, most = 0;
        double pace = rates[k] * 2.5 / 8e9; /* bytes a ns */
        mcu_pacer_init(&p, rates[k], 1200);
        window = (int64_t)fmax(20e6, 4 * 1200 / pace);
        for (; n * 1200 < rates[k] / 8 * 3 / 10; t = mcu_pacer_ready_ns(&p) + (n % 7 == 0 ? 9 * MS : 0))
            for (; n < 512 && mcu_pacer_may_send(&p, t); at[n++] = t)
                mcu_pacer_sent(&p, 1200);
        for (int i = 0, from = 0; i < n; i++) {
            while (at[i] - at[from] >= window)
                from++;
            most = i - from + 1 > most ? i - from + 1 : most;
        }
        print_message("%d bit/s: %.2f times the pacing rate in %.0f ms, %d packets\n", rates[k],
                      most * 1200 / (pace * (double)window), (double)window / 1e6, n);
        assert_true(most * 1200 <= 2 * pace * (double)window);
    }
}

static void line_not_sending_sends_no_media(void **state)
{
    struct harness h;
    open_video(&h, 100000);
    send_picture(&h, 20000, true);
    struct mcu_line_config c = h.config;
    c.send = false;
    assert_int_equal(mcu_line_reconfigure(h.line, &c), 0);
    int before = h.packets;
    send_picture(&h, 1000, true);
    harness_until(&h, h.now_ns + 300 * MS);
    for (int i = before; i < h.packets; i++)
        assert_true(h.packet[i].rtcp);
    harness_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(audio_timestamps_follow_conference_time),
        cmocka_unit_test(audio_time_never_runs_backwards),
        cmocka_unit_test(audio_is_cut_and_gathered_to_the_packet_time),
        cmocka_unit_test(audio_gathered_does_not_span_a_silence),
        cmocka_unit_test(pacer_spreads_a_keyframe),
        cmocka_unit_test(pacer_lets_a_steady_stream_pass_within_a_frame),
        cmocka_unit_test(pacer_drops_whole_pictures_and_goes_on_at_a_keyframe),
        cmocka_unit_test(pacer_without_a_rate_sends_at_once),
        cmocka_unit_test(pacer_bucket_is_small_and_does_not_save_up),
        cmocka_unit_test(pacer_never_bursts_above_twice_its_rate),
        cmocka_unit_test(line_not_sending_sends_no_media),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
