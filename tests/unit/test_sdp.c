/* tests/unit/test_sdp.c - the SDP parser: what devices send, and what attackers send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/h264_params.h"
#include "net/sdp.h"

#define HEAD "v=0\r\no=- 1 2 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"

static struct mcu_sdp *parse(const char *text)
{
    struct mcu_sdp *s = NULL;
    struct mcu_sdp_error e = { 0 };
    int rc = mcu_sdp_parse(&s, text, strlen(text), &e);
    if (rc != 0)
        fail_msg("line %d: %s", e.line, e.what);
    return s;
}

static int refusal(const char *text, struct mcu_sdp_error *e)
{
    struct mcu_sdp *s = NULL;
    int rc = mcu_sdp_parse(&s, text, strlen(text), e);
    assert_null(s);
    return rc;
}

static void sdp_reads_session_and_media(void **state)
{
    struct mcu_sdp *s = parse("v=0\r\no=alice 18446744073709551615 2 IN IP6 2001:db8::1\r\n"
                              "s=A call\r\nc=IN IP6 2001:db8::2\r\nt=0 0\r\na=sendonly\r\n"
                              "m=audio 5000/2 RTP/AVP 0 96\r\na=rtpmap:96 opus/48000/2\r\n"
                              "a=fmtp:96 stereo=1; useinbandfec=1\r\na=ptime:30\r\n"
                              "a=maxptime:60\r\na=mid:a1\r\na=label:7\r\n"
                              "m=video 6000 RTP/AVPF 97\r\nc=IN IP4 192.0.2.9/127\r\n"
                              "a=rtpmap:97 VP8/90000\r\na=rtcp-fb:97 nack\r\n"
                              "a=rtcp-fb:* nack pli\r\na=rtcp:7001 IN IP4 192.0.2.10\r\n"
                              "a=inactive\r\na=rtcp-mux\r\na=content:main,slides\r\n");
    assert_string_equal(s->origin_user, "alice");
    assert_true(s->session_id == UINT64_MAX && s->session_version == 2);
    assert_true(s->origin_ipv6);
    assert_string_equal(s->origin_address, "2001:db8::1");
    assert_string_equal(s->session_name, "A call");
    assert_int_equal(s->media_count, 2);
    const struct mcu_sdp_media *a = &s->media[0], *v = &s->media[1];
    assert_int_equal(a->port, 5000);
    assert_int_equal(a->port_count, 2);
    assert_int_equal(a->rtcp_port, 5001);
    assert_true(a->ipv6 && a->direction == MCU_SENDONLY);
    assert_string_equal(a->address, "2001:db8::2");
    assert_int_equal(a->format_count, 2);
    assert_string_equal(a->formats[0].encoding, "PCMU");
    assert_string_equal(a->formats[1].encoding, "opus");
    assert_int_equal(a->formats[1].channels, 2);
    assert_string_equal(a->formats[1].fmtp, "stereo=1; useinbandfec=1");
    assert_true(a->ptime_ms == 30 && a->maxptime_ms == 60);
    assert_string_equal(a->mid, "a1");
    assert_string_equal(a->label, "7");
    assert_string_equal(v->address, "192.0.2.9");
    assert_true(!v->ipv6 && v->direction == MCU_INACTIVE && v->rtcp_mux);
    assert_int_equal(v->rtcp_port, 7001);
    assert_string_equal(v->rtcp_address, "192.0.2.10");
    assert_string_equal(v->content, "slides");
    assert_true(v->formats[0].fb_nack && v->formats[0].fb_pli && !v->formats[0].fb_fir);
    mcu_sdp_free(&s);
    assert_null(s);
}

/* Missing t=, empty s=, no o=, LF, CR, spaces before lines, a terminating zero: all seen. */
static void sdp_forgives_what_devices_get_wrong(void **state)
{
    static const char *const texts[] = {
        "v=0\nm=audio 5000 RTP/AVP 8\nc=IN IP4 192.0.2.7",
        "v=0\rs=\rc=IN IP4 192.0.2.7\rm=audio 5000 RTP/AVP 8\r",
        "\r\n v=0\r\n  c=IN IP4 192.0.2.7\r\n\r\n\tm=audio  5000  RTP/AVP  8 \r\n",
        "v=0 \r\no=broken\r\ns=\r\nc=in ip4 192.0.2.7\r\nz=\r\nX=y\r\nm=audio 5000 RTP/AVP 8\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct mcu_sdp *s = parse(texts[i]);
        assert_int_equal(s->media_count, 1);
        assert_string_equal(s->media[0].address, "192.0.2.7");
        assert_string_equal(s->media[0].formats[0].encoding, "PCMA");
        mcu_sdp_free(&s);
    }
    struct mcu_sdp *s;
    static const char zero[] = "v=0\nm=audio 1 RTP/AVP 8\n";
    assert_int_equal(mcu_sdp_parse(&s, zero, sizeof(zero), NULL), 0);
    mcu_sdp_free(&s);
}

