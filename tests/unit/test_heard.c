/* Who is heard and who has the floor; levels and the speech detector that feed them. */
#include "mixer/heard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "mixer/base/pcm.h"
#include "mixer/base/util.h"
#include "mixer/level.h"
#include "tests/unit/sound.h"

#define TICK       MCU_PCM_TICK_FRAMES
#define SECOND     50
#define SPEECH_MAX (30 * 48000)
#define PEOPLE     8

static const struct mcu_heard_config defaults = { -60, 0, 500 };
static int16_t voice_a[SPEECH_MAX], voice_b[SPEECH_MAX];
static int frames_a, frames_b;

/* ---- levels ---- */

static void levels_are_those_of_rfc_6464(void **state)
{
    (void)state;
    int16_t x[TICK];
    for (int i = 0; i < TICK; i++)
        x[i] = i % 96 < 48 ? 32767 : -32767;
    assert_int_equal(mcu_level_dbov(x, TICK), 0);
    for (int i = 0; i < TICK; i++)
        x[i] = (int16_t)lrint(32767 * sin(2 * M_PI * i / 48));
    assert_int_equal(mcu_level_dbov(x, TICK), -3);
    for (int i = 0; i < TICK; i++)
        x[i] = (int16_t)(x[i] / 100);
    assert_int_equal(mcu_level_dbov(x, TICK), -43);
    memset(x, 0, sizeof(x));
    assert_int_equal(mcu_level_dbov(x, TICK), -127);
    assert_int_equal(mcu_level_dbov(x, 0), -127);
    x[5] = 1;
    assert_int_equal(mcu_level_dbov(x, TICK), -120);
    for (int i = 0; i < TICK; i++)
        x[i] = -32768;
    assert_int_equal(mcu_level_dbov(x, TICK), 0);
}

/* ---- the heard set ---- */

struct room {
    struct mcu_heard one[PEOPLE];
    struct mcu_heard *all[PEOPLE];
};

static void room_init(struct room *r)
{
    memset(r, 0, sizeof(*r));
    for (int i = 0; i < PEOPLE; i++) {
        r->all[i] = &r->one[i];
        r->one[i].level_dbov = -127;
    }
}

static void update(struct room *r, const struct mcu_heard_config *config)
{
    float before[PEOPLE];
    for (int i = 0; i < PEOPLE; i++)
        before[i] = r->one[i].gain_to;
    mcu_heard_update(config, r->all, PEOPLE);
    for (int i = 0; i < PEOPLE; i++) {
        assert_true(r->one[i].gain_from == before[i]);
        assert_true(r->one[i].gain_to == (r->one[i].heard ? 1.0f : 0.0f));
    }
}

static void sound_is_heard_at_once_and_held(void **state)
{
    (void)state;
    struct room r;
    room_init(&r);
    update(&r, &defaults);
    assert_false(r.one[0].heard);
    r.one[0].level_dbov = -40;
    update(&r, &defaults);
    assert_true(r.one[0].heard && r.one[0].gain_from == 0 && r.one[0].gain_to == 1);
    r.one[0].level_dbov = -60;
    for (int t = 1; t < 25; t++) {
        update(&r, &defaults);
        assert_true(r.one[0].heard && r.one[0].gain_from == 1);
    }
    update(&r, &defaults);
    assert_true(!r.one[0].heard && r.one[0].gain_from == 1 && r.one[0].gain_to == 0);
    update(&r, &defaults);
    assert_true(r.one[0].gain_from == 0 && r.one[0].gain_to == 0);
}

static void the_muted_are_ramped_out_at_once(void **state)
{
    (void)state;
    struct room r;
    room_init(&r);
    r.one[3].level_dbov = -10;
    update(&r, &defaults);
    r.one[3].muted = true;
    update(&r, &defaults);
    assert_true(!r.one[3].heard && r.one[3].gain_from == 1 && r.one[3].gain_to == 0);
    r.one[3].muted = false;
    r.one[3].level_dbov = -127;
    update(&r, &defaults);
    assert_false(r.one[3].heard);
}

static void the_loudest_are_chosen_and_3_db_displace(void **state)
{
    (void)state;
    struct mcu_heard_config config = { -60, 3, 500 };
    struct room r;
    room_init(&r);
    for (int i = 0; i < PEOPLE; i++)
        r.one[i].level_dbov = -50 + 3 * i;
    for (int t = 0; t < SECOND; t++)
        update(&r, &config);
    for (int i = 0; i < PEOPLE; i++)
        assert_int_equal(r.one[i].heard, i >= 5);
    r.one[0].level_dbov = -33; /* 2 dB over the softest of the three */
    for (int t = 0; t < 2 * SECOND; t++)
        update(&r, &config);
    assert_false(r.one[0].heard);
    r.one[0].level_dbov = -31;
    for (int t = 0; t < SECOND; t++)
        update(&r, &config);
    assert_true(r.one[0].heard && !r.one[5].heard && r.one[6].heard && r.one[7].heard);
}

