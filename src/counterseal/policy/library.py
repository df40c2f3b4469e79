"""All packs together, and the set that is in force at an instant.

What is checked across packs: each action is permitted by one policy of one pack at a time, ids are unique, a
successor exists. What decides when: a pack counts from its first day. It leaves only when its status says so
(withdrawn, or superseded by a pack that is itself in force) and its last day has come. A pack that ran out by
date without such a word keeps its forbids and loses its permits: nothing is loosened by a calendar.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path

from counterseal.policy import road
from counterseal.policy.composition import ActKind, Composition, Layer, PackAct
from counterseal.policy.engine import (
    ENGINE,
    CedarError,
    Json,
    PolicySet,
    Schema,
    compile_schema,
    compile_schema_json,
    compile_set,
)
from counterseal.policy.errors import PackError, PolicyError, UnknownClauseError
from counterseal.policy.pack import (
    Attestation,
    Clause,
    Clock,
    Condition,
    Duty,
    FileLine,
    HoldRule,
    NarrativeRule,
    OptOutRule,
    Pack,
    Policy,
    RedressRule,
    SessionRule,
    Source,
    Status,
    SupervisionRule,
    load_pack,
)
from counterseal.policy.reads import facts_read
from counterseal.policy.schema import (
    PRINCIPAL_GROUP,
    ActionShape,
    Groups,
    Record,
    read_schema,
    schema_json,
    with_groups,
)
from counterseal.policy.signals import SignalRule
from counterseal.policy.together import check_signatures, read_composition
from counterseal.terms.testing import Kind

# Facts by name; an empty tree means the fact, or the group, as a whole.
FactTree = dict[str, "FactTree"]

SCHEMA_FILE = "schema.cedarschema"
COMPOSITION_FILE = "composition.toml"


@dataclass(frozen=True, slots=True)
class PackInForce:
    """A pack in a set. permits: false where the pack ran out by date and only its forbids still count.

    digest: over the pack's own files.
    """

    source: Source
    permits: bool
    digest: str


@dataclass(frozen=True, slots=True)
class ConditionQuestion:
    """One thing that may be unmet. unmet_if_satisfied: true for a forbid, false for a permit's condition."""

    id: str
    policy: str
    condition: Condition
    unmet_if_satisfied: bool


@dataclass(frozen=True, slots=True)
class ActionRules:
    """Everything that decides one action, compiled.

    permit: id of the one policy that can permit it, or None. clauses: what a permit stands for. readers: for
    each fact the clauses of the policies that read it. questions, meaning: the explanation's policy set and
    what each of its ids means. duties, duty_by_id, duty_facts: the questions about
    obligations, what each id means, and the facts of the context they read.
    """

    shape: ActionShape
    permit: str | None
    clauses: tuple[str, ...]
    readers: Mapping[str, tuple[str, ...]]
    questions: PolicySet
    meaning: Mapping[str, ConditionQuestion]
    duties: PolicySet | None
    duty_by_id: Mapping[str, Duty]
    duty_facts: FactTree


@dataclass(frozen=True, slots=True)
class PolicySetInForce:
    """The policies of one instant, as data and compiled. digest: over every deciding file and the engine.

    schema_json: the schema of this set in Cedar's JSON form, which `schema` is compiled from. policies: each
    permit and forbid that counts, in the order of the packs. duties: the questions about obligations.
    """

    packs: tuple[PackInForce, ...]
    digest: str
    engine: str
    schema_json: str = field(repr=False)
    schema: Schema = field(repr=False)
    shapes: Mapping[str, ActionShape] = field(repr=False)
    policies: tuple[Policy, ...] = field(repr=False)
    duties: tuple[Duty, ...] = field(repr=False)
    compiled: PolicySet = field(repr=False)
    actions: Mapping[str, ActionRules] = field(repr=False)
    groups: tuple[Groups, ...] = field(repr=False, default=())

    def brought(self, action: str) -> Mapping[str, Record]:
        """The groups of facts that packs of this set bring to an action themselves."""
        return {name: group for groups in self.groups for name, group in groups.get(action, {}).items()}


