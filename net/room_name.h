/* net/room_name.h - the one parser of room names, for SIP, HTTP and files alike. Threads: any. */
#ifndef MCU_NET_ROOM_NAME_H
#define MCU_NET_ROOM_NAME_H

#include <stddef.h>

#define MCU_ROOM_NAME_BYTES 128 /* with the end */

/* raw[len]: as it stands in a URI; percent signs are decoded once. out: UTF-8 in NFC. Refused with
 * -EINVAL: empty, longer than the bound, broken UTF-8 or percent-coding, control characters, '*',
 * '/' and '\\', and names of dots alone. */
int mcu_room_name_parse(char out[MCU_ROOM_NAME_BYTES], const char *raw, size_t len);

/* The same for a name that has been percent-decoded already, as HTTP paths are. */
int mcu_room_name_decoded(char out[MCU_ROOM_NAME_BYTES], const char *name);

#endif
