#include "mixer/base/thread.h"

#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLICE_NS 100000 /* the least that the kernel takes */

/* sched_setattr(2), which libc has not: struct sched_attr of its first version. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns; /* runtime: of a usual thread, its slice */
};

void mcu_thread_be_prompt(void)
{
    struct attributes a = { .size = sizeof(a) };
    if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) < 0 || a.policy != SCHED_OTHER)
        return;
    a.size = sizeof(a);
    a.runtime_ns = SLICE_NS;
    (void)syscall(SYS_sched_setattr, 0, &a, 0); /* a kernel that does not know it lets all be as it was */
}
