/* tests/fuzz/sdes.c - what is taken of an a=crypto or a=fingerprint line can be written and read again,
 * and is the same then. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/fingerprint.h"
#include "net/sdes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
    if (!ok)
        abort();
}

static void check_crypto(const uint8_t *data, size_t size)
{
    static const char prefix[] = "a=crypto:";
    struct mcu_sdes sdes, again;
    char line[MCU_SDES_LINE_BYTES];
    int rc = mcu_sdes_parse(&sdes, mcu_cursor(data, size));
    if (rc < 0)
        return;
    int n = mcu_sdes_write(line, sizeof(line), sdes.tag, &sdes.key);
    size_t skip = sizeof(prefix) - 1;
    check(n > (int)skip && memcmp(line, prefix, skip) == 0);
    check(mcu_sdes_parse(&again, mcu_cursor(line + skip, (size_t)n - skip - 2)) == 0);
    check(again.tag == sdes.tag && mcu_srtp_key_equal(&again.key, &sdes.key));
    check(mcu_sdes_choose(&sdes, 1) == &sdes);
}

static void check_fingerprint(const uint8_t *data, size_t size)
{
    struct mcu_fingerprint f, again;
    char text[MCU_FINGERPRINT_TEXT];
    if (mcu_fingerprint_parse(&f, mcu_cursor(data, size)) < 0)
        return;
    mcu_fingerprint_text(text, &f);
    check(mcu_fingerprint_parse(&again, mcu_cursor(text, strlen(text))) == 0);
    check(mcu_fingerprint_equal(&f, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_crypto(data, size);
    check_fingerprint(data, size);
    return 0;
}
