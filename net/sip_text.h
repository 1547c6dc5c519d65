/* net/sip_text.h - the small texts around a call: room names, display names, INFO bodies.
 * Threads: any; nothing is kept. All input is the network's, all output is bounded. */
#ifndef MCU_NET_SIP_TEXT_H
#define MCU_NET_SIP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Percent-decodes the user part of a URI (RFC 3261 19.1.2); NULL gives "". An escape that is not
 * one, and %00, stay as they are. Returns 0 or -ENAMETOOLONG: a name is never cut, for that would
 * be another room's. */
int mcu_sip_user_decode(char *out, size_t size, const char *user);

/* The other way: everything but RFC 3261's "unreserved" becomes %HH. Same errors. */
int mcu_sip_user_encode(char *out, size_t size, const char *user);

#define MCU_SIP_REPLACES_BYTES 256

/* The headers of a URI ("Replaces=...", RFC 3261 19.1.1), which must be that one alone, to the value of a
 * Replaces header (RFC 3891 6.1): a Call-ID, both tags, and early-only perhaps. Returns 0, -EINVAL
 * (another header, more than one, or not such a value) or -ENAMETOOLONG. */
int mcu_sip_replaces_take(char *out, size_t size, const char *headers);

/* Copies text for people and logs: control characters become spaces, bytes that are not UTF-8
 * become '?'; cut at a character's end. NULL gives "". */
void mcu_sip_text_clean(char *out, size_t size, const char *text);

/* A display name: the quotes and backslashes of RFC 3261 25.1 are taken off, then as above. */
void mcu_sip_name_clean(char *out, size_t size, const char *display);

/* A quoted-string's inside for Reason and Warning: printable ASCII without quotes and backslashes. */
void mcu_sip_quotable(char *out, size_t size, const char *text);

/* application/media_control+xml (RFC 5168): does it ask for a whole picture? */
bool mcu_sip_is_fast_update(const char *body, size_t body_bytes);

/* application/dtmf-relay ("Signal=5\r\nDuration=160") or application/dtmf ("5"), told apart by
 * their shape. Writes one of 0-9 * # A-D. Returns 0 or -EINVAL. */
int mcu_sip_dtmf_parse(char *key, const char *body, size_t body_bytes);

#endif
