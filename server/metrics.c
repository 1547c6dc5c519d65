#include "server/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "server/server.h"
#include "server/utf8.h"

/* A label's value: backslash, quote and line end escaped (exposition format, "Comments, help text,
 * and type information"), broken UTF-8 replaced. */
#define LABEL_BYTES (6 * MCU_ROOM_MAX)

static const char *label(char out[LABEL_BYTES], const char *text)
{
    char clean[3 * MCU_ROOM_MAX];
    size_t n = 0;
    mcu_utf8_clean(clean, sizeof(clean), text);
    for (const char *p = clean; *p; p++) {
        if (*p == '\\' || *p == '"' || *p == '\n')
            out[n++] = '\\';
        out[n++] = *p == '\n' ? 'n' : *p;
    }
    out[n] = '\0';
    return out;
}

static void head(FILE *f, const char *name, const char *type, const char *help)
{
    fprintf(f, "# HELP tessera_%s %s\n# TYPE tessera_%s %s\n", name, help, name, type);
}

static void gauge(FILE *f, const char *name, double value, const char *help)
{
    head(f, name, "gauge", help);
    fprintf(f, "tessera_%s %.17g\n", name, value);
}

static void write_counters(FILE *f)
{
    for (int i = 0; i < MCU_CNT_COUNT; i++) {
        enum mcu_counter c = (enum mcu_counter)i;
        head(f, mcu_counter_name(c), "counter", mcu_counter_help(c));
        fprintf(f, "tessera_%s %" PRIu64 "\n", mcu_counter_name(c), mcu_counter_get(c));
    }
}

/* ---- the process ---- */

