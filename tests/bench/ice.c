/* bench_ice AGENTS [AGENTS_PER_CONTEXT [PACKETS_PER_S [SECONDS]]] - what a received packet costs.
 *
 * AGENTS agents live on one media loop, their peers on another, all on loopback. The peers send
 * 1200-byte packets round robin, in bursts each half millisecond; printed is the processor time of
 * the receiving loop's thread by packet, keepalives and wake-ups included. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "net/ice.h"

#define BYTES    1200
#define BURST_NS 500000

struct end {
    struct mcu_ice *ice;
    char candidate[256];
    enum mcu_ice_state state;
    uint64_t received;
};

struct place {
    struct mcu_loop *loop;
    struct mcu_ice_loop *ice_loop;
    struct end *ends;
    double cpu_s;
};

static int agents, per_context;
static double rate = 20000, seconds = 4;
static struct place receivers, senders;
static struct mcu_timer burst;
static uint64_t sent;
static int64_t begun_ns;

static void on_candidate(const char *text, void *arg)
{
    struct end *e = arg;
    snprintf(e->candidate, sizeof(e->candidate), "%s", text);
}

static void on_state(enum mcu_ice_state state, void *arg)
{
    ((struct end *)arg)->state = state;
}

static void on_datagram(const uint8_t *data, size_t size, int64_t came_ns, void *arg)
{
    ((struct end *)arg)->received++;
}

static void make(void *arg)
{
    static const struct mcu_ice_events events = { .candidate = on_candidate,
                                                  .state = on_state,
                                                  .datagram = on_datagram };
    struct place *p = arg;
    struct mcu_ice_config config = { .local_count = 1, .controlling = p == &senders };
    mcu_addr_parse(&config.local[0], "127.0.0.1", 0);
    if (mcu_ice_loop_new(&p->ice_loop, p->loop, per_context) < 0)
        exit(1);
    for (int i = 0; i < agents; i++)
        if (mcu_ice_new(&p->ends[i].ice, p->ice_loop, &config, &events, &p->ends[i]) < 0 ||
            mcu_ice_gather(p->ends[i].ice) < 0)
            exit(1);
}

static void meet(void *arg)
{
    struct place *p = arg, *other = p == &senders ? &receivers : &senders;
    for (int i = 0; i < agents; i++) {
        const char *ufrag, *pwd;
        mcu_ice_local(other->ends[i].ice, &ufrag, &pwd);
        mcu_ice_set_remote(p->ends[i].ice, ufrag, pwd);
        mcu_ice_add_candidate(p->ends[i].ice, other->ends[i].candidate);
    }
}

static void count_connected(void *arg)
{
    for (int i = 0; i < agents; i++)
        *(int *)arg += receivers.ends[i].state == MCU_ICE_CONNECTED;
}

static void on_burst(struct mcu_timer *timer)
{
    uint8_t data[BYTES] = { 0x80, 96 };
    double due = (double)(mcu_clock_now_ns() - begun_ns) / 1e9 * rate;
    for (; (double)sent < due; sent++)
        mcu_ice_send(senders.ends[sent % (uint64_t)agents].ice, data, sizeof(data));
    mcu_timer_start(timer, mcu_clock_now_ns() + BURST_NS);
}

static void begin(void *arg)
{
    begun_ns = mcu_clock_now_ns();
    mcu_timer_init(&burst, senders.loop, on_burst);
    mcu_timer_start(&burst, begun_ns);
}

static void finish(void *arg)
{
    mcu_timer_stop(&burst);
}

static void read_cpu(void *arg)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    *(double *)arg = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void end(void *arg)
{
    struct place *p = arg;
    for (int i = 0; i < agents; i++)
        mcu_ice_free(&p->ends[i].ice);
    mcu_ice_loop_free(&p->ice_loop);
}

static void measure(void)
{
    double before, after, busy_us;
    uint64_t received = 0;
    mcu_loop_call(receivers.loop, read_cpu, &before);
    mcu_loop_call(senders.loop, begin, NULL);
    usleep((useconds_t)(seconds * 1e6));
    mcu_loop_call(senders.loop, finish, NULL);
    usleep(20000);
    mcu_loop_call(receivers.loop, read_cpu, &after);
    for (int i = 0; i < agents; i++)
        received += receivers.ends[i].received;
    busy_us = (after - before) * 1e6;
    printf("agents %d, %d a context: %.0f packets/s, %.2f us a packet, %.1f %% of a core, "
           "%.2f %% lost\n",
           agents, per_context, (double)received / seconds, busy_us / (double)(received + !received),
           busy_us / seconds / 1e4, 100.0 * (double)(sent - received) / (double)(sent + !sent));
}

int main(int argc, char **argv)
{
    struct place *places[] = { &receivers, &senders };
    agents = argc > 1 ? atoi(argv[1]) : 50;
    per_context = argc > 2 ? atoi(argv[2]) : 0;
    rate = argc > 3 ? atof(argv[3]) : rate;
    seconds = argc > 4 ? atof(argv[4]) : seconds;
    for (int i = 0; i < 2; i++) {
        places[i]->ends = calloc((size_t)agents, sizeof(struct end));
        if (!places[i]->ends || mcu_loop_new(&places[i]->loop, i ? "send" : "receive", false) < 0 ||
            mcu_loop_start(places[i]->loop) < 0)
            return 1;
        mcu_loop_call(places[i]->loop, make, places[i]);
    }
    for (int i = 0; i < 2; i++)
        mcu_loop_call(places[i]->loop, meet, places[i]);
    int connected = 0;
    for (int i = 0; i < 1000 && connected < agents; i++, usleep(10000)) {
        connected = 0;
        mcu_loop_call(receivers.loop, count_connected, &connected);
    }
    if (connected == agents)
        measure();
    for (int i = 0; i < 2; i++) {
        mcu_loop_call(places[i]->loop, end, places[i]);
        mcu_loop_stop(places[i]->loop);
        mcu_loop_free(&places[i]->loop);
        free(places[i]->ends);
    }
    return connected == agents ? 0 : 1;
}
