/* tests/bench/line.c - ns a packet that a media line sends: plain, with a history for NACK, with header
 * extensions too; and ns a packet asked for in a storm of NACKs. One JSON object a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/clock.h"
#include "net/line.h"
#include "net/peer_clock.h"
#include "net/rtcp_fb.h"
#include "net/twcc.h"

#define PICTURES      5000
#define PICTURE_BYTES 12000
#define STORMS        2000

static uint64_t packets;
static uint16_t newest;

static void on_send(bool rtcp, const uint8_t *data, size_t size, void *arg)
{
    packets += !rtcp;
    if (!rtcp)
        newest = (uint16_t)(data[2] << 8 | data[3]);
}

static void on_nothing(void *arg)
{
}

static const struct mcu_line_events events = { .send = on_send, .keyframe_wanted = on_nothing,
                                               .bye = on_nothing };

static void storm(struct mcu_line *line, int64_t now_ns)
{
    uint8_t buf[1400];
    struct mcu_wcursor w = mcu_wcursor(buf, sizeof(buf));
    uint16_t seq[16 * 17];
    for (int i = 0; i < 16 * 17; i++)
        seq[i] = (uint16_t)(newest - 300 + i);
    mcu_rtcp_write_nack(&w, 9, 1, seq, 16 * 17);
    int64_t begin = mcu_clock_now_ns();
    for (int i = 0; i < STORMS; i++)
        mcu_line_rtcp(line, buf, mcu_wcursor_size(&w), now_ns);
    printf("{\"storm\": true, \"ns_per_packet_asked_for\": %.1f}\n",
           (double)(mcu_clock_now_ns() - begin) / (STORMS * 16 * 17));
}

static void run(const char *name, const struct mcu_line_config *config)
{
    struct mcu_peer_clock clock;
    struct mcu_line *line;
    struct mcu_unit *u = mcu_unit_new(PICTURE_BYTES);
    int64_t now_ns = MCU_NS_PER_S;
    mcu_peer_clock_init(&clock);
    if (!u || mcu_line_new(&line, config, &clock, &events, NULL) < 0)
        exit(1);
    memset(u->data, 1, PICTURE_BYTES);
    u->size = PICTURE_BYTES;
    u->codec = MCU_CODEC_VP8;
    packets = 0;
    int64_t begin = mcu_clock_now_ns();
    for (int i = 0; i < PICTURES; i++, now_ns += 33 * MCU_NS_PER_MS) {
        u->time_ns = now_ns;
        mcu_line_send(line, u, now_ns);
    }
    printf("{\"line\": \"%s\", \"ns_per_packet\": %.0f}\n", name,
           (double)(mcu_clock_now_ns() - begin) / (double)packets);
    if (config->fb_nack && config->ext.mid)
        storm(line, now_ns);
    mcu_line_free(&line);
    mcu_unit_unref(&u);
}

int main(void)
{
    struct mcu_line_config c = { .kind = MCU_VIDEO, .ssrc = 1, .cname = "us@bench", .dtmf_pt = -1,
                                 .tx_codec = MCU_CODEC_VP8, .tx_pt = 96, .send = true };
    run("plain", &c);
    c.fb_nack = true;
    run("nack", &c);
    c.tx_rtx_pt = 97;
    c.rtx_ssrc = 2;
    c.ext = (struct mcu_line_ext){ .abs_send_time = 3, .transport_cc = 5, .mid = 4 };
    memcpy(c.mid, "1", 2);
    if (mcu_twcc_new(&c.twcc) < 0)
        return 1;
    run("nack, extensions", &c);
    mcu_twcc_free(&c.twcc);
    return 0;
}
