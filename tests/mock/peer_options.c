#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock/peer.h"

static const char help[] =
    "usage: mcu_peer --server IP:PORT --room ROOM [options]\n"
    "  calls:   --name N  --count N  --stagger MS  --seconds S  --local IP  --rtp-ports FIRST-LAST\n"
    "           --relay PORT  media go through tests/e2e/lib/relay.py\n"
    "           --reinvite S:sendrecv|sendonly|recvonly|inactive  (may be repeated)\n"
    "  sound:   --audio opus|g722|pcmu|pcma|none  --tone HZ[:DBFS] | --wav FILE | --speech | --silent\n"
    "           --ptime MS  --audio-fmtp TEXT  --recvonly-audio  --dtmf KEYS[:AT_S]\n"
    "  picture: --video h264|vp8|none  --color R,G,B  --number K  --size WxH[@FPS]  --video-bps N\n"
    "           --video-fmtp TEXT  --as KBPS  --tias KBPS  --avpf  --recvonly-video\n"
    "           --flash  each second 3 white pictures and a beep of 1 kHz, 100 ms\n"
    "           --busy  a strip of noise, which costs bits\n"
    "           --tmmbr  offers TMMBR and keeps to it  --limit BPS[:AT_S]  asks by TMMBR\n"
    "           --obey  keeps to b=TIAS, max-fs and level of each description\n"
    "  trouble: --loss PCT  --drop-in PCT  --nack  --garbage audio|video|rtcp[:AT_S]  --stop-after S\n"
    "           --sr-skew MS (of the pictures' reports)  --video-late MS  --drift PPM  --pli-every MS\n"
    "  judging: --probe HZ,HZ,...  --steady S  --until S  --tiles WxH | --tiles CALLERS (the\n"
    "           server's own grid)  --no-decode  --json FILE  --dump-wav FILE\n"
    "           --dump-frames DIR[:EVERY_MS]  --verbose\n"
    "Without --json the result goes to standard output. Exit status 0: every call was answered.\n";

enum {
    O_SERVER = 256, O_ROOM, O_NAME, O_AUDIO, O_VIDEO, O_TONE, O_WAV, O_SPEECH, O_SILENT, O_COLOR,
    O_NUMBER, O_SIZE, O_RECVONLY_VIDEO, O_RECVONLY_AUDIO, O_NO_DECODE, O_SECONDS, O_FLASH, O_GARBAGE,
    O_STOP_AFTER, O_LOSS, O_DROP_IN, O_NACK, O_TMMBR, O_OBEY,
    O_LIMIT, O_BUSY, O_SR_SKEW, O_VIDEO_LATE, O_DRIFT, O_AS, O_TIAS, O_AUDIO_FMTP,
    O_VIDEO_FMTP, O_PTIME, O_DUMP_WAV, O_DUMP_FRAMES, O_JSON, O_PROBE, O_TILES, O_DTMF, O_PLI_EVERY,
    O_COUNT, O_STAGGER, O_REINVITE, O_STEADY, O_UNTIL, O_LOCAL, O_RTP_PORTS, O_VIDEO_BPS, O_AVPF, O_VERBOSE,
    O_RELAY, O_HELP
};

static const struct option long_options[] = {
    { "server", 1, NULL, O_SERVER },           { "room", 1, NULL, O_ROOM },
    { "name", 1, NULL, O_NAME },               { "audio", 1, NULL, O_AUDIO },
    { "video", 1, NULL, O_VIDEO },             { "tone", 1, NULL, O_TONE },
    { "wav", 1, NULL, O_WAV },                 { "speech", 0, NULL, O_SPEECH },
    { "silent", 0, NULL, O_SILENT },           { "color", 1, NULL, O_COLOR },
    { "number", 1, NULL, O_NUMBER },           { "size", 1, NULL, O_SIZE },
    { "recvonly-video", 0, NULL, O_RECVONLY_VIDEO },
    { "recvonly-audio", 0, NULL, O_RECVONLY_AUDIO },
    { "no-decode", 0, NULL, O_NO_DECODE },     { "seconds", 1, NULL, O_SECONDS },
    { "flash", 0, NULL, O_FLASH },             { "garbage", 1, NULL, O_GARBAGE },
    { "stop-after", 1, NULL, O_STOP_AFTER },   { "loss", 1, NULL, O_LOSS },
    { "nack", 0, NULL, O_NACK },               { "tmmbr", 0, NULL, O_TMMBR },
    { "obey", 0, NULL, O_OBEY },
       { "limit", 1, NULL, O_LIMIT },             { "busy", 0, NULL, O_BUSY },
    { "drop-in", 1, NULL, O_DROP_IN },         { "sr-skew", 1, NULL, O_SR_SKEW },
    { "video-late", 1, NULL, O_VIDEO_LATE },   { "drift", 1, NULL, O_DRIFT },
    { "as", 1, NULL, O_AS },                   { "tias", 1, NULL, O_TIAS },
    { "audio-fmtp", 1, NULL, O_AUDIO_FMTP },   { "video-fmtp", 1, NULL, O_VIDEO_FMTP },
    { "ptime", 1, NULL, O_PTIME },             { "dump-wav", 1, NULL, O_DUMP_WAV },
    { "dump-frames", 1, NULL, O_DUMP_FRAMES }, { "json", 1, NULL, O_JSON },
    { "probe", 1, NULL, O_PROBE },             { "tiles", 1, NULL, O_TILES },
    { "dtmf", 1, NULL, O_DTMF },               { "pli-every", 1, NULL, O_PLI_EVERY },
    { "count", 1, NULL, O_COUNT },             { "stagger", 1, NULL, O_STAGGER },
    { "reinvite", 1, NULL, O_REINVITE },       { "steady", 1, NULL, O_STEADY },
    { "until", 1, NULL, O_UNTIL },
    { "local", 1, NULL, O_LOCAL },             { "rtp-ports", 1, NULL, O_RTP_PORTS },
    { "video-bps", 1, NULL, O_VIDEO_BPS },     { "avpf", 0, NULL, O_AVPF },
    { "verbose", 0, NULL, O_VERBOSE },         { "help", 0, NULL, O_HELP },
    { "relay", 1, NULL, O_RELAY },
    { 0 },
};

