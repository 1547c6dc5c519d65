/* server/api_json.h - what the API says, as JSON text.
 * Threads: any; what is given is read only. Each text is the caller's to free(); NULL: memory was
 * short. Text that came from the network is made well-formed first (server/utf8.h), so that one
 * caller's name cannot take the whole answer away. */
#ifndef MCU_SERVER_API_JSON_H
#define MCU_SERVER_API_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/conf.h"

struct mcu_event;
struct mcu_snapshot;

/* {"conferences":[...]} */
char *mcu_api_conferences_json(const struct mcu_snapshot *snapshot);
/* One of them; *found is false when there is no such room (then NULL). */
char *mcu_api_conference_json(const struct mcu_snapshot *snapshot, const char *room, bool *found);
/* {"providers":[...]} */
char *mcu_api_providers_json(const struct mcu_snapshot *snapshot);
/* {"events":[...],"last":number of the newest, or `after`} */
char *mcu_api_events_json(const struct mcu_event *events, int count, uint64_t after);
char *mcu_api_health_json(bool stopping, int64_t uptime_ns, int calls);
char *mcu_api_error_json(const char *what);

/* {"room":"..."} of a request's body: the room's name as mcu_room_name_parse takes it, that is with
 * its percent signs coded. 0, or -EINVAL with what was expected in error. */
int mcu_api_read_move(const char *body, size_t size, char *room, size_t room_size, char *error,
                      size_t error_size);

/* {"uri":"sip:..."} in the same way, as it stands. */
int mcu_api_read_uri(const char *body, size_t size, char *uri, size_t uri_size, char *error,
                     size_t error_size);

/* {"layout":"grid"}, "speaker", or "" for the conference's own. */
int mcu_api_read_layout(const char *body, size_t size, enum mcu_layout_wish *wish, char *error,
                        size_t error_size);

/* What a call is made with. */
struct mcu_api_call {
    char uri[512];
    char realm[128], user[128], password[128]; /* "": no password */
};
/* {"uri":"sip:...", "realm":"...", "user":"...", "password":"..."}, the last three together or none.
 * 0, or -EINVAL with what was expected in error (never the password). */
int mcu_api_read_call(const char *body, size_t size, struct mcu_api_call *out, char *error,
                      size_t error_size);
/* {"leg":17} */
char *mcu_api_leg_json(uint32_t leg);

#endif
