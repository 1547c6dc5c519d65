/* tests/fuzz/dtls.c - hostile datagrams at a secured line: a sequence of them (two bytes of length each,
 * the first one's top bits choose the port) goes to a seal that waits for a handshake, to one that
 * has begun one, and to one with keys of the SDP. None may pass a packet to its line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/cursor.h"
#include "net/dtls.h"
#include "net/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
    if (!ok)
        abort();
}

static void on_datagram(int component, const uint8_t *data, size_t size, void *arg)
{
    check((component == 0 || component == 1) && size > 0 && size <= 1200);
}

/* Nobody holds the key. */
static void on_packet(bool rtcp, const uint8_t *data, size_t size, int64_t now_ns, void *arg)
{
    abort();
}

static void on_ready(void *arg)
{
    abort();
}

static const struct mcu_seal_events events = { on_datagram, on_packet, on_ready };

static void play(const struct mcu_seal_config *config, const uint8_t *data, size_t size)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    struct mcu_seal *seal = NULL;
    int64_t now = MCU_NS_PER_S;
    check(mcu_seal_new(&seal, 1, &events, NULL) == 0);
    check(mcu_seal_set(seal, config) == 0);
    mcu_seal_start(seal, now);
    for (int i = 0; i < 64 && mcu_cursor_left(&c) > 2; i++, now += MCU_NS_PER_S / 4) {
        uint16_t head = mcu_cursor_u16(&c);
        size_t n = (head & 0x7ff) < mcu_cursor_left(&c) ? head & 0x7ff : mcu_cursor_left(&c);
        struct mcu_cursor one = mcu_cursor_sub(&c, n);
        mcu_seal_in(seal, head >> 15, one.p, n, now);
        check(mcu_seal_poll(seal, now) > now);
    }
    mcu_seal_free(&seal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool begun;
    static struct mcu_seal_config waits, begins, keyed;
    if (!begun) {
        begun = true;
        waits = (struct mcu_seal_config){ .sealing = MCU_DTLS, .peer = *mcu_dtls_fingerprint() };
        waits.peer.bytes[0] ^= 1; /* nobody has that certificate */
        begins = waits;
        begins.active = begins.rtcp_mux = true;
        keyed.sealing = MCU_SDES;
        mcu_srtp_key_random(&keyed.tx, MCU_SRTP_AES128_SHA1_80);
        mcu_srtp_key_random(&keyed.rx, MCU_SRTP_AES128_SHA1_80);
    }
    play(&waits, data, size);
    play(&begins, data, size);
    play(&keyed, data, size);
    return 0;
}
