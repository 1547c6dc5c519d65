/* tests/unit/test_negotiate_formats.c - which formats of a line are taken, and what is said of each. */
#include "tests/unit/nego_rig.h"

static void telephone_event_follows_the_codec_clock(void **state)
{
    static const char events[] = "a=rtpmap:96 opus/48000/2\r\na=rtpmap:100 telephone-event/8000\r\n"
                                 "a=rtpmap:99 TELEPHONE-EVENT/48000\r\n";
    char media[512];
    snprintf(media, sizeof(media), "m=audio 1000 RTP/AVP 96 0 100 99\r\n%s", events);
    offer(media);
    assert_true(nego.line[0].dtmf_pt == 99 && nego.line[0].dtmf_clock_hz == 48000);
    snprintf(media, sizeof(media), "m=audio 1000 RTP/AVP 0 99 100\r\n%s", events);
    offer(media);
    assert_true(nego.line[0].dtmf_pt == 100 && nego.line[0].dtmf_clock_hz == 8000);
    answers("m=audio 20000 RTP/AVP 0 100");
    offer("m=audio 1000 RTP/AVP 0\r\n");
    assert_true(nego.line[0].dtmf_pt == -1 && nego.line[0].dtmf_clock_hz == -1);
}

static void ptime_is_the_peers_within_bounds(void **state)
{
    static const struct {
        const char *attributes;
        int ptime_ms, opus_ms;
    } cases[] = {
        { "", 20, 20 },
        { "a=ptime:30\r\n", 30, 20 },
        { "a=ptime:5\r\n", 10, 10 },
        { "a=ptime:200\r\n", 60, 60 },
        { "a=ptime:60\r\na=maxptime:40\r\n", 40, 40 },
        { "a=maxptime:10\r\n", 10, 10 },
        { "a=ptime:0\r\n", 20, 20 },
        { "a=ptime:99999999999\r\n", 60, 60 },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++) {
        char media[256];
        snprintf(media, sizeof(media), "m=audio 1000 RTP/AVP 0\r\n%s", cases[i].attributes);
        offer(media);
        assert_int_equal(nego.line[0].ptime_ms, cases[i].ptime_ms);
        snprintf(media, sizeof(media), "m=audio 1000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n%s",
                 cases[i].attributes);
        offer(media);
        assert_int_equal(nego.line[0].ptime_ms, cases[i].opus_ms);
    }
}

/* One H.264 format with this fmtp; its answer is in text. */
static const struct mcu_nego_h264 *h264(const char *fmtp)
{
    char media[512];
    snprintf(media, sizeof(media), "m=video 1000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n%s%s\r\n",
             fmtp[0] ? "a=fmtp:96 " : "a=x", fmtp);
    assert_int_equal(offer(media), 0);
    return &nego.line[0].h264;
}

static void h264_level_is_ours_where_asymmetry_is_allowed(void **state)
{
    const struct mcu_nego_h264 *h =
        h264("profile-level-id=42e00d;packetization-mode=1;level-asymmetry-allowed=1");
    answers("a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1");
    assert_true(h->max_fs == 396 && h->level_idc == 13); /* we send what they take */
}

static void h264_level_is_the_lower_one_without_asymmetry(void **state)
{
    const struct mcu_nego_h264 *h = h264("profile-level-id=42e00d");
    answers("a=fmtp:96 profile-level-id=42e00d;max-fs=3600;max-mbps=108000;max-br=2000");
    assert_int_equal(h->max_fs, 396);
    h = h264("profile-level-id=640028;packetization-mode=1");
    answers("a=fmtp:96 profile-level-id=64001f;packetization-mode=1");
    assert_true(h->level_idc == 31 && h->max_fs == 3600);
    h = h264("profile-level-id=42f00b"); /* 1b */
    answers("a=fmtp:96 profile-level-id=42f00b;max-fs=3600;max-mbps=108000;max-br=2000");
    assert_int_equal(h->max_br_kbps, 128);
    h = h264("profile-level-id=42f00b;level-asymmetry-allowed=1");
    answers("a=fmtp:96 profile-level-id=42e01f;level-asymmetry-allowed=1");
    assert_int_equal(h->max_br_kbps, 128);
}

