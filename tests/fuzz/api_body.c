/* tests/fuzz/api_body.c - bodies of requests to the API, each reader on one input: a text that is its own end,
 * or a word of what was expected. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/api_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *body = (const char *)data;
    struct mcu_api_call call;
    char room[64], uri[32], error[160] = "";
    memset(room, 'x', sizeof(room));
    memset(uri, 'x', sizeof(uri));
    int rc = mcu_api_read_move(body, size, room, sizeof(room), error, sizeof(error));
    must(rc == 0 ? memchr(room, 0, sizeof(room)) != NULL : rc == -EINVAL && error[0]);
    error[0] = '\0';
    rc = mcu_api_read_uri(body, size, uri, sizeof(uri), error, sizeof(error));
    must(rc == 0 ? memchr(uri, 0, sizeof(uri)) != NULL : rc == -EINVAL && error[0]);
    error[0] = '\0';
    rc = mcu_api_read_call(body, size, &call, error, sizeof(error));
    must(rc == 0 ? memchr(call.uri, 0, sizeof(call.uri)) != NULL : rc == -EINVAL && error[0]);
    must(rc < 0 || call.user[0] || (!call.realm[0] && !call.password[0]));
    return 0;
}
