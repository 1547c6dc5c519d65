/* bench_load: see load.h. Commands come line by line on standard input; what is asked for goes to
 * standard output as one line of JSON, everything else as "ok" or "error TEXT".
 *
 *   sound NAME CODEC FILE|bursts|noise FROM_S SECONDS     pictures NAME CODEC FILE W H FPS BPS CODE
 *   line ID a|v PORT CODEC PT CLIP|- SKIP PHASE_US GROUP|- TXKEY|- RXKEY|-   (SKIP: packets or pictures)
 *   gone ID             ear ID FROM_ID|-        eye ID FROM_ID|- ...
 *   bare N              N threads that do nothing but send each 20 ms: what the machine can hold
 *   mark                counting begins             report    JSON
 *   quit */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"
#include "net/rtcp.h"
#include "tests/bench/load/load.h"

#define MAX_CLIPS  16
#define MAX_LINES  4096
#define BATCH      64
#define ROUND_NS   MCU_NS_PER_MS
#define WHEEL      20              /* rounds: sound of a phase is in one of them */
#define REPORT_NS  (5 * MCU_NS_PER_S)
#define ASK_NS     (500 * MCU_NS_PER_MS)
#define MAX_BARE   32
#define BARE_EVERY (20 * MCU_NS_PER_MS)

struct outbox {
    struct mmsghdr msg[BATCH];
    struct iovec iov[BATCH];
    struct sockaddr_in to[BATCH];
    _Alignas(16) uint8_t data[BATCH][2048];
    int count;
};

struct group {
    char name[16];
    struct load_samples apart;
};

static struct {
    int fd[2];                            /* RTP, RTCP */
    struct load_clip clip[MAX_CLIPS];
    int clips;
    struct load_line *line[MAX_LINES];    /* by id */
    struct load_line *by_port[65536];     /* the server's port for RTP */
    struct load_line *wheel[WHEEL][MAX_LINES], *video[MAX_LINES];
    int in_slot[WHEEL], videos;
    struct group group[8];
    int groups;
    struct outbox out;
    int64_t real_minus_mono_ns, next_report_ns, next_ask_ns, mark_ns;
    int port;
    bool quit;
} load;

/* ---- sockets ---- */

static int open_socket(int port)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, big = 64 << 20;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big)); /* as far as it may */
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void flush(void)
{
    for (int done = 0; done < load.out.count;) {
        int n = sendmmsg(load.fd[0], load.out.msg + done, (unsigned)(load.out.count - done), 0);
        done += n > 0 ? n : 1; /* what is refused is lost, as on a network */
    }
    load.out.count = 0;
}

static void put(struct load_line *l, const struct load_packet *p)
{
    int i = load.out.count++;
    uint8_t *buf = load.out.data[i];
    struct mcu_rtp rtp = { .pt = (uint8_t)l->pt, .marker = p->marker, .seq = l->seq++, .ts = l->ts,
                           .ssrc = l->ssrc };
    int head = mcu_rtp_write(&rtp, buf, sizeof(load.out.data[i]));
    memcpy(buf + head, p->data, p->size);
    if (l->codec == MCU_CODEC_VP8) { /* the clip goes round, its picture ids do not */
        buf[head + 2] = (uint8_t)(0x80 | l->picture_id >> 8);
        buf[head + 3] = (uint8_t)l->picture_id;
    }
    int size = head + p->size;
    if (l->srtp)
        size = mcu_srtp_protect(l->srtp, false, buf, (size_t)size, sizeof(load.out.data[i]));
    load.out.to[i] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(l->port),
                                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    load.out.iov[i] = (struct iovec){ buf, size > 0 ? (size_t)size : 0 };
    load.out.msg[i].msg_hdr = (struct msghdr){ .msg_name = &load.out.to[i],
                                               .msg_namelen = sizeof(load.out.to[i]),
                                               .msg_iov = &load.out.iov[i], .msg_iovlen = 1 };
    if (load.out.count == BATCH)
        flush();
}

