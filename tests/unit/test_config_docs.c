/* The README's table and the example file tell every key with its true default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/config.h"

#ifndef MCU_SOURCE_DIR
#define MCU_SOURCE_DIR "."
#endif

#define MAX_KEYS 128

struct doc_key {
    char name[64];
    bool live;
};

static char *read_source(const char *path)
{
    char full[1024];
    snprintf(full, sizeof(full), "%s/%s", MCU_SOURCE_DIR, path);
    FILE *f = fopen(full, "rb");
    assert_non_null(f);
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    return text;
}

/* The rows of server/config.c: { "section.key", T_..., ..., live }, */
static int table_keys(struct doc_key *keys)
{
    char *text = read_source("server/config.c"), *rest = NULL;
    int n = 0;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (sscanf(line, " { \"%63[a-z0-9_.]\", T_", keys[n].name) != 1 || !strchr(line, '.'))
            continue;
        keys[n].live = strstr(line, ", true },") != NULL;
        assert_true(keys[n].live || strstr(line, ", false },"));
        assert_true(++n < MAX_KEYS);
    }
    free(text);
    assert_true(n > 30);
    return n;
}

static void checked(struct mcu_config *c)
{
    char error[256] = "";
    if (mcu_config_check(c, error, sizeof(error)) < 0)
        fail_msg("%s", error);
}

/* Sets one key to what the document claims is its default: nothing may change. */
static void assert_default(const char *name, const char *value)
{
    static struct mcu_config before, after;
    char assignment[512], error[512] = "";
    mcu_config_defaults(&before);
    memcpy(&after, &before, sizeof(after));
    snprintf(assignment, sizeof(assignment), "%.63s=%.255s", name, value);
    if (mcu_config_set(&after, assignment, error, sizeof(error)) < 0)
        fail_msg("%s", error);
    checked(&before);
    checked(&after);
    if (memcmp(&before, &after, sizeof(before)))
        fail_msg("%s: '%s' is not the default", name, value);
}

/* | `section.key` | `default` | yes or no | meaning | */
static void readme_lists_every_key_with_its_default(void **state)
{
    static struct doc_key keys[MAX_KEYS];
    int n = table_keys(keys);
    char *text = read_source("README.md");
    for (int i = 0; i < n; i++) {
        char row[96], value[256] = "", reload[8] = "";
        snprintf(row, sizeof(row), "\n| `%.63s` | ", keys[i].name);
        const char *at = strstr(text, row);
        if (!at)
            fail_msg("README.md has no row for %s", keys[i].name);
        at += strlen(row);
        if (at[0] == '`')
            assert_int_equal(sscanf(at, "`%255[^`]` | %7[a-z] |", value, reload), 2);
        else /* nothing stands for an empty text */
            assert_int_equal(sscanf(at, "empty | %7[a-z] |", reload), 1);
        assert_default(keys[i].name, value);
        if (strcmp(reload, keys[i].live ? "yes" : "no"))
            fail_msg("README.md: %s: reload is '%s'", keys[i].name, reload);
    }
    free(text);
}

/* Takes the '#' off lines that hold keys (prose has one blank after it), in place. */
static void uncomment(char *text)
{
    char *to = text;
    for (char *from = text; *from;) {
        bool key = from[0] == '#' && ((from[1] >= 'a' && from[1] <= 'z') ||
                                      (from[1] == ' ' && from[2] == ' '));
        size_t len = strcspn(from, "\n");
        memmove(to, from + key, len - key);
        to += len - key;
        from += len;
        if (*from)
            *to++ = *from++;
    }
    *to = '\0';
}

static bool line_has(const char *line, const char *word)
{
    for (; *line && *line != '\n'; line++)
        if (strncmp(line, word, strlen(word)) == 0)
            return true;
    return false;
}

static void example_holds_every_key_with_its_default(void **state)
{
    static struct doc_key keys[MAX_KEYS];
    static struct mcu_config before, after;
    int n = table_keys(keys);
    char error[512] = "", *text = read_source("scripts/tessera.example.yaml");
    mcu_config_defaults(&before);
    memcpy(&after, &before, sizeof(after));
    uncomment(text);
    if (mcu_config_parse(&after, "example", text, strlen(text), error, sizeof(error)) < 0)
        fail_msg("%s", error);
    checked(&before);
    checked(&after);
    assert_memory_equal(&before, &after, sizeof(before));
    for (int i = 0; i < n; i++) {
        char section[64], row[96];
        const char *key = strchr(keys[i].name, '.') + 1;
        snprintf(section, sizeof(section), "\n%.*s:\n", (int)(key - keys[i].name - 1), keys[i].name);
        snprintf(row, sizeof(row), "\n  %.63s:", key);
        const char *at = strstr(text, section);
        const char *end = at ? strstr(at, "\n\n") : NULL;
        const char *found = at ? strstr(at, row) : NULL;
        if (!found || (end && found > end)) {
            fail_msg("scripts/tessera.example.yaml lacks %s", keys[i].name);
            return;
        }
        if (keys[i].live != line_has(found + 1, "(reload)"))
            fail_msg("scripts/tessera.example.yaml: (reload) of %s", keys[i].name);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readme_lists_every_key_with_its_default),
        cmocka_unit_test(example_holds_every_key_with_its_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