@dataclass(frozen=True, slots=True)
class PolicyLibrary:
    """Every pack that was loaded, of any date, and which of them were composed.

    shapes: of the base schema; overlays add groups of facts of their own. digest: over every file that decides.
    founding: what the installation began with. acts: what two persons changed since, in the order of the log.
    """

    packs: tuple[Pack, ...]
    shapes: Mapping[str, ActionShape] = field(repr=False)
    schema: Schema = field(repr=False)
    schema_digest: str
    digest: str
    founding: Composition
    acts: Callable[[], tuple[PackAct, ...]] = field(default=tuple, repr=False, compare=False)
    _sets: dict[tuple[tuple[str, bool], ...], PolicySetInForce] = field(
        default_factory=dict, repr=False, compare=False
    )

    def in_force(self, at: datetime) -> PolicySetInForce:
        """The set that decides at `at`; with nothing in force, one that refuses everything and says so."""
        if at.tzinfo is None:
            raise PolicyError("the instant of a decision needs a time zone")
        states = tuple((pack.source.id, permits) for pack, permits in self._states(at))
        if states not in self._sets:
            self._sets[states] = _compile(self, list(self._states(at)))
        return self._sets[states]

    def composition(self, at: datetime) -> Composition:
        """The packs that were composed at `at`, whether or not each had begun.

        Raises: PolicyError: a pack was activated that is not among those loaded, or whose files have changed since.
        """
        composed = self.founding
        for act in self.acts():
            if act.at > at:
                break
            pack = self.pack(act.pack)
            if act.kind is ActKind.ACTIVATE and pack.digest != act.digest:
                raise PolicyError(
                    f"the files of the pack `{act.pack}` are not those that were activated ({act.digest}): nothing "
                    "is decided; restore them, or start this program again where they were activated anew"
                )
            composed = composed.after(act, pack.source.layer)
        return composed

    def pack(self, identifier: str) -> Pack:
        """The pack of this id. Raises: PolicyError."""
        for pack in self.packs:
            if pack.source.id == identifier:
                return pack
        raise PolicyError(
            f"there is no pack `{identifier}` here; there are {', '.join(p.source.id for p in self.packs)}"
        )

    def composed(self, composition: Composition) -> "PolicyLibrary":
        """The same packs in another composition, and no acts: what would be in force."""
        for identifier in composition.packs:
            self.pack(identifier)
        return replace(self, founding=composition, acts=tuple)

    def under(self, pack: str) -> "PolicyLibrary":
        """The same library with this pack composed as well, if it is an overlay that is not."""
        found = [p for p in self.packs if p.source.id == pack and p.source.layer is Layer.OVERLAY]
        if not found or pack in self.founding.overlays:
            return self
        return self.composed(self.founding.over((*self.founding.overlays, pack)))

    def _states(self, at: datetime) -> Iterable[tuple[Pack, bool]]:
        for identifier in self.composition(at).packs:
            pack = self.pack(identifier)
            if _begun(pack.source, at) and not self._gone(pack.source, at, frozenset()):
                yield pack, not _ended(pack.source, at)

    def _gone(self, source: Source, at: datetime, seen: frozenset[str]) -> bool:
        """True if the document was declared out of force; a superseded one, if its successor took over."""
        if not _ended(source, at) or source.id in seen:
            return False
        if source.status is Status.WITHDRAWN:
            return True
        if source.status is not Status.SUPERSEDED:
            return False
        heirs = [pack.source for pack in self.packs if pack.source.id == source.successor]
        return any(
            _begun(heir, at) and (not _ended(heir, at) or self._gone(heir, at, seen | {source.id}))
            for heir in heirs
        )

    def clause(self, identifier: str) -> Clause:
        """The clause of this id, the latest text where several packs have it. Raises: UnknownClauseError."""
        for pack in reversed(self.packs):
            if identifier in pack.clauses:
                return pack.clauses[identifier]
        if identifier in road.CLAUSES:
            return road.CLAUSES[identifier]
        raise UnknownClauseError(
            f"no pack has the clause `{identifier}`; `policies/*/clauses.toml` lists them"
        )

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """Every clause of every pack, then the road's own."""
        return (*(clause for pack in self.packs for clause in pack.clauses.values()), *road.CLAUSES.values())

    def attestation(self, kind: str) -> Attestation:
        """The text to attest to: `course`, `best-practice` or `safeguards`. Raises: UnknownClauseError."""
        for pack in reversed(self.packs):
            if kind in pack.attestations:
                return pack.attestations[kind]
        raise UnknownClauseError(f"no pack has a text to attest to of the kind `{kind}`")

    @property
    def narrative(self) -> NarrativeRule:
        """How a reason is measured. Raises: UnknownClauseError."""
        for pack in reversed(self.packs):
            if pack.narrative is not None:
                return pack.narrative
        raise UnknownClauseError("no pack has a narrative.toml")

    def opt_out(self, at: datetime) -> OptOutRule:
        """Who may decline, and how long a list of choices holds: an overlay's word before the base's.

        Raises: UnknownClauseError.
        """
        for pack, _ in reversed(list(self._states(at))):
            if pack.opt_out is not None:
                return pack.opt_out
        raise UnknownClauseError("no pack has an opt-out.toml")

    def clocks(self, at: datetime) -> tuple[Clock, ...]:
        """Every clock of the packs in force. Where several reach one record, the first to run out counts."""
        return tuple(clock for pack, _ in self._states(at) for clock in pack.clocks)

    def hold_rules(self, at: datetime) -> tuple[HoldRule, ...]:
        """The kinds of holds of the packs in force; of one kind in several packs, any that wants two persons."""
        rules: dict[str, HoldRule] = {}
        for pack, _ in self._states(at):
            for rule in pack.holds:
                if rule.kind not in rules or rule.two_persons:
                    rules[rule.kind] = rule
        return tuple(rules.values())

    def sessions(self, at: datetime) -> SessionRule:
        """How long a session lasts and which factor it needs: the strictest word of the packs in force.

        Raises: UnknownClauseError, where no pack says it; then nobody signs in.
        """
        rules = [pack.sessions for pack, _ in self._states(at) if pack.sessions is not None]
        if not rules:
            raise UnknownClauseError("no pack in force has a sessions.toml: nobody can sign in")
        return reduce(SessionRule.stricter, rules)

    def signals(self, at: datetime) -> SignalRule | None:
        """The numbers of signals, of the latest pack in force that has any."""
        rules = [pack.signals for pack, _ in self._states(at) if pack.signals is not None]
        return rules[-1] if rules else None

    def supervision(self, at: datetime) -> SupervisionRule:
        """What supervisors review: the strictest word of the packs in force.

        Raises: UnknownClauseError, where no pack says it.
        """
        rules = [pack.supervision for pack, _ in self._states(at) if pack.supervision is not None]
        if not rules:
            raise UnknownClauseError("no pack in force has a supervision.toml: nobody knows what to review")
        return reduce(SupervisionRule.stricter, rules)

    def redress(self, at: datetime) -> RedressRule:
        """How soon redress is answered: the first day that a pack in force names.

        Raises: UnknownClauseError, where no pack says it.
        """
        rules = [pack.redress for pack, _ in self._states(at) if pack.redress is not None]
        if not rules:
            raise UnknownClauseError("no pack in force has a redress.toml: nobody knows by when to answer")
        return min(rules, key=lambda rule: rule.answer_within.after(at))

    def counts_until(self, kind: Kind, tested_at: datetime, at: datetime) -> datetime:
        """The instant from which this test counts no more: the first that a pack in force at `at` names.

        Where no pack in force has a testing.toml no test counts at all: at once.
        """
        rules = (pack.testing for pack, _ in self._states(at) if pack.testing is not None)
        return min((rule.counts_until(kind, tested_at) for rule in rules), default=tested_at)

    def program_file(self, at: datetime) -> tuple[FileLine, ...]:
        """Every line of a program's file; of one line in several packs, the word that holds for the shortest.

        Raises: UnknownClauseError, where no pack says it.
        """
        lines: dict[str, FileLine] = {}
        for pack, _ in self._states(at):
            for line in pack.program_file:
                known = lines.get(line.id)
                if known is None or line.holds_for.after(at) < known.holds_for.after(at):
                    lines[line.id] = line
        if not lines:
            raise UnknownClauseError("no pack in force has a program-file.toml: nobody knows what to keep")
        return tuple(lines.values())

    def policies(self) -> tuple[Policy, ...]:
        """Every permit and forbid of every pack."""
        return tuple(policy for pack in self.packs for policy in pack.policies)

    def duties(self) -> tuple[Duty, ...]:
        """Every question about obligations of every pack."""
        return tuple(duty for pack in self.packs for duty in pack.duties)

    def without_policy(self, identifier: str) -> "PolicyLibrary":
        """The same library with one policy or duty left out. For the gate: nothing decides by it."""
        return self._with(
            replace(
                pack,
                policies=tuple(policy for policy in pack.policies if policy.id != identifier),
                duties=tuple(duty for duty in pack.duties if duty.id != identifier),
            )
            for pack in self.packs
        )

    def without_condition(self, identifier: str, number: int) -> "PolicyLibrary":
        """The same library with one `when` of a permit left out, counted from 0. For the gate only."""

        def thinned(policy: Policy) -> Policy:
            if policy.id != identifier:
                return policy
            cedar = dict(policy.cedar)
            cedar["conditions"] = [c for i, c in enumerate(cedar["conditions"]) if i != number]
            kept = tuple(c for i, c in enumerate(policy.conditions) if i != number)
            return replace(policy, cedar=cedar, conditions=kept)

        return self._with(replace(pack, policies=tuple(map(thinned, pack.policies))) for pack in self.packs)

    def _with(self, packs: Iterable[Pack]) -> "PolicyLibrary":
        return replace(self, packs=tuple(packs), _sets={})


