/* net/cert.h - self-signed certificates, made in memory: for DTLS, and for trying out HTTPS.
 * Threads: any. */
#ifndef MCU_NET_CERT_H
#define MCU_NET_CERT_H

#include <openssl/x509.h>

/* names: NULL for a certificate that says nothing of this machine (a DTLS peer knows us by its
 * fingerprint alone), or the subjectAltName of a server's, as OpenSSL writes it:
 * "DNS:localhost,IP:127.0.0.1". The caller frees it; NULL: memory was short, or names are none. */
X509 *mcu_cert_make(EVP_PKEY *key, int valid_days, const char *names);

#endif
