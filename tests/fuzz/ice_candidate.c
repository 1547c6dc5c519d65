/* The text of a remote candidate: hostile, NUL-terminated. What is accepted is within its bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/ice_candidate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcu_ice_candidate c;
    char *text = malloc(size + 1);
    if (!text)
        abort();
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    mcu_ice_credentials_valid(text, text);
    if (mcu_ice_candidate_parse(&c, text) == 0) {
        mcu_ice_candidate_reachable(&c, true);
        if (!c.foundation[0] || !c.priority || c.type > MCU_ICE_RELAY ||
            (c.addr.u.sa.sa_family != AF_INET && c.addr.u.sa.sa_family != AF_INET6))
            abort();
    }
    free(text);
    return 0;
}
