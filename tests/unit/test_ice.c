/* Two ICE agents of ours on loopback. Time is the test's: clock_gettime is ours, for libnice, GLib
 * and libuv alike, so that half a minute of consent checks passes in milliseconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <linux/filter.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <nice/agent.h>
#include <stun/usages/ice.h>

#include "mixer/base/counter.h"
#include "net/ice.h"
#include "net/ice_candidate.h"
#include "net/loop_priv.h"

#define MS         INT64_C(1000000)
#define CANDIDATES 8

static int64_t skipped_ns;

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *t)
{
    int rc = (int)syscall(SYS_clock_gettime, id, t);
    if (id == CLOCK_MONOTONIC) {
        int64_t ns = t->tv_sec * INT64_C(1000000000) + t->tv_nsec + skipped_ns;
        t->tv_sec = ns / INT64_C(1000000000);
        t->tv_nsec = ns % INT64_C(1000000000);
    }
    return rc;
}

struct side {
    struct mcu_ice *ice;
    char candidates[CANDIDATES][256];
    int candidate_count, gathered;
    enum mcu_ice_state state;
    int changes;
    int received;
    size_t size;
    uint8_t data[MCU_ICE_MAX_BYTES];
    bool free_at_data;
};

struct fixture {
    struct mcu_loop *loop;
    struct mcu_ice_loop *ice_loop;
    struct side a, b;
};

static void on_gathered(void *arg)
{
    ((struct side *)arg)->gathered++;
}

static void on_candidate(const char *text, void *arg)
{
    struct side *s = arg;
    if (s->candidate_count < CANDIDATES)
        snprintf(s->candidates[s->candidate_count++], sizeof(s->candidates[0]), "%s", text);
}

static void on_state(enum mcu_ice_state state, void *arg)
{
    struct side *s = arg;
    s->state = state;
    s->changes++;
}

static void on_datagram(const uint8_t *data, size_t size, void *arg)
{
    struct side *s = arg;
    s->received++;
    s->size = size;
    memcpy(s->data, data, size);
    if (s->free_at_data)
        mcu_ice_free(&s->ice);
}

static const struct mcu_ice_events events = { on_gathered, on_candidate, on_state, on_datagram };

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));
    assert_int_equal(mcu_loop_new(&f->loop, "t", false), 0);
    assert_int_equal(mcu_ice_loop_new(&f->ice_loop, f->loop, 0), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mcu_ice_free(&f->a.ice);
    mcu_ice_free(&f->b.ice);
    mcu_ice_loop_free(&f->ice_loop);
    mcu_loop_free(&f->loop);
    test_free(f);
    return 0;
}

/* Some rounds of the loop at one time. */
static void turn(struct fixture *f)
{
    for (int i = 0; i < 4; i++)
        uv_run(mcu_loop_uv(f->loop), UV_RUN_NOWAIT);
}

static void pass_ms(struct fixture *f, int ms)
{
    for (; ms > 0; ms -= 10) {
        skipped_ns += 10 * MS;
        turn(f);
    }
}

/* Until the condition holds, 60 s of test time at most. */
#define pass_until(f, condition)                                                                   \
    do {                                                                                           \
        for (int left_ = 6000; left_ > 0 && !(condition); left_--)                                 \
            pass_ms(f, 10);                                                                        \
        assert_true(condition);                                                                    \
    } while (0)

static struct mcu_ice_config config_of(const char *host, bool controlling)
{
    struct mcu_ice_config c = { .local_count = 1, .controlling = controlling };
    assert_int_equal(mcu_addr_parse(&c.local[0], host, 0), 0);
    return c;
}

static void start(struct fixture *f, struct side *s, const struct mcu_ice_config *config)
{
    assert_int_equal(mcu_ice_new(&s->ice, f->ice_loop, config, &events, s), 0);
    assert_int_equal(mcu_ice_gather(s->ice), 0);
}

static void give_credentials(struct side *from, struct side *to)
{
    const char *ufrag, *pwd;
    mcu_ice_local(from->ice, &ufrag, &pwd);
    assert_int_equal(mcu_ice_set_remote(to->ice, ufrag, pwd), 0);
}

