/* codec/plc.h - packet loss concealment for codecs that have none of their own (G.711, G.722),
 * or a bad one at times (Opus: adec.c):
 * pitch repetition after ITU-T G.711 Appendix I, without its 3.75 ms of added delay.
 * Threads: a state belongs to its caller. Nothing allocates. */
#ifndef MCU_CODEC_PLC_H
#define MCU_CODEC_PLC_H

#include <stdint.h>

#define MCU_PLC_HISTORY_MAX 2340 /* 48.75 ms at 48 kHz: three of the longest periods and a quarter */

struct mcu_plc {
    int rate_hz;
    int history;                         /* samples kept: 48.75 ms */
    int16_t recent[MCU_PLC_HISTORY_MAX]; /* what was played last, a ring of `history` */
    int oldest;                          /* its first */
    int16_t frozen[MCU_PLC_HISTORY_MAX]; /* the same at the start of the loss, oldest first */
    int period;                          /* of the pitch, samples */
    int step;                            /* from the last sample to the repeated one before it */
    int lost;                            /* samples concealed in a row; 0: none */
};

/* rate_hz: 8000, 16000 or 48000. Also resets. */
void mcu_plc_init(struct mcu_plc *plc, int rate_hz);

/* Takes n samples that arrived; their start is faded in over what was being made up. */
void mcu_plc_good(struct mcu_plc *plc, int16_t *pcm, int n);

/* Writes n samples in place of lost ones: full level for 20 ms, then down to silence at 60 ms. */
void mcu_plc_lost(struct mcu_plc *plc, int16_t *pcm, int n);

#endif
