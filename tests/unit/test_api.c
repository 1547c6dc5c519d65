/* What the API says, from hand-made snapshots: texts alone, no loop and no socket. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mixer/base/counter.h"
#include "net/room_name.h"
#include "server/api_json.h"
#include "server/metrics.h"
#include "server/server.h"
#include "server/utf8.h"

#define S INT64_C(1000000000)

/* ---- a snapshot: a room with two, one of them with media lines, and an empty room ---- */

static struct mcu_conf_leg_info people[2];
static struct mcu_conf_info confs[2];
static struct mcu_leg_info legs[2];
static struct mcu_snapshot snapshot;

static void fill_people(void)
{
    memset(people, 0, sizeof(people));
    people[0] = (struct mcu_conf_leg_info){
        .leg = 7, .participant = 70, .name = "Zo\xc3\xab \"Z\"", .heard = true, .speaker = true,
        .has_picture = true, .level_dbov = -23, .playout_ms = 60, .audio_in = MCU_CODEC_OPUS,
        .audio_out = MCU_CODEC_OPUS, .video_in = MCU_CODEC_H264, .video_out = MCU_CODEC_VP8,
        .video_in_w = 640, .video_in_h = 360, .video_out_w = 1280, .video_out_h = 720,
        .own_mix = true, .underruns = 3, .decode_errors = 1, .av_delay_ns = 25000000,
    };
    people[1] = (struct mcu_conf_leg_info){ .leg = 8, .participant = 80, .level_dbov = -127 };
    strcpy(people[1].name, "\xff\xfe bad \xed\xa0\x80\n");
}

static void fill(void)
{
    fill_people();
    memset(confs, 0, sizeof(confs));
    confs[0] = (struct mcu_conf_info){
        .room = "r\xc3\xa9union", .started_ns = 10 * S, .leg_count = 2, .legs = people,
        .rendition_count = 3, .audio_encoders_shared = 1, .audio_encoders_own = 2,
        .audio_ticks = 500, .audio_late = 4, .audio_skipped = 1, .video_ticks = 300,
        .video_late = 2, .audio_cpu_ns = 1500000000, .tiles_drawn = 9,
    };
    confs[0].renditions[0] = (struct mcu_rendition_info){
        .codec = MCU_CODEC_H264, .encoder = "openh264", .width = 1280, .height = 720, .fps = 30,
        .bitrate_bps = 1500000, .subscribers = 5, .frames = 300, .keyframes = 3, .bytes = 99 };
    confs[0].renditions[1] = confs[0].renditions[0];
    confs[0].renditions[1].subscribers = 1;
    confs[0].renditions[2] = confs[0].renditions[0];
    confs[0].renditions[2].repair = true;
    strcpy(confs[1].room, "evil\"} 1\nx{\\");
    confs[1].started_ns = 20 * S;
    memset(legs, 0, sizeof(legs));
    legs[0].leg = 7;
    legs[0].line_used[MCU_ROLE_AUDIO] = legs[0].line_used[MCU_ROLE_VIDEO] = true;
    legs[0].line[MCU_ROLE_AUDIO] = (struct mcu_line_stats){
        .packets_in = 1000, .lost = 12, .jitter_ms = 3.25, .rtt_ms = 40.5, .ssrc_in = 4000000000u,
        .fraction_lost_out = NAN, .last_packet_ns = 99 * S, .sr_seen = true };
    legs[1].leg = 9;
    legs[1].line_used[MCU_ROLE_AUDIO] = true;
    snapshot = (struct mcu_snapshot){
        .conf_count = 2, .confs = confs, .leg_count = 2, .legs = legs, .taken_ns = 100 * S,
        .uptime_ns = 90 * S, .rtp_ports_used = 4,
        .workers = { .jobs = { 11, 22 }, .cpu_ns = { S, 2 * S } },
    };
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no '%s' in: %s", part, text);
}