static int open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = -3; /* ".", ".." and the one that looks */
    if (!d)
        return 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static double resident_bytes(void)
{
    long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%ld %ld", &total, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void write_process(FILE *f, const struct mcu_snapshot *s)
{
    struct rusage usage = { 0 };
    getrusage(RUSAGE_SELF, &usage);
    head(f, "process_cpu_seconds_total", "counter", "CPU time of the process, user and system");
    fprintf(f, "tessera_process_cpu_seconds_total %.6f\n",
            seconds(usage.ru_utime) + seconds(usage.ru_stime));
    gauge(f, "process_resident_memory_bytes", resident_bytes(), "Memory in use by the process");
    gauge(f, "process_open_fds", open_descriptors(), "Open file descriptors");
    gauge(f, "uptime_seconds", (double)s->uptime_ns / MCU_NS_PER_S, "Since the server started");
    head(f, "build_info", "gauge", "The version, as a label");
    fprintf(f, "tessera_build_info{version=\"%s\"} 1\n", MCU_VERSION);
}

/* ---- workers ---- */

static const char *const kinds[MCU_JOB_KINDS] = { "audio", "video" };

static void write_workers(FILE *f, const struct mcu_workers_stats *w)
{
    head(f, "worker_jobs_total", "counter", "Jobs done by the workers");
    for (int i = 0; i < MCU_JOB_KINDS; i++)
        fprintf(f, "tessera_worker_jobs_total{kind=\"%s\"} %" PRIu64 "\n", kinds[i], w->jobs[i]);
    head(f, "worker_cpu_seconds_total", "counter", "CPU time of the workers' jobs");
    for (int i = 0; i < MCU_JOB_KINDS; i++)
        fprintf(f, "tessera_worker_cpu_seconds_total{kind=\"%s\"} %.6f\n", kinds[i],
                (double)w->cpu_ns[i] / MCU_NS_PER_S);
    head(f, "worker_queue", "gauge", "Strands that wait for a worker");
    for (int i = 0; i < MCU_JOB_KINDS; i++)
        fprintf(f, "tessera_worker_queue{kind=\"%s\"} %d\n", kinds[i], w->queued[i]);
}

/* ---- conferences: one table of figures, each a metric with the conference as label ---- */

#define FIGURES(X)                                                                                 \
    X(c->leg_count, "conference_legs", "gauge", "Legs in the conference")                          \
    X(c->rendition_count, "conference_renditions", "gauge", "Picture encoders that run")           \
    X(c->audio_encoders_shared, "audio_encoders_shared", "gauge",                                  \
      "Sound encoders in the last tick that serve all who are not heard")                          \
    X(c->audio_encoders_own, "audio_encoders_own", "gauge",                                        \
      "Sound encoders in the last tick that serve one leg")                                        \
    X(c->recording, "conference_recording", "gauge", "1 while the conference is recorded")         \
    X(c->audio_ticks, "conference_audio_ticks_total", "counter", "Audio ticks")                    \
    X(c->audio_late, "conference_audio_late_ticks_total", "counter",                               \
      "Audio ticks that began over 5 ms late")                                                     \
    X(c->audio_skipped, "conference_audio_skipped_ticks_total", "counter",                         \
      "Audio ticks that were given up")                                                            \
    X(c->video_ticks, "conference_video_ticks_total", "counter", "Video ticks")                    \
    X(c->video_late, "conference_video_late_ticks_total", "counter",                               \
      "Video ticks that began over 5 ms late")                                                     \
    X(c->video_skipped, "conference_video_skipped_ticks_total", "counter",                         \
      "Video ticks without a free canvas")                                                         \
    X(c->tiles_drawn, "tiles_drawn_total", "counter", "Tiles drawn anew")                          \
    X(c->tiles_kept, "tiles_kept_total", "counter", "Tiles that stood already")                    \
    X((double)c->audio_cpu_ns / 1e9, "conference_audio_cpu_seconds_total", "counter",              \
      "CPU time of the conference's sound")                                                        \
    X((double)c->video_cpu_ns / 1e9, "conference_video_cpu_seconds_total", "counter",              \
      "CPU time of the conference's pictures")

static void write_conferences(FILE *f, const struct mcu_snapshot *s)
{
    char room[LABEL_BYTES];
    const struct mcu_conf_info *c;
#define FIGURE_LINES(value, name, type, help)                                                      \
    head(f, name, type, help);                                                                     \
    for (c = s->confs; c < s->confs + s->conf_count; c++)                                          \
        fprintf(f, "tessera_" name "{conference=\"%s\"} %.15g\n", label(room, c->room),            \
                (double)(value));
    FIGURES(FIGURE_LINES)
#undef FIGURE_LINES
}

/* ---- renditions: several of one conference may have the same labels, and are added up ---- */

struct rendition_sum {
    const struct mcu_rendition_info *first;
    uint64_t running, subscribers, frames, keyframes, bytes;
};

static bool same_labels(const struct mcu_rendition_info *a, const struct mcu_rendition_info *b)
{
    return a->codec == b->codec && a->width == b->width && a->height == b->height &&
           a->fps == b->fps && a->repair == b->repair;
}

static int sum_renditions(const struct mcu_conf_info *c, struct rendition_sum *sums)
{
    int n = 0;
    for (int i = 0; i < c->rendition_count; i++) {
        const struct mcu_rendition_info *r = &c->renditions[i];
        int k = 0;
        while (k < n && !same_labels(sums[k].first, r))
            k++;
        if (k == n)
            sums[n++] = (struct rendition_sum){ .first = r };
        sums[k].running++;
        sums[k].subscribers += (uint64_t)r->subscribers;
        sums[k].frames += r->frames;
        sums[k].keyframes += r->keyframes;
        sums[k].bytes += r->bytes;
    }
    return n;
}

static const struct {
    const char *name, *type, *help;
    size_t offset;
} rendition_figures[] = {
    { "renditions_running", "gauge", "Picture encoders that run",
      offsetof(struct rendition_sum, running) },
    { "rendition_subscribers", "gauge", "Legs that a picture encoder serves",
      offsetof(struct rendition_sum, subscribers) },
    { "rendition_frames", "gauge", "Frames encoded by the encoders that run",
      offsetof(struct rendition_sum, frames) },
    { "rendition_keyframes", "gauge", "Keyframes encoded by the encoders that run",
      offsetof(struct rendition_sum, keyframes) },
    { "rendition_bytes", "gauge", "Bytes made by the encoders that run",
      offsetof(struct rendition_sum, bytes) },
};

static void write_renditions(FILE *f, const struct mcu_snapshot *s)
{
    char room[LABEL_BYTES];
    for (size_t k = 0; k < MCU_ARRAY_LEN(rendition_figures); k++) {
        const char *name = rendition_figures[k].name;
        head(f, name, rendition_figures[k].type, rendition_figures[k].help);
        for (int i = 0; i < s->conf_count; i++) {
            struct rendition_sum sums[MCU_CONF_MAX_RENDITIONS];
            int n = sum_renditions(&s->confs[i], sums);
            label(room, s->confs[i].room);
            for (int j = 0; j < n; j++)
                fprintf(f,
                        "tessera_%s{conference=\"%s\",codec=\"%s\",width=\"%d\",height=\"%d\","
                        "fps=\"%d\",repair=\"%s\"} %" PRIu64 "\n",
                        name, room, mcu_codec_info(sums[j].first->codec)->name,
                        sums[j].first->width, sums[j].first->height, sums[j].first->fps,
                        sums[j].first->repair ? "true" : "false",
                        *(uint64_t *)((char *)&sums[j] + rendition_figures[k].offset));
        }
    }
}

static void write_providers(FILE *f, const struct mcu_snapshot *s)
{
    char address[LABEL_BYTES];
    head(f, "sip_provider_registered", "gauge", "1 while we are registered with the provider");
    for (int i = 0; i < s->provider_count; i++)
        fprintf(f, "tessera_sip_provider_registered{address=\"%s\"} %d\n",
                label(address, s->providers[i].address),
                s->providers[i].state == MCU_SIP_PROVIDER_REGISTERED);
}

char *mcu_metrics_text(const struct mcu_snapshot *s, size_t *size)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, size);
    if (!f)
        return NULL;
    write_counters(f);
    write_process(f, s);
    gauge(f, "conferences", s->conf_count, "Conferences");
    gauge(f, "legs", s->leg_count, "Legs");
    gauge(f, "overload_level", s->overload_level,
          "0: all is well; 1 to 4: pictures at 15, 10, 5, 5 a second, and smaller");
    gauge(f, "overload_refuses", s->refuses, "1 while newcomers are refused because of overload");
    gauge(f, "rtp_port_pairs_used", s->rtp_ports_used, "RTP port pairs taken");
    write_providers(f, s);
    write_workers(f, &s->workers);
    write_conferences(f, s);
    write_renditions(f, s);
    bool failed = ferror(f);
    if (fclose(f) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
