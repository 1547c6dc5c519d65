/* tests/unit/test_stun.c - the STUN that is ours, against the vectors of RFC 5769 and against what
 * it must look like byte by byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "net/stun.h"

/* RFC 5769 2.1 and 2.2. */
#define PASSWORD          "VOkJxbRl1RmTxUk/WvJxBt"
#define REQUEST_INTEGRITY 76 /* where that attribute begins */

static const uint8_t request[108] = {
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 'S',  'T',  'U',  'N',  ' ',  't',  'e',  's',
    't',  ' ',  'c',  'l',  'i',  'e',  'n',  't',  0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
    0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09,
    'e',  'v',  't',  'j',  ':',  'h',  '6',  'v',  'Y',  0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14,
    0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf,
};

static const uint8_t response[80] = {
    0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 't',  'e',  's',  't',  ' ',  'v',  'e',  'c',
    't',  'o',  'r',  0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
    0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9,
    0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96,
};

/* ---- reading ---- */

static void messages_of_the_rfc_are_read_and_authentic(void **state)
{
    struct mcu_stun m;
    assert_int_equal(mcu_stun_parse(&m, request, sizeof(request)), 0);
    assert_int_equal(m.type, MCU_STUN_BINDING);
    assert_ptr_equal(m.id, request + 8);
    assert_int_equal(mcu_stun_parse(&m, response, sizeof(response)), 0);
    assert_int_equal(m.type, MCU_STUN_BINDING_ANSWER);
    assert_true(mcu_stun_authentic(request, sizeof(request), PASSWORD));
    assert_true(mcu_stun_authentic(response, sizeof(response), PASSWORD));
    assert_false(mcu_stun_authentic(response, sizeof(response), "VOkJxbRl1RmTxUk/WvJxBu"));
    assert_false(mcu_stun_authentic(response, sizeof(response), ""));
}

/* All up to the end of that attribute, but for the length, which only has to reach so far. */
static void a_byte_that_is_another_is_not_authentic(void **state)
{
    for (size_t i = 0; i < REQUEST_INTEGRITY + 24; i++) {
        uint8_t spoilt[sizeof(request)];
        memcpy(spoilt, request, sizeof(request));
        spoilt[i] ^= 0x04;
        if (i != 2 && i != 3)
            assert_false(mcu_stun_authentic(spoilt, sizeof(spoilt), PASSWORD));
    }
}

static void a_message_without_integrity_is_not_authentic(void **state)
{
    assert_false(mcu_stun_authentic(request, REQUEST_INTEGRITY, PASSWORD));
    assert_false(mcu_stun_authentic(request, REQUEST_INTEGRITY + 23, PASSWORD)); /* cut within it */
    uint8_t shorter[sizeof(request)];
    memcpy(shorter, request, sizeof(request));
    shorter[REQUEST_INTEGRITY + 3] = 16; /* it says another length than SHA-1's */
    assert_false(mcu_stun_authentic(shorter, sizeof(shorter), PASSWORD));
    uint8_t huge[4096] = { 0 };
    memcpy(huge + sizeof(huge) - 24, request + REQUEST_INTEGRITY, 24);
    assert_false(mcu_stun_authentic(huge, sizeof(huge), PASSWORD));
}

/* Anybody could have written it. */
static void nothing_is_authentic_by_no_password(void **state)
{
    uint8_t out[MCU_STUN_CHECK_MAX];
    struct mcu_stun_check open = { .user = "a:b", .password = "" };
    int n = mcu_stun_write(&open, MCU_STUN_BINDING, out, sizeof(out));
    assert_true(n > 0);
    assert_false(mcu_stun_authentic(out, (size_t)n, ""));
}

static void what_is_no_stun_is_refused(void **state)
{
    struct mcu_stun m;
    uint8_t bad[sizeof(response)], odd[sizeof(response) + 1];
    memcpy(odd, response, sizeof(response));
    odd[3]++;
    assert_int_equal(mcu_stun_parse(&m, odd, sizeof(odd)), -EBADMSG);
    for (size_t n = 0; n < sizeof(response); n++)
        assert_int_equal(mcu_stun_parse(&m, response, n), -EBADMSG);
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = { { 0, 0x41 }, { 0, 0x81 }, { 3, 0x38 }, { 3, 0x40 }, { 4, 0x20 }, { 7, 0x43 } };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        memcpy(bad, response, sizeof(bad));
        bad[changes[i].at] = changes[i].value;
        assert_int_equal(mcu_stun_parse(&m, bad, sizeof(bad)), -EBADMSG);
    }
}

