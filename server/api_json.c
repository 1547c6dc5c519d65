#include "server/api_json.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mixer/base/clock.h"
#include "server/server.h"
#include "server/utf8.h"

/* jansson's setters take the value and give it up on failure, and a NULL value is a failure: an
 * object that lost a key for want of memory is better than no answer, so results are not looked at
 * but at the end. */

static json_t *text(const char *s)
{
    char clean[3 * 256];
    return json_string(mcu_utf8_clean(clean, sizeof(clean), s));
}

static json_t *number(double v)
{
    return isfinite(v) ? json_real(round(v * 1000) / 1000) : json_null();
}

static json_t *count(uint64_t v)
{
    return json_integer((json_int_t)v);
}

static json_t *codec(enum mcu_codec c)
{
    return c == MCU_CODEC_NONE ? json_null() : json_string(mcu_codec_info(c)->name);
}

/* "2026-11-21T19:55:00.123Z" (RFC 3339), of conference time. */
static json_t *moment(int64_t conf_ns)
{
    int64_t unix_ns = mcu_clock_to_unix_ns(conf_ns);
    time_t s = (time_t)(unix_ns / MCU_NS_PER_S);
    char date[32], whole[48];
    struct tm tm;
    gmtime_r(&s, &tm);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(whole, sizeof(whole), "%s.%03dZ", date, (int)(unix_ns / MCU_NS_PER_MS % 1000));
    return json_string(whole);
}

static json_t *size_of(int w, int h)
{
    return w && h ? json_pack("{s:i,s:i}", "width", w, "height", h) : json_null();
}

static char *dump(json_t *json)
{
    char *out = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return out;
}

/* ---- media lines ---- */

static const char *const roles[MCU_ROLES] = { "audio", "video", "content" };

/* A simulcast's layers as the offer lists them, bit/s of each: what is not received counts too. */
static json_t *layers(const struct mcu_line_stats *l)
{
    json_t *list = json_array();
    for (int i = 0; i < l->layers && i < MCU_LINE_RIDS; i++)
        json_array_append_new(list, json_integer(l->bps_in[i]));
    return list;
}

static json_t *line(const struct mcu_line_stats *l, const char *role, int64_t now_ns)
{
    json_t *o = json_object();
    json_object_set_new(o, "line", json_string(role));
    json_object_set_new(o, "packets_in", count(l->packets_in));
    json_object_set_new(o, "bytes_in", count(l->bytes_in));
    json_object_set_new(o, "packets_out", count(l->packets_out));
    json_object_set_new(o, "bytes_out", count(l->bytes_out));
    json_object_set_new(o, "lost", count(l->lost));
    json_object_set_new(o, "late", count(l->late));
    json_object_set_new(o, "duplicate", count(l->duplicate));
    json_object_set_new(o, "malformed", count(l->malformed));
    json_object_set_new(o, "fraction_lost_in", number(l->fraction_lost_in));
    json_object_set_new(o, "fraction_lost_out", number(l->fraction_lost_out));
    json_object_set_new(o, "jitter_ms", number(l->jitter_ms));
    json_object_set_new(o, "rtt_ms", l->rtt_ms > 0 ? number(l->rtt_ms) : json_null());
    json_object_set_new(o, "delay_ms", json_integer(l->delay_ms));
    json_object_set_new(o, "silent_ms", l->last_packet_ns
                        ? json_integer((now_ns - l->last_packet_ns) / MCU_NS_PER_MS) : json_null());
    json_object_set_new(o, "ssrc_in", l->ssrc_in ? json_integer(l->ssrc_in) : json_null());
    json_object_set_new(o, "sender_report", json_boolean(l->sr_seen));
    json_object_set_new(o, "keyframes_asked", count(l->keyframes_asked));
    json_object_set_new(o, "limit_in_bps", json_integer(l->limit_in_bps));
    json_object_set_new(o, "limit_out_bps", json_integer(l->limit_out_bps));
    json_object_set_new(o, "layer", l->layers ? json_integer(l->layer) : json_null());
    json_object_set_new(o, "layer_bps_in", layers(l));
    return o;
}

