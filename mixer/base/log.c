#include "mixer/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mixer/base/clock.h"

#define LINE_BYTES 1024
#define QUEUE_LINES 1024

struct line {
    size_t size;
    char text[LINE_BYTES];
};

/* The lines that wait for the writing thread. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    struct line *lines; /* [QUEUE_LINES]; NULL: no thread, lines are written at once */
    unsigned first, count;
    uint64_t dropped;
    bool stopping;
} queue = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };

static _Atomic int max_level = MCU_LOG_INFO;
static const char *const level_names[] = { "error", "warn", "info", "debug" };

void mcu_log_set_level(enum mcu_log_level level)
{
    atomic_store(&max_level, (int)level);
}

enum mcu_log_level mcu_log_get_level(void)
{
    return (enum mcu_log_level)atomic_load(&max_level);
}

int mcu_log_level_parse(const char *name, enum mcu_log_level *out)
{
    for (size_t i = 0; i < MCU_ARRAY_LEN(level_names); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out = (enum mcu_log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* Nothing sensible can be done when stderr is gone. */
static void write_out(const char *text, size_t size)
{
    if (write(STDERR_FILENO, text, size) < 0)
        return;
}

static void put(const char *text, size_t size)
{
    bool queued = true;
    pthread_mutex_lock(&queue.lock);
    if (!queue.lines) {
        queued = false;
    } else if (queue.count == QUEUE_LINES) {
        queue.dropped++;
    } else {
        struct line *l = &queue.lines[(queue.first + queue.count++) % QUEUE_LINES];
        memcpy(l->text, text, size);
        l->size = size;
        pthread_cond_signal(&queue.wake);
    }
    pthread_mutex_unlock(&queue.lock);
    if (!queued)
        write_out(text, size);
}

static void tell_dropped(uint64_t dropped)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "log lines dropped: %llu\n", (unsigned long long)dropped);
    if (dropped)
        write_out(text, (size_t)n);
}

static void *write_lines(void *arg)
{
    struct line line;
    pthread_mutex_lock(&queue.lock);
    for (;;) {
        while (!queue.count && !queue.stopping)
            pthread_cond_wait(&queue.wake, &queue.lock);
        if (!queue.count)
            break;
        line = queue.lines[queue.first];
        queue.first = (queue.first + 1) % QUEUE_LINES;
        queue.count--;
        uint64_t dropped = queue.dropped;
        queue.dropped = 0;
        pthread_mutex_unlock(&queue.lock);
        tell_dropped(dropped);
        write_out(line.text, line.size);
        pthread_mutex_lock(&queue.lock);
    }
    pthread_mutex_unlock(&queue.lock);
    return NULL;
}

void mcu_log_start(void)
{
    struct line *lines = calloc(QUEUE_LINES, sizeof(*lines));
    if (!lines)
        return;
    pthread_mutex_lock(&queue.lock);
    queue.lines = lines;
    queue.stopping = false;
    pthread_mutex_unlock(&queue.lock);
    if (pthread_create(&queue.thread, NULL, write_lines, NULL) == 0)
        return;
    pthread_mutex_lock(&queue.lock);
    queue.lines = NULL;
    pthread_mutex_unlock(&queue.lock);
    free(lines);
}

void mcu_log_stop(void)
{
    pthread_mutex_lock(&queue.lock);
    struct line *lines = queue.lines;
    queue.stopping = true;
    pthread_cond_signal(&queue.wake);
    pthread_mutex_unlock(&queue.lock);
    if (!lines)
        return;
    pthread_join(queue.thread, NULL);
    pthread_mutex_lock(&queue.lock);
    queue.lines = NULL;
    pthread_mutex_unlock(&queue.lock);
    free(lines);
}

static void write_line(enum mcu_log_level level, const char *event, uint32_t held_back,
                       const char *fmt, va_list ap)
{
    char line[LINE_BYTES];
    size_t cap = sizeof(line) - 1; /* room for the line end */
    struct timespec t;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    size_t n = strftime(line, cap, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(line + n, cap - n, ".%03ldZ %-5s %s", t.tv_nsec / 1000000,
                          level_names[level], event);
    if (held_back && n < cap)
        n += (size_t)snprintf(line + n, cap - n, " held_back=%u", held_back);
    if (fmt && n + 1 < cap) {
        line[n++] = ' ';
        int k = vsnprintf(line + n, cap - n, fmt, ap);
        n += k > 0 ? (size_t)k : 0;
    }
    if (n > cap)
        n = cap;
    line[n++] = '\n';
    put(line, n);
}

void mcu_log(enum mcu_log_level level, const char *event, const char *fmt, ...)
{
    if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
        return;
    va_list ap;
    va_start(ap, fmt);
    write_line(level, event, 0, fmt, ap);
    va_end(ap);
}

void mcu_log_limited(struct mcu_log_limit *limit, enum mcu_log_level level, const char *event,
                     const char *fmt, ...)
{
    if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
        return;
    int64_t now = mcu_clock_now_ns();
    int64_t next = atomic_load(&limit->next_ns);
    if (now < next || !atomic_compare_exchange_strong(&limit->next_ns, &next, now + MCU_NS_PER_S)) {
        atomic_fetch_add(&limit->held_back, 1);
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    write_line(level, event, atomic_exchange(&limit->held_back, 0), fmt, ap);
    va_end(ap);
}

/* Bytes of the UTF-8 character at s, or 0 if it is none (RFC 3629 section 4, without the finer
 * bounds on the second byte: a log needs only not to be cut inside a character). */
static size_t utf8_len(const unsigned char *s)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 ? 3
             : s[0] >= 0xc2 ? 2 : 0;
    if (s[0] >= 0xf5)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

const char *mcu_log_quote(char *buf, size_t size, const char *s)
{
    size_t n = 0;
    if (size < 3) {
        if (size)
            buf[0] = '\0';
        return buf;
    }
    buf[n++] = '"';
    for (const unsigned char *p = (const unsigned char *)(s ? s : ""); *p;) {
        char esc[5];
        size_t len = utf8_len(p);
        const char *from = (const char *)p;
        if (*p == '"' || *p == '\\') {
            esc[0] = '\\';
            esc[1] = (char)*p;
            from = esc;
            len = 2;
        } else if (len == 0 || *p < 0x20 || *p == 0x7f) {
            snprintf(esc, sizeof(esc), "\\x%02x", *p);
            from = esc;
            len = 4;
        }
        if (n + len + 2 > size)
            break;
        memcpy(buf + n, from, len);
        n += len;
        p += from == esc ? 1 : len;
    }
    buf[n++] = '"';
    buf[n] = '\0';
    return buf;
}
