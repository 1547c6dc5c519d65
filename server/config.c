/* The configuration: one table of keys serves the file, --set and the reload. */
#include "server/config.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "mixer/base/util.h"
#include "net/addr.h"
#include "net/ice_server.h"
#include "server/config_priv.h"

#define MAX_FILE_BYTES (256 * 1024)

enum value_type { T_TEXT, T_ADDRESS, T_INT, T_BOOL, T_LEVEL, T_LAYOUT, T_FIT, T_ENCODER, T_AUDIO_CODECS,
                  T_VIDEO_CODECS, T_VIDEO_DECODE, T_RUNGS, T_SECURITY, T_NAT, T_REALM, T_AUTH, T_REFER, T_DIGESTS,
                  T_ACCOUNTS, T_PROVIDERS, T_TOKEN, T_ADDRESSES, T_ICE_SERVERS, T_TLS, T_HOSTS, T_API,
                  T_CORNERS, T_CORNER };

struct key {
    const char *name; /* section.key */
    enum value_type type;
    size_t offset, size;
    int min, max;
    bool live; /* a reload changes it */
};

#define FIELD(f) offsetof(struct mcu_config, f), sizeof(((struct mcu_config *)0)->f)

static const struct key keys[] = {
    { "listen.address", T_ADDRESS, FIELD(address), 0, 0, false },
    { "listen.public_address", T_ADDRESS, FIELD(public_address), 0, 0, false },
    { "listen.sip_port", T_INT, FIELD(sip_port), 1, 65535, false },
    { "listen.sip_tls_port", T_INT, FIELD(sip_tls_port), 1, 65535, false },
    { "listen.tls_cert", T_TEXT, FIELD(tls_cert), 0, 0, false },
    { "listen.tls_key", T_TEXT, FIELD(tls_key), 0, 0, false },
    { "listen.http_address", T_ADDRESS, FIELD(http_address), 0, 0, false },
    { "listen.http_port", T_INT, FIELD(http_port), 0, 65535, false },
    { "listen.http_control", T_BOOL, FIELD(http_control), 0, 0, false },
    { "listen.rtp_first", T_INT, FIELD(rtp_first), 1024, 65534, false },
    { "listen.rtp_last", T_INT, FIELD(rtp_last), 1025, 65535, false },
    { "http.tls", T_TLS, FIELD(http_self_signed), 0, 0, false },
    { "http.tls_cert", T_TEXT, FIELD(http_cert), 0, 0, false },
    { "http.tls_key", T_TEXT, FIELD(http_key), 0, 0, false },
    { "http.api", T_API, FIELD(http_api_all), 0, 0, false },
    { "http.host_names", T_HOSTS, FIELD(http_hosts), 0, 0, false },
    { "sip.realm", T_REALM, FIELD(sip_realm), 0, 0, false },
    { "sip.auth", T_AUTH, FIELD(sip_auth), 0, 0, false },
    { "sip.digests", T_DIGESTS, FIELD(sip_digests), 0, 0, false },
    { "sip.accounts", T_ACCOUNTS, FIELD(sip_accounts), 0, 0, false },
    { "sip.register", T_PROVIDERS, FIELD(sip_providers), 0, 0, false },
    { "sip.registrar", T_BOOL, FIELD(sip_registrar), 0, 0, false },
    { "sip.refer", T_REFER, FIELD(sip_refer), 0, 0, false },
    { "sip.session_expires_s", T_INT, FIELD(sip_session_expires_s), 2, 86400, false },
    { "sip.min_se_s", T_INT, FIELD(sip_min_se_s), 1, 3600, false },
    { "sip.t1_ms", T_INT, FIELD(sip_t1_ms), 10, 5000, false },
    { "web.enabled", T_BOOL, FIELD(web), 0, 0, false },
    { "web.token", T_TOKEN, FIELD(web_token), 0, 0, true },
    { "web.addresses", T_ADDRESSES, FIELD(web_addresses), 0, 0, false },
    { "web.ice_servers", T_ICE_SERVERS, FIELD(web_servers), 0, 0, false },
    { "web.ice_tcp", T_BOOL, FIELD(web_ice_tcp), 0, 0, false },
    { "media.loops", T_INT, FIELD(media_loops), 0, 64, false },
    { "media.worker_cores", T_INT, FIELD(worker_cores), 0, 256, false },
    { "media.security", T_SECURITY, FIELD(security), 0, 0, false },
    { "media.nat", T_NAT, FIELD(nat_latch), 0, 0, false },
    { "video.width", T_INT, FIELD(width), 64, 3840, false },
    { "video.height", T_INT, FIELD(height), 36, 2160, false },
    { "video.fps", T_INT, FIELD(fps), 1, 60, false },
    { "video.layout", T_LAYOUT, FIELD(layout), 0, 0, true },
    { "video.fill", T_FIT, FIELD(crop), 0, 0, false },
    { "video.names", T_BOOL, FIELD(names), 0, 0, false },
    { "video.border", T_INT, FIELD(border), 0, 8, false },
    { "video.corners", T_CORNERS, FIELD(plain_corners), 0, 0, false },
    { "video.fades", T_BOOL, FIELD(fades), 0, 0, false },
    { "video.logo", T_TEXT, FIELD(logo), 0, 0, true },
    { "video.logo_corner", T_CORNER, FIELD(logo_corner), 0, 0, true },
    { "video.logo_percent", T_INT, FIELD(logo_percent), 1, 50, true },
    { "video.codecs", T_VIDEO_CODECS, FIELD(video_codecs), 0, 0, false },
    { "video.decode", T_VIDEO_DECODE, FIELD(video_decode), 0, 0, false },
    { "video.h264_encoder", T_ENCODER, FIELD(h264_encoder), 0, 0, false },
    { "video.rungs", T_RUNGS, FIELD(rungs), 0, 0, false },
    { "video.in_bps", T_INT, FIELD(video_in_bps), 64000, 20000000, false },
    { "video.reinvite_for_size", T_BOOL, FIELD(reinvite_for_size), 0, 0, false },
    { "video.max_in_width", T_INT, FIELD(max_in_width), 176, 4096, false },
    { "video.max_in_height", T_INT, FIELD(max_in_height), 144, 4096, false },
    { "audio.codecs", T_AUDIO_CODECS, FIELD(audio_codecs), 0, 0, false },
    { "audio.channels", T_INT, FIELD(audio_channels), 1, 2, false },
    { "audio.opus_bps", T_INT, FIELD(opus_bps), 0, 256000, false },
    { "audio.max_heard", T_INT, FIELD(max_heard), 0, 1000, true },
    { "audio.heard_threshold_dbov", T_INT, FIELD(heard_threshold_dbov), -127, 0, true },
    { "recording.enabled", T_BOOL, FIELD(record), 0, 0, true },
    { "recording.directory", T_TEXT, FIELD(record_dir), 0, 0, true },
    { "limits.conferences", T_INT, FIELD(max_conferences), 1, 100000, true },
    { "limits.legs", T_INT, FIELD(max_legs), 1, 100000, true },
    { "limits.legs_per_conference", T_INT, FIELD(max_legs_per_conference), 1, 100000, true },
    { "limits.calls_per_s", T_INT, FIELD(max_calls_per_s), 1, 100000, false },
    { "limits.calls_per_source_s", T_INT, FIELD(max_calls_per_source_s), 0, 100000, false },
    { "limits.legs_per_source", T_INT, FIELD(max_legs_per_source), 0, 100000, false },
    { "limits.connections_per_source", T_INT, FIELD(max_connections_per_source), 0, 100000, false },
    { "limits.silent_connection_s", T_INT, FIELD(silent_connection_s), 0, 86400, false },
    { "limits.idle_connection_s", T_INT, FIELD(idle_connection_s), 0, 86400, false },
    { "limits.connecting_per_source", T_INT, FIELD(max_connecting_per_source), 0, 100000, true },
    { "limits.overload", T_BOOL, FIELD(overload), 0, 0, true },
    { "limits.leg_timeout_s", T_INT, FIELD(leg_timeout_s), 0, 86400, true },
    { "log.level", T_LEVEL, FIELD(log_level), 0, 0, true },
};


