#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mixer/text.h"

static struct mcu_text *text;

static int set_up(void **state)
{
    return mcu_text_new(&text);
}

static int tear_down(void **state)
{
    mcu_text_free(&text);
    return 0;
}

static struct mcu_mask render(const char *utf8, int size, int max_width)
{
    struct mcu_mask m;
    assert_int_equal(mcu_text_render(text, utf8, size, false, max_width, &m), 0);
    return m;
}

static long ink(const struct mcu_mask *m)
{
    long sum = 0;
    for (int y = 0; y < m->height; y++)
        for (int x = 0; x < m->width; x++)
            sum += m->alpha[y * m->stride + x];
    return sum;
}

static void text_accents_are_drawn_above_their_letters(void **state)
{
    static const char *const pairs[][2] = { { "e", "é" }, { "e", "è" }, { "o", "ô" }, { "i", "ï" },
                                            { "E", "É" }, { "a", "à" }, { "u", "ù" } };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct mcu_mask plain = render(pairs[i][0], 32, 200), accent = render(pairs[i][1], 32, 200);
        assert_true(ink(&plain) > 1000);
        if (strcmp(pairs[i][0], "i")) { /* a dot is as high as a diaeresis */
            assert_true(accent.height > plain.height);
            assert_true(accent.baseline > plain.baseline);
            assert_true(ink(&accent) > ink(&plain));
        } else {
            assert_true(ink(&accent) != ink(&plain));
        }
        mcu_mask_free(&plain);
        mcu_mask_free(&accent);
    }
    struct mcu_mask c = render("c", 32, 200), cedilla = render("ç", 32, 200);
    assert_true(cedilla.height - cedilla.baseline > c.height - c.baseline); /* it hangs below */
    mcu_mask_free(&c);
    mcu_mask_free(&cedilla);
}

static void text_capitals_are_seven_tenths_of_the_size(void **state)
{
    for (int size = 10; size < 100; size += 7) {
        struct mcu_mask m = render("H", size, 200);
        assert_in_range(m.height, size * 64 / 100, size * 80 / 100 + 2);
        mcu_mask_free(&m);
    }
}

static void text_too_long_ends_in_an_ellipsis(void **state)
{
    struct mcu_mask whole = render("Maximilien de la Rochefoucauld", 16, 2000);
    struct mcu_mask cut = render("Maximilien de la Rochefoucauld", 16, 100);
    struct mcu_mask other = render("Maximilien de la Tour", 16, 100);
    assert_true(whole.width > 200);
    assert_in_range(cut.width, 60, 100);
    assert_int_equal(cut.width, other.width);
    mcu_mask_free(&whole);
    mcu_mask_free(&cut);
    mcu_mask_free(&other);
}

static void text_shows_controls_and_broken_bytes_as_one_sign(void **state)
{
    static const char *const one[] = { ("a\xff" "b"), ("a\x01" "b"), "a\nb", ("a\xe2\x80\xae" "b"),
                                       ("a\xe2\x80\xa8" "b"), ("a\x7f" "b") };
    static const char *const odd[] = { "a\xc3", ("a\xed\xa0\x80" "b"), "\xf8\x88\x80\x80\x80" };
    struct mcu_mask sign = render("a\xef\xbf\xbd" "b", 20, 500), plain = render("ab", 20, 500);
    assert_true(sign.width > plain.width);
    for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
        struct mcu_mask m = render(one[i], 20, 500);
        assert_int_equal(m.width, sign.width);
        assert_int_equal(ink(&m), ink(&sign));
        mcu_mask_free(&m);
    }
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct mcu_mask m = render(odd[i], 20, 500);
        assert_in_range(m.width, 1, 500);
        mcu_mask_free(&m);
    }
    mcu_mask_free(&plain);
    mcu_mask_free(&sign);
}

static void text_may_be_empty_or_huge(void **state)
{
    char *huge = malloc(100001);
    assert_non_null(huge);
    memset(huge, 'W', 100000);
    huge[100000] = '\0';
    struct mcu_mask none = render("", 16, 100), space = render("   ", 16, 100);
    struct mcu_mask long_one = render(huge, 16, 100), narrow = render("abc", 16, 1);
    assert_int_equal(ink(&none), 0);
    assert_int_equal(ink(&space), 0);
    assert_in_range(long_one.width, 50, 100);
    assert_true(narrow.width <= 1);
    mcu_mask_free(&none);
    mcu_mask_free(&space);
    mcu_mask_free(&long_one);
    mcu_mask_free(&narrow);
    free(huge);
}

static void text_initials_come_from_first_and_last_word(void **state)
{
    static const char *const cases[][2] = {
        { "Élodie Dupont", "ÉD" }, { "E\xcc\x81lodie Dupont", "ÉD" }, { "jean", "J" },
        { "Jean-Pierre de la Tour", "JT" }, { "  anna   b ", "AB" }, { "+33 1 23 45", "" },
        { "", "" }, { "Salle 4", "S4" }, { "œuvre çedille", "ŒÇ" }, { "jean.dupont", "JD" },
        { "(Paris) Zoé", "PZ" }, { "дмитрий Иванов", "ДИ" }, { "\xff\xfe", "" }, { "a\xff" "b", "AB" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[16];
        mcu_text_initials(cases[i][0], out);
        assert_string_equal(out, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_accents_are_drawn_above_their_letters),
        cmocka_unit_test(text_capitals_are_seven_tenths_of_the_size),
        cmocka_unit_test(text_too_long_ends_in_an_ellipsis),
        cmocka_unit_test(text_shows_controls_and_broken_bytes_as_one_sign),
        cmocka_unit_test(text_may_be_empty_or_huge),
        cmocka_unit_test(text_initials_come_from_first_and_last_word),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
