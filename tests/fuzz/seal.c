/* tests/fuzz/seal.c - what stands before the seal and is ours: telling DTLS, SRTP and STUN apart (RFC 7983),
 * RTP from RTCP on a shared port, the sources that are remembered. The first byte says whether the line
 * shares its port (bit 0) and is in the clear or has keys of the SDP (bit 1); then comes a sequence of
 * datagrams, two bytes of length each: bit 15 the port, bit 14 sealed by us with the right key. The
 * library's handshake is not tried here: see dtls.c. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/cursor.h"
#include "net/line.h"
#include "net/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) ((x) ? (void)0 : abort())

struct seen {
    const uint8_t *last; /* what went in */
    size_t size;
    bool rtcp_socket, mux, own; /* own: sealed by us */
    int packets;
};

static void on_datagram(int component, const uint8_t *data, size_t size, void *arg)
{
    CHECK(component == 0 || component == 1);
    CHECK(data && size > 0);
}

/* A packet comes out as it went in, on the side that it belongs to. */
static void on_packet(bool rtcp, const uint8_t *data, size_t size, int64_t now_ns, void *arg)
{
    struct seen *s = arg;
    bool wanted = s->rtcp_socket || (s->mux && mcu_rtp_is_rtcp(s->last, s->size));
    CHECK(rtcp == wanted && size <= s->size);
    CHECK(s->own || (size == s->size && memcmp(data, s->last, size) == 0));
    s->packets++;
}

static void on_ready(void *arg)
{
    abort();
}

static const struct mcu_seal_events events = { on_datagram, on_packet, on_ready };

/* Bytes sent, sealed with the key that the line opens with; as they are where SRTP takes no such thing. */
static size_t sealed(struct mcu_srtp *srtp, uint8_t buf[2200], size_t n, struct seen *s)
{
    bool rtcp = s->rtcp_socket || (s->mux && mcu_rtp_is_rtcp(buf, n));
    int rc = mcu_srtp_protect(srtp, rtcp, buf, n, 2200);
    s->own = rc > 0;
    return rc > 0 ? (size_t)rc : n;
}

static void play(struct mcu_seal *seal, struct mcu_srtp *srtp, struct mcu_cursor c, struct seen *s)
{
    for (int i = 0; i < 64 && mcu_cursor_left(&c) > 2; i++) {
        uint8_t buf[2200];
        uint16_t head = mcu_cursor_u16(&c);
        size_t n = (head & 0x7ff) < mcu_cursor_left(&c) ? head & 0x7ff : mcu_cursor_left(&c);
        struct mcu_cursor one = mcu_cursor_sub(&c, n);
        memcpy(buf, one.p, n);
        *s = (struct seen){ .rtcp_socket = head >> 15, .mux = s->mux };
        if (srtp && head & 0x4000)
            n = sealed(srtp, buf, n, s);
        uint8_t *exact = malloc(n + !n); /* so that a read past the end shows */
        memcpy(exact, buf, n);
        s->last = exact;
        s->size = n;
        mcu_seal_in(seal, s->rtcp_socket, exact, n, i);
        CHECK(!srtp || s->own || s->packets == 0);
        if (n > 0) /* nobody sends nothing */
            mcu_seal_out(seal, s->rtcp_socket, exact, n);
        free(exact);
    }
}

/* The same keys for all inputs: making some costs more than an input. */
static const struct mcu_seal_config *keys(void)
{
    static struct mcu_seal_config keyed;
    if (keyed.sealing != MCU_SDES) {
        keyed.sealing = MCU_SDES;
        mcu_srtp_key_random(&keyed.tx, MCU_SRTP_AES128_SHA1_80);
        mcu_srtp_key_random(&keyed.rx, MCU_SRTP_AES128_SHA1_80);
    }
    return &keyed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    uint8_t how = mcu_cursor_u8(&c);
    struct mcu_seal_config config = { .sealing = MCU_PLAIN };
    struct mcu_seal *seal = NULL;
    struct mcu_srtp *srtp = NULL;
    struct seen seen = { .mux = how & 1 };
    if (!(how & 2)) {
        config = *keys();
        CHECK(mcu_srtp_new(&srtp, 0) == 0 && mcu_srtp_set_tx(srtp, &config.rx) == 0);
    }
    config.rtcp_mux = seen.mux;
    CHECK(mcu_seal_new(&seal, 1, &events, &seen) == 0 && mcu_seal_set(seal, &config) == 0);
    if (srtp)
        mcu_seal_start(seal, 1);
    play(seal, srtp, c, &seen);
    mcu_srtp_free(&srtp);
    mcu_seal_free(&seal);
    return 0;
}
