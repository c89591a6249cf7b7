"""A handler that asks for neither time nor randomness, and shows what might differ all the same:
the order of a set, a hash, and where in memory an object comes to lie."""

import json
import re


def lambda_handler(event, context):
    words = re.findall("[a-z]+", json.dumps(event).lower())
    counted = {word: words.count(word) for word in set(words)}
    return {
        "counted": counted,
        "order": list(frozenset(words)),
        "hash": hash(event["text"]),
        "address": id([words]),
        "sum": sum(number / 7 for number in event["numbers"]),
    }
