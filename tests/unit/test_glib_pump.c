/* GLib sources under a libuv loop: what a descriptor reports arrives, whatever happened to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/glib_pump.h"
#include "net/loop_priv.h"

#define REARMED MCU_CNT_SIP_SOCKET_REARMED

struct fixture {
    struct mcu_loop *loop;
    GMainContext *context;
    struct mcu_glib_pump *pump;
    uv_timer_t too_long;
};

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));
    assert_int_equal(mcu_loop_new(&f->loop, "t", false), 0);
    uv_timer_init(mcu_loop_uv(f->loop), &f->too_long);
    f->context = g_main_context_new();
    assert_int_equal(mcu_glib_pump_new(&f->pump, f->loop, f->context, REARMED), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mcu_glib_pump_free(&f->pump);
    assert_null(f->pump);
    uv_close((uv_handle_t *)&f->too_long, NULL);
    mcu_loop_free(&f->loop);
    g_main_context_unref(f->context);
    test_free(f);
    return 0;
}

static void on_too_long(uv_timer_t *timer)
{
    fail_msg("nothing came in 3 s");
}

/* Rounds of the loop until *count reaches n. */
static void run_until(struct fixture *f, const int *count, int n)
{
    uv_timer_start(&f->too_long, on_too_long, 3000, 0);
    while (*count < n)
        uv_run(mcu_loop_uv(f->loop), UV_RUN_ONCE);
    uv_timer_stop(&f->too_long);
}

/* A source with one descriptor. */
struct watch_source {
    GSource source;
    gpointer tag;
    int fd, dispatched;
    GIOCondition seen;
    void (*fn)(struct watch_source *w);
};

static gboolean watch_ready(GSource *source)
{
    struct watch_source *w = (struct watch_source *)source;
    w->seen = g_source_query_unix_fd(source, w->tag);
    return w->seen != 0;
}

static gboolean watch_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct watch_source *w = (struct watch_source *)source;
    w->dispatched++;
    if (w->fn)
        w->fn(w);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs watch_funcs = { .check = watch_ready, .dispatch = watch_dispatch };

static struct watch_source *watch_new(struct fixture *f, int fd, void (*fn)(struct watch_source *))
{
    struct watch_source *w =
        (struct watch_source *)g_source_new(&watch_funcs, sizeof(struct watch_source));
    w->fd = fd;
    w->fn = fn;
    w->tag = g_source_add_unix_fd(&w->source, fd, G_IO_IN);
    g_source_attach(&w->source, f->context);
    return w;
}

static void watch_free(struct watch_source *w)
{
    g_source_destroy(&w->source);
    g_source_unref(&w->source);
}

static gboolean count_up(gpointer data)
{
    ++*(int *)data;
    return G_SOURCE_REMOVE;
}

static void attach(struct fixture *f, GSource *source, int *count)
{
    g_source_set_callback(source, count_up, count, NULL);
    g_source_attach(source, f->context);
    g_source_unref(source);
}

static void timeouts_and_idles_run(void **state)
{
    struct fixture *f = *state;
    int count = 0;
    attach(f, g_idle_source_new(), &count);
    attach(f, g_timeout_source_new(3), &count);
    run_until(f, &count, 2);
}

static void *attach_from_thread(void *arg)
{
    void **a = arg;
    attach(a[0], g_idle_source_new(), a[1]);
    return NULL;
}

static void another_thread_wakes_the_loop(void **state)
{
    struct fixture *f = *state;
    int count = 0;
    void *arg[] = { f, &count };
    pthread_t thread;
    uv_run(mcu_loop_uv(f->loop), UV_RUN_NOWAIT);
    assert_int_equal(pthread_create(&thread, NULL, attach_from_thread, arg), 0);
    run_until(f, &count, 1);
    pthread_join(thread, NULL);
}

