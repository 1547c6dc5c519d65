/* HTTPS: what is offered, which certificate, and another one while it runs; against OpenSSL's client. */
#include "http_rig.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "mixer/base/log.h"
#include "net/cert.h"

static int accept_echo(struct mcu_http_request *req, struct mcu_ws *ws, void *arg)
{
    return mcu_ws_send(ws, "secret welcome", 14);
}

static void echo(struct mcu_ws *ws, const char *text, size_t size, void *peer)
{
    mcu_ws_send(ws, text, size);
}

static void release(struct mcu_ws *ws, int code, void *peer)
{
    mcu_ws_release(&ws);
}

static const struct mcu_ws_events events = { accept_echo, echo, release };
static const struct mcu_ws_route socket_row = { .events = &events };

static const struct mcu_http_route rows[] = {
    { "GET", "/hello", .handler = say_hello },
    { "POST", "/echo", .handler = say_body },
    { "GET", "/much", .handler = say_much },
    { "GET", "/ws", .ws = &socket_row },
};

/* ---- a client ---- */

struct client {
    int fd;
    SSL *ssl;
    X509 *cert; /* of the server */
};

static SSL_CTX *client_context;

static struct client open_client(const struct site *s, const unsigned char *alpn, unsigned alpn_size)
{
    struct client c = { .fd = dial(s) };
    c.ssl = SSL_new(client_context);
    SSL_set_fd(c.ssl, c.fd);
    if (alpn)
        SSL_set_alpn_protos(c.ssl, alpn, alpn_size);
    if (SSL_connect(c.ssl) == 1)
        c.cert = SSL_get1_peer_certificate(c.ssl);
    return c;
}

static void close_client(struct client *c)
{
    X509_free(c->cert);
    SSL_free(c->ssl);
    close(c->fd);
    ERR_clear_error();
}

static void say_tls(struct client *c, const char *text)
{
    assert_int_equal(SSL_write(c->ssl, text, (int)strlen(text)), (int)strlen(text));
}

/* Reads until the text has come as the end of what came. */
static void hear_tls(struct client *c, const char *end)
{
    static char all[65536];
    size_t n = 0;
    for (;;) {
        int k = SSL_read(c->ssl, all + n, (int)(sizeof(all) - 1 - n));
        if (k <= 0)
            fail_msg("ended after %zu bytes, before '%.60s': %.300s", n, end, all);
        n += (size_t)k;
        all[n] = '\0';
        if (n >= strlen(end) && memcmp(all + n - strlen(end), end, strlen(end)) == 0)
            return;
    }
}

static void hello(struct client *c)
{
    say_tls(c, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    hear_tls(c, "\r\n\r\nhello");
}

/* ---- certificates in files ---- */

static char folder[64], cert_file[96], key_file[96];

static void write_pem(const char *names, const char *type)
{
    EVP_PKEY *key = strcmp(type, "RSA") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen(type);
    X509 *x = mcu_cert_make(key, 10, names);
    FILE *f = fopen(cert_file, "w");
    assert_true(x && f && PEM_write_X509(f, x));
    fclose(f);
    f = fopen(key_file, "w");
    assert_true(f && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}

static void write_text(const char *file, const char *text)
{
    FILE *f = fopen(file, "w");
    assert_true(f && fputs(text, f) >= 0);
    fclose(f);
}

static void open_with_files(struct site *s)
{
    start_with(s, (struct mcu_http_config){ .tls = MCU_HTTP_TLS_FILES, .tls_cert = cert_file,
                                            .tls_key = key_file }, rows, MCU_ARRAY_LEN(rows));
}

static bool is_for(X509 *cert, const char *name)
{
    return cert && X509_check_host(cert, name, 0, 0, NULL) == 1;
}

/* ---- tests ---- */

static void a_self_signed_certificate_names_this_machine(void **state)
{
    static const char *const names[] = { "mcu.example", "192.0.2.7" };
    struct site s;
    start_with(&s, (struct mcu_http_config){ .tls = MCU_HTTP_TLS_SELF_SIGNED, .host_names = names,
                                             .host_name_count = 2 }, rows, MCU_ARRAY_LEN(rows));
    struct client c = open_client(&s, NULL, 0);
    hello(&c);
    assert_true(is_for(c.cert, "localhost") && is_for(c.cert, "mcu.example"));
    assert_false(is_for(c.cert, "other.example"));
    static const char *const addresses[] = { "127.0.0.1", "::1", "192.0.2.7" };
    for (int i = 0; i < 3; i++)
        assert_int_equal(X509_check_ip_asc(c.cert, addresses[i], 0), 1);
    assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(c.cert)), EVP_PKEY_EC);
    assert_int_equal(X509_verify(c.cert, X509_get0_pubkey(c.cert)), 1);
    close_client(&c);
    stop(&s);
}