/* ---- metrics ---- */

static const char *name_end(const char *p)
{
    assert_true(isalpha((unsigned char)*p) || *p == '_');
    while (isalnum((unsigned char)*p) || *p == '_')
        p++;
    return p;
}

/* {name="value",...}; returns what follows. */
static const char *labels_end(const char *p)
{
    do {
        p = name_end(p + 1);
        assert_memory_equal(p, "=\"", 2);
        for (p += 2; *p != '"'; p++) {
            assert_true((unsigned char)*p >= 0x20);
            if (*p == '\\')
                assert_non_null(strchr("\\\"n", *++p));
        }
        p++;
    } while (*p == ',');
    assert_int_equal(*p, '}');
    return p + 1;
}

static void check_sample(const char *line, const char *type_line)
{
    const char *end = name_end(line);
    size_t n = (size_t)(end - line);
    assert_memory_equal(line, "tessera_", 8);
    if (strncmp(type_line, line, n) != 0 || type_line[n] != ' ')
        fail_msg("'%s' does not belong to '%s'", line, type_line);
    if (strstr(type_line, " counter"))
        assert_true(n < 6 || strncmp(end - 6, "_total", 6) == 0);
    if (*end == '{')
        end = labels_end(end);
    assert_int_equal(*end, ' ');
    char *rest;
    double v = strtod(end + 1, &rest);
    assert_true(isfinite(v) && rest > end + 1 && !*rest);
}

static void metrics_parse_line_by_line(void **state)
{
    size_t size;
    int samples = 0;
    char seen[400][80], type[128] = "";
    int metrics = 0;
    fill();
    char *text = mcu_metrics_text(&snapshot, &size);
    assert_int_equal(strlen(text), size);
    assert_int_equal(text[size - 1], '\n');
    char *copy = strdup(text), *rest = NULL;
    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "# HELP tessera_", 15) == 0)
            continue;
        if (strncmp(line, "# TYPE ", 7) == 0) {
            snprintf(type, sizeof(type), "%s", line + 7);
            for (int i = 0; i < metrics; i++)
                assert_string_not_equal(seen[i], type); /* each metric stands once */
            assert_true(metrics < 400);
            snprintf(seen[metrics++], sizeof(seen[0]), "%.79s", type);
            continue;
        }
        check_sample(line, type);
        samples++;
    }
    assert_true(samples > MCU_CNT_COUNT + 20);
    free(copy);
    free(text);
}

static void metrics_tell_what_runs(void **state)
{
    size_t size;
    fill();
    mcu_count(MCU_CNT_SIP_CALLS);
    char *text = mcu_metrics_text(&snapshot, &size);
    has(text, "\ntessera_sip_calls_total 1\n");
    has(text, "\ntessera_conferences 2\n");
    has(text, "\ntessera_legs 2\n");
    has(text, "\ntessera_rtp_port_pairs_used 4\n");
    has(text, "\ntessera_worker_jobs_total{kind=\"video\"} 22\n");
    has(text, "\ntessera_worker_cpu_seconds_total{kind=\"audio\"} 1.000000\n");
    has(text, "\ntessera_renditions_running{conference=\"r\xc3\xa9union\",codec=\"H264\","
              "width=\"1280\",height=\"720\",fps=\"30\",repair=\"false\"} 2\n");
    has(text, "fps=\"30\",repair=\"true\"} 1\n");
    has(text, "\ntessera_rendition_subscribers{conference=\"r\xc3\xa9union\",codec=\"H264\","
              "width=\"1280\",height=\"720\",fps=\"30\",repair=\"false\"} 6\n");
    has(text, "\ntessera_audio_encoders_own{conference=\"r\xc3\xa9union\"} 2\n");
    has(text, "\ntessera_conference_audio_late_ticks_total{conference=\"r\xc3\xa9union\"} 4\n");
    has(text, "{conference=\"evil\\\"} 1\\nx{\\\\\"} 0\n");
    has(text, "\ntessera_process_resident_memory_bytes ");
    assert_null(strstr(text, "tessera_process_open_fds 0\n"));
    assert_null(strstr(text, "tessera_process_resident_memory_bytes 0\n"));
    free(text);
}

