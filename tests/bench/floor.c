/* tests/bench/floor.c - the codec floor of a meeting: processor seconds a second of media that decoding
 * every sender's streams once, encoding one canvas and encoding one sound take in one thread, with the
 * libraries and settings of the server, and nothing else.
 *
 *   bench_floor VIDEO AUDIO N vp8|h264 PICTURES [paced]
 *                        VIDEO, AUDIO: streams (bench_stream); one JSON line. paced: a picture each 33 ms
 *                        and sleep between, as a meeting has it: caches are cold then, and clocks low
 *
 * Sender i is CLIP_APART pictures behind sender i - 1, as bench_feed's plan has it. Composing and
 * mixing are done, since the encoders need their like, and told apart. */
#include "codec/adec.h"
#include "codec/aenc.h"
#include "codec/vdec.h"
#include "codec/venc.h"
#include "mixer/amix.h"
#include "mixer/base/clock.h"
#include "mixer/base/pcm.h"
#include "mixer/view.h"
#include "net/payload.h"
#include "tests/bench/clip.h"

#define MOST_SENDERS MCU_LAYOUT_MAX_TILES
#define BPS          1500000
#define WARM         15 /* pictures that are not counted: the keyframe, cold tables */

struct sender {
    struct mcu_vdec *video;
    struct mcu_adec *audio;
    struct mcu_pic *pic;
};

static struct sender senders[MOST_SENDERS];
static double decode_ms, compose_ms, encode_ms, opus_ms, mix_ms;
static bool paced;

static void wait_for(int64_t *due_ns, int64_t step_ns)
{
    int64_t now_ns = mcu_clock_now_ns();
    if (!paced)
        return;
    *due_ns = *due_ns + step_ns > now_ns ? *due_ns + step_ns : now_ns;
    struct timespec wait = { 0, (long)(*due_ns - now_ns) };
    nanosleep(&wait, NULL);
}

static int units_of(struct clip_stream *s, struct mcu_unit **units, int most)
{
    struct mcu_depay *depay;
    int n = 0;
    if (mcu_depay_new(&depay, MCU_CODEC_VP8, NULL, 0, 0) < 0)
        clip_die("out of memory", "");
    for (int i = 0; i < s->count && n < most; i++)
        n += mcu_depay_push(depay, s->packet[i].data, s->packet[i].size, s->packet[i].ts,
                            s->packet[i].marker, false, i, &units[n]) == 1;
    mcu_depay_free(&depay);
    return n;
}

static void decode_picture(struct sender *s, const struct mcu_unit *unit)
{
    struct mcu_pic *pic = NULL;
    double begin = clip_cpu_ms();
    if (mcu_vdec_decode(s->video, unit, &pic) < 0 || !pic)
        clip_die("a stream cannot be decoded", "");
    mcu_pic_unref(&s->pic);
    decode_ms += clip_cpu_ms() - begin;
    s->pic = pic;
}

static struct mcu_pic *compose(struct mcu_view *view, int n, int64_t picture)
{
    struct mcu_rect rects[MCU_LAYOUT_MAX_TILES];
    struct mcu_tile tiles[MOST_SENDERS];
    struct mcu_pic *canvas;
    double begin = clip_cpu_ms();
    mcu_layout_place(MCU_LAYOUT_GRID, n, CLIP_WIDTH, CLIP_HEIGHT, rects);
    for (int i = 0; i < n; i++)
        tiles[i] = (struct mcu_tile){ .rect = rects[i], .pic = senders[i].pic,
                                      .pic_id = (uint64_t)(picture * n + i + 1), .name = "Sender" };
    if (mcu_view_compose(view, tiles, n, NULL, picture, &canvas) < 0)
        clip_die("cannot compose", "");
    compose_ms += clip_cpu_ms() - begin;
    return canvas;
}

static void encode_picture(struct mcu_venc *enc, const struct mcu_pic *canvas, bool key)
{
    struct mcu_unit *unit;
    double begin = clip_cpu_ms();
    if (mcu_venc_encode(enc, canvas, key, &unit) < 0)
        clip_die("cannot encode", "");
    mcu_unit_unref(&unit);
    encode_ms += clip_cpu_ms() - begin;
}

