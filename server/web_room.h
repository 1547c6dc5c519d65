/* server/web_room.h - what the page sees of its room besides the picture: a WebSocket with JSON
 * messages (subprotocol tessera.v1).
 * Threads: the control loop. */
#ifndef MCU_SERVER_WEB_ROOM_H
#define MCU_SERVER_WEB_ROOM_H

#include <stddef.h>

struct mcu_web_side;
struct mcu_ws;
struct web_leg;

/* The page's WebSocket: 0, or the status to refuse with. A second one takes the first one's place. */
int mcu_web_room_accept(struct web_leg *w, struct mcu_ws *ws);
/* struct mcu_ws_events; peer: the web_leg. */
void mcu_web_room_message(struct mcu_ws *ws, const char *text, size_t size, void *peer);
void mcu_web_room_closed(struct mcu_ws *ws, int code, void *peer);

/* The page is told what its tile needs (w->shown). */
void mcu_web_room_tell_shown(struct web_leg *w);

void mcu_web_rooms_init(struct mcu_web_side *side);

/* The leg ends: its page is told why, and its WebSocket is given back. */
void mcu_web_room_left(struct web_leg *w, const char *why);

#endif
