/* mcu_ice_pair TURN_HOST TURN_PORT USER PASSWORD [tcp] - a relayed agent and a plain one, on loopback.
 *
 * The first offers nothing but its relay. They connect, 200 packets of all sizes go each way, and
 * the relay is given back. Prints one line for each step; exit status 0: all of it worked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "net/ice.h"
#include "net/loop_priv.h"

#define PACKETS 200

struct side {
    struct mcu_ice *ice, *other; /* other: whom the candidates are for */
    enum mcu_ice_state state;
    int candidates, gathered, received, wrong;
};

static struct mcu_loop *loop;
static struct mcu_ice_loop *ice_loop;
static struct side relayed, plain;

static void on_gathered(void *arg)
{
    ((struct side *)arg)->gathered++;
}

static void on_candidate(const char *text, void *arg)
{
    struct side *s = arg;
    s->candidates++;
    printf("candidate %s\n", text);
    if (s == &relayed && !strstr(text, "typ relay"))
        s->wrong++;
    mcu_ice_add_candidate(s->other, text);
}

static void on_state(enum mcu_ice_state state, void *arg)
{
    ((struct side *)arg)->state = state;
}

static size_t size_of(int i)
{
    return 2 + (size_t)i * 6; /* to 1196 bytes: what media packets are */
}

static void on_datagram(const uint8_t *data, size_t size, int64_t came_ns, void *arg)
{
    struct side *s = arg;
    s->wrong += size != size_of(s->received) || data[0] != 0x80 || data[size - 1] != (uint8_t)size;
    s->received++;
}

static bool rounds_until(const int *count, int n, const enum mcu_ice_state *a,
                         const enum mcu_ice_state *b)
{
    int64_t end = mcu_clock_now_ns() + 10 * MCU_NS_PER_S;
    while (mcu_clock_now_ns() < end) {
        if (count ? *count >= n : *a == MCU_ICE_CONNECTED && *b == MCU_ICE_CONNECTED)
            return true;
        if (uv_run(mcu_loop_uv(loop), UV_RUN_NOWAIT))
            usleep(100);
    }
    return false;
}

static bool send_all(struct side *from, struct side *to)
{
    uint8_t data[MCU_ICE_MAX_BYTES] = { 0x80 };
    for (int i = 0; i < PACKETS; i++) {
        size_t size = size_of(i);
        data[size - 1] = (uint8_t)size;
        data[0] = 0x80;
        if (size == 2)
            data[1] = 2;
        if (mcu_ice_send(from->ice, data, size) < 0 ||
            !rounds_until(&to->received, i + 1, NULL, NULL))
            return false;
        data[size - 1] = 0;
    }
    return !to->wrong;
}

static void give_credentials(struct side *from, struct side *to)
{
    const char *ufrag, *pwd;
    mcu_ice_local(from->ice, &ufrag, &pwd);
    mcu_ice_set_remote(to->ice, ufrag, pwd);
}

static bool start(char **argv, bool tcp)
{
    static const struct mcu_ice_events events = { on_gathered, on_candidate, on_state, on_datagram };
    struct mcu_ice_config c = { .local_count = 1, .controlling = true };
    mcu_addr_parse(&c.local[0], "127.0.0.1", 0);
    if (mcu_ice_new(&plain.ice, ice_loop, &c, &events, &plain) < 0)
        return false;
    c.controlling = false;
    c.relay_only = true;
    c.server_count = 1;
    struct mcu_ice_server *s = &c.servers[0];
    s->turn = true;
    s->tcp = tcp;
    s->port = atoi(argv[2]);
    snprintf(s->host, sizeof(s->host), "%s", argv[1]);
    snprintf(s->user, sizeof(s->user), "%s", argv[3]);
    snprintf(s->password, sizeof(s->password), "%s", argv[4]);
    if (mcu_ice_new(&relayed.ice, ice_loop, &c, &events, &relayed) < 0)
        return false;
    relayed.other = plain.ice;
    plain.other = relayed.ice;
    give_credentials(&relayed, &plain);
    give_credentials(&plain, &relayed);
    return mcu_ice_gather(relayed.ice) == 0 && mcu_ice_gather(plain.ice) == 0;
}

static int tell(const char *step, bool ok)
{
    printf("%s: %s\n", step, ok ? "ok" : "FAILED");
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct mcu_ice_selected pair = { .local_type = MCU_ICE_HOST };
    int failed = 0;
    if (argc < 5)
        return 2;
    if (mcu_loop_new(&loop, "t", false) < 0 || mcu_ice_loop_new(&ice_loop, loop, 0) < 0)
        return 2;
    failed += tell("start", start(argv, argc > 5));
    failed += tell("gather", rounds_until(&relayed.gathered, 1, NULL, NULL) && relayed.candidates);
    failed += tell("connect", rounds_until(NULL, 0, &relayed.state, &plain.state));
    failed += tell("relayed", mcu_ice_selected(relayed.ice, &pair) &&
                                  pair.local_type == MCU_ICE_RELAY && !relayed.wrong);
    failed += tell("to the relayed one", send_all(&plain, &relayed));
    failed += tell("from the relayed one", send_all(&relayed, &plain));
    mcu_ice_free(&relayed.ice);
    mcu_ice_free(&plain.ice);
    mcu_ice_loop_free(&ice_loop);
    mcu_loop_free(&loop);
    return failed ? 1 : 0;
}
