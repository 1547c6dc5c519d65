#include "net/sip_priv.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sofia-sip/nta_tag.h>
#include <sofia-sip/nua_tag.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/su.h>
#include <sofia-sip/su_glib.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/tport_tag.h>

#include "mixer/base/clock.h"
#include "mixer/base/counter.h"
#include "mixer/base/log.h"
#include "net/glib_pump.h"
#include "net/sip_strict.h"
#include "net/sip_text.h"
#include "net/sip_tls.h"

#define SIP_ALLOW         "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, NOTIFY"
#define SESSION_EXPIRES_S 1800 /* RFC 4028 4: the recommended interval */
#define MIN_SE_S          90   /* and the smallest one allowed */
#define DEFAULT_T1_MS     500
#define REQUESTS_PER_CALL 10 /* of one address, a trunk's perhaps: more is a flood */
/* The stack has no limits of its own. A connection stays for a refresh half-way a session, but not
 * for ever; half a message does not stay longer than a transaction. */
#define TCP_SPARE_MS   (100 * 1000)
#define TCP_PARTIAL_MS (32 * 1000)

/* ---- the stack's own log ---- */

/* It writes lines in pieces. Its contents are the network's, so they go out quoted. A certificate
 * that it cannot use it only mentions here, and listens all the same; tls_failed keeps that. */
static struct {
    char line[512];
    size_t used;
    bool tls_failed;
} stack_log;

static void flush_line(void)
{
    char quoted[600];
    stack_log.line[stack_log.used] = '\0';
    stack_log.used = 0;
    bool tls = strncmp(stack_log.line, "tls_init_context", 16) == 0;
    stack_log.tls_failed |= tls;
    mcu_log(tls ? MCU_LOG_ERROR : MCU_LOG_DEBUG, "sip-stack", "line=%s",
            mcu_log_quote(quoted, sizeof(quoted), stack_log.line));
}

static void on_stack_log(void *stream, const char *fmt, va_list ap) MCU_PRINTF(2, 0);
static void on_stack_log(void *stream, const char *fmt, va_list ap)
{
    char text[512];
    vsnprintf(text, sizeof(text), fmt, ap);
    for (const char *s = text; *s; s++) {
        if (*s == '\n' || stack_log.used + 1 == sizeof(stack_log.line))
            flush_line();
        if (*s != '\n')
            stack_log.line[stack_log.used++] = *s;
    }
}

/* ---- events ---- */

static void on_shutdown_response(const struct sip_event *e)
{
    if (e->status < 200)
        return;
    e->sip->nua_stopped = true;
    mcu_sip_shutdown_step(e->sip);
}

static void on_error(const struct sip_event *e)
{
    char text[128], quoted[160];
    mcu_sip_text_clean(text, sizeof(text), e->phrase);
    mcu_log(MCU_LOG_DEBUG, "sip-error", "call=%s status=%d phrase=%s",
            e->call && e->call != &mcu_sip_call_gone ? e->call->id : "-", e->status,
            mcu_log_quote(quoted, sizeof(quoted), text));
}

static const struct {
    nua_event_t event;
    void (*fn)(const struct sip_event *e);
} handlers[] = {
    { nua_i_invite, mcu_sip_on_invite },
    { nua_i_update, mcu_sip_on_update },
    { nua_i_info, mcu_sip_on_info },
    { nua_i_options, mcu_sip_on_options },
    { nua_i_bye, mcu_sip_call_on_bye },
    { nua_i_cancel, mcu_sip_call_on_cancel },
    { nua_i_ack, mcu_sip_call_on_ack },
    { nua_i_state, mcu_sip_call_on_state },
    { nua_i_error, on_error },
    { nua_r_invite, mcu_sip_call_on_invite_response },
    { nua_r_info, mcu_sip_call_on_info_response },
    { nua_r_update, mcu_sip_on_update_response },
    { nua_i_refer, mcu_sip_on_refer },
    { nua_r_refer, mcu_sip_on_refer_response },
    { nua_i_notify, mcu_sip_on_notify },
    { nua_r_notify, mcu_sip_on_notify_response },
    { nua_r_bye, mcu_sip_call_on_bye_response },
    { nua_i_register, mcu_sip_on_register },
    { nua_r_method, mcu_sip_on_method_response },
    { nua_r_shutdown, on_shutdown_response },
    /* Not in Allow, so the stack refuses them; should one come through, so do we. */
    { nua_i_message, mcu_sip_on_other_request },
    { nua_i_subscribe, mcu_sip_on_other_request },
    { nua_i_publish, mcu_sip_on_other_request },
    { nua_i_prack, mcu_sip_on_other_request },
    { nua_i_method, mcu_sip_on_other_request },
};

