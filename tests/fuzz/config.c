/* The configuration file: any bytes end in a message or in a configuration within its bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcu_config c, running;
    char error[128], list[64], line[256];
    mcu_config_defaults(&c);
    running = c;
    error[0] = '\0';
    if (mcu_config_parse(&c, "f", (const char *)data, size, error, sizeof(error)) < 0) {
        if (!error[0])
            abort();
    } else if (mcu_config_check(&c, error, sizeof(error)) == 0) {
        if (c.rung_count < 1 || c.rung_count > MCU_CONFIG_RUNGS || c.audio_codec_count < 1 ||
            c.audio_codec_count > MCU_CONFIG_MAX_CODECS || c.video_codec_count < 1 ||
            c.video_codec_count > MCU_CONFIG_MAX_CODECS || c.rtp_first >= c.rtp_last)
            abort();
        mcu_config_reload(&running, &c, list, sizeof(list));
    }
    size_t n = size < sizeof(line) - 1 ? size : sizeof(line) - 1;
    memcpy(line, data, n);
    line[n] = '\0';
    mcu_config_set(&running, line, error, sizeof(error));
    return 0;
}
