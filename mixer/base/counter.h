/* mixer/base/counter.h - the process's counters, one table, read by /metrics.
 * Threads: any (relaxed atomics). A new counter is a new row here and nothing else. */
#ifndef MCU_MIXER_BASE_COUNTER_H
#define MCU_MIXER_BASE_COUNTER_H

#include <stdint.h>

/* X(id, prometheus name after "tessera_", help) */
#define MCU_COUNTERS(X)                                                                            \
    X(RTP_IN, "rtp_packets_received_total", "RTP packets accepted")                                \
    X(RTP_OUT, "rtp_packets_sent_total", "RTP packets sent")                                       \
    X(RTP_REPEATED, "rtp_packets_repeated_total", "RTP packets sent again")                        \
    X(RTP_BAD, "rtp_packets_malformed_total", "RTP packets that could not be parsed")              \
    X(RTP_FOREIGN, "rtp_packets_foreign_total", "Packets from an address not negotiated")          \
    X(RTP_LATCHED, "rtp_addresses_latched_total", "Lines whose media come from elsewhere (latched)")  \
    X(RTP_LOOPS, "rtp_loops_total", "Sources that were our own, come back (RFC 3550 8.2)")           \
    X(RTP_LATE, "rtp_packets_late_total", "RTP packets that came after their place was given up")  \
    X(RTP_DUPLICATE, "rtp_packets_duplicate_total", "RTP packets received twice")                  \
    X(RTX_UNNEEDED, "rtx_packets_unneeded_total", "Repeats (RFC 4588) of packets not missing")     \
    X(NACKS_SENT, "rtp_packets_asked_again_total", "RTP packets asked for again by NACK")          \
    X(RTP_UNKNOWN_PT, "rtp_packets_unknown_pt_total", "RTP packets of a type not negotiated")      \
    X(RTP_SEND_FAILED, "rtp_packets_send_failed_total", "RTP packets the kernel refused")          \
    X(SRTP_UNAUTHENTIC, "srtp_packets_unauthentic_total", "SRTP packets that failed their check")  \
    X(SRTP_REPLAYED, "srtp_packets_replayed_total", "SRTP packets received twice or too old")      \
    X(SRTP_UNKEYED, "srtp_packets_without_key_total", "Packets of secured lines without key, seal") \
    X(ICE_AGENTS, "ice_agents_total", "ICE agents made")                                           \
    X(ICE_FAILED, "ice_failed_total", "ICE agents whose every pair failed")                        \
    X(ICE_CONSENT_LOST, "ice_consent_lost_total", "ICE agents whose peer stopped answering checks") \
    X(ICE_CANDIDATES_BAD, "ice_candidates_malformed_total", "Remote candidates not understood")    \
    X(ICE_CANDIDATES_IGNORED, "ice_candidates_ignored_total", "Remote candidates passed over")     \
    X(ICE_OVERSIZE, "ice_datagrams_oversize_total", "Datagrams above 2048 bytes dropped")          \
    X(ICE_SEND_DROPPED, "ice_send_dropped_total", "Packets that an ICE agent could not send")      \
    X(ICE_SOCKET_REARMED, "ice_socket_rearmed_total", "ICE sockets re-armed after an error")       \
    X(ICE_INTAKE_CUT, "ice_intake_cut_total", "Times an ICE socket had more than one round took")  \
    X(DTLS_DONE, "dtls_handshakes_total", "DTLS handshakes completed")                             \
    X(DTLS_FAILED, "dtls_handshakes_failed_total", "DTLS handshakes that failed")                  \
    X(RTCP_IN, "rtcp_packets_received_total", "RTCP compound packets accepted")                    \
    X(RTCP_OUT, "rtcp_packets_sent_total", "RTCP compound packets sent")                           \
    X(RTCP_BAD, "rtcp_packets_malformed_total", "RTCP packets that could not be parsed")           \
    X(NACKS_IN, "nacks_received_total", "Packets that receivers asked for again")                  \
    X(NACKS_IGNORED, "nacks_ignored_total", "Of these, not known, too old, too soon, too many")    \
    X(PAYLOAD_BAD, "payloads_malformed_total", "RTP payloads that could not be depacketised")      \
    X(DECODE_ERRORS, "decode_errors_total", "Coded units that a decoder refused")                  \
    X(AUDIO_DROPPED, "audio_units_dropped_total", "Audio units beyond what a tick decodes")        \
    X(VIDEO_SIZE_REFUSED, "video_size_refused_total", "Pictures refused for their size")           \
    X(ENCODE_ERRORS, "encode_errors_total", "Frames that an encoder refused")                      \
    X(AUDIO_LATE_TICKS, "audio_late_ticks_total", "Audio ticks that began over 5 ms late")         \
    X(AUDIO_SKIPPED_TICKS, "audio_skipped_ticks_total", "Audio ticks that were given up")          \
    X(VIDEO_DECODED, "video_decoded_total", "Pictures decoded")                                    \
    X(VIDEO_DECODED_PIXELS, "video_decoded_pixels_total", "Of these, the pixels")                  \
    X(VIDEO_LATE_TICKS, "video_late_ticks_total", "Video ticks that began over 5 ms late")         \
    X(VIDEO_SKIPPED_TICKS, "video_skipped_ticks_total", "Video ticks without a free canvas")       \
    X(CANVAS_REPLACED, "canvas_replaced_total", "Canvases replaced before their encoder was free") \
    X(KEYFRAMES_REQUESTED, "keyframe_requests_received_total", "PLI, FIR and INFO from receivers") \
    X(KEYFRAMES_ENCODED, "keyframes_encoded_total", "Keyframes encoded")                           \
    X(KEYFRAMES_CUT, "keyframes_cut_total", "Of these, because a wholly other picture came")       \
    X(PICTURES_LEFT_OUT, "pictures_left_out_total",                                                \
      "Pictures not encoded: the second had its bits")                                             \
    X(KEYFRAMES_MERGED, "keyframe_requests_merged_total", "Keyframe requests merged into one")     \
    X(RUNGS_CHANGED, "rungs_changed_total", "Receivers moved to another size for loss or limits")  \
    X(KEYFRAMES_ASKED, "keyframe_requests_sent_total", "Keyframes asked of senders")               \
    X(MESSAGES_DROPPED, "messages_dropped_total", "Media messages dropped at a full inbox")        \
    X(STALE_HANDLES, "stale_handles_total", "Messages to an object that had ended")                \
    X(SIP_CALLS, "sip_calls_total", "Incoming SIP calls")                                          \
    X(SIP_REFUSED, "sip_calls_refused_total", "SIP calls refused")                                 \
    X(SIP_FLOODED, "sip_requests_dropped_total", "SIP requests dropped: too many of one address")  \
    X(SIP_AUTH_REFUSED, "sip_auth_refused_total", "SIP requests with wrong credentials")            \
    X(SIP_SOURCE_REFUSED, "sip_source_refused_total", "SIP requests above their source's limit")   \
    X(SIP_CONNECTIONS_REFUSED, "sip_connections_refused_total",                                    \
      "TCP and TLS connections above their source's limit")                                        \
    X(SIP_CONNECTIONS_IDLE, "sip_connections_idle_total",                                          \
      "TCP and TLS connections closed because nothing came")                                       \
    X(SIP_PROVIDER_FAILOVERS, "sip_provider_failovers_total",                                      \
      "Addresses of providers that did not serve a registration")                                  \
    X(WEB_SOURCE_REFUSED, "web_source_refused_total", "Web joins above their source's limit")        \
    X(SDP_BAD, "sdp_malformed_total", "Session descriptions that could not be parsed")             \
    X(SIP_SOCKET_REARMED, "sip_socket_rearmed_total", "SIP sockets re-armed after an error")       \
    X(HTTP_REQUESTS, "http_requests_total", "HTTP requests")                                       \
    X(HTTP_BAD, "http_requests_refused_total", "HTTP requests answered with 4xx")                  \
    X(WS_OPENED, "websockets_total", "WebSockets opened")                                          \
    X(WS_BAD, "websockets_broken_off_total", "WebSockets closed for what their peer sent")         \
    X(WS_SLOW, "websockets_slow_total", "WebSockets cut because their peer did not read")          \
    X(WS_DEAD, "websockets_dead_total", "WebSockets cut because their peer was silent")            \
    X(KEYS_DROPPED, "keys_dropped_total", "Keys beyond 20 a second of one leg")                    \
    X(DTMF_EVENTS, "dtmf_events_total", "Keys pressed (RFC 4733)")                                 \
    X(TAP_DROPPED, "pcm_tap_dropped_total", "Sound blocks dropped at a slow tap")                  \
    X(WRITER_DROPPED, "writer_units_dropped_total", "Units dropped at a slow writer")              \
    X(PACER_DROPPED, "pacer_units_dropped_total", "Video units dropped at a full pacer")           \
    X(LEGS_TIMED_OUT, "legs_timed_out_total", "Legs ended because nothing arrived")                \
    X(ADMISSION_REFUSED, "admission_refused_total", "Joins refused at a limit")                    \
    X(OVERLOAD_REFUSED, "overload_refused_total", "Of these, because the machine had no time left")

enum mcu_counter {
#define MCU_COUNTER_ID(id, name, help) MCU_CNT_##id,
    MCU_COUNTERS(MCU_COUNTER_ID)
#undef MCU_COUNTER_ID
    MCU_CNT_COUNT
};

void mcu_count(enum mcu_counter counter);
void mcu_count_add(enum mcu_counter counter, uint64_t n);
uint64_t mcu_counter_get(enum mcu_counter counter);
const char *mcu_counter_name(enum mcu_counter counter);
const char *mcu_counter_help(enum mcu_counter counter);

#endif