/* ---- writing ---- */

static const struct mcu_stun_check check = { .user = "evtj:h6vY",
                                             .password = PASSWORD,
                                             .controlling = false,
                                             .tie_breaker = 0x932ff9b151263b36,
                                             .id = { 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
                                                     0xfa, 0x87, 0xdf, 0xae } };

/* Where the attribute is, or NULL: by a walk of its own. */
static const uint8_t *attribute(const uint8_t *message, int size, unsigned type)
{
    for (int at = 20; at + 4 <= size;) {
        int length = message[at + 2] << 8 | message[at + 3];
        if ((message[at] << 8 | message[at + 1]) == (int)type)
            return message + at;
        at += 4 + (length + 3) / 4 * 4;
    }
    return NULL;
}

static void a_check_says_what_the_rfc_s_request_says(void **state)
{
    uint8_t out[MCU_STUN_CHECK_MAX];
    struct mcu_stun m;
    int n = mcu_stun_write(&check, MCU_STUN_BINDING, out, sizeof(out));
    assert_int_equal(n, (int)sizeof(request) - 20); /* but for SOFTWARE */
    assert_int_equal(mcu_stun_parse(&m, out, (size_t)n), 0);
    assert_memory_equal(out + 4, request + 4, 16);
    static const unsigned same[] = { 0x0006, 0x8029 };
    for (int i = 0; i < 2; i++) {
        const uint8_t *ours = attribute(out, n, same[i]);
        const uint8_t *theirs = attribute(request, sizeof(request), same[i]);
        assert_non_null(ours);
        assert_memory_equal(ours, theirs, 4u + theirs[3]);
    }
    assert_memory_equal(attribute(out, n, 0x0024), "\0\x24\0\4\x6e",
                        5); /* of a peer-reflexive one */
    assert_true(mcu_stun_authentic(out, (size_t)n, PASSWORD));
    assert_null(attribute(out, n, 0x802a));
    struct mcu_stun_check other = check;
    other.controlling = true;
    n = mcu_stun_write(&other, MCU_STUN_BINDING, out, sizeof(out));
    assert_non_null(attribute(out, n, 0x802a));
    assert_null(attribute(out, n, 0x8029));
}

/* CRC-32 of ISO 3309 by its remainder: over a message and its own CRC it is a constant. */
static uint32_t crc_with(const uint8_t *data, size_t size, uint32_t own)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size + 4; i++) {
        crc ^= i < size ? data[i] : (own >> 8 * (i - size)) & 0xff;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return crc;
}

static void a_check_ends_with_its_fingerprint(void **state)
{
    uint8_t out[MCU_STUN_CHECK_MAX];
    for (int i = 0; i < 2; i++) {
        int n =
            i ? mcu_stun_write(&check, MCU_STUN_BINDING, out, sizeof(out)) : (int)sizeof(request);
        const uint8_t *m = i ? out : request, *end = m + n;
        assert_memory_equal(end - 8, "\x80\x28\0\4", 4);
        uint32_t said =
            (uint32_t)end[-4] << 24 | (uint32_t)end[-3] << 16 | (uint32_t)end[-2] << 8 | end[-1];
        assert_int_equal(crc_with(m, (size_t)n - 8, said ^ 0x5354554e), 0xdebb20e3);
    }
}

static void what_does_not_fit_is_not_written(void **state)
{
    uint8_t out[MCU_STUN_CHECK_MAX];
    int n = mcu_stun_write(&check, MCU_STUN_BINDING, out, sizeof(out));
    for (int room = 0; room < n; room++) {
        uint8_t *exact = malloc((size_t)room + 1);
        assert_int_equal(mcu_stun_write(&check, MCU_STUN_BINDING, exact, (size_t)room), -ENOSPC);
        free(exact);
    }
    assert_int_equal(mcu_stun_write_question(true, check.id, out, 27), -ENOSPC);
    assert_int_equal(mcu_stun_write_question(false, check.id, out, 19), -ENOSPC);
}