static void pictures(struct clip_stream *stream, int n, enum mcu_codec codec, int count)
{
    static struct mcu_unit *units[4 * CLIP_MOST];
    struct mcu_venc_config config = { .codec = codec, .width = CLIP_WIDTH, .height = CLIP_HEIGHT,
                                      .fps = CLIP_FPS, .bitrate_bps = BPS };
    struct mcu_view_config look = { .width = CLIP_WIDTH, .height = CLIP_HEIGHT, .border = 2,
                                    .names = true };
    struct mcu_view *view;
    struct mcu_venc *enc;
    int round = units_of(stream, units, 4 * CLIP_MOST), ahead = CLIP_APART * (n - 1);
    if (mcu_view_new(&view, &look) < 0 || mcu_venc_new(&enc, &config) < 0)
        clip_die("out of memory", "");
    int64_t due_ns = 0;
    for (int t = 0; t < ahead + WARM + count; t++) {
        if (t >= ahead)
            wait_for(&due_ns, MCU_NS_PER_S / CLIP_FPS);
        if (t == ahead + WARM)
            decode_ms = compose_ms = encode_ms = 0;
        for (int i = 0; i < n; i++)
            if (t >= i * CLIP_APART)
                decode_picture(&senders[i], units[(t - i * CLIP_APART) % round]);
        if (t < ahead)
            continue;
        struct mcu_pic *canvas = compose(view, n, t);
        encode_picture(enc, canvas, t == ahead);
        mcu_pic_unref(&canvas);
    }
    mcu_venc_free(&enc);
    mcu_view_free(&view);
}

static void sounds(const struct clip_stream *stream, int n, int ticks)
{
    struct mcu_aenc_config config = { .codec = MCU_CODEC_OPUS, .channels = 1, .frame_ms = 20,
                                      .complexity = -1 };
    static int16_t pcm[MOST_SENDERS][MCU_ADEC_MAX_FRAMES], out[MCU_PCM_TICK_FRAMES];
    uint8_t data[MCU_AENC_MAX_BYTES];
    struct mcu_limiter limiter = { 0 };
    struct mcu_aenc *enc;
    struct mcu_amix *mix;
    if (mcu_aenc_new(&enc, &config) < 0 || mcu_amix_new(&mix, 1, n) < 0)
        clip_die("out of memory", "");
    int64_t due_ns = 0;
    for (int t = 0; t < ticks; t++) {
        wait_for(&due_ns, MCU_PCM_TICK_NS);
        double begin = clip_cpu_ms();
        for (int i = 0; i < n; i++) {
            const struct clip_packet *p = &stream->packet[(t + i * 85) % stream->count];
            mcu_adec_decode(senders[i].audio, p->data, p->size, pcm[i]);
        }
        double decoded = clip_cpu_ms();
        mcu_amix_begin(mix);
        for (int i = 0; i < n; i++)
            mcu_amix_add(mix, pcm[i], 1, 1);
        mcu_amix_output(mix, -1, &limiter, out);
        double mixed = clip_cpu_ms();
        mcu_aenc_encode(enc, out, 1, false, data);
        opus_ms += decoded - begin + clip_cpu_ms() - mixed;
        mix_ms += mixed - decoded;
    }
    mcu_aenc_free(&enc);
    mcu_amix_free(&mix);
}

int main(int argc, char **argv)
{
    struct clip_stream video, audio;
    int n = argc >= 6 ? atoi(argv[3]) : 0, count = argc >= 6 ? atoi(argv[5]) : 0;
    paced = argc == 7;
    if (n < 1 || n > MOST_SENDERS || count < 1)
        clip_die("usage: bench_floor", "VIDEO AUDIO N vp8|h264 PICTURES [paced]");
    clip_open(&video, argv[1]);
    clip_open(&audio, argv[2]);
    for (int i = 0; i < n; i++)
        if (mcu_vdec_new(&senders[i].video, MCU_CODEC_VP8, CLIP_WIDTH, CLIP_HEIGHT) < 0 ||
            mcu_adec_new(&senders[i].audio, MCU_CODEC_OPUS, 1) < 0)
            clip_die("out of memory", "");
    pictures(&video, n, strcmp(argv[4], "h264") ? MCU_CODEC_VP8 : MCU_CODEC_H264, count);
    double seconds = (double)count / CLIP_FPS;
    int ticks = (int)(seconds * 50);
    sounds(&audio, n, ticks);
    printf("{\"floor\": %.4f, \"decode\": %.4f, \"encode\": %.4f, \"opus\": %.4f, \"compose\": %.4f, "
           "\"mix\": %.4f}\n", (decode_ms + encode_ms + opus_ms) / 1e3 / seconds,
           decode_ms / 1e3 / seconds, encode_ms / 1e3 / seconds, opus_ms / 1e3 / seconds,
           compose_ms / 1e3 / seconds, mix_ms / 1e3 / seconds);
    return 0;
}
