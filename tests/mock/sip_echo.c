/* tests/mock/sip_echo.c - a SIP server that answers with a fixed SDP, to try net/sip.h from
 * outside.
 *
 *   sip_echo [-a address] [-p port] [-s tls-port -c cert -k key] [-t t1-ms] [-l calls-a-second]
 *            [-e session-expires] [-m min-se] [-v]
 *
 * Prints "listening PORT" and one line an event. What a call does is chosen by its room:
 *   ring: rings and never answers    busy: 486    bye: hangs up 100 ms after the ACK
 *   info: asks for a keyframe after the ACK       anything else: rings, then answers
 * SIGTERM ends it: calls get BYE, and the exit status is 0 if none was left. */
#include <arpa/inet.h>
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/log.h"
#include "net/loop.h"
#include "net/sip.h"

static const char fixed_sdp[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
                                "t=0 0\r\nm=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

struct echo {
    struct mcu_loop *loop;
    struct mcu_sip *sip;
    struct mcu_sip_config config;
    int rc, calls;
    sem_t done;
};

struct echo_call {
    struct mcu_sip_call *call;
    struct mcu_timer timer;
    char room[64];
};

static void on_bye_time(struct mcu_timer *timer)
{
    mcu_sip_hangup(mcu_container_of(timer, struct echo_call, timer)->call, "time is up");
}

static void on_invite(struct mcu_sip_call *call, const struct mcu_sip_invite *invite, void *arg)
{
    struct echo *echo = arg;
    struct echo_call *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->call = call;
    snprintf(c->room, sizeof(c->room), "%s", invite->room);
    mcu_timer_init(&c->timer, echo->loop, on_bye_time);
    mcu_sip_call_set_arg(call, c);
    echo->calls++;
    printf("invite room=%s from=%s name=%s transport=%s source=%s local=%s sdp=%zu\n", c->room,
           invite->from_uri, invite->from_name, invite->transport, invite->source_address,
           invite->local_address, invite->sdp_bytes);
    if (strcmp(c->room, "busy") == 0) {
        mcu_sip_refuse(call, 486, "room is \"full\"", 7);
        return;
    }
    mcu_sip_ring(call);
    if (strcmp(c->room, "ring") != 0)
        mcu_sip_accept(call, fixed_sdp);
}

static void on_reinvite(struct mcu_sip_call *call, const char *sdp, size_t sdp_bytes, void *arg)
{
    printf("reinvite sdp=%zu\n", sdp_bytes);
    mcu_sip_accept(call, fixed_sdp);
}

static void on_ack(struct mcu_sip_call *call, const char *sdp, size_t sdp_bytes, void *arg)
{
    struct echo_call *c = mcu_sip_call_arg(call);
    struct echo *echo = arg;
    printf("ack sdp=%zu\n", sdp_bytes);
    if (strcmp(c->room, "bye") == 0)
        mcu_timer_start(&c->timer, mcu_loop_now(echo->loop) + 100 * MCU_NS_PER_MS);
    if (strcmp(c->room, "info") == 0)
        mcu_sip_ask_keyframe(call);
}

static void on_answered(struct mcu_sip_call *call, const char *sdp, size_t sdp_bytes, void *arg)
{
    printf("answered sdp=%zu\n", sdp_bytes);
}

static void on_offer_due(struct mcu_sip_call *call, void *arg)
{
    printf("offer-due\n");
    mcu_sip_offer(call, fixed_sdp);
}

static void on_offer_done(struct mcu_sip_call *call, int status, const char *sdp, size_t sdp_bytes,
                          void *arg)
{
    printf("offer-done status=%d sdp=%zu\n", status, sdp_bytes);
}

static int on_refer(struct mcu_sip_call *call, const char *uri, const char *replaces,
                    void *arg)
{
    printf("refer uri=%s\n", uri);
    return 403;
}

static void on_referred(struct mcu_sip_call *call, int status, bool last, void *arg)
{
    printf("referred status=%d last=%d\n", status, last);
}

static void on_keyframe_wanted(struct mcu_sip_call *call, void *arg)
{
    printf("keyframe-wanted\n");
}

static void on_dtmf(struct mcu_sip_call *call, char key, void *arg)
{
    printf("dtmf key=%c\n", key);
}

static void on_ended(struct mcu_sip_call *call, int status, const char *reason, void *arg)
{
    struct echo_call *c = mcu_sip_call_arg(call);
    struct echo *echo = arg;
    printf("ended status=%d reason=%s\n", status, reason);
    echo->calls--;
    mcu_timer_stop(&c->timer);
    free(c);
}

static const struct mcu_sip_events events = {
    .invite = on_invite,
    .reinvite = on_reinvite,
    .ack = on_ack,
    .answered = on_answered,
    .offer_due = on_offer_due,
    .offer_done = on_offer_done,
    .refer = on_refer,
    .referred = on_referred,
    .keyframe_wanted = on_keyframe_wanted,
    .dtmf = on_dtmf,
    .ended = on_ended,
};

static void on_shut(void *arg)
{
    struct echo *echo = arg;
    mcu_sip_free(&echo->sip);
    sem_post(&echo->done);
}

static void on_signal(int signum, void *arg)
{
    struct echo *echo = arg;
    mcu_sip_shutdown(echo->sip, 2000, on_shut, echo);
}

static void start(void *arg)
{
    struct echo *echo = arg;
    mcu_loop_on_signal(echo->loop, SIGTERM, on_signal, echo);
    echo->rc = mcu_sip_new(&echo->sip, echo->loop, &echo->config, &events, echo);
}

/* A port that was free a moment ago. */
static int free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &size) < 0)
        abort();
    close(fd);
    return ntohs(a.sin_port);
}

