/* net/loss_window.h - how much of a stream is lost, for certain, by the reports of who receives it. At
 * 15 to 90 packets a second a report speaks of so few that 5 % lost look like anything from none to
 * 15 %: what a decision hangs on is the loss of some seconds, and how many packets it was found in.
 * Threads: the leg's loop. A value; the clock is an argument. */
#ifndef MCU_NET_LOSS_WINDOW_H
#define MCU_NET_LOSS_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* All zero at first. */
struct mcu_loss_window {
    double packets, lost;  /* of the last 3 s or so, older ones fading */
    uint32_t highest_seq;  /* of the last report; valid once at_ns is not 0 */
    int64_t at_ns;
};

/* A report (RFC 3550 6.4.1): the part lost since the one before, in 1/256, and the highest number that
 * came. Hostile values count for no more than 10 000 packets. */
void mcu_loss_window_report(struct mcu_loss_window *window, uint8_t fraction_lost,
                            uint32_t highest_seq, int64_t now_ns);

/* The part of the packets that is lost, 0 to 1. */
double mcu_loss_window_lost(const struct mcu_loss_window *window);

/* What is left of it when three standard deviations of chance are taken off, those of a link that
 * loses 5 %: above 0.05 the link is worse than that, seldom as these packets fall otherwise. */
double mcu_loss_window_certain(const struct mcu_loss_window *window);

#endif