static bool parse_codec(enum mcu_codec *out, const char *text, enum mcu_kind kind)
{
    *out = MCU_CODEC_NONE;
    if (!strcmp(text, "none"))
        return true;
    for (int i = MCU_CODEC_NONE + 1; i < MCU_CODEC_COUNT; i++) {
        const struct mcu_codec_info *info = mcu_codec_info((enum mcu_codec)i);
        if (info->kind == kind && !strcasecmp(info->name, text))
            *out = (enum mcu_codec)i;
    }
    return *out != MCU_CODEC_NONE;
}

static bool parse_server(struct peer_options *o, char *text)
{
    char *colon = strrchr(text, ':');
    if (!colon)
        return false;
    *colon = 0;
    return mcu_addr_parse(&o->server, text, atoi(colon + 1)) == 0;
}

static bool parse_reinvite(struct peer_options *o, const char *text)
{
    static const char *const names[] = { "sendrecv", "sendonly", "recvonly", "inactive" };
    const char *colon = strchr(text, ':');
    if (!colon || o->reinvite_count == PEER_MAX_REINVITES)
        return false;
    for (int i = 0; i < 4; i++)
        if (!strcmp(colon + 1, names[i])) {
            o->reinvite[o->reinvite_count].at_s = atof(text);
            o->reinvite[o->reinvite_count++].direction = (enum mcu_sdp_direction)i;
            return true;
        }
    return false;
}

static bool parse_garbage(struct peer_options *o, const char *text)
{
    static const char *const names[] = { "audio", "video", "rtcp" };
    for (int i = 0; i < 3; i++)
        if (!strncmp(text, names[i], strlen(names[i]))) {
            const char *colon = strchr(text, ':');
            o->garbage_s[i] = colon ? atof(colon + 1) : 0;
            return true;
        }
    return false;
}

/* "TEXT:NUMBER": cuts the text at the last colon; the number, or fallback. */
static double cut_number(char *text, double fallback)
{
    char *colon = strrchr(text, ':');
    if (!colon)
        return fallback;
    *colon = 0;
    return atof(colon + 1);
}

static bool parse_probes(struct peer_options *o, char *text)
{
    char *rest = NULL;
    for (char *p = strtok_r(text, ",", &rest); p; p = strtok_r(NULL, ",", &rest)) {
        if (o->probe_count == PEER_MAX_PROBES)
            return false;
        o->probe_hz[o->probe_count++] = atof(p);
    }
    return true;
}

static bool take_media(struct peer_options *o, int c, char *arg)
{
    int r, g, b;
    switch (c) {
    case O_AUDIO: return parse_codec(&o->codec[PEER_AUDIO], arg, MCU_AUDIO);
    case O_VIDEO: return parse_codec(&o->codec[PEER_VIDEO], arg, MCU_VIDEO);
    case O_TONE:
        o->sound = PEER_TONE;
        o->tone_dbfs = cut_number(arg, -20);
        o->tone_hz = atof(arg);
        return true;
    case O_WAV: o->sound = PEER_WAV; o->wav = arg; return true;
    case O_SPEECH:
        o->sound = PEER_WAV;
        o->wav = "/usr/share/asterisk/sounds/en_US_f_Allison/demo-congrats.wav";
        return true;
    case O_SILENT: o->sound = PEER_SILENT; return true;
    case O_COLOR:
        if (sscanf(arg, "%d,%d,%d", &r, &g, &b) != 3)
            return false;
        o->rgb[0] = (uint8_t)r, o->rgb[1] = (uint8_t)g, o->rgb[2] = (uint8_t)b;
        return true;
    case O_NUMBER: o->number = atoi(arg) % 100; return true;
    case O_SIZE: return sscanf(arg, "%dx%d@%d", &o->width, &o->height, &o->fps) >= 2 && o->fps > 0;
    case O_RECVONLY_VIDEO: return o->recvonly[PEER_VIDEO] = true;
    case O_RECVONLY_AUDIO: return o->recvonly[PEER_AUDIO] = true;
    case O_FLASH: return o->flash = true;
    case O_BUSY: return o->busy = true;
    case O_AS: o->as_kbps = atoi(arg); return true;
    case O_TIAS: o->tias_kbps = atoi(arg); return true;
    case O_AUDIO_FMTP: o->fmtp[PEER_AUDIO] = arg; return true;
    case O_VIDEO_FMTP: o->fmtp[PEER_VIDEO] = arg; return true;
    case O_PTIME: o->ptime_ms = atoi(arg); return o->ptime_ms >= 10 && o->ptime_ms <= 60;
    case O_VIDEO_BPS: o->video_bps = atoi(arg); return true;
    case O_AVPF: return o->avpf = true;
    default: return false;
    }
}

