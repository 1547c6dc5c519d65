/* tests/mock/peer_picture.h - the callers' picture: a flat colour with a number in seven-segment
 * digits and a moving bar; drawn, and read back out of a tile.
 * Threads: any; pure functions.
 *
 * In parts of the picture's height: bar 4 to 10 %, plain colour 13 to 23 %, digits 28 to 80 %. */
#ifndef MCU_TESTS_PEER_PICTURE_H
#define MCU_TESTS_PEER_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "mixer/base/picture.h"
#include "mixer/layout.h"

/* frame moves the bar. number: 0 to 99. white: the whole picture instead (a flash). */
void peer_picture_draw(struct mcu_pic *pic, const uint8_t rgb[3], int number, int64_t frame,
                       bool white);

/* The number in the part of pic that shows a caller's picture; -1: cannot be read. */
int peer_picture_read(const struct mcu_pic *pic, struct mcu_rect at);

/* Mean colour of the plain strip of that part. */
void peer_picture_colour(const struct mcu_pic *pic, struct mcu_rect at, uint8_t rgb[3]);

/* 64 luma samples along the middle of the bar's strip. */
void peer_picture_bar(const struct mcu_pic *pic, struct mcu_rect at, uint8_t row[64]);

/* Part of the luma samples that is white, 0 to 1. */
double peer_picture_white(const struct mcu_pic *pic);

/* BT.601 limited or BT.709, by the picture's own fields. */
void peer_yuv_to_rgb(const struct mcu_pic *pic, double y, double u, double v, uint8_t rgb[3]);

#endif
