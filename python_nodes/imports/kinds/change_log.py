"""What an operator's change log shows: who changed which field of a listing or a property, when."""

from __future__ import annotations

from datetime import UTC

from python_nodes.domain.records import ChangeRecord
from python_nodes.imports.columns import maybe_texts, stamps
from python_nodes.imports.fields import CHANNEL, LISTING, Field, Kind, Rows


def build(rows: Rows) -> list[ChangeRecord]:
    """Build records; a change without a listing is the whole property's."""
    frame = rows.frame
    told = {name: maybe_texts(frame, name) for name in ("listing_id", "property_id", "field", "old", "new", "actor")}
    moments = stamps(frame, "changed_at").tolist()
    return [
        ChangeRecord(
            source=rows.source,
            changed_at=moments[row].replace(tzinfo=UTC),
            channel=rows.channel,
            listing_external_id=told["listing_id"][row],
            property_external_id=told["property_id"][row],
            field=told["field"][row],
            old=told["old"][row] or "",
            new=told["new"][row] or "",
            actor=told["actor"][row] or "",
            raw_id=rows.raw_id,
        )
        for row in range(frame.height)
    ]


KIND = Kind(
    name="change_log",
    operation="change_log",
    fields=(
        Field(name="changed_at", type="moment", required=True, aliases=("changedat", "when", "timestamp", "date")),
        Field(name="property_id", type="text", aliases=("propertyid", "hotelid", "property")),
        Field(name="listing_id", type="text", aliases=LISTING.aliases),
        Field(name="field", type="text", required=True, aliases=("field", "what", "setting", "attribute")),
        Field(name="old", type="text", aliases=("old", "oldvalue", "from", "before")),
        Field(name="new", type="text", aliases=("new", "newvalue", "to", "after")),
        Field(name="actor", type="text", aliases=("changedby", "actor", "user", "who")),
        CHANNEL,
    ),
    key=("changed_at", "listing_id", "property_id", "field", "new"),
    dated="changed_at",
    build=build,
)