void mcu_config_defaults(struct mcu_config *c)
{
    *c = (struct mcu_config){
        .address = "127.0.0.1", .sip_port = 5060, .sip_tls_port = 5061, .http_port = 8080,
        .rtp_first = 20000, .rtp_last = 29999, .security = MCU_SECURITY_OPTIONAL,
        .width = 1280, .height = 720, .fps = 30, .layout = MCU_LAYOUT_GRID, .names = true,
        .border = 2, .fades = true, .logo_corner = MCU_TOP_RIGHT, .logo_percent = 10,
        .video_codecs = { MCU_CODEC_H264, MCU_CODEC_VP8 }, .video_codec_count = 2,
        .video_decode = { MCU_CODEC_VP9, MCU_CODEC_AV1 }, .video_decode_count = 2,
        .h264_encoder = "openh264",
        .video_in_bps = 1500000, .max_in_width = 1920, .max_in_height = 1088,
        .audio_codecs = { MCU_CODEC_OPUS, MCU_CODEC_G722, MCU_CODEC_PCMU, MCU_CODEC_PCMA },
        .audio_codec_count = 4, .audio_channels = 2, .heard_threshold_dbov = -60,
        .record_dir = "recordings",
        .web = true,
        .overload = true, .max_conferences = 200, .max_legs = 1000, .max_legs_per_conference = 200,
        .sip_realm = "tessera", .sip_digests = { MCU_DIGEST_SHA256, MCU_DIGEST_MD5 },
        .sip_digest_count = 2, .max_calls_per_source_s = 60, .max_connecting_per_source = 50,
        .sip_refer = MCU_REFER_ACCOUNTS, .sip_session_expires_s = 1800, .sip_min_se_s = 90,
        .sip_t1_ms = 500,
        .max_connections_per_source = 200, .silent_connection_s = 15, .idle_connection_s = 180,
        .max_calls_per_s = 100, .leg_timeout_s = 30, .log_level = MCU_LOG_INFO,
    };
}

