/* AV1: sequence headers (AV1 5.5) and the first bits of frame headers (5.9.2). */
#include <errno.h>

#include "codec/bits.h"
#include "codec/vhead_priv.h"
#include "mixer/base/obu.h"
#include "mixer/base/util.h"

/* uvlc, 4.10.3. */
static void skip_uvlc(struct mcu_bits *b)
{
    int zeros = 0;
    while (!b->bad && !mcu_bits_1(b))
        zeros++;
    if (zeros < 32)
        mcu_bits_n(b, zeros);
}

/* timing_info and decoder_model_info, 5.5.3 and 5.5.4. Returns the length of buffer delays; 0: no
 * model. */
static int skip_timing(struct mcu_bits *b)
{
    mcu_bits_n(b, 32);
    mcu_bits_n(b, 32);
    if (mcu_bits_1(b))
        skip_uvlc(b);
    if (!mcu_bits_1(b))
        return 0;
    int delay_bits = (int)mcu_bits_n(b, 5) + 1;
    mcu_bits_n(b, 32);
    mcu_bits_n(b, 10);
    return delay_bits;
}

static void skip_operating_points(struct mcu_bits *b)
{
    int delay_bits = mcu_bits_1(b) ? skip_timing(b) : 0;
    bool display_delay = mcu_bits_1(b);
    int count = (int)mcu_bits_n(b, 5) + 1;
    for (int i = 0; i < count && !b->bad; i++) {
        mcu_bits_n(b, 12);
        if (mcu_bits_n(b, 5) > 7)
            mcu_bits_1(b); /* tier */
        if (delay_bits && mcu_bits_1(b)) {
            mcu_bits_n(b, delay_bits);
            mcu_bits_n(b, delay_bits);
            mcu_bits_1(b);
        }
        if (display_delay && mcu_bits_1(b))
            mcu_bits_n(b, 4);
    }
}

static int parse_sequence(struct mcu_vhead *out, const struct mcu_obu *obu, bool *still)
{
    struct mcu_bits b = mcu_bits(obu->data, obu->size);
    mcu_bits_n(&b, 4); /* profile, still_picture */
    *still = mcu_bits_1(&b);
    if (*still)
        mcu_bits_n(&b, 5);
    else
        skip_operating_points(&b);
    int width_bits = (int)mcu_bits_n(&b, 4) + 1, height_bits = (int)mcu_bits_n(&b, 4) + 1;
    int w = (int)mcu_bits_n(&b, width_bits) + 1, h = (int)mcu_bits_n(&b, height_bits) + 1;
    if (b.bad)
        return -EBADMSG;
    out->coded_width = mcu_max(out->coded_width, w);
    out->coded_height = mcu_max(out->coded_height, h);
    return 0;
}

int mcu_vhead_av1(struct mcu_vhead *out, const uint8_t *data, size_t size)
{
    struct mcu_cursor c = mcu_cursor(data, size);
    struct mcu_obu obu;
    bool sequence = false, still = false;
    int rc;
    while ((rc = mcu_obu_next(&c, &obu)) > 0) {
        if (obu.type == MCU_OBU_SEQUENCE) {
            if (parse_sequence(out, &obu, &still) < 0)
                return -EBADMSG;
            sequence = true;
        } else if (obu.type == MCU_OBU_FRAME || obu.type == MCU_OBU_FRAME_HEADER) {
            if (!out->slices && sequence && (still || mcu_obu_is_key(&obu)))
                out->start = MCU_VSTART_KEY;
            out->slices++;
        }
    }
    return rc;
}