static void give_candidates(struct side *from, struct side *to)
{
    for (int i = 0; i < from->candidate_count; i++)
        assert_int_equal(mcu_ice_add_candidate(to->ice, from->candidates[i]), 0);
}

static void join(struct fixture *f)
{
    give_credentials(&f->a, &f->b);
    give_credentials(&f->b, &f->a);
    give_candidates(&f->a, &f->b);
    give_candidates(&f->b, &f->a);
    pass_until(f, f->a.state == MCU_ICE_CONNECTED && f->b.state == MCU_ICE_CONNECTED);
}

static void connect_on(struct fixture *f, const char *host)
{
    struct mcu_ice_config a = config_of(host, true), b = config_of(host, false);
    start(f, &f->a, &a);
    start(f, &f->b, &b);
    join(f);
}

static void assert_crosses(struct fixture *f, struct side *from, struct side *to, size_t size)
{
    uint8_t data[MCU_ICE_MAX_BYTES];
    int before = to->received;
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(0x80 + i % 64);
    assert_int_equal(mcu_ice_send(from->ice, data, size), 0);
    pass_until(f, to->received > before);
    assert_int_equal(to->received, before + 1);
    assert_int_equal(to->size, size);
    assert_memory_equal(to->data, data, size);
}

static void assert_both_ways(struct fixture *f)
{
    assert_crosses(f, &f->a, &f->b, 172);
    assert_crosses(f, &f->b, &f->a, 1200);
}

static int open_descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static int local_port(struct side *s)
{
    struct mcu_ice_candidate c;
    assert_int_equal(mcu_ice_candidate_parse(&c, s->candidates[0]), 0);
    return mcu_addr_port(&c.addr);
}

/* ---- connecting ---- */

static void two_agents_connect(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    assert_int_equal(f->a.gathered, 1);
    assert_int_equal(f->a.candidate_count, 1);
    assert_non_null(strstr(f->a.candidates[0], " typ host"));
    struct mcu_ice_selected s;
    assert_true(mcu_ice_selected(f->a.ice, &s));
    assert_int_equal(mcu_addr_port(&s.local), local_port(&f->a));
    assert_int_equal(mcu_addr_port(&s.remote), local_port(&f->b));
    assert_int_equal(s.local_type, MCU_ICE_HOST);
    assert_false(s.tcp);
    assert_both_ways(f);
}

static void two_agents_connect_by_ipv6(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "::1");
    assert_both_ways(f);
}

static void two_families_are_offered_at_once(void **state)
{
    struct fixture *f = *state;
    struct mcu_ice_config c = config_of("127.0.0.1", true);
    c.local_count = 2;
    assert_int_equal(mcu_addr_parse(&c.local[1], "::1", 0), 0);
    start(f, &f->a, &c);
    assert_int_equal(f->a.candidate_count, 2);
    c = config_of("::1", false);
    start(f, &f->b, &c);
    join(f);
    assert_both_ways(f);
}

static void every_size_crosses(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    for (size_t size = 2; size <= MCU_ICE_MAX_BYTES; size += size < 40 ? 1 : 251)
        assert_crosses(f, &f->a, &f->b, size);
    assert_crosses(f, &f->b, &f->a, MCU_ICE_MAX_BYTES);
    uint8_t big[MCU_ICE_MAX_BYTES + 1] = { 0x80 };
    assert_int_equal(mcu_ice_send(f->a.ice, big, sizeof(big)), -EMSGSIZE);
    assert_int_equal(mcu_ice_send(f->a.ice, big, 0), -EMSGSIZE);
}

