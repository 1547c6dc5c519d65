#include "web_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"
#include "net/rtp.h"

#define ROOM      1400
#define STRANGERS 32 /* addresses that foreign packets come from */

struct wp_attack {
    struct wp *p;
    void (*send)(struct wp_attack *a, struct wp_call *c);
    int sent;
    int64_t begun_ns;
    int stranger[STRANGERS];
    uint8_t hello[512]; /* a ClientHello of ours */
    size_t hello_size;
};

/* ---- noise ---- */

static uint32_t pick(struct wp *p, uint32_t n)
{
    return (uint32_t)(wp_random(p) % n);
}

static void fill(struct wp *p, uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)wp_random(p);
}

size_t wp_spoil(struct wp *p, uint8_t *data, size_t size, size_t room)
{
    static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xff };
    for (uint32_t times = 1 + pick(p, 4); times > 0 && size > 0; times--) {
        size_t at = pick(p, (uint32_t)size), n = 1 + pick(p, 16);
        n = n < size - at ? n : size - at;
        switch (pick(p, 5)) {
        case 0:
            data[at] ^= (uint8_t)(1u << pick(p, 8));
            break;
        case 1:
            data[at] = edges[pick(p, sizeof(edges))];
            break;
        case 2:
            fill(p, data + at, n);
            break;
        case 3: /* cut */
            if (pick(p, 4) == 0)
                size = at;
            break;
        default: /* doubled */
            if (size + n <= room) {
                memmove(data + at + n, data + at, size - at);
                size += n;
            }
        }
    }
    return size;
}

/* ---- strangers ---- */

