"""Shared by the benchmarks: what is missing is one sentence, not a traceback; and a proxy like that of hosted apps."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ae_demo.checkpoints import CheckpointError
from ae_demo.data.images import DatasetError

NGINX = """daemon off; pid {home}/pid; error_log stderr crit; events {{}}
http {{ access_log off; {folders}
  server {{ listen 127.0.0.1:{own} ssl http2; ssl_certificate {home}/cert; ssl_certificate_key {home}/key;
    location / {{ proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1; proxy_buffering off;
      proxy_request_buffering off;
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https; }} }} }}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")  # folders that nginx wants to write to


def free_port() -> int:
    """Return a free port of this machine."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        return free.getsockname()[1]


@contextmanager
def behind_http2(port: int) -> Iterator[str | None]:
    """Put nginx before an app at a port: the address at which it speaks HTTP/2, as hosts do; None where nginx or
    openssl is missing."""
    if not (shutil.which("nginx") and shutil.which("openssl")):
        yield None
        return
    with TemporaryDirectory() as home:
        own, config = free_port(), Path(home) / "nginx.conf"
        folders = " ".join(f"{kind}_temp_path {home}/{kind};" for kind in TEMPORARY)
        config.write_text(NGINX.format(home=home, own=own, port=port, folders=folders))
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
        subprocess.run([*made, "-keyout", f"{home}/key", "-out", f"{home}/cert"], check=True, capture_output=True)
        proxy = subprocess.Popen(["nginx", "-c", str(config)])
        try:
            yield f"https://127.0.0.1:{own}/"
        finally:
            proxy.terminate()
            proxy.wait()


@contextmanager
def one_sentence() -> Iterator[None]:
    """End the program with the sentence of a missing dataset or checkpoint."""
    try:
        yield
    except (DatasetError, CheckpointError) as error:
        sys.exit(str(error))
