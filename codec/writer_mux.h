/* codec/writer_mux.h - the Matroska file of a writer.
 * Threads: open anywhere; all else on the writer's thread. */
#ifndef MCU_CODEC_WRITER_MUX_H
#define MCU_CODEC_WRITER_MUX_H

#include "codec/writer.h"

struct mcu_mux;

/* Creates the file. Returns 0, the errno of open(2) as a negative, or -ENOMEM. */
int mcu_mux_open(struct mcu_mux **out, const struct mcu_writer_config *config);

/* Writes the header. first_ns: the time that is 0 in the file. key: the first video unit, for the
 * decoder configuration; NULL: the file gets no video. Returns 0, -ENOSPC, -EIO, -EINVAL. */
int mcu_mux_begin(struct mcu_mux *mux, int64_t first_ns, const struct mcu_unit *key);

/* Returns 0, -ENOSPC or -EIO. A unit that would go back in time within its stream is left out. */
int mcu_mux_write(struct mcu_mux *mux, const struct mcu_unit *unit);

/* Writes duration and index, if anything was begun, and closes the file. 0, -ENOSPC or -EIO. */
int mcu_mux_end(struct mcu_mux *mux);

uint64_t mcu_mux_bytes(const struct mcu_mux *mux);
void mcu_mux_free(struct mcu_mux **mux);

#endif