static void requests_and_large_answers_go_through_tls(void **state)
{
    struct site s;
    write_pem("DNS:localhost", "P-256");
    open_with_files(&s);
    struct client c = open_client(&s, NULL, 0);
    for (int i = 0; i < 20; i++)
        hello(&c);
    say_tls(&c, "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 10\r\n\r\n01234");
    say_tls(&c, "56789");
    hear_tls(&c, "\r\n\r\n0123456789");
    say_tls(&c, "GET /much HTTP/1.1\r\n" HOST "\r\n");
    static char piece[65536];
    size_t all = 0, head = 0;
    while (all < head + BIG_BYTES || !head) {
        int k = SSL_read(c.ssl, piece, sizeof(piece) - 1);
        assert_true(k > 0);
        piece[k] = '\0';
        if (!head)
            head = (size_t)(strstr(piece, "\r\n\r\n") + 4 - piece);
        all += (size_t)k;
    }
    assert_int_equal(all, head + BIG_BYTES);
    close_client(&c);
    stop(&s);
}

/* Records that hold more than libwebsockets reads at once, or more than one request. */
static void large_records_and_pipelining_hurt_nobody(void **state)
{
    static const char get[] = "GET /hello HTTP/1.1\r\n" HOST "\r\n";
    static const char post[] = "POST /echo HTTP/1.1\r\n" HOST JSON "Content-Length: 3\r\n\r\ntwo";
    static const char *const pairs[][2] = { { get, get }, { get, post }, { post, get }, { post, post } };
    static const int sizes[] = { 3900, 4096, 12345, 16200, 16384, 20000, 32768, 60000 };
    static char text[61000];
    struct site s;
    open_with_files(&s);
    struct client c = open_client(&s, NULL, 0);
    for (size_t i = 0; i < MCU_ARRAY_LEN(sizes); i++) {
        int n = snprintf(text, sizeof(text), "POST /echo HTTP/1.1\r\n" HOST JSON
                                             "Content-Length: %d\r\n\r\n", sizes[i]);
        memset(text + n, 'a' + (int)i, (size_t)sizes[i]);
        text[n + sizes[i]] = '\0';
        say_tls(&c, text);
        hear_tls(&c, text + n);
    }
    close_client(&c);
    for (size_t i = 0; i < MCU_ARRAY_LEN(pairs); i++) {
        c = open_client(&s, NULL, 0);
        snprintf(text, sizeof(text), "%s%s", pairs[i][0], pairs[i][1]);
        say_tls(&c, text);
        while (SSL_read(c.ssl, text, sizeof(text)) > 0)
            ;
        close_client(&c);
    }
    c = open_client(&s, NULL, 0);
    hello(&c);
    close_client(&c);
    stop(&s);
}