static void late_candidates_connect(void **state)
{
    struct fixture *f = *state;
    struct mcu_ice_config a = config_of("127.0.0.1", false), b = config_of("127.0.0.1", true);
    start(f, &f->a, &a);
    start(f, &f->b, &b);
    give_credentials(&f->a, &f->b);
    give_credentials(&f->b, &f->a);
    pass_ms(f, 8000);
    assert_int_not_equal(f->a.state, MCU_ICE_FAILED);
    assert_int_equal(mcu_ice_send(f->a.ice, (const uint8_t *)"\x80", 1), -ENOTCONN);
    give_candidates(&f->a, &f->b); /* b is then peer-reflexive for a */
    pass_until(f, f->a.state == MCU_ICE_CONNECTED && f->b.state == MCU_ICE_CONNECTED);
    assert_both_ways(f);
}

static void candidates_may_come_before_credentials(void **state)
{
    struct fixture *f = *state;
    struct mcu_ice_config a = config_of("127.0.0.1", false), b = config_of("127.0.0.1", true);
    start(f, &f->a, &a);
    start(f, &f->b, &b);
    give_candidates(&f->a, &f->b);
    give_candidates(&f->b, &f->a);
    pass_ms(f, 100);
    join(f);
    assert_both_ways(f);
}

static void wrong_password_never_connects(void **state)
{
    struct fixture *f = *state;
    struct mcu_ice_config a = config_of("127.0.0.1", false), b = config_of("127.0.0.1", true);
    const char *ufrag, *pwd;
    start(f, &f->a, &a);
    start(f, &f->b, &b);
    mcu_ice_local(f->a.ice, &ufrag, &pwd);
    assert_int_equal(mcu_ice_set_remote(f->b.ice, ufrag, "0123456789012345678901"), 0);
    give_credentials(&f->b, &f->a);
    give_candidates(&f->a, &f->b);
    give_candidates(&f->b, &f->a);
    mcu_ice_end_of_candidates(f->a.ice);
    mcu_ice_end_of_candidates(f->b.ice);
    pass_until(f, f->b.state == MCU_ICE_FAILED);
    assert_int_not_equal(f->a.state, MCU_ICE_CONNECTED);
    assert_int_equal(mcu_ice_send(f->b.ice, (const uint8_t *)"\x80", 1), -ENOTCONN);
}

static void two_controlling_agents_settle(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 8; i++) { /* whoever has the larger tie-breaker (RFC 8445 7.3.1.1) */
        struct mcu_ice_config c = config_of("127.0.0.1", i % 2);
        memset(&f->a, 0, sizeof(f->a));
        memset(&f->b, 0, sizeof(f->b));
        start(f, &f->a, &c);
        start(f, &f->b, &c);
        join(f);
        assert_both_ways(f);
        mcu_ice_free(&f->a.ice);
        mcu_ice_free(&f->b.ice);
    }
}

static void tcp_connects(void **state)
{
    struct fixture *f = *state;
    struct mcu_ice_config a = config_of("127.0.0.1", true), b = config_of("127.0.0.1", false);
    a.tcp = b.tcp = true;
    start(f, &f->a, &a);
    start(f, &f->b, &b);
    give_credentials(&f->a, &f->b);
    give_credentials(&f->b, &f->a);
    for (int i = 0; i < f->b.candidate_count; i++)
        if (strstr(f->b.candidates[i], "TCP"))
            assert_int_equal(mcu_ice_add_candidate(f->a.ice, f->b.candidates[i]), 0);
    pass_until(f, f->a.state == MCU_ICE_CONNECTED && f->b.state == MCU_ICE_CONNECTED);
    struct mcu_ice_selected s;
    assert_true(mcu_ice_selected(f->a.ice, &s));
    assert_true(s.tcp);
    assert_both_ways(f);
}

static void a_taken_port_is_told(void **state)
{
    struct fixture *f = *state;
    struct mcu_ice_config c = config_of("127.0.0.1", true);
    c.port = 12011;
    start(f, &f->a, &c);
    assert_int_equal(local_port(&f->a), 12011);
    assert_int_equal(mcu_ice_new(&f->b.ice, f->ice_loop, &c, &events, &f->b), 0);
    assert_int_equal(mcu_ice_gather(f->b.ice), -EADDRINUSE);
    mcu_ice_free(&f->a.ice);
    mcu_ice_free(&f->b.ice);
    start(f, &f->b, &c);
    c.local_count = 0;
    assert_int_equal(mcu_ice_new(&f->a.ice, f->ice_loop, &c, &events, &f->a), -EINVAL);
    c = config_of("0.0.0.0", true);
    assert_int_equal(mcu_ice_new(&f->a.ice, f->ice_loop, &c, &events, &f->a), -EINVAL);
}