/* Of another address on loopback; -1: there is none. */
static int open_stranger(struct wp *p)
{
    char text[32];
    struct mcu_addr own;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(text, sizeof(text), "127.0.%u.%u", pick(p, 200), 2 + pick(p, 250));
    mcu_addr_parse(&own, text, 0);
    if (fd >= 0 && bind(fd, &own.u.sa, mcu_addr_len(&own)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void send_from(int fd, const struct wp_call *c, const uint8_t *data, size_t size)
{
    if (fd >= 0)
        sendto(fd, data, size, 0, &c->server.u.sa, mcu_addr_len(&c->server));
}

static void on_flood_hello(const uint8_t *data, size_t size, void *arg)
{
    struct wp_call *c = arg;
    send_from(c->flood_fd, c, data, size);
}

static void no_keys(const struct mcu_srtp_key *tx, const struct mcu_srtp_key *rx, void *arg)
{
}

void wp_flood(struct wp_call *c)
{
    static const struct mcu_dtls_events events = { on_flood_hello, no_keys };
    uint8_t noise[200];
    if (c->flood_fd < 0)
        c->flood_fd = open_stranger(c->p);
    for (int i = c->p->options.flood / 200; i > 0; i--) { /* a tick is 5 ms */
        if (i % 4 == 0) {
            mcu_dtls_free(&c->flood_dtls);
            if (mcu_dtls_new(&c->flood_dtls, true, mcu_dtls_fingerprint(), &events, c) == 0)
                mcu_dtls_poll(c->flood_dtls, wp_now(c->p));
            continue;
        }
        fill(c->p, noise, sizeof(noise));
        noise[0] = (uint8_t)(pick(c->p, 2) ? 20 + pick(c->p, 4) : pick(c->p, 256));
        send_from(c->flood_fd, c, noise, sizeof(noise));
    }
}

/* ---- STUN: strangers', and from the checked address itself ---- */

static void stun(struct wp_attack *a, struct wp_call *c)
{
    uint8_t data[2040];
    int *fd = &a->stranger[pick(a->p, STRANGERS)];
    enum wp_stun kind = (enum wp_stun)(1 + pick(a->p, WP_STUN_KINDS - 1));
    size_t size = wp_stun_write(c, kind, data, sizeof(data));
    if (pick(a->p, 8) == 0) {
        size = 20 + pick(a->p, 500);
        fill(a->p, data, size);
        data[0] &= 1;
    }
    if (*fd < 0)
        *fd = open_stranger(a->p);
    bool authentic = kind == WP_STUN_ROLE_CONFLICT || kind == WP_STUN_HUGE;
    if (authentic || pick(a->p, 2))
        mcu_ice_send(c->ice, data, size);
    else
        send_from(*fd, c, data, size);
}

/* Authentic checks, each from an address that was never seen. */
static void stun_addresses(struct wp_attack *a, struct wp_call *c)
{
    uint8_t data[600];
    int fd = open_stranger(a->p);
    send_from(fd, c, data, wp_stun_write(c, WP_STUN_GOOD, data, sizeof(data)));
    if (fd >= 0)
        close(fd);
}

/* The checked address's own, as many as it likes. */
static void stun_same(struct wp_attack *a, struct wp_call *c)
{
    uint8_t data[600];
    mcu_ice_send(c->ice, data, wp_stun_write(c, WP_STUN_GOOD, data, sizeof(data)));
}

/* Of strangers who know nothing but the port: what may look like STUN, DTLS, RTP. */
static void noise(struct wp_attack *a, struct wp_call *c)
{
    static const uint8_t first[] = { 0, 1, 20, 22, 64, 128, 144, 255 };
    uint8_t data[300];
    int *fd = &a->stranger[pick(a->p, STRANGERS)];
    size_t size = 20 + pick(a->p, 200);
    fill(a->p, data, size);
    data[0] = first[pick(a->p, sizeof(first))];
    if (data[0] < 2) {
        data[2] = 0;
        data[3] = (uint8_t)((size - 20) & ~3u);
        memcpy(data + 4, "\x21\x12\xa4\x42", 4);
    }
    if (*fd < 0)
        *fd = open_stranger(a->p);
    send_from(*fd, c, data, size);
}

/* ---- DTLS records ---- */

static void keep_hello(const uint8_t *data, size_t size, void *arg)
{
    struct wp_attack *a = arg;
    if (size <= sizeof(a->hello)) {
        memcpy(a->hello, data, size);
        a->hello_size = size;
    }
}

static void make_hello(struct wp_attack *a)
{
    static const struct mcu_dtls_events events = { keep_hello, no_keys };
    struct mcu_dtls *d;
    if (mcu_dtls_new(&d, true, mcu_dtls_fingerprint(), &events, a) < 0)
        return;
    mcu_dtls_poll(d, wp_now(a->p));
    mcu_dtls_free(&d);
}

/* RFC 6347 4.1: type, version, epoch, number, length. */
static size_t record(struct wp *p, uint8_t *out, uint8_t type, unsigned epoch, size_t claimed,
                     size_t size)
{
    fill(p, out, 13 + size);
    out[0] = type;
    out[1] = 0xfe;
    out[2] = 0xfd;
    out[3] = 0;
    out[4] = (uint8_t)epoch;
    memset(out + 5, 0, 4);
    out[11] = (uint8_t)(claimed >> 8);
    out[12] = (uint8_t)claimed;
    return 13 + size;
}

static void dtls(struct wp_attack *a, struct wp_call *c)
{
    uint8_t data[ROOM];
    size_t size = 0, n;
    switch (pick(a->p, 6)) {
    case 0: /* close_notify, or a fatal alert, in the clear or as if ciphered */
        size = record(a->p, data, 21, pick(a->p, 2), 2, 2);
        data[13] = (uint8_t)(1 + pick(a->p, 2));
        data[14] = pick(a->p, 2) ? 0 : 40;
        break;
    case 1: /* a fragment of a message that is claimed to be huge (RFC 6347 4.2.3) */
        n = 12 + pick(a->p, 1000);
        size = record(a->p, data, 22, 0, n, n);
        data[13] = (uint8_t)pick(a->p, 25);
        data[14] = (uint8_t)(pick(a->p, 2) * 255);
        data[17] = 0;
        data[18] = (uint8_t)pick(a->p, 12);
        break;
    case 2:
        size = record(a->p, data, (uint8_t)(20 + pick(a->p, 44)), pick(a->p, 3), 0xffff, 1000);
        break;
    case 3: /* many empty ones in a datagram */
        while (size + 13 < sizeof(data))
            size += record(a->p, data + size, 22, pick(a->p, 2), 0, 0);
        break;
    default:
        memcpy(data, a->hello, a->hello_size);
        size = pick(a->p, 3) ? wp_spoil(a->p, data, a->hello_size, sizeof(data)) : a->hello_size;
    }
    mcu_ice_send(c->ice, data, size);
}

/* ---- RTP under the right key ---- */

/* An extension in one-byte form (RFC 8285 4.2) with one element; its size. */
static size_t extension(uint8_t *out, uint8_t id, const void *data, size_t size)
{
    size_t words = (1 + size + 3) / 4;
    memset(out, 0, 4 + words * 4);
    out[0] = 0xbe;
    out[1] = 0xde;
    out[3] = (uint8_t)words;
    out[4] = (uint8_t)(id << 4 | ((size - 1) & 15));
    memcpy(out + 5, data, size);
    return 4 + words * 4;
}

static void rtp(struct wp_attack *a, struct wp_call *c)
{
    static const uint8_t types[] = { 0, 96, 97, 97, 13, 127 };
    uint8_t data[ROOM], id[16];
    uint32_t kind = pick(a->p, 8);
    struct mcu_rtp head = { .pt = types[pick(a->p, sizeof(types))], .seq = c->seq[1]++,
                            .ts = c->ts[1] += 3000, .ssrc = c->ssrc[1] };
    if (kind < 3) /* thousands of sources */
        head.ssrc = (uint32_t)wp_random(a->p);
    size_t n = (size_t)mcu_rtp_write(&head, data, sizeof(data));
    if (kind == 1 || kind == 3) { /* MIDs and RIDs of all sorts; the layers' too */
        fill(a->p, id, sizeof(id));
        id[0] = pick(a->p, 2) ? (uint8_t)('0' + pick(a->p, 2)) : id[0];
        n += extension(data + n, (uint8_t)(pick(a->p, 2) ? 4 : 10 + pick(a->p, 2)), id,
                       pick(a->p, 2) ? 1 : 1 + pick(a->p, 16));
        data[0] |= 0x10;
    } else if (kind == 4) { /* an extension of nothing but noise, perhaps longer than the packet */
        fill(a->p, data + n, 64);
        data[n] = 0xbe;
        data[n + 1] = 0xde;
        data[n + 2] = 0;
        data[n + 3] = (uint8_t)pick(a->p, 24);
        n += 64;
        data[0] |= 0x10;
    }
    size_t payload = pick(a->p, 3) ? pick(a->p, 300) : pick(a->p, 4);
    if (head.pt == 0 || head.pt == 13)
        memset(data + n, 0xff, payload); /* silence: the others' tone is measured */
    else
        fill(a->p, data + n, payload);
    n += payload;
    if (kind == 5)
        n = 12 + wp_spoil(a->p, data + 12, n - 12, sizeof(data) - 200);
    mcu_seal_out(c->seal, false, data, n);
}

/* Under no key at all, or sealed once before. */
static void srtp(struct wp_attack *a, struct wp_call *c)
{
    uint8_t data[ROOM];
    size_t size = 12 + pick(a->p, 1000);
    uint32_t kind = pick(a->p, 4);
    if (kind == 0 && c->sealed_size) {
        mcu_ice_send(c->ice, c->sealed, c->sealed_size);
        return;
    }
    fill(a->p, data, size);
    if (kind == 1 && c->sealed_size > 14) { /* the last one, its tag spoilt */
        size = c->sealed_size;
        memcpy(data, c->sealed, size);
        size = 12 + wp_spoil(a->p, data + 12, size - 12, sizeof(data) - 12);
    }
    data[0] = (uint8_t)(0x80 | (data[0] & 0x3f));
    if (kind == 2)
        data[1] = (uint8_t)(192 + pick(a->p, 32));
    mcu_ice_send(c->ice, data, size);
}

/* ---- RTCP under the right key ---- */

static size_t words(uint8_t *out, uint8_t first, uint8_t type, const uint32_t *word, size_t n)
{
    out[0] = first;
    out[1] = type;
    out[2] = 0;
    out[3] = (uint8_t)n;
    for (size_t i = 0; i < n; i++) {
        out[4 + 4 * i] = (uint8_t)(word[i] >> 24);
        out[5 + 4 * i] = (uint8_t)(word[i] >> 16);
        out[6 + 4 * i] = (uint8_t)(word[i] >> 8);
        out[7 + 4 * i] = (uint8_t)word[i];
    }
    return 4 + 4 * n;
}

/* One of: SR, RR, SDES, BYE of another, APP, XR, NACK, TMMBR, TWCC, PLI, FIR, REMB. */
static size_t report(struct wp_attack *a, struct wp_call *c, uint8_t *out)
{
    static const struct {
        uint8_t first, type, words;
    } kinds[] = {
        { 0x81, 200, 12 }, { 0x81, 201, 7 }, { 0x82, 201, 13 }, { 0x81, 202, 5 }, { 0x81, 203, 1 },
        { 0x80, 204, 4 },  { 0x80, 207, 9 }, { 0x81, 205, 6 },  { 0x83, 205, 4 }, { 0x8f, 205, 9 },
        { 0x8f, 205, 200 }, { 0x81, 206, 2 }, { 0x84, 206, 4 },  { 0x8f, 206, 5 }, { 0x81, 205, 200 },
    };
    uint32_t word[256];
    uint32_t k = pick(a->p, MCU_ARRAY_LEN(kinds));
    for (size_t i = 0; i < MCU_ARRAY_LEN(word); i++)
        word[i] = pick(a->p, 3) ? (uint32_t)wp_random(a->p) : pick(a->p, 3) - 1u;
    word[0] = kinds[k].type == 203 ? (uint32_t)wp_random(a->p) : c->ssrc[pick(a->p, 2)];
    word[1] = pick(a->p, 4) ? c->theirs : word[1];
    if (kinds[k].first == 0x8f && kinds[k].type == 206) { /* REMB: "REMB", 1 SSRC, exponent and mantissa */
        word[2] = 0x52454d42;
        word[3] = 1u << 24 | (word[3] & 0xffffff);
        word[4] = c->theirs;
    }
    return words(out, kinds[k].first, kinds[k].type, word, kinds[k].words);
}

static void rtcp(struct wp_attack *a, struct wp_call *c)
{
    uint8_t data[ROOM + 1000];
    size_t size = 0;
    for (uint32_t n = 1 + pick(a->p, 4); n > 0 && size < 700; n--)
        size += report(a, c, data + size);
    if (pick(a->p, 4))
        size = 8 + wp_spoil(a->p, data + 8, size - 8, sizeof(data) - 208);
    mcu_seal_out(c->seal, true, data, size < 1400 ? size : 1400);
}

/* ---- the page ---- */

static void chat(struct wp_attack *a, struct wp_call *c)
{
    wp_page_chat(c, &a->stranger[0]);
}

/* ---- an attack ---- */

static const struct {
    const char *name;
    void (*send)(struct wp_attack *a, struct wp_call *c);
} attacks[] = {
    { "stun", stun }, { "stun-addresses", stun_addresses },
    { "stun-same", stun_same }, { "noise", noise }, { "dtls", dtls }, { "srtp", srtp }, { "rtp", rtp }, { "rtcp", rtcp }, { "chat", chat },
};

struct wp_attack *wp_attack_new(struct wp *p, const char *name)
{
    struct wp_attack *a = calloc(1, sizeof(*a));
    if (!a)
        abort();
    a->p = p;
    for (int i = 0; i < STRANGERS; i++)
        a->stranger[i] = -1;
    for (size_t i = 0; i < MCU_ARRAY_LEN(attacks); i++)
        if (strcmp(attacks[i].name, name) == 0)
            a->send = attacks[i].send;
    if (!a->send)
        wp_attack_free(&a);
    else
        make_hello(a);
    return a;
}

/* As fast as this machine can, for the most of a tick. */
static void flood(struct wp_attack *a, struct wp_call *c, int64_t end_ns)
{
    for (; a->sent < a->p->options.packets && mcu_clock_now_ns() < end_ns; a->sent++)
        a->send(a, c);
}

bool wp_attack_tick(struct wp_attack *a, struct wp_call *c, int64_t now_ns)
{
    const struct wp_options *o = &a->p->options;
    if (!a->begun_ns)
        a->begun_ns = now_ns;
    if (!o->rate)
        flood(a, c, now_ns + 20 * MCU_NS_PER_MS);
    int64_t due = (now_ns - a->begun_ns) / 1000 * o->rate / 1000000;
    for (int n = 0; a->sent < o->packets && a->sent < due && n < 100; n++, a->sent++)
        a->send(a, c);
    return a->sent >= o->packets;
}

int wp_attack_sent(const struct wp_attack *a)
{
    return a->sent;
}

void wp_attack_free(struct wp_attack **ap)
{
    struct wp_attack *a = *ap;
    *ap = NULL;
    for (int i = 0; a && i < STRANGERS; i++)
        if (a->stranger[i] >= 0)
            close(a->stranger[i]);
    free(a);
}