static json_t *lines_of(const struct mcu_snapshot *s, uint32_t leg)
{
    json_t *list = json_array();
    for (int i = 0; i < s->leg_count; i++) {
        if (s->legs[i].leg != leg)
            continue;
        for (int k = 0; k < MCU_ROLES; k++)
            if (s->legs[i].line_used[k])
                json_array_append_new(list, line(&s->legs[i].line[k], roles[k], s->taken_ns));
    }
    return list;
}

/* ---- conferences ---- */

static json_t *participant(const struct mcu_snapshot *s, const struct mcu_conf_leg_info *p)
{
    json_t *o = json_object();
    json_object_set_new(o, "name", text(p->name));
    json_object_set_new(o, "participant", json_integer(p->participant));
    json_object_set_new(o, "leg", json_integer(p->leg));
    json_object_set_new(o, "audio_in", codec(p->audio_in));
    json_object_set_new(o, "audio_out", codec(p->audio_out));
    json_object_set_new(o, "video_in", codec(p->video_in));
    json_object_set_new(o, "video_in_size", size_of(p->video_in_w, p->video_in_h));
    json_object_set_new(o, "video_out", codec(p->video_out));
    json_object_set_new(o, "video_out_size", size_of(p->video_out_w, p->video_out_h));
    json_object_set_new(o, "level_dbov", json_integer(p->level_dbov));
    json_object_set_new(o, "heard", json_boolean(p->heard));
    json_object_set_new(o, "speaker", json_boolean(p->speaker));
    json_object_set_new(o, "own_mix", json_boolean(p->own_mix));
    json_object_set_new(o, "has_picture", json_boolean(p->has_picture));
    json_object_set_new(o, "frozen", json_boolean(p->frozen));
    json_object_set_new(o, "playout_ms", json_integer(p->playout_ms));
    json_object_set_new(o, "av_delay_ms", number((double)p->av_delay_ns / MCU_NS_PER_MS));
    json_object_set_new(o, "underruns", count(p->underruns));
    json_object_set_new(o, "decode_errors", count(p->decode_errors));
    json_object_set_new(o, "pictures_in", count(p->pictures_in));
    json_object_set_new(o, "lines", lines_of(s, p->leg));
    return o;
}

static json_t *rendition(const struct mcu_rendition_info *r)
{
    json_t *o = json_object();
    json_object_set_new(o, "codec", codec(r->codec));
    json_object_set_new(o, "encoder", text(r->encoder));
    json_object_set_new(o, "layout", text(mcu_layout_name(r->layout)));
    json_object_set_new(o, "width", json_integer(r->width));
    json_object_set_new(o, "height", json_integer(r->height));
    json_object_set_new(o, "fps", json_integer(r->fps));
    json_object_set_new(o, "bitrate_bps", json_integer(r->bitrate_bps));
    json_object_set_new(o, "repair", json_boolean(r->repair));
    json_object_set_new(o, "subscribers", json_integer(r->subscribers));
    json_object_set_new(o, "frames", count(r->frames));
    json_object_set_new(o, "keyframes", count(r->keyframes));
    json_object_set_new(o, "bytes", count(r->bytes));
    return o;
}

static json_t *ticks(uint64_t done, uint64_t late, uint64_t skipped, int64_t cpu_ns)
{
    json_t *o = json_object();
    json_object_set_new(o, "ticks", count(done));
    json_object_set_new(o, "late", count(late));
    json_object_set_new(o, "skipped", count(skipped));
    json_object_set_new(o, "cpu_s", number((double)cpu_ns / MCU_NS_PER_S));
    return o;
}

