/* server/overload.h - what is given up when the machine is late, and whether newcomers are let in: a policy
 * of samples, without clock or threads of its own (server/load.c feeds it).
 *
 *   level    0   1   2   3   4
 *   pictures/s   15  10  5   5, and nobody gets the largest size
 *
 * Sound is never given up. One stall of the machine is no overload: half of the sound or picture ticks
 * of 2 s must have been late. Who is not late for 5 s gets a level back; a level that did not last is
 * tried again after twice the time, up to 80 s.
 * Threads: the caller's. A value. */
#ifndef MCU_SERVER_OVERLOAD_H
#define MCU_SERVER_OVERLOAD_H

#include <stdbool.h>
#include <stdint.h>

#define MCU_OVERLOAD_LEVELS 5
#define MCU_OVERLOAD_RECENT 8 /* samples in which what a leg costs begins to show: 2 s */

/* What happened since the sample before. */
struct mcu_overload_sample {
    int64_t now_ns;
    uint64_t sound_ticks, sound_late;   /* late: the sound left when the next should have begun */
    uint64_t pictures, pictures_late;   /* canvases due; those left out because one was still in work */
    double picture_wait_ms;             /* mean time that the work on a picture waited for a core */
    double cores_used, cores;           /* by the process; that it may use */
    int legs;
};

/* All zero at first. */
struct mcu_overload {
    int level;
    bool refuses;       /* newcomers */
    double cores_used;  /* smoothed over 2 s */
    double cores;       /* of the newest sample */
    int legs[MCU_OVERLOAD_RECENT]; /* of the newest samples, a ring */
    int newest;
    int64_t at_ns;      /* of the newest sample; 0: none yet */
    int64_t heat_ns;    /* how long it has been late; cools when it is not */
    int64_t calm_ns;    /* how long nothing was late */
    int64_t wait_ns;    /* how long it must be calm for a level less */
    int64_t lowered_ns; /* when it last gave a level back; 0: never, or it has lasted */
};

/* True: level or refuses are others now. */
bool mcu_overload_update(struct mcu_overload *overload, const struct mcu_overload_sample *sample);

/* Whether one more is let in where so many are: those that came since the newest sample count too. */
bool mcu_overload_admits(const struct mcu_overload *overload, int legs);

/* Pictures a second of a view that has `fps` without overload. */
int mcu_overload_fps(int level, int fps);

#endif
