#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mixer/base/clock.h"
#include "mixer/base/pcm.h"
#include "tests/bench/load/load.h"

#define LATEST_MS 800 /* a burst or picture older than this is not the one that is heard or seen */

void load_samples_add(struct load_samples *s, double ms)
{
    if (s->count == s->capacity) {
        int n = s->capacity ? s->capacity * 2 : 4096;
        float *p = realloc(s->ms, (size_t)n * sizeof(*p));
        if (!p)
            abort();
        s->ms = p;
        s->capacity = n;
    }
    s->ms[s->count++] = (float)ms;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double quantile(const struct load_samples *s, double q)
{
    return s->ms[(int)(q * (s->count - 1) + 0.5)];
}

void load_samples_print(const char *name, struct load_samples *s)
{
    printf("\"%s\":{\"n\":%d", name, s->count);
    if (s->count > 0) {
        qsort(s->ms, (size_t)s->count, sizeof(*s->ms), by_value);
        printf(",\"min\":%.3f,\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f", s->ms[0],
               quantile(s, 0.5), quantile(s, 0.9), quantile(s, 0.99), quantile(s, 0.999),
               s->ms[s->count - 1]);
    }
    printf("}");
}

/* ---- ears ---- */

int load_ear_new(struct load_line *l, const struct load_line *from)
{
    struct load_ear *ear = calloc(1, sizeof(*ear));
    int rc = ear ? mcu_adec_new(&ear->dec, l->codec, 1) : -ENOMEM;
    if (rc < 0) {
        free(ear);
        return rc;
    }
    ear->from = from;
    l->ear = ear;
    return 0;
}

/* From the newest burst that had been sent by then. */
static double since_burst(const struct load_line *from, int64_t heard_ns)
{
    for (int i = from->onsets - 1; i >= 0 && i >= from->onsets - LOAD_ONSETS; i--) {
        double ms = (double)(heard_ns - from->onset_ns[i % LOAD_ONSETS]) / 1e6;
        if (ms >= 0)
            return ms;
    }
    return -1;
}

void load_ear_take(struct load_line *l, const struct mcu_rtp *rtp, int64_t now_ns)
{
    struct load_ear *ear = l->ear;
    int16_t pcm[MCU_ADEC_MAX_FRAMES];
    int n = mcu_adec_decode(ear->dec, rtp->payload, rtp->payload_bytes, pcm);
    for (int i = 0; i < n; i++)
        ear->sum += (double)pcm[i] * pcm[i];
    ear->frames += n > 0 ? n : 0;
    int at = n > 0 && ear->from ? load_onset_find(&ear->onset, pcm, n) : -1;
    if (at < 0)
        return;
    double ms = since_burst(ear->from, now_ns + (int64_t)at * MCU_NS_PER_S / MCU_PCM_RATE_HZ);
    if (ms >= 0 && ms < LATEST_MS)
        load_samples_add(&l->delay, ms);
}

double load_ear_dbov(const struct load_ear *ear)
{
    if (ear->frames == 0 || ear->sum <= 0)
        return -127;
    return 10 * log10(ear->sum / (double)ear->frames / (32768.0 * 32768.0));
}

/* ---- eyes ---- */

int load_eye_new(struct load_line *l)
{
    struct load_eye *eye = calloc(1, sizeof(*eye));
    int rc = eye ? mcu_depay_new(&eye->depay, l->codec, NULL, 0, 0) : -ENOMEM;
    if (rc >= 0)
        rc = mcu_vdec_new(&eye->dec, l->codec, 1920, 1088);
    if (rc < 0) {
        free(eye);
        return rc;
    }
    l->eye = eye;
    return 0;
}

static void look(struct load_eye *eye, const struct mcu_pic *pic, int64_t now_ns,
                 struct load_samples *delay)
{
    struct mcu_rect tile[LOAD_TILES];
    int n = mcu_layout_place(MCU_LAYOUT_GRID, eye->tiles, pic->width, pic->height, tile);
    eye->width = pic->width;
    eye->height = pic->height;
    eye->sees = true;
    eye->pictures++;
    for (int i = 0; i < n; i++) {
        int number = eye->from[i] ? load_code_read(pic, mcu_layout_fit(tile[i], 16, 9)) : -1;
        if (number < 0)
            continue;
        eye->readable++;
        if (number == eye->last[i])
            continue;
        double ms = (double)(now_ns - eye->from[i]->code_ns[number]) / 1e6;
        eye->fresh++;
        eye->last[i] = number;
        if (ms >= 0 && ms < LATEST_MS)
            load_samples_add(delay, ms);
    }
}

static void take_unit(struct load_eye *eye, struct mcu_unit *unit, int64_t now_ns,
                      struct load_samples *delay)
{
    struct mcu_pic *pic = NULL;
    if (mcu_vdec_decode(eye->dec, unit, &pic) == 0 && pic)
        look(eye, pic, now_ns, delay);
    mcu_pic_unref(&pic);
    mcu_unit_unref(&unit);
}

void load_eye_take(struct load_line *l, const struct mcu_rtp *rtp, bool lost, int64_t now_ns)
{
    struct mcu_unit *unit;
    int rc = mcu_depay_push(l->eye->depay, rtp->payload, rtp->payload_bytes, rtp->ts, rtp->marker, lost,
                            l->seq_in, &unit);
    while (rc == 1) {
        take_unit(l->eye, unit, now_ns, &l->delay);
        rc = mcu_depay_pull(l->eye->depay, &unit);
    }
}
