"""The pages of :mod:`bench.inspector`: a process of its own, so that they cost only themselves.

    python bench/inspector_pages.py PORT CALLS PAGES

So many pages follow each call to its end and drop what they are told. A line on standard output
says that all of them have been told something.
"""

from __future__ import annotations

import socket
import sys
import threading


def main() -> None:
    """Follow the calls; see the module's docstring."""
    port, calls, pages = map(int, sys.argv[1:])
    told = threading.Barrier(calls * pages + 1)

    def follow(number: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            request = f"GET /inspect/live?id=CA{number} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            connection.sendall(request.encode())
            connection.recv(65536)
            told.wait()
            while b"event: over" not in connection.recv(65536):
                pass

    threads = [threading.Thread(target=follow, args=(n % calls,)) for n in range(calls * pages)]
    for thread in threads:
        thread.start()
    told.wait()
    sys.stdout.write("all there\n")
    sys.stdout.flush()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
