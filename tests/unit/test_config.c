/* The configuration: every key, every kind of mistake with its place, --set, checks, reload. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/config.h"

static struct mcu_config config;
static char error[512];

static int parse(const char *text)
{
    mcu_config_defaults(&config);
    error[0] = '\0';
    return mcu_config_parse(&config, "f.yaml", text, strlen(text), error, sizeof(error));
}

static void good(const char *text)
{
    if (parse(text) != 0)
        fail_msg("refused: %s", error);
}

/* Refused with -EINVAL, the place first, and what was expected; and nothing is taken over. */
static void bad(const char *text, const char *place, const char *expected)
{
    struct mcu_config before;
    mcu_config_defaults(&before);
    assert_int_equal(parse(text), -EINVAL);
    if (strncmp(error, place, strlen(place)) != 0 || !strstr(error, expected))
        fail_msg("'%s' is not '%s ... %s'", error, place, expected);
    assert_memory_equal(&before, &config, sizeof(config));
}

static void nothing_is_needed(void **state)
{
    static const char *const texts[] = { "", "# only words\n", "---\n", "---\n...\n" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(texts); i++) {
        good(texts[i]);
        assert_string_equal(config.address, "127.0.0.1");
        assert_int_equal(config.sip_port, 5060);
        assert_int_equal(config.http_port, 8080);
        assert_false(config.http_control);
        assert_false(config.record);
        assert_int_equal(mcu_config_check(&config, error, sizeof(error)), 0);
    }
}

static const char every_key[] =
    "listen:\n"
    "  address: 192.0.2.1\n"
    "  public_address: 2001:db8::1\n"
    "  sip_port: 5070\n"
    "  sip_tls_port: 5071\n"
    "  tls_cert: /c.pem\n"
    "  tls_key: /k.pem\n"
    "  http_address: ::1\n"
    "  http_port: 0\n"
    "  http_control: yes\n"
    "  rtp_first: 30000\n"
    "  rtp_last: 30999\n"
    "http:\n"
    "  tls: auto\n"
    "  tls_cert: /hc.pem\n"
    "  tls_key: /hk.pem\n"
    "  host_names: [mcu.example, '2001:db8::2']\n"
    "sip:\n"
    "  realm: Example Ltd\n"
    "  auth: all\n"
    "  digests: [MD5]\n"
    "  accounts: [\"alice:a:b\", 'bob:{MD5}0123456789abcdef0123456789abcdef']\n"
    "  register: ['sip:desk@provider.example room=support password=a b']\n"
    "  registrar: true\n"
    "  refer: all\n"
    "  session_expires_s: 600\n"
    "  min_se_s: 120\n"
    "  t1_ms: 1000\n"
    "media: {loops: 2, worker_cores: 3, nat: latch}\n"
    "video:\n"
    "  width: 1920\n"
    "  height: 1080\n"
    "  fps: 25\n"
    "  layout: speaker\n"
    "  fill: crop\n"
    "  names: false\n"
    "  codecs: [vp8, H264]\n"
    "  h264_encoder: x264\n"
    "  rungs:\n"
    "    - 1280x720@25 1200k\n"
    "    - 640x360@15 300k\n"
    "  in_bps: 800000\n"
    "  max_in_width: 1280\n"
    "  max_in_height: 720\n"
    "audio:\n"
    "  codecs: [PCMA, opus]\n"
    "  channels: 1\n"
    "  opus_bps: 32000\n"
    "  max_heard: 5\n"
    "  heard_threshold_dbov: -50\n"
    "recording: {enabled: on, directory: /var/rec}\n"
    "limits:\n"
    "  conferences: 10\n"
    "  legs: 20\n"
    "  legs_per_conference: 5\n"
    "  calls_per_s: 7\n"
    "  calls_per_source_s: 3\n"
    "  legs_per_source: 0\n"
    "  connecting_per_source: 9\n"
    "  overload: false\n"
    "  leg_timeout_s: 0\n"
    "log:\n"
    "  level: debug\n";