def _midnight(day: object) -> datetime:
    return datetime.fromisoformat(f"{day}T00:00:00+00:00").astimezone(UTC)


def _begun(source: Source, at: datetime) -> bool:
    return _midnight(source.in_force_from) <= at


def _ended(source: Source, at: datetime) -> bool:
    return source.in_force_until is not None and _midnight(source.in_force_until) <= at


def load_policies(folder: Path) -> PolicyLibrary:
    """Load every pack of `folder` and check them one by one and together.

    Raises: PackError (file, line, what is wrong, remedy). Whatever was loaded before is untouched.
    """
    schema_path = folder / SCHEMA_FILE
    try:
        schema_bytes = schema_path.read_bytes()
        schema_text = schema_bytes.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(
            schema_path, 0, f"the schema cannot be read: {error}", "point at a folder of policies"
        ) from error
    shapes = read_schema(schema_text, schema_path)
    try:
        # What Cedar decides by is made from our reading; it must be able to read the text itself, too.
        compile_schema(schema_text)
        schema = compile_schema_json(schema_json(shapes))
    except CedarError as error:
        raise PackError(schema_path, 0, f"Cedar cannot read it: {error}", "mend the schema") from error
    own = frozenset(road.CLAUSES)
    packs = tuple(
        sorted(
            (load_pack(path, schema, shapes, own) for path in sorted(folder.iterdir()) if path.is_dir()),
            key=lambda pack: (pack.source.in_force_from, pack.source.id),
        )
    )
    if not packs:
        raise PackError(folder, 0, "there is no pack in this folder", "add a folder per source document")
    _check_together(packs)
    founding = read_composition(folder / COMPOSITION_FILE, packs)
    check_signatures(founding.signers, packs)
    schema_digest = hashlib.sha256(schema_bytes).hexdigest()
    digest = _digest(schema_digest, [(pack, True) for pack in packs])
    return PolicyLibrary(packs, shapes, schema, schema_digest, digest, founding)


