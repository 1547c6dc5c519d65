/* mcu_web_peer --server HOST:PORT [option VALUE]... - scripted WebRTC peers (web_peer.h).
 *
 *   --door join|whip|whep  --room NAME  --name NAME    join, room, wp
 *   --count N  --at-once N     peers in all, at a time (1, 1)
 *   --ends leave|post|mixed    by DELETE; silent after the POST; or going round: DELETE, after the POST,
 *                              in ICE, in DTLS, in media (leave)
 *   --seconds S                of media, each (1)
 *   --listen HZ                the first measures this tone in what it hears
 *   --video 1                  with a picture line
 *   --attack NAME --packets N --rate N --seed N    of the first, once its media flow
 *   --flood N                  datagrams a second from a stranger to each port while it connects
 *
 * Prints one JSON object. Exit status 0: it ran, whatever the peers met. */
#include "web_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "mixer/base/clock.h"
#include "mixer/base/util.h"
#include "net/loop_priv.h"

#define TICK_NS (5 * MCU_NS_PER_MS)

uint64_t wp_random(struct wp *p)
{
    p->random ^= p->random << 13;
    p->random ^= p->random >> 7;
    p->random ^= p->random << 17;
    return p->random * UINT64_C(0x2545f4914f6cdd1d) >> 11;
}

int64_t wp_now(const struct wp *p)
{
    return mcu_clock_now_ns();
}

/* ---- who comes when ---- */

static void attack(struct wp *p, struct wp_call *c, int64_t now)
{
    if (!c->ready_ns || c->next) /* the first that came is the last in the list */
        return;
    if (!wp_attack_tick(p->attack, c, now) && c->over_ns < now + MCU_NS_PER_S)
        c->over_ns = now + MCU_NS_PER_S;
}

static void reap(struct wp *p)
{
    for (struct wp_call **at = &p->calls; *at;) {
        struct wp_call *c = *at;
        if (!c->over) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        p->active--;
        wp_call_free(c);
    }
}

static void begin_one(struct wp *p)
{
    enum wp_end end = strcmp(p->options.ends, "mixed") == 0  ? (enum wp_end)(p->begun % WP_ENDS)
                      : strcmp(p->options.ends, "post") == 0 ? WP_AFTER_POST
                                                             : WP_LEAVE;
    p->begun++;
    struct wp_call *c = wp_call_new(p, end);
    if (!c)
        return;
    c->next = p->calls;
    p->calls = c;
    p->active++;
}

static void on_tick(struct mcu_timer *timer)
{
    struct wp *p = mcu_container_of(timer, struct wp, tick);
    int64_t now = wp_now(p);
    for (struct wp_call *c = p->calls; c; c = c->next) {
        wp_call_tick(c, now);
        if (p->attack)
            attack(p, c, now);
    }
    reap(p);
    if (p->begun < p->options.count && p->active < p->options.at_once)
        begin_one(p);
    mcu_timer_start(timer, now + TICK_NS);
}

/* ---- report ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_report(struct wp *p)
{
    struct wp_counts *k = &p->counts;
    int n = mcu_min(k->connected, (int)MCU_ARRAY_LEN(k->connect_ms));
    qsort(k->connect_ms, (size_t)n, sizeof(double), compare);
    printf("{\"begun\": %d, \"created\": %d, \"refused\": %d, \"connected\": %d, \"failed\": %d, "
           "\"left\": %d, \"connect_ms\": %.1f, \"connect_ms_max\": %.1f, \"answer_ms_max\": %.1f, ",
           p->begun, k->created, k->refused, k->connected, k->failed, k->left,
           n ? k->connect_ms[n / 2] : 0.0, n ? k->connect_ms[n - 1] : 0.0,
           (double)k->slowest_answer_ns / MCU_NS_PER_MS);
    printf("\"statuses\": {");
    for (int i = 0, some = 0; i < 600; i++)
        if (k->status[i])
            printf("%s\"%d\": %d", some++ ? ", " : "", i, k->status[i]);
    printf("}");
    if (p->attack)
        printf(", \"sent\": %d", wp_attack_sent(p->attack));
    if (p->sound) {
        printf(", \"sound\": ");
        wp_sound_print(p->sound);
    }
    printf("}\n");
}

/* ---- command line ---- */

static bool set_option(struct wp_options *o, const char *name, const char *value)
{
    struct {
        const char *name;
        const char **text;
        int *number;
        double *real;
    } rows[] = {
        { "--door", &o->door, NULL, NULL }, { "--room", &o->room, NULL, NULL },
        { "--name", &o->name, NULL, NULL }, { "--attack", &o->attack, NULL, NULL },
        { "--ends", &o->ends, NULL, NULL }, { "--count", NULL, &o->count, NULL }, { "--at-once", NULL, &o->at_once, NULL },
        { "--packets", NULL, &o->packets, NULL }, { "--rate", NULL, &o->rate, NULL },
        { "--flood", NULL, &o->flood, NULL }, { "--seconds", NULL, NULL, &o->seconds },
        { "--listen", NULL, NULL, &o->hz },
    };
    for (size_t i = 0; i < MCU_ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        if (rows[i].text)
            *rows[i].text = value;
        else if (rows[i].number)
            *rows[i].number = atoi(value);
        else
            *rows[i].real = atof(value);
        return true;
    }
    if (strcmp(name, "--server") == 0)
        return sscanf(value, "%63[^:]:%d", o->host, &o->port) == 2;
    if (strcmp(name, "--video") == 0)
        o->video = atoi(value);
    else if (strcmp(name, "--seed") == 0)
        o->seed = strtoull(value, NULL, 0);
    else
        return false;
    return true;
}

static bool read_options(struct wp_options *o, int argc, char **argv)
{
    *o = (struct wp_options){ .door = "join", .room = "room", .name = "wp", .ends = "leave", .count = 1,
                              .at_once = 1, .seconds = 1, .packets = 1000, .rate = 1000,
                              .seed = 1 };
    for (int i = 1; i + 1 < argc; i += 2)
        if (!set_option(o, argv[i], argv[i + 1]))
            return false;
    return argc % 2 == 1 && o->port > 0;
}

int main(int argc, char **argv)
{
    static struct wp p;
    if (!read_options(&p.options, argc, argv)) {
        fprintf(stderr, "usage: mcu_web_peer --server HOST:PORT [option VALUE]...\n");
        return 2;
    }
    p.random = p.options.seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    if (mcu_dtls_start() < 0 || mcu_loop_new(&p.loop, "t", false) < 0 ||
        mcu_ice_loop_new(&p.ice_loop, p.loop, 0) < 0)
        return 2;
    if (p.options.attack && !(p.attack = wp_attack_new(&p, p.options.attack)))
        return 2;
    if (p.options.hz > 0)
        p.sound = wp_sound_new(p.options.seconds, p.options.hz);
    mcu_timer_init(&p.tick, p.loop, on_tick);
    mcu_timer_start(&p.tick, 0);
    while (p.begun < p.options.count || p.active)
        uv_run(mcu_loop_uv(p.loop), UV_RUN_ONCE);
    mcu_timer_stop(&p.tick);
    print_report(&p);
    wp_attack_free(&p.attack);
    wp_sound_free(&p.sound);
    mcu_ice_loop_free(&p.ice_loop);
    mcu_loop_free(&p.loop);
    return 0;
}
