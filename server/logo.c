#include "server/logo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mcu_logo_read(struct mcu_image **out, const struct mcu_config *config, char *error, size_t size)
{
    struct mcu_image *image = NULL;
    int rc = config->logo[0] ? mcu_image_load(&image, config->logo) : 0;
    if (rc == -EFBIG)
        snprintf(error, size, "configuration: video.logo: %s is too large: at most %d samples a side, "
                 "%d MB", config->logo, MCU_IMAGE_MAX_SIDE, MCU_IMAGE_MAX_BYTES >> 20);
    else if (rc == -EBADMSG)
        snprintf(error, size, "configuration: video.logo: %s is not a whole PNG file", config->logo);
    else if (rc < 0)
        snprintf(error, size, "configuration: video.logo: %s cannot be read: %s", config->logo,
                 strerror(-rc));
    else
        *out = image;
    return rc;
}

struct gift {
    struct mcu_media *media;
    struct mcu_image *image;
};

static void take_there(void *arg)
{
    struct gift *g = arg;
    mcu_image_unref(&g->media->logo);
    g->media->logo = g->image;
    free(g);
}

void mcu_logo_give(struct mcu_media *const *media, int count, struct mcu_image *image)
{
    for (int i = 0; i < count; i++) {
        struct gift *g = malloc(sizeof(*g));
        if (!g)
            abort();
        *g = (struct gift){ media[i], image ? mcu_image_ref(image) : NULL };
        mcu_post_call(media[i]->loop, take_there, g);
    }
    mcu_image_unref(&image);
}
