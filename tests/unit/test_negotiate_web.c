/* tests/unit/test_negotiate_web.c - offers of browsers and other WebRTC clients, and our answers.
 * tests/unit/data/sdp/web/X.offer has the golden answer X.answer beside it (MCU_GOLDEN=write
 * rewrites them; read the difference). */
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
#include "tests/unit/sdp_rig.h"
#include "web_answer.h"

/* Where each offer comes from. "Taken": printed by the program itself, unchanged. "Typed": written
 * after public descriptions of its shape. */
static const struct fixture {
    const char *name;
    enum mcu_web_role role;
} fixtures[] = {
    { "chromium", MCU_WEB_BOTH },                   /* taken from Chromium 156, both tracks */
    { "chromium-whip-simulcast", MCU_WEB_PUBLISH }, /* the same, three encodings, max-bundle */
    { "chromium-whep", MCU_WEB_PLAY },              /* the same, recvonly, and a data channel */
    { "firefox", MCU_WEB_BOTH },                    /* taken from Firefox ESR 153 (no H.264) */
    { "firefox-whip-simulcast", MCU_WEB_PUBLISH },
    { "firefox-whep", MCU_WEB_PLAY },
    { "aiortc-both", MCU_WEB_BOTH },                /* taken from aiortc 1.4.0 */
    { "aiortc-whip", MCU_WEB_PUBLISH },
    { "aiortc-whep", MCU_WEB_PLAY },
    { "gstreamer", MCU_WEB_PUBLISH },               /* taken from GStreamer 1.22's webrtcbin */
    { "safari", MCU_WEB_BOTH },                     /* typed: github.com/awslabs/amazon-kinesis-
                                                       video-streams-webrtc-sdk-c pull 1965,
                                                       issue 902 (Safari 17) */
    { "obs-whip", MCU_WEB_PUBLISH },                /* typed: github.com/kevmo314/tinywhip issue 2
                                                       (OBS 30.1), obs-studio whip-output.cpp */
    { "obs-whip-simulcast", MCU_WEB_PUBLISH },      /* typed: the same with rid (OBS 32) */
    { "obs-whip-av1", MCU_WEB_PUBLISH },            /* typed: the same, AV1 encoder */
    { "ffmpeg-whip", MCU_WEB_PUBLISH },             /* typed: ossrs/ffmpeg-webrtc pull 1 */
    { "pion-whep", MCU_WEB_PLAY },                  /* typed: bluenviron/mediamtx issue 5273 */
    { "pion-bot", MCU_WEB_BOTH },                   /* typed: the same stack, two-way */
    { "whip-rfc9725", MCU_WEB_PUBLISH },            /* typed: RFC 9725 section 4.2 */
};

static struct mcu_nego_caps caps;
static struct mcu_nego_web_local local;
static struct mcu_nego_web nego;
static struct mcu_nego_web_error error;
static char text[65536];

static const char *const our_candidates[] = {
    "candidate:1 1 UDP 2130706431 192.0.2.1 40000 typ host",
    "a=candidate:2 1 UDP 2130706175 2001:db8::1 40001 typ host",
};

static int setup(void **state)
{
    caps = (struct mcu_nego_caps){ WEB_ANSWER_CAPS };
    caps.fingerprint.bytes[0] = 0xab;
    caps.fingerprint.bytes[1] = 1;
    caps.fingerprint.bytes[2] = 2;
    caps.fingerprint.bytes[3] = 3;
    local = (struct mcu_nego_web_local){
        .session_id = 7,
        .session_version = 1,
        .ufrag = "abcd",
        .pwd = "0123456789abcdefghijkl",
        .candidates = our_candidates,
        .candidate_count = 2,
        .end_of_candidates = true,
        .cname = "c@tessera",
        .stream = "room",
        .ssrc = { 1111, 2222 },
        .rtx_ssrc = { 0, 3333 },
    };
    return 0;
}

static char *read_web(const char *name, const char *suffix)
{
    char path[256];
    snprintf(path, sizeof(path), "web/%s", name);
    return sdp_rig_read(path, suffix);
}

