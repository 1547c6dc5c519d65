/* mixer/text.h - UTF-8 text to an alpha mask, by Pango and Cairo. The one file of mixer/ that knows
 * them. Threads: a renderer belongs to one job at a time; keep one per view. */
#ifndef MCU_MIXER_TEXT_H
#define MCU_MIXER_TEXT_H

#include <stdbool.h>
#include <stdint.h>

struct mcu_text;

struct mcu_mask {
    int width, height, stride;
    int baseline;   /* rows from the mask's top to the line that the letters stand on */
    uint8_t *alpha; /* 0 to 255; owned by the mask */
};

/* Returns 0 or -ENOMEM. The first call in a process scans the fonts (about 15 ms): done here, not
 * at the first label. */
int mcu_text_new(struct mcu_text **out);
void mcu_text_free(struct mcu_text **text);

/* Renders one line of at most max_width samples in a sans font with capital letters about
 * size_px * 0.7 high; longer text is cut with an ellipsis; control characters and broken UTF-8 are
 * shown as U+FFFD. The mask is as large as the ink. Returns 0 or -ENOMEM. */
int mcu_text_render(struct mcu_text *text, const char *utf8, int size_px, bool bold, int max_width,
                    struct mcu_mask *out);
void mcu_mask_free(struct mcu_mask *mask);

/* The initials of a name for its avatar: first letters of the first and last word, upper case
 * ("Élodie Dupont" gives "ÉD"); numbers count as letters in a name that has one. Empty when it has none
 * (a telephone number). out: at least 16 bytes. */
void mcu_text_initials(const char *name, char out[16]);

#endif
