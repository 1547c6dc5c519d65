#include "mixer/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pango/pangocairo.h>

#include "mixer/base/util.h"

#define MAX_LETTERS 200 /* of a line; names come from the network */
#define MAX_SIZE_PX 1000

struct mcu_text {
    PangoFontMap *fonts; /* its own: the default one belongs to a thread, jobs change threads */
    PangoContext *context;
    PangoLayout *layout;
};

/* The first that is installed is taken; the last always is, where there is any font at all. */
static const char families[] = "Noto Sans, Open Sans, DejaVu Sans, sans-serif";

int mcu_text_new(struct mcu_text **out)
{
    struct mcu_text *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->fonts = pango_cairo_font_map_new();
    t->context = pango_font_map_create_context(t->fonts);
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_SLIGHT);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(t->context, options);
    cairo_font_options_destroy(options);
    t->layout = pango_layout_new(t->context);
    pango_layout_set_single_paragraph_mode(t->layout, TRUE);
    pango_layout_set_ellipsize(t->layout, PANGO_ELLIPSIZE_END);

    struct mcu_mask warm;
    int rc = mcu_text_render(t, "Aé", 16, false, 100, &warm);
    if (rc == 0)
        mcu_mask_free(&warm);
    if (rc < 0)
        mcu_text_free(&t);
    else
        *out = t;
    return rc;
}

void mcu_text_free(struct mcu_text **tp)
{
    struct mcu_text *t = *tp;
    *tp = NULL;
    if (!t)
        return;
    g_object_unref(t->layout);
    g_object_unref(t->context);
    g_object_unref(t->fonts);
    free(t);
}

/* Controls would break the line; direction overrides let a name pose as another. */
static bool is_shown(gunichar c)
{
    if (g_unichar_iscntrl(c) || c == 0x2028 || c == 0x2029)
        return false;
    return !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

/* utf8 with everything that is not to be shown replaced; out: MAX_LETTERS * 6 + 1 bytes. */
static void clean(const char *utf8, char *out)
{
    const char *p = utf8, *end = utf8 + strlen(utf8);
    for (int n = 0; p < end && n < MAX_LETTERS; n++) {
        gunichar c = g_utf8_get_char_validated(p, end - p);
        bool good = c != (gunichar)-1 && c != (gunichar)-2;
        p = good ? g_utf8_next_char(p) : p + 1;
        out += g_unichar_to_utf8(good && is_shown(c) ? c : 0xfffd, out);
    }
    *out = '\0';
}

static void set_line(struct mcu_text *t, const char *utf8, int size_px, bool bold, int max_width)
{
    char line[MAX_LETTERS * 6 + 1];
    clean(utf8, line);
    PangoFontDescription *font = pango_font_description_from_string(families);
    pango_font_description_set_absolute_size(font, (double)size_px * PANGO_SCALE);
    pango_font_description_set_weight(font, bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(t->layout, font);
    pango_font_description_free(font);
    pango_layout_set_width(t->layout, max_width * PANGO_SCALE);
    pango_layout_set_text(t->layout, line, -1);
}

/* Draws the layout so that ink's corner is the mask's. */
static int draw(struct mcu_text *t, PangoRectangle ink, struct mcu_mask *m)
{
    cairo_surface_t *surface = cairo_image_surface_create_for_data(
        m->alpha, CAIRO_FORMAT_A8, m->width, m->height, m->stride);
    cairo_t *cr = cairo_create(surface);
    cairo_move_to(cr, -ink.x, -ink.y);
    pango_cairo_show_layout(cr, t->layout);
    cairo_surface_flush(surface);
    int rc = cairo_status(cr) == CAIRO_STATUS_SUCCESS ? 0 : -ENOMEM;
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    return rc;
}

int mcu_text_render(struct mcu_text *t, const char *utf8, int size_px, bool bold, int max_width,
                    struct mcu_mask *out)
{
    size_px = mcu_clamp(size_px, 1, MAX_SIZE_PX);
    max_width = mcu_clamp(max_width, 1, 8192);
    set_line(t, utf8, size_px, bold, max_width);
    PangoRectangle ink;
    pango_layout_get_pixel_extents(t->layout, &ink, NULL);
    struct mcu_mask m = { .width = mcu_clamp(ink.width, 0, max_width),
                          .height = mcu_clamp(ink.height, 0, 4 * MAX_SIZE_PX) };
    m.baseline = PANGO_PIXELS(pango_layout_get_baseline(t->layout)) - ink.y;
    m.stride = cairo_format_stride_for_width(CAIRO_FORMAT_A8, mcu_max(m.width, 1));
    m.alpha = calloc((size_t)m.stride, (size_t)mcu_max(m.height, 1));
    if (!m.alpha)
        return -ENOMEM;
    int rc = m.width && m.height ? draw(t, ink, &m) : 0;
    if (rc < 0)
        mcu_mask_free(&m);
    else
        *out = m;
    return rc;
}

void mcu_mask_free(struct mcu_mask *mask)
{
    free(mask->alpha);
    *mask = (struct mcu_mask){ 0 };
}

static bool is_gap(gunichar c)
{
    return g_unichar_isspace(c) || c == '.' || c == '_' || c == '@' || c == 0xfffd;
}

/* The first letter or number of each word: *first of the first word, *last of the last one. */
static void find_initials(const char *line, gunichar *first, gunichar *last, bool *letter)
{
    bool in_word = false;
    for (const char *p = line; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (is_gap(c)) {
            in_word = false;
        } else if (g_unichar_isalnum(c)) {
            *letter |= g_unichar_isalpha(c);
            if (!in_word)
                *(*first ? last : first) = c;
            in_word = true;
        }
    }
}

void mcu_text_initials(const char *name, char out[16])
{
    char line[MAX_LETTERS * 6 + 1];
    clean(name, line);
    /* An accent that follows its letter on its own is joined to it. */
    char *joined = g_utf8_normalize(line, -1, G_NORMALIZE_NFC);
    gunichar first = 0, last = 0;
    bool letter = false;
    find_initials(joined ? joined : line, &first, &last, &letter);
    g_free(joined);
    if (letter && first)
        out += g_unichar_to_utf8(g_unichar_toupper(first), out);
    if (letter && last)
        out += g_unichar_to_utf8(g_unichar_toupper(last), out);
    *out = '\0';
}