/* ---- JSON ---- */

static void conferences_tell_who_hears_what(void **state)
{
    fill();
    char *text = mcu_api_conferences_json(&snapshot);
    has(text, "{\"conferences\":[{\"name\":\"r\xc3\xa9union\",\"started\":\"");
    has(text, "\"age_s\":90.0");
    has(text, "\"name\":\"Zo\xc3\xab \\\"Z\\\"\",\"participant\":70,\"leg\":7");
    has(text, "\"audio_in\":\"opus\",\"audio_out\":\"opus\",\"video_in\":\"H264\"");
    has(text, "\"video_in_size\":{\"width\":640,\"height\":360}");
    has(text, "\"level_dbov\":-23,\"heard\":true,\"speaker\":true,\"own_mix\":true");
    has(text, "\"line\":\"audio\",\"packets_in\":1000");
    has(text, "\"lost\":12");
    has(text, "\"jitter_ms\":3.25,\"rtt_ms\":40.5");
    has(text, "\"fraction_lost_out\":null"); /* not a number has no JSON */
    has(text, "\"ssrc_in\":4000000000");
    has(text, "\"silent_ms\":1000");
    has(text, "\"line\":\"video\"");
    has(text, "\"encoder\":\"openh264\",\"layout\":\"grid\",\"width\":1280");
    has(text, "\"audio\":{\"ticks\":500,\"late\":4,\"skipped\":1,\"cpu_s\":1.5}");
    /* The second one's leg has no figures yet; his name is mended, not lost. */
    has(text, "\"name\":\"\xef\xbf\xbd\xef\xbf\xbd bad \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\n\","
              "\"participant\":80,\"leg\":8");
    has(text, "\"video_out_size\":null");
    has(text, "\"lines\":[]");
    free(text);
}

static void one_conference_is_found_by_its_name(void **state)
{
    bool found;
    fill();
    char *text = mcu_api_conference_json(&snapshot, "r\xc3\xa9union", &found);
    assert_true(found);
    has(text, "{\"name\":\"r\xc3\xa9union\"");
    free(text);
    assert_null(mcu_api_conference_json(&snapshot, "r", &found));
    assert_false(found);
    snapshot.conf_count = 0;
    text = mcu_api_conferences_json(&snapshot);
    assert_string_equal(text, "{\"conferences\":[]}");
    free(text);
}

static void events_carry_the_number_to_go_on_from(void **state)
{
    struct mcu_event e[2] = {
        { .number = 5, .time_ns = S, .type = MCU_EVENT_LEG_JOINED, .conference = "a",
          .participant = 1, .leg = 2, .detail = "name=\"\xc0\xaf\"" },
        { .number = 9, .time_ns = 2 * S, .type = MCU_EVENT_CONFERENCE_ENDED, .conference = "a" },
    };
    char *text = mcu_api_events_json(e, 2, 4);
    has(text, "{\"events\":[{\"number\":5,\"time\":\"");
    has(text, "\"type\":\"leg-joined\",\"conference\":\"a\",\"participant\":1,\"leg\":2,"
              "\"detail\":\"name=\\\"\xef\xbf\xbd\xef\xbf\xbd\\\"\"");
    has(text, "\"participant\":null,\"leg\":null");
    has(text, "],\"last\":9}");
    free(text);
    text = mcu_api_events_json(e, 0, 4);
    assert_string_equal(text, "{\"events\":[],\"last\":4}");
    free(text);
}