static void h264_without_parameters_is_baseline_level_1_mode_0(void **state)
{
    const struct mcu_nego_h264 *h = h264("");
    assert_true(h->profile_idc == 66 && h->level_idc == 10 && !h->mode1 && h->max_fs == 99);
    assert_int_equal(nego.line[0].max_send_bps, 64000);
    answers_not("packetization-mode");
}

static void h264_mode_1_wins_then_the_higher_profile(void **state)
{
    static const char head[] = "m=video 1000 RTP/AVP 96 97 98 99\r\na=rtpmap:96 H264/90000\r\n"
                               "a=rtpmap:97 H264/90000\r\na=rtpmap:98 H264/90000\r\n"
                               "a=rtpmap:99 VP8/90000\r\na=fmtp:96 profile-level-id=64001f\r\n"
                               "a=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\n";
    char media[1024];
    snprintf(media, sizeof(media), "%sa=fmtp:98 profile-level-id=4d001f;packetization-mode=1\r\n",
             head);
    offer(media);
    assert_int_equal(nego.line[0].pt, 98);
    answers("m=video 20000 RTP/AVP 98 96 97 99");
    snprintf(media, sizeof(media), "%sa=fmtp:98 profile-level-id=6e001f;packetization-mode=1\r\n",
             head);
    offer(media); /* high 10 is no format of ours */
    assert_int_equal(nego.line[0].pt, 97);
    answers("m=video 20000 RTP/AVP 97 96 99");
}

static void caps_order_decides_the_codec(void **state)
{
    static const char media[] = "m=video 1000 RTP/AVP 96 97\r\na=rtpmap:96 H264/90000\r\n"
                                "a=rtpmap:97 VP8/90000\r\na=fmtp:97 max-fs=1200;max-fr=15\r\n"
                                "b=TIAS:300000\r\n";
    offer(media);
    assert_int_equal(nego.line[0].codec, MCU_CODEC_H264);
    caps.video[0] = MCU_CODEC_VP8;
    caps.video[1] = MCU_CODEC_H264;
    offer(media);
    assert_int_equal(nego.line[0].codec, MCU_CODEC_VP8);
    assert_true(nego.line[0].vp8_max_fs == 1200 && nego.line[0].vp8_max_fr == 15);
    assert_int_equal(nego.line[0].max_send_bps, 300000);
    answers("a=fmtp:97 max-fs=3600;max-fr=30");
}

/* What is received only is answered, and chooses nothing. */
static void codecs_that_are_received_only_follow_the_others(void **state)
{
    caps.video_in[0] = MCU_CODEC_VP9;
    caps.video_in[1] = MCU_CODEC_AV1;
    caps.video_in_count = 2;
    assert_int_equal(offer("m=video 4000 RTP/AVP 98 100 99 45 97\r\n"
                           "a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\n"
                           "a=rtpmap:100 VP9/90000\r\na=fmtp:100 profile-id=2\r\n"
                           "a=rtpmap:99 AV1/90000\r\na=rtpmap:45 AV1/90000\r\na=fmtp:45 profile=1\r\n"
                           "a=rtpmap:97 VP8/90000\r\n"),
                     0);
    assert_int_equal(nego.line[0].codec, MCU_CODEC_VP8);
    assert_int_equal(nego.line[0].pt, 97);
    assert_true(nego.line[0].we_send);
    assert_int_equal(nego.line[0].rx_count, 3); /* other profiles are none of ours */
    assert_non_null(strstr(text, "m=video 20000 RTP/AVP 97 98 99\r\n"));
    assert_non_null(strstr(text, "a=fmtp:98 profile-id=0;max-fs=3600;max-fr=30\r\n"));
    assert_non_null(strstr(text, "a=fmtp:99 profile=0;level-idx=5;tier=0\r\n"));
    assert_non_null(strstr(text, "a=sendrecv"));
}

static void a_line_of_codecs_that_are_received_only_is_recvonly(void **state)
{
    caps.video_in[0] = MCU_CODEC_AV1;
    caps.video_in_count = 1;
    assert_int_equal(offer("m=video 4000 RTP/AVP 99\r\na=rtpmap:99 AV1/90000\r\n"), 0);
    assert_int_equal(nego.line[0].codec, MCU_CODEC_NONE);
    assert_false(nego.line[0].we_send);
    assert_true(nego.line[0].we_receive);
    assert_non_null(strstr(text, "a=recvonly"));
    assert_int_equal(offer("m=video 4000 RTP/AVP 99\r\na=rtpmap:99 AV1/90000\r\na=recvonly\r\n"),
                     -ENOENT);
}

