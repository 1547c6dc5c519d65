/* mixer/dsp/cpu.h - what this processor can do, and a mask over it.
 * Threads: any. Detection and mask are apart, so that every level is tested on one machine. */
#ifndef MCU_MIXER_DSP_CPU_H
#define MCU_MIXER_DSP_CPU_H

enum mcu_cpu_flag {
    MCU_CPU_SSE41 = 1 << 0,
    MCU_CPU_AVX2 = 1 << 1,
    MCU_CPU_NEON = 1 << 2
};

/* The flags that the machine has and the mask lets through. Kernels are chosen by them when a
 * scaler, view or mix is made; what is made already keeps its choice. */
unsigned mcu_cpu_flags(void);

/* From now on only these flags are seen; ~0u shows all again. For tests and benches. */
void mcu_cpu_mask(unsigned flags);

#endif
