/* Several layouts of one conference at a time (server/stages.c): each is composed and coded once for all
 * who see it, and only while somebody does. */
#include "tests/unit/video_rig.h"

#define SENDERS 3

static const uint8_t luma[SENDERS] = { 60, 120, 200 };

static void join_senders(struct rig *r, struct rig_leg *s[SENDERS])
{
    for (int i = 0; i < SENDERS; i++) {
        s[i] = sender(r, MCU_CODEC_VP8, luma[i], 128, 128);
        rig_join(s[i]);
    }
}

static struct rig_leg *join_viewer(struct rig *r, enum mcu_layout_wish wish)
{
    struct rig_leg *l = viewer(r, MCU_CODEC_H264);
    l->join.layout = wish;
    rig_join(l);
    return l;
}

/* The senders stand where the layout has them, in the order of joining. */
static bool sees(const struct rig_leg *l, enum mcu_layout_kind layout)
{
    struct mcu_rect tiles[MCU_LAYOUT_MAX_TILES];
    const struct rig *r = l->rig;
    if (!l->seen || mcu_layout_place(layout, SENDERS, r->config.width, r->config.height, tiles) != SENDERS)
        return false;
    for (int i = 0; i < SENDERS; i++) {
        int x = tiles[i].x + tiles[i].w / 2, y = tiles[i].y + tiles[i].h / 2;
        if (abs(sample(l->seen, 0, x, y) - luma[i]) > 14)
            return false;
    }
    /* Large enough that no tile of the grid could be there. */
    int x = tiles[0].x + 3, y = tiles[0].y + tiles[0].h / 2;
    return abs(sample(l->seen, 0, x, y) - luma[0]) <= 14;
}

static int subscribers(struct rig *r, enum mcu_layout_kind layout)
{
    struct mcu_conf_info info = rig_info(r);
    int n = 0;
    for (int i = 0; i < info.rendition_count; i++)
        n += info.renditions[i].layout == layout ? info.renditions[i].subscribers : 0;
    return n;
}

static void each_layout_is_coded_once_for_all_who_see_it(void **state)
{
    static struct rig r;
    struct rig_leg *s[SENDERS], *grid[2], *speaker[2];
    rig_new(&r);
    join_senders(&r, s);
    for (int i = 0; i < 2; i++) {
        grid[i] = join_viewer(&r, i ? MCU_WISH_NONE : MCU_WISH_GRID);
        speaker[i] = join_viewer(&r, MCU_WISH_SPEAKER);
    }
    rig_run(&r, 2000);
    assert_int_equal(rig_info(&r).rendition_count, 2);
    assert_int_equal(subscribers(&r, MCU_LAYOUT_GRID), 2);
    assert_int_equal(subscribers(&r, MCU_LAYOUT_SPEAKER), 2);
    for (int i = 0; i < 2; i++) {
        assert_true(sees(grid[i], MCU_LAYOUT_GRID) && !sees(grid[i], MCU_LAYOUT_SPEAKER));
        assert_true(sees(speaker[i], MCU_LAYOUT_SPEAKER) && !sees(speaker[i], MCU_LAYOUT_GRID));
        assert_int_equal(grid[i]->video_count, 20);
        assert_in_range(speaker[i]->video_count, 19, 20);
        check_stream(speaker[i]);
    }
    rig_close(&r);
}

static void a_leg_changes_its_layout_and_what_nobody_sees_ends(void **state)
{
    static struct rig r;
    struct rig_leg *s[SENDERS];
    rig_new(&r);
    join_senders(&r, s);
    struct rig_leg *stays = join_viewer(&r, MCU_WISH_NONE), *changes = join_viewer(&r, MCU_WISH_NONE);
    rig_run(&r, 1500);
    int before = stays->video_count;
    mcu_conf_wish(rig_conf_leg(changes), MCU_WISH_SPEAKER);
    rig_run(&r, 1500);
    assert_true(sees(changes, MCU_LAYOUT_SPEAKER));
    assert_true(sees(stays, MCU_LAYOUT_GRID));
    assert_int_equal(keyframes(stays, before), 0); /* nobody else is disturbed */
    mcu_conf_wish(rig_conf_leg(changes), MCU_WISH_NONE);
    rig_run(&r, 2500);
    assert_true(sees(changes, MCU_LAYOUT_GRID));
    assert_int_equal(rig_info(&r).rendition_count, 1);
    uint64_t jobs = video_jobs(&r);
    rig_run(&r, 1000);
    assert_int_equal(video_jobs(&r) - jobs, 10 * (1 + 1 + SENDERS)); /* compose, code, decode */
    assert_in_range(changes->video_count, 60, 66); /* it had a picture all the time */
    check_stream(changes);
    rig_close(&r);
}