static json_t *conference(const struct mcu_snapshot *s, const struct mcu_conf_info *c)
{
    json_t *o = json_object(), *people = json_array(), *renditions = json_array();
    json_object_set_new(o, "name", text(c->room));
    json_object_set_new(o, "started", moment(c->started_ns));
    json_object_set_new(o, "age_s", number((double)(s->taken_ns - c->started_ns) / MCU_NS_PER_S));
    json_object_set_new(o, "media_loop", json_integer(c->media_loop));
    json_object_set_new(o, "recording", json_boolean(c->recording));
    json_object_set_new(o, "participants", people);
    int hidden = 0; /* recorders and the like are nobody's company */
    for (int i = 0; i < c->leg_count; i++) {
        if (c->legs[i].hidden)
            hidden++;
        else
            json_array_append_new(people, participant(s, &c->legs[i]));
    }
    json_object_set_new(o, "hidden_legs", json_integer(hidden));
    json_object_set_new(o, "renditions", renditions);
    for (int i = 0; i < c->rendition_count; i++)
        json_array_append_new(renditions, rendition(&c->renditions[i]));
    json_object_set_new(o, "audio_encoders_shared", json_integer(c->audio_encoders_shared));
    json_object_set_new(o, "audio_encoders_own", json_integer(c->audio_encoders_own));
    json_object_set_new(o, "audio", ticks(c->audio_ticks, c->audio_late, c->audio_skipped,
                                          c->audio_cpu_ns));
    json_object_set_new(o, "video", ticks(c->video_ticks, c->video_late, c->video_skipped,
                                          c->video_cpu_ns));
    json_object_set_new(o, "tiles_drawn", count(c->tiles_drawn));
    json_object_set_new(o, "tiles_kept", count(c->tiles_kept));
    return o;
}

char *mcu_api_conferences_json(const struct mcu_snapshot *s)
{
    json_t *list = json_array();
    for (int i = 0; i < s->conf_count; i++)
        json_array_append_new(list, conference(s, &s->confs[i]));
    return dump(json_pack("{s:o}", "conferences", list));
}

char *mcu_api_conference_json(const struct mcu_snapshot *s, const char *room, bool *found)
{
    *found = false;
    for (int i = 0; i < s->conf_count; i++) {
        if (strcmp(s->confs[i].room, room) == 0) {
            *found = true;
            return dump(conference(s, &s->confs[i]));
        }
    }
    return NULL;
}

/* ---- the rest ---- */

char *mcu_api_providers_json(const struct mcu_snapshot *s)
{
    static const char *const states[] = { "trying", "registered", "failed", "removed" };
    json_t *list = json_array();
    for (int i = 0; i < s->provider_count; i++) {
        const struct mcu_sip_provider_status *p = &s->providers[i];
        json_t *o = json_object();
        json_object_set_new(o, "address", text(p->address));
        json_object_set_new(o, "via", text(p->via));
        json_object_set_new(o, "room", p->room[0] ? text(p->room) : json_null());
        json_object_set_new(o, "state", json_string(states[p->state]));
        json_object_set_new(o, "status", p->status ? json_integer(p->status) : json_null());
        json_object_set_new(o, "expires_in_s", json_integer(p->expires_in_s));
        json_array_append_new(list, o);
    }
    return dump(json_pack("{s:o}", "providers", list));
}

char *mcu_api_events_json(const struct mcu_event *events, int n, uint64_t after)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++) {
        const struct mcu_event *e = &events[i];
        json_t *o = json_object();
        json_object_set_new(o, "number", count(e->number));
        json_object_set_new(o, "time", moment(e->time_ns));
        json_object_set_new(o, "type", json_string(mcu_event_name(e->type)));
        json_object_set_new(o, "conference", text(e->conference));
        json_object_set_new(o, "participant",
                            e->participant ? json_integer(e->participant) : json_null());
        json_object_set_new(o, "leg", e->leg ? json_integer(e->leg) : json_null());
        json_object_set_new(o, "detail", text(e->detail));
        json_array_append_new(list, o);
        after = e->number > after ? e->number : after;
    }
    return dump(json_pack("{s:o,s:I}", "events", list, "last", (json_int_t)after));
}

char *mcu_api_health_json(bool stopping, int64_t uptime_ns, int calls)
{
    return dump(json_pack("{s:s,s:s,s:o,s:i}", "status", stopping ? "stopping" : "ok", "version",
                          MCU_VERSION, "uptime_s", number((double)uptime_ns / MCU_NS_PER_S),
                          "calls", calls));
}