/* ---- restart, consent ---- */

static void restart_keeps_data_flowing(void **state)
{
    struct fixture *f = *state;
    const char *ufrag, *pwd, *old;
    connect_on(f, "127.0.0.1");
    mcu_ice_local(f->a.ice, &ufrag, &pwd);
    old = strdup(ufrag);
    mcu_ice_restart(f->a.ice);
    mcu_ice_restart(f->b.ice);
    mcu_ice_local(f->a.ice, &ufrag, &pwd);
    assert_string_not_equal(ufrag, old);
    free((char *)old);
    pass_ms(f, 50);
    assert_int_equal(f->a.state, MCU_ICE_CONNECTED);
    assert_both_ways(f);
    f->a.candidate_count = 0;
    mcu_ice_each_candidate(f->a.ice, on_candidate, &f->a);
    assert_int_equal(f->a.candidate_count, 1);
    join(f);
    pass_ms(f, 30000);
    assert_int_equal(f->a.state, MCU_ICE_CONNECTED);
    assert_both_ways(f);
    assert_int_equal(f->a.changes, 2);
}

static void consent_lasts_while_the_peer_answers(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    pass_ms(f, 60000);
    assert_int_equal(f->a.state, MCU_ICE_CONNECTED);
    assert_int_equal(f->b.state, MCU_ICE_CONNECTED);
    assert_both_ways(f);
}

static void lost_consent_is_told_and_a_restart_brings_it_back(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    mcu_ice_free(&f->b.ice);
    uint64_t lost = mcu_counter_get(MCU_CNT_ICE_CONSENT_LOST);
    pass_ms(f, 4000);
    assert_int_equal(f->a.state, MCU_ICE_CONNECTED);
    pass_ms(f, 26000); /* RFC 7675 5.1: 30 s at most */
    assert_int_equal(f->a.state, MCU_ICE_DISCONNECTED);
    assert_int_equal(mcu_counter_get(MCU_CNT_ICE_CONSENT_LOST), lost + 1);
    assert_int_equal(mcu_ice_send(f->a.ice, (const uint8_t *)"\x80", 1), -ENOTCONN);
    struct mcu_ice_config c = config_of("127.0.0.1", false);
    memset(&f->b, 0, sizeof(f->b));
    start(f, &f->b, &c);
    mcu_ice_restart(f->a.ice);
    join(f);
    assert_both_ways(f);
}

/* The socket of the side whose only candidate this is: "candidate:FOUNDATION 1 UDP PRIORITY IP PORT". */
static int socket_of(const struct side *s)
{
    char host[64];
    int port = 0;
    assert_int_equal(sscanf(s->candidates[0], "%*s %*s %*s %*s %63s %d", host, &port), 2);
    for (int fd = 3; fd < 1024; fd++) {
        struct sockaddr_in own;
        socklen_t size = sizeof(own);
        if (getsockname(fd, (struct sockaddr *)&own, &size) == 0 && own.sin_family == AF_INET &&
            ntohs(own.sin_port) == port)
            return fd;
    }
    return -1;
}

/* Both sides send, as callers do. */
static void talk_ms(struct fixture *f, int ms)
{
    for (; ms > 0; ms -= 100) {
        mcu_ice_send(f->a.ice, (const uint8_t *)"\x80\0", 2);
        mcu_ice_send(f->b.ice, (const uint8_t *)"\x80\0", 2);
        pass_ms(f, 100);
    }
}

/* For so long the kernel drops all that comes to its socket. */
static void deafen_ms(struct fixture *f, const struct side *s, int ms)
{
    struct sock_filter nothing = { BPF_RET | BPF_K, 0, 0, 0 };
    struct sock_fprog program = { 1, &nothing };
    int fd = socket_of(s);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0);
    talk_ms(f, ms);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &program, sizeof(program)), 0);
}