static void the_conferences_own_layout_changes_under_all_who_wished_for_none(void **state)
{
    static struct rig r;
    struct rig_leg *s[SENDERS];
    rig_new(&r);
    join_senders(&r, s);
    struct rig_leg *follows = join_viewer(&r, MCU_WISH_NONE);
    struct rig_leg *grid = join_viewer(&r, MCU_WISH_GRID), *speaker = join_viewer(&r, MCU_WISH_SPEAKER);
    rig_run(&r, 1500);
    r.config.layout = MCU_LAYOUT_SPEAKER;
    mcu_conf_set_config(r.conf, &r.config);
    rig_run(&r, 4000);
    assert_true(sees(follows, MCU_LAYOUT_SPEAKER));
    assert_true(sees(speaker, MCU_LAYOUT_SPEAKER));
    assert_true(sees(grid, MCU_LAYOUT_GRID));
    assert_int_equal(subscribers(&r, MCU_LAYOUT_SPEAKER), 2);
    assert_int_equal(subscribers(&r, MCU_LAYOUT_GRID), 1);
    assert_int_equal(rig_info(&r).rendition_count, 2);
    check_stream(follows);
    check_stream(grid);
    check_stream(speaker);
    rig_close(&r);
}

/* A page may send as many wishes as it likes: others see a keyframe for each return, and each change may be
 * an encoder. A few at once are people's; then each waits, and the newest counts. */
static void who_changes_all_the_time_costs_the_others_little(void **state)
{
    static struct rig r;
    struct rig_leg *s[SENDERS];
    rig_new(&r);
    join_senders(&r, s);
    struct rig_leg *grid = join_viewer(&r, MCU_WISH_NONE), *speaker = join_viewer(&r, MCU_WISH_SPEAKER);
    struct rig_leg *restless = join_viewer(&r, MCU_WISH_NONE);
    rig_run(&r, 3000);
    for (int i = 0; i < 4; i++) { /* by hand */
        mcu_conf_wish(rig_conf_leg(restless), i % 2 ? MCU_WISH_NONE : MCU_WISH_SPEAKER);
        rig_run(&r, 1500);
        assert_true(sees(restless, i % 2 ? MCU_LAYOUT_GRID : MCU_LAYOUT_SPEAKER));
    }
    rig_run(&r, 20000);
    int of_grid = grid->video_count, of_speaker = speaker->video_count;
    for (int i = 0; i < 300; i++) {
        mcu_conf_wish(rig_conf_leg(restless), i % 2 ? MCU_WISH_NONE : MCU_WISH_SPEAKER);
        rig_run(&r, 100);
    }
    assert_in_range(keyframes(grid, of_grid), 0, 6); /* of 30 s */
    assert_in_range(keyframes(speaker, of_speaker), 0, 6);
    mcu_conf_wish(rig_conf_leg(restless), MCU_WISH_SPEAKER);
    rig_run(&r, 7500);
    assert_true(sees(restless, MCU_LAYOUT_SPEAKER));
    mcu_conf_wish(rig_conf_leg(restless), MCU_WISH_NONE);
    rig_run(&r, 7500);
    assert_true(sees(restless, MCU_LAYOUT_GRID));
    check_stream(restless);
    check_stream(grid);
    rig_close(&r);
}

static void who_wants_no_picture_costs_no_layout(void **state)
{
    static struct rig r;
    struct rig_leg *s[SENDERS];
    rig_new(&r);
    join_senders(&r, s);
    struct rig_leg *l = rig_leg(&r, MCU_CODEC_PCMU);
    l->join.layout = MCU_WISH_SPEAKER;
    rig_join(l);
    rig_run(&r, 1000);
    assert_int_equal(rig_info(&r).rendition_count, 0);
    assert_int_equal(rig_info(&r).video_ticks, 10); /* of the conference's own stage */
    rig_close(&r);
}

static struct mcu_shown told;
static int told_count;

static void on_shown(const struct mcu_sink *sink, int role, const struct mcu_shown *shown)
{
    told = *shown;
    told_count++;
}

static void a_source_is_told_the_largest_of_its_tiles(void **state)
{
    static struct rig r;
    struct rig_leg *s[SENDERS];
    struct mcu_rect tiles[MCU_LAYOUT_MAX_TILES];
    rig_new(&r);
    for (int i = 0; i < SENDERS; i++) {
        s[i] = sender(&r, MCU_CODEC_VP8, luma[i], 128, 128);
        if (i == 0)
            s[i]->join.sink.shown = on_shown;
        rig_join(s[i]);
    }
    join_viewer(&r, MCU_WISH_GRID);
    rig_run(&r, 3000);
    mcu_layout_place(MCU_LAYOUT_GRID, SENDERS, 128, 72, tiles);
    assert_in_range(told.width, 2, tiles[0].w);
    struct rig_leg *speaker = join_viewer(&r, MCU_WISH_SPEAKER);
    rig_run(&r, 500);
    mcu_layout_place(MCU_LAYOUT_SPEAKER, SENDERS, 128, 72, tiles);
    assert_in_range(told.width, tiles[0].w * 9 / 10, tiles[0].w);
    rig_leave(speaker);
    rig_run(&r, 4000); /* less is told when it has lasted */
    mcu_layout_place(MCU_LAYOUT_GRID, SENDERS, 128, 72, tiles);
    assert_in_range(told.width, 2, tiles[0].w);
    rig_close(&r);
}

