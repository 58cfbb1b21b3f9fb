"""The files of the bench as tables: pence and minutes are integers, days are days."""

from pathlib import Path

import pandas as pd


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def hundredths(column: pd.Series) -> pd.Series:
    """Whole hundredths of decimal numbers; an empty cell is nothing."""
    parts = column.str.lstrip("-").str.partition(".")
    whole = pd.to_numeric(parts[0].replace("", "0")).astype("int64")
    part = pd.to_numeric(parts[2].str.ljust(2, "0")).astype("int64")
    size = whole * 100 + part
    return size.where(~column.str.startswith("-"), -size)


def minutes(column: pd.Series) -> pd.Series:
    """Minutes of hours, half up."""
    return (hundredths(column) * 60 + 50) // 100


def days(column: pd.Series, otherwise: str) -> pd.Series:
    return pd.to_datetime(column.replace("", otherwise), format="%Y-%m-%d")


def staff(folder: Path) -> pd.DataFrame:
    table = read(folder / "staff.csv")
    return pd.DataFrame(
        {
            "engagement": table["engagement_id"],
            "pcn": table["pcn_code"],
            "role": table["role"],
            "band": table["band"],
            "model": table["model"],
            "minutes": minutes(table["weekly_hours"]),
            "full_time": minutes(table["full_time_hours"].replace("", "37.5")),
            "contract": minutes(table["contract_hours"]),
            "start": days(table["start"], ""),
            "end": days(table["end"], "2200-12-31"),
        }
    )


def pay(folder: Path) -> pd.DataFrame:
    table = read(folder / "pay.csv")
    amounts = {name: hundredths(table[name]) for name in PARTS}
    paid_on = days(table["paid_on"], "2200-12-31")
    return pd.DataFrame(
        {"engagement": table["engagement_id"], "month": table["month"], **amounts, "paid_on": paid_on}
    )


def rules(folder: Path) -> pd.DataFrame:
    """A row for each role and band that it may have;
    -1 is a figure that nobody knows, or a cap that nobody set."""
    table = read(folder / "rules.csv")
    for name in ["full_time", "share", "fee", "cap", "a_year"]:
        table[name] = pd.to_numeric(table[name])
    table["joined"] = days(table["joined"], "")
    table["left"] = days(table["left"], "2200-12-31")
    return table


def sums(folder: Path) -> pd.DataFrame:
    """What each PCN may draw in the year, by pot."""
    table = read(folder / "sums.csv")
    table["amount"] = pd.to_numeric(table["amount"])
    return table


PARTS = ["salary", "employer_ni", "employer_pension", "fees"]
