"""`counterseal audit`: an audit office with a folder and a log of its own (docs/how-to/audit.md)."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from counterseal import bootstrap
from counterseal.cli.command import Bench, Ordered, command
from counterseal.cli.desk import opened
from counterseal.cli.outcome import Exit, Outcome
from counterseal.cli.parsing import FILE, INSTANT, new_folder, read_file
from counterseal.gateway.audit import auditors as register
from counterseal.gateway.audit import case_files
from counterseal.gateway.audit import sample as sampling
from counterseal.gateway.audit.ask import ask as ask_question
from counterseal.gateway.audit.ask import save_question, saved_question, saved_questions, view_object
from counterseal.gateway.audit.deliver import deliver as hand_over
from counterseal.gateway.audit.folder import READER, AuditOffice
from counterseal.gateway.audit.head import close_day as fill_up
from counterseal.gateway.audit.head import cosign_head
from counterseal.gateway.audit.package import write_audit_package
from counterseal.gateway.audit.question import Answer, Question
from counterseal.gateway.package import as_json
from counterseal.terms.errors import BadInputError

audit = Ordered(
    "audit",
    help="An audit office apart from the agency: ask (every read is sealed first), draw samples, keep findings and "
    "files, hand on packages.",
)
FOLDER = click.argument("folder", metavar="DIR", type=FILE)
BY = click.option(
    "--as",
    "by",
    metavar="AUDITOR",
    required=True,
    envvar="COUNTERSEAL_AUDITOR",
    help="Which auditor acts: an id from `counterseal audit auditors` [env: COUNTERSEAL_AUDITOR].",
)
PERSONS = click.option(
    "--account",
    "persons",
    multiple=True,
    help="A person id that this auditor holds in the agency; repeatable.",
)
_ROWS = ("index", "at", "kind", "outcome", "by_name", "action", "target", "clauses")


def _asks(work: Any) -> Any:
    """The options that make up a question."""
    for option in reversed((
        click.option("--saved", help="Begin from the question that was saved under this name."),
        click.option("--person", default="", help="Who acted, or is named: an id or a name."),
        click.option("--case", default="", help="Its id or number."),
        click.option("--service", default="", help="Its id or name."),
        click.option("--photograph", type=FILE, help="A file: whether and where this very file was searched."),
        click.option("--session", default="", help="A session's id."),
        click.option("--clause", default="", help="A clause's id, or the section that ids begin with."),
        click.option("--kind", default="", help="A kind of entry, or its beginning: search."),
        click.option("--outcome", default="", help="A code: refused, permitted ..."),
        click.option("--since", type=INSTANT, help="From this day or instant on."),
        click.option("--until", type=INSTANT, help="Up to this day or instant, without it."),
        click.option("--entry", "entries", type=click.IntRange(min=0), multiple=True, help="An entry's index."),
    )):  # fmt: skip
        work = option(work)
    return work


def _question(office: AuditOffice, asked: dict[str, Any]) -> Question:
    begun = saved_question(office, asked.pop("saved")).to_json() if asked.get("saved") else {}
    asked.pop("saved", None)
    given = {name: value for name, value in asked.items() if value}
    return Question(**{**asdict(Question.from_json(begun)), **given})


@command(audit, "init", opens=False)
@FOLDER
@click.option("--name", required=True, help="The office's name for ever, like `inspector.example/audit`.")
@click.option("--agency", type=FILE, required=True, help="The agency's home folder.")
@click.option("--vkey", required=True, help="The key of the agency's log; from somebody who answers for it.")
@click.option("--auditor", required=True, help="Name of the first auditor.")
@PERSONS
@click.option(
    "--database", default="", help="How to reach the agency's PostgreSQL, if not as the agency does."
)
@click.option("--role", default=READER, show_default=True, help="The database role that you read as there.")
def init(
    _: Bench,
    *,
    folder: Path,
    name: str,
    agency: Path,
    vkey: str,
    auditor: str,
    persons: tuple[str, ...],
    database: str,
    role: str,
) -> Outcome:
    """Make an audit office in DIR: a key and a log of its own. DIR lies outside the agency's home."""
    office, first = bootstrap.make_audit_office(
        folder,
        name=name,
        home=agency,
        vkey=vkey,
        auditor=auditor,
        persons=persons,
        database=database,
        role=role,
    )
    return Outcome(
        {"name": name, "vkey": office.signer.vkey, "auditor": first, "path": str(folder)},
        headline="The audit office is made.",
        then=(
            f"Next: counterseal audit ask {folder} --as {first} --kind search",
            "Hand the vkey to whoever will check what this office hands on. Never put an older copy of DIR back.",
        ),
    )


