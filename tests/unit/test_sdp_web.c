/* tests/unit/test_sdp_web.c - what WebRTC adds to a session description, and its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/sdp.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
#define VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"

static struct mcu_sdp *sdp;
static struct mcu_sdp_media *m; /* the first line */

static int teardown(void **state)
{
    mcu_sdp_free(&sdp);
    return 0;
}

static void parse(const char *text)
{
    mcu_sdp_free(&sdp);
    assert_int_equal(mcu_sdp_parse(&sdp, text, strlen(text), NULL), 0);
    m = sdp->media;
}

static void absent_texts_are_empty(void **state)
{
    parse(HEAD VIDEO);
    assert_string_equal(m->ice_ufrag, "");
    assert_string_equal(m->ice_pwd, "");
    assert_string_equal(m->msid, "");
    assert_true(m->candidate_count == 0 && m->bundle == 0 && m->rid_count == 0);
}

static void ice_of_the_session_is_for_lines_without(void **state)
{
    parse(HEAD "a=ice-ufrag:sess\r\na=ice-pwd:session-password\r\na=ice-options:trickle\r\n"
               "a=ice-lite\r\na=end-of-candidates\r\n" VIDEO VIDEO
               "a=ice-ufrag:mine\r\na=ice-options:ice2,renomination\r\n");
    assert_true(sdp->ice_lite && m[0].ice_trickle && !m[0].ice_ice2 && m[1].ice_ice2);
    assert_string_equal(m[0].ice_ufrag, "sess");
    assert_string_equal(m[1].ice_ufrag, "mine");
    assert_string_equal(m[1].ice_pwd, "session-password");
    assert_true(m[0].end_of_candidates);
}

static void candidates_are_kept_as_text_up_to_the_limit(void **state)
{
    static char text[16384];
    size_t used = (size_t)snprintf(text, sizeof(text), "%s%s", HEAD, VIDEO);
    used += (size_t)snprintf(text + used, sizeof(text) - used, "a=candidate:%0300d\r\n", 7);
    used += (size_t)snprintf(text + used, sizeof(text) - used, "a=candidate:\x01 1 udp\r\n");
    for (int i = 0; i < 100; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "a=candidate:%d 1 udp 1 192.0.2.1 9 typ host\r\n", i);
    parse(text);
    assert_int_equal(m->candidate_count, MCU_SDP_MAX_CANDIDATES);
    assert_string_equal(m->candidates[0], "candidate:0 1 udp 1 192.0.2.1 9 typ host");
    assert_string_equal(m->candidates[31], "candidate:31 1 udp 1 192.0.2.1 9 typ host");
}

static void groups_name_lines_once(void **state)
{
    parse(HEAD "a=group:LS b a\r\na=group:BUNDLE b x a b\r\na=group:BUNDLE a c\r\n" VIDEO
               "a=mid:a\r\n" VIDEO "a=mid:b\r\na=bundle-only\r\n" VIDEO "a=mid:c\r\n" VIDEO
               "a=mid:b\r\n");
    assert_true(m[0].bundle == 1 && m[0].bundle_place == 2);
    assert_true(m[1].bundle == 1 && m[1].bundle_place == 0 && m[1].bundle_only);
    assert_true(m[2].bundle == 2 && m[2].bundle_place == 1);
    assert_int_equal(m[3].bundle, 0); /* a second line of the same mid */
}

static void extensions_are_known_by_uri(void **state)
{
    parse(HEAD "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
               "a=extmap:5 urn:ietf:params:rtp-hdrext:csrc-audio-level\r\n"
               "a=extmap-allow-mixed\r\n" VIDEO
               "a=extmap:1/recvonly urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on\r\n"
               "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
               "a=extmap:5 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
               "a=extmap:0 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n"
               "a=extmap:4096 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n"
               "a=extmap:20/both http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
               "a=extmap:21 http://www.webrtc.org/experiments/rtp-hdrext/unknown\r\n");
    assert_true(m->extmap_allow_mixed && m->ext[MCU_EXT_MID].id == 3);
    assert_true(m->ext[MCU_EXT_AUDIO_LEVEL].id == 1 &&
                m->ext[MCU_EXT_AUDIO_LEVEL].direction == MCU_RECVONLY);
    /* The second of one number is passed over, so is a session's that a line uses otherwise. */
    assert_int_equal(m->ext[MCU_EXT_RID].id, 5);
    assert_int_equal(m->ext[MCU_EXT_MIXER_LEVELS].id, 0);
    assert_int_equal(m->ext[MCU_EXT_REPAIRED_RID].id, 0);
    assert_int_equal(m->ext[MCU_EXT_ABS_SEND_TIME].id, 0);
}

