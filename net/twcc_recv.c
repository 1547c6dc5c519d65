#include "net/twcc_priv.h"

void mcu_twcc_recv_init(struct mcu_twcc_recv *recv)
{
    recv->due_ns = INT64_MAX;
}

void mcu_twcc_came(struct mcu_twcc *t, uint16_t seq, int64_t now_ns)
{
    t->stats.came++;
}

int mcu_twcc_write(struct mcu_twcc *t, uint32_t sender, uint32_t media, uint8_t *buf, size_t size,
                   int64_t now_ns)
{
    return 0;
}

int64_t mcu_twcc_due(const struct mcu_twcc *t)
{
    return t->recv.due_ns;
}
