/* mixer/base/thread.h - what a thread asks of the scheduler. No privilege is needed.
 * Threads: each for itself. */
#ifndef MCU_MIXER_BASE_THREAD_H
#define MCU_MIXER_BASE_THREAD_H

/* The thread works for some 0.1 ms at a time and is waited for: sound, and the loops. From Linux 6.12 on a
 * thread that wakes takes the core at once from one with longer slices; else it may wait for the end of
 * that one's, 1 to 3 ms. Elsewhere, and where the operator chose another policy, nothing happens. */
void mcu_thread_be_prompt(void);

#endif
