#include "net/sip_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "mixer/base/log.h"

#define MAX_PEM_BYTES (256 * 1024)

struct pem {
    char *text;
    size_t size;
};

static void pem_free(struct pem *pem)
{
    if (pem->text)
        explicit_bzero(pem->text, pem->size);
    free(pem->text);
}

static ssize_t read_all(int fd, char *text, size_t size)
{
    size_t n = 0;
    for (ssize_t got; n < size && (got = read(fd, text + n, size - n)) != 0; n += (size_t)got)
        if (got < 0)
            return -errno;
    return (ssize_t)n;
}

static int pem_read(struct pem *pem, const char *file, const char *marker)
{
    char quoted[256];
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -errno : 0;
    pem->text = malloc(MAX_PEM_BYTES);
    pem->size = MAX_PEM_BYTES;
    if (fd >= 0) {
        n = pem->text ? read_all(fd, pem->text, MAX_PEM_BYTES - 1) : -ENOMEM;
        close(fd);
    }
    if (n >= 0) {
        pem->text[n] = '\0';
        pem->size = (size_t)n;
        if (!strstr(pem->text, marker))
            n = -EINVAL;
    }
    if (n < 0)
        mcu_log(MCU_LOG_ERROR, "sip-tls-file", "file=%s wanted=\"%s\" error=\"%s\"",
                mcu_log_quote(quoted, sizeof(quoted), file), marker, strerror((int)-n));
    return n < 0 ? (int)n : 0;
}

static int append(int fd, const struct pem *pem)
{
    size_t done = 0;
    while (done < pem->size) {
        ssize_t n = write(fd, pem->text + done, pem->size - done);
        if (n < 0)
            return -errno;
        done += (size_t)n;
    }
    return write(fd, "\n", 1) == 1 ? 0 : -EIO;
}

static int write_file(const char *dir, const char *name, const struct pem *a, const struct pem *b)
{
    char path[MCU_SIP_TLS_DIR_SIZE + 16];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int rc = append(fd, a);
    if (rc == 0 && b)
        rc = append(fd, b);
    close(fd);
    return rc;
}

int mcu_sip_tls_dir_make(char dir[MCU_SIP_TLS_DIR_SIZE], const char *cert_file,
                         const char *key_file)
{
    struct pem cert = { 0 }, key = { 0 };
    if (!cert_file || !key_file)
        return -EINVAL;
    int rc = pem_read(&cert, cert_file, "-----BEGIN CERTIFICATE-----");
    if (rc == 0)
        rc = pem_read(&key, key_file, "PRIVATE KEY-----");
    if (rc == 0) {
        const char *tmp = getenv("TMPDIR");
        int n = snprintf(dir, MCU_SIP_TLS_DIR_SIZE, "%s/tessera-sip-XXXXXX", tmp ? tmp : "/tmp");
        rc = n >= MCU_SIP_TLS_DIR_SIZE ? -ENAMETOOLONG : mkdtemp(dir) ? 0 : -errno;
    }
    if (rc == 0) {
        rc = write_file(dir, "agent.pem", &key, &cert);
        if (rc == 0)
            rc = write_file(dir, "cafile.pem", &cert, NULL);
        if (rc < 0)
            mcu_sip_tls_dir_remove(dir);
    }
    pem_free(&cert);
    pem_free(&key);
    return rc;
}

void mcu_sip_tls_dir_remove(const char *dir)
{
    static const char *const names[] = { "agent.pem", "cafile.pem" };
    char path[MCU_SIP_TLS_DIR_SIZE + 16];
    for (size_t i = 0; i < MCU_ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}
