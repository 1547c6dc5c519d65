#include <errno.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <libavformat/avformat.h>

#include "codec/vdec.h"
#include "codec/venc.h"
#include "codec/writer.h"
#include "codec/writer_mux.h"
#include "mixer/base/counter.h"
#include "tests/unit/scene.h"

enum { W = 160, H = 96, FPS = 30 };

#define START_NS INT64_C(7000000000)
#define FRAME_NS INT64_C(33333333)

static char dir[] = "/tmp/tessera-writer-XXXXXX";
static char path[sizeof(dir) + 8];

static int make_dir(void **state)
{
    signal(SIGXFSZ, SIG_IGN);
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/a.mkv", dir);
    return 0;
}

static int remove_dir(void **state)
{
    return rmdir(dir) == 0 && mcu_unit_alive() == 0 ? 0 : -1;
}

static int remove_file(void **state)
{
    return unlink(path) == 0 ? 0 : -1;
}

struct end {
    sem_t ended;
    int calls, error;
    struct mcu_writer_stats stats;
};

static void on_done(int error, const struct mcu_writer_stats *stats, void *arg)
{
    struct end *e = arg;
    e->calls++;
    e->error = error;
    e->stats = *stats;
    sem_post(&e->ended);
}

static struct mcu_writer_config config_of(enum mcu_codec video, enum mcu_codec audio)
{
    return (struct mcu_writer_config){ .path = path, .video = video, .width = W, .height = H,
                                       .fps = FPS, .audio = audio, .audio_channels = 1,
                                       .title = "caf\xc3\xa9" };
}

/* 20 ms of silence: Opus CELT, fullband, mono. */
static struct mcu_unit *opus_unit(int n)
{
    static const uint8_t silence[3] = { 0xf8, 0xff, 0xfe };
    struct mcu_unit *u = mcu_unit_new(sizeof(silence));
    memcpy(u->data, silence, sizeof(silence));
    u->size = sizeof(silence);
    u->codec = MCU_CODEC_OPUS;
    u->time_ns = START_NS + n * INT64_C(20000000);
    u->duration_ns = 20000000;
    return u;
}

struct video {
    struct mcu_venc *enc;
    struct mcu_pic *pic;
};

static void video_open(struct video *v, enum mcu_codec codec)
{
    struct mcu_venc_config c = { .codec = codec, .width = W, .height = H, .fps = FPS,
                                 .bitrate_bps = 200000 };
    assert_int_equal(mcu_venc_new(&v->enc, &c), 0);
    assert_int_equal(mcu_pic_new(&v->pic, W, H), 0);
}

static struct mcu_unit *video_unit(struct video *v, int n, bool key)
{
    struct mcu_unit *u;
    scene_draw(v->pic, n);
    v->pic->time_ns = START_NS + n * FRAME_NS;
    assert_int_equal(mcu_venc_encode(v->enc, v->pic, key, &u), 0);
    return u;
}

static void video_close(struct video *v)
{
    mcu_venc_free(&v->enc);
    mcu_pic_unref(&v->pic);
}

static int push(struct mcu_writer *w, struct mcu_unit *u)
{
    int rc = mcu_writer_push(w, u);
    mcu_unit_unref(&u);
    return rc;
}

/* What a player finds in the file. */
struct found {
    int streams, video, audio;
    double video_first, video_last, audio_first, audio_last; /* s */
    double duration;
    bool avcc, opus_head, title;
};

