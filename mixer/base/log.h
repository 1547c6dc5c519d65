/* mixer/base/log.h - structured log lines: time, level, event name, then key=value pairs.
 * Threads: any; one line is one write(2) to stderr. Values that came from the network go through
 * mcu_log_quote first, so that nobody writes our log for us. Never a key, PIN, password or token. */
#ifndef MCU_MIXER_BASE_LOG_H
#define MCU_MIXER_BASE_LOG_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "mixer/base/util.h"

enum mcu_log_level { MCU_LOG_ERROR, MCU_LOG_WARN, MCU_LOG_INFO, MCU_LOG_DEBUG };

/* Between start and stop a thread of its own writes the lines, so that a reader of stderr who stops
 * reading stops nobody else: when 1024 lines wait, new ones are dropped and their number is
 * logged. Without it each line is written at once. */
void mcu_log_start(void);
void mcu_log_stop(void);

void mcu_log_set_level(enum mcu_log_level level);
enum mcu_log_level mcu_log_get_level(void);

/* "error", "warn", "info", "debug" to a level: 0, or -EINVAL. */
int mcu_log_level_parse(const char *name, enum mcu_log_level *out);

/* event: a fixed kebab-case name. fmt: "key=%d other=%s" or NULL. Lines end at 1024 bytes. */
void mcu_log(enum mcu_log_level level, const char *event, const char *fmt, ...) MCU_PRINTF(3, 4);

/* At most one line a second per limit; the next line that passes says how many were held back. */
struct mcu_log_limit {
    _Atomic int64_t next_ns;
    _Atomic uint32_t held_back;
};
void mcu_log_limited(struct mcu_log_limit *limit, enum mcu_log_level level, const char *event,
                     const char *fmt, ...) MCU_PRINTF(4, 5);

/* Writes s into buf in double quotes, with quotes, backslashes and control bytes escaped; cut to
 * fit at a UTF-8 boundary. NULL gives "". Returns buf. */
const char *mcu_log_quote(char *buf, size_t size, const char *s);

#endif