static void every_key_is_read(void **state)
{
    good(every_key);
    const struct mcu_config *c = &config;
    assert_string_equal(c->address, "192.0.2.1");
    assert_string_equal(c->public_address, "2001:db8::1");
    assert_int_equal(c->sip_port, 5070);
    assert_int_equal(c->sip_tls_port, 5071);
    assert_string_equal(c->tls_cert, "/c.pem");
    assert_string_equal(c->tls_key, "/k.pem");
    assert_string_equal(c->http_address, "::1");
    assert_int_equal(c->http_port, 0);
    assert_true(c->http_control);
    assert_int_equal(c->rtp_first, 30000);
    assert_int_equal(c->rtp_last, 30999);
    assert_int_equal(mcu_config_http_tls(c), MCU_HTTP_TLS_FILES);
    assert_string_equal(c->http_cert, "/hc.pem");
    assert_string_equal(c->http_key, "/hk.pem");
    assert_int_equal(c->http_host_count, 2);
    assert_string_equal(c->http_hosts[0], "mcu.example");
    assert_string_equal(c->http_hosts[1], "2001:db8::2");
    assert_int_equal(c->media_loops, 2);
    assert_int_equal(c->worker_cores, 3);
    assert_true(c->nat_latch);
    assert_string_equal(c->sip_realm, "Example Ltd");
    assert_int_equal(c->sip_auth, MCU_SIP_AUTH_ALL);
    assert_int_equal(c->sip_digest_count, 1);
    assert_int_equal(c->sip_digests[0], MCU_DIGEST_MD5);
    assert_int_equal(c->sip_account_count, 2);
    assert_string_equal(c->sip_accounts[0], "alice:a:b");
    assert_int_equal(c->sip_provider_count, 1);
    assert_string_equal(c->sip_providers[0].room, "support");
    assert_string_equal(c->sip_providers[0].password, "a b");
    assert_true(c->sip_registrar);
    assert_int_equal(c->sip_refer, MCU_REFER_ALL);
    assert_int_equal(c->sip_session_expires_s, 600);
    assert_int_equal(c->sip_min_se_s, 120);
    assert_int_equal(c->sip_t1_ms, 1000);
    assert_int_equal(c->max_calls_per_source_s, 3);
    assert_int_equal(c->max_legs_per_source, 0);
    assert_int_equal(c->max_connecting_per_source, 9);
    assert_int_equal(c->width, 1920);
    assert_int_equal(c->height, 1080);
    assert_int_equal(c->fps, 25);
    assert_int_equal(c->layout, MCU_LAYOUT_SPEAKER);
    assert_true(c->crop);
    assert_false(c->names);
    assert_int_equal(c->video_codec_count, 2);
    assert_int_equal(c->video_codecs[0], MCU_CODEC_VP8);
    assert_int_equal(c->video_codecs[1], MCU_CODEC_H264);
    assert_string_equal(c->h264_encoder, "x264");
    assert_int_equal(c->rung_count, 2);
    assert_int_equal(c->rungs[1].width, 640);
    assert_int_equal(c->rungs[1].height, 360);
    assert_int_equal(c->rungs[1].fps, 15);
    assert_int_equal(c->rungs[1].bitrate_bps, 300000);
    assert_int_equal(c->video_in_bps, 800000);
    assert_int_equal(c->max_in_width, 1280);
    assert_int_equal(c->max_in_height, 720);
    assert_int_equal(c->audio_codec_count, 2);
    assert_int_equal(c->audio_codecs[0], MCU_CODEC_PCMA);
    assert_int_equal(c->audio_codecs[1], MCU_CODEC_OPUS);
    assert_int_equal(c->audio_channels, 1);
    assert_int_equal(c->opus_bps, 32000);
    assert_int_equal(c->max_heard, 5);
    assert_int_equal(c->heard_threshold_dbov, -50);
    assert_true(c->record);
    assert_string_equal(c->record_dir, "/var/rec");
    assert_int_equal(c->max_conferences, 10);
    assert_int_equal(c->max_legs, 20);
    assert_int_equal(c->max_legs_per_conference, 5);
    assert_int_equal(c->max_calls_per_s, 7);
    assert_false(c->overload);
    assert_int_equal(c->leg_timeout_s, 0);
    assert_int_equal(c->log_level, MCU_LOG_DEBUG);
    assert_int_equal(mcu_config_check(&config, error, sizeof(error)), 0);
    assert_int_equal(c->rung_count, 2); /* given ones are not derived */
}