static struct found read_file(void)
{
    struct found f = { 0 };
    AVFormatContext *c = NULL;
    AVPacket *p = av_packet_alloc();
    assert_int_equal(avformat_open_input(&c, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(c, NULL) >= 0);
    f.streams = (int)c->nb_streams;
    f.duration = c->duration == AV_NOPTS_VALUE ? -1 : (double)c->duration / AV_TIME_BASE;
    const AVDictionaryEntry *title = av_dict_get(c->metadata, "title", NULL, 0);
    f.title = title && strcmp(title->value, "caf\xc3\xa9") == 0;
    while (av_read_frame(c, p) >= 0) {
        const AVStream *st = c->streams[p->stream_index];
        const AVCodecParameters *par = st->codecpar;
        double t = (double)p->pts * av_q2d(st->time_base);
        if (par->codec_type == AVMEDIA_TYPE_VIDEO) {
            f.avcc = par->extradata_size > 7 && par->extradata[0] == 1;
            f.video_first = f.video++ ? f.video_first : t;
            f.video_last = t;
        } else {
            f.opus_head = par->extradata_size == 19 && !memcmp(par->extradata, "OpusHead", 8);
            f.audio_first = f.audio++ ? f.audio_first : t;
            f.audio_last = t;
        }
        av_packet_unref(p);
    }
    av_packet_free(&p);
    avformat_close_input(&c);
    return f;
}

/* Sound and picture of 3 s, in the order of their times. */
static void push_3s(struct mcu_writer *w, struct video *v)
{
    for (int a = 0, n = 0; a < 150;) {
        if (n < 90 && n * FRAME_NS <= a * INT64_C(20000000)) {
            assert_int_equal(push(w, video_unit(v, n, n == 0)), 0);
            n++;
        } else {
            assert_int_equal(push(w, opus_unit(a++)), 0);
        }
    }
}

static void check_3s(const struct found *f)
{
    assert_int_equal(f->streams, 2);
    assert_int_equal(f->video, 90);
    assert_int_equal(f->audio, 150);
    assert_true(f->opus_head);
    assert_true(f->title);
    assert_float_equal(f->video_first, 0, 0.0011);
    assert_float_equal(f->video_last, 89 / 30.0, 0.0011);
    /* A player skips the first 2.5 ms of what it decodes: the packet is that much earlier. */
    assert_float_equal(f->audio_first, -0.0025, 0.0016);
    assert_float_equal(f->audio_last, 149 * 0.02 - 0.0025, 0.0016);
}

static void write_3s(enum mcu_codec codec, bool wait)
{
    struct mcu_writer *w = NULL;
    struct mcu_writer_config c = config_of(codec, MCU_CODEC_OPUS);
    struct video v;
    struct end end = { .calls = 0 };
    sem_init(&end.ended, 0, 0);
    video_open(&v, codec);
    assert_int_equal(mcu_writer_start(&w, &c, on_done, &end), 0);
    push_3s(w, &v);
    mcu_writer_stop(&w, wait);
    assert_null(w);
    sem_wait(&end.ended);
    assert_int_equal(end.calls, 1);
    assert_int_equal(end.error, 0);
    assert_int_equal(end.stats.units, 240);
    assert_int_equal(end.stats.dropped, 0);
    assert_true(end.stats.bytes > 1000);
    video_close(&v);
}

static void writer_h264_and_opus_share_one_time_line(void **state)
{
    write_3s(MCU_CODEC_H264, true);
    struct found f = read_file();
    check_3s(&f);
    assert_true(f.avcc);
    assert_float_equal(f.duration, 3.0, 0.05);
}

static void writer_vp8_and_opus_stopped_without_waiting(void **state)
{
    write_3s(MCU_CODEC_VP8, false);
    struct found f = read_file();
    check_3s(&f);
}

static void writer_vp9_and_opus(void **state)
{
    write_3s(MCU_CODEC_VP9, true);
    struct found f = read_file();
    check_3s(&f);
}

/* The muxer itself, on this thread: what is on disk at any moment is what a kill leaves. */
static void writer_killed_leaves_all_but_the_last_second(void **state)
{
    struct mcu_mux *m = NULL;
    struct mcu_writer_config c = config_of(MCU_CODEC_H264, MCU_CODEC_OPUS);
    struct video v;
    video_open(&v, MCU_CODEC_H264);
    assert_int_equal(mcu_mux_open(&m, &c), 0);
    for (int n = 0; n < 120; n++) {
        struct mcu_unit *u = video_unit(&v, n, n == 0), *a = opus_unit(n * 5 / 3);
        if (n == 0)
            assert_int_equal(mcu_mux_begin(m, u->time_ns, u), 0);
        assert_int_equal(mcu_mux_write(m, u), 0);
        assert_int_equal(mcu_mux_write(m, a), 0);
        mcu_unit_unref(&a);
        mcu_unit_unref(&u);
        if (n >= 30 && n % 10 == 0) {
            struct found f = read_file();
            assert_true(f.video_last >= n / 30.0 - 1);
            assert_true(f.audio_last >= n / 30.0 - 1);
        }
    }
    assert_int_equal(mcu_mux_end(m), 0);
    mcu_mux_free(&m);
    video_close(&v);
}

static void writer_cut_file_plays_to_the_cut(void **state)
{
    struct stat st;
    write_3s(MCU_CODEC_H264, true);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size * 6 / 10), 0);
    struct found f = read_file();
    assert_in_range(f.video, 30, 75);
    assert_in_range(f.audio, 50, 125);
}

static void writer_drops_video_before_the_first_keyframe(void **state)
{
    struct mcu_writer *w = NULL;
    struct mcu_writer_config c = config_of(MCU_CODEC_VP8, MCU_CODEC_OPUS);
    struct video v;
    video_open(&v, MCU_CODEC_VP8);
    assert_int_equal(mcu_writer_start(&w, &c, NULL, NULL), 0);
    for (int n = 0; n < 30; n++) {
        struct mcu_unit *u = video_unit(&v, n, n == 12);
        if (n == 0)
            u->keyframe = false; /* joined after it */
        assert_int_equal(push(w, u), n < 12 ? -EAGAIN : 0);
    }
    mcu_writer_stop(&w, true);
    struct found f = read_file();
    assert_int_equal(f.video, 18);
    assert_float_equal(f.video_first, 0, 0.0011);
    video_close(&v);
}

