/* tests/unit/nego_rig.h - what the tests of net/negotiate.h share: our side, an offer, what must stand in the
 * answer. Needs MCU_SOURCE_DIR; include in one .c only. */
#ifndef MCU_TESTS_UNIT_NEGO_RIG_H
#define MCU_TESTS_UNIT_NEGO_RIG_H

#include "tests/unit/sdp_rig.h"

#include <errno.h>

#include "mixer/base/util.h"
#include "net/negotiate.h"

static struct mcu_nego_caps caps;
static struct mcu_nego_local local;
static struct mcu_nego nego;
static char text[32768];

static inline int setup(void **state)
{
    caps = (struct mcu_nego_caps){
        .audio = { MCU_CODEC_OPUS, MCU_CODEC_G722, MCU_CODEC_PCMU, MCU_CODEC_PCMA },
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
        .fingerprint = { .hash = MCU_HASH_SHA256, .bytes = { 0xab, 1, 2, 3 } },
    };
    local = (struct mcu_nego_local){ .session_id = 7, .session_version = 1 };
    for (int i = 0; i < MCU_SDP_MAX_LINES; i++)
        local.port[i] = 20000 + 2 * i;
    return 0;
}

static inline struct mcu_sdp *parse_text(const char *sdp)
{
    return sdp_rig_parse(sdp, strlen(sdp));
}

/* Lines of media of a phone at 192.0.2.7; the result in nego, the answer in text. */
static inline int offer(const char *media)
{
    static char sdp[8192];
    snprintf(sdp, sizeof(sdp),
             "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\n"
             "c=IN IP4 192.0.2.7\r\nt=0 0\r\n%s",
             media);
    struct mcu_sdp *s = parse_text(sdp);
    int rc = mcu_nego_offer(&nego, s, &caps);
    assert_true(mcu_nego_write_answer(&nego, s, &caps, &local, text, sizeof(text)) > 0);
    mcu_sdp_free(&s);
    return rc;
}

static inline void answers(const char *line)
{
    sdp_rig_has(text, line);
}

static inline void answers_not(const char *part)
{
    sdp_rig_has_not(text, part);
}

/* A case whose variables are as setup() leaves them. */
#define NEGO_TEST(name) cmocka_unit_test_setup(name, setup)

#endif
