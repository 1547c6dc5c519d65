/* net/nack.h - the packets that are missing from a stream, and when each is asked for (RFC 4585 6.2.1).
 * Threads: the leg's loop. Plain values; time is an argument.
 *
 * A number is asked for when it is late by more than the stream's reordering, and again when no answer
 * came for a round trip and a quarter, ten times at most; twice in a row where answers stay away. The caller says which came and which are
 * given up. */
#ifndef MCU_NET_NACK_H
#define MCU_NET_NACK_H

#include <stdbool.h>
#include <stdint.h>

#define MCU_NACK_MAX 256 /* numbers that are missing at a time; of a larger hole the newest */

struct mcu_nack_row {
    int64_t seq;             /* extended */
    int64_t missed_ns, due_ns, asked_ns;
    int tries;
    bool twice;              /* in pairs from the first question on */
};

struct mcu_nack {
    struct mcu_nack_row row[MCU_NACK_MAX]; /* rising by seq */
    int count;
    int64_t due_ns;          /* the earliest of the rows; INT64_MAX: nothing to ask for */
    int doubt;               /* above 0: questions or answers were lost lately */
    int64_t reorder_ns;      /* how late packets come that are not lost */
    double rtt_ms;           /* by how soon what was asked for came; 0: not known */
};

void mcu_nack_init(struct mcu_nack *nack);
/* Forgets what is missing, not what was measured. */
void mcu_nack_clear(struct mcu_nack *nack);

/* The numbers from `first` to `last` are missing; they are newer than all before. */
void mcu_nack_missing(struct mcu_nack *nack, int64_t first, int64_t last, int64_t now_ns);
/* What an arrival says of where it comes from. */
enum mcu_nack_as {
    MCU_NACK_ORIGINAL, /* only late: repeats look different */
    MCU_NACK_REPEAT,
    MCU_NACK_EITHER,
};

/* A missing number came after all. How often it had been asked for; -1: it was not missing. */
int mcu_nack_came(struct mcu_nack *nack, int64_t seq, enum mcu_nack_as as, double rtt_ms,
                  int64_t now_ns);
/* Numbers below seq are not wanted any more. */
void mcu_nack_give_up(struct mcu_nack *nack, int64_t seq);

/* Takes the numbers to ask for now, rising; at most MCU_NACK_MAX. rtt_ms: 0: not known, what was
 * measured here serves instead. */
int mcu_nack_take(struct mcu_nack *nack, uint16_t *seq, double rtt_ms, int64_t now_ns);

/* The better of the two round trips; 100 ms where neither is known. */
double mcu_nack_rtt_ms(const struct mcu_nack *nack, double rtt_ms);

#endif
