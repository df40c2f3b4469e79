"""The catalog: each clause of each pack is a control, each source document a group. In our words, never the text's."""

from collections.abc import Sequence

from counterseal.oversight.oscal.parts import (
    Edition,
    Json,
    control_id,
    identifier,
    lean,
    metadata,
    props,
    resource,
    statement_id,
)
from counterseal.policy.coverage import Covered
from counterseal.policy.pack import Source


def catalog(rows: Sequence[Covered], edition: Edition) -> Json:
    """The OSCAL catalog of these clauses, grouped by their documents in the order given."""
    groups: dict[str, list[Covered]] = {}
    for row in rows:
        groups.setdefault(row.source.id, []).append(row)
    return lean(
        {
            "catalog": {
                "uuid": identifier("catalog", edition.packs, edition.version),
                "metadata": metadata("Clauses that bind uses of face recognition, in our own words", edition),
                "groups": [_group(members) for members in groups.values()],
                "back-matter": {"resources": [_document(members[0].source) for members in groups.values()]},
            }
        }
    )


def _group(rows: Sequence[Covered]) -> Json:
    source = rows[0].source
    return {
        "id": source.id,
        "class": "source-document",
        "title": source.title,
        "props": props(
            ("issuer", source.issuer),
            ("document-version", source.version),
            ("document-status", str(source.status)),
            ("layer", str(source.layer)),
            ("in-force-from", str(source.in_force_from)),
            ("in-force-until", str(source.in_force_until or "")),
        ),
        "links": [{"href": f"#{identifier('resource', source.id)}", "rel": "reference"}],
        "controls": [_control(row) for row in rows],
    }


def _control(row: Covered) -> Json:
    clause = row.clause
    return {
        "id": control_id(clause.id),
        "class": clause.kind,
        "title": f"{clause.id}: section {clause.section}",
        "props": [
            {"name": "label", "value": clause.id},
            *props(("section", clause.section), ("text-read", "yes" if clause.verified else "no")),
        ],
        "parts": [{"id": statement_id(clause.id), "name": "statement", "prose": clause.says}],
    }


def _document(source: Source) -> Json:
    return resource(source.id, source.title, citation={"text": source.reference}, remarks=source.note)
