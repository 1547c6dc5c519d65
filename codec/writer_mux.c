#include "codec/writer_mux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavformat/avformat.h>
#include <libavutil/dict.h>

#include "codec/ff.h"
#include "codec/opus_enc.h"
#include "codec/vhead.h"
#include "mixer/base/clock.h"
#include "mixer/base/cursor.h"

#define IO_BYTES 32768
/* The encoder's look-ahead at 48 kHz: what its decoder's output lags behind the sound that went in,
 * and so what players skip at the start (RFC 7845 section 4.2). A file reports no losses, so it never has
 * FEC. */
#define PRE_SKIP   MCU_OPUS_AHEAD_LOW
#define CLUSTER_MS "500" /* what a kill may cost, twice as good as promised */

struct mcu_mux {
    AVFormatContext *fmt;
    AVIOContext *io;
    AVPacket *packet;
    AVStream *video, *audio; /* NULL: the file has none */
    struct mcu_writer_config config;
    char *title;
    int fd;
    int error;               /* the first failed write, negative errno */
    bool begun;
    int64_t first_ns;
    int64_t last_ms[2];      /* by enum mcu_kind */
    uint64_t bytes;          /* written, without what was overwritten at the end */
};

/* The two that callers tell apart. A limit of the user or of the file is a full disk to us. */
static int disk_error(int err)
{
    return err == ENOSPC || err == EDQUOT || err == EFBIG ? -ENOSPC : -EIO;
}