static const char further_keys[] =
    "http: {api: all}\n"
    "sip: {min_se_s: 90}\n"
    "web:\n"
    "  enabled: false\n"
    "  token: not-a-guess\n"
    "  addresses: [192.0.2.1, '2001:db8::1']\n"
    "  ice_servers: ['stun:192.0.2.7', 'turn:192.0.2.8:3479?transport=tcp user secret']\n"
    "  ice_tcp: true\n"
    "media: {security: required}\n"
    "video:\n"
    "  border: 6\n"
    "  corners: plain\n"
    "  fades: false\n"
    "  logo: /l.png\n"
    "  logo_corner: bottom-left\n"
    "  logo_percent: 20\n"
    "  reinvite_for_size: true\n"
    "limits: {connections_per_source: 5, silent_connection_s: 6, idle_connection_s: 7}\n";

static void the_keys_that_came_later_are_read_too(void **state)
{
    struct mcu_config before;
    mcu_config_defaults(&before);
    good(further_keys);
    const struct mcu_config *c = &config;
    assert_true(c->http_api_all && !before.http_api_all);
    assert_true(!c->web && before.web);
    assert_string_equal(c->web_token, "not-a-guess");
    assert_int_equal(c->web_address_count, 2);
    assert_string_equal(c->web_addresses[1], "2001:db8::1");
    assert_int_equal(c->web_server_count, 2);
    assert_true(c->web_ice_tcp && !before.web_ice_tcp);
    assert_true(c->security == MCU_SECURITY_REQUIRED && before.security != MCU_SECURITY_REQUIRED);
    assert_int_equal(c->border, 6);
    assert_true(c->plain_corners && !before.plain_corners);
    assert_true(!c->fades && before.fades);
    assert_string_equal(c->logo, "/l.png");
    assert_true(c->logo_corner == MCU_BOTTOM_LEFT && before.logo_corner == MCU_TOP_RIGHT);
    assert_int_equal(c->logo_percent, 20);
    assert_true(c->reinvite_for_size && !before.reinvite_for_size);
    assert_int_equal(c->max_connections_per_source, 5);
    assert_int_equal(c->silent_connection_s, 6);
    assert_int_equal(c->idle_connection_s, 7);
    assert_int_equal(mcu_config_check(&config, error, sizeof(error)), 0);
}

