#!/usr/bin/env python3
"""Holds the table of folders (README, "Folders"): who may include and link what.

usage: layering.py SOURCE_DIR BUILD_DIR

Debian's include path lets any file include any library, and a static archive may leave any symbol
to be found elsewhere, so the compiler alone does not hold the table. Two things are read: every
#include of our files, and the undefined symbols of each folder's archive. What stands in no row
fails: a new library or system header is a decision, made here.
"""
import pathlib
import re
import subprocess
import sys

# folder: its archive, and the folders of ours that it knows besides itself.
FOLDERS = {
    "mixer/base": ("libmcu_base.a", []),
    "mixer/dsp": ("libmcu_dsp.a", ["mixer/base"]),
    "mixer": ("libmcu_mixer.a", ["mixer/base", "mixer/dsp"]),
    "codec": ("libmcu_codec.a", ["mixer/base", "mixer/dsp"]),
    "net": ("libmcu_net.a", ["mixer/base"]),
    "server": ("libmcu_server.a", ["mixer/base", "mixer", "codec", "net"]),
}

# What stands in place of a function of libc's, for libraries that offer no other way in.
INTERPOSED = {("net", "recvmsg")}  # net/ice_intake.h

# Third-party: the folder or the single files that own it, headers by prefix, symbols by pattern.
OWNED = [
    (["mixer/text.c", "mixer/png.c"], ["pango/", "cairo"], r"pango_|cairo_"),
    (["net", "mixer/text.c"], ["glib", "gio/"], r"g_"),  # Pango's strings and objects are GLib's
    (["codec"], ["libav", "libsw"], r"av_|avcodec_|avformat_|avio_|sws_|swr_"),
    (["codec"], ["opus"], r"opus_"),
    (["codec"], ["vpx/"], r"vpx_"),
    (["codec"], ["wels/"], r"Wels"),
    (["net"], ["uv.h"], r"uv_"),
    # No sdp_: its parser loops for ever on hostile input, ours (net/sdp.h) stands in its place.
    (["net"], ["sofia-sip/"], r"(nua|nta|sip|su|url|msg|tl|tag|tport|_bnf)_|(nu|nta|sip|su|url|tp)tag_"),
    (["net"], ["nice/"], r"nice_"),
    (["net"], ["libwebsockets"], r"lws_|_lws_"),
    (["net"], ["srtp2/"], r"srtp_"),
    (["net"], ["openssl/"], r"(SSL|TLS|DTLS|DTLSv1|BIO|X509|EVP|OSSL|ASN1|BN|ERR|EC|OPENSSL|CRYPTO|HMAC|X509V3)_|HMAC$"),
    (["server"], ["jansson"], r"json_"),
    (["server"], ["yaml"], r"yaml_"),
]

