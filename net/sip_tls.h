/* net/sip_tls.h - the certificate of sofia-sip's TLS listener: the folder that it wants to read one
 * from at start, and ours in its place for each handshake, so that a reload reaches new connections
 * alone. The stack has no way of its own to change it. */
#ifndef MCU_NET_SIP_TLS_H
#define MCU_NET_SIP_TLS_H

#include "net/tls_keys.h"

#define MCU_SIP_TLS_DIR_SIZE 256

/* Makes a folder (in TMPDIR or /tmp) that only we can read, with agent.pem (key and certificate) and
 * cafile.pem (the certificate file: what follows its first certificate completes the chain that is
 * sent). Thread: any. Returns 0, -EINVAL (not a PEM of its kind; the log says which), or the errno
 * of a file. The folder holds a private key: remove it as soon as the stack has read it. */
int mcu_sip_tls_dir_make(char dir[MCU_SIP_TLS_DIR_SIZE], const char *cert_file,
                         const char *key_file);
void mcu_sip_tls_dir_remove(const char *dir);

#define MCU_SIP_TLS_CONTEXTS 8

/* OpenSSL's contexts of the stack. It hides them; but OpenSSL tells of each one that is made, and
 * between _watch and _unwatch on a thread those are the stack's. */
struct mcu_sip_tls {
    SSL_CTX *context[MCU_SIP_TLS_CONTEXTS];
    int count;
    struct mcu_tls_keys *keys; /* in use */
    const char *cert_file, *key_file;
};

void mcu_sip_tls_watch(struct mcu_sip_tls *tls);
void mcu_sip_tls_unwatch(void);
/* From now on handshakes use the files' certificate. The strings stay the caller's. Returns 0, or as
 * mcu_tls_keys_read; -ENOENT: the stack has made no context. tls must outlive the stack. */
int mcu_sip_tls_attach(struct mcu_sip_tls *tls, const char *cert_file, const char *key_file);
/* Reads the files again; where they are no good, the log says why and those in use stay. */
int mcu_sip_tls_reload(struct mcu_sip_tls *tls);
/* After the stack's end. */
void mcu_sip_tls_close(struct mcu_sip_tls *tls);

#endif
