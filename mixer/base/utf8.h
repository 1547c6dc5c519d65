/* mixer/base/utf8.h - what is well-formed UTF-8 (RFC 3629 section 4: no overlong forms, no
 * surrogates). Threads: any. */
#ifndef MCU_MIXER_BASE_UTF8_H
#define MCU_MIXER_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character that text[size] begins with, or 0: it begins with none. */
size_t mcu_utf8_char_len(const char *text, size_t size);

/* Whether all of text[size] is; zero bytes are characters too. */
bool mcu_utf8_is_valid(const char *text, size_t size);

#endif
