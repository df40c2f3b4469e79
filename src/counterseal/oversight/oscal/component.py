"""The component definition: this program as one component, and how it holds each clause of the catalog.

`status` is our own word, since OSCAL's vocabulary has none for a person who attests: `held`, `held-in-part`,
`attested` (only a person attests to it), `not-covered`, `not-shown` (a holder that shows nothing of itself). A pack
that does not decide at the instant of the export says so.
"""

from collections.abc import Sequence

from counterseal.oversight.oscal.parts import (
    CATALOG_FILE,
    Edition,
    Json,
    control_id,
    identifier,
    lean,
    link_to,
    metadata,
    props,
    resource,
)
from counterseal.policy.coverage import Covered
from counterseal.policy.pack import Clause, Holder

COMPONENT = identifier("component", "counterseal")
TITLE = "Counterseal"
SAYS = "The gateway that every face recognition use of an agency passes through."


def component_definition(rows: Sequence[Covered], edition: Edition) -> Json:
    """The OSCAL component definition: one requirement for each clause."""
    return lean(
        {
            "component-definition": {
                "uuid": identifier("component-definition", edition.packs, edition.version),
                "metadata": metadata("How Counterseal holds each clause", edition),
                "components": [
                    {
                        "uuid": COMPONENT,
                        "type": "software",
                        "title": TITLE,
                        "description": SAYS,
                        "props": [{"name": "version", "value": edition.version}],
                        "control-implementations": [
                            {
                                "uuid": identifier("control-implementation", "counterseal"),
                                "source": link_to("catalog"),
                                "description": "What is built holds the clauses as each requirement says.",
                                "implemented-requirements": [_requirement(row) for row in rows],
                            }
                        ],
                    }
                ],
                "back-matter": {"resources": [catalog_resource()]},
            }
        }
    )


def catalog_resource() -> Json:
    """Where the catalog lies, beside the document that refers to it."""
    return resource("catalog", "The catalog of clauses", rlinks=[{"href": CATALOG_FILE}])


def requirement_uuid(clause: str) -> str:
    """The identifier of the requirement that a clause becomes."""
    return identifier("requirement", clause)


def status(row: Covered) -> str:
    """How a clause is held, in one word."""
    held = set(row.clause.held_by)
    if row.faults:
        return "not-shown"
    if held == {Holder.NOT_COVERED}:
        return "not-covered"
    if Holder.NOT_COVERED in held:
        return "held-in-part"
    return "attested" if held == {Holder.ORGANISATIONAL} else "held"


def _requirement(row: Covered) -> Json:
    clause = row.clause
    return {
        "uuid": requirement_uuid(clause.id),
        "control-id": control_id(clause.id),
        "description": _description(clause),
        "props": props(
            ("status", status(row)),
            ("decides", "yes" if row.in_force else "no"),
            ("text-read", "yes" if clause.verified else "no"),
            ("held-by", [str(holder).replace(" ", "-") for holder in clause.held_by]),
            ("policy", row.policies),
            ("duty", row.duties),
            ("test", clause.tests),
            ("cases", str(len(row.cases))),
        ),
        "remarks": clause.note,
    }


def _description(clause: Clause) -> str:
    said = f"Held by: {', '.join(clause.held_by)}."
    if clause.form:
        said += f" Attested by {clause.form.who}, {clause.form.every}: {clause.form.what}"
    if clause.reason:
        said += f" Not covered: {clause.reason}"
    return said
