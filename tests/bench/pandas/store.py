"""Stores the lines of claims by `to_sql`: the baseline of the bench for storing.

Reads the lines once. For each word on standard input stores all of them in a fresh table, in one
transaction, and answers how many nanoseconds that took: `rows` as pandas does of itself, `multi`
with a thousand rows in each statement.
"""

import sys
import time
from pathlib import Path

import pandas as pd
from sqlalchemy import BigInteger, Date, Integer, Text, Uuid, create_engine

TYPES = {
    "build_id": Uuid(as_uuid=False),
    "line": Integer,
    "pcn_code": Text,
    "month": Date,
    "engagement_id": Uuid(as_uuid=False),
    "minute_days": BigInteger,
    "own_cost_pence": BigInteger,
    "maximum_pence": BigInteger,
    "priced_pence": BigInteger,
    "payable_pence": BigInteger,
}
HOW = {"rows": {}, "multi": {"method": "multi", "chunksize": 1000}}


def main():
    folder, address = Path(sys.argv[1]), sys.argv[2]
    text = ["build_id", "pcn_code", "engagement_id"]
    pence = ["maximum_pence", "priced_pence", "payable_pence"]
    types = dict.fromkeys(text, str) | dict.fromkeys(pence, "Int64")
    lines = pd.read_csv(folder / "lines.csv", dtype=types, parse_dates=["month"])
    engine = create_engine(address)
    empty = lines.head(0)
    for word in map(str.strip, sys.stdin):
        empty.to_sql("claim_line", engine, if_exists="replace", index=False, dtype=TYPES)
        started = time.perf_counter_ns()
        with engine.begin() as connection:
            how = {"if_exists": "append", "index": False, "dtype": TYPES, **HOW[word]}
            lines.to_sql("claim_line", connection, **how)
        print(time.perf_counter_ns() - started, flush=True)


if __name__ == "__main__":
    main()
