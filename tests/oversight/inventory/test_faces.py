"""Rows about faces, and their false friends: every class, in made-up rows."""

import pytest
from made_inventory import SOUND, of_2025, row_2025

from counterseal.oversight.inventory import about_faces, glance
from counterseal.oversight.inventory.faces import WHY_NOT, Sense, is_about_faces, mentions


def senses(text: str) -> list[Sense]:
    """The senses of the mentions in a description."""
    found = mentions(row_2025(system_outputs="A score.", problem_solved=text))
    return [mention.sense for mention in found if mention.column == "problem_solved"]


class TestTaken:
    @pytest.mark.parametrize(
        "text",
        [
            "Facial recognition at the gate.",
            "Uses a facial biometric matching service.",
            "Facial and iris recognition of visitors.",
            "Facial, iris or voice recognition of visitors.",
            "Face recognition for lockers",
            "1:1 face verification against the badge",
            "Facial matches are suggested to an examiner.",
            "Compares the photo to see whether it is similar to the face on the badge.",
            "The application would index faces and search for them.",
            "Finds visually similar faces in a set: matching visually similar faces",
            "Lists of matching visitors based on facial features and clothing.",
            "Unlocks the phone with Face ID.",
            "Built on Clearview AI.",
            "Runs on the Traveller Verification Service.",
            "facial\nrecognition of visitors",
            "Unlocking devices without the need for passwords using AI-based facial recognition.",
            "It stores no names, but facial recognition runs at the gate.",
            "Not only facial recognition but also gait.",
        ],
    )
    def test_recognition(self, text: str) -> None:
        assert Sense.RECOGNITION in senses(text)

    @pytest.mark.parametrize(
        "text",
        [
            "Face capture at the counter",
            "Face detection crops the badge photo.",
            "Checks whether the facial image is sharp enough for a badge.",
            "The camera captures the face.",
            "The traveler's face is photographed.",
            "Locates faces in visual media.",
            "The applicant takes a selfie.",
            "Liveness is tested at the desk.",
        ],
    )
    def test_capture(self, text: str) -> None:
        assert senses(text)
        assert set(senses(text)) == {Sense.CAPTURE}


class TestSecondGlance:
    @pytest.mark.parametrize(
        ("text", "sense"),
        [
            ("The tool does not perform facial recognition.", Sense.DENIED),
            ("It does not perform biometric identification, facial recognition or tracking.", Sense.DENIED),
            ("Transcription, face detection (not used), captions", Sense.DENIED),
            ("Facial recognition is not used.", Sense.DENIED),
            ("Redacts facial images in released records.", Sense.HIDDEN),
            ("Finds items to blur, such as faces and number plates.", Sense.HIDDEN),
            ("Redacts screens, signs\nfaces and license plates.", Sense.HIDDEN),
            ("Tells whether a picture of a person's face is a deepfake.", Sense.SYNTHETIC),
            ("Reads facial expressions of test audiences.", Sense.EXPRESSION),
            ("Sorts masks, gloves and face shields in a storeroom.", Sense.COVERED),
            ("Detects whether a face mask is worn.", Sense.COVERED),
            ("Biometric sign-in for staff.", Sense.BIOMETRIC),
            ("Clusters of putative photo matches of turtles", Sense.BIOMETRIC),
        ],
    )
    def test_sense(self, text: str, sense: Sense) -> None:
        assert sense in senses(text)
        assert not {Sense.RECOGNITION, Sense.CAPTURE} & set(senses(text))

    def test_every_sense_that_does_not_count_says_why(self) -> None:
        assert set(WHY_NOT) == set(Sense) - {Sense.RECOGNITION, Sense.CAPTURE}

    def test_one_mention_that_counts_outweighs_those_that_do_not(self) -> None:
        row = row_2025(
            problem_solved="It does not perform facial recognition in video.",
            benefits="Face verification at gates.",
        )

        assert is_about_faces(row)


class TestNothingAtAll:
    @pytest.mark.parametrize(
        "text",
        [
            "A chat interface for staff.",
            "Surface water and subsurface drainage.",
            "Face-to-face training at the academy and virtual classrooms.",
            "Agencies face challenges and the office faces backlogs.",
            "Users face verification problems.",
            "Continuity in the face of disruptions.",
            "A model from Huggingface chooses the typeface.",
            "Facility management and facilitation.",
            "Speech recognition and optical character recognition.",
            "Maxillofacial and craniofacial scans are sorted by patient.",
            "The bureau faces, and has long faced, growing demand.",
            "Prefaces to reports.",
        ],
    )
    def test_is_no_mention(self, text: str) -> None:
        assert senses(text) == []

    def test_an_address_or_a_mail_is_no_mention(self) -> None:
        row = row_2025(
            system_outputs="A score.",
            contact_email="face-recognition@dem.example",
            pia_url="https://dem.example/facial-recognition",
        )

        assert mentions(row) == ()


class TestReason:
    def test_says_which_words_in_which_column(self) -> None:
        read = of_2025(
            {
                **SOUND,
                "system_outputs": "Facial Recognition. More facial recognition.",
                "vendor_name": "Clearview AI",
            },
            {**SOUND, "system_outputs": "Face capture only."},
            {**SOUND, "system_outputs": "Biometric sign-in.", "benefits": "Facial recognition is not used."},
            {**SOUND, "system_outputs": "A score."},
        )
        taken, near = about_faces(read), glance(read)

        assert [f.row.number for f in taken] == [2, 3]
        assert taken[0].reason == "“facial recognition” in system_outputs; “clearview ai” in vendor_name"
        assert taken[0].columns == ("system_outputs", "vendor_name")
        assert (taken[0].sense, taken[1].sense) == (Sense.RECOGNITION, Sense.CAPTURE)
        assert [g.row.number for g in near] == [4]
        assert near[0].reason == (
            "“facial recognition” in benefits; “biometric” in system_outputs: says that it does no such thing; "
            "speaks of biometrics or photographs without saying that faces are compared"
        )

    def test_shows_the_words_around(self) -> None:
        text = "Long words stand here before the thing, so many of them that they cannot all be shown: face capture"
        excerpt = mentions(row_2025(system_outputs="", benefits=text + " and then more of them " * 9))[
            0
        ].excerpt

        assert excerpt.startswith("…")
        assert excerpt.endswith("…")
        assert "face capture" in excerpt

    def test_an_unknown_column_is_read_too(self) -> None:
        row = of_2025(SOUND).rows[0]
        row.texts["Remarks"] = "facial recognition"  # type: ignore[index]

        assert "Remarks" in {mention.column for mention in mentions(row)}