@command(audit, "auditors", opens=False)
@FOLDER
def auditors(_: Bench, *, folder: Path) -> Outcome:
    """Who may ask here, and which accounts in the agency are theirs."""
    known = [
        {"auditor": a.id, "name": a.name, "accounts": list(a.persons), "active": a.active}
        for a in register.auditors(bootstrap.open_audit_office(folder)).values()
    ]
    return Outcome({"auditors": known}, tables={"auditors": ("auditor", "name", "accounts", "active")})


@command(audit, "admit", opens=False)
@FOLDER
@BY
@click.option("--name", required=True, help="The auditor's name.")
@PERSONS
def admit(_: Bench, *, folder: Path, by: str, name: str, persons: tuple[str, ...]) -> Outcome:
    """Take up another auditor. They never see entries of the accounts that they hold in the agency."""
    made = register.admit_auditor(bootstrap.open_audit_office(folder), name=name, persons=persons, by=by)
    return Outcome(
        {"auditor": made.id, "name": made.name, "accounts": list(made.persons)}, headline="Admitted."
    )


@command(audit, "end", opens=False)
@FOLDER
@BY
@click.argument("auditor")
def end(_: Bench, *, folder: Path, by: str, auditor: str) -> Outcome:
    """End an auditor, from this instant."""
    made = register.end_auditor(bootstrap.open_audit_office(folder), auditor_id=auditor, by=by)
    return Outcome({"auditor": made.id, "name": made.name}, headline="Ended.")


@command(audit, "ask", opens=False)
@FOLDER
@BY
@_asks
@click.option("--out", type=FILE, help="Write answer.csv and answer.json to this new folder: the same rows.")
def ask(
    _: Bench, *, folder: Path, by: str, photograph: Path | None, out: Path | None, **asked: Any
) -> Outcome:
    """Ask the agency's log. The question is sealed in the office's own log before the answer is shown.

    Parts of a question are joined by "and". Each row carries its receipt. Exit code 3: the log does not hold.
    """
    office = bootstrap.open_audit_office(folder)
    name, question = asked["saved"] or "", _question(office, asked)
    if out is not None:
        new_folder(out, "the answer")
    picture = None if photograph is None else read_file(photograph, "the photograph")
    done = ask_question(office, question, by=by, photograph=picture, name=name)
    if out is not None:
        (out / "answer.csv").write_bytes(done.answer.to_csv().encode("utf-8"))
        (out / "answer.json").write_bytes(as_json(done.answer.to_json()))
    return _answered(done.answer, sealed=done.sealed.index)


@command(audit, "view", opens=False)
@FOLDER
@click.argument("object_id", metavar="OBJECT")
@BY
@click.option("--why", required=True, help="Why it is looked at; kept in the office's log.")
@click.option("--out", type=FILE, required=True, help="A new file for what it holds.")
def view(_: Bench, *, folder: Path, object_id: str, by: str, why: str, out: Path) -> Outcome:
    """Look at one object of the agency's vault. Sealed in the office's own log first."""
    if out.exists():
        raise BadInputError(f"`{out}` is there already; name a new file")
    seen = view_object(bootstrap.open_audit_office(folder), object_id=object_id, why=why, by=by)
    try:
        with out.open("xb") as file:
            file.write(seen.data)
        out.chmod(0o600)
    except OSError as error:
        raise BadInputError(f"`{out}` cannot be written: {error.strerror or error}") from error
    return Outcome(
        {
            "object": seen.object_id,
            "class": seen.kind,
            "about": seen.about,
            "file": str(out),
            "sealed": seen.sealed.index,
        }
    )