static void drain_udp(struct watch_source *w)
{
    char buf[256];
    struct msghdr msg = { .msg_control = buf, .msg_controllen = sizeof(buf) };
    if (w->seen & G_IO_ERR)
        recvmsg(w->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);
    while (recv(w->fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
        ;
}

/* One ICMP error on a socket with IP_RECVERR made libuv stop its handle for good. */
static void r_socket_hears_after_an_icmp_error(void **state)
{
    struct fixture *f = *state;
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in closed = a;
    socklen_t size = sizeof(a);
    /* A port where nobody listens: bound and closed again. */
    int other = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(other, (struct sockaddr *)&closed, size), 0);
    assert_int_equal(getsockname(other, (struct sockaddr *)&closed, &size), 0);
    close(other);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
    struct watch_source *w = watch_new(f, fd, drain_udp);
    uint64_t before = mcu_counter_get(REARMED);
    for (int i = 1; i <= 3; i++) {
        int seen = w->dispatched;
        sendto(fd, "x", 1, 0, (struct sockaddr *)&closed, size);
        run_until(f, &w->dispatched, seen + 1);
        assert_true(w->seen & G_IO_ERR);
        assert_int_equal(mcu_counter_get(REARMED), before + i);
        sendto(fd, "x", 1, 0, (struct sockaddr *)&a, size);
        run_until(f, &w->dispatched, seen + 2);
        assert_true(w->seen & G_IO_IN);
    }
    watch_free(w);
    close(fd);
}

static int second_write_end;

/* Within one dispatch: closed, and another file opened under the same number. */
static void replace_file(struct watch_source *w)
{
    int p[2];
    if (w->dispatched > 1)
        return;
    assert_int_equal(pipe(p), 0);
    g_source_remove_unix_fd(&w->source, w->tag);
    assert_int_equal(dup2(p[0], w->fd), w->fd);
    close(p[0]);
    second_write_end = p[1];
    w->tag = g_source_add_unix_fd(&w->source, w->fd, G_IO_IN);
}

static void r_reused_descriptor_is_heard(void **state)
{
    struct fixture *f = *state;
    int p[2];
    assert_int_equal(pipe(p), 0);
    struct watch_source *w = watch_new(f, p[0], replace_file);
    assert_int_equal(write(p[1], "x", 1), 1);
    run_until(f, &w->dispatched, 1);
    int count = 0;
    attach(f, g_timeout_source_new(2), &count);
    run_until(f, &count, 1);
    assert_int_equal(w->dispatched, 1);
    assert_int_equal(write(second_write_end, "y", 1), 1);
    run_until(f, &w->dispatched, 2);
    watch_free(w);
    close(p[0]);
    close(p[1]);
    close(second_write_end);
}

static void drain_byte(struct watch_source *w)
{
    char c;
    assert_int_equal(read(w->fd, &c, 1), 1);
}

static void two_sources_share_a_descriptor(void **state)
{
    struct fixture *f = *state;
    int p[2];
    assert_int_equal(pipe(p), 0);
    struct watch_source *a = watch_new(f, p[0], drain_byte), *b = watch_new(f, p[0], NULL);
    assert_int_equal(write(p[1], "x", 1), 1);
    run_until(f, &a->dispatched, 1);
    watch_free(b);
    /* The other keeps its place in the set. */
    assert_int_equal(write(p[1], "x", 1), 1);
    run_until(f, &a->dispatched, 2);
    watch_free(a);
    close(p[0]);
    close(p[1]);
}

static void many_descriptors_at_once(void **state)
{
    struct fixture *f = *state;
    enum { N = 200 };
    struct watch_source *w[N];
    int fds[N][2];
    for (int i = 0; i < N; i++) {
        assert_int_equal(pipe(fds[i]), 0);
        w[i] = watch_new(f, fds[i][0], drain_byte);
    }
    for (int i = 0; i < N; i++)
        assert_int_equal(write(fds[i][1], "x", 1), 1);
    for (int i = 0; i < N; i++)
        run_until(f, &w[i]->dispatched, 1);
    for (int i = 0; i < N; i++) {
        assert_int_equal(w[i]->dispatched, 1);
        watch_free(w[i]);
        close(fds[i][0]);
        close(fds[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timeouts_and_idles_run, setup, teardown),
        cmocka_unit_test_setup_teardown(another_thread_wakes_the_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(r_socket_hears_after_an_icmp_error, setup, teardown),
        cmocka_unit_test_setup_teardown(r_reused_descriptor_is_heard, setup, teardown),
        cmocka_unit_test_setup_teardown(two_sources_share_a_descriptor, setup, teardown),
        cmocka_unit_test_setup_teardown(many_descriptors_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
