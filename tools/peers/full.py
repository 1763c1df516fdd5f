"""The house is full: 10 000 connections that each got an answer and stay, and then those who come too late."""

import re
import resource
import socket
import sys
import time

from service import UNLIMITED, Service

CAP, TURNED_AWAY = 10_000, 100
ASK = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n"


def connect(service):
    return socket.create_connection(("127.0.0.1", service.port), timeout=10)


def ask(connection):
    """One answer: its status and all of it. Empty where the other side hung up."""
    try:
        connection.sendall(ASK)
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
            part = connection.recv(65536)
            if not part:
                break
            answer += part
    except ConnectionError:
        return "", ""
    text = answer.decode()
    return text[9:12], text


def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < CAP + TURNED_AWAY + 500:
        raise SystemExit(f"this needs {CAP + TURNED_AWAY + 500} open files, and the hard limit is {most}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    with Service(**UNLIMITED) as service:
        before, began = service.resident_kib(), time.monotonic()
        inside, first = [], []
        for _ in range(CAP):  # each asks at once: who says nothing for 10 s is cut off
            inside.append(connect(service))
            first.append(ask(inside[-1])[0])
        held = service.resident_kib()
        print(f"{first.count('200')} of {CAP} answered 200 in {time.monotonic() - began:.1f} s; VmRSS {before} -> {held} kB")
        # All come before one asks: whoever was answered leaves, and would make room for the next.
        outside = [connect(service) for _ in range(TURNED_AWAY + 20)]
        answers = [ask(connection) for connection in outside]
        statuses = [status for status, _ in answers]
        told, unheard = statuses.count("503"), statuses.count("")
        print(f"{told} more were told 503, {unheard} were closed unheard; the {CAP + 1}st got\n{answers[0][1]}")
        envelope = r'"code":"SERVICE_UNAVAILABLE","reference":"err-\d{4}-\d{2}-[0-9a-z]{12}"'
        whole = all(
            re.search(envelope, text) and "retry-after:" in text and "x-request-id:" in text and "connection: close" in text
            for status, text in answers
            if status == "503"
        )
        again = ask(inside[0])[0]
        inside.pop().close()
        time.sleep(0.5)
        place = ask(connect(service))[0]
        print(f"whoever is in stays in: {again}; a place that was left is taken: {place}")
        good = first.count("200") == CAP and told >= TURNED_AWAY and unheard > 0 and whole
        good &= (again, place) == ("200", "200")
        print("ok" if good else "FAILED")
    return 0 if good else 1


sys.exit(main())