/* How many values a key takes. */
static int most_values(const struct key *k)
{
    return k->type == T_RUNGS      ? MCU_CONFIG_RUNGS
           : k->type == T_DIGESTS  ? MCU_DIGESTS
           : k->type == T_PROVIDERS ? MCU_SIP_MAX_PROVIDERS
           : k->type == T_ACCOUNTS ? MCU_SIP_MAX_ACCOUNTS
           : k->type == T_ADDRESSES || k->type == T_ICE_SERVERS ? 4
           : k->type == T_HOSTS    ? MCU_CONFIG_HOST_NAMES
           : k->type == T_AUDIO_CODECS || k->type == T_VIDEO_CODECS || k->type == T_VIDEO_DECODE
               ? MCU_CONFIG_MAX_CODECS
               : 1;
}

static int set_empty(struct mcu_config *c, const struct key *k, const struct mcu_config_place *at)
{
    int *count = k->type == T_ACCOUNTS      ? &c->sip_account_count
                 : k->type == T_PROVIDERS   ? &c->sip_provider_count
                 : k->type == T_ADDRESSES   ? &c->web_address_count
                 : k->type == T_ICE_SERVERS ? &c->web_server_count
                 : k->type == T_HOSTS       ? &c->http_host_count
                 : k->type == T_VIDEO_DECODE ? &c->video_decode_count
                                            : NULL;
    if (!count)
        return mcu_value_wrong(at, "the list is empty");
    memset((char *)c + k->offset, 0, k->size);
    *count = 0;
    return 0;
}

