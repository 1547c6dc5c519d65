/* codec/g711.h - G.711 mu-law and A-law, one byte a sample at 8 kHz (ITU-T G.711).
 * Own tables and not libavcodec: 60 lines, no allocation per packet, no padding of the input.
 * Threads: any; the decode tables are filled once. */
#ifndef MCU_CODEC_G711_H
#define MCU_CODEC_G711_H

#include <stddef.h>
#include <stdint.h>

enum mcu_g711_law { MCU_G711_ULAW, MCU_G711_ALAW };

/* Decodes n bytes into n samples. */
void mcu_g711_decode(enum mcu_g711_law law, const uint8_t *data, size_t n, int16_t *pcm);

/* Encodes n samples into n bytes. */
void mcu_g711_encode(enum mcu_g711_law law, const int16_t *pcm, size_t n, uint8_t *data);

#endif
