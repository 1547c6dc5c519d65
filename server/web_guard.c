/* Who may have a leg: what one address and all together may ask for at the web doors, as at SIP's
 * (net/sip_guard.c). A leg costs 0.2 MB and a port from its answer on, whether or not its peer ever
 * comes: those that have not come yet are few for each source, and the first to go when the server
 * is full. */
#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "net/srtp.h"
#include "server/load.h"
#include "server/web_priv.h"

#define PATIENCE_NS (3 * MCU_NS_PER_S) /* before a leg that does not connect gives way to another */

int mcu_web_guard_init(struct mcu_web_side *side)
{
    const struct mcu_config *k = &side->server->config;
    uint64_t seed;
    side->tokens_ns = MCU_NS_PER_S;
    side->tokens_at_ns = mcu_loop_now(side->server->control);
    if (!k->max_calls_per_source_s)
        return 0;
    mcu_srtp_random(&seed, sizeof(seed));
    return mcu_sip_sources_new(&side->sources, k->max_calls_per_source_s, seed);
}

/* A bucket of one second: the unit is the time that a leg costs. */
static bool take_from_all(struct mcu_web_side *side, int64_t now)
{
    int64_t cost = MCU_NS_PER_S / side->server->config.max_calls_per_s;
    side->tokens_ns += now - side->tokens_at_ns;
    side->tokens_at_ns = now;
    if (side->tokens_ns > MCU_NS_PER_S)
        side->tokens_ns = MCU_NS_PER_S;
    if (side->tokens_ns < cost)
        return false;
    side->tokens_ns -= cost;
    return true;
}

/* Legs that are not ending: of all (key NULL), or of one source; or those not there yet alone. */
static int count_legs(const struct mcu_web_side *side, const uint8_t *key, bool connecting)
{
    int n = 0;
    for (const struct web_leg *w = side->legs; w; w = w->next)
        n += !w->over && !(connecting && w->there) &&
             (!key || memcmp(w->source, key, MCU_SIP_SOURCE_KEY) == 0);
    return n;
}

/* The one that has been connecting longest; NULL: none for longer than our patience. */
static struct web_leg *longest_connecting(const struct mcu_web_side *side, int64_t now)
{
    struct web_leg *longest = NULL;
    for (struct web_leg *w = side->legs; w; w = w->next)
        if (!w->over && !w->there && now - w->begun_ns > PATIENCE_NS &&
            (!longest || w->begun_ns < longest->begun_ns))
            longest = w;
    return longest;
}

static bool is_room(struct mcu_web_side *side, int64_t now)
{
    const struct mcu_server *s = side->server;
    if (count_legs(side, NULL, false) + mcu_sip_side_calls(s->calls) < s->config.max_legs)
        return true;
    struct web_leg *longest = longest_connecting(side, now);
    if (longest)
        mcu_web_end(longest, "the server is full, and this one did not connect");
    return longest;
}

static int refuse(int status, const char *what, const char **why, const char *source)
{
    static struct mcu_log_limit limited;
    mcu_count(status == 429 ? MCU_CNT_WEB_SOURCE_REFUSED : MCU_CNT_ADMISSION_REFUSED);
    mcu_log_limited(&limited, MCU_LOG_WARN, "web-refused", "source=%s status=%d reason=\"%s\"",
                    source, status, what);
    *why = what;
    return status;
}

bool mcu_web_source_may(struct mcu_web_side *side, const struct mcu_http_request *req)
{
    uint8_t key[MCU_SIP_SOURCE_KEY];
    const char *why, *source = mcu_http_source(req);
    mcu_sip_source_key(key, source);
    if (!side->sources ||
        mcu_sip_sources_take(side->sources, key, mcu_loop_now(side->server->control)))
        return true;
    refuse(429, "too many joins from this address (limits.calls_per_source_s)", &why, source);
    return false;
}

int mcu_web_guard(struct mcu_web_side *side, const char *source, uint8_t key[MCU_SIP_SOURCE_KEY],
                  const char **why)
{
    const struct mcu_config *k = &side->server->config;
    int64_t now = mcu_loop_now(side->server->control);
    mcu_sip_source_key(key, source);
    if (side->stopping)
        return refuse(503, "the server is stopping", why, source);
    if (k->max_legs_per_source && count_legs(side, key, false) >= k->max_legs_per_source)
        return refuse(429, "too many callers from this address (limits.legs_per_source)", why,
                      source);
    if (k->max_connecting_per_source &&
        count_legs(side, key, true) >= k->max_connecting_per_source)
        return refuse(429, "too many callers from this address are connecting just now", why,
                      source);
    if (!take_from_all(side, now))
        return refuse(503, "too many joins just now (limits.calls_per_s)", why, source);
    if (!mcu_load_admits(side->server->load, mcu_server_legs(side->server)))
        return refuse(503, "the server has no time for another caller now", why, source);
    return is_room(side, now) ? 0 : refuse(503, "no more callers are possible now", why, source);
}