/* One scalar or list element; index counts elements of a list. */
static int set_value(struct mcu_config *c, const struct key *k, const char *text, int index,
                     const struct mcu_config_place *at)
{
    char *field = (char *)c + k->offset;
    int choice = 0, rc;
    int most = most_values(k);
    if (index >= most)
        return mcu_value_wrong(at, most == 1 ? "expected one value, not a list" : "at most %d values",
                        most);
    if (most > 1 && index == 0)
        memset(field, 0, k->size); /* a shorter list is another list */
    switch (k->type) {
    case T_TEXT:
        return mcu_value_text(at, text, field, k->size);
    case T_ADDRESS:
        return mcu_value_address(at, text, field, k->size);
    case T_INT:
        return mcu_value_int(at, text, k->min, k->max, (int *)field);
    case T_BOOL:
        return mcu_value_bool(at, text, (bool *)field);
    case T_LEVEL:
        if (mcu_log_level_parse(text, (enum mcu_log_level *)field) < 0)
            return mcu_value_wrong(at, "expected error, warn, info or debug, not '%.40s'", text);
        return 0;
    case T_LAYOUT:
        rc = mcu_value_choice(at, text, "grid", "speaker", &choice);
        if (rc == 0)
            c->layout = choice ? MCU_LAYOUT_SPEAKER : MCU_LAYOUT_GRID;
        return rc;
    case T_FIT:
        rc = mcu_value_choice(at, text, "fit", "crop", &choice);
        if (rc == 0)
            c->crop = choice;
        return rc;
    case T_ENCODER:
        rc = mcu_value_choice(at, text, "openh264", "x264", &choice);
        return rc < 0 ? rc : mcu_value_text(at, text, field, k->size);
    case T_AUDIO_CODECS:
        rc = mcu_value_codec(at, text, MCU_AUDIO, &c->audio_codecs[index]);
        if (rc == 0)
            c->audio_codec_count = index + 1;
        return rc;
    case T_VIDEO_CODECS:
        rc = mcu_value_sent_codec(at, text, &c->video_codecs[index]);
        if (rc == 0)
            c->video_codec_count = index + 1;
        return rc;
    case T_VIDEO_DECODE:
        rc = mcu_value_codec(at, text, MCU_VIDEO, &c->video_decode[index]);
        if (rc == 0)
            c->video_decode_count = index + 1;
        return rc;
    case T_RUNGS:
        rc = mcu_value_rung(at, text, &c->rungs[index]);
        if (rc == 0)
            c->rung_count = index + 1;
        return rc;
    case T_SECURITY:
        return mcu_value_security(at, text, &c->security);
    case T_NAT:
        return mcu_value_nat(at, text, &c->nat_latch);
    case T_REALM:
        return mcu_value_realm(at, text, field, k->size);
    case T_AUTH:
        return mcu_value_auth(at, text, &c->sip_auth);
    case T_REFER:
        return mcu_value_refer(at, text, &c->sip_refer);
    case T_DIGESTS:
        rc = mcu_value_digest(at, text, c->sip_digests, index);
        if (rc == 0)
            c->sip_digest_count = index + 1;
        return rc;
    case T_ACCOUNTS:
        rc = mcu_value_account(at, text, c->sip_accounts[index], sizeof(c->sip_accounts[index]));
        if (rc == 0)
            c->sip_account_count = index + 1;
        return rc;
    case T_PROVIDERS:
        rc = mcu_value_provider(at, text, &c->sip_providers[index]);
        if (rc == 0)
            c->sip_provider_count = index + 1;
        return rc;
    case T_TOKEN:
        return mcu_value_token(at, text, field, k->size);
    case T_ADDRESSES:
        rc = mcu_value_address(at, text, c->web_addresses[index], sizeof(c->web_addresses[index]));
        if (rc == 0)
            c->web_address_count = index + 1;
        return rc;
    case T_ICE_SERVERS:
        rc = mcu_value_ice_server(at, text, &c->web_servers[index]);
        if (rc == 0)
            c->web_server_count = index + 1;
        return rc;
    case T_TLS:
        rc = mcu_value_choice(at, text, "auto", "self-signed", &choice);
        if (rc == 0)
            c->http_self_signed = choice;
        return rc;
    case T_API:
        rc = mcu_value_choice(at, text, "local", "all", &choice);
        if (rc == 0)
            c->http_api_all = choice;
        return rc;
    case T_CORNERS:
        rc = mcu_value_choice(at, text, "rounded", "plain", &choice);
        if (rc == 0)
            c->plain_corners = choice;
        return rc;
    case T_CORNER:
        return mcu_value_corner(at, text, &c->logo_corner);
    case T_HOSTS:
        rc = mcu_value_host(at, text, c->http_hosts[index], sizeof(c->http_hosts[index]));
        if (rc == 0)
            c->http_host_count = index + 1;
        return rc;
    }
    return -EINVAL;
}

