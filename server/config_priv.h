/* server/config_priv.h - what config.c (keys, file, reload) and config_values.c (one value of each
 * kind) share. Threads: as config.h. */
#ifndef MCU_SERVER_CONFIG_PRIV_H
#define MCU_SERVER_CONFIG_PRIV_H

#include "mixer/base/util.h"
#include "server/config.h"

/* Where a value stands, for messages. line 0: no line (--set). */
struct mcu_config_place {
    const char *file;
    unsigned long line;
    const char *key;
    char *error;
    size_t size;
};

/* Writes "FILE:LINE: KEY: what" into at->error; returns -EINVAL. */
int mcu_value_wrong(const struct mcu_config_place *at, const char *fmt, ...) MCU_PRINTF(2, 3);

/* Each reads one value into its place: 0, or -EINVAL with the complaint written. Texts are
 * zero-filled to their size, as the reload compares all bytes; what may be a secret is never shown.
 */
int mcu_value_int(const struct mcu_config_place *at, const char *text, int min, int max, int *out);
int mcu_value_bool(const struct mcu_config_place *at, const char *text, bool *out);
int mcu_value_text(const struct mcu_config_place *at, const char *text, char *out, size_t size);
int mcu_value_address(const struct mcu_config_place *at, const char *text, char *out, size_t size);
int mcu_value_choice(const struct mcu_config_place *at, const char *text, const char *first,
                     const char *second, int *out);
int mcu_value_security(const struct mcu_config_place *at, const char *text, enum mcu_security *out);
int mcu_value_corner(const struct mcu_config_place *at, const char *text, enum mcu_corner *out);
int mcu_value_nat(const struct mcu_config_place *at, const char *text, bool *out);
int mcu_value_codec(const struct mcu_config_place *at, const char *text, enum mcu_kind kind,
                    enum mcu_codec *out);
int mcu_value_sent_codec(const struct mcu_config_place *at, const char *text, enum mcu_codec *out);
int mcu_value_rung(const struct mcu_config_place *at, const char *text,
                   struct mcu_config_rung *out);
int mcu_value_realm(const struct mcu_config_place *at, const char *text, char *out, size_t size);
int mcu_value_auth(const struct mcu_config_place *at, const char *text,
                   enum mcu_sip_auth_mode *out);
int mcu_value_refer(const struct mcu_config_place *at, const char *text, enum mcu_refer *out);
int mcu_value_digest(const struct mcu_config_place *at, const char *text, enum mcu_digest *list,
                     int index);
int mcu_value_account(const struct mcu_config_place *at, const char *text, char *out, size_t size);
int mcu_value_provider(const struct mcu_config_place *at, const char *text,
                       struct mcu_sip_provider *out);
int mcu_value_token(const struct mcu_config_place *at, const char *text, char *out, size_t size);
int mcu_value_ice_server(const struct mcu_config_place *at, const char *text,
                         struct mcu_ice_server *out);
int mcu_value_host(const struct mcu_config_place *at, const char *text, char *out, size_t size);

#endif