static void health_and_errors_are_json(void **state)
{
    char *text = mcu_api_health_json(false, 1500000000, 3);
    assert_string_equal(text, "{\"status\":\"ok\",\"version\":\"" MCU_VERSION
                              "\",\"uptime_s\":1.5,\"calls\":3}");
    free(text);
    text = mcu_api_health_json(true, 0, 0);
    has(text, "\"status\":\"stopping\"");
    free(text);
    text = mcu_api_error_json("a \"b\" \x80");
    assert_string_equal(text, "{\"error\":\"a \\\"b\\\" \xef\xbf\xbd\"}");
    free(text);
}

static void a_move_says_what_it_expected(void **state)
{
    char room[400], error[160], parsed[MCU_ROOM_NAME_BYTES];
    static const struct {
        const char *body, *error;
    } bad[] = {
        { "", "no JSON" }, { "{\"room\":", "no JSON" }, { "[]", "expected {\"room\"" },
        { "{}", "expected" }, { "{\"room\":7}", "expected" }, { "{\"room\":\"a\",\"x\":1}", "expected" },
        { "{\"room\":\"a\",\"room\":\"b\"}", "no JSON" }, { "{\"room\":\"a\\u0000b\"}", "no JSON" },
        { "{\"room\":\"\xff\"}", "no JSON" }, { "{\"room\":\"a\"} x", "no JSON" },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad); i++) {
        assert_int_equal(mcu_api_read_move(bad[i].body, strlen(bad[i].body), room, sizeof(room),
                                           error, sizeof(error)), -EINVAL);
        has(error, bad[i].error);
    }
    static const char good[] = "{\"room\":\"50%41 caf\xc3\xa9\"}";
    assert_int_equal(mcu_api_read_move(good, sizeof(good) - 1, room, sizeof(room), error,
                                       sizeof(error)), 0);
    assert_int_equal(mcu_room_name_parse(parsed, room, strlen(room)), 0);
    assert_string_equal(parsed, "50%41 caf\xc3\xa9"); /* not decoded: JSON is no URI */
    char lengthy[600];
    snprintf(lengthy, sizeof(lengthy), "{\"room\":\"%0500d\"}", 1);
    assert_int_equal(mcu_api_read_move(lengthy, strlen(lengthy), room, sizeof(room), error,
                                       sizeof(error)), -EINVAL);
    has(error, "too long");
}

static void broken_utf8_is_mended(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "plain", "plain" },
        { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
        { "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },                     /* overlong */
        { "\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* > 10ffff */
        { "a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd" },                   /* cut */
        { "\x80z", "\xef\xbf\xbdz" },
    };
    char out[64];
    for (size_t i = 0; i < MCU_ARRAY_LEN(cases); i++)
        assert_string_equal(mcu_utf8_clean(out, sizeof(out), cases[i].in), cases[i].out);
    assert_string_equal(mcu_utf8_clean(out, 4, "ab\xc3\xa9"), "ab");
    assert_string_equal(mcu_utf8_clean(out, 5, "ab\xc3\xa9"), "ab\xc3\xa9");
    assert_string_equal(mcu_utf8_clean(out, 1, "ab"), "");
}

static void a_call_says_what_it_expected(void **state)
{
    static const char *const bad[] = {
        "", "x", "[]", "{}", "{\"uri\":1}", "{\"uri\":\"sip:a@b\",\"more\":1}",
        "{\"uri\":\"sip:a@b\",\"user\":\"u\"}",
        "{\"uri\":\"sip:a@b\",\"user\":\"u\",\"password\":\"pa55\"}",
        "{\"uri\":\"sip:a@b\",\"realm\":\"r\",\"user\":\"\",\"password\":\"pa55\"}",
        "{\"uri\":\"sip:a@b\",\"realm\":\"r\",\"user\":\"u\",\"password\":[\"pa55\"]}",
        "{\"uri\":\"sip:a\\u0000@b\"}",
    };
    static const char plain[] = "{\"uri\":\"sip:a@b\"}";
    static const char login[] =
        "{\"uri\":\"sip:a@b\",\"realm\":\"r\",\"user\":\"u\",\"password\":\"p\"}";
    struct mcu_api_call call;
    char error[160];
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad); i++) {
        error[0] = '\0';
        if (mcu_api_read_call(bad[i], strlen(bad[i]), &call, error, sizeof(error)) != -EINVAL)
            fail_msg("accepted: %s", bad[i]);
        assert_non_null(strstr(error, "sip:"));
        assert_null(strstr(error, "pa55"));
    }
    assert_int_equal(mcu_api_read_call(plain, strlen(plain), &call, error, sizeof(error)), 0);
    assert_string_equal(call.uri, "sip:a@b");
    assert_string_equal(call.user, "");
    assert_int_equal(mcu_api_read_call(login, strlen(login), &call, error, sizeof(error)), 0);
    assert_string_equal(call.realm, "r");
    assert_string_equal(call.user, "u");
    assert_string_equal(call.password, "p");
    char *text = mcu_api_leg_json(17);
    assert_string_equal(text, "{\"leg\":17}");
    free(text);
}

