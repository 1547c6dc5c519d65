/* tests/mock/peer.h - a scripted SIP caller that sends known sound and pictures and judges what it
 * receives. What its files share.
 *
 *   peer.c          sockets, the loop, callers one after another
 *   peer_options.c  command line
 *   peer_sip.c      a small SIP user agent client of its own: the server is tried by foreign code
 *   peer_sdp.c      offer, answer
 *   peer_source.c   tone, speech, picture > coded frames, once for all callers of the process
 *   peer_tx.c       RTP, RTCP and keys out; loss and garbage
 *   peer_nack.c     asks for lost packets again (--nack)
 *   peer_rx.c       RTP and RTCP in, decoding, what is counted on the way
 *   peer_picture.c, peer_measure.c   drawing and reading pictures, tone levels (pure functions)
 *   peer_tiles.c    what stands in each tile of a received picture
 *   peer_ideal.c    the mix that one should hear, through one's own codec
 *   peer_report.c   the verdict as JSON
 *
 * Threads: one. Times are ns of mcu_clock_now_ns. */
#ifndef MCU_TESTS_PEER_H
#define MCU_TESTS_PEER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "codec/adec.h"
#include "codec/vdec.h"
#include "mixer/base/clock.h"
#include "mixer/layout.h"
#include "net/addr.h"
#include "net/payload.h"
#include "net/rtcp.h"
#include "net/rtp.h"
#include "net/sdp.h"

#define PEER_MAX_PROBES    32
#define PEER_MAX_REINVITES 8
#define PEER_MAX_TILES     MCU_LAYOUT_MAX_TILES
#define PEER_FREEZE_MS 200 /* a picture that stands so long is one that stands still */
#define PEER_MAX_FLASHES   512
#define PEER_MAX_SRS       256
#define PEER_MAX_LOOKS     128
#define PEER_MAX_SECONDS   120
#define PEER_AUDIO 0
#define PEER_VIDEO 1
#define PEER_DTMF_PT 101
#define PEER_BEEP_HZ 1000
#define PEER_BEEP_MS 100
#define PEER_FLASH_FRAMES 3

enum peer_sound { PEER_TONE, PEER_WAV, PEER_SILENT };

struct peer_options {
    struct mcu_addr server;
    const char *room, *name, *local;
    int count, stagger_ms;
    enum mcu_codec codec[2];             /* by PEER_AUDIO, PEER_VIDEO; NONE: no such line */
    const char *fmtp[2];
    bool recvonly[2], avpf, no_decode, flash, nack, tmmbr, busy, obey;
    int64_t limit_bps;                   /* asked of the server by TMMBR from limit_at_s on; 0: nothing */
    double limit_at_s;
    enum peer_sound sound;
    double tone_hz, tone_dbfs;
    const char *wav;
    uint8_t rgb[3];
    int number, width, height, fps, video_bps, ptime_ms;
    double seconds, stop_after_s;        /* of sending; 0: never */
    double garbage_s[3];                 /* audio, video, RTCP; negative: never */
    double loss_pct, drop_in_pct, drift_ppm;
    int sr_skew_ms, video_late_ms;
    int as_kbps, tias_kbps;
    int rtp_first, rtp_last;
    int relay;                           /* first port of a relay (tests/e2e/lib/relay.py), or 0 */
    const char *dump_wav, *dump_frames, *json;
    int dump_every_ms;
    double probe_hz[PEER_MAX_PROBES];
    int probe_count;
    double steady_s;                     /* measuring begins so long after the first audio */
    double until_s;                      /* tiles: looking ends so long after the first picture; 0: with
                                            the call, when others may have left already */
    int tiles_w, tiles_h;                /* tiles_h 0: the server's own grid of tiles_w callers */
    const char *dtmf;
    double dtmf_at_s;
    int pli_every_ms;
    struct {
        double at_s;
        enum mcu_sdp_direction direction;
    } reinvite[PEER_MAX_REINVITES];
    int reinvite_count;
    bool verbose;
};

/* ---- one coded frame of the source, for all callers ---- */

struct peer_payload {
    int kind;
    const uint8_t *data;
    size_t size;
    int64_t media_ns;                    /* capture time of its first sample or of the picture */
    bool marker;
};

struct peer_source;
typedef void (*peer_payload_cb)(const struct peer_payload *p, void *arg);

/* t0_ns: media time zero; flash and beep come at its whole seconds. 0 or negative errno. */
int peer_source_new(struct peer_source **out, const struct peer_options *o, int64_t t0_ns);
void peer_source_free(struct peer_source **src);
/* What the first answer says about our sending: begins the encoders. h264_mode1: FU-A allowed. */
int peer_source_begin(struct peer_source *src, int ptime_ms, bool h264_mode1, int max_bps);
void peer_source_keyframe(struct peer_source *src);
void peer_source_limit(struct peer_source *src, int bps);
/* No picture of more macroblocks than this from now on: halved until it fits. 0: as large as asked for.
 * For all callers of the process. */
