/* What strangers and hostile peers send to an ICE agent, and hostile text. */
#include "ice_check.h"

#include <nice/agent.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(foreign_data_is_not_delivered),
        TEST(foreign_data_before_the_checks_is_not_delivered),
        TEST(r_checks_from_too_many_addresses),
        TEST(r_forbidden_before_a_pair_is_chosen),
        TEST(credentials_are_checked),
        TEST(hostile_candidates_do_no_harm),
        TEST(remote_candidates_are_bounded),
        TEST(loopback_is_reachable_from_loopback_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