static void sdp_says_where_the_mistake_is(void **state)
{
    static const struct {
        const char *text;
        int rc, line;
    } bad[] = {
        { "", -EBADMSG, 1 },
        { "hello", -EBADMSG, 1 },
        { "o=- 1 1 IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\n", -EBADMSG, 1 },
        { "v=1\r\n", -EBADMSG, 1 },
        { HEAD "m=audio\r\n", -EBADMSG, 6 },
        { HEAD "m=audio x RTP/AVP 0\r\n", -EBADMSG, 6 },
        { HEAD "m=audio 65536 RTP/AVP 0\r\n", -EBADMSG, 6 },
        { HEAD "m=audio 99999999999999999999 RTP/AVP 0\r\n", -EBADMSG, 6 },
        { HEAD "m=audio 5000/0 RTP/AVP 0\r\n", -EBADMSG, 6 },
        { HEAD "m=audio 5000/2x RTP/AVP 0\r\n", -EBADMSG, 6 },
        { HEAD "m=au<dio 5000 RTP/AVP 0\r\n", -EBADMSG, 6 },
        { HEAD "m=audio 5000\r\n", -EBADMSG, 6 },
        { HEAD "m=a-media-name-that-has-no-end 5000 RTP/AVP 0\r\n", -EBADMSG, 6 },
        { HEAD "m audio 5000 RTP/AVP 0\r\n", -EBADMSG, 6 },
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mcu_sdp_error e = { 0 };
        assert_int_equal(refusal(bad[i].text, &e), bad[i].rc);
        assert_int_equal(e.line, bad[i].line);
        assert_true(e.what[0]);
    }
    struct mcu_sdp *s = NULL;
    assert_int_equal(mcu_sdp_parse(&s, "v=0\0m=", 6, NULL), -EBADMSG);
    assert_null(s);
}

/* sofia-sip loops for ever on this line. */
static void sdp_survives_the_bfcp_bomb(void **state)
{
    struct mcu_sdp *s = parse(HEAD "m=application 5000 TCP/BFCP /1\r\n");
    assert_int_equal(s->media_count, 1);
    assert_int_equal(s->media[0].format_count, 0);
    mcu_sdp_free(&s);
    s = parse(HEAD "m=application 5000 TCP/BFCP *\r\n");
    assert_string_equal(s->media[0].formats[0].text, "*");
    assert_int_equal(s->media[0].formats[0].pt, -1);
    mcu_sdp_free(&s);
}

static char *repeat(const char *head, const char *unit, size_t bytes)
{
    char *text = malloc(bytes + 1);
    size_t n = (size_t)snprintf(text, bytes + 1, "%s", head), step = strlen(unit);
    for (; n + step <= bytes; n += step)
        memcpy(text + n, unit, step);
    text[n] = '\0';
    return text;
}