static void on_event(nua_event_t event, int status, const char *phrase, nua_t *nua,
                     struct mcu_sip *sip, nua_handle_t *nh, struct mcu_sip_call *call,
                     const sip_t *msg, tagi_t tags[])
{
    struct sip_event e = {
        .sip = sip,
        .call = call,
        .nh = nh,
        .status = status,
        .phrase = phrase ? phrase : "",
        .msg = msg,
        .tags = tags,
        .request = nua_event_is_incoming_request(event) ? nua_current_request(nua) : NULL,
    };
    if (e.request)
        mcu_sip_stream_note(&e);
    for (size_t i = 0; i < MCU_ARRAY_LEN(handlers); i++)
        if (handlers[i].event == event) {
            handlers[i].fn(&e);
            return;
        }
}

/* ---- admission ---- */

bool mcu_sip_admit(struct mcu_sip *sip)
{
    if (sip->call_count >= sip->max_calls)
        return false;
    /* A bucket of one second: the unit is the time that a call costs. */
    int64_t now = mcu_loop_now(sip->loop), cost = MCU_NS_PER_S / sip->max_calls_per_s;
    sip->tokens_ns += now - sip->tokens_at_ns;
    sip->tokens_at_ns = now;
    if (sip->tokens_ns > MCU_NS_PER_S)
        sip->tokens_ns = MCU_NS_PER_S;
    if (sip->tokens_ns < cost)
        return false;
    sip->tokens_ns -= cost;
    return true;
}

/* ---- start ---- */

/* The stack reports a socket that it cannot open by "no" alone; this asks the kernel why. */
static int probe(const char *address, int port, int type)
{
    char service[8];
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                              .ai_socktype = type };
    struct addrinfo *found;
    snprintf(service, sizeof(service), "%d", port);
    if (getaddrinfo(address, service, &hints, &found) != 0)
        return -EADDRNOTAVAIL;
    int rc = 0, on = 1;
    int fd = socket(found->ai_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        rc = -errno;
    else {
        if (type == SOCK_STREAM)
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(fd, found->ai_addr, found->ai_addrlen) < 0 ||
            (type == SOCK_STREAM && listen(fd, 1) < 0))
            rc = -errno;
        close(fd);
    }
    freeaddrinfo(found);
    return rc;
}

static int check_config(const struct mcu_sip_config *c)
{
    if (!c->address || c->port <= 0 || c->port > 65535 || c->tls_port < 0 || c->tls_port > 65535 ||
        c->max_calls < 1 || c->max_calls_per_s < 1)
        return -EINVAL;
    int rc = probe(c->address, c->port, SOCK_DGRAM);
    if (rc == 0)
        rc = probe(c->address, c->port, SOCK_STREAM);
    if (rc == 0 && c->tls_port)
        rc = probe(c->address, c->tls_port, SOCK_STREAM);
    return rc;
}

