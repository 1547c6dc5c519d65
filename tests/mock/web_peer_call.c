#include "web_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "net/line.h"
#include "net/rtp.h"

#define SETUP_NS  (10 * MCU_NS_PER_S)
#define PACKET_NS (20 * MCU_NS_PER_MS)
#define PAYLOAD   160 /* 20 ms of PCMU */

/* ---- the offer ---- */

struct text {
    char *at;
    size_t left;
};

static void add(struct text *t, const char *what)
{
    size_t n = strlen(what);
    if (n >= t->left)
        abort(); /* our own offer is short */
    memcpy(t->at, what, n + 1);
    t->at += n;
    t->left -= n;
}

static void add_candidate(const char *candidate, void *arg)
{
    add(arg, "a=");
    add(arg, candidate);
    add(arg, "\r\n");
}

static void add_media(struct wp_call *c, struct text *t, bool video)
{
    static const char sound[] =
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtpmap:0 PCMU/8000\r\na=mid:0\r\n"
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n";
    static const char pictures[] =
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n"
        "a=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\n"
        "a=rtcp-fb:96 ccm fir\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=mid:1\r\n"
        "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
        "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n";
    static const char common[] =
        "c=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=setup:actpass\r\n"
        "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
        "a=extmap:3 http://www.ietf.org/id/"
        "draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";
    const char *door = c->p->options.door;
    char line[1024];
    const char *ufrag, *pwd;
    mcu_ice_local(c->ice, &ufrag, &pwd);
    add(t, video ? pictures : sound);
    add(t, common);
    snprintf(line, sizeof(line), "a=%s\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ssrc:%u cname:wp\r\n",
             strcmp(door, "whip") == 0   ? "sendonly"
             : strcmp(door, "whep") == 0 ? "recvonly"
                                         : "sendrecv",
             ufrag, pwd, c->ssrc[video]);
    add(t, line);
    if (!video)
        mcu_ice_each_candidate(c->ice, add_candidate, t);
}

static void write_offer(struct wp_call *c, char *out, size_t size)
{
    struct text t = { out, size };
    char line[MCU_FINGERPRINT_TEXT + 64], print[MCU_FINGERPRINT_TEXT];
    bool video = c->p->options.video;
    snprintf(line, sizeof(line), "v=0\r\no=- %u 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", c->ssrc[0]);
    add(&t, line);
    add(&t, video ? "a=group:BUNDLE 0 1\r\n" : "a=group:BUNDLE 0\r\n");
    snprintf(line, sizeof(line), "a=fingerprint:%s\r\n",
             mcu_fingerprint_text(print, mcu_dtls_fingerprint()));
    add(&t, line);
    add_media(c, &t, false);
    if (video)
        add_media(c, &t, true);
}

/* ---- the answer ---- */

/* The value behind "a=name:" at its first mention, up to the line's end. */
static bool value_of(const char *sdp, const char *name, char *out, size_t size)
{
    char key[64];
    snprintf(key, sizeof(key), "a=%s:", name);
    const char *at = strstr(sdp, key);
    if (!at)
        return false;
    at += strlen(key);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\r\n"), at);
    return true;
}

static void read_candidates(struct wp_call *c, const char *sdp)
{
    char candidate[MCU_ICE_CANDIDATE_MAX], address[64];
    int port;
    for (const char *at = sdp; (at = strstr(at, "a=candidate:")); at += 2) {
        value_of(at, "candidate", candidate, sizeof(candidate));
        if (!mcu_addr_port(&c->server) &&
            sscanf(candidate, "%*s 1 %*s %*u %63s %d", address, &port) == 2)
            mcu_addr_parse(&c->server, address, port);
        char text[MCU_ICE_CANDIDATE_MAX + 16];
        snprintf(text, sizeof(text), "candidate:%s", candidate);
        mcu_ice_add_candidate(c->ice, text);
    }
}

static bool read_answer(struct wp_call *c, const char *sdp)
{
    char print[MCU_FINGERPRINT_TEXT], setup[32];
    struct mcu_seal_config seal = { .sealing = MCU_DTLS, .rtcp_mux = true };
    if (!value_of(sdp, "ice-ufrag", c->ufrag, sizeof(c->ufrag)) ||
        !value_of(sdp, "ice-pwd", c->pwd, sizeof(c->pwd)) ||
        !value_of(sdp, "fingerprint", print, sizeof(print)) ||
        !value_of(sdp, "setup", setup, sizeof(setup)) ||
        mcu_fingerprint_parse(&seal.peer, mcu_cursor(print, strlen(print))) < 0)
        return false;
    seal.active = strcmp(setup, "passive") == 0;
    return mcu_seal_set(c->seal, &seal) == 0;
}

static bool ask_at_the_door(struct wp_call *c)
{
    struct wp_options *o = &c->p->options;
    struct wp_answer *answer = malloc(sizeof(*answer));
    char *offer = malloc(WP_SDP_BYTES), path[512];
    int64_t before = wp_now(c->p);
    bool in = false;
    if (!answer || !offer)
        abort();
    write_offer(c, offer, WP_SDP_BYTES);
    snprintf(path, sizeof(path), "/%s/%s?name=%s%d", o->door, o->room, o->name, c->p->begun);
    wp_http(o, "POST", path, "application/sdp", offer, answer);
    if (wp_now(c->p) - before > c->p->counts.slowest_answer_ns)
        c->p->counts.slowest_answer_ns = wp_now(c->p) - before;
    c->p->counts.status[answer->status < 600 ? answer->status : 0]++;
    if (answer->status == 201 && read_answer(c, answer->body)) {
        snprintf(c->path, sizeof(c->path), "%s", answer->location);
        in = true;
        c->p->counts.created++;
        if (c->end != WP_AFTER_POST) {
            mcu_ice_set_remote(c->ice, c->ufrag, c->pwd);
            read_candidates(c, answer->body);
        }
    } else {
        c->p->counts.refused++;
    }
    free(answer);
    free(offer);
    return in;
}

