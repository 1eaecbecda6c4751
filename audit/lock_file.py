"""n8n's lock file as a CycloneDX bill of materials: `npm sbom` refuses a tree that was resolved with legacy peers."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

_ALGORITHMS = {"sha1": HashAlgorithm.SHA_1, "sha256": HashAlgorithm.SHA_256, "sha512": HashAlgorithm.SHA_512}
_FOLDER = "node_modules/"


def as_cyclonedx(lock: Path) -> str:
    """Name every package that is installed from the file, with its checksum."""
    told = json.loads(lock.read_text(encoding="utf-8"))
    bom = Bom()
    for place, one in sorted(told["packages"].items()):
        if place and not one.get("dev") and "version" in one:
            bom.components.add(_component(one.get("name") or place.rpartition(_FOLDER)[2], one))
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1)


def _component(name: str, one: dict[str, str]) -> Component:
    group, _, own = name.rpartition("/")
    purl = PackageURL(type="npm", namespace=group or None, name=own, version=one["version"])
    algorithm, _, digest = one.get("integrity", "").split(" ")[0].partition("-")
    known = _ALGORITHMS.get(algorithm)
    hashes = [HashType(alg=known, content=base64.b64decode(digest).hex())] if known else []
    return Component(
        type=ComponentType.LIBRARY, group=group or None, name=own, version=one["version"], purl=purl,
        bom_ref=str(purl), hashes=hashes,
    )  # fmt: skip
