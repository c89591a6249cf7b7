"""A function that behaves badly, in the way that its event names, or else computes for a while."""

import os
import sys
import time

_MIB = 1024 * 1024
KEPT = []


def lambda_handler(event, context):
    return globals()[event["act"]]()


def grow():
    KEPT.append(bytearray(60 * _MIB))
    return len(KEPT)


def grow_too_far():
    KEPT.append(bytearray(500 * _MIB))


def trap():
    os.abort()


def leave():
    sys.exit(3)


def fail():
    raise ValueError("x" * 100_000)


def spin():
    while True:
        pass


def sleep():
    time.sleep(60)


def leak():
    while len(KEPT) < 200:
        KEPT.append(open(f"/tmp/{len(KEPT)}", "wb"))  # noqa: SIM115
        KEPT[-1].write(b"x")
    return len(KEPT)


def flood():
    for _ in range(20):
        print("x" * _MIB)


def fill():
    for number in range(64):
        with open(f"/tmp/{number}", "wb") as file:
            file.write(bytes(_MIB))


def fill_too_far():
    with open("/tmp/large", "wb") as file:
        file.seek(600 * _MIB)
        file.write(b"x")


def answer_too_much():
    return "x" * (7 * _MIB)


def compute():
    return sum(number * number for number in range(200_000))
