/* Room names: whatever is accepted is short, well-formed, and means itself when it is parsed again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/room_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[MCU_ROOM_NAME_BYTES], again[MCU_ROOM_NAME_BYTES];
    if (mcu_room_name_parse(name, (const char *)data, size) != 0)
        return 0;
    if (!name[0] || strpbrk(name, "/\\*\n\r") || strlen(name) >= sizeof(name))
        abort();
    if (!strchr(name, '%') &&
        (mcu_room_name_parse(again, name, strlen(name)) != 0 || strcmp(name, again) != 0))
        abort();
    return 0;
}
