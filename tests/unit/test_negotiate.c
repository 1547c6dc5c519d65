/* tests/unit/test_negotiate.c - offers shaped like those of real devices, and what we answer; which lines are
 * taken, and which way they run. tests/unit/data/sdp/X.offer has the golden answer X.answer beside it. */
#include "tests/unit/nego_rig.h"

static void use_ipv6(void)
{
    caps.ipv6 = true;
    snprintf(caps.address, sizeof(caps.address), "2001:db8::1");
}

/* What the caller of the negotiation does: a key of ours for each line that needs one. */
static void make_keys(void)
{
    for (int i = 0; i < nego.line_count; i++) {
        local.key[i].suite = nego.line[i].sdes.key.suite;
        memset(local.key[i].bytes, 'A' + i, sizeof(local.key[i].bytes));
    }
}

static void device_offers_get_their_golden_answers(void **state)
{
    static const char *const names[] = {
        "cisco-room",  "poly-group",         "yealink",     "linphone",
        "baresip",     "baresip-all-codecs", "sipp",        "asterisk",
        "freeswitch",  "huawei-room",        "legacy-h263", "secure-best-effort",
        "ipv6-bridge", "baresip-sdes",       "baresip-dtls",
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(names); i++) {
        char *o = sdp_rig_read(names[i], ".offer"), *golden = sdp_rig_read(names[i], ".answer");
        setup(state);
        if (strncmp(names[i], "ipv6", 4) == 0)
            use_ipv6();
        struct mcu_sdp *s = parse_text(o);
        assert_int_equal(mcu_nego_offer(&nego, s, &caps), 0);
        make_keys();
        int n = mcu_nego_write_answer(&nego, s, &caps, &local, text, sizeof(text));
        assert_int_equal(n, strlen(text));
        sdp_rig_strip_cr(text);
        if (strcmp(text, golden) != 0)
            fail_msg("%s: answered\n%s", names[i], text);
        mcu_sdp_free(&s);
        free(o);
        free(golden);
    }
}

static void load(const char *name)
{
    char *o = sdp_rig_read(name, ".offer");
    struct mcu_sdp *s = parse_text(o);
    assert_int_equal(mcu_nego_offer(&nego, s, &caps), 0);
    mcu_sdp_free(&s);
    free(o);
}

static void cisco_room_outcome(void **state)
{
    load("cisco-room");
    assert_int_equal(nego.line_count, 5);
    const struct mcu_nego_line *a = &nego.line[0], *v = &nego.line[1];
    assert_true(a->accepted && a->codec == MCU_CODEC_G722 && a->pt == 9 && a->dtmf_pt == 101);
    assert_string_equal(a->remote_address, "192.0.2.20");
    assert_true(a->remote_port == 16484 && a->remote_rtcp_port == 16485);
    assert_true(v->accepted && v->codec == MCU_CODEC_H264 && v->pt == 96 && v->rx_count == 3);
    assert_true(v->h264.mode1 && v->h264.profile_idc == 100 && v->h264.level_idc == 22);
    assert_true(v->h264.max_fs == 9000 && v->h264.max_mbps == 245000);
    assert_int_equal(v->max_send_bps, 5000000); /* max-br, below TIAS */
    assert_true(v->fb_pli && v->fb_fir && v->we_send && v->we_receive);
    assert_false(nego.line[2].accepted);
    assert_true(nego.line[3].content && !nego.line[3].accepted);
    assert_false(nego.line[4].accepted);
}

static void freeswitch_outcome(void **state)
{
    load("freeswitch");
    const struct mcu_nego_line *a = &nego.line[0], *v = &nego.line[1];
    assert_true(a->codec == MCU_CODEC_OPUS && a->dtmf_pt == 103 && a->dtmf_clock_hz == 48000);
    assert_true(a->rtcp_mux && a->remote_rtcp_port == 29480);
    assert_true(a->opus.fec && !a->opus.stereo && a->max_send_bps == 30000);
    assert_int_equal(v->max_send_bps, 990967); /* 1024 kbit/s less headers */
}

static void asterisk_opus_limits_are_kept(void **state)
{
    load("asterisk");
    const struct mcu_nego_line *a = &nego.line[0];
    assert_true(a->opus.max_playback_rate_hz == 16000 && a->opus.max_average_bps == 20000);
    assert_true(a->opus.dtx && a->opus.fec);
    assert_int_equal(a->dtmf_clock_hz, 8000); /* none at 48000 is offered */
    assert_true(nego.line[1].pt == 99 && !nego.line[1].h264.mode1);
}

static void poly_parameter_sets_come_through(void **state)
{
    load("poly-group");
    const struct mcu_nego_line *v = &nego.line[1];
    assert_int_equal(v->rx_count, 3);
    assert_int_equal(v->rx[1].pt, 109);
    assert_true(v->rx[1].sprop == v->sprop_buf && v->rx[1].sprop_bytes > 8);
    assert_memory_equal(v->rx[1].sprop, "\0\0\0\1\x67", 5);
    assert_null(v->rx[0].sprop);
    assert_true(v->fb_fir && v->fb_pli);
}

