"""Parses XML of others: no entities, no network, no document type declaration, no huge trees."""

from __future__ import annotations

from lxml import etree

from python_nodes.errors import RejectedRecord


def read_xml(content: bytes) -> etree._Element:
    """The root element; raises RejectedRecord for what is not well formed or carries a DTD."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, dtd_validation=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise RejectedRecord(f"document: not well-formed XML ({error})", field="document") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise RejectedRecord("document: carries a document type declaration", field="document")
    return root