static void sources_and_their_repairs(void **state)
{
    parse(HEAD VIDEO "a=ssrc-group:FID 1 2\r\na=ssrc-group:FID 3 3\r\na=ssrc-group:SIM 4 5\r\n"
                     "a=ssrc:1 cname:who\r\na=ssrc:1 msid:a b\r\na=ssrc:1 cname:other\r\n"
                     "a=ssrc:4294967296 cname:x\r\na=ssrc:4294967295 label:y\r\n"
                     "a=msid:stream track\r\na=msid:second track\r\n");
    assert_true(m->ssrc_count == 4 && m->ssrcs[0].ssrc == 1 && m->ssrcs[0].repaired_by == 2);
    assert_string_equal(m->ssrcs[0].cname, "who");
    assert_true(m->ssrcs[1].repairs && !m->ssrcs[0].repairs && !m->ssrcs[2].repaired_by);
    assert_true(m->ssrcs[3].ssrc == 4294967295u);
    assert_string_equal(m->ssrcs[3].cname, "");
    assert_string_equal(m->msid, "stream track");
}

static void simulcast_names_layers_that_exist(void **state)
{
    parse(HEAD VIDEO "a=simulcast:send h,i;~m;q;l recv a;b\r\n"
                     "a=rid:h send\r\na=rid:m send pt=96;max-width=640\r\na=rid:l send\r\n"
                     "a=rid:a recv\r\na=rid:b send\r\na=rid:h recv\r\na=rid:bad.id send\r\n"
                     "a=rid:z both\r\n");
    assert_true(m->rid_count == 5 && m->send_layer_count == 3 && m->recv_layer_count == 1);
    assert_string_equal(m->send_layers[0].rid, "h");
    assert_true(m->send_layers[1].paused && !m->send_layers[2].paused);
    assert_string_equal(m->recv_layers[0].rid, "a");
    assert_string_equal(m->rids[1].restrictions, "pt=96;max-width=640");
    assert_string_equal(m->rids[0].restrictions, "");
}

static void lists_stop_at_their_limits(void **state)
{
    static char text[16384];
    size_t used = (size_t)snprintf(text, sizeof(text), "%s%sa=simulcast:send 0", HEAD, VIDEO);
    for (int i = 1; i < 40; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, ";%d", i);
    used += (size_t)snprintf(text + used, sizeof(text) - used, "\r\n");
    for (int i = 0; i < 40; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "a=rid:%d send\r\na=ssrc:%d cname:c\r\n", i, i + 1);
    parse(text);
    assert_int_equal(m->rid_count, MCU_SDP_MAX_RIDS);
    assert_int_equal(m->send_layer_count, MCU_SDP_MAX_RIDS);
    assert_int_equal(m->ssrc_count, MCU_SDP_MAX_SSRCS);
}

static void texts_take_no_more_room_than_the_description(void **state)
{
    static char text[MCU_SDP_MAX_BYTES + 1];
    size_t used = (size_t)snprintf(text, sizeof(text), "%s", HEAD);
    for (int line = 0; line < MCU_SDP_MAX_LINES; line++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, VIDEO);
        for (int i = 0; i < 40 && used < (size_t)(line + 1) * sizeof(text) / 33; i++)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "a=candidate:%d\na=msid:x\n",
                                     i);
    }
    parse(text);
    assert_true(sdp->text_bytes <= used);
    for (int line = 0; line < sdp->media_count; line++)
        for (int i = 0; i < m[line].candidate_count; i++)
            assert_true(m[line].candidates[i][0]);
    /* One description of the greatest size stays below 1.2 MB. */
    assert_true(sizeof(*sdp) + MCU_SDP_MAX_LINES * sizeof(*m) + sizeof(text) < 1200000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(absent_texts_are_empty, teardown),
        cmocka_unit_test_teardown(ice_of_the_session_is_for_lines_without, teardown),
        cmocka_unit_test_teardown(candidates_are_kept_as_text_up_to_the_limit, teardown),
        cmocka_unit_test_teardown(groups_name_lines_once, teardown),
        cmocka_unit_test_teardown(extensions_are_known_by_uri, teardown),
        cmocka_unit_test_teardown(sources_and_their_repairs, teardown),
        cmocka_unit_test_teardown(simulcast_names_layers_that_exist, teardown),
        cmocka_unit_test_teardown(lists_stop_at_their_limits, teardown),
        cmocka_unit_test_teardown(texts_take_no_more_room_than_the_description, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
