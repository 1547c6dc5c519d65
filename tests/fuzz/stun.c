/* tests/fuzz/stun.c - STUN that comes back to us: answers to checks of consent, and to questions whether a
 * server is there. What is authentic is so by one password and no other; what we write we read as well. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/stun.h"

#define PASSWORD "a password of 22 bytes" /* as in the corpus */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

/* The id is covered by what makes it authentic. */
static void spoil(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size);
    if (!copy)
        return;
    memcpy(copy, data, size);
    copy[8 + copy[size - 1] % MCU_STUN_ID_BYTES] ^= 0x10;
    must(!mcu_stun_authentic(copy, size, PASSWORD));
    free(copy);
}

static void read_it(const uint8_t *data, size_t size)
{
    struct mcu_stun m = { 0 };
    int rc = mcu_stun_parse(&m, data, size);
    must(rc < 0 || (m.id == data + 8 && m.type < 0x4000 && size % 4 == 0 && size >= MCU_STUN_HEADER_BYTES));
    must(!mcu_stun_authentic(data, size, ""));
    if (!mcu_stun_authentic(data, size, PASSWORD))
        return;
    must(!mcu_stun_authentic(data, size, PASSWORD "x"));
    spoil(data, size);
}

/* A name of any bytes and length. */
static void write_it(const uint8_t *data, size_t size)
{
    uint8_t out[MCU_STUN_CHECK_MAX];
    struct mcu_stun m;
    char *user = malloc(size + 1);
    if (!user)
        return;
    memcpy(user, data, size);
    user[size] = '\0';
    struct mcu_stun_check c = { .user = user, .password = PASSWORD, .controlling = size & 1, .tie_breaker = size };
    memcpy(c.id, data, size < sizeof(c.id) ? size : sizeof(c.id));
    int n = mcu_stun_write(&c, MCU_STUN_BINDING, out, sizeof(out));
    must(n >= 0 || strlen(user) > 512);
    must(n < 0 || (mcu_stun_parse(&m, out, (size_t)n) == 0 && m.type == MCU_STUN_BINDING &&
                   mcu_stun_authentic(out, (size_t)n, PASSWORD)));
    n = mcu_stun_write_question(size & 1, c.id, out, sizeof(out));
    must(n > 0 && mcu_stun_parse(&m, out, (size_t)n) == 0);
    free(user);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_it(data, size);
    write_it(data, size);
    return 0;
}