static void some_lost_checks_do_no_harm(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    for (int i = 0; i < 4; i++) {
        deafen_ms(f, &f->a, 9000); /* two checks of each side, or their answers */
        talk_ms(f, 8000);
        assert_int_equal(f->a.state, MCU_ICE_CONNECTED);
        assert_int_equal(f->b.state, MCU_ICE_CONNECTED);
        assert_both_ways(f);
    }
}

/* ---- strangers ---- */

static int stranger(void)
{
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
    return fd;
}

static void throw_at(int fd, int port, const void *data, size_t size)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(sendto(fd, data, size, 0, (struct sockaddr *)&to, sizeof(to)), size);
}

static void foreign_data_is_not_delivered(void **state)
{
    struct fixture *f = *state;
    uint8_t rtp[200] = { 0x80, 96 }, dtls[100] = { 22, 254, 253 }, stun[20] = { 0, 1 };
    memcpy(stun + 4, "\x21\x12\xa4\x42", 4);
    connect_on(f, "127.0.0.1");
    int fd = stranger(), port = local_port(&f->b);
    for (int i = 0; i < 200; i++) {
        throw_at(fd, port, rtp, sizeof(rtp));
        throw_at(fd, port, dtls, sizeof(dtls));
        throw_at(fd, port, stun, sizeof(stun));
        if (i % 20 == 0)
            turn(f);
    }
    assert_crosses(f, &f->a, &f->b, 500);
    assert_int_equal(f->b.received, 1);
    close(fd);
}

static void foreign_data_before_the_checks_is_not_delivered(void **state)
{
    struct fixture *f = *state;
    struct mcu_ice_config c = config_of("127.0.0.1", false);
    uint8_t rtp[200] = { 0x80, 96 };
    char text[128];
    start(f, &f->b, &c);
    int fd = stranger();
    struct sockaddr_in me;
    socklen_t size = sizeof(me);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&me, &size), 0);
    /* Even named as a candidate: no check of his was authentic. */
    snprintf(text, sizeof(text), "candidate:1 1 UDP 2113929471 127.0.0.1 %d typ host",
             ntohs(me.sin_port));
    assert_int_equal(mcu_ice_set_remote(f->b.ice, "abcd", "0123456789012345678901"), 0);
    assert_int_equal(mcu_ice_add_candidate(f->b.ice, text), 0);
    throw_at(fd, local_port(&f->b), rtp, sizeof(rtp));
    pass_ms(f, 200);
    assert_int_equal(f->b.received, 0);
    close(fd);
}

