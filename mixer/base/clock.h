/* mixer/base/clock.h - the conference clock: monotonic nanoseconds and their one mapping to NTP.
 * Threads: any. The mapping is taken once, at the first use, and never follows steps of the
 * wall clock: every sender report of the process lies on one straight line. */
#ifndef MCU_MIXER_BASE_CLOCK_H
#define MCU_MIXER_BASE_CLOCK_H

#include <stdint.h>

#define MCU_NS_PER_MS INT64_C(1000000)
#define MCU_NS_PER_S  INT64_C(1000000000)

/* Conference time now, ns. Only loops and workers that pace themselves ask; everything else is
 * handed its time as an argument, so that tests own the clock. */
int64_t mcu_clock_now_ns(void);

/* Conference time to NTP, 32.32 fixed point since 1900 (RFC 3550 section 4), and back. */
uint64_t mcu_clock_to_ntp(int64_t conf_ns);
int64_t mcu_clock_from_ntp(uint64_t ntp);

/* NTP 32.32 to ns since 1900 (wraps with the era: differences are what counts). */
int64_t mcu_ntp_to_ns(uint64_t ntp);

/* Conference time to ticks of a media clock: floor(conf_ns * rate_hz / 1e9), without overflow
 * for centuries. */
int64_t mcu_clock_to_ticks(int64_t conf_ns, int rate_hz);
int64_t mcu_clock_from_ticks(int64_t ticks, int rate_hz);

/* Conference time to Unix time, ns. */
int64_t mcu_clock_to_unix_ns(int64_t conf_ns);

#endif
