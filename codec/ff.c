#include "codec/ff.h"

#include <libavutil/log.h>

void mcu_ff_quiet(void)
{
    if (av_log_get_level() != AV_LOG_QUIET)
        av_log_set_level(AV_LOG_QUIET);
}
