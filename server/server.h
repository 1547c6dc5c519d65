/* server/server.h - the whole server: loops, workers, directory, SIP, HTTP; start, stop, reload.
 * Threads: new, run and free on the main thread; all else on the control loop. */
#ifndef MCU_SERVER_SERVER_H
#define MCU_SERVER_SERVER_H

#include "net/http.h"
#include "net/ports.h"
#include "net/sip.h"
#include "server/conf.h"
#include "server/config.h"
#include "server/directory.h"
#include "server/leg.h"

#define MCU_MAX_MEDIA_LOOPS 64

struct mcu_sip_side;  /* sip_side.c: the calls */
struct mcu_web_side;  /* web_side.c: browsers, WHIP, WHEP */
struct mcu_http_side; /* http_side.c: the listener of API and web */
struct mcu_load;      /* load.c: whether the machine keeps up */

struct mcu_server {
    struct mcu_config config;      /* control loop, once it runs */
    const struct mcu_config_origin *origin;
    struct mcu_loop *control;
    struct mcu_workers *workers;
    struct mcu_bus *bus;
    struct mcu_media *media[MCU_MAX_MEDIA_LOOPS];
    int media_count;
    struct mcu_directory *directory;
    struct mcu_ports *ports;
    struct mcu_sip_side *calls;
    struct mcu_web_side *web;      /* NULL: off */
    struct mcu_api *api;           /* NULL: no HTTP */
    struct mcu_http_side *http;    /* NULL: no HTTP */
    struct mcu_load *load;
    int64_t started_ns;
    bool stopping;                 /* a signal came: calls end, nothing new begins */
};

/* Starts everything. config is copied, origin is borrowed. Returns 0, or a negative errno with what went wrong in error. */
int mcu_server_new(struct mcu_server **out, const struct mcu_config *config,
                   const struct mcu_config_origin *origin, char *error, size_t size);
/* Blocks until SIGINT or SIGTERM and the end of every leg (5 s at most). False: something would not
 * end in time; the server must not be freed then, only the process be ended. */
bool mcu_server_run(struct mcu_server *server);
void mcu_server_free(struct mcu_server **server);
/* Legs of all sides. Control loop. */
int mcu_server_legs(const struct mcu_server *server);

/* ---- http_side.c: one listener for the API, the page and WebRTC clients ---- */

int mcu_http_side_new(struct mcu_http_side **out, struct mcu_server *server);
/* Certificate and key may have changed. */
void mcu_http_side_reload(struct mcu_http_side *side);
void mcu_http_side_close(struct mcu_http_side **side, void (*done)(void *arg), void *arg);

/* ---- sip_side.c ---- */

int mcu_sip_side_new(struct mcu_sip_side **out, struct mcu_server *server);
/* BYE to everybody; done when no call is left or the time is over. */
void mcu_sip_side_shutdown(struct mcu_sip_side *side, int timeout_ms, void (*done)(void *arg),
                           void *arg);
void mcu_sip_side_free(struct mcu_sip_side **side);
/* The registrations with providers; how many. */
int mcu_sip_side_providers(const struct mcu_sip_side *side,
                           struct mcu_sip_provider_status out[MCU_SIP_MAX_PROVIDERS]);
/* SIGHUP: the TLS listener's certificate is read again. */
void mcu_sip_side_reload(struct mcu_sip_side *side);
int mcu_sip_side_calls(const struct mcu_sip_side *side);
/* Moves the leg with this id to another room. 0, -ENOENT (no such leg) or -EINVAL (room name). */
int mcu_sip_side_move(struct mcu_sip_side *side, uint32_t leg, const char *room);
/* Calls uri for a room (its parsed name), as its participant; login: NULL none. leg: its id, for kick; the event
 * leg-joined or call-failed follows. 0, -EINVAL (room or uri), -EBUSY (a limit) or -ENOMEM. */
int mcu_sip_side_call(struct mcu_sip_side *side, const char *room, const char *uri,
                      const struct mcu_digest_login *login, uint32_t *leg);
/* The layout that the leg with this id sees: 0 or -ENOENT. */
int mcu_sip_side_wish(struct mcu_sip_side *side, uint32_t leg, enum mcu_layout_wish wish);
/* Ends the leg with this id, or the call that has not become one yet: 0 or -ENOENT. */
int mcu_sip_side_kick(struct mcu_sip_side *side, uint32_t leg);

/* Puts the leg on hold (its peer gets an offer of a=inactive: he neither hears nor is heard), or
 * takes it back. The event leg-held, leg-resumed or leg-offer-refused follows. 0 or -ENOENT. */
int mcu_sip_side_hold(struct mcu_sip_side *side, uint32_t leg, bool hold);
/* Asks the leg's peer to call uri instead (REFER); events transfer-progress, and transfer-done (the
 * leg is hung up) or transfer-failed (it stays) follow. 0, -ENOENT or as mcu_sip_refer. */
int mcu_sip_side_transfer(struct mcu_sip_side *side, uint32_t leg, const char *uri);

/* ---- snapshot.c: what the API and the metrics show, gathered from all loops ---- */

struct mcu_snapshot {
    int conf_count;
    struct mcu_conf_info *confs;
    int leg_count;
    struct mcu_leg_info *legs;
    struct mcu_workers_stats workers;
    int64_t taken_ns, uptime_ns;
    int rtp_ports_used;
    int overload_level;
    bool refuses;                  /* newcomers, for overload */
    struct mcu_sip_provider_status providers[MCU_SIP_MAX_PROVIDERS];
    int provider_count;
};

/* cb gets it on the control loop, later; freed after cb returns. NULL: memory was short. */
typedef void (*mcu_snapshot_cb)(const struct mcu_snapshot *snapshot, void *arg);
void mcu_snapshot_take(struct mcu_server *server, mcu_snapshot_cb cb, void *arg);

/* ---- api.c: /healthz, /metrics, /api/v1/... ---- */

int mcu_api_new(struct mcu_api **out, struct mcu_server *server);
/* Its rows of the routing table; their argument is the server. */
const struct mcu_http_route *mcu_api_routes(const struct mcu_config *config, int *n);
/* After its HTTP side: done when no answer is on its way any more. */
void mcu_api_close(struct mcu_api **api, void (*done)(void *arg), void *arg);

#endif
