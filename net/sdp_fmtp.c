/* net/sdp_fmtp.c - single parameters out of an fmtp value. */
#include "net/sdp.h"
#include "net/sdp_text.h"

bool mcu_sdp_fmtp_get(const char *fmtp, const char *name, char *buf, size_t size)
{
    struct mcu_cursor c = mcu_cursor(fmtp, strlen(fmtp));
    if (size)
        buf[0] = '\0';
    while (mcu_cursor_left(&c)) {
        mcu_text_skip_spaces(&c);
        bool candidate = mcu_text_begins(&c, name);
        struct mcu_cursor value = mcu_text_until(&c, ';');
        if (!candidate)
            continue;
        struct mcu_cursor key = mcu_text_trim(mcu_text_until(&value, '='));
        if (mcu_text_is(key, name))
            return size && mcu_text_copy(buf, size, mcu_text_trim(value));
    }
    return false;
}

int mcu_sdp_fmtp_int(const char *fmtp, const char *name, int fallback)
{
    char text[24];
    int v;
    if (!mcu_sdp_fmtp_get(fmtp, name, text, sizeof(text)))
        return fallback;
    struct mcu_cursor c = mcu_cursor(text, strlen(text));
    return mcu_text_int(&c, &v) ? v : fallback;
}
