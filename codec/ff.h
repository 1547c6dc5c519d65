/* codec/ff.h - what all users of FFmpeg in this folder share. Threads: any. */
#ifndef MCU_CODEC_FF_H
#define MCU_CODEC_FF_H

/* Silences FFmpeg's own log: it writes to stderr at the pleasure of whoever sends us packets. What
 * matters comes back as errors and is counted. Cheap; call it before opening anything. */
void mcu_ff_quiet(void);

#endif