/* All packets of one time. */
static void send_frame(struct load_line *l, int64_t now_ns)
{
    const struct load_clip *c = l->clip;
    int frame = c->packets[l->at].frame;
    do {
        const struct load_packet *p = &c->packets[l->at];
        if (p->onset_frames >= 0)
            l->onset_ns[l->onsets++ % LOAD_ONSETS] =
                now_ns + (int64_t)p->onset_frames * MCU_NS_PER_MS / 48;
        put(l, p);
        l->at = (l->at + 1) % c->count;
    } while (c->packets[l->at].frame == frame);
    l->code_ns[frame % LOAD_CODE_FRAMES] = now_ns;
    l->picture_id = (l->picture_id + 1) & 0x7fff;
    l->ts += c->ts_step;
}

static void send_due(int64_t round)
{
    int slot = (int)(round % WHEEL);
    for (int i = 0; i < load.in_slot[slot]; i++)
        send_frame(load.wheel[slot][i], mcu_clock_now_ns());
    flush();
    for (int i = 0; i < load.videos; i++) {
        struct load_line *l = load.video[i];
        int64_t now = mcu_clock_now_ns();
        if (now < l->next_ns)
            continue;
        send_frame(l, now);
        flush();
        l->next_ns += l->clip->step_ns;
        if (l->next_ns < now)
            l->next_ns = now + l->clip->step_ns; /* it began, or we stood still */
    }
}

/* An eye that came when the others had had their keyframe asks for one. */
static void ask_keyframes(int64_t now_ns)
{
    if (now_ns < load.next_ask_ns)
        return;
    load.next_ask_ns = now_ns + ASK_NS;
    for (int i = 0; i < MAX_LINES; i++) {
        struct load_line *l = load.line[i];
        _Alignas(16) uint8_t buf[512];
        struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf) - MCU_SRTP_TRAILER_MAX);
        if (!l || !l->eye || l->eye->sees || !l->started)
            continue;
        mcu_rtcp_write_rr(&w, l->ssrc, NULL, 0);
        mcu_rtcp_write_cname(&w, l->ssrc, "bench");
        mcu_rtcp_write_pli(&w, l->ssrc, l->ssrc_in);
        int size = (int)mcu_wcursor_size(&w);
        if (l->srtp)
            size = mcu_srtp_protect(l->srtp, true, buf, (size_t)size, sizeof(buf));
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(l->port + 1)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        if (size > 0)
            sendto(load.fd[1], buf, (size_t)size, 0, (struct sockaddr *)&to, sizeof(to));
    }
}

/* A caller who sends nothing says by reports that he is there. */
static void send_reports(int64_t now_ns)
{
    if (now_ns < load.next_report_ns)
        return;
    load.next_report_ns = now_ns + REPORT_NS;
    for (int i = 0; i < MAX_LINES; i++) {
        struct load_line *l = load.line[i];
        uint8_t buf[256];
        struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
        if (!l || l->kind == 't' || l->srtp || l->clip)
            continue;
        mcu_rtcp_write_rr(&w, l->ssrc, NULL, 0);
        mcu_rtcp_write_cname(&w, l->ssrc, "bench");
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(l->port + 1)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        sendto(load.fd[1], buf, mcu_wcursor_size(&w), 0, (struct sockaddr *)&to, sizeof(to));
    }
}

/* ---- what comes back ---- */

static struct group *group_of(const char *name)
{
    for (int i = 0; i < load.groups; i++)
        if (!strcmp(load.group[i].name, name))
            return &load.group[i];
    if (load.groups == (int)MCU_ARRAY_LEN(load.group))
        return NULL;
    struct group *g = &load.group[load.groups++];
    snprintf(g->name, sizeof(g->name), "%s", name);
    return g;
}

static void count_packet(struct load_line *l, uint16_t seq, uint32_t ssrc, bool marker, size_t size,
                         int64_t at_ns)
{
    int16_t step = (int16_t)(seq - l->seq_in);
    struct group *g = l->group[0] ? group_of(l->group) : NULL;
    if (l->started && step > 1)
        l->lost += (uint64_t)step - 1;
    if (g && l->packets > 0 && step == 1)
        load_samples_add(&g->apart, (double)(at_ns - l->last_ns) / 1e6);
    if (l->packets == 0)
        l->first_ns = at_ns;
    l->started = true;
    l->seq_in = seq;
    l->ssrc_in = ssrc;
    l->packets++;
    l->bytes += size;
    l->frames += marker;
    l->last_ns = at_ns;
}