static bool take_trouble(struct peer_options *o, int c, char *arg)
{
    switch (c) {
    case O_GARBAGE: return parse_garbage(o, arg);
    case O_STOP_AFTER: o->stop_after_s = atof(arg); return true;
    case O_LOSS: o->loss_pct = atof(arg); return true;
    case O_DROP_IN: o->drop_in_pct = atof(arg); return true;
    case O_NACK: o->nack = true; return true;
    case O_TMMBR: o->tmmbr = true; return true;
    case O_OBEY: o->obey = true; return true;
    case O_LIMIT:
        o->limit_at_s = cut_number(arg, 1);
        o->limit_bps = atoi(arg);
        return true;
    case O_SR_SKEW: o->sr_skew_ms = atoi(arg); return true;
    case O_VIDEO_LATE: o->video_late_ms = atoi(arg); return true;
    case O_DRIFT: o->drift_ppm = atof(arg); return true;
    case O_PLI_EVERY: o->pli_every_ms = atoi(arg); return true;
    case O_DTMF:
        o->dtmf_at_s = cut_number(arg, 1);
        o->dtmf = arg;
        return true;
    default: return take_media(o, c, arg);
    }
}

static bool take_judging(struct peer_options *o, int c, char *arg)
{
    switch (c) {
    case O_DUMP_WAV: o->dump_wav = arg; return true;
    case O_DUMP_FRAMES:
        o->dump_every_ms = (int)cut_number(arg, 1000);
        o->dump_frames = arg;
        return true;
    case O_JSON: o->json = arg; return true;
    case O_PROBE: return parse_probes(o, arg);
    case O_TILES: return sscanf(arg, "%dx%d", &o->tiles_w, &o->tiles_h) >= 1 && o->tiles_w > 0;
    case O_NO_DECODE: return o->no_decode = true;
    case O_STEADY: o->steady_s = atof(arg); return true;
    case O_UNTIL: o->until_s = atof(arg); return true;
    case O_VERBOSE: return o->verbose = true;
    default: return take_trouble(o, c, arg);
    }
}

static bool take(struct peer_options *o, int c, char *arg)
{
    switch (c) {
    case O_SERVER: return parse_server(o, arg);
    case O_ROOM: o->room = arg; return true;
    case O_NAME: o->name = arg; return true;
    case O_COUNT: o->count = atoi(arg); return o->count > 0 && o->count <= 1000;
    case O_STAGGER: o->stagger_ms = atoi(arg); return true;
    case O_SECONDS: o->seconds = atof(arg); return true;
    case O_LOCAL: o->local = arg; return true;
    case O_RTP_PORTS: return sscanf(arg, "%d-%d", &o->rtp_first, &o->rtp_last) == 2;
    case O_RELAY: o->relay = atoi(arg); return o->relay > 0 && o->relay < 65528;
    case O_REINVITE: return parse_reinvite(o, arg);
    default: return take_judging(o, c, arg);
    }
}

bool peer_options_parse(struct peer_options *o, int argc, char **argv)
{
    *o = (struct peer_options){
        .name = "peer", .count = 1, .stagger_ms = 20, .codec = { MCU_CODEC_OPUS, MCU_CODEC_H264 },
        .tone_hz = 440, .tone_dbfs = -20, .rgb = { 40, 90, 160 }, .number = 1, .width = 640,
        .height = 360, .fps = 25, .video_bps = 500000, .ptime_ms = 20, .seconds = 10,
        .garbage_s = { -1, -1, -1 }, .rtp_first = 30000, .rtp_last = 32767, .steady_s = 3,
        .dtmf_at_s = 1,
    };
    for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        if (c == O_HELP || c == '?' || !take(o, c, optarg)) {
            if (c != O_HELP && c != '?')
                fprintf(stderr, "mcu_peer: bad value '%s'\n", optarg ? optarg : "");
            fputs(help, stderr);
            return false;
        }
    }
    if (!o->room || mcu_addr_port(&o->server) <= 0 || optind < argc) {
        fputs(help, stderr);
        return false;
    }
    return true;
}
