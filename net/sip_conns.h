/* net/sip_conns.h - the TCP and TLS connections that peers have opened: how many of one source, and
 * which have nothing to say. The stack accepts whatever comes and keeps it for a quarter of an hour;
 * what it does not tell, its event loop does: which descriptors it watches, and which have data.
 * A connection that has to go is shut down; the stack then sees its end as if the peer had left.
 * Threads: the control loop. */
#ifndef MCU_NET_SIP_CONNS_H
#define MCU_NET_SIP_CONNS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct mcu_sip_conns;

struct mcu_sip_conns_config {
    int port, tls_port;  /* ours: a connection to another one is not a peer's */
    int max_per_source;  /* 0: no limit */
    int silent_ms;       /* for the first request; 0: no limit */
    int idle_ms;         /* without a word, for one that is of no use any more; 0: no limit */
    /* Whether a call or the like still needs the connection of this peer. */
    bool (*in_use)(const struct sockaddr_storage *peer, void *arg);
    void *arg;
};

int mcu_sip_conns_new(struct mcu_sip_conns **out, const struct mcu_sip_conns_config *config);
void mcu_sip_conns_free(struct mcu_sip_conns **conns);

/* What the event loop tells: a descriptor of any kind is watched from now on, has data, is no more. */
void mcu_sip_conns_opened(struct mcu_sip_conns *conns, int fd, int64_t now_ns);
void mcu_sip_conns_ready(struct mcu_sip_conns *conns, int fd, int64_t now_ns);
void mcu_sip_conns_closed(struct mcu_sip_conns *conns, int fd);
/* To be called about once a second. */
void mcu_sip_conns_tick(struct mcu_sip_conns *conns, int64_t now_ns);

/* A request came from there; keep: of somebody who has shown a password, and stays. */
void mcu_sip_conns_spoke(struct mcu_sip_conns *conns, const struct sockaddr_storage *peer,
                         bool keep);
/* Whether the connection of this peer is one of TLS (1) or TCP (0); -1: there is none. */
int mcu_sip_conns_is_tls(const struct mcu_sip_conns *conns, const struct sockaddr_storage *peer);
/* Address and port; IPv4 in either form. */
bool mcu_sip_conns_same_peer(const struct sockaddr_storage *a, const struct sockaddr_storage *b);
int mcu_sip_conns_count(const struct mcu_sip_conns *conns);

#endif
