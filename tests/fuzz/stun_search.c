/* tests/fuzz/stun_search.c - what was read of a socket, a packet or a piece of a stream: the
 * messages that are found in it lie within it, are those that a search byte by byte finds, and can
 * be read. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/stun.h"

#define MOST 4 /* cookies that are looked at */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct wanted {
    const uint8_t *message[MOST];
    size_t size[MOST];
    int count, found;
};

static void must(int holds)
{
    if (!holds)
        abort();
}

/* Plainly: every place, none of which overlaps the cookie before it. */
static struct wanted search_bytewise(const uint8_t *data, size_t size)
{
    struct wanted w = { .count = 0 };
    bool other = size == 0 || (data[0] >= 20 && data[0] < 64) || data[0] >= 128;
    int cookies = 0;
    for (size_t at = 0; !other && size >= 20 && at + 4 <= size && cookies < MOST; at++) {
        if (data[at] != 0x21 || data[at + 1] != 0x12 || data[at + 2] != 0xa4 ||
            data[at + 3] != 0x42)
            continue;
        cookies++;
        size_t n = at < 4 ? SIZE_MAX : 20 + 256u * data[at - 2] + data[at - 1];
        if (at >= 4 && at - 4 + n <= size) {
            w.message[w.count] = data + at - 4;
            w.size[w.count++] = n;
        }
    }
    return w;
}

/* As ice.c goes on with it: in a copy that ends where the message does. */
static void read_it(const uint8_t *message, size_t size)
{
    struct mcu_stun m;
    uint8_t *exact = malloc(size);
    if (!exact)
        return;
    memcpy(exact, message, size);
    int rc = mcu_stun_parse(&m, exact, size);
    must((rc == 0) == (!(message[0] & 0xc0) && size % 4 == 0));
    must(rc < 0 || m.id == exact + 8);
    mcu_stun_authentic(exact, size, "a password of 22 bytes");
    free(exact);
}

static void on_found(const uint8_t *message, size_t size, void *arg)
{
    struct wanted *w = arg;
    must(w->found < w->count && message == w->message[w->found] && size == w->size[w->found]);
    w->found++;
    read_it(message, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wanted w = search_bytewise(data, size);
    mcu_stun_search(data, size, on_found, &w);
    must(w.found == w.count);
    return 0;
}