def _digest(schema_digest: str, states: Iterable[tuple[Pack, bool]]) -> str:
    """SHA-256 over sorted lines: each deciding file, each pack that lost its permits, the engine."""
    lines = [f"{schema_digest}  {SCHEMA_FILE}", f"engine  {ENGINE}"]
    for pack, permits in states:
        lines += [f"{digest}  {pack.source.id}/{name}" for name, digest in pack.digests.items()]
        if not permits:
            lines.append(f"forbids-only  {pack.source.id}")
    return "sha256:" + hashlib.sha256("".join(f"{line}\n" for line in sorted(lines)).encode()).hexdigest()


def _check_together(packs: tuple[Pack, ...]) -> None:
    ids: dict[str, str] = {}
    names = {pack.source.id for pack in packs}
    for number, pack in enumerate(packs):
        source, rules, sources = pack.source, pack.folder / "rules.cedar", pack.folder / "source.toml"
        if source.successor is not None and source.successor not in names - {source.id}:
            raise PackError(
                sources, 0, f"the successor `{source.successor}` is no pack here", "add it or mend the name"
            )
        for identifier in (*(p.id for p in pack.policies), *(d.id for d in pack.duties)):
            if identifier in ids:
                raise PackError(
                    rules,
                    0,
                    f"the id `{identifier}` is also used in `{ids[identifier]}`",
                    "give it an id of its own",
                )
            ids[identifier] = source.id
        for other in packs[:number]:
            for action, groups in pack.groups.items():
                for group in groups.keys() & other.groups.get(action, {}).keys():
                    raise PackError(
                        pack.folder / "facts.cedarschema",
                        0,
                        f"`{other.source.id}` brings a group `{group}` of {action} too",
                        "give the group a name of its own",
                    )
            shared = sorted(set(source.permits) & set(other.source.permits))
            if shared and _overlap(source, other.source):
                raise PackError(
                    sources,
                    0,
                    f"`{shared[0]}` is permitted by this pack and by `{other.source.id}` on the same days",
                    "an action has one permit at a time: end the older pack, or write forbids only",
                )