static void parse(struct mcu_sip_config *c, int argc, char **argv)
{
    for (int opt; (opt = getopt(argc, argv, "a:p:s:c:k:t:l:e:m:v")) != -1;) {
        switch (opt) {
        case 'a':
            c->address = optarg;
            break;
        case 'p':
            c->port = atoi(optarg);
            break;
        case 's':
            c->tls_port = atoi(optarg);
            break;
        case 'c':
            c->cert_file = optarg;
            break;
        case 'k':
            c->key_file = optarg;
            break;
        case 't':
            c->t1_ms = atoi(optarg);
            break;
        case 'l':
            c->max_calls_per_s = atoi(optarg);
            break;
        case 'e':
            c->session_expires_s = atoi(optarg);
            break;
        case 'm':
            c->min_se_s = atoi(optarg);
            break;
        case 'v':
            mcu_log_set_level(MCU_LOG_DEBUG);
            break;
        default:
            exit(2);
        }
    }
}

static int serve(struct echo *echo)
{
    bool choose = !echo->config.port;
    for (int tries = 0; tries < 5; tries++) {
        if (choose)
            echo->config.port = free_port();
        mcu_loop_call(echo->loop, start, echo);
        if (echo->rc != -EADDRINUSE || !choose)
            break;
    }
    if (echo->rc < 0) {
        fprintf(stderr, "start: %s\n", strerror(-echo->rc));
        return 1;
    }
    printf("listening %d\n", echo->config.port);
    while (sem_wait(&echo->done) < 0)
        ;
    return echo->calls != 0;
}

int main(int argc, char **argv)
{
    struct echo echo = { .config = { .address = "127.0.0.1",
                                     .user_agent = "sip-echo",
                                     .max_calls_per_s = 1000,
                                     .max_calls = 1000 } };
    parse(&echo.config, argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    sem_init(&echo.done, 0, 0);
    if (mcu_loop_new(&echo.loop, "control", false) < 0 || mcu_loop_start(echo.loop) < 0)
        return 1;
    int rc = serve(&echo);
    mcu_loop_stop(echo.loop);
    mcu_loop_free(&echo.loop);
    return rc;
}