static void mistakes_name_line_key_and_what_was_expected(void **state)
{
    bad("listen:\n  sip_port: 70000\n", "f.yaml:2: listen.sip_port: ", "1 to 65535");
    bad("listen:\n  sip_port: 5060x\n", "f.yaml:2: listen.sip_port: ", "'5060x'");
    bad("listen:\n  sip_port: ''\n", "f.yaml:2: listen.sip_port: ", "number");
    bad("listen:\n  sip_port: 99999999999999999999\n", "f.yaml:2: listen.sip_port: ", "number");
    bad("listen:\n  address: localhost\n", "f.yaml:2: listen.address: ", "numeric IPv4 or IPv6");
    bad("listen:\n  sip_port: 5060\n  http_control: maybe\n", "f.yaml:3: listen.http_control: ",
        "true or false");
    bad("http: {tls: on}\n", "f.yaml:1: http.tls: ", "'auto' or 'self-signed'");
    bad("http: {host_names: ['a b']}\n", "f.yaml:1: http.host_names: ", "mcu.example");
    bad("http: {host_names: ['mcu.example:80']}\n", "f.yaml:1: http.host_names: ", "mcu.example");
    bad("http: {host_names: ['']}\n", "f.yaml:1: http.host_names: ", "mcu.example");
    bad("http: {api: none}\n", "f.yaml:1: http.api: ", "'local' or 'all'");
    bad("video: {corners: round}\n", "f.yaml:1: video.corners: ", "'rounded' or 'plain'");
    bad("video: {logo_corner: middle}\n", "f.yaml:1: video.logo_corner: ", "bottom-left or bottom-right");
    bad("media: {security: maybe}\n", "f.yaml:1: media.security: ", "");
    bad("media: {nat: on}\n", "f.yaml:1: media.nat: ", "off or latch");
    bad("video:\n\n  layout: circle\n", "f.yaml:3: video.layout: ", "'grid' or 'speaker'");
    bad("video: {fill: stretch}\n", "f.yaml:1: video.fill: ", "'fit' or 'crop'");
    bad("video: {h264_encoder: nvenc}\n", "f.yaml:1: video.h264_encoder: ", "'openh264' or 'x264'");
    bad("video:\n  codecs:\n    - H264\n    - opus\n", "f.yaml:4: video.codecs: ", "H264, VP8");
    bad("video: {codecs: [H264, AV1]}\n", "f.yaml:1: video.codecs: ", "video.decode");
    bad("video: {decode: [opus]}\n", "f.yaml:1: video.decode: ", "VP9, AV1");
    bad("audio: {codecs: [opus, mp3]}\n", "f.yaml:1: audio.codecs: ", "opus, G722, PCMU, PCMA");
    bad("audio: {codecs: []}\n", "f.yaml:1: audio.codecs: ", "empty");
    bad("audio: {codecs: [[opus]]}\n", "f.yaml:1: audio.codecs: ", "list of plain values");
    bad("audio: {codecs: {a: b}}\n", "f.yaml:1: audio.codecs: ", "a value or a list");
    bad("audio: {codecs: [opus, opus, opus, opus, opus, opus, opus, opus, opus]}\n",
        "f.yaml:1: audio.codecs: ", "at most 8");
    bad("audio: {channels: [1, 2]}\n", "f.yaml:1: audio.channels: ", "not a list");
    bad("video:\n  rungs: [1280x720@30]\n", "f.yaml:2: video.rungs: ", "1280x720@30 1500k");
    bad("video:\n  rungs: [1281x720@30 1500k]\n", "f.yaml:2: video.rungs: ", "even sizes");
    bad("video:\n  rungs: [1280x720@30 1500k2]\n", "f.yaml:2: video.rungs: ", "1280x720@30 1500k");
    bad("video:\n  rungs: [1280x720@30 15k]\n", "f.yaml:2: video.rungs: ", "1280x720@30 1500k");
    bad("sip: {auth: maybe}\n", "f.yaml:1: sip.auth: ", "off, invite or all");
    bad("sip: {realm: ''}\n", "f.yaml:1: sip.realm: ", "empty");
    bad("sip: {realm: 'a\"b'}\n", "f.yaml:1: sip.realm: ", "quotes");
    bad("sip: {digests: [MD5, MD5]}\n", "f.yaml:1: sip.digests: ", "twice");
    bad("sip: {digests: [SHA-1]}\n", "f.yaml:1: sip.digests: ", "SHA-256, MD5");
    bad("sip: {digests: []}\n", "f.yaml:1: sip.digests: ", "empty");
    bad("sip:\n  accounts:\n    - alice:x\n    - 'bob:{MD5}secret'\n", "f.yaml:4: sip.accounts: ",
        "user:password");
    assert_null(strstr(error, "secret")); /* it may be a password with a slip */
    bad("log: {level: loud}\n", "f.yaml:1: log.level: ", "error, warn, info or debug");
    bad("listen:\n  port: 1\n", "f.yaml:2: listen.port: ", "no such key");
    bad("lisen:\n  sip_port: 1\n", "f.yaml:2: lisen.sip_port: ", "no such key");
    bad("listen: 5060\n", "f.yaml:1: listen: ", "below it");
    bad("listen\n", "f.yaml:1: the file: ", "sections");
    bad("- a\n", "f.yaml:1: the file: ", "sections");
    bad("listen:\n  a: [1\n", "f.yaml:", "");
    bad("listen:\n\tsip_port: 1\n", "f.yaml:2: YAML: ", "");
    bad("\xff\xfe\xff", "f.yaml:1: YAML: ", "");
    bad("[a]: {b: c}\n", "f.yaml:1: ", "no such key");
    bad("listen: {[x]: 1}\n", "f.yaml:1: listen.?: ", "no such key");
    bad("listen: &a {sip_port: *b}\n", "f.yaml:1: YAML: ", "");
    char lengthy[1200];
    snprintf(lengthy, sizeof(lengthy), "recording:\n  directory: /%0900d\n", 1);
    bad(lengthy, "f.yaml:2: recording.directory: ", "longer than 255 bytes");
}

