"""Collect a probe: one still with one face, bound to an evidence item of its case.

The original is kept as it came; each edit is a recorded step with what it was before and after; what
services get is a crop without metadata. What the capture step rejects is an outcome with a failure code,
sealed, and the picture is not kept. The only file of the gateway that calls the face engine.

Clauses: HSI-M/2-probe, D-026-11/def-face-capture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from counterseal.biometrics.capture import Capture, DetectedFaces, capture, crop_to, detect_faces
from counterseal.biometrics.engine import Box
from counterseal.biometrics.quality import NotAssessed, QualityComponent, QualityFloor
from counterseal.casework.models import EvidenceItem, Probe, ProbeEdit
from counterseal.casework.words import ProbeMedia
from counterseal.gateway.found import found
from counterseal.gateway.moving import stands_against
from counterseal.gateway.office import Office
from counterseal.gateway.sealing import change
from counterseal.oversight.models import Service, VaultObject
from counterseal.terms.biometrics import FailureToAcquire
from counterseal.terms.decisions import Refusal
from counterseal.terms.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Collection:
    """How the photograph came about. The collector states all of it; nothing is guessed.

    bases_of_collection: every reason why it was collected (HSI-M/4B3-protected-basis). depicts:
    ``person-sought``, or somebody else.
    """

    subject_role: str
    depicts: str
    bases_of_collection: Sequence[str]
    captured_at: datetime
    from_live_feed: bool
    media: str = ProbeMedia.STILL
    generated: bool = False
    sketch: bool = False
    look_alike: bool = False
    protected_event: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit, in order. A crop names its box (left, top, right, bottom, in pixels of the upright picture)
    and is made here; any other kind brings the edited file as `result`."""

    kind: str
    parameters: Mapping[str, int | float | str]
    result: bytes = b""


def collect_probe(
    office: Office,
    *,
    evidence_id: str,
    photograph: bytes,
    collection: Collection,
    by: str,
    edits: Sequence[Edit] = (),
) -> Probe | FailureToAcquire | Refusal:
    """Take a photograph of an evidence item as a probe of its case.

    Raises:
        BadInputError: unknown item, an edit that cannot be made, or no basis of collection stated.
    """
    if not collection.bases_of_collection:
        raise BadInputError("state why this photograph was collected: at least one basis of collection")
    office.acting(by)
    # Before the transaction: nobody waits for a detector with the log's pen in hand.
    steps, acquired = _acquire(office, photograph, edits)
    with change(office) as now:
        item = found(EvidenceItem, evidence_id)
        if refusal := stands_against(now, "collect a probe", by=by, target=evidence_id, on_case=item.case_id):
            return refusal
        if collection.captured_at > now.at:
            raise BadInputError("a photograph was taken in the past")
        if isinstance(acquired, FailureToAcquire):
            now.seal(
                "probe.failed",
                by=by,
                action="collect a probe",
                target=evidence_id,
                outcome=acquired.code,
                clauses=["HSI-M/2-probe"],
                committed={"photograph": office.fingerprint(photograph)},
            )
            return acquired
        probe_id = office.new_id(Probe)
        objects: list[VaultObject] = []

        def keep(data: bytes, kind: str) -> str:
            objects.append(
                office.vault.put(office.new_name("object"), data, kind=kind, about=probe_id, at=now.at)
            )
            return objects[-1].id

        kept = [keep(step, "probe-original" if n == 0 else "probe-edit") for n, step in enumerate(steps)]
        probe = Probe(
            id=probe_id,
            case_id=item.case_id,
            evidence_item=item,
            original=kept[0],
            sent=keep(acquired.crop, "probe-sent"),
            fingerprint=office.fingerprint(photograph),
            media=collection.media,
            faces=1,
            quality={c.name: None if isinstance(c.value, NotAssessed) else c.value for c in acquired.quality},
            source_class=item.source_class,
            lawful_basis=item.lawful_basis,
            bases_of_collection=sorted(set(collection.bases_of_collection)),
            subject_role=collection.subject_role,
            depicts=collection.depicts,
            captured_at=collection.captured_at,
            from_live_feed=collection.from_live_feed,
            generated=collection.generated,
            sketch=collection.sketch,
            look_alike=collection.look_alike,
            protected_event=collection.protected_event,
            edits_declared=len(edits),
            collected_by_id=by,
            collected_at=now.at,
        )
        rows = [
            ProbeEdit(
                id=office.new_id(ProbeEdit),
                probe=probe,
                number=number,
                kind=edit.kind,
                parameters=dict(edit.parameters),
                before=kept[number - 1],
                after=kept[number],
                by_id=by,
                at=now.at,
            )
            for number, edit in enumerate(edits, start=1)
        ]
        now.seal(
            "probe.collected",
            by=by,
            action="collect a probe",
            target=probe.id,
            outcome="acquired",
            clauses=["HSI-M/2-probe"],
            causes=[item.entry_index],
            public={"edits": len(edits)},
            committed={"photograph": probe.fingerprint},
            rows=[probe, *rows],
            objects=objects,
        )
        return probe


def faces_in(office: Office, photograph: bytes) -> DetectedFaces | FailureToAcquire:
    """Every face of a picture, so that an official can choose one and crop to it. Nothing is kept."""
    return detect_faces(photograph, engine=office.engine())


def face_for_service(office: Office, photograph: bytes) -> bytes | FailureToAcquire:
    """The crop without metadata of a picture's one face, as services get it. Nothing is kept."""
    acquired = capture(photograph, engine=office.engine(), floor=QualityFloor.for_probe())
    return acquired if isinstance(acquired, FailureToAcquire) else acquired.crop


def meets_floor(probe: Probe, service: Service) -> bool:
    """Whether a probe's measured quality reaches the floor that this service states."""
    floor = replace(QualityFloor.for_probe(), **service.quality_floor)
    components = tuple(
        QualityComponent(
            name, NotAssessed("not measured at collection") if value is None else float(value), ""
        )
        for name, value in probe.quality.items()
    )
    return floor.below(components) is None


def check_floor(stated: Mapping[str, float]) -> None:
    """Refuse a floor that no probe could be held against.

    Raises:
        BadInputError: a component that nobody measures, or a value that is no number from 0.
    """
    for name, value in stated.items():
        try:
            replace(QualityFloor.for_probe(), **{name: value})
        except (TypeError, ValueError) as error:
            raise BadInputError(
                f"a quality floor states components that are measured, each with a number from 0, for example "
                f"sharpness=20; `{name}={value}` is none"
            ) from error


def _acquire(
    office: Office, photograph: bytes, edits: Sequence[Edit]
) -> tuple[list[bytes], Capture | FailureToAcquire]:
    """The original and the picture after each edit, and what the capture step made of the last."""
    steps = [photograph]
    for number, edit in enumerate(edits, start=1):
        if edit.kind != "crop":
            if not edit.result:
                raise BadInputError(f"edit {number} (`{edit.kind}`) brings no edited picture")
            steps.append(edit.result)
            continue
        try:
            box = Box(*(int(edit.parameters[side]) for side in ("left", "top", "right", "bottom")))
            cropped = crop_to(steps[-1], box)
        except (KeyError, ValueError) as error:
            raise BadInputError(
                f"edit {number} (`crop`) needs left, top, right and bottom inside the picture: {error}"
            ) from error
        if isinstance(cropped, FailureToAcquire):
            return steps, cropped
        steps.append(cropped)
    return steps, capture(steps[-1], engine=office.engine(), floor=QualityFloor.for_probe())
