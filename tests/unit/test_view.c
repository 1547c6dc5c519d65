#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "tests/unit/view_rig.h"

static struct mcu_rect label_area(struct mcu_rect tile)
{
    return (struct mcu_rect){ tile.x + 4, tile.y + tile.h - 34, tile.w / 2, 30 };
}

static void view_shows_each_source_in_its_tile(void **state)
{
    struct world w;
    struct mcu_pic *other = NULL;
    open_view(&w, false, 2, true);
    assert_int_equal(mcu_pic_new(&other, 64, 36), 0);
    mcu_pic_fill(other, 60, 200, 40);
    place(&w, 4);
    w.tiles[2].pic = other;
    struct mcu_pic *c = compose(&w);
    assert_int_equal(c->time_ns, 42);
    assert_int_equal(c->width, WIDTH);
    assert_int_equal(luma(c, 160, 90), 180);
    assert_int_equal(chroma(c, 1, 160, 90), 90);
    assert_int_equal(luma(c, 160, 270), 60);
    assert_int_equal(chroma(c, 2, 160, 270), 40);
    mcu_pic_unref(&c);
    mcu_pic_unref(&other);
    close_view(&w);
}

static void view_redraws_stale_tiles_only(void **state)
{
    struct world w;
    open_view(&w, false, 2, true);
    place(&w, 9);
    drawn(&w);
    compose_and_drop(&w);
    assert_int_equal(drawn(&w), 9);
    compose_and_drop(&w);
    assert_int_equal(drawn(&w), 0);
    w.tiles[3].pic_id = 100;
    compose_and_drop(&w);
    assert_int_equal(drawn(&w), 1);
    w.tiles[3].name = "Éva";
    w.tiles[4].speaking = true;
    w.tiles[5].muted = true;
    w.tiles[6].grey = true;
    w.tiles[7].pic = NULL;
    compose_and_drop(&w);
    assert_int_equal(drawn(&w), 5);
    char same[] = "Éva"; /* another pointer, the same name */
    w.tiles[3].name = same;
    compose_and_drop(&w);
    assert_int_equal(drawn(&w), 0);
    struct mcu_view_stats s;
    mcu_view_get_stats(w.view, &s);
    assert_int_equal(s.composed, 5);
    assert_int_equal(s.tiles_kept, 9 + 8 + 4 + 9);
    close_view(&w);
}

static void view_repaints_all_when_the_layout_changes(void **state)
{
    struct world w;
    open_view(&w, false, 2, true);
    place(&w, 4);
    compose_and_drop(&w);
    drawn(&w);
    place(&w, 3);
    struct mcu_pic *c = compose(&w);
    assert_int_equal(drawn(&w), 3);
    assert_true(luma(c, 40, 270) < 40); /* beside the centred third tile */
    mcu_pic_unref(&c);
    close_view(&w);
}

