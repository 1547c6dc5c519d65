/* mixer/base/thread.h - what a thread asks of the scheduler. No privilege is needed.
 * Threads: each for itself. */
#ifndef MCU_MIXER_BASE_THREAD_H
#define MCU_MIXER_BASE_THREAD_H

/* The thread works for some 0.1 ms at a time and is waited for: sound, and the loops. From Linux 6.12 on a
 * thread that wakes takes the core at once from one with longer slices; else it may wait for the end of
 * that one's, 1 to 3 ms. Where the process may rank its threads higher (root, CAP_SYS_NICE, or a limit of
 * nice values: RLIMIT_NICE of 30), its nice value becomes -10: on a machine that is busy for 80 %, p99 between
 * two packets of sound is then 22.4 ms instead of 23.9. Threads that it starts have neither. Where the
 * operator chose another nice value, that is kept; another policy, and nothing happens. */
void mcu_thread_be_prompt(void);

#endif
