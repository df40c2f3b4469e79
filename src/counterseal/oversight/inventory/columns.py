"""The columns of the 2025 inventory, as its dictionary publishes them, and of the form of 2024.

Source: the data dictionaries that the Office of Management and Budget published with the inventories of 2024
and 2025 (names, headers, valid selections, shorthand codes, when a question must be answered). The wording of
a valid selection is kept to the letter, its slips too: an export must agree with it.
Values inside the program are the dictionary's shorthand codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

COMING_UP, PILOT, DEPLOYED, RETIRED = "Pre-deployment", "Pilot", "Deployed", "Retired"
HIGH = "High-impact"
PRESUMED = "Presumed High-Impact, but Not High-impact"
NOT_HIGH = "Not High-impact"
IN_PROGRESS = "In-progress"
TRAINING_IN_PROGRESS = "Training In-progress"
APPEAL_IN_PROGRESS = "Appeal Process In-progress"
NOT_APPLICABLE = "Not Applicable"
WAIVED = "CAIO Waived"

RUNNING = (PILOT, DEPLOYED)
COMING = (COMING_UP, PILOT, DEPLOYED)
EVER = (COMING_UP, PILOT, DEPLOYED, RETIRED)


class Kind(StrEnum):
    """What an answer is made of."""

    ID = "identifier"
    TEXT = "free text"
    CHOICE = "one of the valid selections"
    LIST = "any of the valid selections"
    DATE = "date"
    URL = "address or words"
    EMAIL = "mail address"


@dataclass(frozen=True, slots=True)
class Choice:
    """A valid selection: code, the dictionary's shorthand (where it has none, the words), and label, its words."""

    code: str
    label: str


@dataclass(frozen=True, slots=True)
class Need:
    """When a question must be answered.

    stages: only in these. only: (column, codes), if that column has one of these answers; then the question
    must also not be answered otherwise. high_impact: only for a use that is high-impact.
    """

    stages: tuple[str, ...] = EVER
    only: tuple[str, tuple[str, ...]] | None = None
    high_impact: bool = False


ALWAYS = Need()
HIGH_IMPACT = Need((DEPLOYED,), high_impact=True)


@dataclass(frozen=True, slots=True)
class Column:
    """One column. header: the question as agencies see it, without the line on the practice below it; one that
    ends in “…” goes on."""

    name: str
    header: str
    kind: Kind
    choices: tuple[Choice, ...] = ()
    need: Need | None = None

    @property
    def one_line(self) -> bool:
        """Whether a line break in an answer is but a stray; elsewhere it may part sentences or answers."""
        return self.name in _NAMES or self.kind not in (Kind.TEXT, Kind.URL, Kind.LIST)

    def label_of(self, code: str) -> str:
        """The published words of a code; the code itself where it is none of them."""
        return next((c.label for c in self.choices if c.code == code), code)


_NAMES = frozenset(("agency_name", "use_case_name", "agency_bureau", "vendor_name", "system_name_ato"))
YES_NO = (Choice("No", "No"), Choice("Yes", "Yes"))

