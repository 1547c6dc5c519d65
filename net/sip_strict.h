/* net/sip_strict.h - a message class that takes no Contact and no Record-Route we cannot send to.
 *
 * Debian's sofia-sip recurses without end, and the process dies, when its own BYE (no ACK came, a
 * session refresh failed) cannot be sent because the peer's Contact is, say, a tel: address. An
 * UPDATE changes that target before the application hears of it. So such a header must not get
 * through the parser: a request with one is answered with 400, a response dropped. */
#ifndef MCU_NET_SIP_STRICT_H
#define MCU_NET_SIP_STRICT_H

#include <stdbool.h>

#include <sofia-sip/msg_mclass.h>

/* What "Contact: *" (RFC 3261 10.2.2) is read as where REGISTER is taken: an address that leads
 * nowhere (RFC 6761 6.4), for UPDATE may bring it as well. */
#define MCU_SIP_STAR_HOST "star.invalid"

/* For NTATAG_MCLASS; free() it after the stack. NULL: no memory. Any thread. */
msg_mclass_t *mcu_sip_strict_class_new(bool registrar);

#endif