static void a_null_or_cyclic_file_is_harmless(void **state)
{
    bad("listen: &a {sip_port: *a}\n", "f.yaml:1: listen.sip_port: ", "");
    bad("listen: ~\n", "f.yaml:1: listen: ", "below it");
    bad("listen: {sip_port: ~}\n", "f.yaml:1: listen.sip_port: ", "number");
    assert_int_equal(mcu_config_parse(&config, "f", "a\0b", 3, error, sizeof(error)), -EINVAL);
}

static void set(const char *assignment, int rc, const char *message)
{
    error[0] = '\0';
    int got = mcu_config_set(&config, assignment, error, sizeof(error));
    if (got != rc || (message && !strstr(error, message)))
        fail_msg("%s: %d '%s'", assignment, got, error);
}

static void a_key_can_be_set_on_the_command_line(void **state)
{
    mcu_config_defaults(&config);
    set("listen.sip_port=5071", 0, NULL);
    assert_int_equal(config.sip_port, 5071);
    set("listen.public_address=", 0, NULL);
    enum mcu_codec in[MCU_CONFIG_MAX_CODECS];
    assert_int_equal(mcu_config_video_in(&config, in), 2);
    set("video.codecs=VP8", 0, NULL);
    set("video.decode=VP8,AV1,AV1", 0, NULL);
    assert_int_equal(mcu_config_video_in(&config, in), 1); /* what is sent is received anyway */
    assert_int_equal(in[0], MCU_CODEC_AV1);
    set("video.decode=", 0, NULL);
    assert_int_equal(mcu_config_video_in(&config, in), 0);
    assert_int_equal(config.video_codec_count, 1);
    set("audio.codecs=PCMU,opus", 0, NULL);
    assert_int_equal(config.audio_codec_count, 2);
    assert_int_equal(config.audio_codecs[0], MCU_CODEC_PCMU);
    set("video.rungs=640x360@30 500k,320x180@15 150k", 0, NULL);
    assert_int_equal(config.rung_count, 2);
    set("sip.accounts=a:b,c:d:e", 0, NULL);
    assert_int_equal(config.sip_account_count, 2);
    assert_string_equal(config.sip_accounts[1], "c:d:e");
    set("sip.accounts=", 0, NULL);
    assert_int_equal(config.sip_account_count, 0);
    set("recording.directory=a=b", 0, NULL);
    assert_string_equal(config.record_dir, "a=b");
    set("listen.sip_port", -EINVAL, "--set: listen.sip_port: expected section.key=value");
    set("=1", -EINVAL, "no such key");
    set("listen.sip_port=0", -EINVAL, "--set: listen.sip_port: expected a number from 1");
    set("listen.nothing=0", -EINVAL, "--set: listen.nothing: there is no such key");
    set("audio.codecs=opus,mp3", -EINVAL, "mp3");
    set("audio.codecs=", -EINVAL, "audio.codecs");
    char lengthy[1200];
    snprintf(lengthy, sizeof(lengthy), "recording.directory=%01100d", 1);
    set(lengthy, -EINVAL, "");
}

