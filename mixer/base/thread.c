#include "mixer/base/thread.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLICE_NS      100000 /* the least that the kernel takes */
#define PROMPT_NICE   (-10)
#define RESET_ON_FORK 1 /* SCHED_FLAG_RESET_ON_FORK */

/* sched_setattr(2), which libc has not: struct sched_attr of its first version. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns; /* runtime: of a usual thread, its slice */
};

static bool ask_for(struct attributes *a)
{
    a->size = sizeof(*a);
    return syscall(SYS_sched_setattr, 0, a, 0) == 0;
}

void mcu_thread_be_prompt(void)
{
    struct attributes a = { .size = sizeof(a) };
    if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) < 0 || a.policy != SCHED_OTHER)
        return;
    int32_t nice = a.nice;
    a.flags |= RESET_ON_FORK; /* threads of libraries that this one starts are no such */
    a.runtime_ns = SLICE_NS;  /* a kernel that does not know it lets all be as it was */
    a.nice = nice == 0 ? PROMPT_NICE : nice;
    if (ask_for(&a))
        return;
    a.nice = nice; /* no higher rank for us */
    ask_for(&a);
}
