/* The text of a STUN or TURN server: from the configuration, told to browsers in a header field. What is
 * accepted has a host, a port, and nothing that could end the field's quotes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/ice_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcu_ice_server server;
    char *text = malloc(size + 1);
    if (!text)
        abort();
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    if (mcu_ice_server_parse(&server, text) == 0 &&
        (!server.host[0] || server.port < 1 || server.port > 65535 ||
         server.turn != (server.user[0] != '\0') || strpbrk(server.host, "\"\\\r\n ") ||
         strpbrk(server.user, "\"\\\r\n ") || strpbrk(server.password, "\"\\\r\n ")))
        abort();
    free(text);
    return 0;
}