char *mcu_api_error_json(const char *what)
{
    return dump(json_pack("{s:o}", "error", text(what)));
}

/* One decoding is to come (mcu_room_name_parse): a percent sign must survive it. */
static int code_percent(const char *name, char *out, size_t size)
{
    size_t n = 0;
    for (; *name; name++) {
        const char *piece = *name == '%' ? "%25" : (char[]){ *name, '\0' };
        if (n + strlen(piece) >= size)
            return -EINVAL;
        n += (size_t)snprintf(out + n, size - n, "%s", piece);
    }
    out[n] = '\0';
    return 0;
}

int mcu_api_read_move(const char *body, size_t size, char *room, size_t room_size, char *error,
                      size_t error_size)
{
    json_error_t e;
    json_t *o = json_loadb(body, size, JSON_REJECT_DUPLICATES, &e);
    const char *name = json_string_value(json_object_get(o, "room"));
    int rc = 0;
    if (!o) {
        snprintf(error, error_size, "the body is no JSON: %.80s (line %d column %d)", e.text, e.line,
                 e.column);
        rc = -EINVAL;
    } else if (!name || json_object_size(o) != 1) {
        snprintf(error, error_size, "expected {\"room\": \"NAME\"}");
        rc = -EINVAL;
    } else if (code_percent(name, room, room_size) < 0) {
        snprintf(error, error_size, "the room's name is too long");
        rc = -EINVAL;
    }
    json_decref(o);
    return rc;
}

/* Takes a text out of an object; how many it took (1, or 0: it is not there). -1: too long, or no text. */
static int take_text(json_t *o, const char *key, char *out, size_t size)
{
    json_t *value = json_object_get(o, key);
    const char *text = json_string_value(value);
    if (!value)
        return 0;
    if (!text || json_string_length(value) != strlen(text) || strlen(text) >= size)
        return -1;
    strcpy(out, text);
    return 1;
}

int mcu_api_read_uri(const char *body, size_t size, char *uri, size_t uri_size, char *error,
                     size_t error_size)
{
    json_t *o = json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL);
    bool good = take_text(o, "uri", uri, uri_size) == 1 && json_object_size(o) == 1;
    json_decref(o);
    if (good)
        return 0;
    snprintf(error, error_size, "expected {\"uri\": \"sip:...\"}");
    return -EINVAL;
}

int mcu_api_read_layout(const char *body, size_t size, enum mcu_layout_wish *wish, char *error,
                        size_t error_size)
{
    char name[16];
    json_t *o = json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL);
    bool good = take_text(o, "layout", name, sizeof(name)) == 1 && json_object_size(o) == 1 &&
                mcu_layout_wish_parse(wish, name);
    json_decref(o);
    if (good)
        return 0;
    snprintf(error, error_size, "expected {\"layout\": \"grid\"}, \"speaker\", or \"\" for the conference's");
    return -EINVAL;
}

int mcu_api_read_call(const char *body, size_t size, struct mcu_api_call *out, char *error,
                      size_t error_size)
{
    json_t *o = json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL);
    memset(out, 0, sizeof(*out));
    int uri = take_text(o, "uri", out->uri, sizeof(out->uri));
    int realm = take_text(o, "realm", out->realm, sizeof(out->realm));
    int user = take_text(o, "user", out->user, sizeof(out->user));
    int password = take_text(o, "password", out->password, sizeof(out->password));
    bool good = uri == 1 && realm >= 0 && realm == user && user == password &&
                json_object_size(o) == (size_t)(1 + 3 * realm) && (!realm || out->user[0]);
    json_decref(o);
    if (good)
        return 0;
    snprintf(error, error_size, "expected {\"uri\": \"sip:...\"}, with \"realm\", \"user\" and "
                                "\"password\" where it needs them");
    return -EINVAL;
}

char *mcu_api_leg_json(uint32_t leg)
{
    json_t *o = json_pack("{s:I}", "leg", (json_int_t)leg);
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    return text;
}
