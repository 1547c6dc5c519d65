/* net/payload.h: vectors by hand from RFC 6184 and RFC 7741, round trips, losses at each place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>

#include "mixer/base/util.h"
#include "net/payload.h"

/* ---- Counting what our own code allocates; a sanitizer has its own allocator ---- */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

static long allocations;
#ifndef SANITIZED
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t n, size_t bytes);
extern void *__libc_memalign(size_t align, size_t bytes);

void *malloc(size_t bytes)
{
    allocations++;
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    allocations++;
    return __libc_calloc(n, bytes);
}

void *aligned_alloc(size_t align, size_t bytes)
{
    allocations++;
    return __libc_memalign(align, bytes);
}
#endif

/* ---- Helpers ---- */

static uint32_t seed = 1;

static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

static struct mcu_depay *new_depay(enum mcu_codec codec)
{
    struct mcu_depay *d = NULL;
    assert_int_equal(mcu_depay_new(&d, codec, NULL, 0, 0), 0);
    return d;
}

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static void assert_unit(struct mcu_unit **u, const uint8_t *data, size_t size)
{
    assert_non_null(*u);
    assert_int_equal((*u)->size, size);
    assert_memory_equal((*u)->data, data, size);
    mcu_unit_unref(u);
}

static struct mcu_unit *make_unit(enum mcu_codec codec, const uint8_t *data, size_t size)
{
    struct mcu_unit *u = mcu_unit_new(size);
    assert_non_null(u);
    u->codec = codec;
    u->size = size;
    if (size)
        memcpy(u->data, data, size);
    return u;
}

struct packet {
    uint8_t data[1500];
    size_t size;
    uint32_t rtp_ts;
    bool marker;
};

static struct packet packets[4096];
static int packet_count;

static void pack(struct mcu_pay *pay, const struct mcu_unit *u, uint32_t rtp_ts)
{
    int n;
    assert_int_equal(mcu_pay_begin(pay, u), 0);
    do {
        struct packet *p = &packets[packet_count];
        assert_true(packet_count < (int)MCU_ARRAY_LEN(packets));
        n = mcu_pay_next(pay, p->data, sizeof(p->data), &p->marker);
        p->size = (size_t)n;
        p->rtp_ts = rtp_ts;
        packet_count += n > 0;
        assert_true(n >= 0);
    } while (n > 0);
    assert_true(packets[packet_count - 1].marker);
}

static int push(struct mcu_depay *d, int i, bool lost, struct mcu_unit **out)
{
    const struct packet *p = &packets[i];
    /* An exact copy on the heap, so that ASan sees a read past the end. */
    uint8_t *copy = malloc(p->size);
    memcpy(copy, p->data, p->size);
    int rc = mcu_depay_push(d, copy, p->size, p->rtp_ts, p->marker, lost, i, out);
    free(copy);
    return rc;
}

static uint8_t random_byte(void)
{
    return (uint8_t)(1 + rnd(255)); /* no zeros: nothing that looks like a start code */
}

static size_t random_nal(uint8_t *to, uint8_t header, size_t size)
{
    memcpy(to, (const uint8_t[]){ 0, 0, 0, 1, header }, 5);
    for (size_t i = 0; i < size; i++)
        to[5 + i] = random_byte();
    return 5 + size;
}

/* SPS id 0, PPS id 0 as openh264 makes them; ids are the first exp-golomb codes. */
#define SPS0 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40
#define PPS0 0x68, 0xce, 0x3c, 0x80
#define CODE 0, 0, 0, 1

/* A picture of 1 to 4 slices, the first with macroblock 0; a keyframe has its parameter sets. */
static struct mcu_unit *random_h264(bool key, size_t max_slice)
{
    static uint8_t buf[1 << 20];
    static const uint8_t sets[] = { CODE, SPS0, CODE, PPS0 };
    size_t n = 0;
    if (key) {
        memcpy(buf, sets, sizeof(sets));
        n = sizeof(sets);
    }
    for (int i = 0, slices = 1 + (int)rnd(4); i < slices; i++) {
        size_t at = n + 5;
        n += random_nal(buf + n, key ? 0x65 : 0x41, 2 + rnd((uint32_t)max_slice));
        /* first_mb 0, slice_type 5 (P) or 7 (I), PPS 0; or first_mb 1 (010). */
        buf[at] = i ? 0x58 : key ? 0x88 : 0x9a;
        buf[at + 1] |= 0x80;
    }
    struct mcu_unit *u = make_unit(MCU_CODEC_H264, buf, n);
    u->keyframe = key;
    return u;
}

static struct mcu_unit *random_vp8(bool key, size_t max)
{
    static uint8_t buf[1 << 20];
    size_t n = 10 + rnd((uint32_t)max);
    for (size_t i = 0; i < n; i++)
        buf[i] = (uint8_t)rnd(256);
    buf[0] = (uint8_t)((buf[0] & 0xfe) | !key);
    struct mcu_unit *u = make_unit(MCU_CODEC_VP8, buf, n);
    u->keyframe = key;
    return u;
}

/* ---- Round trips ---- */

static struct mcu_unit *random_unit(enum mcu_codec codec, bool key, size_t max)
{
    return codec == MCU_CODEC_H264 ? random_h264(key, max) : random_vp8(key, max);
}

static void round_trip(enum mcu_codec codec, bool mode1, int max_bytes)
{
    struct mcu_depay *d = new_depay(codec);
    struct mcu_pay pay;
    mcu_pay_init(&pay, codec, mode1, max_bytes);
    for (uint32_t i = 0; i < 40; i++) {
        /* Mode 0 does not split: its encoder keeps slices small (codec/venc.h). */
        size_t max = codec == MCU_CODEC_H264 && !mode1 ? (size_t)max_bytes - 8 : 1 + rnd(20000);
        struct mcu_unit *u = random_unit(codec, i % 10 == 0, max), *out = NULL;
        packet_count = 0;
        pack(&pay, u, i * 3000);
        for (int p = 0; p < packet_count; p++) {
            assert_true(packets[p].size <= (size_t)max_bytes);
            assert_int_equal(packets[p].marker, p == packet_count - 1);
            assert_int_equal(push(d, p, false, &out), packets[p].marker);
        }
        assert_int_equal(out->keyframe, u->keyframe);
        assert_int_equal(out->rtp_ts, i * 3000);
        assert_int_equal(out->seq, 0);
        assert_int_equal(out->codec, codec);
        assert_false(out->gap_before);
        assert_unit(&out, u->data, u->size);
        mcu_unit_unref(&u);
    }
    mcu_depay_free(&d);
}

static void round_trips_are_exact_at_any_mtu(void **state)
{
    for (int i = 0; i < 40; i++) {
        round_trip(MCU_CODEC_H264, true, 40 + (int)rnd(1400));
        round_trip(MCU_CODEC_H264, false, 40 + (int)rnd(1400));
        round_trip(MCU_CODEC_VP8, false, 40 + (int)rnd(1400));
    }
    assert_int_equal(mcu_unit_alive(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips_are_exact_at_any_mtu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