def _overlap(one: Source, other: Source) -> bool:
    def before(first: Source, second: Source) -> bool:
        return first.in_force_until is not None and first.in_force_until <= second.in_force_from

    return not before(one, other) and not before(other, one)


def _compile(library: PolicyLibrary, states: list[tuple[Pack, bool]]) -> PolicySetInForce:
    shapes = with_groups(library.shapes, *(pack.groups for pack, _ in states))
    schema = schema_json(shapes)
    policies = [
        policy for pack, permits in states for policy in pack.policies if permits or not policy.permits
    ]
    duties = [duty for pack, _ in states for duty in pack.duties]
    return PolicySetInForce(
        packs=tuple(PackInForce(pack.source, permits, pack.digest) for pack, permits in states),
        digest=_digest(library.schema_digest, states),
        engine=ENGINE,
        schema_json=schema,
        schema=library.schema if shapes is library.shapes else compile_schema_json(schema),
        shapes=shapes,
        policies=tuple(policies),
        duties=tuple(duties),
        compiled=compile_set({policy.id: policy.cedar for policy in policies}),
        actions={
            action: _rules_of(
                shape,
                [policy for policy in policies if policy.applies_to(shape)],
                [duty for duty in duties if duty.applies_to(shape)],
            )
            for action, shape in shapes.items()
        },
        groups=tuple(pack.groups for pack, _ in states if pack.groups),
    )


def _tree(paths: Iterable[str]) -> FactTree:
    tree: FactTree = {}
    for path in sorted(paths):
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name, {})
    return tree


def _rules_of(shape: ActionShape, policies: list[Policy], duties: list[Duty]) -> ActionRules:
    questions: dict[str, Json] = {}
    meaning: dict[str, ConditionQuestion] = {}
    readers: dict[str, dict[str, None]] = {leaf: {} for leaf in shape.leaves}

    def note(conditions: list[Json], condition: Condition) -> None:
        for leaf in (*facts_read(conditions, shape), *condition.facts_named):
            readers[leaf].update(dict.fromkeys(condition.clauses))

    # A permit's conditions come first: an officer reads them in the order of the form.
    for policy in sorted(policies, key=lambda policy: not policy.permits):
        if policy.permits:
            for cedar, condition in zip(policy.cedar["conditions"], policy.conditions, strict=True):
                identifier = f"{policy.id}/{condition.name}"
                questions[identifier] = {**policy.cedar, "conditions": [cedar]}
                meaning[identifier] = ConditionQuestion(
                    identifier, policy.id, condition, unmet_if_satisfied=False
                )
                note([cedar], condition)
        else:
            (condition,) = policy.conditions
            questions[policy.id] = {**policy.cedar, "effect": "permit"}
            meaning[policy.id] = ConditionQuestion(policy.id, policy.id, condition, unmet_if_satisfied=True)
            note(policy.cedar["conditions"], condition)
    permits = [policy.id for policy in policies if policy.permits]
    return ActionRules(
        shape=shape,
        permit=permits[0] if permits else None,
        clauses=tuple(dict.fromkeys(c for q in meaning.values() for c in q.condition.clauses)),
        readers={leaf: tuple(clauses) for leaf, clauses in readers.items()},
        questions=compile_set(questions),
        meaning=meaning,
        duties=compile_set({duty.id: duty.cedar for duty in duties}) if duties else None,
        duty_by_id={duty.id: duty for duty in duties},
        duty_facts=_tree(
            leaf
            for duty in duties
            for leaf in facts_read(duty.cedar["conditions"], shape)
            if leaf.split(".")[0] not in (PRINCIPAL_GROUP, shape.resource_group)
        ),
    )