@command(audit, "save", opens=False)
@FOLDER
@click.argument("name")
@BY
@_asks
def save(_: Bench, *, folder: Path, name: str, by: str, photograph: Path | None, **asked: Any) -> Outcome:
    """Keep a question under NAME, for `counterseal audit ask DIR --saved NAME`."""
    if photograph is not None:
        raise BadInputError("a photograph is not saved with a question: give the file when you ask")
    office = bootstrap.open_audit_office(folder)
    question = _question(office, asked)
    save_question(office, name=name, question=question, by=by)
    return Outcome({"name": name, "question": question.to_json()}, headline="Saved.")


@command(audit, "questions", opens=False)
@FOLDER
def questions(_: Bench, *, folder: Path) -> Outcome:
    """The questions that were saved."""
    known = saved_questions(bootstrap.open_audit_office(folder))
    rows = [{"name": name, "question": question.to_json()} for name, question in known.items()]
    return Outcome({"questions": rows}, tables={"questions": ("name", "question")})


@command(audit, "sample-commit", opens=False)
@FOLDER
@BY
def sample_commit(_: Bench, *, folder: Path, by: str) -> Outcome:
    """Commit to the secret of a later draw, before anybody can know what will be in the log."""
    sample_id, commitment = sampling.commit_to_sample(bootstrap.open_audit_office(folder), by=by)
    return Outcome(
        {"sample": sample_id, "commitment": commitment},
        headline="Committed.",
        then=(
            f"Later: counterseal audit sample-draw {folder} {sample_id} --as {by} --share 1/10 --kind search.intent",
        ),
    )


@command(audit, "sample-draw", opens=False)
@FOLDER
@click.argument("sample_id", metavar="SAMPLE")
@BY
@click.option("--share", required=True, help="How much of it, as a fraction: 1/10.")
@_asks
def sample_draw(
    _: Bench,
    *,
    folder: Path,
    sample_id: str,
    by: str,
    share: str,
    photograph: Path | None,
    **asked: Any,
) -> Outcome:
    """Draw a share of the entries that a question asks for. Anybody who sees the secret draws the same ones."""
    if photograph is not None:
        raise BadInputError("a sample is drawn from a period, a service or a person, not from one photograph")
    office = bootstrap.open_audit_office(folder)
    question = _question(office, asked)
    made, shown = sampling.draw_sample(office, sample_id=sample_id, question=question, share=share, by=by)
    return _answered(
        shown, sealed=made.sealed_at, sample=made.id, seed=made.seed, population=len(made.population)
    )


@command(audit, "sample-fill", opens=False)
@FOLDER
@click.argument("sample_id", metavar="SAMPLE")
@click.argument("index", type=click.IntRange(min=0))
@BY
@click.option("--no", "noes", multiple=True, help="A line that is not so; repeatable.")
@click.option("--not-applicable", "others", multiple=True, help="A line that does not apply; repeatable.")
@click.option("--words", default="", help="Why, where a line is answered no.")
def sample_fill(
    _: Bench,
    *,
    folder: Path,
    sample_id: str,
    index: int,
    by: str,
    noes: tuple[str, ...],
    others: tuple[str, ...],
    words: str,
) -> Outcome:
    """Fill in the worksheet of one entry that was drawn; lines not named are answered yes."""
    if unknown := sorted({*noes, *others} - set(sampling.WORKSHEET)):
        raise BadInputError(f"there is no line `{unknown[0]}`; the lines are {', '.join(sampling.WORKSHEET)}")
    answers = {
        line: "no" if line in noes else "not-applicable" if line in others else "yes"
        for line in sampling.WORKSHEET
    }
    sealed = sampling.fill_worksheet(
        bootstrap.open_audit_office(folder),
        sample_id=sample_id,
        index=index,
        answers=answers,
        words=words,
        by=by,
    )
    return Outcome(
        {"sample": sample_id, "entry": index, "answers": answers, "sealed": sealed.index},
        headline="Filled in.",
    )


