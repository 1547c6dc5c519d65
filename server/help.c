#include "server/help.h"

#include "mixer/base/util.h"

static void run(struct mcu_job *job)
{
    const struct mcu_help *help = mcu_container_of(job, struct mcu_helper, job)->help;
    help->run(help->arg);
}

static void done(struct mcu_job *job)
{
    struct mcu_helper *h = mcu_container_of(job, struct mcu_helper, job);
    struct mcu_help *help = h->help;
    int64_t cpu_ns = job->cpu_ns;
    atomic_store(&h->asked, false); /* from here on he may be asked again, and the job is not ours */
    help->done(help->arg, cpu_ns);
}

void mcu_help_init(struct mcu_help *help, struct mcu_workers *workers, enum mcu_job_kind kind,
                   struct mcu_loop *home, int count)
{
    help->count = mcu_min(count, MCU_HELPERS_MAX);
    for (int i = 0; i < help->count; i++) {
        struct mcu_helper *h = &help->helper[i];
        h->help = help;
        h->job = (struct mcu_job){ .home = home, .run = run, .done = done };
        atomic_init(&h->asked, false);
        mcu_strand_init(&h->strand, workers, kind);
    }
}

void mcu_help_ask(struct mcu_help *help, int n)
{
    for (int i = 0; i < help->count && n > 0; i++) {
        struct mcu_helper *h = &help->helper[i];
        if (atomic_exchange(&h->asked, true))
            continue;
        mcu_strand_push(&h->strand, &h->job);
        n--;
    }
}

bool mcu_help_is_out(const struct mcu_help *help)
{
    for (int i = 0; i < help->count; i++)
        if (atomic_load(&help->helper[i].asked))
            return true;
    return false;
}
