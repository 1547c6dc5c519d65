/* net/sip_provider.h - a registration of ours with a provider, as the configuration writes it.
 * Threads: any; nothing is kept. */
#ifndef MCU_NET_SIP_PROVIDER_H
#define MCU_NET_SIP_PROVIDER_H

#include "net/sip_digest.h"

#define MCU_SIP_MAX_PROVIDERS  8
#define MCU_SIP_PROVIDER_VIAS  4
#define MCU_SIP_PROVIDER_URI   200
#define MCU_SIP_PROVIDER_ROOM  128
#define MCU_SIP_PROVIDER_EXPIRES_S 300

struct mcu_sip_provider {
    char address[MCU_SIP_PROVIDER_URI]; /* of record: sip:USER@DOMAIN */
    char domain[MCU_SIP_PROVIDER_URI];  /* sip:DOMAIN, to which REGISTER is addressed */
    char via[MCU_SIP_PROVIDER_VIAS][MCU_SIP_PROVIDER_URI]; /* where it is sent, in this order */
    int via_count;                      /* 0: to the domain */
    char realm[MCU_DIGEST_TEXT], user[MCU_DIGEST_TEXT], password[MCU_DIGEST_TEXT];
    char room[MCU_SIP_PROVIDER_ROOM];   /* of its calls; "": the user part that they are for */
    int expires_s;
};

/* "sip:USER@DOMAIN [room=R] [via=sip:HOST:PORT;transport=tcp]... [realm=R] [login=L] [expires=S]
 * [password=P]": one space between words, password= last, its value the whole rest. Defaults: realm
 * the domain, login the user part, 300 s. Returns 0 or -EINVAL. */
int mcu_sip_provider_parse(struct mcu_sip_provider *out, const char *text);

#endif
