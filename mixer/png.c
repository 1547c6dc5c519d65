#include "mixer/png.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cairo.h>

#include "mixer/base/cursor.h"

/* PNG (ISO/IEC 15948) 5.2, 11.2.2: the signature, then the header chunk with the size. */
static int check_header(const uint8_t *data, size_t size)
{
    static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    struct mcu_cursor c = mcu_cursor(data, size);
    if (size < 24 || memcmp(data, signature, 8) != 0 || memcmp(data + 12, "IHDR", 4) != 0)
        return -EBADMSG;
    mcu_cursor_take(&c, 16);
    uint32_t w = mcu_cursor_u32(&c), h = mcu_cursor_u32(&c);
    if (w == 0 || h == 0)
        return -EBADMSG;
    return w > MCU_IMAGE_MAX_SIDE || h > MCU_IMAGE_MAX_SIDE ? -EFBIG : 0;
}

static cairo_status_t read_bytes(void *closure, unsigned char *to, unsigned int n)
{
    const uint8_t *from = mcu_cursor_take(closure, n);
    if (!from)
        return CAIRO_STATUS_READ_ERROR;
    memcpy(to, from, n);
    return CAIRO_STATUS_SUCCESS;
}

static int from_cairo(cairo_status_t status)
{
    return status == CAIRO_STATUS_SUCCESS     ? 0
           : status == CAIRO_STATUS_NO_MEMORY ? -ENOMEM
                                              : -EBADMSG;
}

/* Draws a surface of any format at w x h over clear samples. */
static int draw(cairo_surface_t *from, int from_w, int from_h, int w, int h, uint32_t *out)
{
    memset(out, 0, sizeof(*out) * (size_t)w * (size_t)h);
    cairo_surface_t *to = cairo_image_surface_create_for_data((unsigned char *)out,
                                                              CAIRO_FORMAT_ARGB32, w, h, w * 4);
    cairo_t *cr = cairo_create(to);
    cairo_scale(cr, (double)w / from_w, (double)h / from_h);
    cairo_set_source_surface(cr, from, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_GOOD); /* areas, when it shrinks */
    cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);  /* no soft edge */
    cairo_paint(cr);
    cairo_surface_flush(to);
    int rc = from_cairo(cairo_status(cr));
    cairo_destroy(cr);
    cairo_surface_destroy(to);
    return rc;
}

static int image_new(struct mcu_image **out, int w, int h)
{
    struct mcu_image *i = calloc(1, sizeof(*i));
    uint32_t *argb = calloc((size_t)w * (size_t)h, sizeof(*argb));
    if (!i || !argb) {
        free(i);
        free(argb);
        return -ENOMEM;
    }
    atomic_init(&i->refs, 1);
    i->width = w;
    i->height = h;
    i->argb = argb;
    *out = i;
    return 0;
}

int mcu_image_parse(struct mcu_image **out, const uint8_t *data, size_t size)
{
    struct mcu_image *i = NULL;
    struct mcu_cursor c = mcu_cursor(data, size);
    int rc = size > MCU_IMAGE_MAX_BYTES ? -EFBIG : check_header(data, size);
    if (rc < 0)
        return rc;
    cairo_surface_t *s = cairo_image_surface_create_from_png_stream(read_bytes, &c);
    /* libpng's complaints come as shortage of memory, too; of that there is enough for this size. */
    rc = cairo_surface_status(s) == CAIRO_STATUS_SUCCESS ? 0 : -EBADMSG;
    int w = cairo_image_surface_get_width(s), h = cairo_image_surface_get_height(s);
    if (rc == 0)
        rc = image_new(&i, w, h);
    if (rc == 0)
        rc = draw(s, w, h, w, h, i->argb);
    cairo_surface_destroy(s);
    if (rc < 0)
        mcu_image_unref(&i);
    else
        *out = i;
    return rc;
}

/* Not blocking: the name may be that of a pipe. */
static int read_file(const char *path, uint8_t **data, size_t *size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    int rc = fstat(fd, &st) < 0                   ? -errno
             : S_ISDIR(st.st_mode)                ? -EISDIR
             : !S_ISREG(st.st_mode)               ? -EINVAL
             : st.st_size > MCU_IMAGE_MAX_BYTES ? -EFBIG
                                                  : 0;
    uint8_t *bytes = rc == 0 ? malloc((size_t)st.st_size + 1) : NULL;
    if (rc == 0 && !bytes)
        rc = -ENOMEM;
    ssize_t n = rc == 0 ? read(fd, bytes, (size_t)st.st_size) : 0;
    if (n < 0)
        rc = -errno;
    close(fd);
    if (rc < 0) {
        free(bytes);
        return rc;
    }
    *data = bytes;
    *size = (size_t)n;
    return 0;
}

int mcu_image_load(struct mcu_image **out, const char *path)
{
    uint8_t *data = NULL;
    size_t size = 0;
    int rc = read_file(path, &data, &size);
    if (rc < 0)
        return rc;
    rc = mcu_image_parse(out, data, size);
    free(data);
    return rc;
}

int mcu_image_scale(const struct mcu_image *image, int w, int h, uint32_t *out)
{
    cairo_surface_t *s = cairo_image_surface_create_for_data(
        (unsigned char *)image->argb, CAIRO_FORMAT_ARGB32, image->width, image->height,
        image->width * 4);
    int rc = draw(s, image->width, image->height, w, h, out);
    cairo_surface_destroy(s);
    return rc;
}

struct mcu_image *mcu_image_ref(struct mcu_image *image)
{
    atomic_fetch_add_explicit(&image->refs, 1, memory_order_relaxed);
    return image;
}

void mcu_image_unref(struct mcu_image **ip)
{
    struct mcu_image *i = *ip;
    *ip = NULL;
    if (!i || atomic_fetch_sub(&i->refs, 1) != 1)
        return;
    free(i->argb);
    free(i);
}
