#include "codec/g711.h"

#include <pthread.h>

/* Mu-law works on 14 bit magnitudes shifted by a bias of 33 (here in 16 bit scale: 132), so that
 * every segment starts at a power of two (G.711 table 2). */
#define ULAW_BIAS 132
#define ULAW_CLIP 32635

static int16_t decode_table[2][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int16_t ulaw_expand(uint8_t byte)
{
    int v = ~byte & 0xff; /* all bits are sent inverted */
    int magnitude = ((((v & 15) << 3) + ULAW_BIAS) << (v >> 4 & 7)) - ULAW_BIAS;
    return (int16_t)(v & 0x80 ? -magnitude : magnitude);
}

static int16_t alaw_expand(uint8_t byte)
{
    int v = byte ^ 0x55; /* even bits are sent inverted */
    int segment = v >> 4 & 7;
    int magnitude = (v & 15) << 4 | 8;
    if (segment > 0)
        magnitude = (magnitude | 0x100) << (segment - 1);
    return (int16_t)(v & 0x80 ? magnitude : -magnitude);
}

/* Number of the highest set bit of v; v > 0. */
static int top_bit(int v)
{
    return 31 - __builtin_clz((unsigned)v);
}

static uint8_t ulaw_compress(int v)
{
    int sign = v < 0 ? 0x80 : 0;
    int magnitude = sign ? -v : v;
    if (magnitude > ULAW_CLIP)
        magnitude = ULAW_CLIP;
    magnitude += ULAW_BIAS;
    int segment = top_bit(magnitude) - 7;
    return (uint8_t)~(sign | segment << 4 | (magnitude >> (segment + 3) & 15));
}

static uint8_t alaw_compress(int v)
{
    int sign = v >= 0 ? 0x80 : 0;
    int magnitude = (sign ? v : -v - 1) >> 4; /* 12 bits; the negative side starts at -1 */
    int segment = magnitude < 32 ? magnitude >> 4 : top_bit(magnitude) - 3;
    int step = segment > 1 ? magnitude >> (segment - 1) : magnitude;
    return (uint8_t)((sign | segment << 4 | (step & 15)) ^ 0x55);
}

static void fill_tables(void)
{
    for (int i = 0; i < 256; i++) {
        decode_table[MCU_G711_ULAW][i] = ulaw_expand((uint8_t)i);
        decode_table[MCU_G711_ALAW][i] = alaw_expand((uint8_t)i);
    }
}

void mcu_g711_decode(enum mcu_g711_law law, const uint8_t *data, size_t n, int16_t *pcm)
{
    pthread_once(&once, fill_tables);
    for (size_t i = 0; i < n; i++)
        pcm[i] = decode_table[law][data[i]];
}

void mcu_g711_encode(enum mcu_g711_law law, const int16_t *pcm, size_t n, uint8_t *data)
{
    for (size_t i = 0; i < n; i++)
        data[i] = law == MCU_G711_ULAW ? ulaw_compress(pcm[i]) : alaw_compress(pcm[i]);
}
