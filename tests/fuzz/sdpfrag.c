/* tests/fuzz/sdpfrag.c - trickle-ice-sdpfrag (RFC 8840): what is read is terminated, legal, and
 * within its limits. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/negotiate_web.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)     \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mcu_sdpfrag f;
    struct mcu_nego_web_error error = { "" };
    int rc = mcu_sdpfrag_parse(&f, (const char *)data, size, &error);
    if (rc < 0) {
        CHECK((rc == -EBADMSG || rc == -E2BIG) && error.what[0]);
        return 0;
    }
    CHECK(memchr(f.ufrag, 0, sizeof(f.ufrag)) && memchr(f.pwd, 0, sizeof(f.pwd)));
    CHECK(!f.ufrag[0] || strlen(f.ufrag) >= 4);
    CHECK(!f.pwd[0] || strlen(f.pwd) >= 22);
    CHECK(f.candidate_count <= MCU_SDP_MAX_CANDIDATES);
    for (int i = 0; i < f.candidate_count; i++)
        CHECK(memchr(f.candidates[i], 0, sizeof(f.candidates[i])) &&
              strncmp(f.candidates[i], "candidate:", 10) == 0);
    return 0;
}