# What every file may use: the C library, POSIX and Linux.
SYSTEM = set("""
    assert.h ctype.h errno.h fcntl.h getopt.h inttypes.h limits.h locale.h math.h poll.h pthread.h
    sched.h semaphore.h signal.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h
    stdlib.h string.h strings.h sys/random.h sys/resource.h sys/stat.h sys/statvfs.h sys/syscall.h
    sys/time.h sys/types.h time.h unistd.h dirent.h malloc.h
""".split())
SYSTEM_NET = set("""
    arpa/inet.h ifaddrs.h net/if.h netdb.h netinet/in.h netinet/ip.h netinet/tcp.h netinet/udp.h
    sys/epoll.h sys/eventfd.h sys/ioctl.h sys/socket.h sys/timerfd.h sys/uio.h linux/errqueue.h
    linux/filter.h linux/net_tstamp.h
""".split())
SYSTEM_CODEC = {"immintrin.h"}  # resample.c
SYSTEM_DSP = {"immintrin.h", "arm_neon.h", "cpuid.h", "sys/auxv.h"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
complaints = []


def complain(text):
    complaints.append(text)


def folder_of(path):
    """The folder of the table that a path stands in, or None."""
    for low in ("mixer/base", "mixer/dsp"):
        if path.startswith(low + "/"):
            return low
    top = path.split("/")[0]
    return top if top in FOLDERS and "/" in path else None


def owns(owners, path, folder):
    return path in owners or folder in owners


def check_own_include(path, folder, header, root):
    target = folder_of(header)
    if target is None or not (root / header).exists():
        return f'"{header}" is not written from the root, or is not there'
    if target != folder and target not in FOLDERS[folder][1]:
        return f'{folder}/ must not know "{header}"'
    return None


def check_system_include(path, folder, header):
    for owners, prefixes, _ in OWNED:
        if any(header.startswith(p) for p in prefixes):
            return None if owns(owners, path, folder) else f"<{header}> belongs to {', '.join(owners)}"
    if header in SYSTEM or (header in SYSTEM_NET and folder == "net"):
        return None
    if header in SYSTEM_CODEC and path.startswith("codec/"):
        return None
    if header in SYSTEM_DSP and path.startswith("mixer/dsp/"):
        return None
    return f"<{header}> stands in no row of tests/layering.py for {folder}/"


def check_includes(root):
    files = 0
    for folder in ("mixer", "codec", "net", "server"):
        for file in sorted((root / folder).rglob("*.[ch]")):
            files += 1
            path = file.relative_to(root).as_posix()
            own = folder_of(path)
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                quote, header = found.groups()
                wrong = (check_own_include(path, own, header, root) if quote == '"'
                         else check_system_include(path, own, header))
                if wrong:
                    complain(f"{path}:{number}: {wrong}")
    return files


def nm(*args):
    out = subprocess.run(["nm", *args], check=True, capture_output=True, text=True).stdout
    member = ""
    for line in out.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        parts = line.split()
        if len(parts) >= 2 and len(parts[-2]) == 1:
            yield member, parts[-2], parts[-1]


def defined_in(archive):
    return {name for _, kind, name in nm("-g", "--defined-only", archive)}


def c_library():
    """The names that libc, libm and the compiler's own library define."""
    names = set()
    for lib in ("libc.so.6", "libm.so.6", "libgcc_s.so.1"):
        path = subprocess.run(["gcc", f"-print-file-name={lib}"], check=True, capture_output=True,
                              text=True).stdout.strip()
        names |= {name.split("@")[0] for _, kind, name in nm("-D", "--defined-only", path)}
    return names | {"_GLOBAL_OFFSET_TABLE_", "__cpu_model", "__cpu_features2",
                    "__cpu_indicator_init"}


def symbol_owner(name):
    """The rows whose pattern the symbol matches."""
    return [owners for owners, _, pattern in OWNED if re.match(pattern, name)]


def check_symbol(folder, member, name, defined, libc):
    if name in libc:
        return None
    for other, names in defined.items():
        if name in names:
            known = FOLDERS[folder][1]
            return None if other in known else f"{folder}/ must not know {name} of {other}/"
    rows = symbol_owner(name)
    if not rows:
        return f"{name} stands in no row of tests/layering.py"
    source = f"{folder}/{member.removesuffix('.o')}"
    if not any(owns(owners, source, folder) for owners in rows):
        return f"{name} belongs to {', '.join(rows[0])}"
    return None


def check_symbols(build):
    archives = {folder: str(build / archive) for folder, (archive, _) in FOLDERS.items()}
    defined = {folder: defined_in(archive) for folder, archive in archives.items()}
    libc = c_library()
    count = 0
    for folder, archive in archives.items():
        for member, kind, name in nm("-u", archive):
            if name in defined[folder]:
                continue
            count += 1
            wrong = check_symbol(folder, member, name, defined, libc)
            if wrong:
                complain(f"{pathlib.Path(archive).name}({member}): {wrong}")
        foreign = sorted(n for n in defined[folder] if not n.startswith("mcu_") and
                         (folder, n) not in INTERPOSED)
        if foreign:
            complain(f"{folder}/ exports names without mcu_: {' '.join(foreign[:5])}")
    return count


def main():
    root, build = map(pathlib.Path, sys.argv[1:3])
    files = check_includes(root)
    symbols = check_symbols(build)
    for text in complaints:
        print(text)
    print(f"layering: {files} files, {symbols} undefined symbols, {len(complaints)} complaints")
    if files == 0 or symbols == 0:
        sys.exit("layering: nothing was read")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