void peer_source_shrink(struct peer_source *src, int max_fs);
/* Hands out what is due; returns the time of the next call wanted. */
int64_t peer_source_run(struct peer_source *src, int64_t now_ns, peer_payload_cb cb, void *arg);
/* Media time of a real time: they differ by --drift. */
int64_t peer_media_ns(const struct peer_options *o, int64_t t0_ns, int64_t now_ns);
int64_t peer_source_late_max_ns(const struct peer_source *src);

/* ---- one caller ---- */

struct peer_call;

struct peer_tx {
    uint32_t ssrc, ts_offset;
    uint16_t seq;
    int pt, clock_hz;                    /* pt -1: nothing is sent */
    bool spoke;
    uint64_t packets, octets, dropped, garbage;
    int64_t next_rtcp_ns, last_media_ns;
    uint64_t keyframes_sent;
    bool limit_sent;
    int64_t limit_bps;                   /* TMMBR's newest, 0: none; and what was sent until then */
    int64_t begun_ns, limited_ns;
    uint64_t octets_before;
};

struct peer_sr {
    int64_t rtp, ntp_ns;                 /* extended RTP time */
};

struct peer_rx {
    int pt[4];                           /* payload types that are taken */
    int pt_count;
    enum mcu_codec codec;
    int clock_hz;
    bool started;
    uint32_t ssrc;
    uint64_t ssrc_changes;
    uint16_t seq;                        /* the last one in order */
    int64_t rtp;                         /* its extended RTP time */
    int64_t first_rtp, first_ns, last_ns;
    uint32_t first_ext_seq;
    uint64_t packets, bytes, lost, late, dropped_here, other_pt, malformed;
    uint64_t nacks, recovered;           /* packets asked for, with repeats; that came then */
    double jitter_ticks;
    int64_t last_transit;
    uint64_t sr_count, bye, pli, fir, tmmbr, tmmbn;
    uint64_t reported_packets, reported_lost; /* at our last report */
    struct peer_sr sr[PEER_MAX_SRS];
    int srs;
    int64_t last_sr_ns;
    uint32_t last_sr_mid;
    uint32_t csrc[64];
    int csrcs;
};

struct peer_gaps {
    uint64_t count;
    double max_ms, sum_ms;               /* the sum of those counted */
    double at_s;                         /* of the longest, from the first packet or frame */
};

struct peer_ear {
    struct mcu_adec *dec;
    int16_t *pcm;                        /* 48 kHz, from the first packet on */
    int64_t capacity, frames;
    int64_t until;                       /* RTP time behind the last packet */
    struct peer_gaps by_rtp, by_arrival;
    uint64_t errors;
};

struct peer_tile {
    struct mcu_rect rect;
    uint8_t rgb[PEER_MAX_LOOKS][3];      /* the newest ones */
    uint64_t samples;
    int number;                          /* the last one that could be read, or -1 */
    uint64_t number_changes, readable;
    uint8_t bar[64];                     /* luma along the moving bar's row */
    bool bar_known;
    int64_t moved_ns;                    /* arrival of the last picture in which it moved */
    double still_max_ms, still_at_s;
    uint64_t still_count;                /* times that it stood still for over 200 ms, */
    double still_sum_ms;                 /* and how long they lasted together */
};

struct peer_eye {
    struct mcu_depay *depay;
    struct mcu_vdec *dec;
    uint64_t units, frames, keyframes, errors, pli_sent;
    int width, height;
    uint64_t size_changes;
    uint16_t in_second[PEER_MAX_SECONDS]; /* pictures that came in each, from the first one on */
    int64_t first_ns, last_ns, first_rtp, last_rtp;
    int64_t quickest_ns;                 /* least of arrival less RTP time */
    struct peer_gaps by_rtp, by_arrival; /* pauses above PEER_FREEZE_MS */
    double white_before;
    bool in_flash;
    int64_t flash_rtp[PEER_MAX_FLASHES];
    int flashes;
    struct peer_tile tile[PEER_MAX_TILES];
    int tiles;
    int64_t next_pli_ns, next_dump_ns;
    int dumped;
};

enum peer_state { PEER_IDLE, PEER_CALLING, PEER_UP, PEER_LEAVING, PEER_ENDED };