static const struct key *find_key(const char *name)
{
    for (size_t i = 0; i < MCU_ARRAY_LEN(keys); i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

/* ---- YAML: two levels, section > key > scalar or list ---- */

struct reader {
    struct mcu_config *config;
    yaml_document_t doc;
    struct mcu_config_place at;
};

static const char *scalar(const yaml_node_t *n)
{
    return n && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : NULL;
}

static int read_value(struct reader *r, const struct key *k, yaml_node_t *value)
{
    r->at.line = value->start_mark.line + 1;
    if (scalar(value))
        return set_value(r->config, k, scalar(value), 0, &r->at);
    if (value->type != YAML_SEQUENCE_NODE)
        return mcu_value_wrong(&r->at, "expected a value or a list");
    int i = 0;
    for (yaml_node_item_t *item = value->data.sequence.items.start;
         item < value->data.sequence.items.top; item++, i++) {
        yaml_node_t *n = yaml_document_get_node(&r->doc, *item);
        r->at.line = n->start_mark.line + 1;
        if (!scalar(n))
            return mcu_value_wrong(&r->at, "expected a list of plain values");
        int rc = set_value(r->config, k, scalar(n), i, &r->at);
        if (rc < 0)
            return rc;
    }
    return i ? 0 : set_empty(r->config, k, &r->at);
}

static int read_section(struct reader *r, const char *section, yaml_node_t *map)
{
    char name[160];
    r->at.key = section;
    if (map->type != YAML_MAPPING_NODE)
        return mcu_value_wrong(&r->at, "expected 'key: value' lines below it");
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
        snprintf(name, sizeof(name), "%.60s.%.60s", section, scalar(key) ? scalar(key) : "?");
        r->at.key = name;
        r->at.line = key->start_mark.line + 1;
        const struct key *k = find_key(name);
        if (!k)
            return mcu_value_wrong(&r->at, "there is no such key; the README lists them all");
        int rc = read_value(r, k, yaml_document_get_node(&r->doc, p->value));
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_document(struct reader *r)
{
    yaml_node_t *root = yaml_document_get_root_node(&r->doc);
    if (!root || (scalar(root) && !*scalar(root)))
        return 0; /* an empty file: all defaults */
    r->at.key = "the file";
    r->at.line = root->start_mark.line + 1;
    if (root->type != YAML_MAPPING_NODE)
        return mcu_value_wrong(&r->at, "expected sections like 'listen:'");
    for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top;
         p++) {
        yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
        r->at.line = key->start_mark.line + 1;
        int rc = read_section(r, scalar(key) ? scalar(key) : "?",
                              yaml_document_get_node(&r->doc, p->value));
        if (rc < 0)
            return rc;
    }
    return 0;
}

int mcu_config_parse(struct mcu_config *config, const char *name, const char *text, size_t len,
                     char *error, size_t size)
{
    struct mcu_config fresh = *config; /* nothing is taken over from a file with a mistake */
    struct reader r = { .config = &fresh, .at = { name, 0, "", error, size } };
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return -ENOMEM;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    int rc;
    if (!yaml_parser_load(&parser, &r.doc)) {
        r.at.line = parser.problem_mark.line + 1;
        r.at.key = "YAML";
        rc = mcu_value_wrong(&r.at, "%s", parser.problem ? parser.problem : "not readable");
    } else {
        rc = read_document(&r);
        yaml_document_delete(&r.doc);
    }
    yaml_parser_delete(&parser);
    if (rc == 0)
        *config = fresh;
    return rc;
}

int mcu_config_load(struct mcu_config *config, const char *path, char *error, size_t size)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        int rc = -errno;
        snprintf(error, size, "%s: %s", path, strerror(-rc));
        return rc;
    }
    char *text = malloc(MAX_FILE_BYTES);
    size_t len = text ? fread(text, 1, MAX_FILE_BYTES, f) : 0;
    int rc;
    if (!text || ferror(f)) {
        snprintf(error, size, "%s: cannot be read", path);
        rc = -EIO;
    } else if (len == MAX_FILE_BYTES) {
        snprintf(error, size, "%s: larger than %d bytes", path, MAX_FILE_BYTES);
        rc = -EINVAL;
    } else {
        rc = mcu_config_parse(config, path, text, len, error, size);
    }
    free(text);
    fclose(f);
    return rc;
}

