#include "net/nack.h"

#include <string.h>

#include "mixer/base/clock.h"

#define TRIES_MAX      10
#define REORDER_MIN_NS (10 * MCU_NS_PER_MS)
#define REORDER_MAX_NS (50 * MCU_NS_PER_MS)
#define AGAIN_MIN_MS   20.0
#define ANSWER_SLACK_MS 10.0
#define DOUBT          32 /* numbers that are asked for twice in a row once an answer is missed */
#define TWICE_NS       (10 * MCU_NS_PER_MS)
#define RTT_DEFAULT_MS 100.0
#define RTT_MAX_MS     2000.0

void mcu_nack_init(struct mcu_nack *n)
{
    memset(n, 0, sizeof(*n));
    n->reorder_ns = REORDER_MIN_NS;
    n->due_ns = INT64_MAX;
}

void mcu_nack_clear(struct mcu_nack *n)
{
    n->count = 0;
    n->due_ns = INT64_MAX;
}

double mcu_nack_rtt_ms(const struct mcu_nack *n, double rtt_ms)
{
    return rtt_ms > 0 ? rtt_ms : n->rtt_ms > 0 ? n->rtt_ms : RTT_DEFAULT_MS;
}

static void drop_rows(struct mcu_nack *n, int at, int count)
{
    n->count -= count;
    memmove(&n->row[at], &n->row[at + count], (size_t)(n->count - at) * sizeof(n->row[0]));
    if (n->count == 0)
        n->due_ns = INT64_MAX;
}

void mcu_nack_missing(struct mcu_nack *n, int64_t first, int64_t last, int64_t now_ns)
{
    if (last - first >= MCU_NACK_MAX)
        first = last - MCU_NACK_MAX + 1;
    int more = (int)(last - first + 1);
    if (n->count + more > MCU_NACK_MAX)
        drop_rows(n, 0, n->count + more - MCU_NACK_MAX);
    n->reorder_ns -= (n->reorder_ns - REORDER_MIN_NS) / 32;
    int64_t due = now_ns + n->reorder_ns;
    for (int64_t seq = first; seq <= last; seq++)
        n->row[n->count++] = (struct mcu_nack_row){ .seq = seq, .missed_ns = now_ns, .due_ns = due };
    n->due_ns = due < n->due_ns ? due : n->due_ns;
}

/* The first row that is not below seq. */
static int find_row(const struct mcu_nack *n, int64_t seq)
{
    int low = 0, high = n->count;
    while (low < high) {
        int mid = (low + high) / 2;
        if (n->row[mid].seq < seq)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void saw_reordering(struct mcu_nack *n, int64_t late_ns)
{
    int64_t want = late_ns + late_ns / 4;
    want = want > REORDER_MAX_NS ? REORDER_MAX_NS : want;
    n->reorder_ns = want > n->reorder_ns ? want : n->reorder_ns;
}

static void saw_answer(struct mcu_nack *n, double ms)
{
    if (ms > RTT_MAX_MS)
        return;
    n->rtt_ms = n->rtt_ms > 0 ? n->rtt_ms + (ms - n->rtt_ms) / 8 : ms;
}

/* What looks like its repeat comes a round trip after the question; sooner, it was only late. */
static bool is_late(const struct mcu_nack *n, const struct mcu_nack_row *row, enum mcu_nack_as as,
                    double rtt_ms, double answer_ms)
{
    double known_ms = rtt_ms > 0 ? rtt_ms : n->rtt_ms;
    return row->tries == 0 || as == MCU_NACK_ORIGINAL ||
           (as == MCU_NACK_EITHER && known_ms > 0 && answer_ms < known_ms / 2);
}

int mcu_nack_came(struct mcu_nack *n, int64_t seq, enum mcu_nack_as as, double rtt_ms,
                  int64_t now_ns)
{
    int i = n->count > 0 ? find_row(n, seq) : 0;
    if (i >= n->count || n->row[i].seq != seq)
        return -1;
    struct mcu_nack_row row = n->row[i];
    double ms = (double)(now_ns - row.asked_ns) / MCU_NS_PER_MS;
    bool first = row.tries == 1 || (row.twice && row.tries == 2);
    drop_rows(n, i, 1);
    if (is_late(n, &row, as, rtt_ms, ms)) {
        saw_reordering(n, now_ns - row.missed_ns);
        if (first && as == MCU_NACK_EITHER) /* or the way has become that short */
            n->rtt_ms -= n->rtt_ms / 16;
    } else if (first) { /* of later ones nobody knows which question they answer */
        saw_answer(n, ms);
        n->doubt -= n->doubt > 0;
    }
    return row.tries;
}

void mcu_nack_give_up(struct mcu_nack *n, int64_t seq)
{
    if (n->count > 0 && n->row[0].seq < seq)
        drop_rows(n, 0, find_row(n, seq));
}

/* After the question so many: another one right behind it, else the answer is waited for. */
static bool in_pair(const struct mcu_nack_row *row)
{
    return row->tries % 2 == (row->twice ? 1 : 0);
}

/* An answer is waited for until it is somewhat late. A question that was not answered is put twice in
 * a row from then on, so that one loss alone does not cost another round trip; and so are, for a while,
 * the first ones of other numbers. */
static int64_t again_ns(const struct mcu_nack_row *row, double rtt_ms)
{
    double ms = rtt_ms + (rtt_ms / 4 > ANSWER_SLACK_MS ? rtt_ms / 4 : ANSWER_SLACK_MS);
    if (row->tries == TRIES_MAX)
        return INT64_MAX / 2;
    if (in_pair(row))
        return TWICE_NS;
    return (int64_t)((ms > AGAIN_MIN_MS ? ms : AGAIN_MIN_MS) * MCU_NS_PER_MS);
}

static void ask(struct mcu_nack *n, struct mcu_nack_row *r, double rtt_ms, int64_t now_ns)
{
    if (r->tries == 0) {
        r->twice = n->doubt > 0;
        r->asked_ns = now_ns;
    } else if (!in_pair(r)) {
        n->doubt = DOUBT; /* the answer to the one before did not come */
    }
    r->tries++;
    r->due_ns = now_ns + again_ns(r, rtt_ms);
}

int mcu_nack_take(struct mcu_nack *n, uint16_t *seq, double rtt_ms, int64_t now_ns)
{
    int taken = 0;
    if (n->due_ns > now_ns)
        return 0;
    rtt_ms = mcu_nack_rtt_ms(n, rtt_ms);
    n->due_ns = INT64_MAX;
    for (int i = 0; i < n->count; i++) {
        struct mcu_nack_row *r = &n->row[i];
        if (r->due_ns <= now_ns) {
            seq[taken++] = (uint16_t)r->seq;
            ask(n, r, rtt_ms, now_ns);
        }
        n->due_ns = r->due_ns < n->due_ns ? r->due_ns : n->due_ns;
    }
    return taken;
}
