/* net/sip_registrar.h - where registered accounts can be reached (RFC 3261 10.3): a small table.
 * Threads: one at a time, whoever owns the object (the control loop).
 *
 * Only who has proved to be an account gets here, each account has few places, and each place ends
 * by itself within an hour: nothing grows. */
#ifndef MCU_NET_SIP_REGISTRAR_H
#define MCU_NET_SIP_REGISTRAR_H

#include <stddef.h>
#include <stdint.h>

#define MCU_REG_MAX_ACCOUNTS 64
#define MCU_REG_MAX_CONTACTS 4 /* of an account */
#define MCU_REG_MIN_S        60
#define MCU_REG_MAX_S        3600
#define MCU_REG_URI          256
#define MCU_REG_CALL_ID      128
/* For all contacts of an account as header text. */
#define MCU_REG_LIST (MCU_REG_MAX_CONTACTS * (MCU_REG_URI + 32))

struct mcu_sip_registrar;

/* One contact of a REGISTER. */
struct mcu_reg_contact {
    char uri[MCU_REG_URI];
    int expires_s; /* 0: take it out */
};

struct mcu_reg_request {
    const char *user;
    char call_id[MCU_REG_CALL_ID];
    uint32_t cseq;
    struct mcu_reg_contact contact[MCU_REG_MAX_CONTACTS];
    int contact_count; /* 0: only asks */
    int remove_all;    /* "Contact: *" */
};

int mcu_sip_registrar_new(struct mcu_sip_registrar **out);
void mcu_sip_registrar_free(struct mcu_sip_registrar **registrar);

/* Does what the request asks for, all or nothing. Returns the SIP status: 200, 423 (an interval
 * below MCU_REG_MIN_S), 500 (an older request of the same Call-ID came late), 403 (more contacts, or
 * more accounts, than there are places). Longer intervals are shortened. */
int mcu_sip_registrar_update(struct mcu_sip_registrar *registrar,
                             const struct mcu_reg_request *request, int64_t now_ms);

/* The account's contacts as the value of a Contact header: "" none. */
void mcu_sip_registrar_list(struct mcu_sip_registrar *registrar, const char *user, int64_t now_ms,
                            char out[MCU_REG_LIST]);

#endif
