/* tests/fuzz/sdp_web.c - an offer to a WebRTC leg: where an answer comes of it, it parses and obeys
 * (tests/unit/web_answer.h); where none does, a reason is given. Every role. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "../unit/web_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)     \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)

static const struct mcu_nego_caps caps = { WEB_ANSWER_CAPS };

static const char *const candidates[] = { "candidate:1 1 UDP 2130706431 192.0.2.1 40000 typ host" };

static const struct mcu_nego_web_local local = {
    .ufrag = "abcd",
    .pwd = "0123456789abcdefghijkl",
    .candidates = candidates,
    .candidate_count = 1,
    .cname = "c",
    .stream = "s",
    .ssrc = { 1, 2 },
    .rtx_ssrc = { 3, 4 },
};

static void check_line(const struct mcu_nego_web_line *line)
{
    const struct mcu_nego_line *l = &line->base;
    struct mcu_line_config c;
    if (line->index < 0)
        return;
    CHECK(l->rx_count >= 1 && l->rx_count <= MCU_LINE_RX_MAX);
    CHECK(l->we_send || l->we_receive);
    CHECK(!l->we_send || l->codec != MCU_CODEC_NONE);
    CHECK(line->rid_count == 0 || (line->rid_count >= 2 && line->ext.rid));
    CHECK(line->ssrc_count <= MCU_SDP_MAX_SSRCS);
    for (int i = 0; i < l->rx_count; i++)
        if (l->rx[i].sprop_bytes)
            CHECK(l->rx[i].sprop >= l->sprop_buf &&
                  l->rx[i].sprop + l->rx[i].sprop_bytes <= l->sprop_buf + sizeof(l->sprop_buf));
    mcu_nego_web_line_config(line, &c);
    CHECK(c.rx_count == l->rx_count && c.kind == l->kind);
}

static void judge(const struct mcu_sdp *offer, enum mcu_web_role role)
{
    static struct mcu_nego_web nego;
    static char text[262144];
    struct mcu_nego_web_error error = { "" };
    struct mcu_sdp *answer = NULL;
    int rc = mcu_nego_web_offer(&nego, offer, &caps, role, &error);
    if (rc < 0) {
        CHECK((rc == -EBADMSG || rc == -ENOENT) && error.what[0]);
        return;
    }
    check_line(&nego.line[MCU_AUDIO]);
    check_line(&nego.line[MCU_VIDEO]);
    CHECK(nego.transport.candidate_count <= MCU_SDP_MAX_CANDIDATES);
    for (int i = 0; i < nego.transport.candidate_count; i++)
        CHECK(strncmp(nego.transport.candidates[i], "candidate:", 10) == 0);
    int n = mcu_nego_web_write_answer(&nego, offer, &caps, &local, text, sizeof(text));
    CHECK(n > 0);
    CHECK(mcu_sdp_parse(&answer, text, (size_t)n, NULL) == 0);
    CHECK(!web_answer_fault(offer, answer));
    CHECK(mcu_sdpfrag_write(&nego, &local, text, sizeof(text)) > 0);
    mcu_sdp_free(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcu_sdp *sdp;
    if (mcu_sdp_parse(&sdp, (const char *)data, size, NULL) < 0)
        return 0;
    for (int role = MCU_WEB_PUBLISH; role <= MCU_WEB_BOTH; role++)
        judge(sdp, (enum mcu_web_role)role);
    mcu_sdp_free(&sdp);
    return 0;
}
