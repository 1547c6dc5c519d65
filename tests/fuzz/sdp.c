/* tests/fuzz/sdp.c - parse, negotiate, answer: what we answer must parse again and mirror the
 * offer's lines, whatever the offer was. The input is also taken as an answer to an offer of ours.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/h264_params.h"
#include "net/negotiate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)     \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)

static const struct mcu_nego_caps caps[2] = {
    { .audio = { MCU_CODEC_OPUS, MCU_CODEC_G722, MCU_CODEC_PCMU, MCU_CODEC_PCMA },
      .audio_count = 4,
      .video = { MCU_CODEC_H264, MCU_CODEC_VP8 },
      .video_count = 2,
      .address = "192.0.2.1",
      .audio_bps = 64000,
      .video_bps = 2000000,
      .max_width = 1280,
      .max_height = 720,
      .max_fps = 30,
      .dtmf_pt = 101,
      .name = "tessera",
      .security = MCU_SECURITY_OPTIONAL,
      .fingerprint = { .hash = MCU_HASH_SHA256 } },
    { .audio = { MCU_CODEC_PCMA, MCU_CODEC_OPUS },
      .audio_count = 2,
      .video = { MCU_CODEC_VP8, MCU_CODEC_H264 },
      .video_count = 2,
      .address = "2001:db8::1",
      .ipv6 = true,
      .max_width = 1920,
      .max_height = 1080,
      .max_fps = 60,
      .dtmf_pt = 97,
      .security = MCU_SECURITY_REQUIRED },
};

static void check_line(const struct mcu_nego_line *l, const struct mcu_nego_caps *c)
{
    if (!l->accepted)
        return;
    CHECK(c->security != MCU_SECURITY_REQUIRED || l->sealing != MCU_PLAIN);
    CHECK((l->sealing == MCU_SDES) == (l->sdes.key.suite != MCU_SRTP_NONE));
    CHECK((l->sealing == MCU_DTLS) == (l->fingerprint.hash != MCU_HASH_NONE));
    CHECK(l->rx_count >= 1 && l->rx_count <= MCU_LINE_RX_MAX);
    CHECK(l->remote_port > 0 && l->remote_port < 65536 && l->remote_address[0]);
    CHECK(l->remote_rtcp_port >= 0 && l->remote_rtcp_port < 65536);
    CHECK(l->pt >= 0 && l->pt < 128 && l->codec > MCU_CODEC_NONE && l->codec < MCU_CODEC_COUNT);
    CHECK(l->ptime_ms >= 10 && l->ptime_ms <= 60 && l->max_send_bps >= 0);
    CHECK(mcu_codec_info(l->codec)->kind == l->kind);
    for (int i = 0; i < l->rx_count; i++)
        if (l->rx[i].sprop_bytes)
            CHECK(l->rx[i].sprop >= l->sprop_buf &&
                  l->rx[i].sprop + l->rx[i].sprop_bytes <= l->sprop_buf + sizeof(l->sprop_buf));
    if (l->codec == MCU_CODEC_H264)
        CHECK(l->h264.max_fs >= 99 && l->h264.max_mbps >= 1485 && l->h264.max_br_kbps >= 64);
}

/* What we write must be readable, and line by line of the same kind. */
static struct mcu_sdp *reparse(const char *text, int n, const struct mcu_sdp *mirror)
{
    struct mcu_sdp *again = NULL;
    CHECK(n > 0);
    CHECK(mcu_sdp_parse(&again, text, (size_t)n, NULL) == 0);
    CHECK(again->media_count == mirror->media_count);
    for (int i = 0; i < again->media_count; i++) {
        CHECK(strcmp(again->media[i].kind, mirror->media[i].kind) == 0);
        CHECK(strcmp(again->media[i].proto, mirror->media[i].proto) == 0);
        CHECK(again->media[i].format_count > 0);
    }
    return again;
}

static void as_offer(const struct mcu_sdp *sdp, const struct mcu_nego_caps *c,
                     struct mcu_nego_local *local)
{
    static struct mcu_nego nego, of_answer;
    static char text[32768];
    int rc = mcu_nego_offer(&nego, sdp, c);
    CHECK(nego.line_count == sdp->media_count);
    for (int i = 0; i < nego.line_count; i++)
        check_line(&nego.line[i], c);
    for (int i = 0; i < nego.line_count; i++)
        local->key[i].suite = nego.line[i].sdes.key.suite;
    int n = mcu_nego_write_answer(&nego, sdp, c, local, text, sizeof(text));
    struct mcu_sdp *answer = reparse(text, n, sdp);
    CHECK(mcu_nego_offer(&of_answer, answer, c) == rc);
    for (int i = 0; i < nego.line_count; i++) {
        CHECK(of_answer.line[i].accepted == nego.line[i].accepted);
        CHECK(of_answer.line[i].sealing == nego.line[i].sealing);
        CHECK(!nego.line[i].accepted || of_answer.line[i].rx_count == nego.line[i].rx_count);
    }
    mcu_sdp_free(&answer);
    n = mcu_nego_write_reoffer(&nego, sdp, c, local, text, sizeof(text));
    answer = reparse(text, n, sdp);
    mcu_sdp_free(&answer);
}

static void as_answer(const struct mcu_sdp *sdp, const struct mcu_nego_caps *c,
                      const struct mcu_nego_local *local)
{
    static struct mcu_nego nego;
    static char text[32768];
    if (mcu_nego_answer(&nego, sdp, c) != 0)
        return;
    for (int i = 0; i < nego.line_count; i++)
        check_line(&nego.line[i], c);
    struct mcu_sdp *again =
        reparse(text, mcu_nego_write_reoffer(&nego, sdp, c, local, text, sizeof(text)), sdp);
    mcu_sdp_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcu_nego_local local = { .session_id = 1, .session_version = 2 };
    struct mcu_sdp *sdp;
    struct mcu_sdp_error error;
    for (int i = 0; i < MCU_SDP_MAX_LINES; i++)
        local.port[i] = 20000 + 2 * i;
    int rc = mcu_sdp_parse(&sdp, (const char *)data, size, &error);
    if (rc < 0) {
        CHECK(error.line >= 1 && error.what[0]);
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        as_offer(sdp, &caps[i], &local);
        as_answer(sdp, &caps[i], &local);
    }
    mcu_sdp_free(&sdp);
    return 0;
}