int mcu_config_set(struct mcu_config *config, const char *assignment, char *error, size_t size)
{
    char name[64], value[1024];
    const char *eq = strchr(assignment, '=');
    struct mcu_config_place at = { "--set", 0, assignment, error, size };
    if (!eq || (size_t)(eq - assignment) >= sizeof(name) || strlen(eq + 1) >= sizeof(value))
        return mcu_value_wrong(&at, "expected section.key=value");
    snprintf(name, sizeof(name), "%.*s", (int)(eq - assignment), assignment);
    snprintf(value, sizeof(value), "%s", eq + 1);
    at.key = name;
    const struct key *k = find_key(name);
    if (!k)
        return mcu_value_wrong(&at, "there is no such key; the README lists them all");
    if (most_values(k) == 1)
        return set_value(config, k, value, 0, &at);
    int i = 0, rc = 0;
    char *rest = NULL;
    for (char *p = strtok_r(value, ",", &rest); p && rc == 0; p = strtok_r(NULL, ",", &rest))
        rc = set_value(config, k, p, i++, &at);
    return rc == 0 && i == 0 ? set_empty(config, k, &at) : rc;
}

/* ---- between keys ---- */

/* The canvas itself, a half and a quarter of it, and one within 99 macroblocks for the oldest
 * devices (H.264 level 1). 720p30 gets 1.5 Mbit/s, other sizes by pixel rate to the power 0.75. */
static void derive_rungs(struct mcu_config *c)
{
    static const struct { int divisor, fps, kbps; } steps[] = { { 1, 60, 1500 }, { 2, 60, 500 },
                                                                { 4, 15, 150 } };
    double scale = pow((double)c->width * c->height * c->fps / (1280.0 * 720 * 30), 0.75);
    for (size_t i = 0; i < MCU_ARRAY_LEN(steps); i++) {
        int w = c->width / steps[i].divisor & ~1, h = c->height / steps[i].divisor & ~1;
        if (i && (w < 160 || h < 16))
            break;
        c->rungs[c->rung_count++] = (struct mcu_config_rung){
            w, h, mcu_min(c->fps, steps[i].fps), mcu_max(60, (int)(steps[i].kbps * scale)) * 1000 };
    }
    if (c->rungs[c->rung_count - 1].width > 176)
        c->rungs[c->rung_count++] = (struct mcu_config_rung){
            176, mcu_max(16, 176 * c->height / c->width & ~1), mcu_min(c->fps, 15), 60000 };
}

static bool is_listed(const enum mcu_codec *list, int count, enum mcu_codec codec)
{
    for (int i = 0; i < count; i++)
        if (list[i] == codec)
            return true;
    return false;
}

int mcu_config_video_in(const struct mcu_config *c, enum mcu_codec out[MCU_CONFIG_MAX_CODECS])
{
    int count = 0;
    for (int i = 0; i < c->video_decode_count; i++)
        if (!is_listed(c->video_codecs, c->video_codec_count, c->video_decode[i]) &&
            !is_listed(out, count, c->video_decode[i]))
            out[count++] = c->video_decode[i];
    return count;
}