static void sdp_holds_its_limits(void **state)
{
    struct mcu_sdp_error e;
    char *text = repeat("v=0\r\n", "m=audio 5000 RTP/AVP 0\r\n", 5 + 32 * 24);
    struct mcu_sdp *s = parse(text);
    assert_int_equal(s->media_count, MCU_SDP_MAX_LINES);
    mcu_sdp_free(&s);
    free(text);
    text = repeat("v=0\r\n", "m=audio 5000 RTP/AVP 0\r\n", 5 + 40 * 24);
    assert_int_equal(refusal(text, &e), -E2BIG);
    assert_int_equal(e.line, 34);
    free(text);
    text = repeat("v=0\r\n", "a=x\r\n", MCU_SDP_MAX_BYTES + 10);
    assert_int_equal(refusal(text, &e), -E2BIG);
    free(text);
}

static void sdp_skips_formats_that_are_too_many_or_twice(void **state)
{
    char text[2048] = HEAD "m=audio 5000 RTP/AVP 0 0 8 0 a=b this-format-is-longer-than-any-token";
    for (int pt = 20; pt < 127; pt++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d", pt);
    struct mcu_sdp *s = parse(text);
    assert_int_equal(s->media[0].format_count, MCU_SDP_MAX_FORMATS);
    assert_int_equal(s->media[0].formats[0].pt, 0);
    assert_int_equal(s->media[0].formats[1].pt, 8);
    assert_int_equal(s->media[0].formats[2].pt, 20);
    assert_int_equal(s->media[0].formats[47].pt, 65);
    mcu_sdp_free(&s);
}

/* An fmtp over the limit loses whole parameters, never half of one. */
static void sdp_cuts_a_long_fmtp_between_parameters(void **state)
{
    char *text = repeat(HEAD "m=video 5000 RTP/AVP 96\r\na=fmtp:96 ", "max-fs=123456;", 700);
    struct mcu_sdp *s = parse(text);
    size_t n = strlen(s->media[0].formats[0].fmtp);
    assert_true(n > 490 && n < 512);
    assert_string_equal(s->media[0].formats[0].fmtp + n - 6, "123456");
    mcu_sdp_free(&s);
    free(text);
}

static int bandwidth(const char *lines)
{
    char text[512];
    snprintf(text, sizeof(text), "v=0\r\nc=IN IP4 192.0.2.7\r\n%s", lines);
    struct mcu_sdp *s = parse(text);
    int bps = s->media[s->media_count - 1].bandwidth_bps;
    mcu_sdp_free(&s);
    return bps;
}

static void sdp_reads_bandwidth(void **state)
{
    assert_int_equal(bandwidth("m=video 1 RTP/AVP 34\r\n"), 0);
    assert_int_equal(bandwidth("m=video 1 RTP/AVP 34\r\nb=AS:1240\r\n"), 1200000);
    assert_int_equal(bandwidth("m=video 1 RTP/AVP 34\r\nb=TIAS:700001\r\nb=AS:1240\r\n"), 700001);
    assert_int_equal(bandwidth("m=audio 1 RTP/AVP 0\r\nb=AS:80\r\n"), 64000);
    assert_int_equal(bandwidth("m=audio 1 RTP/AVP 0\r\nb=AS:80\r\na=ptime:40\r\n"), 72000);
    assert_int_equal(bandwidth("m=audio 1 RTP/AVP 0\r\nc=IN IP6 ::1\r\nb=AS:88\r\n"), 64000);
    assert_int_equal(bandwidth("m=audio 1 RTP/AVP 0\r\nb=AS:20\r\n"), 10000);
    assert_int_equal(bandwidth("b=AS:620\r\nm=video 1 RTP/AVP 34\r\n"), 536000);
    assert_int_equal(bandwidth("b=AS:620\r\nm=video 1 RTP/AVP 34\r\nb=TIAS:5\r\n"), 5);
    assert_int_equal(bandwidth("m=video 1 RTP/AVP 34\r\nb=AS:99999999999\r\n"), 2078209354);
    assert_int_equal(bandwidth("m=video 1 RTP/AVP 34\r\nb=AS:x\r\nb=RR:3\r\nb=\r\n"), 0);
}

/* A c= that cannot be read must not leave the session's address in force. */
static void sdp_does_not_guess_addresses(void **state)
{
    struct mcu_sdp *s = parse(HEAD "m=audio 1 RTP/AVP 0\r\nc=IN IP4\r\n"
                                   "m=audio 65535 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n"
                                   "c=IN IP4 192.0.2.2\r\n");
    assert_string_equal(s->media[0].address, "");
    assert_string_equal(s->media[1].address, "192.0.2.1");
    assert_int_equal(s->media[1].rtcp_port, 0);
    mcu_sdp_free(&s);
}

static void fmtp_gets_parameters_without_case(void **state)
{
    char v[16];
    assert_true(mcu_sdp_fmtp_get("a=1; B = two ;c;d=", "b", v, sizeof(v)));
    assert_string_equal(v, "two");
    assert_true(mcu_sdp_fmtp_get("a=1;c;d=", "C", v, sizeof(v)));
    assert_string_equal(v, "");
    assert_false(mcu_sdp_fmtp_get("ab=1", "a", v, sizeof(v)));
    assert_false(mcu_sdp_fmtp_get("", "a", v, sizeof(v)));
    assert_false(mcu_sdp_fmtp_get("a=12345678901234567890", "a", v, sizeof(v)));
    assert_string_equal(v, "");
    assert_int_equal(mcu_sdp_fmtp_int("x=5;y=-1;z=99999999999", "x", 7), 5);
    assert_int_equal(mcu_sdp_fmtp_int("x=5;y=-1;z=99999999999", "y", 7), 7);
    assert_int_equal(mcu_sdp_fmtp_int("x=5;y=-1;z=99999999999", "z", 7), INT32_MAX);
}

static void h264_levels_follow_table_a1(void **state)
{
    assert_int_equal(mcu_h264_level(66, 0xe0, 31)->max_fs, 3600);
    assert_int_equal(mcu_h264_level(66, 0xe0, 35)->level_idc, 32); /* unknown: the one below */
    assert_int_equal(mcu_h264_level(66, 0xe0, 0)->level_idc, 10);
    assert_int_equal(mcu_h264_level(66, 0xf0, 11)->max_br_kbps, 128); /* 1b */
    assert_int_equal(mcu_h264_level(66, 0xe0, 11)->max_br_kbps, 192);
    assert_int_equal(mcu_h264_level(100, 0x10, 11)->max_br_kbps, 192);
    assert_int_equal(mcu_h264_level(100, 0, 9)->max_br_kbps, 128);
    assert_int_equal(mcu_h264_level_for(1280, 720, 30, 2000000)->level_idc, 31);
    assert_int_equal(mcu_h264_level_for(1280, 720, 60, 0)->level_idc, 32);
    assert_int_equal(mcu_h264_level_for(1920, 1080, 30, 0)->level_idc, 40);
    assert_int_equal(mcu_h264_level_for(352, 288, 30, 0)->level_idc, 13);
    assert_int_equal(mcu_h264_level_for(352, 288, 30, 1000000)->level_idc, 20);
    assert_int_equal(mcu_h264_level_for(3000, 16, 1, 0)->level_idc, 32); /* 188 wide, 188 < sqrt */
}

static void h264_parameters_are_read(void **state)
{
    struct mcu_nego_h264 h;
    assert_int_equal(mcu_h264_parse(&h, ""), 0);
    assert_true(h.profile_idc == 66 && h.level_idc == 10 && !h.mode1 && h.max_fs == 99);
    assert_true(h.max_mbps == 1485 && h.max_br_kbps == 64);
    assert_int_equal(mcu_h264_parse(&h, "profile-level-id=42E01F;packetization-mode=1;"
                                        "max-fs=8192;max-mbps=1000;max-br=20000"),
                     0);
    assert_true(h.constraint_flags == 0xe0 && h.mode1 && h.max_fs == 8192);
    assert_true(h.max_mbps == 108000 && h.max_br_kbps == 20000);
    assert_int_equal(mcu_h264_parse(&h, "profile-level-id=64001f"), 0);
    assert_int_equal(h.max_br_kbps, 17500);
    assert_int_equal(mcu_h264_parse(&h, "profile-level-id=42e00d;max-recv-level=e01f"), 0);
    assert_true(h.level_idc == 13 && h.max_fs == 3600);
    assert_int_equal(mcu_h264_parse(&h, "max-fs=2147483647;max-br=99999999999"), 0);
    assert_true(h.max_fs == 139264 && h.max_br_kbps == 1000000);
}

static void h264_refuses_what_it_cannot_decode(void **state)
{
    static const char *const bad[] = { "profile-level-id=42e0",
                                       "profile-level-id=42e01x",
                                       "profile-level-id=6e001f",
                                       "profile-level-id=58001f",
                                       "profile-level-id=00000000000000000042e01f",
                                       "packetization-mode=2",
                                       "profile-level-id=f4001f" };
    struct mcu_nego_h264 h;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(mcu_h264_parse(&h, bad[i]), -EINVAL);
    assert_int_equal(mcu_h264_parse(&h, "profile-level-id=58801f"), 0);
}

static void h264_sprop_becomes_annex_b(void **state)
{
    /* RFC 6184 8.3's own example */
    static const uint8_t want[] = { 0, 0, 0, 1, 0x67, 0x42, 0xa0, 0x1e, 0xda, 0x02, 0x80, 0xf4 };
    uint8_t buf[256];
    size_t n = mcu_h264_sprop(
        "profile-level-id=42A01E;sprop-parameter-sets=Z0KgHtoCgPQ=,aM4xsg==", buf, sizeof(buf));
    assert_true(n == sizeof(want) + 4 + 4);
    assert_memory_equal(buf, want, sizeof(want));
    assert_int_equal(buf[sizeof(want) + 4], 0x68);
    assert_int_equal(mcu_h264_sprop("x=1", buf, sizeof(buf)), 0);
    assert_int_equal(mcu_h264_sprop("sprop-parameter-sets=Z0Kg!toCgPQ=", buf, sizeof(buf)), 0);
    assert_int_equal(mcu_h264_sprop("sprop-parameter-sets=,,", buf, sizeof(buf)), 0);
    assert_int_equal(mcu_h264_sprop("sprop-parameter-sets=Z0KgHtoCgPQ=", buf, 8), 0);
    assert_int_equal(mcu_h264_sprop("sprop-parameter-sets=ZUKgHtoCgPQ=", buf, 64), 0); /* IDR */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sdp_reads_session_and_media),
        cmocka_unit_test(sdp_forgives_what_devices_get_wrong),
        cmocka_unit_test(sdp_says_where_the_mistake_is),
        cmocka_unit_test(sdp_survives_the_bfcp_bomb),
        cmocka_unit_test(sdp_holds_its_limits),
        cmocka_unit_test(sdp_skips_formats_that_are_too_many_or_twice),
        cmocka_unit_test(sdp_cuts_a_long_fmtp_between_parameters),
        cmocka_unit_test(sdp_reads_bandwidth),
        cmocka_unit_test(sdp_does_not_guess_addresses),
        cmocka_unit_test(fmtp_gets_parameters_without_case),
        cmocka_unit_test(h264_levels_follow_table_a1),
        cmocka_unit_test(h264_parameters_are_read),
        cmocka_unit_test(h264_refuses_what_it_cannot_decode),
        cmocka_unit_test(h264_sprop_becomes_annex_b),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
