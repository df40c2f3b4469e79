"""Who belongs to which group is told, completely and once, and so is how anybody knew."""

from pathlib import Path

import pytest

from counterseal.evaluation.comparisons import UNKNOWN, EvaluationInputError
from counterseal.evaluation.reading import read, read_comparisons, read_groups

SCORES = "a a p1 0.9\na b p2 0.1\nb b p3 0.8\nb c p4 0.2\n"
GROUPS = "subject,sex,age\n#how,document,self-declared\na,f,18-30\nb,m,\nc,f,65+\n"


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    path = tmp_path / "scores.txt"
    path.write_text(SCORES)
    return path


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    path = tmp_path / "groups.csv"
    path.write_text(GROUPS)
    return path


def test_are_joined_on_both_sides(scores: Path, groups: Path) -> None:
    """bob's files name the claimed person first (the reference), then the real one (the probe)."""
    c = read_comparisons(scores, format="bob4", direction="similarity", groups=groups)

    sex, age = c.groupings.values()
    assert (sex.name, sex.labels, sex.how) == ("sex", ("f", "m"), "document")
    assert (age.name, age.labels, age.how) == ("age", ("18-30", "65+"), "self-declared")
    assert sex.probe.tolist() == [0, 1, 1, 0]
    assert sex.reference.tolist() == [0, 0, 1, 1]
    assert age.probe.tolist() == [0, UNKNOWN, UNKNOWN, 1]
    assert age.reference.tolist() == [0, 0, UNKNOWN, UNKNOWN]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_in_another_delimiter(scores: Path, groups: Path, delimiter: str) -> None:
    groups.write_text(GROUPS.replace(",", delimiter))

    c = read_comparisons(scores, format="bob4", direction="similarity", groups=groups)

    assert list(c.groupings) == ["sex", "age"]


def test_how_may_be_told_by_the_caller(scores: Path, groups: Path) -> None:
    groups.write_text(GROUPS.replace("#how,document,self-declared\n", ""))

    c = read_comparisons(
        scores, format="bob4", direction="similarity", groups=groups, groups_how={"age": "measured"}
    )

    assert [g.how for g in c.groupings.values()] == ["not stated", "measured"]


def test_people_without_a_comparison_are_counted(scores: Path, groups: Path) -> None:
    groups.write_text(GROUPS + "d,m,18-30\ne,f,\n")

    reading = read(scores, format="bob4", direction="similarity", groups=groups)

    assert reading.left_out == {"people of the groups file without a comparison": 2}


