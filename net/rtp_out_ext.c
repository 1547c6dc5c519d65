#include "net/rtp_out_ext.h"

#include <string.h>

#include "mixer/base/clock.h"
#include "net/rtp_ext.h"
#include "net/twcc.h"

#define VOICE_DBOV (-50) /* from here on up a block counts as voice (the V bit of RFC 6464) */

static bool any_number_over_14(const struct mcu_line_ext *id)
{
    uint8_t all[] = { id->audio_level, id->mixer_levels, id->abs_send_time, id->transport_cc, id->mid,
                      id->playout_delay };
    for (size_t i = 0; i < sizeof(all); i++)
        if (all[i] > MCU_RTP_EXT_ONE_BYTE_ID_MAX)
            return true;
    return false;
}

void mcu_rtp_out_ext_configure(struct mcu_rtp_out_ext *x, const struct mcu_line_config *config)
{
    if (strncmp(x->mid, config->mid, sizeof(x->mid)) != 0)
        x->mid_known = false;
    memcpy(x->mid, config->mid, sizeof(x->mid));
    x->mid[sizeof(x->mid) - 1] = '\0';
    x->id = config->ext;
    x->twcc = config->twcc;
    if (!x->twcc)
        x->id.transport_cc = 0;
    if (x->mid[0] == '\0')
        x->id.mid = 0;
    x->two_byte = any_number_over_14(&x->id) ||
                  (x->id.mid && strlen(x->mid) > MCU_RTP_EXT_ONE_BYTE_SIZE_MAX);
}

size_t mcu_rtp_out_ext_room(const struct mcu_rtp_out_ext *x)
{
    size_t per = x->two_byte ? 2 : 1;
    size_t n = (x->id.abs_send_time ? per + 3 : 0) + (x->id.transport_cc ? per + 2 : 0) +
               (x->id.mid ? per + strlen(x->mid) : 0) +
               (x->id.playout_delay ? per + MCU_PLAYOUT_WISH_BYTES : 0);
    return n > 0 ? 4 + (n + 3) / 4 * 4 : 0;
}

static void put_be(struct mcu_rtp_ext_writer *w, uint8_t id, uint64_t v, int bytes)
{
    uint8_t *p = mcu_rtp_ext_put(w, id, (size_t)bytes);
    for (int i = bytes - 1; p && i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)v;
}

/* RFC 6465 3: one byte a CSRC, in the order of the list; 127 is silence. */
static void put_mixer_levels(struct mcu_rtp_ext_writer *w, uint8_t id,
                             const struct mcu_rtp_out_levels *levels)
{
    uint8_t *p = mcu_rtp_ext_put(w, id, levels->csrc_count);
    for (int i = 0; p && i < levels->csrc_count; i++)
        p[i] = levels->csrc[i] <= 0 && levels->csrc[i] >= -127 ? (uint8_t)-levels->csrc[i] : 127;
}

static void put_levels(const struct mcu_rtp_out_ext *x, struct mcu_rtp_ext_writer *w,
                       const struct mcu_rtp_out_levels *levels)
{
    int dbov = levels->level_dbov;
    if (x->id.audio_level && dbov <= 0 && dbov >= -127)
        put_be(w, x->id.audio_level, (dbov >= VOICE_DBOV ? 0x80u : 0) | (unsigned)-dbov, 1);
    if (x->id.mixer_levels && levels->csrc_count > 0)
        put_mixer_levels(w, x->id.mixer_levels, levels);
}

/* 24 bits of the time in seconds, 18 of them behind the point. */
static uint32_t abs_send_time(int64_t now_ns)
{
    return (uint32_t)(mcu_clock_to_ntp(now_ns) >> 14) & 0xffffff;
}

int mcu_rtp_out_ext_write(struct mcu_rtp_out_ext *x, uint8_t *packet, size_t head, size_t room,
                          size_t payload, const struct mcu_rtp_out_levels *levels, bool mid,
                          int64_t now_ns)
{
    struct mcu_rtp_ext_writer w = mcu_rtp_ext_writer(packet, head, room, x->two_byte);
    uint8_t *number = NULL;
    if (levels)
        put_levels(x, &w, levels);
    if (x->id.abs_send_time)
        put_be(&w, x->id.abs_send_time, abs_send_time(now_ns), 3);
    if (x->id.transport_cc)
        number = mcu_rtp_ext_put(&w, x->id.transport_cc, 2);
    if (x->id.mid && (mid || !x->mid_known)) {
        uint8_t *p = mcu_rtp_ext_put(&w, x->id.mid, strlen(x->mid));
        if (p)
            memcpy(p, x->mid, strlen(x->mid));
    }
    if (x->id.playout_delay && x->wish.said) {
        uint8_t *p = mcu_rtp_ext_put(&w, x->id.playout_delay, MCU_PLAYOUT_WISH_BYTES);
        if (p)
            mcu_playout_wish_write(&x->wish, p);
    }
    int n = mcu_rtp_ext_end(&w);
    if (n > 0 && number) {
        uint16_t seq = mcu_twcc_sent(x->twcc, (size_t)n + payload, now_ns);
        number[0] = (uint8_t)(seq >> 8);
        number[1] = (uint8_t)seq;
    }
    return n;
}