/* A check that is authentic, as whoever knows the description can make it. */
static size_t write_check(struct fixture *f, uint8_t *out, size_t room)
{
    static const uint16_t known[] = { 0 };
    const char *ufrag, *pwd, *from, *unused;
    char name[64];
    StunAgent agent;
    StunMessage message;
    mcu_ice_local(f->b.ice, &ufrag, &pwd);
    mcu_ice_local(f->a.ice, &from, &unused);
    snprintf(name, sizeof(name), "%s:%s", ufrag, from);
    stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    return stun_usage_ice_conncheck_create(&agent, &message, out, room, (uint8_t *)name,
                                           strlen(name), (uint8_t *)pwd, strlen(pwd), false, true,
                                           1845501695, 1, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}

/* Without the limit each address cost memory, and the loop's time for all the others. */
static void r_checks_from_too_many_addresses(void **state)
{
    struct fixture *f = *state;
    uint8_t check[600];
    connect_on(f, "127.0.0.1");
    int port = local_port(&f->b), fd[MCU_ICE_MAX_SOURCES + 1];
    for (int i = 0; i <= MCU_ICE_MAX_SOURCES; i++) {
        assert_int_equal(f->b.state, MCU_ICE_CONNECTED);
        fd[i] = stranger();
        throw_at(fd[i], port, check, write_check(f, check, sizeof(check)));
        pass_ms(f, 10);
    }
    assert_int_equal(f->b.state, MCU_ICE_FAILED);
    for (int i = 0; i <= MCU_ICE_MAX_SOURCES; i++)
        close(fd[i]);
    pass_ms(f, 1000);
    assert_int_equal(f->b.state, MCU_ICE_FAILED); /* nothing brings it back */
}

static void on_peer_recv(NiceAgent *agent, guint stream, guint component, guint size, gchar *data,
                         gpointer arg)
{
}

/* A peer who knows the credentials and answers every check with 403 (RFC 7675 5.2). libnice 0.1.21
 * follows a null pointer at such an answer while no pair is chosen. */
static void r_forbidden_before_a_pair_is_chosen(void **state)
{
    struct fixture *f = *state;
    struct mcu_ice_config c = config_of("127.0.0.1", false);
    GMainContext *context = g_main_context_new();
    NiceAgent *peer = nice_agent_new_full(context, NICE_COMPATIBILITY_RFC5245,
                                          NICE_AGENT_OPTION_CONSENT_FRESHNESS);
    NiceAddress here;
    gchar *ufrag, *pwd;
    const char *our_ufrag, *our_pwd;
    nice_address_init(&here);
    nice_address_set_from_string(&here, "127.0.0.1");
    g_object_set(peer, "upnp", FALSE, "ice-tcp", FALSE, "controlling-mode", FALSE, NULL);
    nice_agent_add_local_address(peer, &here);
    assert_int_equal(nice_agent_add_stream(peer, 1), 1);
    nice_agent_attach_recv(peer, 1, 1, context, on_peer_recv, NULL);
    assert_true(nice_agent_gather_candidates(peer, 1));
    nice_agent_consent_lost(peer, 1, 1);
    nice_agent_get_local_credentials(peer, 1, &ufrag, &pwd);
    start(f, &f->a, &c);
    mcu_ice_local(f->a.ice, &our_ufrag, &our_pwd);
    nice_agent_set_remote_credentials(peer, 1, our_ufrag, our_pwd);
    assert_int_equal(mcu_ice_set_remote(f->a.ice, ufrag, pwd), 0);
    GSList *candidates = nice_agent_get_local_candidates(peer, 1, 1);
    gchar *text = nice_agent_generate_local_candidate_sdp(peer, candidates->data);
    assert_int_equal(mcu_ice_add_candidate(f->a.ice, text), 0);
    for (int i = 0; i < 300; i++) {
        pass_ms(f, 10);
        for (int n = 0; n < 20; n++)
            g_main_context_iteration(context, FALSE);
    }
    assert_int_not_equal(f->a.state, MCU_ICE_CONNECTED);
    g_slist_free_full(candidates, (GDestroyNotify)nice_candidate_free);
    g_free(text);
    g_free(ufrag);
    g_free(pwd);
    g_object_unref(peer);
    g_main_context_unref(context);
}

static void credentials_are_checked(void **state)
{
    struct fixture *f = *state;
    struct mcu_ice_config c = config_of("127.0.0.1", false);
    char longest[300];
    memset(longest, 'a', sizeof(longest));
    longest[257] = '\0';
    start(f, &f->a, &c);
    assert_int_equal(mcu_ice_set_remote(f->a.ice, "abc", "0123456789012345678901"), -EINVAL);
    assert_int_equal(mcu_ice_set_remote(f->a.ice, "abcd", "012345678901234567890"), -EINVAL);
    assert_int_equal(mcu_ice_set_remote(f->a.ice, "ab:d", "0123456789012345678901"), -EINVAL);
    assert_int_equal(mcu_ice_set_remote(f->a.ice, longest, "0123456789012345678901"), -EINVAL);
    assert_int_equal(mcu_ice_set_remote(f->a.ice, "abcd", longest), -EINVAL);
    longest[256] = '\0';
    assert_int_equal(mcu_ice_set_remote(f->a.ice, longest, longest), 0);
    assert_int_equal(mcu_ice_set_remote(f->a.ice, longest, longest), 0);
    assert_int_equal(mcu_ice_set_remote(f->a.ice, "abcd", "0123456789012345678901"), -EALREADY);
}

static void hostile_candidates_do_no_harm(void **state)
{
    static const struct {
        const char *text;
        int rc;
    } cases[] = {
        { "", -EINVAL },
        { "candidate:", -EINVAL },
        { "candidate:1 1 UDP 1 127.0.0.1 9999", -EINVAL },
        { "candidate:1 1 UDP 1 127.0.0.1 9999 typ", -EINVAL },
        { "candidate:1 1 UDP 1 127.0.0.1 99999 typ host", -EINVAL },
        { "candidate:1 1 UDP 1 127.0.0.1 -1 typ host", -EINVAL },
        { "candidate:1 1 UDP 0 127.0.0.1 9999 typ host", -EINVAL },
        { "candidate:1 1 UDP 2147483648 127.0.0.1 9999 typ host", -EINVAL },
        { "candidate:1 1 UDP 99999999999999999999 127.0.0.1 9999 typ host", -EINVAL },
        { "candidate:1 0 UDP 1 127.0.0.1 9999 typ host", -EINVAL },
        { "candidate:1 257 UDP 1 127.0.0.1 9999 typ host", -EINVAL },
        { "candidate:123456789012345678901234567890123 1 UDP 1 127.0.0.1 9999 typ host", -EINVAL },
        { "candidate:%s%n 1 UDP 1 127.0.0.1 9999 typ host", -EINVAL },
        { "candidate:1 1 UDP 1 127.0.0.1 9999 typ host\r\na=candidate:2", -EINVAL },
        { "candidate:1 1 UDP 1 127.0.0.1 9999 typ host generation", -EINVAL },
        { "candidate:1 2 UDP 1 127.0.0.1 9999 typ host", -ENOTSUP },
        { "candidate:1 1 SCTP 1 127.0.0.1 9999 typ host", -ENOTSUP },
        { "candidate:1 1 UDP 1 127.0.0.1 9999 typ moon", -ENOTSUP },
        { "candidate:1 1 TCP 1 127.0.0.1 9 typ host tcptype active", -ENOTSUP },
        { "candidate:1 1 UDP 1 5a3f.local 9999 typ host", -ENOTSUP },
        { "candidate:1 1 UDP 1 example.org 9999 typ host", -ENOTSUP },
        { "candidate:1 1 UDP 1 0.0.0.0 9999 typ host", -ENOTSUP },
        { "candidate:1 1 UDP 1 255.255.255.255 9999 typ host", -ENOTSUP },
        { "candidate:1 1 UDP 1 224.0.0.1 9999 typ host", -ENOTSUP },
        { "candidate:1 1 UDP 1 ff02::1 9999 typ host", -ENOTSUP },
        { "candidate:1 1 UDP 1 fe80::1 9999 typ host", -ENOTSUP },
        { "candidate:1 1 UDP 1 ::ffff:127.0.0.1 9999 typ host", -ENOTSUP },
        { "candidate:1 1 UDP 1 127.0.0.1 0 typ host", -ENOTSUP },
        { "a=candidate:1 1 udp 2113929471 127.0.0.1 9998 typ host generation 0 ufrag EsAw\r\n", 0 },
        { "candidate:1 1 UDP 1 127.0.0.1 9999 typ srflx raddr 0.0.0.0 rport 0", 0 },
    };
    struct fixture *f = *state;
    struct mcu_ice_config c = config_of("127.0.0.1", false);
    start(f, &f->a, &c);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int rc = mcu_ice_add_candidate(f->a.ice, cases[i].text);
        if (rc != cases[i].rc)
            fail_msg("%s: %d", cases[i].text, rc);
    }
    char big[4000];
    memset(big, ' ', sizeof(big));
    memcpy(big, "candidate:1 1 UDP 1 127.0.0.1 9999 typ host", 43);
    big[sizeof(big) - 1] = '\0';
    assert_int_equal(mcu_ice_add_candidate(f->a.ice, big), -EINVAL);
    pass_ms(f, 100);
}