AGENCY = (
    Column("agency", "Agency", Kind.ID),
    Column("agency_name", "Agency Name", Kind.TEXT),
)
ASKED = (
    Column("id", "Use Case ID", Kind.ID, need=ALWAYS),
    Column("use_case_name", "Use Case Name", Kind.TEXT, need=ALWAYS),
    Column("agency_bureau", "Bureau/Component", Kind.TEXT, need=ALWAYS),
    Column("contact_email", "Email Address", Kind.EMAIL, need=ALWAYS),
    Column(
        "is_withheld",
        "Should this AI use case be withheld from public reporting?",
        Kind.CHOICE,
        need=ALWAYS,
        choices=(
            Choice("No", "a) No"),
            Choice(
                "Yes - Disclosure Risk",
                "b) Yes – agency has determined that there’s a risk to disclosure, such as a harm to "
                "an interest protected by a FOIA exemption",
            ),
            Choice("Yes - Prohibited by Law", "c) Yes – disclosure is prohibited by law"),
            Choice("Other", "d) Other"),
        ),
    ),
    Column(
        "development_stage",
        "Stage of Development",
        Kind.CHOICE,
        need=ALWAYS,
        choices=(
            Choice(COMING_UP, "a) Pre-deployment – The use case is in a development or acquisition status."),
            Choice(PILOT, "b) Pilot – The use case has been deployed in a limited test or pilot capacity."),
            Choice(
                DEPLOYED,
                "c) Deployed – The use case is being actively authorized or utilized to support the "
                "functions or mission of an agency.",
            ),
            Choice(
                RETIRED,
                "d) Retired – The use case was reported in the agency’s prior year’s inventory, but "
                "its development and/or use has since been discontinued.",
            ),
        ),
    ),
    Column(
        "is_high_impact",
        "Is the AI use case high-impact?",
        Kind.CHOICE,
        need=ALWAYS,
        choices=(
            Choice(HIGH, "a) High-impact"),
            Choice(PRESUMED, "b) Presumed high-impact, but determined not high impact"),
            Choice(NOT_HIGH, "c) Not high-impact"),
        ),
    ),
    Column("HI_justification", "Justification", Kind.TEXT, need=Need(only=("is_high_impact", (PRESUMED,)))),
    Column(
        "topic_area",
        "Use Case Topic Area",
        Kind.CHOICE,
        need=Need(COMING),
        choices=(
            Choice("Admin Functions", "Administrative Functions"),
            Choice("Cybersecurity", "Cybersecurity"),
            Choice("Emergency Mgmt", "Emergency Management"),
            Choice("Energy and Environment", "Energy and the Environment"),
            Choice("Benefits Processing", "Government Benefits Processing"),
            Choice("Health and Medical", "Health and Medical"),
            Choice("HR", "Human Resources"),
            Choice("IT", "Information Technology"),
            Choice("International Affairs", "International Affairs"),
            Choice("Law Enforcement", "Law Enforcement"),
            Choice("Other", "Other"),
            Choice("Procurement and Finance Mgmt", "Procurement and Financial Management"),
            Choice("Science", "Science"),
            Choice("Service Delivery", "Service Delivery"),
            Choice("Transportation", "Transportation"),
        ),
    ),
    Column(
        "classification",
        "AI Classification",
        Kind.CHOICE,
        need=Need(COMING),
        choices=(
            Choice(
                "Agentic AI",
                "Agentic AI: AI systems that perform tasks or make decisions autonomously with "
                "minimal human intervention.",
            ),
            Choice(
                "Classical ML",
                "Classical/Predictive Machine Learning: Models trained on data to make predictions "
                "or classifications based on identified patterns or relationships.",
            ),
            Choice(
                "Computer Vision",
                "Computer Vision: AI that processes and interprets visual data (e.g., images and videos).",
            ),
            Choice(
                "Generative AI",
                "Generative AI: AI that generates new or synthetic content (e.g., images, videos, "
                "audio, text, code).",
            ),
            Choice(
                "NLP",
                "Natural Language Processing: AI that processes, interprets, and shares information "
                "in human language.",
            ),
            Choice(
                "Reinforcement Learning",
                "Reinforcement Learning: AI trained through trial and error using rewards and "
                "penalties to optimize decision-making policies.",
            ),
        ),
    ),
    Column("problem_solved", "What problem is the AI intended to solve?", Kind.TEXT, need=Need(COMING)),
    Column(
        "benefits",
        "What are the expected benefits and positive outcomes from the AI for an agency’s "
        "mission and/or the general public?",
        Kind.TEXT,
        need=Need(COMING),
    ),
    Column("system_outputs", "Describe the AI system’s outputs.", Kind.TEXT, need=Need(COMING)),
    Column(
        "operational_date",
        "Date when AI use case became operational or the pilot’s start date",
        Kind.DATE,
        need=Need(RUNNING),
    ),
    Column(
        "contracting_usage",
        "Was the system involved in this use case purchased from a vendor or developed under "
        "contract(s) or in-house?",
        Kind.CHOICE,
        need=Need(RUNNING),
        choices=(
            Choice("Vendor Purchased", "a) Purchased from a vendor"),
            Choice("In-house Development", "b) Developed in-house"),
            Choice("Contracting and In House", "c) Developed with both contracting and in-house resources"),
        ),
    ),
    Column(
        "vendor_name",
        "Vendor(s) Name",
        Kind.TEXT,
        need=Need(RUNNING, only=("contracting_usage", ("Vendor Purchased", "Contracting and In House"))),
    ),
    Column(
        "have_ato",
        "Does this AI use case have an associated Authorization to Operate (ATO)?",
        Kind.CHOICE,
        need=Need(RUNNING),
        choices=YES_NO,
    ),
    Column("system_name_ato", "System(s) Name", Kind.TEXT, need=Need(RUNNING, only=("have_ato", ("Yes",)))),
    Column(
        "data_description",
        "Describe any data used to train, fine-tune, and/or evaluate performance of the "
        "model(s) used in this use case.",
        Kind.TEXT,
        need=Need(RUNNING),
    ),
    Column(
        "link_to_data",
        "If the data is required to be publicly disclosed as an open government data asset, "
        "provide a link to the entry on the Federal Data Catalog.",
        Kind.URL,
    ),
    Column(
        "has_pii",
        "Does this AI use case involve personally identifiable information (PII) that is "
        "maintained by the agency?",
        Kind.CHOICE,
        need=Need(RUNNING),
        choices=YES_NO,
    ),
    Column(
        "pia_url",
        "If publicly available, provide the link to the AI use case’s associated Privacy "
        "Impact Assessment (PIA).",
        Kind.URL,
    ),
    Column(
        "demographic_features",
        "Which, if any, demographic variables does the AI use case explicitly use as model features?",
        Kind.LIST,
        need=Need(RUNNING),
        choices=(
            Choice("Race/Ethnicity", "a) Race/Ethnicity"),
            Choice("Sex", "b) Sex"),
            Choice("Age", "c) Age"),
            Choice("Religious Affiliation", "d) Religious Affiliation"),
            Choice("Socioeconomic Status", "e) Socioeconomic Status"),
            Choice("Ability Status", "f) Ability Status"),
            Choice("Residency Status", "g) Residency Status"),
            Choice("Marital Status", "h) Marital Status"),
            Choice("Income", "i) Income"),
            Choice("Employment Status", "j) Employment Status"),
            Choice("None of the above", "k) None of the above"),
            Choice("Other", "l) Other"),
        ),
    ),
    Column(
        "has_custom_code",
        "Does this project include custom-developed code?",
        Kind.CHOICE,
        need=Need(RUNNING),
        choices=YES_NO,
    ),
    Column(
        "code_url",
        "If the code is open source, provide the link for the publicly available source code.",
        Kind.URL,
    ),
    Column(
        "hi_testing_conducted",
        "Has pre-deployment testing been conducted for this AI use case?",
        Kind.CHOICE,
        need=HIGH_IMPACT,
        choices=(
            Choice("Yes", "a) Yes"),
            Choice(IN_PROGRESS, "b) In-progress"),
            Choice(WAIVED, "c) Agency CAIO has waived this minimum practice and reported such waiver to OMB"),
        ),
    ),
    Column(
        "hi_assessment_completed",
        "Has an AI impact assessment been completed for this AI use case?",
        Kind.CHOICE,
        need=HIGH_IMPACT,
        choices=(
            Choice("Yes", "a) Yes"),
            Choice(IN_PROGRESS, "b) In-progress"),
            Choice(WAIVED, "c) Agency CAIO has waived this minimum practice and reported such waiver to OMB"),
        ),
    ),
    Column(
        "hi_potential_impacts",
        "What are the potential impacts of using the AI for this particular use case…",
        Kind.TEXT,
        need=HIGH_IMPACT,
    ),
    Column(
        "hi_independent_review",
        "Has as independent review of the AI use case been conducted?",
        Kind.CHOICE,
        need=HIGH_IMPACT,
        choices=(
            Choice(
                "Internal Independent Review",
                "a) Yes – by another appropriate agency office or reviewer not directly involved in "
                "the AI’s development",
            ),
            Choice(
                "Oversight Board Review",
                "b) Yes – by an agency AI oversight board not directly involved in the AI’s development",
            ),
            Choice("CAIO Review", "c) Yes – by the CAIO"),
            Choice(IN_PROGRESS, "d) In-progress"),
            Choice(WAIVED, "e) Agency CAIO has waived this minimum practice and reported such waiver to OMB"),
        ),
    ),
    Column(
        "hi_ongoing_monitoring",
        "Is there a process to conduct ongoing monitoring to identify any adverse impacts to "
        "the performance and security of the AI functionality, as well as to privacy, civil "
        "rights, and civil liberties?",
        Kind.CHOICE,
        need=HIGH_IMPACT,
        choices=(
            Choice(
                "Yes - Monitoring Established",
                "a) Yes, sufficient monitoring protocols have been established",
            ),
            Choice(IN_PROGRESS, "b) Development of monitoring protocols is in-progess"),
            Choice(WAIVED, "c) Agency CAIO has waived this minimum practice and reported such waiver to OMB"),
        ),
    ),
    Column(
        "hi_training_established",
        "Has the agency established sufficient and periodic training for operators of the AI "
        "to interpret and act on the its output and managed associated risks?",
        Kind.CHOICE,
        need=HIGH_IMPACT,
        choices=(
            Choice("Training Established", "a) Yes, sufficient and periodic training has been established"),
            Choice(
                TRAINING_IN_PROGRESS, "b) Establishment of sufficient and periodic training is in-progress"
            ),
            Choice(WAIVED, "c) Agency CAIO has waived this minimum practice and reported such waiver to OMB"),
        ),
    ),
    Column(
        "hi_failsafe_presence",
        "Does this AI use case have an appropriate fail-safe that minimizes the risk of significant harm?",
        Kind.CHOICE,
        need=HIGH_IMPACT,
        choices=(
            Choice("Yes", "a) Yes"),
            Choice(NOT_APPLICABLE, "b) Not applicable"),
            Choice(IN_PROGRESS, "c) In-progress"),
            Choice(WAIVED, "d) Agency CAIO has waived this minimum practice and reported such waiver to OMB"),
        ),
    ),
    Column(
        "hi_appeal_process",
        "Is there an established appeal process in the event that an impacted individual "
        "would like to appeal or contest the AI system’s outcome?",
        Kind.CHOICE,
        need=HIGH_IMPACT,
        choices=(
            Choice(
                "Appeal Process Established", "a) Yes, an appropriate appeal process has been established"
            ),
            Choice(NOT_APPLICABLE, "b) Not applicable"),
            Choice(APPEAL_IN_PROGRESS, "c) Establishment of an appropriate appeal process is in-progress"),
            Choice(
                "Appeal Precluded by Law",
                "d) Law, operational limitations, or governmentwide guidance precludes an "
                "opportunity for an individual to appeal",
            ),
            Choice(WAIVED, "e) Agency CAIO has waived this minimum practice and reported such waiver to OMB"),
        ),
    ),
    Column(
        "hi_public_consultation",
        "What steps has the agency taken to consult and incorporate feedback from end users "
        "of this AI use case and the public?",
        Kind.LIST,
        need=HIGH_IMPACT,
        choices=(
            Choice("Usability Testing", "a) Direct usability testing"),
            Choice(
                "Public Feedback Solicitations",
                "b) General solicitations of feedback and comments from the public",
            ),
            Choice("Public Hearings", "c) Public hearings or meetings"),
            Choice("Other", "d) Other"),
            Choice(IN_PROGRESS, "e) In-progress"),
            Choice(WAIVED, "f) Agency CAIO has waived this minimum practice and reported such waiver to OMB"),
        ),
    ),
)