/* ---- transport ---- */

static void on_sealed(int component, const uint8_t *data, size_t size, void *arg)
{
    struct wp_call *c = arg;
    memcpy(c->sealed, data, size);
    c->sealed_size = size;
    mcu_ice_send(c->ice, data, size);
}

static void on_packet(bool rtcp, const uint8_t *data, size_t size, int64_t now_ns, void *arg)
{
    struct wp_call *c = arg;
    struct mcu_rtp rtp;
    if (rtcp || mcu_rtp_parse(&rtp, data, size) < 0 || rtp.pt != 0)
        return;
    c->theirs = rtp.ssrc;
    if (c->p->sound)
        wp_sound_packet(c->p->sound, data, size, now_ns);
}

static void on_ready(void *arg)
{
    struct wp_call *c = arg;
    struct wp_counts *counts = &c->p->counts;
    if (c->ready_ns)
        return;
    c->ready_ns = c->sound_ns = wp_now(c->p);
    if (counts->connected < (int)(sizeof(counts->connect_ms) / sizeof(counts->connect_ms[0])))
        counts->connect_ms[counts->connected] = (double)(c->ready_ns - c->begun_ns) / MCU_NS_PER_MS;
    counts->connected++;
    c->over_ns = c->ready_ns + (int64_t)(c->p->options.seconds * MCU_NS_PER_S);
}

static const struct mcu_seal_events seal_events = { on_sealed, on_packet, on_ready };

static void on_datagram(const uint8_t *data, size_t size, int64_t came_ns, void *arg)
{
    struct wp_call *c = arg;
    if (c->end == WP_IN_DTLS && data[0] >= 20 && data[0] <= 63) {
        c->over = true; /* his hello has come: now we are gone */
        return;
    }
    mcu_seal_in(c->seal, 0, data, size, wp_now(c->p));
    c->seal_due_ns = 0;
}

static void on_state(enum mcu_ice_state state, void *arg)
{
    struct wp_call *c = arg;
    if (c->end == WP_IN_ICE && state != MCU_ICE_NEW)
        c->over = true;
    if (state == MCU_ICE_CONNECTED) {
        c->connected = true;
        mcu_seal_start(c->seal, wp_now(c->p));
        c->seal_due_ns = 0;
    }
}

static const struct mcu_ice_events ice_events = { .state = on_state, .datagram = on_datagram };

/* ---- media ---- */

static void send_sound(struct wp_call *c)
{
    uint8_t packet[MCU_RTP_HEADER_MAX + PAYLOAD];
    struct mcu_rtp rtp = { .pt = 0, .seq = c->seq[0]++, .ts = c->ts[0], .ssrc = c->ssrc[0] };
    int n = mcu_rtp_write(&rtp, packet, sizeof(packet));
    memset(packet + n, 0xff, PAYLOAD); /* silence */
    c->ts[0] += PAYLOAD;
    mcu_seal_out(c->seal, false, packet, (size_t)n + PAYLOAD);
}

void wp_call_tick(struct wp_call *c, int64_t now_ns)
{
    if (now_ns >= c->seal_due_ns)
        c->seal_due_ns = mcu_seal_poll(c->seal, now_ns);
    for (; c->ready_ns && c->sound_ns <= now_ns; c->sound_ns += PACKET_NS)
        send_sound(c);
    if (!c->ready_ns && c->p->options.flood)
        wp_flood(c);
    if (c->end == WP_AFTER_POST || (c->ready_ns && now_ns >= c->over_ns)) {
        c->over = true;
    } else if (!c->ready_ns && now_ns - c->begun_ns > SETUP_NS && !c->over) {
        c->p->counts.failed++;
        c->over = true;
    }
}

/* ---- life ---- */

static bool open_parts(struct wp_call *c)
{
    struct mcu_ice_config k = { .local_count = 1, .controlling = true };
    mcu_addr_parse(&k.local[0], c->p->options.host, 0);
    return mcu_seal_new(&c->seal, 0, &seal_events, c) == 0 &&
           mcu_ice_new(&c->ice, c->p->ice_loop, &k, &ice_events, c) == 0 &&
           mcu_ice_gather(c->ice) == 0;
}

struct wp_call *wp_call_new(struct wp *p, enum wp_end end)
{
    struct wp_call *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->p = p;
    c->end = end;
    c->flood_fd = -1;
    c->begun_ns = wp_now(p);
    for (int i = 0; i < 2; i++)
        c->ssrc[i] = (uint32_t)wp_random(p);
    if (!open_parts(c)) {
        fprintf(stderr, "a peer's transport could not be opened\n");
        exit(2);
    }
    if (!ask_at_the_door(c)) {
        wp_call_free(c);
        return NULL;
    }
    return c;
}

void wp_call_free(struct wp_call *c)
{
    struct wp_answer *answer = c->path[0] && c->end == WP_LEAVE ? malloc(sizeof(*answer)) : NULL;
    if (answer) {
        wp_http(&c->p->options, "DELETE", c->path, "text/plain", NULL, answer);
        c->p->counts.left += answer->status == 200;
    }
    free(answer);
    if (c->flood_fd >= 0)
        close(c->flood_fd);
    mcu_dtls_free(&c->flood_dtls);
    mcu_ice_free(&c->ice);
    mcu_seal_free(&c->seal);
    free(c);
}