static void take_rtp(struct load_line *l, uint8_t *data, size_t size, int64_t at_ns)
{
    struct mcu_rtp rtp;
    if (l->srtp && (l->ear || l->eye)) {
        int n = mcu_srtp_unprotect(l->srtp, false, data, size);
        if (n < 0)
            return;
        size = (size_t)n;
    }
    if (mcu_rtp_parse(&rtp, data, size) < 0)
        return;
    bool lost = l->started && (uint16_t)(rtp.seq - l->seq_in) != 1;
    count_packet(l, rtp.seq, rtp.ssrc, rtp.marker, size, at_ns);
    if (l->ear)
        load_ear_take(l, &rtp, at_ns);
    if (l->eye)
        load_eye_take(l, &rtp, lost, at_ns);
}

static void take_rtcp(struct load_line *l, const uint8_t *data, size_t size)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    struct mcu_rtcp p;
    if (l->srtp || mcu_rtcp_check(data, size) < 0)
        return;
    for (int rc; (rc = mcu_rtcp_next(&c, &p)) != 0;)
        if (rc > 0 && p.type == MCU_RTCP_PSFB && (p.count == MCU_PSFB_PLI || p.count == MCU_PSFB_FIR)) {
            l->keys_asked++;
            l->at = 0; /* the clip begins with one */
        }
}

/* The kernel's arrival time. */
static int64_t arrival_ns(struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec ts;
            memcpy(&ts, CMSG_DATA(c), sizeof(ts));
            return ts.tv_sec * MCU_NS_PER_S + ts.tv_nsec - load.real_minus_mono_ns;
        }
    return mcu_clock_now_ns();
}

static bool receive(int component)
{
    static _Alignas(16) uint8_t data[BATCH][2048];
    static char control[BATCH][64];
    struct mmsghdr msg[BATCH];
    struct iovec iov[BATCH];
    struct sockaddr_in from[BATCH];
    for (int i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){ data[i], sizeof(data[i]) };
        msg[i].msg_hdr = (struct msghdr){ .msg_name = &from[i], .msg_namelen = sizeof(from[i]),
                                          .msg_iov = &iov[i], .msg_iovlen = 1,
                                          .msg_control = control[i], .msg_controllen = 64 };
    }
    int n = recvmmsg(load.fd[component], msg, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        struct load_line *l = load.by_port[(ntohs(from[i].sin_port) - component) & 0xffff];
        if (l && component == 0)
            take_rtp(l, data[i], msg[i].msg_len, arrival_ns(&msg[i].msg_hdr));
        else if (l)
            take_rtcp(l, data[i], msg[i].msg_len);
    }
    return n == BATCH;
}

/* ---- the bare timer ---- */

static void *run_bare(void *arg)
{
    int fd = (int)(intptr_t)arg;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)load.port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int64_t next = mcu_clock_now_ns() + BARE_EVERY;
    struct sched_param usual = { 0 };
    pthread_setschedparam(pthread_self(), SCHED_OTHER, &usual); /* as the server's */
    for (uint16_t seq = 0; !load.quit; seq++, next += BARE_EVERY) {
        uint8_t buf[172];
        struct mcu_rtp rtp = { .seq = seq };
        struct timespec ts = { next / MCU_NS_PER_S, next % MCU_NS_PER_S };
        memset(buf, 0, sizeof(buf));
        mcu_rtp_write(&rtp, buf, sizeof(buf));
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
        sendto(fd, buf, sizeof(buf), 0, (struct sockaddr *)&to, sizeof(to));
    }
    return NULL;
}

static int free_id(void)
{
    for (int i = MAX_LINES - 1; i >= 0; i--)
        if (!load.line[i])
            return i;
    return -1;
}