@command(audit, "samples", opens=False)
@FOLDER
def samples(_: Bench, *, folder: Path) -> Outcome:
    """Every sample, drawn again from its seed, with the coverage so far. Exit code 3: one draws otherwise."""
    rows = []
    for each in sampling.samples(bootstrap.open_audit_office(folder)):
        sampling.verify_sample(each)
        rows.append({
            "sample": each.id,
            "share": each.share,
            "population": len(each.population),
            "drawn": list(each.drawn),
            "filled": len(each.filled),
            "left": list(each.left),
            "with_faults": len(each.faults),
            "commitment": each.commitment,
            "secret": each.secret,
            "seed": each.seed,
        })  # fmt: skip
    return Outcome(
        {"samples": rows, "worksheet": {line: says for line, (_, says) in sampling.WORKSHEET.items()}},
        tables={"samples": ("sample", "share", "population", "drawn", "filled", "left", "with_faults")},
    )


@command(audit, "finding", opens=False)
@FOLDER
@click.argument("code")
@BY
@click.option("--about", required=True, help="Id of the record that it is about.")
@click.option("--says", required=True, help="What was found, in words; kept here.")
@click.option(
    "--entry", "entries", type=click.IntRange(min=0), multiple=True, required=True, help="On which it rests."
)
@click.option("--person", default="", help="Person id of whom it concerns.")
def finding(
    _: Bench,
    *,
    folder: Path,
    code: str,
    by: str,
    about: str,
    says: str,
    entries: tuple[int, ...],
    person: str,
) -> Outcome:
    """Record a finding. It stays in DIR until it is delivered."""
    made = case_files.make_finding(
        bootstrap.open_audit_office(folder),
        code=code,
        about=about,
        says=says,
        entries=entries,
        person=person,
        by=by,
    )
    return Outcome(asdict(made), headline="Recorded; the agency does not see it.")


@command(audit, "withdraw", opens=False)
@FOLDER
@click.argument("finding_id", metavar="FINDING")
@BY
@click.option("--reason", required=True, help="Why it is taken back.")
def withdraw(_: Bench, *, folder: Path, finding_id: str, by: str, reason: str) -> Outcome:
    """Take a finding back that was not delivered yet."""
    made = case_files.withdraw_finding(
        bootstrap.open_audit_office(folder), finding_id=finding_id, reason=reason, by=by
    )
    return Outcome(asdict(made), headline="Withdrawn; it stays on record.")


@command(audit, "findings", opens=False)
@FOLDER
def findings(_: Bench, *, folder: Path) -> Outcome:
    """Every finding of this office."""
    rows = [asdict(each) for each in case_files.findings(bootstrap.open_audit_office(folder))]
    return Outcome(
        {"findings": rows}, tables={"findings": ("id", "code", "about", "status", "delivered_at", "says")}
    )


@command(audit, "deliver", opens=False)
@FOLDER
@click.argument("finding_id", metavar="FINDING")
@BY
def deliver(bench: Bench, *, folder: Path, finding_id: str, by: str) -> Outcome:
    """Open a finding in the agency's own log, where the unit sees it: the one thing that an audit writes there."""
    office = bootstrap.open_audit_office(folder)
    with opened(office.home, bench.voice) as desk:
        made = hand_over(office, desk.office, finding_id=finding_id, by=by)
    return Outcome(asdict(made), headline="Delivered; from now on the agency knows of it.")


@command(audit, "file-open", opens=False)
@FOLDER
@BY
@click.option("--title", required=True, help="What the file is about.")
@click.option("--finding", "about", multiple=True, help="A finding that it is about; repeatable.")
def file_open(_: Bench, *, folder: Path, by: str, title: str, about: tuple[str, ...]) -> Outcome:
    """Open a file of the office's own."""
    return _file(
        case_files.open_file(bootstrap.open_audit_office(folder), title=title, findings=about, by=by)
    )


