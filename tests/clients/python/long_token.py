#!/usr/bin/env python3
"""Shows tokens of a megabyte, and then a good one, over one connection on which a call stays open.

    long_token.py --server 127.0.0.1:8080 --token "$(arrs token ...)"

Prints a line for each call, and one for the call that stayed open.
"""

import argparse

import grpc

METHOD = "/arrs.finance.v1.RuleBookService/GetRuleBook"
# The first field, a text of 17 bytes.
REQUEST = b"\x0a\x11ruleBooks/2025-26"
WATCH = "/grpc.health.v1.Health/Watch"
# Longer than any call takes on a busy machine, shorter than a person waits.
DEADLINE_SECONDS = 30


def main() -> None:
    """Calls, and prints how each call ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--token", required=True)
    arguments = parser.parse_args()
    with grpc.insecure_channel(arguments.server) as channel:
        watch = channel.unary_stream(WATCH)(b"")
        next(watch)
        call = channel.unary_unary(METHOD)
        for token in ["x" * 1_000_000, "x" * 1024 * 1024, arguments.token]:
            metadata = [("authorization", f"Bearer {token}")]
            try:
                call(REQUEST, metadata=metadata, timeout=DEADLINE_SECONDS)
                print("OK")
            except grpc.RpcError as error:
                print(error.code().name, error.details())
        print("the watch goes on" if watch.is_active() else "the watch has ended")
        watch.cancel()


if __name__ == "__main__":
    main()
