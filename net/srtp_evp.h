/* net/srtp_evp.h - OpenSSL's ciphers for libsrtp2, by its own doors (srtp_replace_cipher_type).
 * Debian 12's libsrtp2 ciphers by NSS, which makes and throws away a context for each packet (14
 * allocations with AES-CM, 5 with GCM), and hashes in plain C; these keep one context a key (2 and
 * none). us to seal, or to open, a packet of 1200 bytes and of 120 (tests/bench/srtp.c, Zen 4):
 *
 *                 as Debian has it    here
 *   AES_CM_128       5.5   2.8      1.24  0.52
 *   AES_128_GCM      1.1   0.90     0.64  0.36
 *   AES_256_GCM      1.15  0.90     0.76  0.37
 *
 * Threads: _install once, before the first session; what it installs, the thread that has the session. */
#ifndef MCU_NET_SRTP_EVP_H
#define MCU_NET_SRTP_EVP_H

/* After srtp_init(): AES-CM and AES-GCM of 128 and 256 bits, HMAC-SHA1. libsrtp2 proves each against
 * its own test vectors and ours before it takes it. 0, or -ENOTSUP: at least one stays as it was,
 * which works as well, but slower. */
int mcu_srtp_evp_install(void);

#endif
