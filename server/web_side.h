/* server/web_side.h - WebRTC legs: browsers, kiosks, WHIP (RFC 9725) and WHEP
 * (draft-ietf-wish-whep-03) clients, on the control loop, each with its leg on a media loop.
 *
 *   POST offer > room name > directory > leg > its ICE description > answer: 201
 *   PATCH candidates, ICE restart · DELETE · WebSocket of the page (web_room.h)
 *
 * Threads: the control loop. */
#ifndef MCU_SERVER_WEB_SIDE_H
#define MCU_SERVER_WEB_SIDE_H

#include "net/http.h"
#include "server/server.h"

struct mcu_web_side;

/* server is borrowed until _free. Returns 0 or -ENOMEM. */
int mcu_web_side_new(struct mcu_web_side **out, struct mcu_server *server);
/* What stands outside of the configuration may have changed: names of ICE servers. */
void mcu_web_side_reload(struct mcu_web_side *side);
/* Every leg ends, and no new one begins; done, once, when none is left or the time is over. It may
 * be called before this returns. */
void mcu_web_side_shutdown(struct mcu_web_side *side, int timeout_ms, void (*done)(void *arg),
                           void *arg);
/* No leg is left. */
void mcu_web_side_free(struct mcu_web_side **side);

/* Those that are still ending count too. */
int mcu_web_side_legs(const struct mcu_web_side *side);
/* As mcu_sip_side_move, mcu_sip_side_wish and mcu_sip_side_kick. */
int mcu_web_side_move(struct mcu_web_side *side, uint32_t leg, const char *room);
int mcu_web_side_wish(struct mcu_web_side *side, uint32_t leg, enum mcu_layout_wish wish);
int mcu_web_side_kick(struct mcu_web_side *side, uint32_t leg);

/* The rows of the routing table; their argument is the struct mcu_server. */
const struct mcu_http_route *mcu_web_routes(int *n);

#endif
