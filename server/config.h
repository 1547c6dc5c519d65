/* server/config.h - the configuration: one YAML file, a safe default for everything.
 * Threads: loaded on the main thread or the control loop; read-only once published. */
#ifndef MCU_SERVER_CONFIG_H
#define MCU_SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "mixer/base/codec_id.h"
#include "mixer/base/log.h"
#include "mixer/layout.h"
#include "mixer/view.h"
#include "net/http.h"
#include "net/negotiate.h"
#include "net/ice.h"
#include "net/sip.h"

#define MCU_CONFIG_MAX_CODECS 8
#define MCU_CONFIG_RUNGS      4
#define MCU_CONFIG_HOST_NAMES 8
#define MCU_CONFIG_HOST_SIZE  254 /* RFC 1035 section 2.3.4 */

/* Whose REFER is taken: the server then calls somebody on his word. */
enum mcu_refer {
    MCU_REFER_OFF,
    MCU_REFER_ACCOUNTS, /* of callers that have shown a password */
    MCU_REFER_ALL,      /* of anybody in a call */
};

struct mcu_config_rung {
    int width, height, fps, bitrate_bps;
};

struct mcu_config {
    /* listen: */
    char address[64];        /* "127.0.0.1": SIP, HTTP and RTP alike unless set apart */
    char public_address[64]; /* in Contact and SDP when listening on a wildcard or behind NAT; "" */
    int sip_port;            /* 5060, UDP and TCP */
    int sip_tls_port;        /* 5061, open when tls_cert and tls_key are set */
    char tls_cert[256], tls_key[256];
    char http_address[64];   /* "" = address */
    int http_port;           /* 8080; 0: off */
    bool http_control;       /* allow requests that change something (move a leg); off */
    int rtp_first, rtp_last; /* 20000 to 29999 */
    /* http: */
    bool http_api_all;       /* /api and /metrics for other machines too; off: this one alone */
    bool http_self_signed;   /* tls: self-signed; else "auto": HTTPS when there are files */
    char http_cert[256], http_key[256];
    char http_hosts[MCU_CONFIG_HOST_NAMES][MCU_CONFIG_HOST_SIZE];
    int http_host_count;
    /* sip: */
    char sip_realm[MCU_DIGEST_TEXT]; /* "tessera" */
    enum mcu_sip_auth_mode sip_auth; /* off */
    enum mcu_digest sip_digests[MCU_DIGESTS]; /* SHA-256 MD5 */
    int sip_digest_count;
    char sip_accounts[MCU_SIP_MAX_ACCOUNTS][MCU_SIP_ACCOUNT_SIZE]; /* passwords: never logged */
    int sip_account_count;
    struct mcu_sip_provider sip_providers[MCU_SIP_MAX_PROVIDERS]; /* passwords: never logged */
    int sip_provider_count;
    bool sip_registrar;      /* off */
    enum mcu_refer sip_refer; /* accounts */
    int sip_session_expires_s, sip_min_se_s; /* 1800 90 (RFC 4028) */
    int sip_t1_ms;           /* 500 (RFC 3261 17.1.1.1) */
    /* web: */
    bool web;                /* browsers, WHIP and WHEP; on */
    char web_token[128];     /* bearer token of WHIP and WHEP; "": none is asked for. Never logged */
    char web_addresses[4][64]; /* of ICE's host candidates; none: `address` */
    int web_address_count;
    struct mcu_ice_server web_servers[4]; /* STUN and TURN; none. Passwords: never logged */
    int web_server_count;
    bool web_ice_tcp;        /* off */
    /* media: */
    int media_loops;         /* 0: chosen by cores (1 up to 8 cores, else cores / 8) */
    int worker_cores;        /* 0: all */
    enum mcu_security security; /* optional */
    bool nat_latch;          /* nat: latch (net/latch.h); else "off" */
    /* video: */
    int width, height, fps;  /* 1280 720 30 */
    enum mcu_layout_kind layout; /* grid */
    bool crop;               /* fit: letterbox; crop: fill */
    bool names;              /* draw names */
    int border;              /* samples round each tile: 2 */
    bool plain_corners;      /* corners: rounded */
    bool fades;              /* changes dissolve: on */
    char logo[256];          /* a PNG file; "": none */
    enum mcu_corner logo_corner; /* top-right */
    int logo_percent;        /* of the canvas's height: 10 */
    enum mcu_codec video_codecs[MCU_CONFIG_MAX_CODECS]; /* sent and received: H264 VP8 */
    int video_codec_count;
    enum mcu_codec video_decode[MCU_CONFIG_MAX_CODECS]; /* received only: VP9 AV1 */
    int video_decode_count;
    char h264_encoder[16];   /* "openh264" or "x264" */
    /* From the canvas down; derived: 1280x720@30 1500k, 640x360@30 500k, 320x180@15 150k,
     * 176x98@15 60k. */
    struct mcu_config_rung rungs[MCU_CONFIG_RUNGS];
    int rung_count;
    int video_in_bps;        /* asked of senders: 1500000 */
    bool reinvite_for_size;  /* tell callers without TMMBR by a re-INVITE: false */
    int max_in_width, max_in_height; /* pictures larger are refused: 1920 1088 */
    /* audio: */
    enum mcu_codec audio_codecs[MCU_CONFIG_MAX_CODECS]; /* OPUS G722 PCMU PCMA */
    int audio_codec_count;
    int audio_channels;      /* of the mix: 2 */
    int opus_bps;            /* 0: by channels */
    int max_heard;           /* 0: all that make sound */
    int heard_threshold_dbov; /* -60 */
    /* recording: */
    bool record;             /* every conference, from its first caller on; off */
    char record_dir[256];    /* "recordings" */
    /* limits: */
    int max_conferences, max_legs, max_legs_per_conference; /* 200 1000 200 */
    bool overload;           /* true: pictures are given up and newcomers refused when it is late */
    int max_calls_per_s;     /* 100 */
    int max_calls_per_source_s, max_legs_per_source; /* 60, 0: no such limit */
    /* TCP and TLS connections of SIP: 200 of one source, 15 s for the first request, 180 s without
     * a word where no call needs it; 0: no such limit */
    int max_connections_per_source, silent_connection_s, idle_connection_s;
    int max_connecting_per_source; /* 50; WebRTC legs whose peer is not there yet */
    int leg_timeout_s;       /* 30 */
    /* log: */
    enum mcu_log_level log_level;
};

