/* server/event.h - the one event bus: typed events with number, time and ids, read by the log, the
 * API and whoever comes later (webhooks, audit).
 * Threads: emit from any; listeners are called on the control loop, in the order of the numbers. */
#ifndef MCU_SERVER_EVENT_H
#define MCU_SERVER_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "mixer/base/util.h"

struct mcu_loop;
struct mcu_bus;

#define MCU_ROOM_MAX 128 /* bytes of a room name, with its end */
#define MCU_NAME_MAX 96  /* bytes of a participant's name, with its end */

/* X(id, name in log and API) */
#define MCU_EVENTS(X)                                                                              \
    X(CALL_FAILED, "call-failed")                                                                  \
    X(CONFERENCE_STARTED, "conference-started")                                                    \
    X(CONFERENCE_ENDED, "conference-ended")                                                        \
    X(LEG_JOINED, "leg-joined")                                                                    \
    X(LEG_CHANGED, "leg-changed")                                                                  \
    X(LEG_LEFT, "leg-left")                                                                        \
    X(LEG_HELD, "leg-held")                                                                        \
    X(LEG_RESUMED, "leg-resumed")                                                                  \
    X(LEG_OFFER_REFUSED, "leg-offer-refused")                                                      \
    X(LEG_REPLACED, "leg-replaced")                                                                \
    X(REFER_RECEIVED, "refer-received")                                                            \
    X(TRANSFER_PROGRESS, "transfer-progress")                                                      \
    X(TRANSFER_DONE, "transfer-done")                                                              \
    X(TRANSFER_FAILED, "transfer-failed")                                                          \
    X(SPEAKER_CHANGED, "speaker-changed")                                                          \
    X(LOOP_FOUND, "loop-found")                                                                    \
    X(KEY_PRESSED, "key-pressed")                                                                  \
    X(PICTURE_FROZEN, "picture-frozen")                                                            \
    X(PICTURE_BACK, "picture-back")                                                                \
    X(RENDITION_STARTED, "rendition-started")                                                      \
    X(RENDITION_ENDED, "rendition-ended")                                                          \
    X(RECORDING_STARTED, "recording-started")                                                      \
    X(RECORDING_ENDED, "recording-ended")                                                          \
    X(OVERLOAD_CHANGED, "overload-changed")

enum mcu_event_type {
#define MCU_EVENT_ID(id, name) MCU_EVENT_##id,
    MCU_EVENTS(MCU_EVENT_ID)
#undef MCU_EVENT_ID
    MCU_EVENT_COUNT
};

struct mcu_event {
    uint64_t number;  /* from 1, in the order of delivery */
    int64_t time_ns;  /* conference time */
    enum mcu_event_type type;
    char conference[MCU_ROOM_MAX];
    uint32_t participant, leg; /* 0: none */
    char detail[160]; /* key=value pairs, values quoted where they came from outside */
};

typedef void (*mcu_event_cb)(const struct mcu_event *event, void *arg);

int mcu_bus_new(struct mcu_bus **out, struct mcu_loop *control);
void mcu_bus_free(struct mcu_bus **bus);

/* Any thread. An event that finds no room is dropped. */
void mcu_bus_emit(struct mcu_bus *bus, int64_t time_ns, enum mcu_event_type type,
                  const char *conference, uint32_t participant, uint32_t leg, const char *detail,
                  ...) MCU_PRINTF(7, 8);

/* Control loop. Up to 8 listeners; they stay for the bus's life. 0 or -ENOSPC. */
int mcu_bus_listen(struct mcu_bus *bus, mcu_event_cb cb, void *arg);

/* Control loop: copies the newest events with a number above `after`, oldest first; how many. */
int mcu_bus_history(const struct mcu_bus *bus, uint64_t after, struct mcu_event *out, int max);

const char *mcu_event_name(enum mcu_event_type type);

#endif