static void ipv6_and_rtcp_attribute(void **state)
{
    use_ipv6();
    load("ipv6-bridge");
    const struct mcu_nego_line *a = &nego.line[0];
    assert_true(a->remote_ipv6 && a->remote_rtcp_port == 6021 && a->ptime_ms == 30);
    assert_string_equal(a->remote_rtcp_address, "2001:db8::21");
    setup(state);
    assert_int_equal(offer("m=audio 1000 RTP/AVP 0\r\nc=IN IP6 2001:db8::2\r\n"), -ENOENT);
    assert_int_equal(offer("m=audio 1000 RTP/AVP 0\r\nc=IN IP4 phone.example\r\n"), -ENOENT);
}

static void thirty_two_lines_are_answered_in_order(void **state)
{
    char media[4096] = "";
    for (int i = 0; i < 32; i++)
        snprintf(media + strlen(media), sizeof(media) - strlen(media), "m=%s %d %s\r\n",
                 i == 20 ? "audio"
                 : i % 2 ? "image"
                         : "application",
                 5000 + i,
                 i == 20 ? "RTP/AVP 8"
                 : i % 2 ? "udptl t38"
                         : "TCP/BFCP *");
    assert_int_equal(offer(media), 0);
    struct mcu_sdp *s = parse_text(text);
    assert_int_equal(s->media_count, 32);
    for (int i = 0; i < 32; i++) {
        assert_int_equal(s->media[i].port, i == 20 ? 20040 : 0);
        assert_string_equal(s->media[i].formats[0].text, i == 20 ? "8" : i % 2 ? "t38" : "*");
    }
    mcu_sdp_free(&s);
}

static void a_line_without_formats_gets_a_legal_refusal(void **state)
{
    assert_int_equal(offer("m=audio 1000 RTP/AVP 0\r\nm=application 5000 TCP/BFCP /1\r\n"
                           "m=video 5002 RTP/AVP\r\n"),
                     0);
    answers("m=application 0 TCP/BFCP *");
    answers("m=video 0 RTP/AVP 0");
}

static void nothing_in_common_is_enoent(void **state)
{
    assert_int_equal(offer("m=audio 1000 RTP/AVP 18\r\n"), -ENOENT);
    assert_int_equal(offer("m=audio 0 RTP/AVP 0\r\n"), -ENOENT);
    assert_int_equal(offer("m=audio 1000 RTP/SAVPF 0\r\n"), -ENOENT);
    assert_int_equal(offer("m=audio 1000 RTP/AVP 96\r\n"), -ENOENT);
    assert_int_equal(offer("m=audio 1000 RTP/AVP 96\r\na=rtpmap:96 opus/16000\r\n"), -ENOENT);
    assert_int_equal(offer("m=video 1000 RTP/AVP 0\r\n"), -ENOENT);
    assert_int_equal(offer("m=video 1000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
                           "a=fmtp:96 packetization-mode=2\r\n"),
                     -ENOENT);
    assert_int_equal(offer(""), -ENOENT);
    caps.video_count = 0;
    assert_int_equal(offer("m=video 1000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"), -ENOENT);
}

static void hold_and_resume(void **state)
{
    static const struct {
        const char *attribute, *answer;
        bool hold, send, receive;
    } cases[] = {
        { "", "a=sendrecv", false, true, true },
        { "a=sendonly\r\n", "a=recvonly", false, false, true },
        { "a=recvonly\r\n", "a=sendonly", false, true, false },
        { "a=inactive\r\n", "a=inactive", false, false, false },
        { "c=IN IP4 0.0.0.0\r\n", "a=recvonly", false, false, true },
        { "c=IN IP6 ::\r\n", "a=recvonly", false, false, true },
        { "c=IN IP4 0.0.0.0\r\na=inactive\r\n", "a=inactive", false, false, false },
        { "", "a=inactive", true, true, true },
        { "a=sendonly\r\n", "a=inactive", true, false, true },
        { "a=sendrecv\r\n", "a=sendrecv", false, true, true },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++) {
        char media[128];
        local.hold[0] = cases[i].hold;
        snprintf(media, sizeof(media), "m=audio 1000 RTP/AVP 0\r\n%s", cases[i].attribute);
        assert_int_equal(offer(media), 0);
        answers(cases[i].answer);
        assert_int_equal(nego.line[0].we_send, cases[i].send);
        assert_int_equal(nego.line[0].we_receive, cases[i].receive);
    }
}

static void a_reoffer_may_change_ports_and_codecs(void **state)
{
    assert_int_equal(offer("m=audio 1000 RTP/AVP 0 8\r\n"), 0);
    assert_true(nego.line[0].remote_port == 1000 && nego.line[0].codec == MCU_CODEC_PCMU);
    local.session_version++;
    assert_int_equal(offer("m=audio 3000 RTP/AVP 8\r\na=rtcp:3005\r\n"), 0);
    assert_true(nego.line[0].remote_port == 3000 && nego.line[0].codec == MCU_CODEC_PCMA);
    assert_int_equal(nego.line[0].remote_rtcp_port, 3005);
    answers("o=- 7 2 IN IP4 192.0.2.1");
}

