#include "net/ice_consent.h"

#include <stdio.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "net/srtp.h"

#define CHECK_MS 4000 /* 5 s less and more a fifth (5.1) */
#define SPAN_MS  2000
#define NAMES    514  /* two names of 256 and a colon */

static void next_check(struct mcu_ice_consent *c, int64_t now_ns)
{
    uint16_t r;
    mcu_srtp_random(&r, sizeof(r));
    c->check_ns = now_ns + (CHECK_MS + r % (SPAN_MS + 1)) * MCU_NS_PER_MS;
}

void mcu_ice_consent_grant(struct mcu_ice_consent *c, int64_t now_ns)
{
    if (!c->tie_breaker)
        mcu_srtp_random(&c->tie_breaker, sizeof(c->tie_breaker));
    if (!c->granted)
        next_check(c, now_ns);
    c->granted = true;
    c->answered_ns = now_ns;
}

size_t mcu_ice_consent_check(struct mcu_ice_consent *c, const struct mcu_ice_peer *peer, uint8_t *out,
                             size_t room, int64_t now_ns)
{
    char name[NAMES];
    if (!c->granted || now_ns < c->check_ns)
        return 0;
    next_check(c, now_ns);
    struct mcu_stun_check check = { name, peer->password, peer->controlling, c->tie_breaker, { 0 } };
    snprintf(name, sizeof(name), "%s:%s", peer->ufrag, peer->own_ufrag);
    mcu_srtp_random(check.id, sizeof(check.id)); /* 5.1: each check has its own, or strangers could guess */
    memcpy(c->id[c->checks++ % MCU_ICE_CONSENT_OUT], check.id, sizeof(check.id));
    int n = mcu_stun_write(&check, MCU_STUN_BINDING, out, room);
    return n < 0 ? 0 : (size_t)n;
}

/* The check that has this number, or NULL. */
static uint8_t *find_check(struct mcu_ice_consent *c, const uint8_t *id)
{
    for (unsigned i = 0; i < MCU_ICE_CONSENT_OUT && i < c->checks; i++)
        if (memcmp(c->id[i], id, MCU_STUN_ID_BYTES) == 0)
            return c->id[i];
    return NULL;
}

bool mcu_ice_consent_answer(struct mcu_ice_consent *c, const char *password, const uint8_t *data,
                            size_t size, int64_t now_ns)
{
    struct mcu_stun m;
    if (!c->granted || mcu_stun_parse(&m, data, size) < 0 || m.type != MCU_STUN_BINDING_ANSWER)
        return false;
    uint8_t *check = find_check(c, m.id);
    if (!check || !mcu_stun_authentic(data, size, password))
        return false;
    mcu_srtp_random(check, MCU_STUN_ID_BYTES); /* the same answer again answers nothing */
    c->answered_ns = now_ns;
    return true;
}

bool mcu_ice_consent_lost(struct mcu_ice_consent *c, int64_t now_ns)
{
    if (!c->granted || now_ns - c->answered_ns < MCU_ICE_CONSENT_NS)
        return false;
    c->granted = false;
    c->checks = 0;
    return true;
}

int64_t mcu_ice_consent_due(const struct mcu_ice_consent *c)
{
    int64_t end = c->answered_ns + MCU_ICE_CONSENT_NS;
    if (!c->granted)
        return INT64_MAX;
    return end < c->check_ns ? end : c->check_ns;
}
