/* tests/unit/test_negotiate.c - offers shaped like those of real devices, and what we answer.
 * tests/unit/data/sdp/X.offer has the golden answer X.answer beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"
#include "net/negotiate.h"
#include "tests/unit/sdp_rig.h"

static struct mcu_nego_caps caps;
static struct mcu_nego_local local;
static struct mcu_nego nego;
static char text[32768];

static int setup(void **state)
{
    caps = (struct mcu_nego_caps){
        .audio = { MCU_CODEC_OPUS, MCU_CODEC_G722, MCU_CODEC_PCMU, MCU_CODEC_PCMA },
        .audio_count = 4,
        .video = { MCU_CODEC_H264, MCU_CODEC_VP8 },
        .video_count = 2,
        .address = "192.0.2.1",
        .audio_bps = 64000,
        .video_bps = 2000000,
        .max_width = 1280,
        .max_height = 720,
        .max_fps = 30,
        .dtmf_pt = 101,
        .name = "tessera",
        .security = MCU_SECURITY_OPTIONAL,
        .fingerprint = { .hash = MCU_HASH_SHA256, .bytes = { 0xab, 1, 2, 3 } },
    };
    local = (struct mcu_nego_local){ .session_id = 7, .session_version = 1 };
    for (int i = 0; i < MCU_SDP_MAX_LINES; i++)
        local.port[i] = 20000 + 2 * i;
    return 0;
}

static void use_ipv6(void)
{
    caps.ipv6 = true;
    snprintf(caps.address, sizeof(caps.address), "2001:db8::1");
}

static struct mcu_sdp *parse_text(const char *sdp)
{
    return sdp_rig_parse(sdp, strlen(sdp));
}

/* Lines of media onto a session of 192.0.2.7; the result in nego, the answer in text. */
static int offer(const char *media)
{
    static char sdp[8192];
    snprintf(sdp, sizeof(sdp),
             "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\n"
             "c=IN IP4 192.0.2.7\r\nt=0 0\r\n%s",
             media);
    struct mcu_sdp *s = parse_text(sdp);
    int rc = mcu_nego_offer(&nego, s, &caps);
    assert_true(mcu_nego_write_answer(&nego, s, &caps, &local, text, sizeof(text)) > 0);
    mcu_sdp_free(&s);
    return rc;
}

static void answers(const char *line)
{
    sdp_rig_has(text, line);
}

static void answers_not(const char *part)
{
    sdp_rig_has_not(text, part);
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

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(device_offers_get_their_golden_answers),
        T(cisco_room_outcome),
        T(freeswitch_outcome),
        T(asterisk_opus_limits_are_kept),
        T(poly_parameter_sets_come_through),
        T(ipv6_and_rtcp_attribute),
        T(thirty_two_lines_are_answered_in_order),
        T(a_line_without_formats_gets_a_legal_refusal),
        T(nothing_in_common_is_enoent),
        T(hold_and_resume),
        T(a_reoffer_may_change_ports_and_codecs),
        T(telephone_event_follows_the_codec_clock),
        T(ptime_is_the_peers_within_bounds),
        T(h264_level_is_ours_where_asymmetry_is_allowed),
        T(h264_level_is_the_lower_one_without_asymmetry),
        T(h264_without_parameters_is_baseline_level_1_mode_0),
        T(h264_mode_1_wins_then_the_higher_profile),
        T(caps_order_decides_the_codec),
        T(slides_are_refused_wherever_they_stand),
        T(feedback_is_answered_as_far_as_offered),
        T(rtcp_mux_excludes_numbers_that_look_like_rtcp),
        T(a_line_without_local_port_is_refused),
        T(delayed_offer_round_trip),
        T(answers_to_our_offer),
        T(our_numbers_do_not_clash),
        T(our_reoffer_keeps_the_lines),
        T(codecs_that_are_received_only_follow_the_others),
        T(a_line_of_codecs_that_are_received_only_is_recvonly),
        T(vp9_is_sent_where_it_is_ours),
        T(comfort_noise_is_taken_beside_a_codec_of_its_clock),
        T(comfort_noise_is_offered_beside_a_codec_of_its_clock),
        T(less_is_asked_for_by_each_codecs_own_means),
        T(a_small_buffer_is_enospc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