static void a_websocket_goes_through_tls(void **state)
{
    static const char frame[] = "\x81\x85\0\0\0\0hello";
    struct site s;
    open_with_files(&s);
    struct client c = open_client(&s, NULL, 0);
    say_tls(&c, "GET /ws HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                "Origin: https://localhost:8080\r\n\r\n");
    hear_tls(&c, "\x81\x0e" "secret welcome");
    for (int i = 0; i < 10; i++) {
        assert_int_equal(SSL_write(c.ssl, frame, sizeof(frame) - 1), sizeof(frame) - 1);
        hear_tls(&c, "\x81\x05hello");
    }
    static char record[16384]; /* two long messages and a short one in one record */
    size_t n = 0;
    for (int i = 0; i < 2; i++) {
        memcpy(record + n, "\x81\xfe\x1f\x40\0\0\0\0", 8);
        memset(record + n + 8, 'm', 8000);
        n += 8008;
    }
    memcpy(record + n, frame, sizeof(frame) - 1);
    n += sizeof(frame) - 1;
    assert_int_equal(SSL_write(c.ssl, record, (int)n), n);
    hear_tls(&c, "\x81\x05hello");
    close_client(&c);
    stop(&s);
}

static void only_what_is_safe_is_offered(void **state)
{
    static const unsigned char both[] = "\x02h2\x08http/1.1";
    const unsigned char *alpn;
    unsigned alpn_size;
    struct site s;
    open_with_files(&s);
    struct client c = open_client(&s, both, sizeof(both) - 1);
    SSL_get0_alpn_selected(c.ssl, &alpn, &alpn_size);
    assert_int_equal(alpn_size, 8);
    assert_memory_equal(alpn, "http/1.1", 8);
    assert_int_equal(SSL_version(c.ssl), TLS1_3_VERSION);
    hello(&c);
    close_client(&c);
    SSL_CTX_set_max_proto_version(client_context, TLS1_2_VERSION);
    c = open_client(&s, NULL, 0);
    assert_int_equal(SSL_version(c.ssl), TLS1_2_VERSION);
    hello(&c);
    close_client(&c);
    SSL_CTX_set_cipher_list(client_context, "AES128-SHA:ECDHE-ECDSA-AES128-SHA:DHE+AES");
    c = open_client(&s, NULL, 0);
    assert_null(c.cert);
    close_client(&c);
    SSL_CTX_set_cipher_list(client_context, "ALL@SECLEVEL=0");
    SSL_CTX_set_max_proto_version(client_context, TLS1_1_VERSION);
    c = open_client(&s, NULL, 0);
    assert_null(c.cert);
    close_client(&c);
    SSL_CTX_set_cipher_list(client_context, "DEFAULT");
    SSL_CTX_set_max_proto_version(client_context, 0);
    stop(&s);
}

static int reload_result;

static void reload(void *arg)
{
    struct site *s = arg;
    reload_result = mcu_http_reload_tls(s->http);
}

static int reloaded(struct site *s)
{
    mcu_loop_call(s->loop, reload, s);
    return reload_result;
}

/* Another kind of key, too: the old one must not be found any more. */
static void a_new_certificate_is_taken_while_connections_go_on(void **state)
{
    static const char *const kinds[] = { "RSA", "P-384", "P-256" };
    struct site s;
    write_pem("DNS:first.example", "P-256");
    open_with_files(&s);
    struct client old = open_client(&s, NULL, 0);
    assert_true(is_for(old.cert, "first.example"));
    for (int i = 0; i < 3; i++) {
        char name[32], san[40];
        snprintf(name, sizeof(name), "new%d.example", i);
        snprintf(san, sizeof(san), "DNS:%s", name);
        write_pem(san, kinds[i]);
        assert_int_equal(reloaded(&s), 0);
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            SSL_CTX_set_max_proto_version(client_context, version);
            struct client c = open_client(&s, NULL, 0);
            assert_true(is_for(c.cert, name));
            hello(&c);
            close_client(&c);
        }
        SSL_CTX_set_max_proto_version(client_context, 0);
        hello(&old);
    }
    close_client(&old);
    stop(&s);
}

