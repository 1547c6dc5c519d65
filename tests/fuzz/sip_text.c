/* Every function of net/sip_text.h on one input: nothing may be read or written out of bounds, what
 * comes out is a string, and cleaning twice changes nothing more. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/sip_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[64], again[64], key;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    mcu_sip_text_clean(out, sizeof(out), text);
    mcu_sip_text_clean(again, sizeof(again), out);
    assert(strcmp(out, again) == 0);
    mcu_sip_name_clean(out, sizeof(out), text);
    mcu_sip_quotable(out, sizeof(out), text);
    assert(!strpbrk(out, "\"\\\r\n"));
    mcu_sip_user_decode(out, sizeof(out), text);
    if (mcu_sip_user_encode(out, sizeof(out), text) == 0) {
        assert(mcu_sip_user_decode(again, sizeof(again), out) == 0);
        assert(strcmp(again, text) == 0);
    }
    char replaces[MCU_SIP_REPLACES_BYTES];
    if (mcu_sip_replaces_take(replaces, sizeof(replaces), text) == 0)
        assert(!strpbrk(replaces, "\r\n \t,<>\"\\?%") && strstr(replaces, "-tag="));
    free(text);
    char *body = malloc(size ? size : 1); /* exactly as long as it says */
    if (body) {
        memcpy(body, data, size);
        mcu_sip_is_fast_update(body, size);
        if (mcu_sip_dtmf_parse(&key, body, size) == 0)
            assert(strchr("0123456789*#ABCD", key));
    }
    free(body);
    return 0;
}