int mcu_config_check(struct mcu_config *c, char *error, size_t size)
{
    struct mcu_config_place at = { "configuration", 0, "", error, size };
    if (!c->address[0]) {
        at.key = "listen.address";
        return mcu_value_wrong(&at, "must not be empty");
    }
    if (c->rtp_last <= c->rtp_first) {
        at.key = "listen.rtp_last";
        return mcu_value_wrong(&at, "must be above listen.rtp_first (%d)", c->rtp_first);
    }
    if (!c->tls_cert[0] != !c->tls_key[0]) {
        at.key = c->tls_cert[0] ? "listen.tls_key" : "listen.tls_cert";
        return mcu_value_wrong(&at, "certificate and key go together: this one is missing");
    }
    if (!c->http_cert[0] != !c->http_key[0]) {
        at.key = c->http_cert[0] ? "http.tls_key" : "http.tls_cert";
        return mcu_value_wrong(&at, "certificate and key go together: this one is missing");
    }
    if (c->http_self_signed && c->http_cert[0]) {
        at.key = "http.tls";
        return mcu_value_wrong(&at, "is self-signed, but http.tls_cert is given: take one of them away");
    }
    if (c->width % 2 || c->height % 2) {
        at.key = c->width % 2 ? "video.width" : "video.height";
        return mcu_value_wrong(&at, "must be even");
    }
    if (c->border % 2) {
        at.key = "video.border";
        return mcu_value_wrong(&at, "must be even");
    }
    if (c->sip_port == c->http_port) {
        at.key = "listen.http_port";
        return mcu_value_wrong(&at, "is the SIP port too");
    }
    if ((c->sip_registrar || c->sip_auth != MCU_SIP_AUTH_OFF) && !c->sip_account_count) {
        at.key = c->sip_registrar ? "sip.registrar" : "sip.auth";
        return mcu_value_wrong(&at, "needs sip.accounts: nobody could be let in");
    }
    if (c->sip_min_se_s > c->sip_session_expires_s) {
        at.key = "sip.min_se_s";
        return mcu_value_wrong(&at, "must not be above sip.session_expires_s (%d)",
                        c->sip_session_expires_s);
    }
    if (c->rung_count == 0)
        derive_rungs(c);
    for (int i = 0; i < c->rung_count; i++) {
        at.key = "video.rungs";
        if (c->rungs[i].width > c->width || c->rungs[i].height > c->height)
            return mcu_value_wrong(&at, "rung %d (%dx%d) is larger than the canvas (%dx%d)", i + 1,
                            c->rungs[i].width, c->rungs[i].height, c->width, c->height);
        if (i && c->rungs[i].bitrate_bps > c->rungs[i - 1].bitrate_bps)
            return mcu_value_wrong(&at, "rung %d has a higher bitrate than the one before it", i + 1);
    }
    return 0;
}

enum mcu_http_tls mcu_config_http_tls(const struct mcu_config *c)
{
    return c->http_self_signed ? MCU_HTTP_TLS_SELF_SIGNED
           : c->http_cert[0]   ? MCU_HTTP_TLS_FILES
                               : MCU_HTTP_PLAIN;
}

int mcu_config_read(struct mcu_config *config, const struct mcu_config_origin *origin, char *error,
                    size_t size)
{
    mcu_config_defaults(config);
    int rc = origin->file ? mcu_config_load(config, origin->file, error, size) : 0;
    for (int i = 0; i < origin->set_count && rc == 0; i++)
        rc = mcu_config_set(config, origin->set[i], error, size);
    return rc < 0 ? rc : mcu_config_check(config, error, size);
}

int mcu_config_reload(struct mcu_config *running, const struct mcu_config *fresh, char *list,
                      size_t size)
{
    int left = 0;
    size_t n = 0;
    if (size)
        list[0] = '\0';
    for (size_t i = 0; i < MCU_ARRAY_LEN(keys); i++) {
        const struct key *k = &keys[i];
        char *to = (char *)running + k->offset;
        const char *from = (const char *)fresh + k->offset;
        if (memcmp(to, from, k->size) == 0)
            continue;
        if (k->live) {
            memcpy(to, from, k->size);
            continue;
        }
        left++;
        if (n < size)
            n += (size_t)snprintf(list + n, size - n, "%s%s", n ? " " : "", k->name);
    }
    return left;
}
