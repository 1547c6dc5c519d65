/* mixer/png.h - a PNG file as a picture with alpha (an operator's logo), by Cairo.
 * Threads: any; an image is read-only once made, refcounted. */
#ifndef MCU_MIXER_PNG_H
#define MCU_MIXER_PNG_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define MCU_IMAGE_MAX_SIDE  2048
#define MCU_IMAGE_MAX_BYTES (4 << 20) /* of the file */

struct mcu_image {
    _Atomic int refs;
    int width, height;
    uint32_t *argb; /* rows of width: 0xaarrggbb, colour premultiplied */
};

/* Reads a file; size and kind are looked at before memory is taken. Returns 0, -EFBIG (more than
 * MCU_IMAGE_MAX_SIDE samples or MCU_IMAGE_MAX_BYTES), -EBADMSG (no whole PNG), -ENOMEM, or why it
 * cannot be opened (-ENOENT, -EACCES, -EISDIR; -EINVAL: no regular file). */
int mcu_image_load(struct mcu_image **out, const char *path);
/* The same from memory. */
int mcu_image_parse(struct mcu_image **out, const uint8_t *data, size_t size);

/* The image at another size, into w * h samples of the same kind. Returns 0 or -ENOMEM. */
int mcu_image_scale(const struct mcu_image *image, int w, int h, uint32_t *out);

struct mcu_image *mcu_image_ref(struct mcu_image *image);
void mcu_image_unref(struct mcu_image **image);

#endif