static void a_transfer_says_what_it_expected(void **state)
{
    static const char *const bad[] = { "",
                                       "{",
                                       "[]",
                                       "{}",
                                       "{\"uri\":5}",
                                       "{\"uri\":\"sip:a\\u0000b\"}",
                                       "{\"uri\":\"sip:a\",\"room\":\"x\"}",
                                       "{\"uri\":\"sip:a\",\"uri\":\"sip:b\"}",
                                       "{\"uri\":\"sip:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}" };
    static const char good[] = "{\"uri\": \"sip:a@b\"}";
    char uri[32], error[160];
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad); i++) {
        if (mcu_api_read_uri(bad[i], strlen(bad[i]), uri, sizeof(uri), error, sizeof(error)) !=
            -EINVAL)
            fail_msg("accepted: %s", bad[i]);
        assert_non_null(strstr(error, "sip:"));
    }
    assert_int_equal(mcu_api_read_uri(good, strlen(good), uri, sizeof(uri), error, sizeof(error)),
                     0);
    assert_string_equal(uri, "sip:a@b");
}

static void a_layout_says_what_it_expected(void **state)
{
    static const char *const bad[] = { "", "{}", "{\"layout\":1}", "{\"layout\":\"mosaic\"}",
                                       "{\"layout\":\"grid\",\"more\":1}", "[\"grid\"]",
                                       "{\"layout\":\"a name that is much too long for any\"}" };
    static const char good[] = "{\"layout\": \"speaker\"}";
    enum mcu_layout_wish wish = MCU_WISH_NONE;
    char error[160];
    for (size_t i = 0; i < MCU_ARRAY_LEN(bad); i++) {
        if (mcu_api_read_layout(bad[i], strlen(bad[i]), &wish, error, sizeof(error)) != -EINVAL)
            fail_msg("accepted: %s", bad[i]);
        assert_non_null(strstr(error, "speaker"));
    }
    assert_int_equal(mcu_api_read_layout(good, strlen(good), &wish, error, sizeof(error)), 0);
    assert_int_equal(wish, MCU_WISH_SPEAKER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_parse_line_by_line),
        cmocka_unit_test(metrics_tell_what_runs),
        cmocka_unit_test(conferences_tell_who_hears_what),
        cmocka_unit_test(one_conference_is_found_by_its_name),
        cmocka_unit_test(events_carry_the_number_to_go_on_from),
        cmocka_unit_test(health_and_errors_are_json),
        cmocka_unit_test(a_move_says_what_it_expected),
        cmocka_unit_test(a_call_says_what_it_expected),
        cmocka_unit_test(a_layout_says_what_it_expected),
        cmocka_unit_test(a_transfer_says_what_it_expected),
        cmocka_unit_test(broken_utf8_is_mended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
