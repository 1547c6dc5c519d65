#include "net/jitter.h"

#include <string.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"

#define STEADY_COUNT    220 /* packets: a packet's weight is 1/220 once this many were seen */
#define TAIL            0.03f
#define MARGIN_LEAST_MS 4
#define MARGIN_MOST_MS  10
#define SPARE_MOST_MS   4
#define FORGOTTEN       1e-9f /* of weight: a minute ago */
#define FINE_MS         MCU_JITTER_FINE_MS
#define FALL_MS_PER_S   75.0 /* the playout can shorten by 120 ms a second; 300 ms go within 5 s */
#define OUTLIER_NS      MCU_NS_PER_S
#define OUTLIERS_MAX    3

void mcu_jitter_init(struct mcu_jitter *jitter, int rate_hz)
{
    memset(jitter, 0, sizeof(*jitter));
    jitter->rate_hz = rate_hz > 0 ? rate_hz : 8000;
}

/* The timestamps begin anew; what the network does is still known. */
static void new_base(struct mcu_jitter *j, uint32_t rtp_ts)
{
    j->has_base = true;
    j->base_rtp_ts = rtp_ts;
    j->base_ticks = 0;
    j->fastest.valid = false;
    j->outliers = 0;
}

static int64_t transit_ns(struct mcu_jitter *j, uint32_t rtp_ts, int64_t now_ns)
{
    if (!j->has_base)
        new_base(j, rtp_ts);
    j->base_ticks += (int32_t)(rtp_ts - j->base_rtp_ts);
    j->base_rtp_ts = rtp_ts;
    return now_ns - mcu_clock_from_ticks(j->base_ticks, j->rate_hz);
}

/* What is forgotten is nothing: it would else be multiplied for ever, and once it is denormal slowly. */
static void forget(float *bins, int n, float weight)
{
    for (int i = 0; i < n; i++) {
        bins[i] -= bins[i] * weight;
        if (bins[i] < FORGOTTEN)
            bins[i] = 0;
    }
}

static void histogram_add(struct mcu_jitter *j, int ms)
{
    if (j->count < STEADY_COUNT)
        j->count++;
    float weight = 1.0f / (float)j->count;
    int bin = mcu_min(ms / MCU_JITTER_BIN_MS, MCU_JITTER_BINS - 1);
    forget(j->bin, j->top + 1, weight);
    forget(j->fine, FINE_MS, weight);
    j->bin[bin] += weight;
    j->top = mcu_max(j->top, bin);
    while (j->bin[j->top] == 0)
        j->top--;
    if (ms < FINE_MS)
        j->fine[ms] += weight;
}

/* The upper edge of the lowest bin above which no more than the tail lies. */
static int percentile_ms(const struct mcu_jitter *j, float tail)
{
    float above = 0;
    for (int i = j->top; i > 0; i--) {
        above += j->bin[i];
        if (above > tail)
            return (i + 1) * MCU_JITTER_BIN_MS;
    }
    return MCU_JITTER_BIN_MS;
}


/* What is later than FINE_MS would not be waited for: it counts for nothing here. */
static void note_worst(struct mcu_jitter *j, int ms, int64_t now_ns)
{
    int64_t second = now_ns / MCU_NS_PER_S;
    for (int i = 0; i < MCU_JITTER_SECONDS && j->second < second; i++)
        j->worst[++j->second % MCU_JITTER_SECONDS] = 0;
    j->second = second;
    uint8_t *worst = &j->worst[second % MCU_JITTER_SECONDS];
    if (ms < FINE_MS && ms >= *worst)
        *worst = (uint8_t)(ms + 1);
}

/* Of the last ten seconds but the two worst ones. */
static int third_worst_ms(const struct mcu_jitter *j)
{
    int worst[3] = { 0 }; /* falling */
    for (int i = 0; i < MCU_JITTER_SECONDS; i++) {
        int ms = j->worst[i];
        for (int k = 0; k < 3; k++) {
            int less = mcu_min(ms, worst[k]);
            worst[k] = mcu_max(ms, worst[k]);
            ms = less;
        }
    }
    return worst[2];
}

static float beyond_fine(const struct mcu_jitter *j)
{
    float sum = 0;
    for (int i = FINE_MS / MCU_JITTER_BIN_MS; i <= j->top; i++)
        sum += j->bin[i];
    return sum;
}

/* The percentile ms by ms. */
static int fine_percentile_ms(const struct mcu_jitter *j, float tail)
{
    float above = beyond_fine(j);
    int ms = FINE_MS;
    while (ms > 1 && (above += j->fine[ms - 1]) <= tail)
        ms--;
    return ms;
}

/* A quiet network needs little room for what it has not shown yet, a restless one more. */
static int wanted_ms(struct mcu_jitter *j)
{
    int usual = percentile_ms(j, TAIL);
    if (usual <= FINE_MS)
        usual = fine_percentile_ms(j, TAIL);
    int margin = mcu_clamp(usual / 2, MARGIN_LEAST_MS, MARGIN_MOST_MS);
    int rare = third_worst_ms(j);
    j->need_ms = mcu_max(usual, rare);
    rare += mcu_max(rare / 4, MARGIN_LEAST_MS);
    return mcu_min(mcu_max(usual + margin, rare), MCU_JITTER_MAX_MS);
}

static void update_delay(struct mcu_jitter *j, int64_t now_ns)
{
    int want = wanted_ms(j);
    double fall = (double)(now_ns - j->at_ns) / 1e9 * FALL_MS_PER_S;
    if (want >= j->delay_ms || j->delay_ms - fall < want)
        j->delay_ms = want;
    else if (fall > 0)
        j->delay_ms -= fall;
    j->at_ns = now_ns;
}

int mcu_jitter_packet(struct mcu_jitter *j, uint32_t rtp_ts, int64_t now_ns)
{
    int64_t transit = transit_ns(j, rtp_ts, now_ns);
    int64_t fastest = mcu_min_filter_value(&j->fastest);
    if (j->fastest.valid &&
        (transit - fastest > OUTLIER_NS || transit - fastest < -OUTLIER_NS)) {
        /* A stall, or timestamps that jumped: only the latter goes on for long. */
        if (++j->outliers < OUTLIERS_MAX)
            return 0;
        new_base(j, rtp_ts);
        transit = now_ns;
    }
    j->outliers = 0;
    mcu_min_filter_add(&j->fastest, transit, now_ns);
    int64_t rel = transit - mcu_min_filter_value(&j->fastest);
    int ms = (int)(rel / MCU_NS_PER_MS);
    histogram_add(j, ms);
    note_worst(j, ms, now_ns);
    update_delay(j, now_ns);
    return ms;
}

int mcu_jitter_delay_ms(const struct mcu_jitter *j)
{
    return j->count > 0 ? (int)(j->delay_ms + 0.999) : 0;
}

int mcu_jitter_spare_ms(const struct mcu_jitter *j)
{
    return mcu_clamp(mcu_jitter_delay_ms(j) - j->need_ms, 0, SPARE_MOST_MS);
}