static void view_remembers_each_canvas_by_itself(void **state)
{
    struct world w;
    open_view(&w, false, 2, true);
    place(&w, 4);
    drawn(&w);
    struct mcu_pic *first = compose(&w);
    assert_int_equal(drawn(&w), 4);
    w.tiles[0].pic_id = 50;
    w.tiles[1].pic_id = 51;
    mcu_pic_fill(w.source, 40, 60, 70);
    struct mcu_pic *second = compose(&w); /* nothing was on it; two are on the first */
    assert_int_equal(drawn(&w), 2);
    assert_int_equal(copied(&w), 2);
    mcu_pic_unref(&first);
    w.tiles[1].pic_id = 52;
    first = compose(&w); /* the first again: tiles 0 and 1 are old there */
    assert_int_equal(drawn(&w), 1);
    assert_int_equal(copied(&w), 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(hash_rect(first, w.tiles[i].rect), hash_rect(second, w.tiles[i].rect));
    assert_int_equal(luma(first, 160, 90), 40);
    assert_int_equal(luma(first, 160, 270), 180);
    mcu_pic_unref(&first);
    mcu_pic_unref(&second);
    compose_and_drop(&w); /* the one composed last is taken */
    assert_int_equal(drawn(&w) + copied(&w), 0);
    close_view(&w);
}

static void view_never_writes_to_a_canvas_that_is_out(void **state)
{
    struct world w;
    struct mcu_rect all = { 0, 0, WIDTH, HEIGHT };
    open_view(&w, false, 2, true);
    place(&w, 4);
    struct mcu_pic *held = compose(&w), *again = mcu_pic_ref(held);
    uint32_t before = hash_rect(held, all);
    mcu_pic_unref(&again); /* one encoder is done with it, another is not */
    mcu_pic_fill(w.source, 30, 60, 200);
    for (int i = 0; i < 5; i++) {
        w.tiles[i % 4].pic_id = 70 + (uint64_t)i;
        struct mcu_pic *c = compose(&w);
        assert_ptr_not_equal(c, held);
        mcu_pic_unref(&c);
    }
    assert_int_equal(hash_rect(held, all), before);
    mcu_pic_unref(&held);
    close_view(&w);
}

static void view_skips_the_tick_when_three_are_out(void **state)
{
    struct world w;
    struct mcu_pic *c[3], *none = NULL;
    struct mcu_view_stats s;
    open_view(&w, false, 2, true);
    place(&w, 4);
    for (int i = 0; i < 3; i++)
        c[i] = compose(&w);
    assert_int_equal(mcu_view_compose(w.view, w.tiles, w.n, NULL, 0, &none), -EAGAIN);
    assert_null(none);
    mcu_view_get_stats(w.view, &s);
    assert_int_equal(s.skipped, 1);
    assert_int_equal(s.composed, 3);
    mcu_pic_unref(&c[1]);
    c[1] = compose(&w);
    for (int i = 0; i < 3; i++)
        mcu_pic_unref(&c[i]);
    close_view(&w);
}

static void view_may_go_before_its_canvases(void **state)
{
    struct world w;
    open_view(&w, false, 2, true);
    place(&w, 4);
    struct mcu_pic *a = compose(&w), *b = compose(&w);
    mcu_view_free(&w.view);
    assert_int_equal(luma(a, 160, 90), 180);
    mcu_pic_unref(&a);
    mcu_pic_unref(&b);
    close_view(&w);
}

/* An encoder: takes each canvas handed over, reads all of it and lets it go. */
struct encoder {
    _Atomic(struct mcu_pic *) next;
    atomic_bool done;
    uint32_t hash;
};

static void *encode(void *arg)
{
    struct encoder *e = arg;
    while (!atomic_load(&e->done) || atomic_load(&e->next)) {
        struct mcu_pic *p = atomic_exchange(&e->next, NULL);
        struct mcu_rect all = { 0, 0, WIDTH, HEIGHT };
        if (p)
            e->hash ^= hash_rect(p, all);
        else
            sched_yield();
        mcu_pic_unref(&p);
    }
    return NULL;
}

static void view_canvases_are_released_on_another_thread(void **state)
{
    struct world w;
    struct encoder e = { .hash = 0 };
    pthread_t thread;
    open_view(&w, false, 2, true);
    place(&w, 4);
    assert_int_equal(pthread_create(&thread, NULL, encode, &e), 0);
    for (int tick = 0; tick < 100; tick++) {
        struct mcu_pic *c = NULL;
        w.tiles[tick % 4].pic_id = 1000 + (uint64_t)tick;
        int rc = mcu_view_compose(w.view, w.tiles, w.n, NULL, tick, &c);
        assert_true(rc == 0 || rc == -EAGAIN);
        if (rc == 0)
            c = atomic_exchange(&e.next, c); /* the newest wins */
        mcu_pic_unref(&c);
    }
    mcu_view_free(&w.view); /* maybe with one out */
    atomic_store(&e.done, true);
    pthread_join(thread, NULL);
    close_view(&w);
}

/* A helper on another thread, that comes when it is asked and when it is not. */
struct helper {
    struct mcu_view *view;
    atomic_int asked;
    atomic_bool done;
};

static void note_asked(void *arg)
{
    atomic_fetch_add(&((struct helper *)arg)->asked, 1);
}

static void *help(void *arg)
{
    struct helper *h = arg;
    while (!atomic_load(&h->done)) {
        mcu_view_help(h->view);
        sched_yield();
    }
    return NULL;
}

static void view_drawn_by_two_looks_as_drawn_by_one(void **state)
{
    struct world one, two;
    struct helper h = { .asked = 0 };
    struct mcu_rect all = { 0, 0, WIDTH, HEIGHT };
    pthread_t thread;
    open_view(&one, false, 2, true);
    open_view(&two, false, 2, true);
    mcu_pic_unref(&one.source);
    assert_int_equal(mcu_pic_new(&one.source, 1280, 720), 0);
    for (int y = 0; y < 720; y++)
        for (int x = 0; x < 1280; x++)
            one.source->plane[0][y * one.source->stride[0] + x] = (uint8_t)(16 + (x * 7 + y * 13) % 200);
    for (int i = 1; i < 3; i++)
        memset(one.source->plane[i], 100 + 40 * i, (size_t)(one.source->stride[i] * 360));
    h.view = two.view;
    mcu_view_set_help(two.view, note_asked, &h);
    assert_int_equal(pthread_create(&thread, NULL, help, &h), 0);
    for (int tick = 1; tick <= 40; tick++) {
        place(&one, tick % 3 ? 16 : 9);
        for (int i = 0; i < one.n; i++) {
            one.tiles[i].pic_id = (uint64_t)(tick * 100 + i);
            one.tiles[i].hand = i % 5 == 1;
            one.tiles[i].speaking = i == tick % 16;
        }
        memcpy(two.tiles, one.tiles, sizeof(one.tiles));
        two.n = one.n;
        struct mcu_pic *a = compose(&one), *b = compose(&two);
        assert_int_equal(hash_rect(a, all), hash_rect(b, all));
        mcu_pic_unref(&a);
        mcu_pic_unref(&b);
    }
    assert_int_equal(atomic_load(&h.asked), 40);
    one.tiles[0].pic_id = 1; /* a single tile is not worth it */
    two.tiles[0].pic_id = 1;
    compose_and_drop(&two);
    assert_int_equal(atomic_load(&h.asked), 40);
    atomic_store(&h.done, true);
    pthread_join(thread, NULL);
    close_view(&one);
    close_view(&two);
}

static void view_greys_a_frozen_source(void **state)
{
    struct world w;
    open_view(&w, false, 2, false);
    place(&w, 4);
    w.tiles[1].grey = true;
    struct mcu_pic *c = compose(&w);
    assert_int_equal(luma(c, 160, 90), 180);
    assert_in_range(luma(c, 480, 90), 80, 130);
    assert_int_equal(chroma(c, 1, 480, 90), 128);
    assert_int_equal(chroma(c, 2, 480, 90), 128);
    assert_int_equal(chroma(c, 1, 160, 90), 90); /* its neighbour keeps its colour */
    mcu_pic_unref(&c);
    close_view(&w);
}

static void view_letterboxes_or_crops(void **state)
{
    for (int crop = 0; crop < 2; crop++) {
        struct world w;
        struct mcu_pic *square = NULL, *c;
        open_view(&w, crop, 0, false);
        assert_int_equal(mcu_pic_new(&square, 100, 100), 0);
        mcu_pic_fill(square, 150, 70, 80);
        place(&w, 1);
        w.tiles[0].pic = square;
        c = compose(&w);
        assert_int_equal(luma(c, 320, 180), 150);
        assert_int_equal(luma(c, 142, 180), 150);        /* 360 wide in the middle of 640 */
        assert_int_equal(luma(c, 138, 180) == 150, crop);
        assert_int_equal(luma(c, 500, 2) == 150, crop);
        mcu_pic_unref(&c);
        mcu_pic_unref(&square);
        close_view(&w);
    }
}

static void view_marks_the_active_speaker(void **state)
{
    for (int border = 0; border <= 8; border += 4) {
        struct world w;
        open_view(&w, false, border, false);
        place(&w, 4);
        mcu_pic_fill(w.source, 100, 128, 128);
        w.tiles[1].speaking = true;
        struct mcu_pic *c = compose(&w);
        assert_true(luma(c, 480, 0) > 170 && luma(c, 480, 179) > 170 && luma(c, 639, 90) > 170);
        assert_true(luma(c, 321, 90) > 170);
        assert_true(border ? luma(c, 160, 0) < 40 : luma(c, 160, 0) == 100);
        assert_int_equal(luma(c, 480, 90), 100);
        mcu_pic_unref(&c);
        close_view(&w);
    }
}

/* The picture keeps its place and its exact ratio; a border covers its edge. */
static void view_draws_borders_over_the_picture(void **state)
{
    struct mcu_pic *c[2];
    struct world w[2];
    for (int k = 0; k < 2; k++) {
        open_view(&w[k], false, 8 * k, false);
        place(&w[k], 4);
        for (int y = 0; y < 180; y++)
            for (int x = 0; x < 320; x++)
                w[k].source->plane[0][y * w[k].source->stride[0] + x] = (uint8_t)(x * 7 + y * 3);
        c[k] = compose(&w[k]);
    }
    for (int y = 20; y < 160; y++)
        for (int x = 20; x < 300; x++)
            assert_int_equal(luma(c[1], x, y), luma(w[0].source, x, y));
    assert_true(luma(c[1], 160, 2) != luma(c[0], 160, 2));
    for (int k = 0; k < 2; k++) {
        mcu_pic_unref(&c[k]);
        close_view(&w[k]);
    }
}

static void view_draws_names_and_the_muted_sign(void **state)
{
    struct world w;
    open_view(&w, false, 2, true);
    place(&w, 4);
    w.tiles[0].name = "Eve";
    w.tiles[1].name = "Éve";
    w.tiles[2].name = "";
    w.tiles[3].name = "Eve";
    w.tiles[3].muted = true;
    struct mcu_pic *c = compose(&w);
    uint32_t h[4];
    for (int i = 0; i < 4; i++)
        h[i] = hash_rect(c, label_area(w.tiles[i].rect));
    assert_int_not_equal(h[0], h[1]);
    assert_int_not_equal(h[0], h[2]);
    assert_int_not_equal(h[0], h[3]);
    int brightest = 0;
    struct mcu_rect area = label_area(w.tiles[0].rect);
    for (int y = area.y; y < area.y + area.h; y++)
        for (int x = area.x; x < area.x + 60; x++)
            brightest = luma(c, x, y) > brightest ? luma(c, x, y) : brightest;
    assert_true(brightest > 215); /* letters are white on the source's 180 */
    mcu_pic_unref(&c);
    close_view(&w);
}

static void view_without_names_draws_none(void **state)
{
    struct world w;
    open_view(&w, false, 2, false);
    place(&w, 4);
    w.tiles[2].name = NULL;
    struct mcu_pic *c = compose(&w);
    for (int y = 150; y < 175; y++)
        for (int x = 10; x < 100; x++)
            assert_int_equal(luma(c, x, y), 180);
    mcu_pic_unref(&c);
    close_view(&w);
}

static void view_gives_callers_without_picture_an_avatar(void **state)
{
    static const char *const names[] = { "Ann Lee", "Bob", "+33 1 23", NULL };
    struct world w;
    open_view(&w, false, 2, true);
    place(&w, 4);
    for (int i = 0; i < 4; i++) {
        w.tiles[i].pic = NULL;
        w.tiles[i].name = names[i];
    }
    struct mcu_pic *c = compose(&w);
    for (int i = 0; i < 4; i++) {
        struct mcu_rect r = w.tiles[i].rect;
        int backdrop = luma(c, r.x + 20, r.y + 20), disc = luma(c, r.x + r.w / 2 - 38, r.y + r.h / 2);
        int white = 0;
        for (int x = r.x + r.w / 2 - 40; x < r.x + r.w / 2 + 40; x++)
            for (int y = r.y + r.h / 2 - 25; y < r.y + r.h / 2 + 25; y++)
                white += luma(c, x, y) > 200;
        assert_true(disc > backdrop + 15);
        assert_true(white > 50);
    }
    mcu_pic_unref(&c);
    close_view(&w);
}

static void view_shows_the_idle_text_when_empty(void **state)
{
    struct world w;
    struct mcu_rect middle = { 220, 160, 200, 40 };
    struct mcu_pic *a = NULL, *b = NULL, *none = NULL;
    open_view(&w, false, 2, true);
    assert_int_equal(mcu_view_compose(w.view, NULL, 0, "Bonsoir", 1, &a), 0);
    assert_int_equal(mcu_view_compose(w.view, NULL, 0, "Élysée", 2, &b), 0);
    assert_int_equal(mcu_view_compose(w.view, NULL, 0, NULL, 3, &none), 0);
    assert_int_not_equal(hash_rect(a, middle), hash_rect(b, middle));
    for (int x = 0; x < WIDTH; x++)
        assert_true(luma(none, x, 180) < 40);
    mcu_pic_unref(&a);
    mcu_pic_unref(&b);
    mcu_pic_unref(&none);
    place(&w, 1); /* and it is gone with the first caller */
    a = compose(&w);
    assert_int_equal(luma(a, 320, 180), 180);
    mcu_pic_unref(&a);
    close_view(&w);
}

static void view_takes_hostile_names_and_many_of_them(void **state)
{
    struct world w;
    char name[4000];
    open_view(&w, true, 8, true);
    for (int tick = 0; tick < 40; tick++) {
        place(&w, 1 + tick % 25);
        for (size_t i = 0; i < sizeof(name) - 1; i++)
            name[i] = (char)(1 + (tick * 37 + (int)i * 11) % 255);
        name[sizeof(name) - 1] = '\0';
        for (int i = 0; i < w.n; i++) {
            w.tiles[i].name = name + i * 100 + tick;
            w.tiles[i].muted = i & 1;
            w.tiles[i].pic = i & 2 ? w.source : NULL;
        }
        compose_and_drop(&w);
    }
    close_view(&w);
}

static void view_works_on_any_small_canvas(void **state)
{
    for (int side = 16; side < 130; side += 6) {
        struct mcu_view_config config = { .width = side * 2, .height = side & ~1, .border = 8,
                                          .names = true };
        struct mcu_view *view = NULL;
        struct mcu_rect rects[MCU_LAYOUT_MAX_TILES];
        struct mcu_pic *c = NULL;
        assert_int_equal(mcu_view_new(&view, &config), 0);
        int n = mcu_layout_place(MCU_LAYOUT_GRID, 1 + side % 25, config.width, config.height, rects);
        struct mcu_tile tiles[MCU_LAYOUT_MAX_TILES];
        for (int i = 0; i < n; i++)
            tiles[i] = (struct mcu_tile){ .rect = rects[i], .name = "Zoé", .muted = i & 1,
                                          .speaking = i == 0 };
        assert_int_equal(mcu_view_compose(view, tiles, n, "Waiting", 0, &c), 0);
        mcu_pic_unref(&c);
        mcu_view_free(&view);
    }
}

static void view_refuses_what_cannot_be_drawn(void **state)
{
    static const struct mcu_view_config bad[] = { { .width = 641, .height = 360 },
                                                  { .width = 640, .height = 361 },
                                                  { .width = 0, .height = 0 },
                                                  { .width = 10000, .height = 360 },
                                                  { .width = 640, .height = 360, .border = 3 },
                                                  { .width = 640, .height = 360, .border = 10 } };
    static const struct mcu_rect rects[] = { { 0, 0, 642, 360 }, { -2, 0, 20, 20 }, { 1, 0, 20, 20 },
                                             { 0, 350, 20, 20 }, { 0, 0, 0, 20 } };
    struct mcu_view *none = NULL;
    struct mcu_pic *c = NULL;
    struct world w;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(mcu_view_new(&none, &bad[i]), -EINVAL);
    assert_null(none);
    open_view(&w, false, 2, true);
    for (size_t i = 0; i < sizeof(rects) / sizeof(rects[0]); i++) {
        place(&w, 1);
        w.tiles[0].rect = rects[i];
        assert_int_equal(mcu_view_compose(w.view, w.tiles, 1, NULL, 0, &c), -EINVAL);
    }
    assert_int_equal(mcu_view_compose(w.view, w.tiles, 26, NULL, 0, &c), -EINVAL);
    close_view(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(view_shows_each_source_in_its_tile),
        cmocka_unit_test(view_redraws_stale_tiles_only),
        cmocka_unit_test(view_repaints_all_when_the_layout_changes),
        cmocka_unit_test(view_remembers_each_canvas_by_itself),
        cmocka_unit_test(view_never_writes_to_a_canvas_that_is_out),
        cmocka_unit_test(view_skips_the_tick_when_three_are_out),
        cmocka_unit_test(view_may_go_before_its_canvases),
        cmocka_unit_test(view_canvases_are_released_on_another_thread),
        cmocka_unit_test(view_drawn_by_two_looks_as_drawn_by_one),
        cmocka_unit_test(view_greys_a_frozen_source),
        cmocka_unit_test(view_letterboxes_or_crops),
        cmocka_unit_test(view_marks_the_active_speaker),
        cmocka_unit_test(view_draws_borders_over_the_picture),
        cmocka_unit_test(view_draws_names_and_the_muted_sign),
        cmocka_unit_test(view_without_names_draws_none),
        cmocka_unit_test(view_gives_callers_without_picture_an_avatar),
        cmocka_unit_test(view_shows_the_idle_text_when_empty),
        cmocka_unit_test(view_takes_hostile_names_and_many_of_them),
        cmocka_unit_test(view_works_on_any_small_canvas),
        cmocka_unit_test(view_refuses_what_cannot_be_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
