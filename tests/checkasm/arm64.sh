#!/usr/bin/env bash
# tests/checkasm/arm64.sh SOURCE BUILD - builds mixer/dsp and checkasm for arm64 and runs them under
# qemu-user: the NEON kernels against the C reference. 77 (skipped) without compiler or qemu.
set -euo pipefail
source=$1 out=$2/checkasm-arm64
cc=aarch64-linux-gnu-gcc
qemu=$(command -v qemu-aarch64 || command -v qemu-aarch64-static || true)
if ! command -v $cc >/dev/null || [ -z "$qemu" ]; then
    echo "skipped: no $cc or no qemu-aarch64 (scripts/setup test installs both)"
    exit 77
fi
cd "$source"
$cc -std=c11 -D_GNU_SOURCE -O2 -ffp-contract=off -Wall -Wextra -Wshadow -Wno-unused-parameter \
    -Werror -static -I. mixer/dsp/*.c tests/checkasm/*.c -lm -o "$out"
# Another level would mean that the choice at start did not find NEON.
"$qemu" "$out" neon
