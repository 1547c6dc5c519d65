#include "mixer/decor.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mixer/base/util.h"
#include "mixer/text.h"

/* A tick of 25 tiles asks for all that it needs before it draws: at most a label and an avatar each, two
 * frames and a few hands. */
#define CACHE_ITEMS 100

enum kind { LABEL, AVATAR, FRAME, HAND, MESSAGE };

struct key {
    enum kind kind;
    bool flag;         /* muted, speaking */
    int w, h;          /* by kind: tile, diameter, thickness and radius, size, canvas */
    char name[MCU_NAME_MAX];
};

struct entry {
    struct mcu_decor_item item; /* serial 0: empty */
    struct key key;
    uint64_t used; /* for the choice of the one to replace */
};

struct mcu_decor {
    struct mcu_text *text;
    enum mcu_matrix matrix;
    uint64_t clock, serial;
    struct entry entries[CACHE_ITEMS];
};

/* Eleven calm colours of about equal weight, all dark enough for white letters. */
static const uint32_t palette[] = { 0x3b6fb6, 0x2f8f83, 0x7a5bb5, 0xb5527a, 0xb8683a, 0x4f8a3d,
                                    0x3a86a8, 0x9a5a9e, 0xa6793a, 0x5664c4, 0xb04f4f };

struct mcu_rgb mcu_decor_background(void)
{
    return mcu_rgb_hex(0x14181f);
}

struct mcu_rgb mcu_decor_bars(void)
{
    return mcu_rgb_hex(0x0a0c10);
}

struct mcu_rgb mcu_decor_speaking(void)
{
    return mcu_rgb_hex(0xb8f04a);
}

static struct mcu_rgb colour_of(const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return mcu_rgb_hex(palette[(hash ^ hash >> 16) % MCU_ARRAY_LEN(palette)]);
}

struct mcu_rgb mcu_decor_backdrop(const char *name)
{
    return mcu_rgb_mix(mcu_rgb_hex(0x222833), colour_of(name), 0.22f);
}

int mcu_decor_new(struct mcu_decor **out, enum mcu_matrix matrix)
{
    struct mcu_decor *d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->matrix = matrix;
    int rc = mcu_text_new(&d->text);
    if (rc < 0)
        free(d);
    else
        *out = d;
    return rc;
}

void mcu_decor_free(struct mcu_decor **dp)
{
    struct mcu_decor *d = *dp;
    *dp = NULL;
    if (!d)
        return;
    for (int i = 0; i < CACHE_ITEMS; i++)
        mcu_sprite_free(&d->entries[i].item.sprite);
    mcu_text_free(&d->text);
    free(d);
}

static const struct mcu_rgb white = { 1, 1, 1 };

/* A struck-out microphone in a square of side u around cx, cy. */
static void draw_muted(struct mcu_art *art, float cx, float cy, float u)
{
    struct mcu_rgb red = mcu_rgb_hex(0xff7a70);
    float line = fmaxf(1.2f, u * 0.1f);
    struct mcu_box body = { cx - u * 0.17f, cy - u * 0.5f, u * 0.34f, u * 0.6f, u * 0.17f };
    mcu_art_fill(art, body, red, 1);
    float radius = u * 0.33f, top = cy - u * 0.08f;
    for (int i = 0; i < 8; i++) { /* the cup below, as a chain of short lines */
        float a = (float)M_PI * (float)i / 8, b = (float)M_PI * (float)(i + 1) / 8;
        mcu_art_line(art, cx + radius * cosf(a), top + radius * sinf(a), cx + radius * cosf(b),
                     top + radius * sinf(b), line, red, 1);
    }
    mcu_art_line(art, cx, top + radius, cx, cy + u * 0.48f, line, red, 1);
    float reach = u * 0.44f;
    mcu_art_line(art, cx - reach, cy - reach, cx + reach, cy + reach, line * 2.6f,
                 mcu_rgb_hex(0x10131a), 1);
    mcu_art_line(art, cx - reach, cy - reach, cx + reach, cy + reach, line * 1.1f, red, 1);
}

/* Where things stand on a name plate, in samples, from the size of its letters. */
struct plate {
    int size, pad, height, icon;
};

static struct plate plate_for(const struct key *k)
{
    struct plate p;
    p.size = mcu_min(8 + k->h / 30, 48); /* 16 in a tile of 3x3 on 720 rows */
    p.pad = mcu_max(5, p.size * 5 / 8);
    p.height = (p.size * 7 / 4 + 1) & ~1;
    p.icon = k->flag ? p.size * 5 / 4 : 0;
    return p;
}