# The 36 columns in the order of the published file; the first two are added when the files are put together.
COLUMNS_2025 = (*AGENCY, *ASKED)
BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS_2025}

# A deployed high-impact use must be able to say yes to each of these.
PRACTICES = (
    "hi_testing_conducted",
    "hi_assessment_completed",
    "hi_independent_review",
    "hi_ongoing_monitoring",
    "hi_training_established",
    "hi_failsafe_presence",
    "hi_appeal_process",
    "hi_public_consultation",
)
UNFINISHED = (IN_PROGRESS, TRAINING_IN_PROGRESS, APPEAL_IN_PROGRESS)

# Other spellings that files hold, in the form of `cells.words`, and what each means.
SPELLINGS: Mapping[str, Mapping[str, str]] = {
    "development_stage": {
        "acquisition and or development": COMING_UP,
        "operation and maintenance": DEPLOYED,
    },
    "is_high_impact": {"yes": HIGH, "no": NOT_HIGH},
    "topic_area": {"cybersecurity operations": "Cybersecurity"},
    "classification": {
        "gen ai": "Generative AI",
        "genai": "Generative AI",
        "machine learning": "Classical ML",
        "natural language processing nlp": "NLP",
    },
    "contracting_usage": {
        "vendor": "Vendor Purchased",
        "developed with contracting resources": "Vendor Purchased",
        "in house": "In-house Development",
        "developed in house": "In-house Development",
        "in house and contractor": "Contracting and In House",
    },
    "demographic_features": {
        "sex gender": "Sex",
        "none": "None of the above",
        "na": "None of the above",
        "n a": "None of the above",
        "not applicable": "None of the above",
    },
    "hi_public_consultation": {
        "general solicitations of comments from the public": "Public Feedback Solicitations",
    },
    "hi_ongoing_monitoring": {
        "yes": "Yes - Monitoring Established",
        "development of monitoring protocols is in progress": IN_PROGRESS,
        "in progress": IN_PROGRESS,
        "wavied": WAIVED,
    },
    "hi_training_established": {"yes": "Training Established", "in progress": TRAINING_IN_PROGRESS},
    "hi_failsafe_presence": {"n a": NOT_APPLICABLE, "na": NOT_APPLICABLE},
    "hi_appeal_process": {
        "yes": "Appeal Process Established",
        "n a": NOT_APPLICABLE,
        "na": NOT_APPLICABLE,
        "in progress": APPEAL_IN_PROGRESS,
        "precluded": "Appeal Precluded by Law",
    },
}
# Spellings that every question knows which has the code.
ANYWHERE: Mapping[str, str] = {
    "true": "Yes",
    "false": "No",
    "waived": WAIVED,
    "none of the above": "None of the above",
}