/* Negotiates; the result in nego, the answer in text, which must obey. */
static int offer(const char *sdp, enum mcu_web_role role)
{
    struct mcu_sdp *o = sdp_rig_parse(sdp, strlen(sdp));
    text[0] = '\0';
    int rc = mcu_nego_web_offer(&nego, o, &caps, role, &error);
    if (rc == 0) {
        int n = mcu_nego_web_write_answer(&nego, o, &caps, &local, text, sizeof(text));
        assert_int_equal(n, strlen(text));
        struct mcu_sdp *a = sdp_rig_parse(text, (size_t)n);
        const char *fault = web_answer_fault(o, a);
        if (fault)
            fail_msg("%s in:\n%s", fault, text);
        mcu_sdp_free(&a);
    }
    /* Texts of the offer are not looked at below. */
    nego.transport.candidate_count = 0;
    mcu_sdp_free(&o);
    return rc;
}

static int offer_file(const char *name, enum mcu_web_role role)
{
    char *o = read_web(name, ".offer");
    int rc = offer(o, role);
    free(o);
    return rc;
}

/* The file with one text for another; both NULL: as it is. */
static int offer_changed(const char *name, const char *from, const char *to, enum mcu_web_role role)
{
    char *o = read_web(name, ".offer"), *changed = calloc(1, 131072), *at, *p = o;
    assert_non_null(strstr(o, from));
    while ((at = strstr(p, from))) {
        strncat(changed, p, (size_t)(at - p));
        strcat(changed, to);
        p = at + strlen(from);
    }
    strcat(changed, p);
    int rc = offer(changed, role);
    free(o);
    free(changed);
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

static void write_golden(const char *name)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/tests/unit/data/sdp/web/%s.answer", MCU_SOURCE_DIR, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void client_offers_get_their_golden_answers(void **state)
{
    const char *mode = getenv("MCU_GOLDEN");
    for (size_t i = 0; i < MCU_ARRAY_LEN(fixtures); i++) {
        setup(state);
        if (offer_file(fixtures[i].name, fixtures[i].role) != 0)
            fail_msg("%s: %s", fixtures[i].name, error.what);
        sdp_rig_strip_cr(text);
        if (mode && strcmp(mode, "write") == 0)
            write_golden(fixtures[i].name);
        char *golden = read_web(fixtures[i].name, ".answer");
        if (strcmp(text, golden) != 0)
            fail_msg("%s: answered\n%s", fixtures[i].name, text);
        free(golden);
    }
}

/* ---- what is chosen ---- */

static void chromium_both_ways(void **state)
{
    assert_int_equal(offer_file("chromium", MCU_WEB_BOTH), 0);
    const struct mcu_nego_web_line *a = &nego.line[MCU_AUDIO], *v = &nego.line[MCU_VIDEO];
    assert_true(a->index == 0 && v->index == 1);
    assert_string_equal(a->mid, "0");
    assert_true(a->base.codec == MCU_CODEC_OPUS && a->base.pt == 111 && a->base.dtmf_pt == 110);
    assert_true(a->base.we_send && a->base.we_receive && a->base.opus.fec && a->fb_transport_cc);
    assert_true(a->ext.audio_level == 1 && a->ext.abs_send_time == 2 && a->ext.transport_cc == 3 &&
                a->ext.mid == 4 && a->ext.mixer_levels == 0);
    assert_true(v->base.codec == MCU_CODEC_H264 && v->base.pt == 108 && v->base.h264.mode1);
    assert_true(v->tx_rtx_pt == 109 && v->base.fb_nack && v->fb_remb && v->fb_transport_cc);
    assert_true(v->base.fb_pli && v->base.fb_fir && v->rtcp_rsize && v->rid_count == 0);
    /* Six of H.264 (high 4:4:4 is not there), VP8, VP9 profile 0, AV1. */
    assert_int_equal(v->base.rx_count, 9);
    assert_true(v->base.rx[8].codec == MCU_CODEC_AV1 && v->base.rx[8].rtx_pt == 46);
    assert_true(v->ssrc_count == 2 && v->ssrc[0] == 3602096251u && v->ssrc[1] == 2972850434u);
    assert_true(nego.bundle && nego.group_count == 2 && nego.group[0] == 0);
    assert_true(nego.extmap_allow_mixed && nego.transport.dtls_active && nego.transport.trickle);
    assert_string_equal(nego.transport.ufrag, "uPu+");
    answers("a=group:BUNDLE 0 1");
    answers("a=extmap-allow-mixed");
    answers("a=setup:active");
    answers("a=ssrc-group:FID 2222 3333");
    answers("a=msid:room room-video");
    answers_not("red/");
    answers_not("ulpfec");
    answers_not("CN/");
    answers_not("toffset");
}

static void variants_of_h264_are_ranked(void **state)
{
    /* In order: 42e01f mode 1, 42001f mode 1, 4d001f mode 1, then mode 0 likewise. */
    static const int pts[] = { 108, 102, 116, 114, 104, 39 };
    offer_file("chromium", MCU_WEB_BOTH);
    for (size_t i = 0; i < MCU_ARRAY_LEN(pts); i++)
        assert_int_equal(nego.line[MCU_VIDEO].base.rx[i].pt, pts[i]);
}

static void order_of_caps_decides(void **state)
{
    caps.video[0] = MCU_CODEC_VP9;
    caps.video[1] = MCU_CODEC_VP8;
    caps.video_count = 2;
    assert_int_equal(offer_file("chromium", MCU_WEB_BOTH), 0);
    assert_true(nego.line[MCU_VIDEO].base.codec == MCU_CODEC_VP9 &&
                nego.line[MCU_VIDEO].base.pt == 98);
    answers_not("H264");
    answers_not("profile-id=2");
}

static void simulcast_of_chromium_and_firefox_is_taken(void **state)
{
    assert_int_equal(offer_file("chromium-whip-simulcast", MCU_WEB_PUBLISH), 0);
    const struct mcu_nego_web_line *v = &nego.line[MCU_VIDEO];
    assert_true(v->rid_count == 3 && v->ext.rid == 10 && v->ext.repaired_rid == 11);
    assert_string_equal(v->rid[0], "l");
    assert_string_equal(v->rid[2], "h");
    assert_true(!v->base.we_send && v->base.we_receive);
    answers("a=rid:m recv");
    answers("a=simulcast:recv l;m;h");
    answers_not("a=ssrc");
    /* Firefox offers the rid as sendonly, and the whole line bundle-only. */
    assert_int_equal(offer_file("firefox-whip-simulcast", MCU_WEB_PUBLISH), 0);
    assert_true(v->rid_count == 3 && v->ext.rid == 9);
    answers("a=extmap:9/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id");
}

static void layers_are_chosen_and_restricted(void **state)
{
    const char *name = "chromium-whip-simulcast";
    offer_changed(name, "a=simulcast:send l;m;h", "a=simulcast:send x,~l;m;h", MCU_WEB_PUBLISH);
    answers("a=simulcast:recv ~l;m;h");
    offer_changed(name, "a=simulcast:send l;m;h", "a=simulcast:send h;l;l", MCU_WEB_PUBLISH);
    answers("a=simulcast:recv h;l"); /* named twice, it is one */
    offer_changed(name, "a=rid:l send", "a=rid:l send pt=96,100,98;max-width=320", MCU_WEB_PUBLISH);
    answers("a=rid:l recv pt=96,98;max-width=320");
    offer_changed(name, "a=rid:l send", "a=rid:l send pt=100", MCU_WEB_PUBLISH);
    answers("a=simulcast:recv m;h");
    offer_changed(name, "a=rid:l send", "a=rid:l send depend=m", MCU_WEB_PUBLISH);
    answers("a=simulcast:recv m;h");
    /* One layer alone is no simulcast, and without the extension none can be told apart. */
    offer_changed(name, "a=simulcast:send l;m;h", "a=simulcast:send h", MCU_WEB_PUBLISH);
    answers_not("a=rid");
    offer_changed(name, "sdes:rtp-stream-id", "sdes:other", MCU_WEB_PUBLISH);
    answers_not("simulcast");
    /* Nor where its number means something else in the bundle's line of sound. */
    offer_changed(name, "a=extmap:1 ", "a=extmap:10 ", MCU_WEB_PUBLISH);
    answers_not("stream-id");
    answers_not("a=rid");
    answers_not("simulcast");
    assert_int_equal(nego.line[MCU_VIDEO].rid_count, 0);
    offer_changed(name, "a=rid:l send\r\n",
                  "a=rid:l send\r\na=rid:q send\r\na=rid:r send\r\n", MCU_WEB_PUBLISH);
    answers("a=simulcast:recv l;m;h");
    offer_changed(name, "send l;m;h", "send l;m;h;h;h;h;h;h;h;h;h;h;h", MCU_WEB_PUBLISH);
    assert_int_equal(nego.line[MCU_VIDEO].rid_count, 3);
}

static void extensions_are_for_the_ways_that_they_are_offered(void **state)
{
    static const char from[] = "a=extmap:4 urn", to[] = "a=extmap:4/sendonly urn";
    offer_changed("chromium", from, to, MCU_WEB_BOTH);
    assert_int_equal(nego.line[MCU_VIDEO].ext.mid, 0);
    answers_not("extmap:4");
    offer_changed("chromium", from, to, MCU_WEB_PUBLISH);
    assert_int_equal(nego.line[MCU_VIDEO].ext.mid, 4);
    answers("a=extmap:4/recvonly urn:ietf:params:rtp-hdrext:sdes:mid");
    /* Firefox only receives the levels of a mix. */
    offer_file("firefox", MCU_WEB_BOTH);
    assert_int_equal(nego.line[MCU_AUDIO].ext.mixer_levels, 2);
    answers("a=extmap:2/sendonly urn:ietf:params:rtp-hdrext:csrc-audio-level");
    /* Without transport-cc feedback its numbers are of no use. */
    offer_changed("chromium", "transport-cc\r\na=rtcp-fb", "x\r\na=rtcp-fb", MCU_WEB_BOTH);
    assert_int_equal(nego.line[MCU_VIDEO].ext.transport_cc, 0);
    assert_int_equal(nego.line[MCU_AUDIO].ext.transport_cc, 3);
}

/* RFC 5761 section 4. */
static void types_that_look_like_rtcp_are_passed_over(void **state)
{
    offer_changed("obs-whip", "96", "72", MCU_WEB_PUBLISH);
    assert_int_equal(nego.line[MCU_VIDEO].index, -1);
    offer_changed("chromium", "109", "72", MCU_WEB_BOTH);
    assert_int_equal(nego.line[MCU_VIDEO].base.pt, 108);
    assert_int_equal(nego.line[MCU_VIDEO].tx_rtx_pt, 0);
}

static void roles_set_directions(void **state)
{
    assert_int_equal(offer_file("chromium", MCU_WEB_PUBLISH), 0);
    answers("a=recvonly");
    answers_not("a=sendrecv");
    assert_int_equal(offer_file("chromium", MCU_WEB_PLAY), 0);
    answers("a=sendonly");
    assert_false(nego.line[MCU_AUDIO].base.we_receive);
    assert_int_equal(offer_file("chromium-whep", MCU_WEB_PUBLISH), -ENOENT);
    assert_non_null(strstr(error.what, "send"));
    assert_int_equal(offer_file("chromium-whip-simulcast", MCU_WEB_PLAY), -ENOENT);
    assert_int_equal(offer_file("chromium-whep", MCU_WEB_BOTH), 0); /* a kiosk */
    answers("a=sendonly");
}

static void data_channel_is_refused_and_leaves_the_group(void **state)
{
    assert_int_equal(offer_file("chromium-whep", MCU_WEB_PLAY), 0);
    answers("a=group:BUNDLE 0 1");
    answers("m=application 0 UDP/DTLS/SCTP webrtc-datachannel");
    /* Firefox: "c= connection line not specified for every media level". */
    assert_true(strstr(text, "\r\nc=IN") < strstr(text, "\r\nm="));
}

static void each_line_of_its_own_transport_counts_by_the_tagged_one(void **state)
{
    /* aiortc has other credentials in each line until the group is agreed on. */
    assert_int_equal(offer_file("aiortc-whip", MCU_WEB_PUBLISH), 0);
    assert_string_equal(nego.transport.ufrag, "MqKL");
    assert_int_equal(offer_changed("aiortc-whip", "BUNDLE 0 1", "BUNDLE 1 0", MCU_WEB_PUBLISH), 0);
    assert_string_equal(nego.transport.ufrag, "om59");
    answers("a=group:BUNDLE 1 0");
}

static void av1_alone_is_received_and_not_sent(void **state)
{
    assert_int_equal(offer_file("obs-whip-av1", MCU_WEB_PUBLISH), 0);
    const struct mcu_nego_web_line *v = &nego.line[MCU_VIDEO];
    assert_true(v->base.codec == MCU_CODEC_NONE && v->base.we_receive && !v->base.we_send);
    assert_true(v->base.rx_count == 1 && v->base.rx[0].codec == MCU_CODEC_AV1);
    offer_changed("obs-whip-av1", "a=sendonly", "a=sendrecv", MCU_WEB_BOTH);
    answers("a=recvonly");
    offer_changed("obs-whip-av1", "a=sendonly", "a=recvonly", MCU_WEB_PLAY);
    assert_int_equal(v->index, -1);
}

static void dtls_roles(void **state)
{
    assert_int_equal(offer_file("ffmpeg-whip", MCU_WEB_PUBLISH), 0); /* a=setup:active */
    assert_false(nego.transport.dtls_active);
    answers("a=setup:passive");
    offer_changed("ffmpeg-whip", "setup:active", "setup:passive", MCU_WEB_PUBLISH);
    answers("a=setup:active");
}

static void sendrecv_lines_are_preferred(void **state)
{
    /* A second pair of lines that goes both ways; the first only receives. */
    char *o = read_web("chromium-whep", ".offer"), *both = read_web("pion-bot", ".offer");
    assert_non_null(strstr(both, "m=video"));
    assert_int_equal(offer(both, MCU_WEB_BOTH), 0);
    assert_true(nego.line[MCU_VIDEO].index == 0 && nego.line[MCU_AUDIO].index == 1);
    answers("a=group:BUNDLE 0 1");
    free(o);
    free(both);
}

#define TWO_VIDEOS                                                                  \
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a b c\r\n"      \
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n"   \
    "a=fingerprint:sha-256 "                                                        \
    "4E:7F:77:DB:7E:A3:A6:4E:5D:27:EB:39:D2:1B:96:9F:91:C9:58:8B:30:B4:AA:0F:77:60:5A:F3:86:60:" \
    "03:F3\r\n"

static void second_camera_and_slides_are_refused(void **state)
{
    static const char line[] = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n"
                               "a=rtcp-mux\r\na=sendrecv\r\n";
    char sdp[4096];
    snprintf(sdp, sizeof(sdp), "%s%sa=mid:a\r\na=content:slides\r\n%sa=mid:b\r\n%sa=mid:c\r\n",
             TWO_VIDEOS, line, line, line);
    assert_int_equal(offer(sdp, MCU_WEB_BOTH), 0);
    assert_true(nego.line[MCU_VIDEO].index == 1 && nego.line[MCU_AUDIO].index == -1);
    answers("a=group:BUNDLE b");
    /* One that goes both ways before one that only receives. */
    snprintf(sdp, sizeof(sdp), "%s%sa=mid:a\r\na=recvonly\r\n%sa=mid:b\r\n", TWO_VIDEOS, line,
             line);
    assert_int_equal(offer(sdp, MCU_WEB_BOTH), 0);
    assert_int_equal(nego.line[MCU_VIDEO].index, 1);
}

static void line_config_says_it_all(void **state)
{
    struct mcu_line_config c;
    offer_file("chromium-whip-simulcast", MCU_WEB_PUBLISH);
    mcu_nego_web_line_config(&nego.line[MCU_VIDEO], &c);
    assert_true(c.kind == MCU_VIDEO && !c.send && c.receive && c.fb_nack && c.fb_remb);
    assert_true(c.rx_count == 9 && c.rx[0].pt == 108 && c.rx[0].rtx_pt == 109);
    assert_true(c.tx_pt == 108 && c.tx_rtx_pt == 109 && c.tx_h264_mode1 && c.rid_count == 3);
    assert_true(c.ext.rid == 10 && c.ext.mid == 4 && c.ssrc == 0 && c.cname[0] == '\0');
    assert_string_equal(c.mid, "1");
    assert_string_equal(c.rid[1], "m");
}

static void default_address_is_that_of_the_first_candidate(void **state)
{
    offer_file("chromium", MCU_WEB_BOTH);
    answers("c=IN IP4 192.0.2.1");
    answers("a=candidate:2 1 UDP 2130706175 2001:db8::1 40001 typ host");
    answers("a=end-of-candidates");
    assert_null(strstr(strstr(text, "a=end-of-candidates") + 1, "a=candidate"));
    local.candidate_count = 0;
    local.end_of_candidates = false;
    offer_file("chromium", MCU_WEB_BOTH);
    answers("c=IN IP4 0.0.0.0");
    answers_not("end-of-candidates");
    assert_int_equal(strncmp(strstr(text, "m=audio"), "m=audio 9 ", 10), 0);
}

static void too_small_a_buffer_is_said(void **state)
{
    char *o = read_web("chromium", ".offer"), buf[512];
    struct mcu_sdp *s = sdp_rig_parse(o, strlen(o));
    assert_int_equal(mcu_nego_web_offer(&nego, s, &caps, MCU_WEB_BOTH, NULL), 0);
    for (size_t n = 1; n < sizeof(buf); n += 7)
        assert_int_equal(mcu_nego_web_write_answer(&nego, s, &caps, &local, buf, n), -ENOSPC);
    mcu_sdp_free(&s);
    free(o);
}

/* ---- what is refused, and what is said ---- */

static void offers_that_break_rules_are_told_so(void **state)
{
    static const char fp[] = "a=fingerprint:sha-256 "
                             "73:16:1C:F9:17:54:76:59:5B:09:38:08:2B:CA:CE:D6:14:8F:FC:AB:03:82:"
                             "77:ED:BE:72:34:B7:C4:DC:F3:78\r\n";
    static const struct {
        const char *from, *to, *says;
        int rc;
    } cases[] = {
        { "a=group:BUNDLE 0 1\r\n", "", "BUNDLE", -EBADMSG },
        { "BUNDLE 0 1", "BUNDLE 0", "BUNDLE", -EBADMSG },
        { "BUNDLE 0 1", "BUNDLE 0\r\na=group:BUNDLE 1", "BUNDLE", -EBADMSG },
        { "a=rtcp-mux\r\n", "", "rtcp-mux", -EBADMSG },
        { "a=ice-ufrag:uPu+\r\n", "", "a=ice-ufrag is missing", -EBADMSG },
        { "ice-ufrag:uPu+", "ice-ufrag:abc", "a=ice-ufrag is too short", -EBADMSG },
        { "ice-ufrag:uPu+", "ice-ufrag:ab_d", "other characters", -EBADMSG },
        { "a=ice-pwd:iPabyxTVegIgaKWZfmS9aHv+\r\n", "", "a=ice-pwd is missing", -EBADMSG },
        { "iPabyxTVegIgaKWZfmS9aHv+", "iPabyxTVegIgaKWZfmS9a", "a=ice-pwd is too short", -EBADMSG },
        { fp, "", "fingerprint", -EBADMSG },
        { fp,
          "a=fingerprint:sha-1 "
          "73:16:1C:F9:17:54:76:59:5B:09:38:08:2B:CA:CE:D6:14:8F:FC:AB\r\n",
          "sha-1", -EBADMSG },
        { fp, "a=fingerprint:md5 73:16:1C:F9:17:54:76:59:5B:09:38:08:2B:CA:CE:D6\r\n",
          "fingerprint", -EBADMSG },
        { "a=mid:1", "a=mid:0", "two lines", -EBADMSG },
        { "a=sendrecv", "a=inactive", "no audio or video line", -ENOENT },
        { "a=rtpmap:", "a=x:", "", 0 }, /* PCMU and PCMA are known without */
        { "RTP/SAVPF", "RTP/OTHER", "no audio or video line", -ENOENT },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++) {
        memset(&error, 0, sizeof(error));
        int rc = offer_changed("chromium", cases[i].from, cases[i].to, MCU_WEB_BOTH);
        if (rc != cases[i].rc || !strstr(error.what, cases[i].says))
            fail_msg("case %zu: %d, %s", i, rc, error.what);
    }
}

static void no_common_codec_names_ours(void **state)
{
    caps.audio_count = 0;
    caps.video_count = caps.video_in_count = 0;
    caps.audio[caps.audio_count++] = MCU_CODEC_G722;
    assert_int_equal(offer_file("obs-whip", MCU_WEB_PUBLISH), -ENOENT);
    assert_string_equal(error.what, "no codec in common; there are G722");
}

static void one_line_needs_no_group(void **state)
{
    static const char line[] = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\na=recvonly\r\n";
    char sdp[2048];
    snprintf(sdp, sizeof(sdp), "%s%s", TWO_VIDEOS, line);
    assert_int_equal(offer(sdp, MCU_WEB_PLAY), 0);
    answers_not("BUNDLE");
    answers_not("a=mid");
}

static void credentials_of_the_greatest_length(void **state)
{
    char long_text[300], to[400];
    memset(long_text, 'x', sizeof(long_text));
    long_text[256] = '\0';
    snprintf(to, sizeof(to), "ice-ufrag:%s", long_text);
    assert_int_equal(offer_changed("chromium", "ice-ufrag:uPu+", to, MCU_WEB_BOTH), 0);
    assert_string_equal(nego.transport.ufrag, long_text);
    strcat(to, "x");
    assert_int_equal(offer_changed("chromium", "ice-ufrag:uPu+", to, MCU_WEB_BOTH), -EBADMSG);
    assert_non_null(strstr(error.what, "too long"));
}

/* ---- strange offers ---- */

static uint32_t seed;

static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

#define LINES_MAX 400

/* Lines of a file, cut in place at CRLF. */
static int cut_lines(char *file, char *lines[LINES_MAX])
{
    int count = 0;
    for (char *p = file; *p && count < LINES_MAX;) {
        lines[count++] = p;
        p += strcspn(p, "\r\n");
        while (*p == '\r' || *p == '\n')
            *p++ = '\0';
    }
    return count;
}

/* One line for another, dropped, doubled, with a character or a word changed. */
static void mutate(char *lines[LINES_MAX], int *count, char *spare)
{
    static const char *const words[] = { "0",  "65535", "4294967295", "sendonly", "recvonly",
                                         "*",  "",      "rtx/90000",  "255",      "actpass",
                                         "~h", "-1",    "a",          "BUNDLE" };
    int i = 1 + (int)rnd((uint32_t)*count - 1), k = 1 + (int)rnd((uint32_t)*count - 1);
    char *line = lines[i], *space = strchr(line, ' ');
    switch (rnd(6)) {
    case 0:
        lines[i] = lines[k];
        lines[k] = line;
        break;
    case 1:
        memmove(&lines[i], &lines[i + 1], (size_t)(*count - i - 1) * sizeof(*lines));
        (*count)--;
        break;
    case 2:
        if (*count < LINES_MAX)
            lines[(*count)++] = lines[k];
        break;
    case 3:
        if (line[0])
            line[rnd((uint32_t)strlen(line))] = (char)(' ' + rnd(95));
        break;
    case 4:
        snprintf(spare, 512, "%.*s %s", space ? (int)(space - line) : (int)strlen(line), line,
                 words[rnd(MCU_ARRAY_LEN(words))]);
        lines[i] = spare;
        break;
    default:
        snprintf(spare, 512, "%.*s%s", (int)strcspn(line, ":") + 1, line,
                 words[rnd(MCU_ARRAY_LEN(words))]);
        lines[i] = spare;
    }
}

/* Where an answer comes of it, it obeys; what is refused says why. */
static void judge(const char *sdp, size_t len, enum mcu_web_role role, int *answered)
{
    struct mcu_sdp *o = NULL, *a = NULL;
    if (mcu_sdp_parse(&o, sdp, len, NULL) < 0)
        return;
    memset(&error, 0, sizeof(error));
    int rc = mcu_nego_web_offer(&nego, o, &caps, role, &error);
    if (rc < 0) {
        assert_true((rc == -EBADMSG || rc == -ENOENT) && error.what[0]);
    } else {
        int n = mcu_nego_web_write_answer(&nego, o, &caps, &local, text, sizeof(text));
        assert_true(n > 0);
        a = sdp_rig_parse(text, (size_t)n);
        const char *fault = web_answer_fault(o, a);
        if (fault)
            fail_msg("%s for\n%s\n%s", fault, sdp, text);
        (*answered)++;
    }
    mcu_sdp_free(&a);
    mcu_sdp_free(&o);
}

static void strange_offers_get_a_legal_answer_or_a_reason(void **state)
{
    static char spare[32][512], sdp[131072];
    int answered = 0, tried = 0;
    for (size_t i = 0; i < MCU_ARRAY_LEN(fixtures); i++) {
        for (int round = 0; round < 30; round++, tried++) {
            char *lines[LINES_MAX], *file = read_web(fixtures[i].name, ".offer");
            int count = cut_lines(file, lines), times = 1 + (int)rnd(32);
            size_t used = 0;
            for (int n = 0; n < times; n++)
                mutate(lines, &count, spare[n]);
            for (int n = 0; n < count && used < sizeof(sdp) - 1024; n++)
                used += (size_t)snprintf(sdp + used, sizeof(sdp) - used, "%s\r\n", lines[n]);
            judge(sdp, used, fixtures[i].role, &answered);
            free(file);
        }
    }
    /* Most must still be answered, or the mutations show nothing. */
    assert_true(tried >= 500 && answered > tried / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(client_offers_get_their_golden_answers, setup),
        cmocka_unit_test_setup(chromium_both_ways, setup),
        cmocka_unit_test_setup(variants_of_h264_are_ranked, setup),
        cmocka_unit_test_setup(order_of_caps_decides, setup),
        cmocka_unit_test_setup(simulcast_of_chromium_and_firefox_is_taken, setup),
        cmocka_unit_test_setup(layers_are_chosen_and_restricted, setup),
        cmocka_unit_test_setup(extensions_are_for_the_ways_that_they_are_offered, setup),
        cmocka_unit_test_setup(types_that_look_like_rtcp_are_passed_over, setup),
        cmocka_unit_test_setup(roles_set_directions, setup),
        cmocka_unit_test_setup(data_channel_is_refused_and_leaves_the_group, setup),
        cmocka_unit_test_setup(each_line_of_its_own_transport_counts_by_the_tagged_one, setup),
        cmocka_unit_test_setup(av1_alone_is_received_and_not_sent, setup),
        cmocka_unit_test_setup(dtls_roles, setup),
        cmocka_unit_test_setup(sendrecv_lines_are_preferred, setup),
        cmocka_unit_test_setup(second_camera_and_slides_are_refused, setup),
        cmocka_unit_test_setup(line_config_says_it_all, setup),
        cmocka_unit_test_setup(default_address_is_that_of_the_first_candidate, setup),
        cmocka_unit_test_setup(too_small_a_buffer_is_said, setup),
        cmocka_unit_test_setup(offers_that_break_rules_are_told_so, setup),
        cmocka_unit_test_setup(no_common_codec_names_ours, setup),
        cmocka_unit_test_setup(one_line_needs_no_group, setup),
        cmocka_unit_test_setup(credentials_of_the_greatest_length, setup),
        cmocka_unit_test_setup(strange_offers_get_a_legal_answer_or_a_reason, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
