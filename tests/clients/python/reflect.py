#!/usr/bin/env python3
"""Asks a server what it serves and whether it is well, knowing nothing but its address.

    reflect.py --server 127.0.0.1:8080
    reflect.py --server 127.0.0.1:8080 --token "$(arrs token ...)" --pcn U12345 --month 2025-07

With a PCN it also gets that report, with message types made from what reflection tells: no contract and no stub
is read from disk. Ends with 0 when all of it worked, 1 when something did not, 2 on wrong usage.
"""

import argparse
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

# The package brings the messages of v1alpha; those of v1 are the same to the byte, and only the path differs.
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
REPORT_SERVICE = "arrs.report.v1.ReportService"
DEADLINE_SECONDS = 30


class Failed(Exception):
    """A check that did not hold, in words for people."""


def ask(channel: grpc.Channel, metadata: list, requests: list) -> list:
    """Sends reflection requests over one stream and returns their answers."""
    method = channel.stream_stream(
        REFLECTION,
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    answers = list(method(iter(requests), timeout=DEADLINE_SECONDS, metadata=metadata))
    for answer in answers:
        if answer.HasField("error_response"):
            raise Failed(f"reflection refused: {answer.error_response.error_message}")
    return answers


def list_services(channel: grpc.Channel, metadata: list) -> list:
    """Lists the full names of the services."""
    request = reflection_pb2.ServerReflectionRequest(list_services="*")
    (answer,) = ask(channel, metadata, [request])
    return sorted(service.name for service in answer.list_services_response.service)


def describe(channel: grpc.Channel, metadata: list, symbol: str) -> descriptor_pool.DescriptorPool:
    """Fetches the file that declares `symbol` and all that it imports."""
    request = reflection_pb2.ServerReflectionRequest
    wanted = [request(file_containing_symbol=symbol)]
    files = {}
    while wanted:
        missing = set()
        for answer in ask(channel, metadata, wanted):
            for raw in answer.file_descriptor_response.file_descriptor_proto:
                file = descriptor_pb2.FileDescriptorProto.FromString(raw)
                files[file.name] = file
                missing.update(file.dependency)
        wanted = [request(file_by_filename=name) for name in sorted(missing - files.keys())]

    pool = descriptor_pool.DescriptorPool()
    added = set()

    def add(name: str) -> None:
        if name in added:
            return
        added.add(name)
        for dependency in files[name].dependency:
            add(dependency)
        pool.Add(files[name])

    for name in sorted(files):
        add(name)
    return pool


def get_report(channel: grpc.Channel, metadata: list, pcn: str, month: str):
    """Gets a report with types that reflection described."""
    pool = describe(channel, metadata, REPORT_SERVICE)
    method = pool.FindServiceByName(REPORT_SERVICE).FindMethodByName("GetPcnReport")
    request_type = message_factory.GetMessageClass(method.input_type)
    response_type = message_factory.GetMessageClass(method.output_type)
    call = channel.unary_unary(
        f"/{REPORT_SERVICE}/{method.name}",
        request_serializer=request_type.SerializeToString,
        response_deserializer=response_type.FromString,
    )
    request = request_type(name=f"pcns/{pcn}", month=month)
    return call(request, timeout=DEADLINE_SECONDS, metadata=metadata)


def check(arguments: argparse.Namespace) -> None:
    """Makes all calls and prints what they found."""
    metadata = []
    if arguments.token:
        metadata.append(("authorization", f"Bearer {arguments.token}"))
    with grpc.insecure_channel(arguments.server) as channel:
        services = list_services(channel, metadata)
        for service in services:
            print(f"service {service}")
        if REPORT_SERVICE not in services:
            raise Failed(f"{REPORT_SERVICE} is not among the services")

        health = health_pb2_grpc.HealthStub(channel)
        answer = health.Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE_SECONDS)
        status = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
        print(f"health {status}")
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise Failed("the server is not serving")

        if arguments.pcn:
            report = get_report(channel, metadata, arguments.pcn, arguments.month)
            print(f"report {report.name} {report.month}, {len(report.sections)} sections")


def main() -> int:
    """Parses the arguments and turns failures into an exit status."""
    parser = argparse.ArgumentParser(description="Checks a server by reflection.")
    parser.add_argument("--server", required=True, metavar="HOST:PORT")
    parser.add_argument("--token", help="a bearer token; needed to get a report")
    parser.add_argument("--pcn", metavar="ODS", help="gets the report of this PCN too")
    parser.add_argument("--month", metavar="YYYY-MM")
    arguments = parser.parse_args()
    if bool(arguments.pcn) != bool(arguments.month):
        parser.error("--pcn and --month go together")

    try:
        check(arguments)
    except Failed as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    except grpc.RpcError as error:
        print(f"failed: {error.code().name}: {error.details()}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
