/* server/utf8.h - text that came from the network, made fit for JSON and metrics. Threads: any. */
#ifndef MCU_SERVER_UTF8_H
#define MCU_SERVER_UTF8_H

#include <stddef.h>

/* Copies text into buf[size], NUL included; every byte that is no part of well-formed UTF-8 (RFC 3629
 * section 4: no overlong forms, no surrogates) becomes U+FFFD. Cut to fit between characters.
 * Returns buf. */
const char *mcu_utf8_clean(char *buf, size_t size, const char *text);

#endif