static void writer_without_any_video_keeps_the_sound(void **state)
{
    struct mcu_writer *w = NULL;
    struct mcu_writer_config c = config_of(MCU_CODEC_H264, MCU_CODEC_OPUS);
    assert_int_equal(mcu_writer_start(&w, &c, NULL, NULL), 0);
    for (int n = 0; n < 1000; n++)
        assert_int_equal(push(w, opus_unit(n)), 0);
    mcu_writer_stop(&w, true);
    struct found f = read_file();
    assert_int_equal(f.streams, 1);
    assert_in_range(f.audio, 99, 102); /* the last 2 s */
}

/* References to one large keyframe are pushed far faster than any disk takes 4 MiB. */
static void writer_full_queue_drops_until_the_next_keyframe(void **state)
{
    struct mcu_writer *w = NULL;
    struct mcu_writer_config c = config_of(MCU_CODEC_VP8, MCU_CODEC_NONE);
    struct end end = { .calls = 0 };
    struct mcu_unit *big = mcu_unit_new(MCU_UNIT_MAX_BYTES), *delta = opus_unit(0);
    uint64_t before = mcu_counter_get(MCU_CNT_WRITER_DROPPED), dropped = 0;
    int tries = 0;
    sem_init(&end.ended, 0, 0);
    memset(big->data, 0, MCU_UNIT_MAX_BYTES);
    big->size = MCU_UNIT_MAX_BYTES;
    big->codec = delta->codec = MCU_CODEC_VP8;
    big->keyframe = true;
    big->time_ns = delta->time_ns = START_NS;
    assert_int_equal(mcu_writer_start(&w, &c, on_done, &end), 0);
    while (mcu_writer_push(w, big) == 0)
        assert_true(++tries < 200);
    dropped++;
    /* Without its keyframe this would be garbage: not counted, but the caller is to ask for one. */
    assert_int_equal(mcu_writer_push(w, delta), -EAGAIN);
    mcu_writer_stop(&w, true);
    assert_int_equal(end.error, 0);
    assert_int_equal(end.stats.dropped, dropped);
    assert_int_equal(mcu_counter_get(MCU_CNT_WRITER_DROPPED) - before, dropped);
    assert_true(end.stats.units <= (uint64_t)tries);
    mcu_unit_unref(&big);
    mcu_unit_unref(&delta);
}

static void writer_full_disk_ends_the_file_and_says_so(void **state)
{
    struct mcu_writer *w = NULL;
    struct mcu_writer_config c = config_of(MCU_CODEC_H264, MCU_CODEC_OPUS);
    struct end end = { .calls = 0 };
    struct video v;
    struct rlimit old, small;
    sem_init(&end.ended, 0, 0);
    video_open(&v, MCU_CODEC_H264);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 30000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(mcu_writer_start(&w, &c, on_done, &end), 0);
    for (int n = 0; n < 90; n++)
        push(w, video_unit(&v, n, n == 0));
    sem_wait(&end.ended);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(end.error, -ENOSPC);
    assert_int_equal(push(w, opus_unit(200)), -EAGAIN); /* harmless until stopped */
    mcu_writer_stop(&w, true);
    assert_int_equal(end.calls, 1);
    struct found f = read_file();
    assert_in_range(f.video, 10, 89);
    video_close(&v);
}

static void writer_refuses_what_is_there_or_wrong(void **state)
{
    struct mcu_writer *w = NULL;
    struct mcu_writer_config c = config_of(MCU_CODEC_H264, MCU_CODEC_OPUS);
    FILE *f = fopen(path, "w");
    fclose(f);
    assert_int_equal(mcu_writer_start(&w, &c, NULL, NULL), -EEXIST);
    c.path = "/tmp/tessera-no-such-folder/a.mkv";
    assert_int_equal(mcu_writer_start(&w, &c, NULL, NULL), -ENOENT);
    c.audio = MCU_CODEC_PCMU;
    assert_int_equal(mcu_writer_start(&w, &c, NULL, NULL), -EINVAL);
    c.audio = c.video = MCU_CODEC_NONE;
    assert_int_equal(mcu_writer_start(&w, &c, NULL, NULL), -EINVAL);
    assert_null(w);
    mcu_writer_stop(&w, true);
}

#define FILE_TEST(t) cmocka_unit_test_teardown(t, remove_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(writer_h264_and_opus_share_one_time_line),
        FILE_TEST(writer_vp8_and_opus_stopped_without_waiting),
        FILE_TEST(writer_vp9_and_opus),
        FILE_TEST(writer_killed_leaves_all_but_the_last_second),
        FILE_TEST(writer_cut_file_plays_to_the_cut),
        FILE_TEST(writer_drops_video_before_the_first_keyframe),
        FILE_TEST(writer_without_any_video_keeps_the_sound),
        FILE_TEST(writer_full_queue_drops_until_the_next_keyframe),
        FILE_TEST(writer_full_disk_ends_the_file_and_says_so),
        FILE_TEST(writer_refuses_what_is_there_or_wrong),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
