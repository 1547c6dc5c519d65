#include "mixer/base/clock.h"

#include <pthread.h>
#include <time.h>

/* Seconds from 1900-01-01 (NTP) to 1970-01-01 (Unix), RFC 5905 section 6. */
#define NTP_UNIX_OFFSET_S INT64_C(2208988800)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int64_t unix_minus_conf_ns;

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * MCU_NS_PER_S + t.tv_nsec;
}

static void map_once(void)
{
    unix_minus_conf_ns = read_clock(CLOCK_REALTIME) - read_clock(CLOCK_MONOTONIC);
}

int64_t mcu_clock_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t mcu_clock_to_unix_ns(int64_t conf_ns)
{
    pthread_once(&once, map_once);
    return conf_ns + unix_minus_conf_ns;
}

uint64_t mcu_clock_to_ntp(int64_t conf_ns)
{
    int64_t unix_ns = mcu_clock_to_unix_ns(conf_ns);
    uint64_t s = (uint64_t)(unix_ns / MCU_NS_PER_S + NTP_UNIX_OFFSET_S);
    uint64_t ns = (uint64_t)(unix_ns % MCU_NS_PER_S);
    return s << 32 | (ns << 32) / MCU_NS_PER_S;
}

int64_t mcu_ntp_to_ns(uint64_t ntp)
{
    int64_t s = (int64_t)(ntp >> 32);
    int64_t ns = (int64_t)(((ntp & 0xffffffffu) * (uint64_t)MCU_NS_PER_S + (1u << 31)) >> 32);
    return s * MCU_NS_PER_S + ns;
}

int64_t mcu_clock_from_ntp(uint64_t ntp)
{
    pthread_once(&once, map_once);
    return mcu_ntp_to_ns(ntp) - NTP_UNIX_OFFSET_S * MCU_NS_PER_S - unix_minus_conf_ns;
}

int64_t mcu_clock_to_ticks(int64_t conf_ns, int rate_hz)
{
    return conf_ns / MCU_NS_PER_S * rate_hz + conf_ns % MCU_NS_PER_S * rate_hz / MCU_NS_PER_S;
}

int64_t mcu_clock_from_ticks(int64_t ticks, int rate_hz)
{
    return ticks / rate_hz * MCU_NS_PER_S + ticks % rate_hz * MCU_NS_PER_S / rate_hz;
}