static int start_bare(void)
{
    struct sockaddr_in a;
    socklen_t size = sizeof(a);
    pthread_t thread;
    int fd = open_socket(0), id = free_id();
    struct load_line *l = calloc(1, sizeof(*l));
    if (fd < 0 || id < 0 || !l || getsockname(fd, (struct sockaddr *)&a, &size) < 0)
        return -ENOMEM;
    *l = (struct load_line){ .id = id, .kind = 't', .group = "bare", .port = ntohs(a.sin_port) };
    load.line[id] = load.by_port[l->port] = l;
    return -pthread_create(&thread, NULL, run_bare, (void *)(intptr_t)fd);
}

/* ---- commands ---- */

static enum mcu_codec codec_of(const char *name)
{
    for (int i = MCU_CODEC_NONE + 1; i < MCU_CODEC_COUNT; i++)
        if (!strcasecmp(mcu_codec_info((enum mcu_codec)i)->name, name))
            return (enum mcu_codec)i;
    return MCU_CODEC_NONE;
}

static int do_sound(char **a, int n)
{
    struct load_clip *c = &load.clip[load.clips];
    if (n < 6 || load.clips == MAX_CLIPS)
        return -EINVAL;
    snprintf(c->name, sizeof(c->name), "%s", a[1]);
    int rc = load_clip_sound(c, codec_of(a[2]), a[3], atof(a[4]), atof(a[5]));
    load.clips += rc == 0;
    return rc;
}

static int do_pictures(char **a, int n)
{
    struct load_clip *c = &load.clip[load.clips];
    if (n < 9 || load.clips == MAX_CLIPS)
        return -EINVAL;
    snprintf(c->name, sizeof(c->name), "%s", a[1]);
    int rc = load_clip_pictures(c, codec_of(a[2]), a[3], atoi(a[4]), atoi(a[5]), atoi(a[6]),
                                atoi(a[7]), atoi(a[8]));
    load.clips += rc == 0;
    return rc;
}

static int take_keys(struct load_line *l, const char *tx, const char *rx)
{
    const char *text[2] = { tx, rx };
    if (!strcmp(tx, "-"))
        return 0;
    int rc = mcu_srtp_new(&l->srtp, l->ssrc);
    for (int k = 0; rc == 0 && k < 2; k++) {
        struct mcu_srtp_key key = { .suite = strlen(text[k]) == 56 ? MCU_SRTP_AES128_GCM
                                                                   : MCU_SRTP_AES128_SHA1_80 };
        for (size_t i = 0; i < 30 && text[k][2 * i] && text[k][2 * i + 1]; i++) {
            char hex[3] = { text[k][2 * i], text[k][2 * i + 1], 0 };
            key.bytes[i] = (uint8_t)strtoul(hex, NULL, 16);
        }
        rc = k ? mcu_srtp_set_rx(l->srtp, &key) : mcu_srtp_set_tx(l->srtp, &key);
    }
    return rc;
}

static void schedule(struct load_line *l, int skip, int64_t phase_us)
{
    while (l->clip->packets[l->at].frame != skip % l->clip->frames)
        l->at = (l->at + 1) % l->clip->count;
    if (l->kind == 'a') {
        int slot = (int)(phase_us / 1000 % WHEEL);
        load.wheel[slot][load.in_slot[slot]++] = l;
    } else {
        l->next_ns = mcu_clock_now_ns() + phase_us * 1000;
        load.video[load.videos++] = l;
    }
}

static int do_line(char **a, int n)
{
    int id = n < 12 ? -1 : atoi(a[1]), port = n < 12 ? 0 : atoi(a[3]);
    if (id < 0 || id >= MAX_LINES || load.line[id] || port <= 0 || port > 65535)
        return -EINVAL;
    struct load_line *l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    *l = (struct load_line){ .id = id, .kind = a[2][0], .port = (uint16_t)port, .codec = codec_of(a[4]),
                             .pt = atoi(a[5]), .ssrc = (uint32_t)(0x10000 + id * 7919),
                             .ts = (uint32_t)rand(), .seq = (uint16_t)rand() };
    snprintf(l->group, sizeof(l->group), "%s", strcmp(a[9], "-") ? a[9] : "");
    for (int i = 0; i < load.clips; i++)
        if (!strcmp(load.clip[i].name, a[6]))
            l->clip = &load.clip[i];
    if (!l->clip && strcmp(a[6], "-"))
        return -ENOENT;
    int rc = take_keys(l, a[10], a[11]);
    if (rc < 0)
        return rc;
    load.line[id] = load.by_port[port] = l;
    if (l->clip)
        schedule(l, atoi(a[7]), atoll(a[8]));
    return 0;
}

