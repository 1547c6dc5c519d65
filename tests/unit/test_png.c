/* A logo's file: what is read, and what is refused, with a word that helps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mixer/base/util.h"
#include "mixer/png.h"
#include "server/logo.h"

/* ---- a writer of small PNG files (ISO/IEC 15948), uncompressed ---- */

static uint8_t file[65536];
static size_t file_size;

static uint32_t crc_of(const uint8_t *p, size_t n)
{
    uint32_t c = ~0u;
    while (n--) {
        c ^= *p++;
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
    }
    return ~c;
}

static void put32(uint32_t v)
{
    for (int k = 24; k >= 0; k -= 8)
        file[file_size++] = (uint8_t)(v >> k);
}

static void put_chunk(const char *type, const uint8_t *data, size_t n)
{
    put32((uint32_t)n);
    memcpy(file + file_size, type, 4);
    if (n)
        memcpy(file + file_size + 4, data, n);
    uint32_t crc = crc_of(file + file_size, n + 4);
    file_size += n + 4;
    put32(crc);
}

/* type: 2 RGB, 6 RGBA, 8 bits each. pixels: rows without their filter bytes. */
static void write_png(uint32_t w, uint32_t h, int type, const uint8_t *pixels)
{
    static uint8_t z[32768];
    size_t row = w * (type == 6 ? 4 : 3), n = 0;
    uint32_t a = 1, b = 0; /* Adler-32 */
    const uint8_t head[13] = { (uint8_t)(w >> 24), (uint8_t)(w >> 16), (uint8_t)(w >> 8), (uint8_t)w,
                               (uint8_t)(h >> 24), (uint8_t)(h >> 16), (uint8_t)(h >> 8), (uint8_t)h,
                               8, (uint8_t)type };
    memcpy(file, "\x89PNG\r\n\x1a\n", 8);
    file_size = 8;
    put_chunk("IHDR", head, sizeof(head));
    size_t len = pixels ? (row + 1) * h : 0;
    const uint8_t zlib[7] = { 0x78, 1, 1, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)~len,
                              (uint8_t)(~len >> 8) };
    memcpy(z, zlib, n = sizeof(zlib));
    for (uint32_t y = 0; pixels && y < h; y++) {
        z[n++] = 0;
        memcpy(z + n, pixels + y * row, row);
        n += row;
    }
    for (size_t i = sizeof(zlib); i < n; i++) {
        a = (a + z[i]) % 65521;
        b = (b + a) % 65521;
    }
    for (int k = 8; k >= 0; k -= 8)
        z[n++] = (uint8_t)(b >> k);
    for (int k = 8; k >= 0; k -= 8)
        z[n++] = (uint8_t)(a >> k);
    put_chunk("IDAT", z, n);
    put_chunk("IEND", NULL, 0);
}

static const uint8_t rgba[] = { 255, 0, 0, 255, 0, 255, 0, 128, 0, 0, 255, 0, 10, 20, 30, 255 };

/* ---- */

static void samples_come_premultiplied(void **state)
{
    struct mcu_image *i = NULL;
    write_png(2, 2, 6, rgba);
    assert_int_equal(mcu_image_parse(&i, file, file_size), 0);
    assert_true(i->width == 2 && i->height == 2);
    assert_int_equal(i->argb[0], 0xffff0000);
    assert_int_equal(i->argb[1] >> 24, 128);
    assert_in_range(i->argb[1] >> 8 & 255, 127, 129);
    assert_int_equal(i->argb[2], 0);
    assert_int_equal(i->argb[3], 0xff0a141e);
    mcu_image_unref(&i);
    write_png(2, 2, 2, rgba); /* without alpha all is opaque */
    assert_int_equal(mcu_image_parse(&i, file, file_size), 0);
    assert_int_equal(i->argb[0], 0xffff0000);
    assert_int_equal(i->argb[1] >> 24, 255);
    mcu_image_unref(&i);
}

static void scaling_keeps_colours_and_edges(void **state)
{
    struct mcu_image *i = NULL;
    uint8_t pixels[32 * 32 * 4];
    uint32_t small[8 * 8], large[64 * 64];
    for (size_t k = 0; k < sizeof(pixels); k++)
        pixels[k] = (uint8_t[]){ 200, 100, 50, 255 }[k % 4];
    write_png(32, 32, 6, pixels);
    assert_int_equal(mcu_image_parse(&i, file, file_size), 0);
    assert_int_equal(mcu_image_scale(i, 8, 8, small), 0);
    assert_int_equal(mcu_image_scale(i, 64, 64, large), 0);
    for (size_t k = 0; k < MCU_ARRAY_LEN(small); k++)
        assert_int_equal(small[k], 0xffc86432);
    for (size_t k = 0; k < MCU_ARRAY_LEN(large); k++)
        assert_int_equal(large[k], 0xffc86432);
    mcu_image_unref(&i);
}