@command(audit, "file-note", opens=False)
@FOLDER
@click.argument("file_id", metavar="FILE")
@BY
@click.option("--words", required=True, help="What to write into it.")
def file_note(_: Bench, *, folder: Path, file_id: str, by: str, words: str) -> Outcome:
    """Write something into a file."""
    return _file(case_files.note(bootstrap.open_audit_office(folder), file_id=file_id, words=words, by=by))


@command(audit, "refer", opens=False)
@FOLDER
@click.argument("file_id", metavar="FILE")
@BY
@click.option("--to", required=True, help="Who can act on it.")
@click.option("--authority", required=True, help="On what authority it is referred.")
@click.option("--due", type=INSTANT, required=True, help="The day by which an answer is due.")
def refer(
    _: Bench, *, folder: Path, file_id: str, by: str, to: str, authority: str, due: datetime
) -> Outcome:
    """Refer a file to somebody who can act."""
    return _file(
        case_files.refer(
            bootstrap.open_audit_office(folder),
            file_id=file_id,
            to=to,
            authority=authority,
            due=due.date(),
            by=by,
        )
    )


@command(audit, "follow-up", opens=False)
@FOLDER
@click.argument("file_id", metavar="FILE")
@click.argument("referral")
@BY
@click.option("--answer", required=True, help="What came of it.")
def follow_up(_: Bench, *, folder: Path, file_id: str, referral: str, by: str, answer: str) -> Outcome:
    """Record what came of a referral."""
    office = bootstrap.open_audit_office(folder)
    return _file(case_files.follow_up(office, file_id=file_id, referral_id=referral, answer=answer, by=by))


@command(audit, "file-close", opens=False)
@FOLDER
@click.argument("file_id", metavar="FILE")
@click.argument("outcome", type=click.Choice(case_files.OUTCOMES))
@BY
def file_close(_: Bench, *, folder: Path, file_id: str, outcome: str, by: str) -> Outcome:
    """Close a file; every referral has its answer."""
    return _file(
        case_files.close_file(bootstrap.open_audit_office(folder), file_id=file_id, outcome=outcome, by=by)
    )


@command(audit, "files", opens=False)
@FOLDER
def files(_: Bench, *, folder: Path) -> Outcome:
    """Every file, and the referrals whose answer is overdue."""
    office = bootstrap.open_audit_office(folder)
    late = [
        {"file": each.id, "referral": referral.id, "to": referral.to, "due": referral.due.isoformat()}
        for each, referral in case_files.overdue(office, office.clock().date())
    ]
    return Outcome(
        {"files": [_file(each).data for each in case_files.files(office)], "overdue": late},
        headline=f"{len(late)} answers are overdue." if late else "",
        tables={"files": ("id", "title", "status", "outcome"), "overdue": ("file", "referral", "to", "due")},
    )


@command(audit, "package", opens=False)
@FOLDER
@click.argument("out", metavar="OUT", type=FILE)
@BY
@click.option("--recipient", required=True, help="Who gets it.")
@click.option("--object", "objects", multiple=True, help="A vault object to go with it; repeatable.")
@_asks
def package(
    _: Bench,
    *,
    folder: Path,
    out: Path,
    by: str,
    recipient: str,
    objects: tuple[str, ...],
    photograph: Path | None,
    **asked: Any,
) -> Outcome:
    """Write the answer to a question as a package that another machine checks with Python alone."""
    if photograph is not None:
        raise BadInputError("ask about the photograph first, then name the entries with `--entry`")
    office = bootstrap.open_audit_office(folder)
    question = _question(office, asked)
    made = write_audit_package(
        office, question=question, objects=objects, recipient=recipient, folder=out, by=by
    )
    return Outcome(
        {
            "path": str(made.path),
            "entries": made.entries,
            "files": made.files,
            "manifest": made.manifest,
            "sealed": made.sealed_at,
        },
        headline="Written; the release is sealed in the office's own log.",
        then=(
            f"To check it: python3 {made.path / 'verify.py'} --vkey KEY --release-vkey '{office.signer.vkey}'",
        ),
    )