static bool is_wildcard(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

static void set_hosts(struct mcu_sip *sip, const struct mcu_sip_config *c)
{
    const char *contact = c->public_address        ? c->public_address
                          : is_wildcard(c->address) ? ""
                                                    : c->address;
    snprintf(sip->listen_host, sizeof(sip->listen_host), strchr(c->address, ':') ? "[%s]" : "%s",
             c->address);
    snprintf(sip->contact_address, sizeof(sip->contact_address), "%s", contact);
    snprintf(sip->contact_host, sizeof(sip->contact_host), strchr(contact, ':') ? "[%s]" : "%s",
             contact);
    sip->port = c->port;
    sip->tls_port = c->tls_port;
}

static void make_allow(char *out, size_t size, const struct mcu_sip_config *c)
{
    snprintf(out, size, SIP_ALLOW "%s%s", c->refer ? ", REFER" : "",
             c->registrar ? ", REGISTER" : "");
}

static int attach_keys(struct mcu_sip *sip, const struct mcu_sip_config *c)
{
    sip->cert_file = strdup(c->cert_file);
    sip->key_file = strdup(c->key_file);
    if (!sip->cert_file || !sip->key_file)
        return -ENOMEM;
    int rc = mcu_sip_tls_attach(&sip->tls, sip->cert_file, sip->key_file);
    return rc < 0 && rc != -ENOMEM ? -EINVAL : rc;
}

int mcu_sip_reload_tls(struct mcu_sip *sip)
{
    return mcu_sip_tls_reload(&sip->tls);
}

static int create_nua(struct mcu_sip *sip, const struct mcu_sip_config *c)
{
    char url[96], tls_url[96], dir[MCU_SIP_TLS_DIR_SIZE] = "", allow[128];
    int t1 = c->t1_ms > 0 ? c->t1_ms : DEFAULT_T1_MS;
    if (c->tls_port) {
        int rc = mcu_sip_tls_dir_make(dir, c->cert_file, c->key_file);
        if (rc < 0)
            return -EINVAL;
    }
    snprintf(url, sizeof(url), "sip:%s:%d", sip->listen_host, sip->port);
    snprintf(tls_url, sizeof(tls_url), "sips:%s:%d", sip->listen_host, sip->tls_port);
    make_allow(allow, sizeof(allow), c);
    stack_log.tls_failed = false;
    mcu_sip_tls_watch(&sip->tls);
    sip->nua = nua_create(
        sip->root, on_event, sip, NUTAG_URL(url), TAG_IF(c->tls_port, NUTAG_SIPS_URL(tls_url)),
        TAG_IF(c->tls_port, NUTAG_CERTIFICATE_DIR(dir)),
        /* Phones have no certificates, and those of servers we call are seldom signed. */
        TPTAG_TLS_VERIFY_POLICY(TPTLS_VERIFY_NONE),
        TPTAG_IDLE(sip->session_expires_s * 500 + TCP_SPARE_MS), TPTAG_TIMEOUT(TCP_PARTIAL_MS),
        TPTAG_STUN_SERVER(0), /* on by default, for anybody */
        /* Its SDP parser loops for ever on one bad line: never let it see any. */
        NUTAG_MEDIA_ENABLE(0), NUTAG_AUTOANSWER(0), NUTAG_AUTOALERT(0), NUTAG_AUTOACK(0),
        SIPTAG_ALLOW_STR(allow), NUTAG_APPL_METHOD("OPTIONS, INFO, UPDATE, REFER"),
        TAG_IF(c->registrar, NUTAG_APPL_METHOD("REGISTER")),
        /* Who requires it gets a 180 that he confirms (RFC 3262); nobody is made to. */
        SIPTAG_SUPPORTED_STR(SIP_SUPPORTED ", 100rel"), NUTAG_EARLY_MEDIA(0),
        NUTAG_SESSION_TIMER(sip->session_expires_s), NUTAG_MIN_SE(sip->min_se_s),
        /* What is to be tried again later is ours to decide: the stack would send what it sent
           before. */
        NUTAG_MAX_RETRY_AFTER(0), SIPTAG_USER_AGENT_STR(c->user_agent),
        NTATAG_MCLASS(sip->message_class), NTATAG_MAXSIZE(SIP_MAX_BODY_BYTES + 32 * 1024),
        NTATAG_MAX_PROCEEDING(c->max_calls + c->max_calls_per_s), NTATAG_MERGE_482(1),
        NTATAG_SIP_T1(t1), NTATAG_SIP_T1X64(64 * t1), NTATAG_SIP_T2(8 * t1), NTATAG_SIP_T4(10 * t1),
        TAG_END());
    mcu_sip_tls_unwatch();
    if (dir[0])
        mcu_sip_tls_dir_remove(dir);
    if (sip->nua && !stack_log.tls_failed)
        return c->tls_port ? attach_keys(sip, c) : 0;
    return stack_log.tls_failed ? -EINVAL : -EADDRNOTAVAIL;
}

static int create_root(struct mcu_sip *sip)
{
    sip->message_class = mcu_sip_strict_class_new(sip->registrar != NULL);
    mcu_sip_strict_limit(sip->max_calls_per_s * REQUESTS_PER_CALL);
    if (!sip->message_class)
        return -ENOMEM;
    mcu_sip_strict_on_refusal(mcu_sip_soften, sip);
    sip->root = su_glib_root_create(sip);
    if (!sip->root)
        return -ENOMEM;
    su_root_threading(sip->root, 0);
    g_source_attach(su_glib_root_gsource(sip->root), sip->context);
    return mcu_glib_pump_new(&sip->pump, sip->loop, sip->context, MCU_CNT_SIP_SOCKET_REARMED);
}

/* Accounts, registrar and allowances, as far as they are wanted. */
static int create_guard(struct mcu_sip *sip, const struct mcu_sip_config *c)
{
    struct {
        uint8_t secret[32];
        uint64_t seed;
    } random;
    int rc = 0;
    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return -EIO;
    static const enum mcu_digest both[] = { MCU_DIGEST_SHA256, MCU_DIGEST_MD5 };
    sip->digest_count = c->digest_count ? c->digest_count : MCU_DIGESTS;
    memcpy(sip->digests, c->digest_count ? c->digests : both, sizeof(both));
    sip->auth_mode = c->auth;
    sip->max_calls_per_source = c->max_calls_per_source;
    if (c->auth != MCU_SIP_AUTH_OFF || c->registrar)
        rc = mcu_sip_auth_new(&sip->auth, c->realm ? c->realm : "tessera", c->accounts,
                              c->account_count, random.secret);
    if (rc == 0 && c->registrar)
        rc = mcu_sip_registrar_new(&sip->registrar);
    if (rc == 0 && c->max_calls_per_source_s > 0)
        rc = mcu_sip_sources_new(&sip->sources, c->max_calls_per_source_s, random.seed);
    mcu_digest_wipe(&random, sizeof(random));
    return rc;
}

static void free_guard(struct mcu_sip *sip)
{
    mcu_sip_auth_free(&sip->auth);
    mcu_sip_registrar_free(&sip->registrar);
    mcu_sip_sources_free(&sip->sources);
}

static void on_shutdown_timer(struct mcu_timer *timer);

int mcu_sip_new(struct mcu_sip **out, struct mcu_loop *loop, const struct mcu_sip_config *config,
                const struct mcu_sip_events *events, void *arg)
{
    assert(mcu_loop_is_current(loop));
    int rc = check_config(config);
    if (rc < 0)
        return rc;
    struct mcu_sip *sip = calloc(1, sizeof(*sip));
    if (!sip)
        return -ENOMEM;
    sip->loop = loop;
    sip->events = *events;
    sip->arg = arg;
    sip->max_calls = config->max_calls;
    sip->refer = config->refer;
    sip->session_expires_s =
        (unsigned)(config->session_expires_s > 0 ? config->session_expires_s : SESSION_EXPIRES_S);
    sip->min_se_s = (unsigned)(config->min_se_s > 0 ? config->min_se_s : MIN_SE_S);
    sip->max_calls_per_s = config->max_calls_per_s;
    sip->tokens_ns = MCU_NS_PER_S;
    sip->tokens_at_ns = mcu_loop_now(loop);
    mcu_timer_init(&sip->shutdown_timer, loop, on_shutdown_timer);
    set_hosts(sip, config);
    sip->context = g_main_context_new();
    su_init();
    su_log_redirect(NULL, on_stack_log, NULL);
    mcu_timer_init(&sip->conns_timer, loop, NULL);
    rc = create_guard(sip, config);
    if (rc == 0)
        rc = create_root(sip);
    if (rc == 0)
        rc = mcu_sip_stream_open(sip, config);
    if (rc == 0)
        rc = create_nua(sip, config);
    if (rc == 0)
        rc = mcu_sip_providers_open(sip, config);
    if (rc < 0) {
        mcu_sip_free(&sip);
        return rc;
    }
    *out = sip;
    return 0;
}

/* ---- end ---- */

void mcu_sip_shutdown(struct mcu_sip *sip, int timeout_ms, void (*done)(void *arg), void *arg)
{
    if (sip->shutting_down)
        return;
    sip->shutting_down = true;
    sip->shutdown_done = done;
    sip->shutdown_arg = arg;
    mcu_timer_start(&sip->shutdown_timer, mcu_loop_now(sip->loop) + timeout_ms * MCU_NS_PER_MS);
    for (struct mcu_sip_call *c = sip->calls; c; c = c->next)
        mcu_sip_hangup(c, "shutting down");
    mcu_sip_providers_stop(sip);
    mcu_sip_shutdown_step(sip);
}

/* Calls first, then the stack, then the owner is told, from the timer: he may free us at once,
 * and we may stand in a callback of the stack. */
void mcu_sip_shutdown_step(struct mcu_sip *sip)
{
    if (!sip->shutting_down || !sip->shutdown_done || sip->calls || mcu_sip_providers_busy(sip))
        return;
    if (sip->nua_stopped)
        mcu_timer_start(&sip->shutdown_timer, mcu_loop_now(sip->loop));
    else if (!sip->nua_stopping) {
        sip->nua_stopping = true;
        nua_shutdown(sip->nua);
    }
}

static void on_shutdown_timer(struct mcu_timer *timer)
{
    struct mcu_sip *sip = mcu_container_of(timer, struct mcu_sip, shutdown_timer);
    void (*done)(void *arg) = sip->shutdown_done;
    sip->shutdown_done = NULL; /* the calls that end here do not begin it again */
    while (sip->calls) {
        mcu_sip_call_note_end(sip->calls, 0, "shutting down");
        mcu_sip_call_end(sip->calls, false);
    }
    if (!sip->nua_stopping) {
        sip->nua_stopping = true;
        nua_shutdown(sip->nua);
    }
    if (done)
        done(sip->shutdown_arg);
}

/* After a peer that never answered, the stack is still busy with its BYE, and cannot be destroyed
 * before half a minute is over. Its memory then stays for what is left of the process. */
static bool destroy_nua(struct mcu_sip *sip)
{
    if (sip->nua && !sip->nua_stopping) { /* a start that failed half-way */
        nua_shutdown(sip->nua);
        sip->nua_stopping = true;
    }
    for (int i = 0; i < 100 && sip->nua && !sip->nua_stopped; i++)
        g_main_context_iteration(sip->context, FALSE);
    if (sip->nua && !sip->nua_stopped)
        return false;
    nua_destroy(sip->nua);
    return true;
}

void mcu_sip_free(struct mcu_sip **pp)
{
    struct mcu_sip *sip = *pp;
    *pp = NULL;
    if (!sip)
        return;
    assert(!sip->calls && mcu_loop_is_current(sip->loop));
    mcu_timer_stop(&sip->shutdown_timer);
    mcu_sip_providers_close(sip);
    bool clean = destroy_nua(sip);
    mcu_glib_pump_free(&sip->pump);
    mcu_sip_stream_close(sip);
    free_guard(sip);
    mcu_sip_strict_on_refusal(NULL, NULL);
    if (clean) {
        if (sip->root)
            su_root_destroy(sip->root);
        g_main_context_unref(sip->context);
        free(sip->message_class);
        su_deinit();
        mcu_sip_tls_close(&sip->tls);
        free(sip->cert_file);
        free(sip->key_file);
        free(sip);
    } else {
        static struct mcu_sip *undrained;
        sip->calls = NULL;
        undrained = sip; /* for those who look for lost memory */
        mcu_log(MCU_LOG_INFO, "sip-not-drained", "stack=%p", (void *)undrained);
    }
}