static void what_is_too_large_is_refused_by_its_header(void **state)
{
    struct mcu_image *i = NULL;
    write_png(MCU_IMAGE_MAX_SIDE + 1, 1, 6, NULL);
    assert_int_equal(mcu_image_parse(&i, file, file_size), -EFBIG);
    write_png(1, 0x7fffffff, 6, NULL);
    assert_int_equal(mcu_image_parse(&i, file, file_size), -EFBIG);
    write_png(0, 1, 6, NULL);
    assert_int_equal(mcu_image_parse(&i, file, file_size), -EBADMSG);
    assert_null(i);
}

static void broken_files_are_refused(void **state)
{
    struct mcu_image *i = NULL;
    write_png(2, 2, 6, rgba);
    size_t whole = file_size - 12; /* the last chunk is empty, and nobody misses it */
    for (size_t n = 0; n < whole - 4; n++)
        assert_int_equal(mcu_image_parse(&i, file, n), -EBADMSG);
    for (size_t at = 0; at < whole; at++) {
        write_png(2, 2, 6, rgba);
        file[at] ^= 0x41;
        int rc = mcu_image_parse(&i, file, file_size);
        if (rc == 0) /* a chunk that may be left out */
            mcu_image_unref(&i);
        else
            assert_true(rc == -EBADMSG || rc == -EFBIG);
    }
    static const char text[64] = "GIF89a is no PNG, nor is this text, however long it may be";
    assert_int_equal(mcu_image_parse(&i, (const uint8_t *)text, sizeof(text)), -EBADMSG);
}

/* ---- video.logo ---- */

static char dir[] = "/tmp/test_png.XXXXXX";

static int make_dir(void **state)
{
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char path[256];
    static const char *const names[] = { "logo.png", "not.png", "big.png", "pipe" };
    for (size_t i = 0; i < MCU_ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

static void save(const char *name, size_t size)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(file, 1, size, f), size);
    fclose(f);
}

static int read_logo(const char *name, char error[512])
{
    static struct mcu_config config;
    struct mcu_image *i = NULL;
    mcu_config_defaults(&config);
    if (name)
        snprintf(config.logo, sizeof(config.logo), "%s/%s", dir, name);
    int rc = mcu_logo_read(&i, &config, error, 512);
    if (rc == 0 && name)
        assert_true(i && i->width == 2);
    else
        assert_null(i);
    mcu_image_unref(&i);
    return rc;
}

static void a_logo_that_cannot_be_read_is_told_with_key_and_file(void **state)
{
    char error[512] = "", path[256];
    write_png(2, 2, 6, rgba);
    save("logo.png", file_size);
    assert_int_equal(read_logo("logo.png", error), 0);
    assert_int_equal(read_logo(NULL, error), 0);
    assert_int_equal(read_logo("none.png", error), -ENOENT);
    assert_non_null(strstr(error, "video.logo: "));
    assert_non_null(strstr(error, "/none.png cannot be read: No such file"));
    assert_int_equal(read_logo("", error), -EISDIR);
    save("not.png", 30);
    assert_int_equal(read_logo("not.png", error), -EBADMSG);
    assert_non_null(strstr(error, "not.png is not a whole PNG file"));
    save("big.png", 1);
    snprintf(path, sizeof(path), "%s/big.png", dir);
    assert_int_equal(truncate(path, MCU_IMAGE_MAX_BYTES + 1), 0);
    assert_int_equal(read_logo("big.png", error), -EFBIG);
    assert_non_null(strstr(error, "big.png is too large"));
    snprintf(path, sizeof(path), "%s/pipe", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(read_logo("pipe", error), -EINVAL); /* and does not wait for a writer */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_come_premultiplied),
        cmocka_unit_test(scaling_keeps_colours_and_edges),
        cmocka_unit_test(what_is_too_large_is_refused_by_its_header),
        cmocka_unit_test(broken_files_are_refused),
        cmocka_unit_test(a_logo_that_cannot_be_read_is_told_with_key_and_file),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