static void a_question_is_a_bare_request(void **state)
{
    static const uint8_t binding[] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
    static const uint8_t allocate[] = { 0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42 };
    uint8_t out[64];
    assert_int_equal(mcu_stun_write_question(false, check.id, out, sizeof(out)), 20);
    assert_memory_equal(out, binding, 8);
    assert_memory_equal(out + 8, check.id, 12);
    assert_int_equal(mcu_stun_write_question(true, check.id, out, sizeof(out)), 28);
    assert_memory_equal(out, allocate, 8);
    assert_memory_equal(out + 20, "\0\x19\0\4\x11\0\0\0", 8); /* REQUESTED-TRANSPORT: UDP */
}

/* ---- searching ---- */

struct finds {
    const uint8_t *message[8];
    size_t size[8];
    int count;
};

static void on_found(const uint8_t *message, size_t size, void *arg)
{
    struct finds *f = arg;
    assert_true(f->count < 8);
    f->message[f->count] = message;
    f->size[f->count++] = size;
}

static struct finds search(const uint8_t *data, size_t size)
{
    struct finds f = { .count = 0 };
    mcu_stun_search(data, size, on_found, &f);
    return f;
}

static void messages_are_found_where_they_stand(void **state)
{
    uint8_t read[512] = { 0, sizeof(response) }; /* a stream's frames (RFC 4571) */
    memcpy(read + 2, response, sizeof(response));
    memcpy(read + 2 + sizeof(response) + 2, request, sizeof(request));
    struct finds f = search(read, 4 + sizeof(response) + sizeof(request));
    assert_int_equal(f.count, 2);
    assert_ptr_equal(f.message[0], read + 2);
    assert_int_equal(f.size[0], sizeof(response));
    assert_ptr_equal(f.message[1], read + 4 + sizeof(response));
    assert_int_equal(f.size[1], sizeof(request));
    f = search(read, 3 + sizeof(response) + sizeof(request)); /* the last byte has not come */
    assert_int_equal(f.count, 1);
}

static void only_the_first_four_are_looked_at(void **state)
{
    uint8_t read[6 * sizeof(response)];
    for (size_t i = 0; i < 6; i++)
        memcpy(read + i * sizeof(response), response, sizeof(response));
    assert_int_equal(search(read, sizeof(read)).count, 4);
    memcpy(read + 1, response + 4, 4); /* a cookie without a beginning counts */
    assert_int_equal(search(read, sizeof(read)).count, 3);
}

/* RFC 7983 7: 20 to 63 are DTLS, 128 and more are RTP. */
static void media_and_dtls_are_not_searched(void **state)
{
    uint8_t read[4 + sizeof(response)] = { 0 };
    memcpy(read + 4, response, sizeof(response));
    for (int first = 0; first < 256; first++) {
        bool searched = first < 20 || (first >= 64 && first < 128);
        read[0] = (uint8_t)first;
        assert_int_equal(search(read, sizeof(read)).count, searched ? 1 : 0);
    }
    assert_int_equal(search(read, 0).count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_the_rfc_are_read_and_authentic),
        cmocka_unit_test(a_byte_that_is_another_is_not_authentic),
        cmocka_unit_test(a_message_without_integrity_is_not_authentic),
        cmocka_unit_test(nothing_is_authentic_by_no_password),
        cmocka_unit_test(what_is_no_stun_is_refused),
        cmocka_unit_test(a_check_says_what_the_rfc_s_request_says),
        cmocka_unit_test(a_check_ends_with_its_fingerprint),
        cmocka_unit_test(what_does_not_fit_is_not_written),
        cmocka_unit_test(a_question_is_a_bare_request),
        cmocka_unit_test(messages_are_found_where_they_stand),
        cmocka_unit_test(only_the_first_four_are_looked_at),
        cmocka_unit_test(media_and_dtls_are_not_searched),
    };
    return cmocka_run_group_tests_name("stun", tests, NULL, NULL);
}
