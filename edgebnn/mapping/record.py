"""`deployment.json`: a mapped network as a JSON document, and back again together with the binary files beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import check_name
from edgebnn.chip.target_files.rules import check_target
from edgebnn.errors import DeploymentError, EdgeBNNError
from edgebnn.legible import legible_json
from edgebnn.mapping.allocation import Allocation, Attempts, BankNumber, Provisioning, WordNumber
from edgebnn.mapping.mapped import MappedNetwork, Provenance
from edgebnn.mapping.network_document import document_of, network_of
from edgebnn.mapping.plan import Plan
from edgebnn.mapping.planner import map_network
from edgebnn.network.types import Kind

SCHEMA: Literal[7] = 7
WEIGHTS, ARRAYS = "weights.bin", "network.bin"
# A tile is an object, and there are no more than 65,536 banks.
_MOST_LISTS = 1 << 18


class FirmwareFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was built: the compiler and the sizes in bytes that were read from the ELF."""

    compiler: str
    constant_bytes: int  # what is only read: code, constants and the weights image
    data_bytes: int  # what is written, the stack included


class _AnyRecord(msgspec.Struct, frozen=True):
    schema: int


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document. `files` holds the SHA-256 of every other file of the folder.

    policy, policies, banks, attempts, verified and provisioning are those of the `Allocation`.
    """

    schema: Literal[7]
    provenance: Provenance
    target: Target
    policy: str | None
    policies: dict[str, str]
    banks: tuple[BankNumber, ...] | None
    attempts: dict[str, Attempts] = {}
    verified: dict[str, tuple[WordNumber, ...]] | None = None
    provisioning: Provisioning | None = None
    network: dict[str, Any]
    plan: Plan
    firmware: FirmwareFacts | None
    files: dict[str, str]


def binary_files(mapped: MappedNetwork) -> dict[str, bytes]:
    """The files that hold what the record does not: the weights image and the arrays of the network, by their names."""
    return {WEIGHTS: mapped.image, ARRAYS: document_of(mapped.network)[1]}


def record_of(mapped: MappedNetwork, firmware: FirmwareFacts | None, files: dict[str, bytes]) -> Record:
    """The record of a deployment and the files that go with it."""
    return Record(
        schema=SCHEMA,
        provenance=mapped.provenance,
        target=mapped.target,
        **msgspec.structs.asdict(mapped.allocation),
        network=document_of(mapped.network)[0],
        plan=mapped.plan,
        firmware=firmware,
        files={name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)},
    )


def encode(record: Record) -> bytes:
    """The JSON text, in which what a terminal might obey is escaped: people look into the file too."""
    text = msgspec.json.format(msgspec.json.encode(record), indent=1).decode()
    return f"{legible_json(text)}\n".encode()


def decode(data: bytes, where: str) -> Record:
    """The record in a JSON text; DeploymentError where it is damaged or of another schema."""
    # Each list takes far more memory than the two bytes that state it.
    if data.count(b"[") + data.count(b"{") > _MOST_LISTS:
        raise DeploymentError(f"'{where}' holds more lists than a deployment's record does; compile again")
    try:
        schema = msgspec.json.decode(data, type=_AnyRecord).schema
        if schema != SCHEMA:
            raise DeploymentError(
                f"'{where}' has the schema {schema} of another version of edgebnn, and this one reads {SCHEMA}; "
                "compile again"
            )
        return msgspec.json.decode(data, type=Record)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DeploymentError(
            f"'{where}' is not a deployment that this version can read ({error}); compile again"
        ) from error


def restore(record: Record, files: Mapping[str, bytes], where: str) -> MappedNetwork:
    """The mapped network of a record and its binary files.

    Target and network are checked as if they came from a user's own files, and the network is mapped afresh, so that
    nothing trusts the numbers in a record: where the result is not what it says, DeploymentError.
    """
    damaged, image = f"the deployment '{where}' is damaged", files[WEIGHTS]
    try:
        check_target(record.target, f"target '{record.target.name}'")
        check_name(record.target, "its target")
        network = network_of(record.network, files[ARRAYS], record.plan, image)
        allocation = Allocation(**{name: getattr(record, name) for name in Allocation.__struct_fields__})
        mapped = map_network(network, record.target, record.provenance, allocation)
    except (
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        ArithmeticError,
        msgspec.ValidationError,
        EdgeBNNError,
    ) as error:
        raise DeploymentError(f"{damaged} ({error}); compile again") from error
    # Every executor writes the answer into 32-bit words.
    if network.output.kind is not Kind.SCORES:
        raise DeploymentError(f"{damaged}: its network ends in {network.output.kind}, not in scores; compile again")
    if mapped.plan != record.plan or mapped.image != image:
        raise DeploymentError(f"{damaged}: its plan does not follow from its network and target; compile again")
    stated = (record.provenance.target_sha256, record.provenance.model_sha256)
    if stated != (record.target.sha256, network.model_sha256):
        raise DeploymentError(f"{damaged}: its provenance names another target or model; compile again")
    return mapped
