#include "net/twcc.h"

#include <errno.h>
#include <stdlib.h>

#include "net/twcc_priv.h"

int mcu_twcc_new(struct mcu_twcc **out)
{
    struct mcu_twcc *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    mcu_twcc_recv_init(&t->recv);
    *out = t;
    return 0;
}

void mcu_twcc_free(struct mcu_twcc **pp)
{
    free(*pp);
    *pp = NULL;
}

uint16_t mcu_twcc_sent(struct mcu_twcc *t, size_t bytes, int64_t now_ns)
{
    struct mcu_twcc_sent *s = &t->send.sent[t->send.next % MCU_TWCC_SENT_MAX];
    *s = (struct mcu_twcc_sent){ now_ns, (uint32_t)bytes, t->send.next, true };
    t->stats.sent++;
    return t->send.next++;
}

int mcu_twcc_feedback(struct mcu_twcc *t, const uint8_t *fci, size_t size, int64_t now_ns)
{
    t->stats.malformed++;
    return -EBADMSG;
}

void mcu_twcc_get_stats(const struct mcu_twcc *t, struct mcu_twcc_stats *out)
{
    *out = t->stats;
}