static int draw_label(struct mcu_decor *d, const struct key *k, struct mcu_art **art)
{
    struct plate p = plate_for(k);
    struct mcu_mask mask = { 0 };
    int room = k->w - 3 * p.pad - p.icon;
    if (k->name[0] && room >= 2 * p.size) {
        int rc = mcu_text_render(d->text, k->name, p.size, false, room, &mask);
        if (rc < 0)
            return rc;
    }
    int between = p.icon && mask.width ? p.pad / 2 : 0;
    int w = mask.width + between + p.icon + 2 * p.pad;
    int rc = (mask.width || p.icon) && w <= k->w && p.height <= k->h / 2
           ? mcu_art_new(art, w, p.height) : 0;
    if (rc == 0 && *art) {
        struct mcu_box plate = { 0, 0, (float)w, (float)p.height, (float)p.height * 0.32f };
        mcu_art_fill(*art, plate, mcu_rgb_hex(0x0b0e14), 0.68f);
        if (p.icon)
            draw_muted(*art, (float)p.pad + (float)p.icon / 2, (float)p.height / 2, (float)p.size);
        /* Letters stand so that capitals, 0.72 of the size high, are in the middle. */
        int base = (p.height * 50 + p.size * 36 + 50) / 100;
        mcu_art_mask(*art, &mask, p.pad + p.icon + between, base - mask.baseline, white, 1);
    }
    mcu_mask_free(&mask);
    return rc;
}

/* A head and shoulders, for names without letters. */
static void draw_figure(struct mcu_art *art, float d)
{
    struct mcu_box head = { d * 0.36f, d * 0.22f, d * 0.28f, d * 0.28f, d * 0.14f };
    struct mcu_box shoulders = { d * 0.25f, d * 0.56f, d * 0.5f, d * 0.24f, d * 0.12f };
    mcu_art_fill(art, head, white, 0.95f);
    mcu_art_fill(art, shoulders, white, 0.95f);
}

static int draw_avatar(struct mcu_decor *d, const struct key *k, struct mcu_art **art)
{
    char initials[16];
    struct mcu_mask mask = { 0 };
    int size = k->w * 2 / 5;
    mcu_text_initials(k->name, initials);
    int rc = mcu_art_new(art, k->w, k->w);
    if (rc == 0 && initials[0])
        rc = mcu_text_render(d->text, initials, size, false, k->w, &mask);
    if (rc < 0)
        return rc;
    float side = (float)k->w;
    struct mcu_box disc = { 0, 0, side, side, side / 2 };
    mcu_art_fill(*art, disc, colour_of(k->name), 1);
    int x = (k->w - mask.width) / 2;
    int base = (k->w * 50 + size * 36) / 100;
    if (initials[0])
        mcu_art_mask(*art, &mask, x, base - mask.baseline, white, 1);
    else
        draw_figure(*art, side);
    mcu_mask_free(&mask);
    return 0;
}

static int draw_frame(const struct key *k, struct mcu_art **art)
{
    float t = (float)k->w, r = (float)k->h;
    int c = (k->w + k->h + 2) & ~1;
    int rc = mcu_art_new(art, 2 * c, 2 * c);
    if (rc < 0)
        return rc;
    float side = 2 * (float)c;
    struct mcu_box outer = { 0, 0, side, side, r + t }, inner = { t, t, side - 2 * t, side - 2 * t, r };
    if (k->flag) {
        mcu_art_outline(*art, outer, t, mcu_decor_speaking(), 1);
        mcu_art_surround(*art, outer, mcu_decor_background(), 1);
    } else {
        mcu_art_surround(*art, inner, mcu_decor_background(), 1);
    }
    return 0;
}

/* A palm and five fingers, each a line with round ends; in parts of the disc. */
static int draw_hand(const struct key *k, struct mcu_art **art)
{
    static const float fingers[][5] = { /* from, to, thickness */
        { 0.40f, 0.58f, 0.36f, 0.32f, 0.085f }, { 0.48f, 0.55f, 0.475f, 0.24f, 0.085f },
        { 0.56f, 0.56f, 0.59f, 0.27f, 0.085f }, { 0.63f, 0.60f, 0.695f, 0.37f, 0.08f },
        { 0.42f, 0.70f, 0.26f, 0.53f, 0.09f },
    };
    float side = (float)k->w;
    struct mcu_rgb amber = mcu_rgb_hex(0xffc53d);
    int rc = mcu_art_new(art, k->w, k->w);
    if (rc < 0)
        return rc;
    struct mcu_box disc = { 0, 0, side, side, side / 2 };
    struct mcu_box palm = { side * 0.36f, side * 0.49f, side * 0.31f, side * 0.3f, side * 0.12f };
    mcu_art_fill(*art, disc, mcu_rgb_hex(0x0b0e14), 0.72f);
    mcu_art_fill(*art, palm, amber, 1);
    for (size_t i = 0; i < MCU_ARRAY_LEN(fingers); i++)
        mcu_art_line(*art, fingers[i][0] * side, fingers[i][1] * side, fingers[i][2] * side,
                     fingers[i][3] * side, fingers[i][4] * side, amber, 1);
    return 0;
}

