/* server/web_priv.h - what web_side.c (legs), web_http.c (requests) and web_room.c (the page's
 * WebSocket) share.
 * Beside them web_guard.c: who may have a leg at all.
 * Threads: the control loop. */
#ifndef MCU_SERVER_WEB_PRIV_H
#define MCU_SERVER_WEB_PRIV_H

#include "net/negotiate_web.h"
#include "net/room_name.h"
#include "net/sip_source.h"
#include "server/leg_params.h"
#include "server/web_ice.h"
#include "server/web_room.h"
#include "server/web_side.h"

#define WEB_ID_BYTES  33 /* 128 random bits in hexadecimal, and the end */
#define WEB_SDP_BYTES 32768
#define WEB_RETRY_AFTER_S "10"

struct web_room;

/* The doors: one path prefix each. */
struct web_door {
    const char *prefix; /* "/whip/" */
    enum mcu_web_role role;
    const char *name;   /* of who gives none */
    const char *kind;   /* in the roster */
    bool hidden;        /* no participant: a viewer */
    bool token;         /* asks for the bearer token, where one is configured */
};

struct web_leg {
    struct web_leg *next, **prev;
    struct mcu_web_side *side;
    const struct web_door *door;
    char id[WEB_ID_BYTES];
    uint8_t source[MCU_SIP_SOURCE_KEY]; /* where its offer came from */
    char room_name[MCU_ROOM_NAME_BYTES];
    bool hidden;
    enum mcu_layout_wish layout;
    struct mcu_leg *leg;        /* NULL: not yet, or ending */
    bool leg_alive;             /* until its `ended` */
    bool finding;               /* the directory has our callback */
    bool over;                  /* nothing new is started */
    struct mcu_room *room;
    struct mcu_ref conference;
    struct mcu_media *media;
    struct mcu_leg_identity identity;
    int port;                   /* 0: none taken */
    struct mcu_sdp *offer;
    struct mcu_nego_web *nego;  /* points into the offer */
    uint64_t session_id;
    unsigned generation;        /* of ICE: the ETag */
    bool answered;
    bool there;                 /* ICE and DTLS are done */
    int64_t begun_ns;
    struct mcu_http_request *req; /* waits for our description: the POST, or a restart's PATCH */
    struct mcu_ws *ws;            /* the page's, or NULL */
    struct web_room *page_room;   /* what the page is told about; with ws only */
    struct mcu_shown shown;       /* how its picture is shown; fps 0: not known yet */
    bool muted, camera_off, hand; /* as the page says */
    int chats_left;               /* of this page; one more each 250 ms */
};

struct mcu_web_side {
    struct mcu_server *server;
    struct mcu_web_ice *ice;
    struct web_leg *legs;
    int leg_count;
    bool stopping;
    struct mcu_sip_sources *sources; /* what each may still ask for; NULL: as much as it likes */
    int64_t tokens_ns, tokens_at_ns; /* what all together may */
    struct web_room *rooms;       /* with pages in them (web_room.c) */
    struct mcu_timer room_timer;
    int questions;                /* to conferences, on their way */
    struct mcu_timer shutdown_timer;
    void (*shutdown_done)(void *arg);
    void *shutdown_arg;
};

/* ---- web_side.c ---- */

/* Calls the owner of the shutdown when nothing is left. */
void mcu_web_check_shutdown(struct mcu_web_side *side);

/* What a client asks for at a door. Texts are borrowed. */
struct web_wish {
    const struct web_door *door;
    const char *room; /* parsed */
    const char *name;
    bool hidden;
    enum mcu_layout_wish layout;
    const char *offer;
    size_t offer_bytes;
};

/* A new leg; req is answered now or later. */
void mcu_web_open(struct mcu_web_side *side, const struct web_wish *wish,
                  struct mcu_http_request *req);
/* The leg behind a door with this id, of this room, or NULL. */
struct web_leg *mcu_web_find(struct mcu_web_side *side, const struct web_door *door,
                             const char *room, const char *id);
/* More candidates of the peer. */
void mcu_web_trickle(struct web_leg *w, const struct mcu_sdpfrag *frag,
                     struct mcu_http_request *req);
/* New credentials of the peer; req gets ours. */
void mcu_web_restart(struct web_leg *w, const struct mcu_sdpfrag *frag,
                     struct mcu_http_request *req);
/* It ends at once, and is freed when its parts are gone. why: for the log and the page. */
void mcu_web_end(struct web_leg *w, const char *why);

/* ---- web_guard.c ---- */

int mcu_web_guard_init(struct mcu_web_side *side);
/* Takes one offer, or ICE restart, from the allowance of where the request comes from
 * (limits.calls_per_source_s); false: there is none left, and the request is to be refused with 429. */
bool mcu_web_source_may(struct mcu_web_side *side, const struct mcu_http_request *req);
/* Whether one more leg may be made for this address now, before any work is done for it: 0, or the
 * status to refuse it with, and why. key: what counts as its source. */
int mcu_web_guard(struct mcu_web_side *side, const char *source, uint8_t key[MCU_SIP_SOURCE_KEY],
                  const char **why);

/* ---- web_http.c ---- */

/* {"error":what}; what may be hostile. 429 and 503 with Retry-After. */
void mcu_web_refuse(struct mcu_http_request *req, int status, const char *what);
/* 201 with the answer. */
void mcu_web_respond_created(struct web_leg *w, const char *sdp, size_t size);
/* 200 with our part of a restart. */
void mcu_web_respond_restarted(struct web_leg *w, const char *frag, size_t size);

#endif