static void remote_candidates_are_bounded(void **state)
{
    struct fixture *f = *state;
    char text[128];
    connect_on(f, "127.0.0.1");
    int taken = 0;
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), "candidate:%d 1 UDP %d 127.0.0.1 %d typ host", i, 1000 + i,
                 12100 + i);
        int rc = mcu_ice_add_candidate(f->a.ice, text);
        assert_true(rc == 0 || rc == -ENOSPC);
        taken += rc == 0;
    }
    assert_int_equal(taken, MCU_ICE_MAX_REMOTE - 1);
    pass_ms(f, 500);
    assert_both_ways(f);
}

static void loopback_is_reachable_from_loopback_only(void **state)
{
    struct mcu_ice_candidate c;
    const char *text = "candidate:1 1 UDP 1 127.0.0.1 6379 typ host";
    assert_int_equal(mcu_ice_candidate_parse(&c, text), 0);
    assert_true(mcu_ice_candidate_reachable(&c, true));
    assert_false(mcu_ice_candidate_reachable(&c, false));
}

/* ---- ends ---- */

static void an_event_may_free_its_agent(void **state)
{
    struct fixture *f = *state;
    connect_on(f, "127.0.0.1");
    f->b.free_at_data = true;
    for (int i = 0; i < 10; i++)
        assert_int_equal(mcu_ice_send(f->a.ice, (const uint8_t *)"\x80\x60", 2), 0);
    pass_ms(f, 100);
    assert_null(f->b.ice);
    assert_int_equal(f->b.received, 1);
}