static void checked(const char *text, const char *key)
{
    good(text);
    error[0] = '\0';
    assert_int_equal(mcu_config_check(&config, error, sizeof(error)), -EINVAL);
    if (!strstr(error, key))
        fail_msg("'%s' does not name %s", error, key);
}

static void keys_must_fit_each_other(void **state)
{
    checked("listen: {address: ''}\n", "listen.address");
    checked("listen: {rtp_first: 30000, rtp_last: 30000}\n", "listen.rtp_last");
    checked("listen: {tls_cert: a}\n", "listen.tls_key");
    checked("listen: {tls_key: a}\n", "listen.tls_cert");
    checked("sip: {auth: invite}\n", "sip.auth");
    checked("sip: {registrar: true}\n", "sip.registrar");
    checked("video: {width: 641}\n", "video.width");
    checked("video: {height: 361}\n", "video.height");
    checked("video: {border: 3}\n", "video.border");
    checked("sip: {min_se_s: 600, session_expires_s: 599}\n", "sip.min_se_s");
    checked("listen: {sip_port: 8080}\n", "listen.http_port");
    checked("http: {tls_cert: a}\n", "http.tls_key");
    checked("http: {tls_key: a}\n", "http.tls_cert");
    checked("http: {tls: self-signed, tls_cert: a, tls_key: b}\n", "http.tls");
    checked("video: {rungs: [1920x1080@30 2000k]}\n", "video.rungs");
    checked("video: {rungs: [640x360@30 500k, 640x360@30 600k]}\n", "video.rungs");
}

static void rungs(const char *text, int count, const struct mcu_config_rung *want)
{
    good(text);
    assert_int_equal(mcu_config_check(&config, error, sizeof(error)), 0);
    assert_int_equal(config.rung_count, count);
    for (int i = 0; want && i < count; i++)
        assert_memory_equal(&config.rungs[i], &want[i], sizeof(want[i]));
    for (int i = 0; i < count; i++) {
        assert_int_equal(config.rungs[i].width % 2 + config.rungs[i].height % 2, 0);
        assert_true(config.rungs[i].width >= 16 && config.rungs[i].height >= 16);
    }
}

static void rungs_are_derived_from_the_canvas(void **state)
{
    static const struct mcu_config_rung hd[] = { { 1280, 720, 30, 1500000 }, { 640, 360, 30, 500000 },
                                                 { 320, 180, 15, 150000 }, { 176, 98, 15, 60000 } };
    rungs("", 4, hd);
    rungs("video: {width: 1920, height: 1080}\n", 4, NULL);
    assert_true(config.rungs[0].bitrate_bps > 2000000);
    rungs("video: {width: 3840, height: 2160, fps: 60}\n", 4, NULL);
    rungs("video: {width: 640, height: 360, fps: 10}\n", 3, NULL);
    assert_int_equal(config.rungs[2].fps, 10);
    rungs("video: {width: 176, height: 144}\n", 1, NULL);
    rungs("video: {width: 64, height: 36}\n", 1, NULL);
    rungs("video: {width: 3840, height: 36}\n", 3, NULL);
    for (int i = 1; i < config.rung_count; i++)
        assert_true(config.rungs[i].bitrate_bps <= config.rungs[i - 1].bitrate_bps);
}

