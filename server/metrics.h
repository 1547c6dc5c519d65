/* server/metrics.h - what Prometheus reads, as text (exposition format 0.0.4).
 * Threads: any; the snapshot is read only. */
#ifndef MCU_SERVER_METRICS_H
#define MCU_SERVER_METRICS_H

#include <stddef.h>

struct mcu_snapshot;

#define MCU_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* All counters of the process, and gauges of the snapshot and of the process. Returns the text, the
 * caller's to free(), or NULL when memory is short. */
char *mcu_metrics_text(const struct mcu_snapshot *snapshot, size_t *size);

#endif
