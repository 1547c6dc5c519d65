/* net/fingerprint.h - a certificate's fingerprint in the session description (RFC 8122 section 5).
 * Threads: any; values only. */
#ifndef MCU_NET_FINGERPRINT_H
#define MCU_NET_FINGERPRINT_H

#include "mixer/base/cursor.h"

enum mcu_hash { MCU_HASH_NONE, MCU_HASH_SHA1, MCU_HASH_SHA256, MCU_HASH_SHA384, MCU_HASH_SHA512 };

#define MCU_FINGERPRINT_BYTES_MAX 64
#define MCU_FINGERPRINT_TEXT      (MCU_FINGERPRINT_BYTES_MAX * 3 + 16)

struct mcu_fingerprint {
    enum mcu_hash hash; /* NONE: none */
    uint8_t bytes[MCU_FINGERPRINT_BYTES_MAX];
};

/* Bytes of a hash, 0 for NONE. */
size_t mcu_hash_bytes(enum mcu_hash hash);

/* "sha-256 12:AB:...", as it stands behind "a=fingerprint:". 0, -EBADMSG, or -ENOTSUP (a hash that
 * we do not have, MD5 and MD2 among them). */
int mcu_fingerprint_parse(struct mcu_fingerprint *out, struct mcu_cursor value);

/* The same text, terminated, without "a=fingerprint:". Returns buf. */
const char *mcu_fingerprint_text(char buf[MCU_FINGERPRINT_TEXT], const struct mcu_fingerprint *f);

bool mcu_fingerprint_equal(const struct mcu_fingerprint *a, const struct mcu_fingerprint *b);

#endif
