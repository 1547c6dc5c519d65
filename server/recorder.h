/* server/recorder.h - records a conference: subscribes like a viewer, and gives the units to a
 * writer thread (codec/writer.h). Threads: the conference's loop. */
#ifndef MCU_SERVER_RECORDER_H
#define MCU_SERVER_RECORDER_H

#include <stdbool.h>

struct mcu_conf;
struct mcu_recorder;

/* Opens a new file in the configured folder, named by room and time, on a thread of its own; the
 * recorder joins the conference when it is open. When it cannot be opened the log says why, and the
 * conference goes on. */
void mcu_recorder_start(struct mcu_recorder **out, struct mcu_conf *conf);
/* True once its file is open. */
bool mcu_recorder_runs(const struct mcu_recorder *recorder);
/* Leaves the conference; the writer finishes its file by itself. */
void mcu_recorder_stop(struct mcu_recorder **recorder);

/* Any thread: files that are not closed yet; at its end the server waits for them. */
int mcu_recorder_open_files(void);

#endif