static void unschedule(struct load_line **list, int *count, const struct load_line *l)
{
    for (int i = 0; i < *count; i++)
        if (list[i] == l)
            list[i--] = list[--*count];
}

static struct load_line *line_at(const char *text)
{
    int id = strcmp(text, "-") ? atoi(text) : -1;
    return id >= 0 && id < MAX_LINES ? load.line[id] : NULL;
}

/* It is silent from now on, and what still comes is not counted. */
static int do_gone(char **a, int n)
{
    struct load_line *l = n < 2 ? NULL : line_at(a[1]);
    if (!l)
        return -ENOENT;
    for (int i = 0; i < WHEEL; i++)
        unschedule(load.wheel[i], &load.in_slot[i], l);
    unschedule(load.video, &load.videos, l);
    load.by_port[l->port] = NULL;
    load.line[l->id] = NULL; /* others may still point to it: it stays */
    return 0;
}

static int do_ear(char **a, int n)
{
    struct load_line *l = n < 3 ? NULL : line_at(a[1]);
    return l ? load_ear_new(l, line_at(a[2])) : -ENOENT;
}

static int do_eye(char **a, int n)
{
    struct load_line *l = n < 2 ? NULL : line_at(a[1]);
    int rc = l ? load_eye_new(l) : -ENOENT;
    for (int i = 2; rc == 0 && i < n && i < 2 + LOAD_TILES; i++)
        l->eye->from[l->eye->tiles++] = line_at(a[i]);
    return rc;
}

static int do_bare(char **a, int n)
{
    int rc = 0;
    for (int i = 0; rc == 0 && n > 1 && i < mcu_min(atoi(a[1]), MAX_BARE); i++)
        rc = start_bare();
    return rc;
}

static int do_mark(char **a, int n)
{
    for (int i = 0; i < MAX_LINES; i++) {
        struct load_line *l = load.line[i];
        if (!l)
            continue;
        l->packets = l->bytes = l->lost = l->frames = l->keys_asked = 0;
        l->delay.count = 0;
        if (l->ear)
            l->ear->sum = 0, l->ear->frames = 0;
        if (l->eye)
            l->eye->pictures = l->eye->readable = l->eye->fresh = 0;
    }
    for (int i = 0; i < load.groups; i++)
        load.group[i].apart.count = 0;
    load.mark_ns = mcu_clock_now_ns();
    return 0;
}

static void report_line(struct load_line *l)
{
    printf("{\"id\":%d,\"kind\":\"%c\",\"packets\":%llu,\"bytes\":%llu,\"lost\":%llu,\"frames\":%llu,"
           "\"keys_asked\":%llu,\"span_s\":%.4f", l->id, l->kind, (unsigned long long)l->packets,
           (unsigned long long)l->bytes, (unsigned long long)l->lost, (unsigned long long)l->frames,
           (unsigned long long)l->keys_asked,
           l->packets > 1 ? (double)(l->last_ns - l->first_ns) / 1e9 : 0.0);
    if (l->ear)
        printf(",\"dbov\":%.1f", load_ear_dbov(l->ear));
    if (l->eye)
        printf(",\"width\":%d,\"height\":%d,\"pictures\":%llu,\"readable\":%llu,\"fresh\":%llu",
               l->eye->width, l->eye->height, (unsigned long long)l->eye->pictures,
               (unsigned long long)l->eye->readable, (unsigned long long)l->eye->fresh);
    if (l->ear || l->eye) {
        printf(",\"delay_ms\":[");
        for (int i = 0; i < l->delay.count; i++)
            printf("%s%.2f", i ? "," : "", l->delay.ms[i]);
        printf("]");
    }
    printf("}");
}

