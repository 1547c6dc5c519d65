#include "net/latch.h"

#include "mixer/base/clock.h"
#include "net/line.h"
#include "net/rtcp.h"
#include "net/rtp.h"

#define WINDOW_NS      (5 * MCU_NS_PER_S)
#define RTCP_LATER_NS  (10 * MCU_NS_PER_S)

void mcu_latch_describe(struct mcu_latch *l, const struct mcu_latch_config *config, int64_t now_ns)
{
    for (int i = 0; i < 2; i++) {
        if (!l->described || !mcu_addr_equal(&config->remote[i], &l->config.remote[i]))
            l->remote[i] = config->remote[i];
        l->locked[i] = false;
    }
    l->config = *config;
    l->until_ns = now_ns + WINDOW_NS;
    l->described = true;
}

/* Nothing but the real thing settles where media go to. */
static bool is_media(int component, const uint8_t *data, size_t size)
{
    struct mcu_rtp rtp;
    if (component == 1 || mcu_rtp_is_rtcp(data, size))
        return mcu_rtcp_check(data, size) == 0;
    return mcu_rtp_parse(&rtp, data, size) == 0;
}

static bool is_open(const struct mcu_latch *l, int component, int64_t now_ns)
{
    int64_t more = component == 1 && l->locked[0] ? RTCP_LATER_NS : 0;
    return l->config.on && !l->locked[component] && now_ns < l->until_ns + more;
}

static bool is_host(const struct mcu_latch *l, int component, const struct mcu_addr *from,
                    int64_t now_ns)
{
    if (component == 1 && l->locked[0])
        return mcu_addr_same_host(from, &l->remote[0]);
    return now_ns < l->until_ns && mcu_addr_same_host(from, &l->config.signalling);
}

static bool settle(struct mcu_latch *l, int component, const struct mcu_addr *from)
{
    bool other = !mcu_addr_equal(from, &l->remote[component]);
    l->remote[component] = *from;
    l->locked[component] = true;
    return other;
}

enum mcu_latch_verdict mcu_latch_check(struct mcu_latch *l, int component, const uint8_t *data,
                                       size_t size, const struct mcu_addr *from, int64_t now_ns)
{
    uint8_t first = size ? data[0] : 0;
    bool plain = l->config.sealing == MCU_PLAIN;
    if (mcu_addr_equal(from, &l->remote[component])) {
        if (plain && !l->locked[component] && is_media(component, data, size))
            l->locked[component] = true;
        return MCU_LATCH_KNOWN;
    }
    if (!is_open(l, component, now_ns))
        return MCU_LATCH_FOREIGN;
    if (!plain && first >= 128 && first <= 191) /* RFC 7983 section 7 */
        return MCU_LATCH_IF_AUTHENTIC;
    bool handshake = l->config.sealing == MCU_DTLS && first >= 20 && first <= 63;
    if (!is_host(l, component, from, now_ns) ||
        !(handshake || (plain && is_media(component, data, size))))
        return MCU_LATCH_FOREIGN;
    settle(l, component, from);
    l->locked[component] = plain; /* a handshake proves itself later, by the first packet */
    return MCU_LATCH_TAKE;
}

bool mcu_latch_authentic(struct mcu_latch *l, int component, const struct mcu_addr *from)
{
    return settle(l, component, from);
}
