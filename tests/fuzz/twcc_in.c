/* tests/fuzz/twcc_in.c - packets with any numbers at any times: the feedback about them is a legal
 * packet, within its buffer, and each time that it tells is one at which something came. */
#include <stdint.h>
#include <stdlib.h>

#include "mixer/base/clock.h"
#include "net/rtcp_fb.h"
#include "net/twcc.h"

#define TICK_NS INT64_C(250000)
#define WRAP    (INT64_C(256) << 24) /* ticks, of the reference time's 24 bits */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came with a number: ticks of the newest packet and of the first one, and how many. Of
 * another input where `input` is not this one's: clearing all of it each time took half of the
 * time. */
static struct {
    int64_t came_at, first_at;
    uint32_t times, input;
} numbers[65536];

static uint32_t input_now;

static void check(int ok)
{
    if (!ok)
        abort();
}

static int next_symbol(struct mcu_cursor *c, unsigned *chunk, int *left)
{
    if (*left == 0) {
        *chunk = mcu_cursor_u16(c);
        *left = !(*chunk & 0x8000) ? (int)(*chunk & 0x1fff) : *chunk & 0x4000 ? 7 : 14;
    }
    check(--*left >= 0);
    if (!(*chunk & 0x8000))
        return (int)(*chunk >> 13 & 3);
    return *chunk & 0x4000 ? (int)(*chunk >> 2 * *left & 3) : (int)(*chunk >> *left & 1);
}

static void check_deltas(struct mcu_cursor *c, const uint8_t *symbol, uint16_t base, int count,
                         int64_t at)
{
    for (int i = 0; i < count; i++) {
        if (symbol[i] == 0)
            continue;
        at += symbol[i] == 1 ? mcu_cursor_u8(c) : (int16_t)mcu_cursor_u16(c);
        uint16_t seq = (uint16_t)(base + i);
        check(numbers[seq].input == input_now && numbers[seq].times > 0);
        check((at - numbers[seq].first_at) % WRAP == 0 || (at - numbers[seq].came_at) % WRAP == 0 ||
              numbers[seq].times > 2);
    }
}

static void check_feedback(const uint8_t *buf, size_t size)
{
    static uint8_t symbol[65536];
    static struct mcu_rtcp r;
    struct mcu_cursor c = mcu_cursor(buf, size);
    check(size % 4 == 0 && mcu_rtcp_next(&c, &r) == 1);
    check(r.type == MCU_RTCP_RTPFB && r.count == MCU_RTPFB_TWCC);
    c = mcu_cursor(r.fci, r.fci_bytes);
    uint16_t base = mcu_cursor_u16(&c);
    int count = mcu_cursor_u16(&c), left = 0;
    int64_t reference = (int64_t)mcu_cursor_be(&c, 3) * 256;
    mcu_cursor_u8(&c);
    check(count > 0);
    unsigned chunk = 0;
    for (int i = 0; i < count; i++) {
        symbol[i] = (uint8_t)next_symbol(&c, &chunk, &left);
        check(symbol[i] < 3);
    }
    check_deltas(&c, symbol, base, count, reference);
    check(!c.bad && mcu_cursor_left(&c) < 4);
    while (mcu_cursor_left(&c))
        check(mcu_cursor_u8(&c) == 0);
}

static void came(struct mcu_twcc *t, uint16_t seq, int64_t now_ns)
{
    if (numbers[seq].input != input_now) {
        numbers[seq].input = input_now;
        numbers[seq].times = 0;
        numbers[seq].first_at = now_ns / TICK_NS;
    }
    numbers[seq].came_at = now_ns / TICK_NS;
    numbers[seq].times++;
    mcu_twcc_came(t, seq, now_ns);
}

static void poll(struct mcu_twcc *t, size_t room, int64_t now_ns)
{
    static uint8_t buf[2048];
    int n;
    for (int i = 0; i < 2000 && (n = mcu_twcc_write(t, 1, 2, buf, room, now_ns)) > 0; i++) {
        check((size_t)n <= room);
        check_feedback(buf, (size_t)n);
    }
}

/* Steps of four bytes: how many numbers further (signed), how many in a row, how much later, room.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    struct mcu_twcc *t;
    int64_t now_ns = MCU_NS_PER_S;
    uint16_t seq = mcu_cursor_u16(&c);
    if (mcu_twcc_new(&t) < 0)
        return 0;
    input_now++;
    while (mcu_cursor_left(&c) >= 4) {
        int8_t step = (int8_t)mcu_cursor_u8(&c);
        int row = mcu_cursor_u8(&c), later = mcu_cursor_u8(&c);
        size_t room = 8u * mcu_cursor_u8(&c);
        seq = (uint16_t)(seq + (step > 100 ? step * 40 : step));
        for (int i = 0; i < row && i < 60; i++, now_ns += TICK_NS / 2 * later)
            came(t, seq++, now_ns);
        now_ns += later * (later > 200 ? MCU_NS_PER_S : MCU_NS_PER_MS);
        poll(t, room, now_ns);
    }
    mcu_twcc_free(&t);
    return 0;
}