/* His tile in the grid is larger than his small one beside the speaker's: only what it may become tells
 * him of the other layout. */
static void who_is_not_the_speaker_is_told_that_he_may_be(void **state)
{
    static struct rig r;
    static _Atomic unsigned layouts;
    const unsigned grid = 1u << MCU_LAYOUT_GRID, speaker = 1u << MCU_LAYOUT_SPEAKER;
    struct rig_leg *s[SENDERS];
    rig_new(&r);
    layouts = 99;
    mcu_conf_tell_layouts(r.conf, &layouts);
    for (int i = 0; i < SENDERS; i++) {
        s[i] = sender(&r, MCU_CODEC_VP8, luma[i], 128, 128);
        if (i == SENDERS - 1)
            s[i]->join.sink.shown = on_shown;
        rig_join(s[i]);
    }
    rig_run(&r, 200);
    assert_int_equal(layouts, 0);
    struct rig_leg *all = join_viewer(&r, MCU_WISH_NONE);
    rig_run(&r, 1000);
    assert_int_equal(layouts, grid);
    assert_false(told.follows_floor);
    struct mcu_shown before = told;
    told_count = 0;

    struct rig_leg *one = join_viewer(&r, MCU_WISH_SPEAKER);
    rig_run(&r, 300);
    assert_int_equal(layouts, grid | speaker);
    assert_true(told.follows_floor);
    assert_int_equal(told.width, before.width);
    assert_int_equal(told_count, 1);

    rig_leave(one);
    rig_run(&r, 1800); /* less is told when it has lasted */
    assert_true(told.follows_floor);
    rig_run(&r, 500);
    assert_int_equal(layouts, grid);
    assert_false(told.follows_floor);
    assert_int_equal(told_count, 2);

    r.config.layout = MCU_LAYOUT_SPEAKER;
    mcu_conf_set_config(r.conf, &r.config);
    rig_run(&r, 300);
    assert_int_equal(layouts, speaker);
    rig_leave(all);
    rig_run(&r, 300);
    assert_int_equal(layouts, 0);
    rig_close(&r);
}

/* With threads: layouts come and go while jobs are in flight. */
static void layouts_come_and_go_while_they_are_drawn(void **state)
{
    static struct rig r;
    struct rig_leg *s[SENDERS], *v[4];
    rig_open(&r, false);
    rig_start(&r);
    join_senders(&r, s);
    for (int i = 0; i < 4; i++)
        v[i] = join_viewer(&r, MCU_WISH_NONE);
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 4; i++) {
            v[i]->join.layout = (enum mcu_layout_wish)((round * (i + 1) + i) % 3);
            if (round % 2) { /* wishes alone would soon have to wait */
                rig_leave(v[i]);
                rig_join(v[i]);
            } else {
                mcu_conf_wish(rig_conf_leg(v[i]), v[i]->join.layout);
            }
        }
        r.config.layout = round % 5 < 3 ? MCU_LAYOUT_GRID : MCU_LAYOUT_SPEAKER;
        mcu_conf_set_config(r.conf, &r.config);
        rig_run(&r, round % 4 == 3 ? 2200 : 200);
    }
    rig_close(&r); /* nothing is left */
}

static void wishes_have_names(void **state)
{
    enum mcu_layout_wish wish = MCU_WISH_NONE;
    assert_true(mcu_layout_wish_parse(&wish, "speaker") && wish == MCU_WISH_SPEAKER);
    assert_true(mcu_layout_wish_parse(&wish, "grid") && wish == MCU_WISH_GRID);
    assert_false(mcu_layout_wish_parse(&wish, "Grid") || mcu_layout_wish_parse(&wish, "grids"));
    assert_int_equal(wish, MCU_WISH_GRID);
    assert_true(mcu_layout_wish_parse(&wish, "") && wish == MCU_WISH_NONE);
    assert_string_equal(mcu_layout_name(MCU_LAYOUT_GRID), "grid");
    assert_string_equal(mcu_layout_name(MCU_LAYOUT_SPEAKER), "speaker");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_layout_is_coded_once_for_all_who_see_it),
        cmocka_unit_test(a_leg_changes_its_layout_and_what_nobody_sees_ends),
        cmocka_unit_test(the_conferences_own_layout_changes_under_all_who_wished_for_none),
        cmocka_unit_test(who_changes_all_the_time_costs_the_others_little),
        cmocka_unit_test(who_wants_no_picture_costs_no_layout),
        cmocka_unit_test(a_source_is_told_the_largest_of_its_tiles),
        cmocka_unit_test(who_is_not_the_speaker_is_told_that_he_may_be),
        cmocka_unit_test(layouts_come_and_go_while_they_are_drawn),
        cmocka_unit_test(wishes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
