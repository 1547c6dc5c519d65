/* tests/unit/test_negotiate_offer.c - offers of ours, and how their answers are read. */
#include "tests/unit/nego_rig.h"

/* Our offer, their answer (our own answerer, elsewhere), our reading of it. */
static void delayed_offer_round_trip(void **state)
{
    static char ours[8192];
    struct mcu_nego_caps theirs = caps;
    struct mcu_nego_local there = local;
    snprintf(theirs.address, sizeof(theirs.address), "192.0.2.2");
    there.port[0] = 30000;
    there.port[1] = 30002;
    int n = mcu_nego_write_offer(&caps, &local, ours, sizeof(ours));
    assert_int_equal(n, strlen(ours));
    struct mcu_sdp *o = parse_text(ours);
    assert_int_equal(mcu_nego_offer(&nego, o, &theirs), 0);
    assert_true(mcu_nego_write_answer(&nego, o, &theirs, &there, text, sizeof(text)) > 0);
    struct mcu_sdp *a = parse_text(text);
    assert_int_equal(mcu_nego_answer(&nego, a, &caps), 0);
    assert_int_equal(nego.line_count, 2);
    const struct mcu_nego_line *au = &nego.line[0], *v = &nego.line[1];
    assert_true(au->accepted && au->codec == MCU_CODEC_OPUS && au->remote_port == 30000);
    assert_true(au->opus.stereo && au->opus.fec && au->rx_count == 5 && au->rx[4].codec == MCU_CODEC_CN);
    assert_true(au->dtmf_clock_hz == 48000 && au->dtmf_pt == 102);
    assert_true(v->accepted && v->codec == MCU_CODEC_H264 && v->h264.mode1 && v->rx_count == 4);
    assert_true(v->h264.profile_idc == 100 && v->fb_pli && v->fb_fir);
    assert_string_equal(v->remote_address, "192.0.2.2");
    mcu_sdp_free(&a);
    mcu_sdp_free(&o);
}

static int answer(const char *media)
{
    static char sdp[4096];
    snprintf(sdp, sizeof(sdp), "v=0\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n%s", media);
    struct mcu_sdp *s = parse_text(sdp);
    int rc = mcu_nego_answer(&nego, s, &caps);
    mcu_sdp_free(&s);
    return rc;
}

static void answers_to_our_offer(void **state)
{
    assert_int_equal(answer("m=audio 1000 RTP/AVP 8 101\r\n"
                            "a=rtpmap:101 telephone-event/8000\r\nm=video 0 RTP/AVP 98\r\n"),
                     0);
    assert_true(nego.line[0].codec == MCU_CODEC_PCMA && nego.line[0].dtmf_pt == 101);
    assert_false(nego.line[1].accepted);
    /* Opus under their own number: we send that, they send ours. */
    assert_int_equal(answer("m=audio 1000 RTP/AVP 120 13\r\na=rtpmap:120 opus/48000/2\r\n"), 0);
    assert_true(nego.line[0].pt == 120 && nego.line[0].rx[0].pt == 96);
    assert_int_equal(nego.line[0].rx_count, 1);
    /* Twice: two of theirs, still one of ours. */
    assert_int_equal(answer("m=audio 1000 RTP/AVP 120 121\r\na=rtpmap:120 opus/48000/2\r\n"
                            "a=rtpmap:121 opus/48000/2\r\n"),
                     0);
    assert_int_equal(nego.line[0].rx_count, 1);
    assert_int_equal(answer("m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 98\r\n"), -ENOENT);
    assert_int_equal(answer("m=audio 1000 RTP/AVP 18\r\n"), -ENOENT);
    assert_int_equal(answer("m=video 1000 RTP/AVP 98\r\n"), -EBADMSG);
    assert_int_equal(answer("m=audio 1 RTP/AVP 0\r\nm=video 0 RTP/AVP 98\r\n"
                            "m=video 0 RTP/AVP 98\r\n"),
                     -EBADMSG);
    caps.video_count = 0;
    assert_int_equal(answer("m=audio 1 RTP/AVP 0\r\nm=video 0 RTP/AVP 98\r\n"), -EBADMSG);
}

/* Two formats of one kind never share a number, whatever is configured for keys. */
static void our_numbers_do_not_clash(void **state)
{
    for (caps.dtmf_pt = 90; caps.dtmf_pt < 128; caps.dtmf_pt++) {
        bool seen[128] = { false };
        assert_true(mcu_nego_write_offer(&caps, &local, text, sizeof(text)) > 0);
        struct mcu_sdp *s = parse_text(text);
        int total = 0, distinct = 0;
        for (int m = 0; m < s->media_count; m++) {
            for (int i = 0; i < s->media[m].format_count; i++, total++) {
                assert_true(s->media[m].formats[i].encoding[0]);
                distinct += !seen[s->media[m].formats[i].pt];
                seen[s->media[m].formats[i].pt] = true;
            }
        }
        assert_int_equal(total, distinct);
        mcu_sdp_free(&s);
    }
}

static void our_reoffer_keeps_the_lines(void **state)
{
    struct mcu_sdp *s = parse_text("v=0\r\nc=IN IP4 192.0.2.7\r\nm=application 9 TCP/BFCP *\r\n"
                              "m=audio 1000 RTP/AVP 8 0\r\na=sendonly\r\nm=video 0 RTP/AVP 31\r\n");
    assert_int_equal(mcu_nego_offer(&nego, s, &caps), 0);
    assert_true(mcu_nego_write_reoffer(&nego, s, &caps, &local, text, sizeof(text)) > 0);
    answers("m=application 0 TCP/BFCP *");
    answers("m=audio 20002 RTP/AVP 0 8");
    answers("a=sendrecv");
    answers("m=video 0 RTP/AVP 31");
    mcu_sdp_free(&s);
}

static void comfort_noise_is_offered_beside_a_codec_of_its_clock(void **state)
{
    assert_true(mcu_nego_write_offer(&caps, &local, text, sizeof(text)) > 0);
    answers("m=audio 20000 RTP/AVP 96 9 0 8 13 101 102");
    answers("a=rtpmap:13 CN/8000");
    assert_int_equal(answer("m=audio 1000 RTP/AVP 0 13\r\n"), 0);
    assert_true(nego.line[0].codec == MCU_CODEC_PCMU && nego.line[0].rx_count == 2);
    caps.audio_count = 1; /* Opus alone */
    assert_true(mcu_nego_write_offer(&caps, &local, text, sizeof(text)) > 0);
    answers_not("CN/8000");
    assert_int_equal(answer("m=audio 1000 RTP/AVP 13\r\n"), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NEGO_TEST(delayed_offer_round_trip),
        NEGO_TEST(answers_to_our_offer),
        NEGO_TEST(our_numbers_do_not_clash),
        NEGO_TEST(our_reoffer_keeps_the_lines),
        NEGO_TEST(comfort_noise_is_offered_beside_a_codec_of_its_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