/* Two equal voices for one place, each level up and down by 6 dB at random. */
static void equal_voices_do_not_flap(void **state)
{
    (void)state;
    struct mcu_heard_config config = { -60, 1, 500 };
    struct room r;
    int switches = 0;
    room_init(&r);
    for (int t = 0; t < 60 * SECOND; t++) {
        bool was = r.one[0].heard;
        for (int i = 0; i < 2; i++)
            r.one[i].level_dbov = -30 + (int)(sound_rnd() % 13) - 6;
        update(&r, &config);
        assert_int_equal(r.one[0].heard + r.one[1].heard, 1);
        switches += was != r.one[0].heard;
    }
    print_message("  two equal voices for one place: %d switches in a minute\n", switches);
    assert_true(switches < 20);
}

/* ---- the floor ---- */

typedef int16_t sound_fn(int64_t i);

static int16_t nothing(int64_t i)
{
    (void)i;
    return (int16_t)((int)(sound_rnd() % 5) - 2);
}

static int16_t alice(int64_t i)
{
    return voice_a[i % frames_a];
}

static int16_t bob(int64_t i)
{
    return voice_b[i % frames_b];
}

static int16_t steady_tone(int64_t i)
{
    return (int16_t)lrint(9000 * sin(2 * M_PI * fmod(440.0 * (double)i / 48000, 1)));
}

static int16_t ring_tone(int64_t i)
{
    return i / 24000 % 2 ? 0 : steady_tone(i);
}

static int16_t hum(int64_t i)
{
    double t = 2 * M_PI * fmod(50.0 * (double)i / 48000, 1);
    return (int16_t)lrint(6000 * sin(t) + 2000 * sin(2 * t) + 1000 * sin(3 * t));
}

static int16_t fan(int64_t i)
{
    static double low;
    (void)i;
    low += ((int)(sound_rnd() % 20001) - 10000 - low) * 0.2;
    return (int16_t)lrint(low);
}

/* Two bursts of noise within 400 ms, once in three seconds. */
static int16_t cough(int64_t i)
{
    double t = (double)(i % 144000) / 48000, u = t < 0.2 ? t : t - 0.2;
    return t > 0.4 ? 0 : (int16_t)lrint(((int)(sound_rnd() % 20001) - 10000) * exp(-u * 15));
}

static int16_t doorbang(int64_t i)
{
    double t = (double)(i % 144000) / 48000;
    return (int16_t)lrint(20000 * exp(-t * 20) * sin(2 * M_PI * 180 * t));
}

struct guest {
    sound_fn *sound;
    struct mcu_speech speech;
};

/* One tick of a room of guests; returns who has the floor. */
static int live(struct room *r, struct guest *guests, int n, int64_t tick, int floor_)
{
    for (int g = 0; g < n; g++) {
        int16_t x[TICK];
        for (int i = 0; i < TICK; i++)
            x[i] = guests[g].sound(tick * TICK + i);
        r->one[g].level_dbov = mcu_level_dbov(x, TICK);
        r->one[g].speech = mcu_speech_push(&guests[g].speech, x, 1);
    }
    mcu_heard_update(&defaults, r->all, PEOPLE);
    return mcu_heard_speaker(r->all, n, floor_);
}

/* Mean speech probability over `ticks` from the second second on. */
static double speech_of(sound_fn *sound, int ticks)
{
    struct mcu_speech s = { 0 };
    double sum = 0;
    for (int t = 0; t < ticks; t++) {
        int16_t x[TICK];
        for (int i = 0; i < TICK; i++)
            x[i] = sound((int64_t)t * TICK + i);
        float p = mcu_speech_push(&s, x, 1);
        assert_true(p >= 0 && p <= 1);
        sum += t >= SECOND ? p : 0;
    }
    return sum / (ticks - SECOND);
}

