#include "net/sip_source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"

#define SETS 512
#define WAYS 8

struct source {
    uint8_t key[MCU_SIP_SOURCE_KEY];
    bool used;
    int64_t tokens_ns; /* time saved up; a request costs a second / per_s */
    int64_t at_ns;     /* of the last request */
};

struct mcu_sip_sources {
    int64_t cost_ns;
    uint64_t seed;
    struct source source[SETS][WAYS];
};

void mcu_sip_source_key(uint8_t key[MCU_SIP_SOURCE_KEY], const char *address)
{
    struct in6_addr v6;
    struct in_addr v4;
    memset(key, 0, MCU_SIP_SOURCE_KEY);
    if (inet_pton(AF_INET, address, &v4) == 1) {
        key[10] = key[11] = 0xff; /* as IPv6 writes IPv4 */
        memcpy(key + 12, &v4, 4);
    } else if (inet_pton(AF_INET6, address, &v6) == 1) {
        memcpy(key, &v6, 8);
        if (IN6_IS_ADDR_V4MAPPED(&v6))
            memcpy(key + 8, (const uint8_t *)&v6 + 8, 8);
    }
}

int mcu_sip_sources_new(struct mcu_sip_sources **out, int per_s, uint64_t seed)
{
    struct mcu_sip_sources *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->cost_ns = MCU_NS_PER_S / per_s;
    s->seed = seed;
    *out = s;
    return 0;
}

void mcu_sip_sources_free(struct mcu_sip_sources **sources)
{
    free(*sources);
    *sources = NULL;
}

static size_t set_of(const struct mcu_sip_sources *s, const uint8_t *key)
{
    uint64_t h = s->seed, part;
    for (int i = 0; i < MCU_SIP_SOURCE_KEY; i += 8) {
        memcpy(&part, key + i, 8);
        h = (h ^ part) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
        h = (h + s->seed) * UINT64_C(0xbf58476d1ce4e5b9);
        h ^= h >> 32;
    }
    return h % SETS;
}

static struct source *find(struct mcu_sip_sources *s, const uint8_t *key, int64_t now_ns)
{
    struct source *set = s->source[set_of(s, key)], *place = set;
    for (int i = 0; i < WAYS; i++) {
        if (set[i].used && memcmp(set[i].key, key, MCU_SIP_SOURCE_KEY) == 0)
            return &set[i];
        if (place->used && (!set[i].used || set[i].at_ns < place->at_ns))
            place = &set[i];
    }
    *place = (struct source){ .used = true, .tokens_ns = MCU_NS_PER_S, .at_ns = now_ns };
    memcpy(place->key, key, MCU_SIP_SOURCE_KEY);
    return place;
}

bool mcu_sip_sources_take(struct mcu_sip_sources *sources, const uint8_t key[MCU_SIP_SOURCE_KEY],
                          int64_t now_ns)
{
    struct source *s = find(sources, key, now_ns);
    s->tokens_ns += now_ns - s->at_ns;
    s->at_ns = now_ns;
    if (s->tokens_ns > MCU_NS_PER_S)
        s->tokens_ns = MCU_NS_PER_S;
    if (s->tokens_ns < sources->cost_ns)
        return false;
    s->tokens_ns -= sources->cost_ns;
    return true;
}
