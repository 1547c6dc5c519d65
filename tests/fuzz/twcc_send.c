/* tests/fuzz/twcc_send.c - feedback of any content: counts add up, statistics stay in their ranges. */
#include <stdint.h>
#include <stdlib.h>

#include "mixer/base/clock.h"
#include "net/twcc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
    if (!ok)
        abort();
}

/* Messages with a length byte each; between them packets are sent and time goes by. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcu_twcc *t;
    struct mcu_twcc_stats s;
    int64_t now_ns = MCU_NS_PER_S;
    if (mcu_twcc_new(&t) < 0)
        return 0;
    for (size_t at = 0; at < size;) {
        size_t n = data[at++];
        n = n < size - at ? n : size - at;
        for (size_t i = 0; i < 40; i++)
            mcu_twcc_sent(t, i * 30, now_ns += MCU_NS_PER_MS);
        mcu_twcc_feedback(t, data + at, n, now_ns);
        at += n;
    }
    mcu_twcc_get_stats(t, &s);
    check(s.acknowledged + s.lost <= s.sent);
    check(s.loss_out >= 0 && s.loss_out <= 1 && s.delivered_bps >= 0 && s.queue_delay_ns >= 0);
    mcu_twcc_free(&t);
    return 0;
}