static int write_bytes(void *opaque, uint8_t *buf, int size)
{
    struct mcu_mux *m = opaque;
    for (int done = 0; done < size;) {
        ssize_t n = write(m->fd, buf + done, (size_t)(size - done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            m->error = m->error ? m->error : disk_error(errno);
            return AVERROR(EIO);
        }
        done += (int)n;
        m->bytes += (uint64_t)n;
    }
    return size;
}

static int64_t seek_to(void *opaque, int64_t offset, int whence)
{
    struct mcu_mux *m = opaque;
    if (whence & AVSEEK_SIZE)
        return AVERROR(ENOSYS);
    off_t at = lseek(m->fd, offset, whence & ~AVSEEK_FORCE);
    return at < 0 ? AVERROR(errno) : at;
}

static int open_format(struct mcu_mux *m)
{
    mcu_ff_quiet();
    uint8_t *buf = av_malloc(IO_BYTES);
    if (!buf)
        return -ENOMEM;
    m->io = avio_alloc_context(buf, IO_BYTES, 1, m, NULL, write_bytes, seek_to);
    if (!m->io) {
        av_free(buf);
        return -ENOMEM;
    }
    m->packet = av_packet_alloc();
    if (!m->packet || avformat_alloc_output_context2(&m->fmt, NULL, "matroska", NULL) < 0)
        return -ENOMEM;
    m->fmt->pb = m->io;
    m->fmt->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_FLUSH_PACKETS;
    m->fmt->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED; /* the time line is ours */
    return 0;
}

int mcu_mux_open(struct mcu_mux **out, const struct mcu_writer_config *config)
{
    struct mcu_mux *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    m->config = *config;
    m->config.path = m->config.title = NULL; /* the caller's */
    m->last_ms[MCU_AUDIO] = m->last_ms[MCU_VIDEO] = -1;
    m->title = config->title ? strdup(config->title) : NULL;
    m->fd = -1;
    int rc = config->title && !m->title ? -ENOMEM : open_format(m);
    if (rc == 0) {
        m->fd = open(config->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        rc = m->fd < 0 ? -errno : 0;
    }
    if (rc < 0)
        mcu_mux_free(&m);
    else
        *out = m;
    return rc;
}

static int set_extradata(AVCodecParameters *par, const void *data, size_t size)
{
    par->extradata = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!par->extradata)
        return -ENOMEM;
    memcpy(par->extradata, data, size);
    par->extradata_size = (int)size;
    return 0;
}

/* The keyframe's parameter sets in Annex B: the muxer makes an avcC box of them, and then turns
 * the start codes of all units into lengths (ISO 14496-15 5.3.3). */
static int set_parameter_sets(AVCodecParameters *par, const struct mcu_unit *key)
{
    uint8_t buf[1024];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    struct mcu_nal nal;
    size_t pos = 0;
    while (mcu_annexb_next(key->data, key->size, &pos, &nal)) {
        if (nal.type != MCU_NAL_SPS && nal.type != MCU_NAL_PPS)
            continue;
        mcu_wcursor_u32(&w, 1);
        mcu_wcursor_bytes(&w, nal.data, nal.size);
    }
    if (w.bad || mcu_wcursor_size(&w) == 0)
        return -EINVAL;
    return set_extradata(par, buf, mcu_wcursor_size(&w));
}

static AVStream *add_stream(struct mcu_mux *m, enum AVMediaType type, enum AVCodecID id)
{
    AVStream *st = avformat_new_stream(m->fmt, NULL);
    if (!st)
        return NULL;
    st->codecpar->codec_type = type;
    st->codecpar->codec_id = id;
    st->time_base = (AVRational){ 1, 1000 }; /* Matroska's own */
    return st;
}

static int add_video(struct mcu_mux *m, const struct mcu_unit *key)
{
    bool h264 = m->config.video == MCU_CODEC_H264;
    m->video = add_stream(m, AVMEDIA_TYPE_VIDEO,
                          h264                                ? AV_CODEC_ID_H264
                          : m->config.video == MCU_CODEC_VP9 ? AV_CODEC_ID_VP9
                                                              : AV_CODEC_ID_VP8);
    if (!m->video)
        return -ENOMEM;
    m->video->codecpar->width = m->config.width;
    m->video->codecpar->height = m->config.height;
    m->video->avg_frame_rate = (AVRational){ m->config.fps, 1 };
    return h264 ? set_parameter_sets(m->video->codecpar, key) : 0;
}

/* OpusHead, RFC 7845 section 5.1; little endian. */
static int add_audio(struct mcu_mux *m)
{
    uint8_t head[19] = "OpusHead\1";
    m->audio = add_stream(m, AVMEDIA_TYPE_AUDIO, AV_CODEC_ID_OPUS);
    if (!m->audio)
        return -ENOMEM;
    head[9] = (uint8_t)m->config.audio_channels;
    head[10] = PRE_SKIP & 255;
    head[11] = PRE_SKIP >> 8;
    head[12] = 48000 & 255;
    head[13] = 48000 >> 8;
    m->audio->codecpar->sample_rate = 48000;
    av_channel_layout_default(&m->audio->codecpar->ch_layout, m->config.audio_channels);
    m->audio->codecpar->initial_padding = PRE_SKIP;
    return set_extradata(m->audio->codecpar, head, sizeof(head));
}

int mcu_mux_begin(struct mcu_mux *m, int64_t first_ns, const struct mcu_unit *key)
{
    AVDictionary *o = NULL;
    int rc = key ? add_video(m, key) : 0;
    if (rc == 0 && m->config.audio != MCU_CODEC_NONE)
        rc = add_audio(m);
    if (rc < 0)
        return rc;
    m->first_ns = first_ns;
    if (m->title)
        av_dict_set(&m->fmt->metadata, "title", m->title, 0);
    av_dict_set(&o, "cluster_time_limit", CLUSTER_MS, 0);
    rc = avformat_write_header(m->fmt, &o);
    av_dict_free(&o);
    m->begun = rc >= 0;
    return m->error ? m->error : rc == AVERROR(ENOMEM) ? -ENOMEM : rc < 0 ? -EINVAL : 0;
}

/* Places a unit on the file's time line, ms. The time of an Opus block includes the pre-skip
 * (Matroska: CodecDelay is subtracted from it on playing), and what went into the encoder with the
 * unit's time comes out of a decoder that much later: the two cancel, so the unit's time stands. */
static int64_t place(const struct mcu_mux *m, const struct mcu_unit *u)
{
    int64_t ns = u->time_ns - m->first_ns;
    return ns < 0 ? -1 : (ns + MCU_NS_PER_MS / 2) / MCU_NS_PER_MS;
}

static int fill_packet(struct mcu_mux *m, const struct mcu_unit *u, AVStream *st, int64_t ms)
{
    AVPacket *p = m->packet;
    if (av_new_packet(p, (int)u->size) < 0)
        return -ENOMEM;
    memcpy(p->data, u->data, u->size);
    p->pts = p->dts = ms;
    p->duration = u->duration_ns / MCU_NS_PER_MS;
    p->stream_index = st->index;
    if (u->keyframe || st == m->audio)
        p->flags |= AV_PKT_FLAG_KEY;
    return 0;
}

int mcu_mux_write(struct mcu_mux *m, const struct mcu_unit *u)
{
    enum mcu_kind kind = mcu_codec_info(u->codec)->kind;
    AVStream *st = kind == MCU_VIDEO ? m->video : m->audio;
    int64_t ms = place(m, u);
    if (!st || ms <= m->last_ms[kind])
        return 0;
    int rc = fill_packet(m, u, st, ms);
    if (rc < 0)
        return rc;
    m->last_ms[kind] = ms;
    rc = av_write_frame(m->fmt, m->packet);
    av_packet_unref(m->packet);
    return m->error ? m->error : rc < 0 ? -EIO : 0;
}

int mcu_mux_end(struct mcu_mux *m)
{
    if (m->begun && !m->error && av_write_trailer(m->fmt) < 0 && !m->error)
        m->error = -EIO;
    avio_flush(m->io);
    if (close(m->fd) < 0 && !m->error)
        m->error = disk_error(errno);
    m->fd = -1;
    return m->error;
}

uint64_t mcu_mux_bytes(const struct mcu_mux *m)
{
    return m->bytes;
}

void mcu_mux_free(struct mcu_mux **mux)
{
    struct mcu_mux *m = *mux;
    *mux = NULL;
    if (!m)
        return;
    if (m->fd >= 0)
        close(m->fd);
    av_packet_free(&m->packet);
    avformat_free_context(m->fmt);
    if (m->io)
        av_freep(&m->io->buffer);
    avio_context_free(&m->io);
    free(m->title);
    free(m);
}