static void slides_are_refused_wherever_they_stand(void **state)
{
    static const char vp8[] = "a=rtpmap:96 VP8/90000\r\n";
    char media[512];
    snprintf(media, sizeof(media),
             "m=video 1000 RTP/AVP 96\r\n%sa=content:slides\r\n"
             "m=video 1002 RTP/AVP 96\r\n%sm=video 1004 RTP/AVP 96\r\n%s",
             vp8, vp8, vp8);
    assert_int_equal(offer(media), 0);
    assert_true(nego.line[0].content && !nego.line[0].accepted);
    assert_true(nego.line[1].accepted && !nego.line[2].accepted);
    answers("m=video 20002 RTP/AVP 96");
}

static void feedback_is_answered_as_far_as_offered(void **state)
{
    offer("m=video 1000 RTP/AVPF 96 97\r\na=rtpmap:96 H264/90000\r\na=rtpmap:97 VP8/90000\r\n"
          "a=rtcp-fb:96 nack\r\na=rtcp-fb:97 nack pli\r\n"
          "a=rtcp-fb:97 ccm fir\r\na=rtcp-fb:96 ccm fir\r\n"
          "a=rtcp-fb:* goog-remb\r\na=rtcp-fb:* ccm tmmbr\r\n");
    answers("a=rtcp-fb:* ccm fir");
    answers("a=rtcp-fb:* ccm tmmbr");
    answers("a=rtcp-fb:97 nack pli");
    answers("a=rtcp-fb:96 nack");
    answers_not("a=rtcp-fb:97 nack\r");
    assert_true(nego.line[0].fb_nack && nego.line[0].fb_tmmbr);
    answers_not("goog-remb");
    assert_true(nego.line[0].fb_fir && !nego.line[0].fb_pli);
}

static void rtcp_mux_excludes_numbers_that_look_like_rtcp(void **state)
{
    static const char media[] = "m=audio 1000 RTP/AVP 72 0\r\na=rtpmap:72 PCMA/8000\r\n"
                                "a=rtcp:1009\r\n";
    char mux[256];
    offer(media);
    answers("m=audio 20000 RTP/AVP 0 72");
    answers_not("a=rtcp-mux");
    snprintf(mux, sizeof(mux), "%sa=rtcp-mux\r\n", media);
    offer(mux);
    answers("m=audio 20000 RTP/AVP 0");
    answers("a=rtcp-mux");
    assert_int_equal(nego.line[0].remote_rtcp_port, 1000);
}

static void a_line_without_local_port_is_refused(void **state)
{
    local.port[1] = 0;
    assert_int_equal(offer("m=audio 1000 RTP/AVP 0\r\n"
                           "m=video 1002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"),
                     0);
    answers("m=video 0 RTP/AVP 96");
    answers_not("a=rtpmap:96");
    answers("m=audio 20000 RTP/AVP 0");
}

static void a_small_buffer_is_enospc(void **state)
{
    struct mcu_sdp *s = parse_text("v=0\r\nc=IN IP4 192.0.2.7\r\nm=audio 1000 RTP/AVP 0\r\n");
    char small[4096];
    assert_int_equal(mcu_nego_offer(&nego, s, &caps), 0);
    int n = mcu_nego_write_answer(&nego, s, &caps, &local, small, sizeof(small));
    assert_true(n > 0);
    for (int size = 0; size <= n; size++)
        assert_int_equal(mcu_nego_write_answer(&nego, s, &caps, &local, small, (size_t)size),
                         -ENOSPC);
    assert_int_equal(mcu_nego_write_answer(&nego, s, &caps, &local, small, (size_t)n + 1), n);
    mcu_sdp_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NEGO_TEST(device_offers_get_their_golden_answers),
        NEGO_TEST(cisco_room_outcome),
        NEGO_TEST(freeswitch_outcome),
        NEGO_TEST(asterisk_opus_limits_are_kept),
        NEGO_TEST(poly_parameter_sets_come_through),
        NEGO_TEST(ipv6_and_rtcp_attribute),
        NEGO_TEST(thirty_two_lines_are_answered_in_order),
        NEGO_TEST(a_line_without_formats_gets_a_legal_refusal),
        NEGO_TEST(nothing_in_common_is_enoent),
        NEGO_TEST(hold_and_resume),
        NEGO_TEST(a_reoffer_may_change_ports_and_codecs),
        NEGO_TEST(slides_are_refused_wherever_they_stand),
        NEGO_TEST(feedback_is_answered_as_far_as_offered),
        NEGO_TEST(rtcp_mux_excludes_numbers_that_look_like_rtcp),
        NEGO_TEST(a_line_without_local_port_is_refused),
        NEGO_TEST(a_small_buffer_is_enospc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