void mcu_config_defaults(struct mcu_config *config);

/* Reads the file over the defaults. On a mistake returns -EINVAL (-ENOENT, -EACCES: not readable)
 * and writes "FILE:LINE: KEY: what was expected" into error. */
int mcu_config_load(struct mcu_config *config, const char *path, char *error, size_t size);

/* The same from memory; name stands for the file in messages. */
int mcu_config_parse(struct mcu_config *config, const char *name, const char *text, size_t len,
                     char *error, size_t size);

/* Sets one key given as "section.key=value" (--set on the command line); the same rules and
 * messages. */
int mcu_config_set(struct mcu_config *config, const char *assignment, char *error, size_t size);

/* How the HTTP listener is secured. */
enum mcu_http_tls mcu_config_http_tls(const struct mcu_config *config);

/* Where a configuration came from, so that it can be read again. */
struct mcu_config_origin {
    const char *file;            /* NULL: none */
    const char *const *set;      /* assignments of the command line */
    int set_count;
};

/* Defaults, file, assignments, check: 0, or as mcu_config_load. */
int mcu_config_read(struct mcu_config *config, const struct mcu_config_origin *origin, char *error,
                    size_t size);

/* Checks what holds between keys (port ranges, certificate and key together), and derives the rungs
 * from the canvas where none are given. To be called once after the last load or set. */
int mcu_config_check(struct mcu_config *config, char *error, size_t size);

/* The codecs of video.decode that are not in video.codecs (struct mcu_nego_caps, video_in). Returns
 * their count. */
int mcu_config_video_in(const struct mcu_config *config,
                        enum mcu_codec out[MCU_CONFIG_MAX_CODECS]);

/* Copies what may change while running (log level, limits, layout, logo, heard set,
 * recording for new conferences) from `fresh`; returns the number of keys that differ but need a
 * restart, and names them in list. */
int mcu_config_reload(struct mcu_config *running, const struct mcu_config *fresh, char *list,
                      size_t size);

#endif