@command(audit, "close-day", opens=False)
@FOLDER
@click.option(
    "--ask", "asks", is_flag=True, help="Then ask the witnesses of witnesses.policy in DIR to cosign."
)
def close_day(_: Bench, *, folder: Path, asks: bool) -> Outcome:
    """Fill the office's log up to the next step, whether it read or not. For a timer, once a day."""
    office = bootstrap.open_audit_office(folder)
    size = fill_up(office)
    asked = (
        [{"witness": a.witness, "outcome": a.code, "says": a.says} for a in cosign_head(office)]
        if asks
        else []
    )
    alarming = any(a["outcome"] in ("fork", "ahead", "rolled-back") for a in asked)
    good = all(a["outcome"] in ("cosigned", "already", "not-counting") for a in asked)
    return Outcome(
        {"tree_size": size, "asked": asked},
        Exit.INTEGRITY if alarming else Exit.DONE if good else Exit.UNAVAILABLE,
        "The day is closed." if good else "The day is closed; not every witness cosigned it.",
        tables={"asked": ("witness", "outcome", "says")},
    )


@command(audit, "verify", opens=False)
@FOLDER
@click.option(
    "--older", type=FILE, multiple=True, help="A checkpoint of this office's log that somebody kept."
)
def verify(_: Bench, *, folder: Path, older: tuple[Path, ...]) -> Outcome:
    """Compute the office's own log again. Exit code 3: something does not hold."""
    office = bootstrap.open_audit_office(folder)
    found = office.log.verify([read_file(path, "the checkpoint") for path in older])
    rows = [{"code": f.code, "where": f.where, "says": f.says} for f in found]
    return Outcome(
        {"vkey": office.signer.vkey, "tree_size": office.log.size, "findings": rows},
        Exit.INTEGRITY if rows else Exit.DONE,
        "THE OFFICE'S OWN LOG DOES NOT HOLD." if rows else "The office's own log holds.",
        tables={"findings": ("code", "where", "says")},
    )


@command(audit, "export", opens=False)
@FOLDER
@click.argument("out", metavar="OUT", type=FILE)
def export(_: Bench, *, folder: Path, out: Path) -> Outcome:
    """Write the office's own log as static files, for whoever audits the auditors; it holds codes and digests only."""
    office = bootstrap.open_audit_office(folder)
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / "log.vkey").is_file())):
        raise BadInputError(f"`{out}` holds something else; name a new folder or an earlier export")
    try:
        office.log.export(out)
    except OSError as error:
        raise BadInputError(f"`{out}` cannot be written: {error.strerror or error}") from error
    return Outcome(
        {"vkey": office.signer.vkey, "tree_size": office.log.size, "path": str(out)},
        headline="Exported.",
        then=(f"To check it anywhere: python3 {out / 'verify.py'} {out} --vkey '{office.signer.vkey}'",),
    )


def _answered(answer: Answer, **more: object) -> Outcome:
    said = answer.to_json()
    left_out = (
        [f"{answer.own_acts} entries are acts of your own accounts and are left out."]
        if answer.own_acts
        else []
    )
    if answer.unopened:
        left_out.append(f"{len(answer.unopened)} entries may belong here; what they said was destroyed.")
    return Outcome(
        {**said, **more},
        headline=f"{len(answer.rows)} entries of {answer.tree_size}.",
        tables={"rows": _ROWS},
        hidden=("unopened",),
        then=tuple(left_out),
    )


def _file(made: case_files.CaseFile) -> Outcome:
    said = asdict(made)
    for referral in said["referrals"]:
        referral["due"] = referral["due"].isoformat()
    return Outcome(said, tables={"referrals": ("id", "to", "authority", "due", "answer")})
