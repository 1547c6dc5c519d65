/* tests/bench/srtp.c - us of processor time to seal and to open a packet, of each suite. One JSON
 * object a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/srtp.h"

#define BATCH   32
#define BATCHES 1000
#define SSRC    7u

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void write_packet(uint8_t *buf, int number)
{
    memset(buf, 0, 12);
    buf[0] = 0x80;
    buf[2] = (uint8_t)(number >> 8);
    buf[3] = (uint8_t)number;
    buf[11] = SSRC;
}

static void run(enum mcu_srtp_suite suite, int size)
{
    static _Alignas(16) uint8_t buf[BATCH][2048];
    struct mcu_srtp *tx, *rx;
    struct mcu_srtp_key key;
    double seal = 0, open = 0;
    int sealed[BATCH];
    mcu_srtp_key_random(&key, suite);
    if (mcu_srtp_new(&tx, SSRC) < 0 || mcu_srtp_new(&rx, SSRC) < 0 || mcu_srtp_set_tx(tx, &key) < 0 ||
        mcu_srtp_set_rx(rx, &key) < 0)
        exit(1);
    for (int b = 0; b < BATCHES; b++) {
        for (int i = 0; i < BATCH; i++)
            write_packet(buf[i], b * BATCH + i);
        double begin = cpu_us();
        for (int i = 0; i < BATCH; i++)
            sealed[i] = mcu_srtp_protect(tx, false, buf[i], (size_t)size, sizeof(buf[i]));
        double middle = cpu_us();
        for (int i = 0; i < BATCH; i++)
            if (sealed[i] < 0 || mcu_srtp_unprotect(rx, false, buf[i], (size_t)sealed[i]) != size)
                exit(1);
        open += cpu_us() - middle;
        seal += middle - begin;
    }
    printf("{\"suite\": \"%s\", \"bytes\": %d, \"us_to_seal\": %.2f, \"us_to_open\": %.2f}\n",
           mcu_srtp_suite_name(suite), size, seal / BATCH / BATCHES, open / BATCH / BATCHES);
    mcu_srtp_free(&tx);
    mcu_srtp_free(&rx);
}

int main(void)
{
    for (int i = MCU_SRTP_NONE + 1; i < MCU_SRTP_SUITES; i++)
        for (int size = 120; size <= 1200; size += 1080)
            if (mcu_srtp_supported((enum mcu_srtp_suite)i))
                run((enum mcu_srtp_suite)i, size);
    return 0;
}