static void do_report(void)
{
    const char *comma = "";
    printf("{\"seconds\":%.4f,\"lines\":[", (double)(mcu_clock_now_ns() - load.mark_ns) / 1e9);
    for (int i = 0; i < MAX_LINES; i++) {
        if (!load.line[i] || load.line[i]->kind == 't')
            continue;
        printf("%s", comma);
        report_line(load.line[i]);
        comma = ",";
    }
    printf("],\"apart\":{");
    for (int i = 0; i < load.groups; i++) {
        printf("%s", i ? "," : "");
        load_samples_print(load.group[i].name, &load.group[i].apart);
    }
    printf("}}\n");
}

static void command(char *text)
{
    static const struct {
        const char *name;
        int (*run)(char **a, int n);
    } table[] = { { "sound", do_sound }, { "pictures", do_pictures }, { "line", do_line },
                  { "gone", do_gone },   { "ear", do_ear },           { "eye", do_eye },
                  { "bare", do_bare },   { "mark", do_mark } };
    char *a[40], *rest = NULL;
    int n = 0, rc = -ENOSYS;
    for (char *p = strtok_r(text, " \n", &rest); p && n < 40; p = strtok_r(NULL, " \n", &rest))
        a[n++] = p;
    if (n == 0)
        return;
    if (!strcmp(a[0], "quit")) {
        load.quit = true;
    } else if (!strcmp(a[0], "report")) {
        do_report();
    } else {
        for (size_t i = 0; i < MCU_ARRAY_LEN(table); i++)
            if (!strcmp(a[0], table[i].name))
                rc = table[i].run(a, n);
        printf(rc < 0 ? "error %s: %s\n" : "ok\n", a[0], strerror(-rc));
    }
    fflush(stdout);
}

/* Whole lines of standard input; its end is the end. */
static void read_commands(void)
{
    static char buf[65536];
    static size_t have;
    struct pollfd p = { .fd = 0, .events = POLLIN };
    while (!load.quit && poll(&p, 1, 0) > 0) {
        ssize_t n = read(0, buf + have, sizeof(buf) - 1 - have);
        if (n <= 0)
            load.quit = true;
        have += n > 0 ? (size_t)n : 0;
        buf[have] = 0;
        char *from = buf, *end;
        while ((end = strchr(from, '\n'))) {
            *end = 0;
            command(from);
            from = end + 1;
        }
        have -= (size_t)(from - buf);
        memmove(buf, from, have + 1);
    }
}

int main(int argc, char **argv)
{
    struct timespec real;
    struct sched_param first = { .sched_priority = 1 };
    load.port = argc > 1 ? atoi(argv[1]) : 0;
    load.fd[0] = open_socket(load.port);
    load.fd[1] = open_socket(load.port + 1);
    if (argc < 2 || load.fd[0] < 0 || load.fd[1] < 0) {
        fprintf(stderr, "bench_load PORT: two free ports are wanted\n");
        return 2;
    }
    clock_gettime(CLOCK_REALTIME, &real);
    load.real_minus_mono_ns = real.tv_sec * MCU_NS_PER_S + real.tv_nsec - mcu_clock_now_ns();
    /* It stands for other machines: what the server does must not make them late. Without the right
     * to it, it goes on as it is. */
    sched_setscheduler(0, SCHED_RR, &first);
    printf("ok %d\n", load.port);
    fflush(stdout);
    int64_t round = mcu_clock_now_ns() / ROUND_NS;
    while (!load.quit) {
        int64_t now = mcu_clock_now_ns(), next = (round + 1) * ROUND_NS;
        struct timespec ts = { next / MCU_NS_PER_S, next % MCU_NS_PER_S };
        if (now < next)
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
        send_due(++round);
        for (int k = 0; k < 2; k++)
            for (int i = 0; i < 8 && receive(k); i++)
                ;
        send_reports(now);
        ask_keyframes(now);
        read_commands();
        if (now > (round + 100) * ROUND_NS)
            round = now / ROUND_NS; /* clips were made meanwhile */
    }
    return 0;
}
