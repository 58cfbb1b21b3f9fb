#!/usr/bin/env python3
"""Gets the report of one PCN and month, knowing nothing but the .proto files.

The stubs are generated when the program runs, into a folder that is gone afterwards: what works here works for
everybody who has the contracts and a gRPC library.

    report.py --server 127.0.0.1:8080 --token "$(arrs token ...)" --pcn U12345 --month 2025-07

Ends with 0 when the report came, 1 when it was refused or the server cannot be reached, 2 on wrong usage.
"""

import argparse
import importlib
import pathlib
import sys
import tempfile

import grpc
import grpc_tools
from grpc_tools import protoc

CONTRACTS = pathlib.Path(__file__).resolve().parents[3] / "proto"
# Longer than any report takes on a busy machine, shorter than a person waits.
DEADLINE_SECONDS = 30


def generate(folder: pathlib.Path) -> None:
    """Generates Python modules of all contracts into `folder` and makes them importable."""
    vendor = CONTRACTS / "vendor"
    ours = sorted(path.relative_to(CONTRACTS) for path in CONTRACTS.glob("arrs/**/*.proto"))
    theirs = sorted(path.relative_to(vendor) for path in vendor.glob("**/*.proto"))
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    arguments = [
        "protoc",
        f"--proto_path={CONTRACTS}",
        f"--proto_path={vendor}",
        f"--proto_path={well_known}",
        f"--python_out={folder}",
        f"--grpc_python_out={folder}",
        *map(str, [*ours, *theirs]),
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("the contracts do not compile")
    sys.path.insert(0, str(folder))


def pounds(pence: int) -> str:
    """Writes an amount without ever making it a float."""
    sign = "-" if pence < 0 else ""
    return f"{sign}£{abs(pence) // 100:,}.{abs(pence) % 100:02}"


def fte(micro: int) -> str:
    """Writes millionths of one full-time equivalent with three decimals."""
    thousandths = (micro + 500) // 1000
    return f"{thousandths // 1000}.{thousandths % 1000:03}"


def show(report, section_state) -> None:
    """Prints the few lines by which a person knows that this is the right report."""
    print(f"{report.name} {report.month} {report.display_name}".rstrip())
    for section in report.sections:
        state = section_state.Name(section.state).removeprefix("SECTION_STATE_")
        print(f"section {section.name}: {state} {section.reason}".rstrip())
    if report.HasField("workforce"):
        total = report.workforce.total
        average = total.staff_fte_average_micro + total.contracted_fte_average_micro
        print(f"workforce: {total.headcount} people, {fte(average)} FTE averaged over the month")
    if report.HasField("money"):
        money = report.money
        payable = pounds(money.payable_pence)
        cost = pounds(money.actual_cost_pence)
        print(f"money: {len(money.lines)} lines, {payable} payable of {cost}, {money.unpriced_count} unpriced")
    if report.HasField("supervision"):
        counts = report.supervision
        print(
            f"supervision: {counts.met_count} met, {counts.due_count} due, "
            f"{counts.late_count} late, {counts.never_count} never"
        )


def main() -> int:
    """Parses the arguments, makes the one call, prints the answer."""
    parser = argparse.ArgumentParser(description="Gets the report of one PCN and month.")
    parser.add_argument("--server", required=True, metavar="HOST:PORT")
    parser.add_argument("--token", required=True, help="a bearer token, as `arrs token` prints it")
    parser.add_argument("--pcn", required=True, metavar="ODS", help="for example U12345")
    parser.add_argument("--month", required=True, metavar="YYYY-MM")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="arrs-contracts-") as folder:
        generate(pathlib.Path(folder))
        reports = importlib.import_module("arrs.report.v1.pcn_report_pb2")
        messages = importlib.import_module("arrs.report.v1.report_service_pb2")
        stubs = importlib.import_module("arrs.report.v1.report_service_pb2_grpc")

    request = messages.GetPcnReportRequest(name=f"pcns/{arguments.pcn}", month=arguments.month)
    with grpc.insecure_channel(arguments.server) as channel:
        service = stubs.ReportServiceStub(channel)
        try:
            report = service.GetPcnReport(
                request,
                timeout=DEADLINE_SECONDS,
                metadata=[("authorization", f"Bearer {arguments.token}")],
            )
        except grpc.RpcError as error:
            print(f"refused: {error.code().name}: {error.details()}", file=sys.stderr)
            return 1
    show(report, reports.SectionState)
    return 0


if __name__ == "__main__":
    sys.exit(main())