static void a_bad_certificate_is_refused_and_the_old_one_stays(void **state)
{
    char other[96];
    struct site s;
    write_pem("DNS:good.example", "P-256");
    open_with_files(&s);
    mcu_log_set_level(MCU_LOG_ERROR);
    snprintf(other, sizeof(other), "%s/other", folder);
    assert_int_equal(rename(key_file, other), 0);
    assert_int_equal(reloaded(&s), -ENOENT);
    write_text(key_file, "this is no key\n");
    assert_int_equal(reloaded(&s), -EINVAL);
    assert_int_equal(rename(other, key_file), 0);
    assert_int_equal(rename(cert_file, other), 0);
    write_text(cert_file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_int_equal(reloaded(&s), -EINVAL);
    write_pem("DNS:bad.example", "P-256"); /* its key, and the certificate of another */
    assert_int_equal(rename(other, cert_file), 0);
    assert_int_equal(reloaded(&s), -EINVAL);
    struct client c = open_client(&s, NULL, 0);
    assert_true(is_for(c.cert, "good.example"));
    hello(&c);
    close_client(&c);
    write_pem("DNS:good.example", "P-256");
    assert_int_equal(reloaded(&s), 0);
    stop(&s);
}

static void bad_files_are_told_at_start(void **state)
{
    struct site s = { .config = { .address = "127.0.0.1", .tls = MCU_HTTP_TLS_FILES,
                                  .tls_cert = cert_file, .tls_key = "/nowhere/key.pem" },
                      .routes = rows, .route_count = (int)MCU_ARRAY_LEN(rows) };
    assert_int_equal(mcu_loop_new(&s.loop, "http", false), 0);
    assert_int_equal(mcu_loop_start(s.loop), 0);
    mcu_loop_call(s.loop, open_here, &s);
    assert_int_equal(s.rc, -ENOENT);
    s.config.tls_key = cert_file;
    mcu_loop_call(s.loop, open_here, &s);
    assert_int_equal(s.rc, -EINVAL);
    mcu_loop_stop(s.loop);
    mcu_loop_free(&s.loop);
}

/* No TLS, half a handshake, garbage: they end and hurt nobody. */
static void broken_handshakes_end(void **state)
{
    static const char hello_part[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    static const char *const broken[] = { "GET /hello HTTP/1.1\r\n" HOST "\r\n", hello_part,
                                          "\x80\x80\x80\x80\x80\x80\x80\x80", "" };
    struct site s;
    int fd[40];
    write_pem("DNS:localhost", "P-256");
    start_with(&s, (struct mcu_http_config){ .tls = MCU_HTTP_TLS_FILES, .tls_cert = cert_file,
                                             .tls_key = key_file, .timeout_ms = 300 }, rows,
               MCU_ARRAY_LEN(rows));
    for (int i = 0; i < 40; i++) {
        fd[i] = dial(&s);
        const char *text = broken[i % 4];
        size_t size = text == hello_part ? sizeof(hello_part) - 1 : strlen(text);
        assert_int_equal(send(fd[i], text, size, MSG_NOSIGNAL), (ssize_t)size);
    }
    struct client c = open_client(&s, NULL, 0);
    hello(&c);
    close_client(&c);
    for (int i = 0; i < 40; i++) {
        while (!ended(fd[i])) /* an alert may come first */
            ;
        close(fd[i]);
    }
    stop(&s);
}

static void sixty_at_once(void **state)
{
    static struct client c[60];
    struct site s;
    open_with_files(&s);
    for (int i = 0; i < 60; i++)
        c[i] = open_client(&s, NULL, 0);
    for (int i = 0; i < 60; i++)
        hello(&c[i]);
    for (int i = 0; i < 60; i++)
        close_client(&c[i]);
    stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_self_signed_certificate_names_this_machine),
        cmocka_unit_test(requests_and_large_answers_go_through_tls),
        cmocka_unit_test(large_records_and_pipelining_hurt_nobody),
        cmocka_unit_test(a_websocket_goes_through_tls),
        cmocka_unit_test(only_what_is_safe_is_offered),
        cmocka_unit_test(a_new_certificate_is_taken_while_connections_go_on),
        cmocka_unit_test(a_bad_certificate_is_refused_and_the_old_one_stays),
        cmocka_unit_test(bad_files_are_told_at_start),
        cmocka_unit_test(broken_handshakes_end),
        cmocka_unit_test(sixty_at_once),
    };
    strcpy(folder, "/tmp/mcu-http-tls-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    snprintf(cert_file, sizeof(cert_file), "%s/cert.pem", folder);
    snprintf(key_file, sizeof(key_file), "%s/key.pem", folder);
    client_context = SSL_CTX_new(TLS_client_method());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    SSL_CTX_free(client_context);
    unlink(cert_file);
    unlink(key_file);
    rmdir(folder);
    return failed;
}