struct peer_sip {
    char call_id[64], from_tag[32], to_tag[96], target[256], branch[64], uri[256];
    uint32_t cseq, invite_cseq, version;
    enum mcu_sdp_direction direction;
    char request[8192];                  /* the one in flight, sent again until answered */
    size_t request_bytes;
    bool waiting, provisional;
    int64_t retry_ns, give_up_ns;
    int retry_ms;
    char ack[2048];
    int status;                          /* final one of the first INVITE, or 0 */
    char reason[128];
    bool ended_by_server;
    uint64_t infos, options, reinvites_in, reinvites_ok, retransmits;
    int last_reinvite_status;
    int reinvites_done;
    int64_t invite_ns, ok_ns, end_ns;
};

struct peer_call {
    const struct peer_options *o;
    struct peer_source *source;
    int64_t t0_ns;
    int index;
    char name[64], user[64];
    char local[64];
    enum peer_state state;
    struct peer_sip sip;
    int fd[5];                           /* SIP, audio RTP, RTCP, video RTP, RTCP */
    int sip_port, port[2];
    struct mcu_addr rtp_to[2], rtcp_to[2];
    bool accepted[2], may_send[2];
    bool h264_mode1;
    int max_bps, ptime_ms;
    struct peer_tx tx[2];
    struct peer_rx rx[2];
    struct peer_ear ear;
    struct peer_eye eye;
    struct peer_nack *nack;
    char keys_sent[64];
    int key_at, key_tick;
    uint32_t key_ts;
    int64_t start_ns;                    /* when it is to call */
};

enum { PEER_FD_SIP, PEER_FD_ARTP, PEER_FD_ARTCP, PEER_FD_VRTP, PEER_FD_VRTCP, PEER_FDS };

/* peer_options.c: false after it has said what is wrong. */
bool peer_options_parse(struct peer_options *o, int argc, char **argv);

/* peer_sip.c */
void peer_sip_call(struct peer_call *c, int64_t now_ns);
void peer_sip_bye(struct peer_call *c, int64_t now_ns);
void peer_sip_reinvite(struct peer_call *c, enum mcu_sdp_direction direction, int64_t now_ns);
void peer_sip_receive(struct peer_call *c, const char *msg, size_t size, int64_t now_ns);
int64_t peer_sip_poll(struct peer_call *c, int64_t now_ns);

/* peer_sdp.c */
size_t peer_sdp_write(const struct peer_call *c, char *buf, size_t size);
/* Takes the server's description: addresses, payload types, limits (--obey: of bits and size, at any time;
 * else of bits, at the start). 0 or -EBADMSG. */
int peer_sdp_take(struct peer_call *c, const char *text, size_t size);

/* peer_tx.c */
void peer_tx_init(struct peer_call *c);
void peer_tx_payload(struct peer_call *c, const struct peer_payload *p, int64_t now_ns);
int64_t peer_tx_poll(struct peer_call *c, int64_t now_ns); /* reports */
void peer_tx_bye(struct peer_call *c, int64_t now_ns);
void peer_tx_pli(struct peer_call *c);
/* A new limit, from wherever: what is sent is counted anew. */
void peer_tx_limited(struct peer_call *c, int64_t bps, int64_t now_ns);
/* The server's TMMBR: obeyed from now on, and answered. */
void peer_tx_obey(struct peer_call *c, const struct mcu_rtcp *p, int64_t now_ns);
void peer_tx_nack(struct peer_call *c, const uint16_t *seq, int n);

/* peer_nack.c */
void peer_nack_take(struct peer_call *c, const struct mcu_rtp *rtp, const uint8_t *data, size_t size,
                    int64_t now_ns);
int64_t peer_nack_poll(struct peer_call *c, int64_t now_ns);
void peer_nack_free(struct peer_call *c);

/* peer_rx.c */
int peer_rx_begin(struct peer_call *c);
void peer_rx_free(struct peer_call *c);
void peer_rx_rtp(struct peer_call *c, int kind, const uint8_t *data, size_t size, int64_t now_ns);
/* One packet in the order in which it is to be decoded. */
void peer_rx_packet(struct peer_call *c, int kind, const struct mcu_rtp *rtp, size_t size,
                    int64_t now_ns);
void peer_rx_rtcp(struct peer_call *c, int kind, const uint8_t *data, size_t size, int64_t now_ns);

/* peer_tiles.c */
void peer_tiles_look(struct peer_call *c, const struct mcu_pic *pic, int64_t now_ns);

/* peer_ideal.c: 5 s of all probe tones but our own, at our own level, through our codec. Frames, or
 * negative; *pcm is the caller's to free. */
int64_t peer_ideal(const struct peer_options *o, int16_t **pcm);

/* peer_report.c: what one caller saw. The reference is the caller's. */
json_t *peer_report(struct peer_call *c);
int peer_write_wav(const char *path, const int16_t *pcm, int64_t frames);
int peer_write_ppm(const char *path, const struct mcu_pic *pic);

/* True with the given probability in percent. */
bool peer_chance(double percent);

#endif