static void vp9_is_sent_where_it_is_ours(void **state)
{
    caps.video[1] = MCU_CODEC_VP9;
    assert_int_equal(offer("m=video 4000 RTP/AVP 98\r\na=rtpmap:98 VP9/90000\r\n"
                           "a=fmtp:98 max-fs=1200;max-fr=15\r\n"), 0);
    assert_int_equal(nego.line[0].codec, MCU_CODEC_VP9);
    assert_int_equal(nego.line[0].vp8_max_fs, 1200);
    assert_int_equal(nego.line[0].vp8_max_fr, 15);
}

/* RFC 3389 4: its clock is that of the codec beside it. */
static void comfort_noise_is_taken_beside_a_codec_of_its_clock(void **state)
{
    assert_int_equal(offer("m=audio 4000 RTP/AVP 8 13\r\n"), 0);
    assert_int_equal(nego.line[0].rx_count, 2);
    assert_int_equal(nego.line[0].rx[1].codec, MCU_CODEC_CN);
    answers("m=audio 20000 RTP/AVP 8 13");
    answers("a=rtpmap:13 CN/8000");
    assert_int_equal(offer("m=audio 4000 RTP/AVP 9 98\r\na=rtpmap:98 CN/8000\r\n"), 0);
    assert_int_equal(nego.line[0].rx[1].pt, 98);
    assert_int_equal(offer("m=audio 4000 RTP/AVP 96 13 98\r\na=rtpmap:96 opus/48000/2\r\n"
                           "a=rtpmap:98 CN/16000\r\n"), 0);
    assert_int_equal(nego.line[0].rx_count, 1);
    assert_int_equal(offer("m=audio 4000 RTP/AVP 13\r\n"), -ENOENT);
}

/* Below what we can: a true limit for VP8, a lower level for H.264 where levels may differ. */
static void less_is_asked_for_by_each_codecs_own_means(void **state)
{
    caps.ask.width = 320;
    caps.ask.height = 180;
    caps.ask.bps = 187500;
    offer("m=video 4000 RTP/AVP 98\r\na=rtpmap:98 VP8/90000\r\n");
    answers("b=TIAS:187500");
    answers("a=fmtp:98 max-fs=240;max-fr=30");
    const struct mcu_nego_h264 *h =
        h264("profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1");
    answers("a=fmtp:96 profile-level-id=42e00d;packetization-mode=1;level-asymmetry-allowed=1");
    answers("b=TIAS:187500");
    assert_int_equal(h->max_fs, 3600); /* what we send is not bound by it */
    h = h264("profile-level-id=42e01f;packetization-mode=1");
    answers("a=fmtp:96 profile-level-id=42e01f;packetization-mode=1");
    answers("b=TIAS:187500");
    assert_int_equal(h->max_fs, 3600);
    h264("profile-level-id=42e01f"); /* and nothing is asked of sound */
    offer("m=audio 4000 RTP/AVP 0\r\n");
    answers("b=TIAS:64000");
    caps.ask.width = 4096; /* more than we take is not asked for */
    caps.ask.height = 2160;
    caps.ask.bps = 9000000;
    offer("m=video 4000 RTP/AVP 98\r\na=rtpmap:98 VP8/90000\r\n");
    answers("a=fmtp:98 max-fs=3600;max-fr=30");
    answers("b=TIAS:2000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NEGO_TEST(telephone_event_follows_the_codec_clock),
        NEGO_TEST(ptime_is_the_peers_within_bounds),
        NEGO_TEST(h264_level_is_ours_where_asymmetry_is_allowed),
        NEGO_TEST(h264_level_is_the_lower_one_without_asymmetry),
        NEGO_TEST(h264_without_parameters_is_baseline_level_1_mode_0),
        NEGO_TEST(h264_mode_1_wins_then_the_higher_profile),
        NEGO_TEST(caps_order_decides_the_codec),
        NEGO_TEST(codecs_that_are_received_only_follow_the_others),
        NEGO_TEST(a_line_of_codecs_that_are_received_only_is_recvonly),
        NEGO_TEST(vp9_is_sent_where_it_is_ours),
        NEGO_TEST(comfort_noise_is_taken_beside_a_codec_of_its_clock),
        NEGO_TEST(less_is_asked_for_by_each_codecs_own_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