REFUSED = {
    "unknown subjects": (
        GROUPS.replace("b,m,\n", "").replace("c,f", "d,m"),
        "2 of 3 people are missing: `b`, `c`",
    ),
    "one label": (GROUPS.replace("b,m", "b,f"), "`sex` has only one label (`f`)"),
    "no label": ("subject,sex\na,\nb,\nc,\n", "`sex` has only one label (none)"),
    "twice": (GROUPS + "a,m,\n", "row 6: `a` was told in row 3 already"),
    "inferred": (GROUPS.replace("document", "inferred"), "it is never inferred"),
    "estimated by software": (
        GROUPS.replace("document", "classifier"),
        "ways are self-declared, document, measured",
    ),
    "heading": ("person,sex\na,f\nb,m\n", "row 1"),
    "no grouping": ("subject\na\nb\n", "row 1"),
    "two of one name": ("subject,sex,sex\na,f,f\n", "row 1"),
    "ragged": (GROUPS + "d,m\n", "row 6: it has 2 cells where 3 are expected"),
    "no name": (GROUPS + ",m,\n", "row 6: the subject has no name"),
    "how twice": (GROUPS + "#how,document,document\n", "row 6: `#how` stands only once"),
    "nobody": ("subject,sex\n", "nobody is in it"),
    "blank": ("\n\n", "there are only blank lines"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_are_refused(scores: Path, groups: Path, what: str) -> None:
    text, expected = REFUSED[what]
    groups.write_text(text)

    with pytest.raises(EvaluationInputError) as refused:
        read(scores, format="bob4", direction="similarity", groups=groups)

    assert "`groups.csv`" in str(refused.value)
    assert expected in str(refused.value)


def test_labels_that_were_stated_are_the_only_ones(scores: Path, groups: Path) -> None:
    """The list fixed beforehand is kept in its order, also where nobody has a label of it."""
    told = read_groups(groups, labels={"sex": ["m", "f", "x"]})

    assert told.labels == (("m", "f", "x"), ("18-30", "65+"))
    with pytest.raises(
        EvaluationInputError, match="row 3: `f` is no label of `sex`; the labels are `m`, `x`"
    ):
        read_groups(groups, labels={"sex": ["m", "x"]})
    with pytest.raises(EvaluationInputError, match="there is no grouping `skin`"):
        read_groups(groups, labels={"skin": ["a", "b"]})
    with pytest.raises(EvaluationInputError, match="there is no grouping `skin`"):
        read(scores, format="bob4", direction="similarity", groups=groups, groups_how={"skin": "measured"})


def test_file_and_caller_agree(scores: Path, groups: Path) -> None:
    with pytest.raises(EvaluationInputError, match="was obtained by `document` here, by `measured` as told"):
        read(scores, format="bob4", direction="similarity", groups=groups, groups_how={"sex": "measured"})


def test_nobody_can_be_put_into_a_group_who_is_not_named(tmp_path: Path, groups: Path) -> None:
    path = tmp_path / "scores.txt"
    path.write_text("1 0.9\n0 0.1\n")

    with pytest.raises(EvaluationInputError, match="the scores name nobody"):
        read(path, format="columns", direction="similarity", groups=groups)


def test_a_grouping_is_told_in_one_place(tmp_path: Path, groups: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(
        "probe_subject,reference_subject,score,probe_sex,reference_sex\na,a,.9,f,f\na,b,.1,f,m\nc,c,.8,f,f\n"
    )

    with pytest.raises(EvaluationInputError, match="the scores tell `sex` themselves"):
        read(path, format="pairs", direction="similarity", groups=groups)
    c = read_comparisons(path, format="pairs", direction="similarity", groups_how={"sex": "self-declared"})
    assert c.groupings["sex"].how == "self-declared"
    with pytest.raises(EvaluationInputError, match="there is no grouping `age`"):
        read(path, format="pairs", direction="similarity", groups_how={"age": "document"})


IN_ROWS = (
    "probe_subject,reference_subject,score,probe_sex,reference_sex\na,a,.9,f,f\na,b,.1,f,m\nb,b,.8,m,m\n"
)


def test_labels_of_the_rows_are_held_to_the_list_too(tmp_path: Path, groups: Path) -> None:
    """A plan fixed the labels: their order is the plan's, whether rows or a file tell who has which."""
    path = tmp_path / "scores.csv"
    path.write_text(IN_ROWS)
    allowed = {"sex": ["x", "m", "f"]}

    c = read(path, format="pairs", direction="similarity", group_labels=allowed).comparisons

    assert c.groupings["sex"].labels == ("x", "m", "f")
    assert c.groupings["sex"].probe.tolist() == [2, 2, 1]
    with pytest.raises(EvaluationInputError, match="`m` is no label of `sex`; the labels are `f`, `x`"):
        read(path, format="pairs", direction="similarity", group_labels={"sex": ["f", "x"]})
    with pytest.raises(EvaluationInputError, match="there is no grouping `age`; it holds `sex`"):
        read(path, format="pairs", direction="similarity", group_labels={"age": ["f", "x"]})


def test_what_is_told_reaches_the_grouping_wherever_it_stands(tmp_path: Path, groups: Path) -> None:
    """One grouping in the rows, another in the file; how and labels of both are told at once."""
    path = tmp_path / "scores.csv"
    path.write_text(IN_ROWS)
    groups.write_text("subject,age\na,old\nb,young\n")

    c = read(
        path,
        format="pairs",
        direction="similarity",
        groups=groups,
        groups_how={"sex": "document", "age": "measured"},
        group_labels={"sex": ["m", "f"], "age": ["young", "old"]},
    ).comparisons

    assert [(g.name, g.how, g.labels) for g in c.groupings.values()] == [
        ("sex", "document", ("m", "f")),
        ("age", "measured", ("young", "old")),
    ]
    assert c.groupings["age"].reference.tolist() == [1, 0, 0]
