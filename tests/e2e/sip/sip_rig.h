/* tests/e2e/sip/sip_rig.h - net/sip.h on a loop of its own, and a peer that writes its own messages. T1 is 10 ms
 * here, so what takes 32 s in life (64 T1) takes 0.64 s.
 * Threads: the test's, but for what runs by mcu_loop_call on the server's loop. */
#ifndef MCU_TESTS_E2E_SIP_RIG_H
#define MCU_TESTS_E2E_SIP_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "mixer/base/util.h"
#include "net/loop.h"
#include "net/sip.h"

#define T1_MS       10
#define TIMEOUT_MS  (64 * T1_MS)
#define PATIENCE_MS 3000

extern const char sdp[]; /* a good description */

struct server {
    struct mcu_loop *loop;
    struct mcu_sip *sip;
    struct mcu_sip_config config;
    int rc;
    bool silent; /* invites wait for the test to answer them */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char log[64][128]; /* events, a ring */
    int logged, read;
    int calls, invites, ended; /* under the lock */
    bool done;
    struct mcu_sip_call *last; /* its thread only */
    char room[256];
};

struct peer {
    int fd, port;
    const char *transport;
    struct server *s;
    char in[65536]; /* the last message received */
    int next_id;
    char call_id[64], to_tag[64];
    int cseq;
    const char *contact; /* NULL: a good one */
};

struct fixture {
    struct server *s;
    struct peer *p;
};

/* Waits for the next event that begins so, passing over others. */
void expect_event(struct server *s, const char *prefix);
void wait_calls(struct server *s, int calls, int ms);
int free_port(void);
struct server *server_new(int max_calls_per_s, int max_calls);
void shut(void *arg);
int64_t now_ms(void);
void server_free(struct server *s);
struct peer *peer_new(struct server *s, int type);
void peer_free(struct peer *p);
void new_dialog(struct peer *p);
/* headers: complete lines; body may be NULL. The via port is the peer's unless given. */
void send_request(struct peer *p, const char *method, const char *user, int via_port,
                  const char *headers, const char *body, size_t body_bytes);
void send_invite(struct peer *p, const char *user);
/* The value of a header of the last message, or "". */
const char *header(struct peer *p, const char *name);
/* The next message within ms: false if none. */
bool receive(struct peer *p, int ms);
/* Passes over what is not the wanted message: "SIP/2.0 200" or "BYE". */
void expect(struct peer *p, const char *start_line);
/* Answers the request received last. */
void reply(struct peer *p, const char *status, const char *body);
void call(struct peer *p, const char *user);
void hang_up(struct peer *p, const char *user);
void is_alive(struct peer *p);
/* On the server's loop: hangs up the newest call. */
void hang(void *arg);
int setup(void **state);
int teardown(void **state);

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
/* Runs an array of cases; argv[1]: those alone that match. */
#define RIG_MAIN(tests, argc, argv) \
    (rig_begin(argc, argv), cmocka_run_group_tests(tests, NULL, NULL))
void rig_begin(int argc, char **argv);

#endif
