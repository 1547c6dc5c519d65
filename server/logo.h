/* server/logo.h - the operator's logo (video.logo): read at start and on SIGHUP, and given to the media
 * loops, whose conferences lay it over their canvases.
 * Threads: the main thread before start, the control loop after it. */
#ifndef MCU_SERVER_LOGO_H
#define MCU_SERVER_LOGO_H

#include "mixer/png.h"
#include "server/config.h"
#include "server/media.h"

/* Reads what video.logo names; *out = NULL where it names nothing. On failure returns a negative errno
 * and writes "configuration: video.logo: FILE ..." into error. */
int mcu_logo_read(struct mcu_image **out, const struct mcu_config *config, char *error, size_t size);

/* Each loop has it from its next message on. NULL: none. Takes the reference. */
void mcu_logo_give(struct mcu_media *const *media, int count, struct mcu_image *image);

#endif