static void speech_is_told_from_other_sounds(void **state)
{
    (void)state;
    sound_fn *const other[] = { nothing, steady_tone, ring_tone, hum, fan, cough, doorbang };
    const char *const names[] = { "nothing", "tone", "ring", "hum", "fan", "cough", "door" };
    double a = speech_of(alice, 10 * SECOND), b = speech_of(bob, 10 * SECOND);
    print_message("  speech: %.2f %.2f", a, b);
    double most = 0;
    for (size_t i = 0; i < MCU_ARRAY_LEN(other); i++) {
        double p = speech_of(other[i], 10 * SECOND);
        print_message(", %s %.2f", names[i], p);
        most = fmax(most, p);
    }
    print_message("\n");
    assert_true(a > 0.6 && b > 0.6);
    assert_true(most < 0.3);
}

static void only_a_speaker_gets_the_floor(void **state)
{
    (void)state;
    sound_fn *const others[] = { steady_tone, ring_tone, hum, fan, cough, doorbang };
    struct guest guests[7] = { { .sound = nothing } };
    struct room r;
    int floor_ = -1;
    room_init(&r);
    for (int i = 0; i < 6; i++)
        guests[i + 1].sound = others[i];
    for (int t = 0; t < 20 * SECOND; t++) {
        floor_ = live(&r, guests, 7, t, floor_);
        assert_int_equal(floor_, -1);
    }
    guests[0].sound = alice;
    int when = 0;
    for (int t = 0; t < 20 * SECOND; t++) {
        floor_ = live(&r, guests, 7, t, floor_);
        assert_true(floor_ <= 0);
        when += floor_ < 0;
    }
    print_message("  the speaker has the floor %d ms after he begins\n", when * 20);
    assert_in_range(when, 15, 75);
}

/* Alice talks, then Bob; each in turn for five seconds. The floor follows once a turn. */
static void the_floor_follows_the_talk(void **state)
{
    (void)state;
    struct guest guests[2] = { { .sound = alice }, { .sound = nothing } };
    struct room r;
    int floor_ = -1, changes = 0, slowest = 0, since = 0;
    room_init(&r);
    for (int t = 0; t < 40 * SECOND; t++) {
        int turn = t / (5 * SECOND) % 2, was = floor_;
        guests[turn].sound = turn ? bob : alice;
        guests[!turn].sound = nothing;
        since = t % (5 * SECOND) == 0 ? 0 : since + 1;
        floor_ = live(&r, guests, 2, t, floor_);
        changes += floor_ != was;
        if (floor_ != was)
            slowest = mcu_max(slowest, since);
    }
    print_message("  8 turns: the floor changed %d times, at most %d ms late\n", changes,
                  slowest * 20);
    assert_int_equal(changes, 8);
    assert_true(slowest <= 2 * SECOND);
}

static void the_holder_keeps_the_floor_in_pauses(void **state)
{
    (void)state;
    struct room r;
    room_init(&r);
    int floor_ = -1;
    r.one[0].speech = 1;
    for (int t = 0; t < SECOND; t++) {
        update(&r, &defaults);
        floor_ = mcu_heard_speaker(r.all, 2, floor_);
        assert_true(t < 14 ? floor_ == -1 : t < 20 || floor_ == 0);
    }
    r.one[0].speech = 0;
    r.one[1].speech = 1;
    for (int t = 0; t < 14; t++) {
        update(&r, &defaults);
        floor_ = mcu_heard_speaker(r.all, 2, floor_);
        assert_int_equal(floor_, 0);
    }
    r.one[1].speech = 0;
    for (int t = 0; t < 5 * SECOND; t++) {
        update(&r, &defaults);
        floor_ = mcu_heard_speaker(r.all, 2, floor_);
        assert_int_equal(floor_, 0);
    }
    assert_int_equal(mcu_heard_speaker(r.all, 0, 5), -1);
}

static int load(void **state)
{
    (void)state;
    frames_a = sound_prompt("demo-instruct", voice_a, SPEECH_MAX);
    frames_b = sound_prompt("demo-congrats", voice_b, SPEECH_MAX);
    if (frames_a < 12 * 48000)
        frames_a = sound_babble(voice_a, SPEECH_MAX);
    if (frames_b < 12 * 48000)
        frames_b = sound_babble(voice_b, SPEECH_MAX);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_those_of_rfc_6464),
        cmocka_unit_test(sound_is_heard_at_once_and_held),
        cmocka_unit_test(the_muted_are_ramped_out_at_once),
        cmocka_unit_test(the_loudest_are_chosen_and_3_db_displace),
        cmocka_unit_test(equal_voices_do_not_flap),
        cmocka_unit_test(speech_is_told_from_other_sounds),
        cmocka_unit_test(only_a_speaker_gets_the_floor),
        cmocka_unit_test(the_floor_follows_the_talk),
        cmocka_unit_test(the_holder_keeps_the_floor_in_pauses),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
