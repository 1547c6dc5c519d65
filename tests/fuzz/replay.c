/* tests/fuzz/replay.c - runs a fuzz target over every file of a corpus folder, without libFuzzer.
 * Each file is also replayed cut short at every length up to 512 bytes: truncation is what
 * networks do best. An empty or missing corpus fails, so that the test cannot pass by accident. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return -1;
    static uint8_t buf[1 << 20];
    size_t size = fread(buf, 1, sizeof(buf), f);
    fclose(f);
    for (size_t n = 0; n <= size; n = n < 512 ? n + 1 : size > n ? size : size + 1) {
        /* An exact heap copy, so that ASan sees a read past the end. */
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, buf, n);
        LLVMFuzzerTestOneInput(copy, n);
        free(copy);
    }
    return 0;
}

int main(int argc, char **argv)
{
    int files = 0;
    for (int i = 1; i < argc; i++) {
        DIR *d = opendir(argv[i]);
        struct dirent *e;
        while (d && (e = readdir(d))) {
            char path[4096];
            if (e->d_name[0] == '.')
                continue;
            snprintf(path, sizeof(path), "%s/%s", argv[i], e->d_name);
            if (replay(path) == 0)
                files++;
        }
        if (d)
            closedir(d);
    }
    printf("replayed %d files\n", files);
    return files > 0 ? 0 : 1;
}