static int draw_message(struct mcu_decor *d, const struct key *k, struct mcu_art **art)
{
    struct mcu_mask mask;
    int rc = mcu_text_render(d->text, k->name, mcu_clamp(k->h / 18, 10, 80), false, k->w * 9 / 10,
                             &mask);
    if (rc < 0)
        return rc;
    if (mask.width && mask.height)
        rc = mcu_art_new(art, mask.width, mask.height);
    if (rc == 0 && *art)
        mcu_art_mask(*art, &mask, 0, 0, mcu_rgb_hex(0xb9c2d0), 1);
    mcu_mask_free(&mask);
    return rc;
}

static int draw(struct mcu_decor *d, const struct key *k, struct mcu_sprite *out)
{
    struct mcu_art *art = NULL;
    int rc = k->kind == LABEL  ? draw_label(d, k, &art)
           : k->kind == AVATAR ? draw_avatar(d, k, &art)
           : k->kind == FRAME  ? draw_frame(k, &art)
           : k->kind == HAND   ? draw_hand(k, &art)
                               : draw_message(d, k, &art);
    if (rc == 0 && art)
        rc = mcu_art_finish(art, d->matrix, out);
    mcu_art_free(&art);
    return rc;
}

static bool same_key(const struct key *a, const struct key *b)
{
    return a->kind == b->kind && a->flag == b->flag && a->w == b->w && a->h == b->h &&
           !strcmp(a->name, b->name);
}

static struct entry *find(struct mcu_decor *d, const struct key *k)
{
    struct entry *oldest = &d->entries[0];
    for (int i = 0; i < CACHE_ITEMS; i++) {
        struct entry *e = &d->entries[i];
        if (e->item.serial && same_key(&e->key, k))
            return e;
        if (e->used < oldest->used)
            oldest = e;
    }
    mcu_sprite_free(&oldest->item.sprite);
    *oldest = (struct entry){ .key = *k };
    return oldest;
}

/* Copies what fits, without a part of a letter at the end: UTF-8 goes on with 10xxxxxx. */
static void copy_name(char out[MCU_NAME_MAX], const char *name)
{
    size_t n = strnlen(name, MCU_NAME_MAX);
    if (n == MCU_NAME_MAX)
        for (n--; n && ((uint8_t)name[n] & 0xc0) == 0x80;)
            n--;
    memcpy(out, name, n);
    out[n] = '\0';
}

static const struct mcu_decor_item *get(struct mcu_decor *d, struct key *k, const char *name)
{
    copy_name(k->name, name ? name : "");
    struct entry *e = find(d, k);
    if (!e->item.serial) {
        struct mcu_sprite sprite = { 0 };
        if (draw(d, k, &sprite) < 0)
            return NULL;
        e->item = (struct mcu_decor_item){ ++d->serial, sprite };
    }
    e->used = ++d->clock;
    return &e->item;
}

const struct mcu_decor_item *mcu_decor_label(struct mcu_decor *d, const char *name, bool muted,
                                             int tile_w, int tile_h)
{
    struct key k = { .kind = LABEL, .flag = muted, .w = tile_w, .h = tile_h };
    return get(d, &k, name);
}

const struct mcu_decor_item *mcu_decor_avatar(struct mcu_decor *d, const char *name, int diameter)
{
    struct key k = { .kind = AVATAR, .w = diameter, .h = diameter };
    return get(d, &k, name);
}

const struct mcu_decor_item *mcu_decor_frame(struct mcu_decor *d, bool speaking, int thickness,
                                             int radius)
{
    struct key k = { .kind = FRAME, .flag = speaking, .w = thickness, .h = radius };
    return get(d, &k, NULL);
}

const struct mcu_decor_item *mcu_decor_hand(struct mcu_decor *d, int size)
{
    struct key k = { .kind = HAND, .w = size, .h = size };
    return get(d, &k, NULL);
}

const struct mcu_decor_item *mcu_decor_message(struct mcu_decor *d, const char *text, int canvas_w,
                                               int canvas_h)
{
    struct key k = { .kind = MESSAGE, .w = canvas_w, .h = canvas_h };
    return get(d, &k, text);
}
