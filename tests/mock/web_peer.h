/* tests/mock/web_peer.h - mcu_web_peer: many scripted WebRTC peers in one process, good ones and bad
 * ones, on our own ICE, DTLS and SRTP. Python's peers measure pictures; these come by the hundred.
 *
 *   web_peer.c          command line, who comes when, the report
 *   web_peer_call.c     one peer: offer > ICE > DTLS > media > its end
 *   web_peer_http.c     a request and its answer, blocking
 *   web_peer_sound.c    what a listener hears
 *   web_peer_attack.c   what a hostile peer sends, and strangers to its port
 *   web_peer_page.c     its WebSocket
 *   web_peer_stun.c     STUN messages, good and bad
 *
 * Threads: one. */
#ifndef MCU_TESTS_WEB_PEER_H
#define MCU_TESTS_WEB_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/dtls.h"
#include "net/ice.h"
#include "net/loop.h"
#include "net/seal.h"

#define WP_SDP_BYTES 16384

struct wp_sound;
struct wp_attack;

/* Where a peer leaves. All but LEAVE go without a word. */
enum wp_end { WP_LEAVE, WP_AFTER_POST, WP_IN_ICE, WP_IN_DTLS, WP_IN_MEDIA, WP_ENDS };

struct wp_options {
    char host[64];
    int port;
    const char *door, *room, *name;
    int count, at_once;    /* peers in all; at a time */
    const char *ends;      /* "leave", "post": all so; "mixed": their ends go round */
    double seconds;        /* from a peer's first moment of media to its end */
    double hz;             /* a listener measures this tone; 0: nobody listens */
    bool video;
    const char *attack;    /* of the first peer, once its media flow; NULL: none */
    int packets, rate;     /* of the attack: in all, a second (0: as fast as it can) */
    int flood;             /* datagrams a second of a stranger to each peer's port while it connects */
    uint64_t seed;
};

struct wp_counts {
    int created, refused, connected, failed, left; /* refused: any answer but 201 */
    int status[600];
    double connect_ms[4096]; /* from the POST to the keys */
    int64_t slowest_answer_ns;
};

struct wp {
    struct wp_options options;
    struct mcu_loop *loop;
    struct mcu_ice_loop *ice_loop;
    struct mcu_timer tick;
    struct wp_call *calls;
    int begun, active;
    struct wp_counts counts;
    struct wp_sound *sound;
    struct wp_attack *attack;
    uint64_t random;
};

struct wp_call {
    struct wp_call *next;
    struct wp *p;
    enum wp_end end;
    struct mcu_ice *ice;
    struct mcu_seal *seal;
    char path[512];              /* of its resource; "": none */
    char ufrag[257], pwd[257];   /* the server's */
    struct mcu_addr server;      /* its first candidate */
    uint32_t ssrc[2], ts[2];     /* sound, pictures */
    uint16_t seq[2];
    uint32_t theirs;             /* SSRC of the server's sound; 0: not known yet */
    int64_t begun_ns, ready_ns, over_ns, seal_due_ns, sound_ns;
    bool connected, over;
    int flood_fd;                /* the stranger; -1: none */
    struct mcu_dtls *flood_dtls; /* makes his ClientHellos */
    uint8_t sealed[2048];        /* the last datagram sent, for a replay */
    size_t sealed_size;
};

/* ---- web_peer.c ---- */

uint64_t wp_random(struct wp *p); /* by the seed */
int64_t wp_now(const struct wp *p);

/* ---- web_peer_http.c ---- */

struct wp_answer {
    int status; /* 0: none came */
    char location[512];
    char body[WP_SDP_BYTES];
};

/* body: NULL: none. Blocks for 10 s at most. */
void wp_http(const struct wp_options *o, const char *method, const char *path, const char *type,
             const char *body, struct wp_answer *out);

/* ---- web_peer_call.c ---- */

/* Makes the peer and asks at the door. NULL: it was not let in (counted). */
struct wp_call *wp_call_new(struct wp *p, enum wp_end end);
/* Each 5 ms: handshake timers, media. */
void wp_call_tick(struct wp_call *c, int64_t now_ns);
void wp_call_free(struct wp_call *c);

/* ---- web_peer_sound.c ---- */

struct wp_sound *wp_sound_new(double seconds, double hz);
/* One RTP packet of PCMU. */
void wp_sound_packet(struct wp_sound *s, const uint8_t *rtp, size_t size, int64_t now_ns);
/* As a JSON object. */
void wp_sound_print(const struct wp_sound *s);
void wp_sound_free(struct wp_sound **s);

/* ---- web_peer_attack.c ---- */

/* NULL: there is no attack of that name. */
struct wp_attack *wp_attack_new(struct wp *p, const char *name);
/* Sends what is due; true: all is sent. */
bool wp_attack_tick(struct wp_attack *a, struct wp_call *c, int64_t now_ns);
int wp_attack_sent(const struct wp_attack *a);
void wp_attack_free(struct wp_attack **a);
/* The stranger at a connecting peer's port. */
void wp_flood(struct wp_call *c);
/* Spoils size bytes of data[room] by the seed; the new size. */
size_t wp_spoil(struct wp *p, uint8_t *data, size_t size, size_t room);

/* ---- web_peer_page.c ---- */

/* One chat message more by the page's WebSocket, which is opened where it is not; nothing is read. */
void wp_page_chat(struct wp_call *c, int *fd);

/* ---- web_peer_stun.c ---- */

enum wp_stun { WP_STUN_GOOD, WP_STUN_WRONG_KEY, WP_STUN_ROLE_CONFLICT, WP_STUN_SPOILT,
               WP_STUN_HUGE, WP_STUN_RESPONSE, WP_STUN_KINDS };

/* A binding request (or what else kind says) to the server of this call. Returns its size. */
size_t wp_stun_write(struct wp_call *c, enum wp_stun kind, uint8_t *out, size_t room);

#endif
