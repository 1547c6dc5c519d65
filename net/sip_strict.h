/* net/sip_strict.h - what stands between the network and sofia-sip: a message class that checks
 * what is read, sends answers to where the request came from, and drops floods.
 *
 * Debian's sofia-sip recurses without end, and the process dies, when its own BYE (no ACK came, a
 * session refresh failed) cannot be sent because the peer's Contact is, say, a tel: address. An
 * UPDATE changes that target before the application hears of it. So such a header must not get
 * through the parser: a request with one is answered with 400, a response dropped.
 *
 * Answers go by Via, which may name another transport, a name for the DNS, or a third party: its
 * top entry is made to say what the request came over and from where, as soon as it is read. An unreadable request line gets 400,
 * and so does a CSeq of 2^31 or above. */
#ifndef MCU_NET_SIP_STRICT_H
#define MCU_NET_SIP_STRICT_H

#include <stdbool.h>

#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/su.h>

/* What "Contact: *" (RFC 3261 10.2.2) is read as where REGISTER is taken: an address that leads
 * nowhere (RFC 6761 6.4), for UPDATE may bring it as well. */
#define MCU_SIP_STAR_HOST "star.invalid"

/* For NTATAG_MCLASS; free() it after the stack. NULL: no memory. Any thread. */
msg_mclass_t *mcu_sip_strict_class_new(bool registrar);

/* How many requests a second are read from one address, ACK not counted; 0: any number (as at the
 * start). More are dropped as if the network had lost them. The stack remembers each request for 32 s,
 * some 5 kB, so this is what bounds the memory that a flood costs. For all stacks of the process.
 * Thread: the stack's. */
void mcu_sip_strict_limit(int requests_per_s);

/* A refused re-INVITE or UPDATE leaves the call as it was (RFC 3261 14.1), but the stack takes most
 * of 5xx and 6xx, and some more, for the call's end, and at a 401 waits for a password. fn is
 * asked, once for each such response to an INVITE or UPDATE, which status the stack is to see. One
 * fn for all stacks; NULL: none. Thread: the stack's. */
typedef int (*mcu_sip_strict_status_cb)(const char *call_id, int status, void *arg);
void mcu_sip_strict_on_refusal(mcu_sip_strict_status_cb fn, void *arg);

/* Whether a request from there came over TLS (1) or TCP (0); -1: not known. For connections that peers
 * opened; NULL: none is known. Thread: the stack's. */
typedef int (*mcu_sip_strict_tls_cb)(const su_sockaddr_t *source, void *arg);
void mcu_sip_strict_on_stream(mcu_sip_strict_tls_cb fn, void *arg);

#endif
