"""Prices the claim lines of a month in pandas, by rows and by columns: the baselines of the bench.

The rules are those of finance as far as the files exercise them, to the penny: the PCN's part of
the cost by minutes and days, fees of suppliers, the share of the cost, the maximum over segments of
a part month, the lower of both, the cap of the role and the sum of the year, each in its order. No
step is kept.

Reads the tables once. For each word on standard input, `rows` or `columns`, prices all lines once,
writes them to `<word>.csv` of the folder, and answers how many nanoseconds the pricing took.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

import tables
from tables import PARTS

WEEKLY_MAX = 2400
# Minutes that every full-time week divides, to add up shares of different weeks in whole numbers.
WEEKS = 2250 * 2220
SUPPLIED = ["VCSE_SUB", "NON_GP"]
PRICED = ["engagement", "pcn", "payable"]


class Question:
    def __init__(self, month: str, claim_date: str):
        self.month = month
        self.first = pd.Timestamp(f"{month}-01")
        self.last = self.first + pd.offsets.MonthEnd(0)
        self.days = self.first.days_in_month
        self.claim_date = pd.Timestamp(claim_date)


def half_up(number, by):
    return (2 * number + by) // (2 * by)


# By rows: one line after the other, in Python's own integers.


def by_rows(asked, staff, pay, rules, sums):
    rule_of = {(row.role, row.band): row for _, row in rules.iterrows()}
    left_of = {row.pot: row.amount for _, row in sums.iterrows()}

    cost_of = {}
    for _, row in pay.iterrows():
        if row.month == asked.month and row.paid_on <= asked.claim_date:
            cost = cost_of.setdefault(row.engagement, [0, 0, 0, 0])
            for index, part in enumerate(PARTS):
                cost[index] += row[part]

    held_of = {}
    for _, row in staff.iterrows():
        held_of.setdefault(row.engagement, []).append(row)

    def weights(held):
        by_pcn = {row.pcn: 0 for row in held}
        for row in held:
            by_pcn[row.pcn] += row.minutes * days_of(asked, row)
        if any(row.contract for row in held):
            all_hours = 0
            for day in pd.date_range(asked.first, asked.last):
                today = [row for row in held if row.start <= day <= row.end]
                worked = sum(row.minutes for row in today)
                all_hours += max([worked] + [row.contract for row in today])
        else:
            all_hours = sum(by_pcn.values())
        return by_pcn, all_hours

    def line(row):
        held = held_of[row.engagement]
        own = [held for held in held if held.pcn == row.pcn]
        by_pcn, all_hours = weights(held)
        cost = cost_of.get(row.engagement, [0, 0, 0, 0])
        if sum(cost) < 0:
            cost = [0, 0, 0, 0]
        shared = [split(amount, by_pcn, all_hours, row.pcn) for amount in cost]

        exact = 0
        for part in own:
            days = days_of(asked, part)
            if days == 0:
                continue
            rule = rule_of.get((part.role, part.band))
            if rule is None or rule.a_year < 0 or rule.full_time not in (0, part.full_time):
                return None
            if max(part.start, asked.first) < rule.joined:
                return None
            if min(part.end, asked.last) > rule.left:
                return None
            exact += rule.a_year * min(part.minutes, WEEKLY_MAX) * days
        scale = row.full_time * asked.days

        amount, fees = sum(shared), shared[3]
        if fees:
            allowed = min(0, fees)
            if row.model in SUPPLIED and rule.fee:
                if rule.fee < 0:
                    return None
                allowed = min(fees, half_up(rule.fee * by_pcn[row.pcn], scale))
            amount -= fees - allowed
        if rule.share != 100:
            amount = half_up(amount * rule.share, 100)
        return max(0, min(amount, half_up(exact, 12 * scale)))

    in_post = (staff["start"] <= asked.last) & (staff["end"] >= asked.first)
    lines = staff[in_post].drop_duplicates(["engagement", "pcn"])
    lines = lines.assign(payable=lines.apply(line, axis=1))
    started = staff.groupby(["engagement", "pcn"])["start"].min()
    lines["started"] = [started[key] for key in zip(lines["engagement"], lines["pcn"])]

    cap_left, room = {}, {}

    def limited(row):
        if pd.isna(row.payable):
            return None
        rule, payable = rule_of[row.role, row.band], int(row.payable)
        if rule.cap >= 0:
            held = [held for held in held_of[row.engagement] if held.pcn == row.pcn]
            own = sum(part.minutes * days_of(asked, part) for part in held)
            own *= WEEKS // row.full_time
            left = cap_left.setdefault((row.pcn, row.role), rule.cap * WEEKS * asked.days)
            claimable = min(own, left)
            cap_left[row.pcn, row.role] = left - claimable
            if claimable < own:
                payable = half_up(payable * claimable, own)
        pot = rule.pot
        left = room.setdefault((row.pcn, pot), left_of[pot])
        taken = max(0, min(payable, left))
        room[row.pcn, pot] = left - taken
        return taken

    lines = lines.sort_values(["pcn", "started", "engagement"])
    lines["payable"] = lines.apply(limited, axis=1).astype("Int64")
    return lines[PRICED]


def days_of(asked, row):
    first, last = max(row.start, asked.first), min(row.end, asked.last)
    return max(0, (last - first).days + 1)


def split(amount, by_pcn, all_hours, pcn):
    """The part of one PCN, by largest remainder; of equal ones the first code, outside last."""
    if amount == 0 or by_pcn[pcn] == all_hours:
        return amount
    weights = sorted((code, weight) for code, weight in by_pcn.items() if weight)
    weights.append(("", all_hours - sum(weight for _, weight in weights)))
    size = abs(amount)
    parts = [size * weight // all_hours for _, weight in weights]
    order = sorted(range(len(weights)), key=lambda at: (-(size * weights[at][1] % all_hours), at))
    for at in order[: size - sum(parts)]:
        parts[at] += 1
    own = next(part for (code, _), part in zip(weights, parts) if code == pcn)
    return own if amount > 0 else -own


# By columns: every step over all lines at once.


def by_columns(asked, staff, pay, rules, sums):
    held = staff[(staff["start"] <= asked.last) & (staff["end"] >= asked.first)]
    first = held["start"].clip(lower=asked.first)
    last = held["end"].clip(upper=asked.last)
    held = held.assign(days=(last - first).dt.days + 1, first=first, last=last)
    held["minute_days"] = held["minutes"] * held["days"]
    held = held.merge(rules, how="left", on=["role", "band"], suffixes=("", "_required"))
    required = held["full_time_required"]
    held["known"] = (
        (held["a_year"] >= 0)
        & ((required == 0) | (required == held["full_time"]))
        & (held["first"] >= held["joined"])
        & (held["last"] <= held["left"])
    )
    a_year = held["a_year"].fillna(0).astype("int64")
    held["exact"] = a_year * held["minutes"].clip(upper=WEEKLY_MAX) * held["days"]

    lines = held.groupby(["engagement", "pcn"], sort=False, as_index=False).agg(
        role=("role", "first"),
        model=("model", "first"),
        full_time=("full_time", "first"),
        own=("minute_days", "sum"),
        exact=("exact", "sum"),
        known=("known", "all"),
        share=("share", "last"),
        fee=("fee", "last"),
        pot=("pot", "last"),
        cap=("cap", "last"),
    )
    lines["all"] = lines.groupby("engagement", sort=False)["own"].transform("sum")
    contracts = by_contract(asked, held[held["contract"] > 0])
    lines["all"] = lines["engagement"].map(contracts).fillna(lines["all"]).astype("int64")

    paid = pay[(pay["month"] == asked.month) & (pay["paid_on"] <= asked.claim_date)]
    cost = paid.groupby("engagement", sort=False)[PARTS].sum()
    cost[cost.sum(axis=1) < 0] = 0
    lines = lines.merge(cost, how="left", left_on="engagement", right_index=True)
    lines[PARTS] = lines[PARTS].fillna(0).astype("int64")
    divide(lines)

    scale = lines["full_time"].to_numpy() * asked.days
    fees = lines["fees"].to_numpy()
    fee = lines["fee"].fillna(0).to_numpy(dtype="int64")
    supplied = lines["model"].isin(SUPPLIED).to_numpy() & (fee != 0)
    most_fee = half_up(np.maximum(fee, 0) * lines["own"].to_numpy(), scale)
    allowed = np.where(supplied, np.minimum(fees, most_fee), np.minimum(fees, 0))
    unknown = ~lines["known"].to_numpy() | (supplied & (fee < 0) & (fees != 0))
    amount = lines[PARTS].to_numpy().sum(axis=1) - (fees - allowed)
    share = lines["share"].fillna(100).to_numpy(dtype="int64")
    amount = np.where(share == 100, amount, half_up(amount * share, 100))
    most = half_up(lines["exact"].to_numpy(), 12 * scale)
    lines["payable"] = np.where(unknown, 0, np.maximum(np.minimum(amount, most), 0))
    lines["unknown"] = unknown

    started = staff.groupby(["engagement", "pcn"], sort=False)["start"].min().rename("started")
    lines = lines.merge(started, how="left", left_on=["engagement", "pcn"], right_index=True)
    lines = lines.merge(sums, how="left", on="pot")
    lines = lines.sort_values(["pcn", "started", "engagement"])
    within_caps(asked, lines)
    after = lines.groupby(["pcn", "pot"], sort=False)["payable"].cumsum()
    before = after - lines["payable"]
    left = lines["amount"].fillna(0).astype("int64")
    lines["payable"] = after.clip(upper=left) - before.clip(upper=left)
    lines["payable"] = lines["payable"].astype("Int64").mask(lines["unknown"])
    return lines[PRICED]


def within_caps(asked, lines):
    """Cuts lines above the cap of their role; who is longer in post uses it first."""
    capped = lines[(lines["cap"] >= 0) & ~lines["unknown"]]
    own = capped["own"] * (WEEKS // capped["full_time"])
    cap = capped["cap"].astype("int64") * WEEKS * asked.days
    after = own.groupby([capped["pcn"], capped["role"]]).cumsum()
    claimable = after.clip(upper=cap) - (after - own).clip(upper=cap)
    cut = half_up(capped["payable"] * claimable, own)
    lines.loc[capped.index, "payable"] = cut.where(claimable < own, capped["payable"])


def by_contract(asked, held):
    """All minutes and days of engagements with a contract: the greater of both on each day."""
    days = held.loc[held.index.repeat(held["days"]), ["engagement", "minutes", "contract", "first"]]
    days["day"] = days["first"] + pd.to_timedelta(days.groupby(level=0).cumcount(), unit="D")
    of_day = days.groupby(["engagement", "day"], sort=False)
    greater = np.maximum(of_day["minutes"].sum(), of_day["contract"].max())
    return greater.groupby(level="engagement").sum()


def divide(lines):
    """Divides the cost of engagements over PCNs, and outside them, by largest remainder."""
    shared = lines[lines["own"] != lines["all"]]
    own = shared[["engagement", "pcn", "own", "all", *PARTS]].assign(line=shared.index)
    outside = own.groupby("engagement", as_index=False).agg(
        {"own": "sum", "all": "first", **{part: "first" for part in PARTS}}
    )
    outside["own"] = outside["all"] - outside["own"]
    parts = pd.concat([own, outside.assign(pcn="~", line=-1)], ignore_index=True)
    for part in PARTS:
        size = parts[part].abs()
        whole = size * parts["own"] // parts["all"]
        remainder = size * parts["own"] % parts["all"]
        missing = size - whole.groupby(parts["engagement"]).transform("sum")
        order = parts[["engagement", "pcn"]].assign(remainder=-remainder)
        order = order.sort_values(["engagement", "remainder", "pcn"])
        rank = order.groupby("engagement").cumcount().reindex(parts.index)
        parts[part] = np.sign(parts[part]) * (whole + (rank < missing))
    parts = parts[parts["line"] >= 0].set_index("line")
    lines.loc[parts.index, PARTS] = parts[PARTS]


def main():
    folder = Path(sys.argv[1])
    asked = Question(*sys.argv[2:4])
    given = [table(folder) for table in [tables.staff, tables.pay, tables.rules, tables.sums]]
    for word in map(str.strip, sys.stdin):
        price = {"rows": by_rows, "columns": by_columns}[word]
        started = time.perf_counter_ns()
        priced = price(asked, *given)
        took = time.perf_counter_ns() - started
        priced.to_csv(folder / f"{word}.csv", index=False)
        print(took, flush=True)


if __name__ == "__main__":
    main()
