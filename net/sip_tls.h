/* net/sip_tls.h - the folder that sofia-sip wants its certificate in. */
#ifndef MCU_NET_SIP_TLS_H
#define MCU_NET_SIP_TLS_H

#define MCU_SIP_TLS_DIR_SIZE 256

/* Makes a folder (in TMPDIR or /tmp) that only we can read, with agent.pem (key and certificate) and cafile.pem (the
 * certificate file: what follows its first certificate completes the chain that is sent).
 * Thread: any. Returns 0, -EINVAL (not a PEM of its kind; the log says which), or the errno of a
 * file. The folder holds a private key: remove it as soon as the stack has read it. */
int mcu_sip_tls_dir_make(char dir[MCU_SIP_TLS_DIR_SIZE], const char *cert_file,
                         const char *key_file);
void mcu_sip_tls_dir_remove(const char *dir);

#endif