static void a_reload_changes_what_it_may_and_names_the_rest(void **state)
{
    struct mcu_config running, fresh;
    char list[256];
    good("");
    running = config;
    good("listen: {sip_port: 5099}\nvideo: {layout: speaker, width: 640}\nlog: {level: debug}\n"
         "limits: {legs: 5}\n");
    fresh = config;
    assert_int_equal(mcu_config_reload(&running, &fresh, list, sizeof(list)), 2);
    assert_string_equal(list, "listen.sip_port video.width");
    assert_int_equal(running.sip_port, 5060);
    assert_int_equal(running.width, 1280);
    assert_int_equal(running.layout, MCU_LAYOUT_SPEAKER);
    assert_int_equal(running.max_legs, 5);
    assert_int_equal(running.log_level, MCU_LOG_DEBUG);
    fresh.sip_port = 5060;
    fresh.width = 1280;
    assert_int_equal(mcu_config_reload(&running, &fresh, list, sizeof(list)), 0);
    assert_string_equal(list, "");
}

/* The same file read again, as SIGHUP does: nothing differs. */
static void a_reload_of_the_same_file_changes_nothing(void **state)
{
    struct mcu_config running;
    char list[256];
    good(every_key);
    assert_int_equal(mcu_config_check(&config, error, sizeof(error)), 0);
    running = config;
    good(every_key);
    assert_int_equal(mcu_config_check(&config, error, sizeof(error)), 0);
    assert_int_equal(mcu_config_reload(&running, &config, list, sizeof(list)), 0);
    assert_string_equal(list, "");
    /* A shorter list is another one, though it begins alike. */
    good("");
    running = config;
    good("video: {codecs: [H264]}\n");
    assert_int_equal(mcu_config_reload(&running, &config, list, sizeof(list)), 1);
    assert_string_equal(list, "video.codecs");
    /* A shorter value after a longer one leaves no trace of it. */
    good("listen: {address: 192.0.2.100}\n");
    set("listen.address=192.0.2.1", 0, NULL);
    running = config;
    good("listen: {address: 192.0.2.1}\n");
    assert_int_equal(mcu_config_reload(&running, &config, list, sizeof(list)), 0);
}

static void a_file_that_cannot_be_read_says_so(void **state)
{
    mcu_config_defaults(&config);
    assert_int_equal(mcu_config_load(&config, "/nonexistent/x.yaml", error, sizeof(error)), -ENOENT);
    assert_non_null(strstr(error, "/nonexistent/x.yaml: No such file"));
    assert_true(mcu_config_load(&config, "/", error, sizeof(error)) < 0);
    assert_int_equal(strncmp(error, "/: ", 3), 0);
    char path[] = "/tmp/tessera-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "log:\n  level: warn\n", 19), 19);
    assert_int_equal(mcu_config_load(&config, path, error, sizeof(error)), 0);
    assert_int_equal(config.log_level, MCU_LOG_WARN);
    char *big = malloc(300000);
    memset(big, '#', 300000);
    assert_int_equal(write(fd, big, 300000), 300000);
    assert_int_equal(mcu_config_load(&config, path, error, sizeof(error)), -EINVAL);
    assert_non_null(strstr(error, "larger than"));
    free(big);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_needed),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(the_keys_that_came_later_are_read_too),
        cmocka_unit_test(mistakes_name_line_key_and_what_was_expected),
        cmocka_unit_test(a_null_or_cyclic_file_is_harmless),
        cmocka_unit_test(a_key_can_be_set_on_the_command_line),
        cmocka_unit_test(keys_must_fit_each_other),
        cmocka_unit_test(rungs_are_derived_from_the_canvas),
        cmocka_unit_test(a_reload_changes_what_it_may_and_names_the_rest),
        cmocka_unit_test(a_reload_of_the_same_file_changes_nothing),
        cmocka_unit_test(a_file_that_cannot_be_read_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