static void two_hundred_agents_leave_nothing(void **state)
{
    enum { N = 200 };
    struct fixture *f = *state;
    struct mcu_ice_config c = config_of("127.0.0.1", false);
    static struct side sides[N];
    memset(sides, 0, sizeof(sides));
    connect_on(f, "127.0.0.1"); /* what GLib opens once for good is open then */
    mcu_ice_free(&f->a.ice);
    mcu_ice_free(&f->b.ice);
    turn(f);
    int before = open_descriptors();
    for (int i = 0; i < N; i++) {
        c.controlling = i % 2;
        start(f, &sides[i], &c);
    }
    for (int i = 0; i < N; i++) {
        give_credentials(&sides[i], &sides[i ^ 1]);
        give_candidates(&sides[i], &sides[i ^ 1]);
    }
    assert_true(open_descriptors() >= before + N);
    pass_ms(f, 20); /* some end while they check */
    for (int i = 0; i < N; i += 7)
        mcu_ice_free(&sides[i].ice);
    for (int i = 0; i < N; i++)
        if (sides[i].ice && sides[i ^ 1].ice)
            pass_until(f, sides[i].state == MCU_ICE_CONNECTED);
    for (int i = 0; i < N; i++)
        mcu_ice_free(&sides[i].ice);
    turn(f);
    assert_int_equal(open_descriptors(), before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(two_agents_connect),
        TEST(two_agents_connect_by_ipv6),
        TEST(two_families_are_offered_at_once),
        TEST(every_size_crosses),
        TEST(late_candidates_connect),
        TEST(candidates_may_come_before_credentials),
        TEST(wrong_password_never_connects),
        TEST(two_controlling_agents_settle),
        TEST(tcp_connects),
        TEST(a_taken_port_is_told),
        TEST(restart_keeps_data_flowing),
        TEST(consent_lasts_while_the_peer_answers),
        TEST(some_lost_checks_do_no_harm),
        TEST(lost_consent_is_told_and_a_restart_brings_it_back),
        TEST(foreign_data_is_not_delivered),
        TEST(foreign_data_before_the_checks_is_not_delivered),
        TEST(r_checks_from_too_many_addresses),
        TEST(r_forbidden_before_a_pair_is_chosen),
        TEST(credentials_are_checked),
        TEST(hostile_candidates_do_no_harm),
        TEST(remote_candidates_are_bounded),
        TEST(loopback_is_reachable_from_loopback_only),
        TEST(an_event_may_free_its_agent),
        TEST(two_hundred_agents_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
