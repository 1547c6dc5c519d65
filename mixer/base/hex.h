/* mixer/base/hex.h - bytes in hexadecimal.
 * Threads: any. */
#ifndef MCU_MIXER_BASE_HEX_H
#define MCU_MIXER_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Two lower-case digits a byte, and a zero byte behind them: out has 2 * n + 1 bytes. */
static inline void mcu_hex(char *out, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

#endif
