/* net/glib_pump.h - a GMainContext that a libuv loop drives, for the libraries that know only GLib.
 * Threads: the loop's own makes every call; all sources of the context are dispatched on it.
 *
 *   uv_prepare: g_main_context_prepare, query -> epoll set kept like GLib's list, one uv_timer
 *   uv_poll:    the epoll set as a whole
 *   uv_check:   what the set reports -> g_main_context_check, dispatch
 *
 * GLib's descriptors stand in an epoll set of the pump's own and libuv watches that set alone.
 * A uv_poll handle per descriptor goes wrong in three ways: libuv stops one for good at POLLERR
 * (one ICMP error, and a SIP socket is deaf while the process looks healthy); it cannot tell when
 * a source closed a descriptor and opened another of the same number; and it refuses a number
 * that a stale handle still holds. */
#ifndef MCU_NET_GLIB_PUMP_H
#define MCU_NET_GLIB_PUMP_H

#include <glib.h>
#include <stdbool.h>

#include "mixer/base/counter.h"

struct mcu_loop;
struct mcu_glib_pump;

/* Acquires the context (not owned: it must outlive the pump) and begins to pump it. rearmed is
 * counted each time a descriptor had to be watched anew: after an error, or because it was closed
 * and opened again under the same number. Returns 0 or a negative errno. */
int mcu_glib_pump_new(struct mcu_glib_pump **out, struct mcu_loop *loop, GMainContext *context,
                      enum mcu_counter rearmed);

/* For many contexts on one loop: this one is from now on looked at only when one of its descriptors
 * or timeouts is due, and GLib is asked for its list only after it dispatched something or
 * mcu_glib_pump_kick, not in each round of the loop. So every call from outside into the library
 * whose sources these are must be followed by a kick: sources attached by the loop's own thread wake
 * nobody. files_change: callbacks close descriptors and open others; false saves an epoll_ctl per
 * descriptor and dispatch (a kick still finds those that changed before it). */
void mcu_glib_pump_set_lazy(struct mcu_glib_pump *pump, bool files_change);
void mcu_glib_pump_kick(struct mcu_glib_pump *pump);

/* Called around each dispatch. */
void mcu_glib_pump_set_turns(struct mcu_glib_pump *pump, void (*begin)(void *arg),
                             void (*end)(void *arg), void *arg);

/* Tells which descriptors there are and which have data, to who has to know and is not told by the
 * library whose sources these are. In the loop's own order: opened before the first ready; closed after
 * the file is. A file that takes the number of one just closed is told as both. Each may be NULL. */
struct mcu_glib_pump_files {
    void (*opened)(int fd, void *arg);
    void (*ready)(int fd, void *arg);
    void (*closed)(int fd, void *arg);
    void *arg;
};
void mcu_glib_pump_watch_files(struct mcu_glib_pump *pump, const struct mcu_glib_pump_files *files);

/* Stops pumping and releases the context at once. The libuv handles close in the loop's next
 * round. Not from within a source of the context. */
void mcu_glib_pump_free(struct mcu_glib_pump **pump);

#endif
