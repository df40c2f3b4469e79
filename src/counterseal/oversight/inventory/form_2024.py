"""The columns of the inventory of 2024, with the names of 2025 where the question is the same.

Source: the headers and the data dictionary published with the inventory of 2024. It has no identifiers.
A column `…_other` is the explanation that follows the question before it.
"""

from collections.abc import Mapping

from counterseal.oversight.inventory.columns import NOT_APPLICABLE, Choice, Column, Kind

_YES_NO = (Choice("Yes", "Yes"), Choice("No", "No"), Choice(NOT_APPLICABLE, "N/A"))
_OTHER = "If Other, please explain."


def _text(name: str, header: str) -> Column:
    return Column(name, header, Kind.TEXT)


def _yes_no(name: str, header: str) -> Column:
    return Column(name, header, Kind.CHOICE, _YES_NO)


def _one_of(name: str, header: str, *codes: str) -> Column:
    return Column(name, header, Kind.CHOICE, tuple(Choice(code, code) for code in codes))


# In the order of the file: a repeated header can be told only by its place.
COLUMNS_2024 = (
    _text("use_case_name", "Use Case Name"),
    _text("agency_name", "Agency"),
    Column("agency", "Agency Abbreviation", Kind.ID),
    _text("agency_bureau", "Bureau"),
    _text("topic_area", "Use Case Topic Area"),
    _text("topic_area_other", "Other (Use Case Topic Area)"),
    _text(
        "commercial_product",
        "Is the AI use case found in the below list of general commercial AI products and services?",
    ),
    _text("problem_solved", "What is the intended purpose and expected benefits of the AI?"),
    _text("system_outputs", "Describe the AI system’s outputs."),
    _one_of(
        "development_stage",
        "Stage of Development",
        "Initiated",
        "Acquisition and/or Development",
        "Implementation and Assessment",
        "Operation and Maintenance",
        "Retired",
    ),
    _one_of(
        "impact",
        "Is the AI use case rights-impacting, safety-impacting, both, or neither?",
        "Rights",
        "Safety",
        "Both",
        "Neither",
    ),
    _text("initiated_date", "Date Initiated"),
    _text("acquisition_date", "Date when Acquisition and/or Development began"),
    _text("implemented_date", "Date Implemented"),
    _text("retired_date", "Date Retired"),
    _text(
        "contracting_usage",
        "Was the AI system involved in this use case developed (or is it to be developed) under contract(s) "
        "or in-house?",
    ),
    _text(
        "contract_piid", "Provide the Procurement Instrument Identifier(s) (PIID) of the contract(s) used."
    ),
    _yes_no(
        "supports_hisp",
        "Is this AI use case supporting a High-Impact Service Provider (HISP) public-facing service?",
    ),
    _text("hisp_name", "Which HISP is the AI use case supporting?"),
    _text("hisp_service", "Which public-facing service is the AI use case supporting?"),
    _yes_no("public_information", "Does this AI use case disseminate information to the public?"),
    _text(
        "information_quality",
        "How is the agency ensuring compliance with Information Quality Act guidelines, if applicable?",
    ),
    _yes_no(
        "has_pii",
        "Does this AI use case involve personally identifiable information (PII) that is maintained by the "
        "agency?",
    ),
    _yes_no(
        "privacy_assessed",
        "Has the Senior Agency Official for Privacy (SAOP) assessed the privacy risks associated with this AI "
        "use case?",
    ),
    _text(
        "data_catalog",
        "Do you have access to an enterprise data catalog or agency-wide data repository that enables you to "
        "identify whether or not the necessary datasets exist and are ready to develop your use case?",
    ),
    _text("data_catalog_other", _OTHER),
    _text(
        "data_description",
        "Describe any agency-owned data used to train, fine-tune, and/or evaluate performance of the model(s) "
        "used in this use case.",
    ),
    _text(
        "data_documentation",
        "Is there available documentation for the model training and evaluation data that demonstrates the "
        "degree to which it is appropriate to be used in analysis or for making predictions?",
    ),
    Column(
        "demographic_features",
        "Which, if any, demographic variables does the AI use case explicitly use as model features?",
        Kind.LIST,
        tuple(
            Choice(code, label)
            for code, label in (
                ("Race/Ethnicity", "Race/Ethnicity"),
                ("Sex", "Sex/Gender"),
                ("Age", "Age"),
                ("Religious Affiliation", "Religious Affiliation"),
                ("Socioeconomic Status", "Socioeconomic Status"),
                ("Ability Status", "Ability Status"),
                ("Residency Status", "Residency Status"),
                ("Marital Status", "Marital Status"),
                ("Income", "Income"),
                ("Employment Status", "Employment Status"),
                ("None of the above", "None"),
                ("Other", "Other"),
            )
        ),
    ),
    _text("demographic_features_other", _OTHER),
    _yes_no("has_custom_code", "Does this project include custom-developed code?"),
    _text("code_access", "Does the agency have access to the code associated with the AI use case?"),
    Column(
        "code_url",
        "If the code is open-source, provide the link for the publicly available source code.",
        Kind.URL,
    ),
    _yes_no(
        "have_ato", "Does this AI use case have an associated Authority to Operate (ATO) for an AI system?"
    ),
    _text("system_name_ato", "System Name"),
    _text(
        "tools_wait",
        "How long have you waited for the necessary developer tools to implement the AI use case?",
    ),
    _text(
        "infrastructure",
        "For this AI use case, is the required IT infrastructure provisioned via a centralized intake form or "
        "process inside the agency?",
    ),
    _text("infrastructure_other", _OTHER),
    _text(
        "compute_request",
        "Do you have a process in place to request access to computing resources for model training and "
        "development of the AI involved in this use case?",
    ),
    _text("compute_request_other", _OTHER),
    _text(
        "timely_resources",
        "Has communication regarding the provisioning of your requested resources been timely?",
    ),
    _text("timely_resources_other", _OTHER),
    _text(
        "reuse",
        "How are existing data science tools, libraries, data products, and internally-developed AI "
        "infrastructure being re-used for the current AI use case?",
    ),
    _text(
        "internal_review",
        "Has information regarding the AI use case, including performance metrics and intended use of the "
        "model, been made available for review and feedback within the agency?",
    ),
    _one_of(
        "extension",
        "Has your agency requested an extension to implement the minimum risk management practices for this AI "
        "use case?",
        "Yes",
        "No",
        NOT_APPLICABLE,
    ),
    _one_of(
        "impact_assessment",
        "Has an AI impact assessment been conducted for this AI use case?",
        "Yes",
        "Planned or in-progress",
        "No",
        "CAIO Waived",
        NOT_APPLICABLE,
    ),
    _one_of(
        "real_world_testing",
        "Has the AI use case been tested in operational or real-world environments to understand the "
        "performance and impact it may have on affected individuals or communities?",
        "No testing",
        "Benchmark evaluation",
        "Performance evaluation in operational environment",
        "Impact evaluation in operational environment",
        "CAIO Waived",
        NOT_APPLICABLE,
        "Yes",
        "No",
    ),
    _text(
        "hi_potential_impacts",
        "What are the key risks from using the AI for this particular use case…",
    ),
    _one_of(
        "independent_evaluation",
        "Has an independent evaluation of the AI use case been conducted?",
        "Yes – by the CAIO",
        "Yes – by an agency AI oversight board not directly involved in the system's development",
        "Yes – by another appropriate agency office that was not directly involved in the system's development",
        "Planned or in-progress",
        "CAIO Waived",
        NOT_APPLICABLE,
        "No",
    ),
    _one_of(
        "monitoring",
        "Is there a process to monitor performance of the AI system’s functionality and changes to its impact "
        "on rights or safety as part of the post-deployment plan for the AI use case?",
        "No monitoring protocols have been established",
        "Intermittent and Manually Updated",
        "Automated and Regularly Scheduled Updates",
        "Established Process of Machine Learning Operations",
        "CAIO Waived",
        NOT_APPLICABLE,
    ),
    _text(
        "autonomous",
        "For this particular use case, can the AI carry out a decision or action without direct human "
        "involvement that could result in a significant impact on rights or safety?",
    ),
    _text("autonomous_other", _OTHER),
    _text(
        "notice",
        "How is the agency providing reasonable and timely notice regarding the use of AI when people interact "
        "with an AI-enabled service as a result of this AI use case?",
    ),
    _text("notice_other", _OTHER),
    _yes_no(
        "adverse_decisions",
        "Is the AI used to significantly influence or inform decisions or actions that could have an adverse or "
        "negative impact on specific individuals or groups?",
    ),
    _text(
        "disparities",
        "What steps has the agency taken to detect and mitigate significant disparities in the model’s "
        "performance across demographic groups for this AI use case?",
    ),
    _text(
        "consultation",
        "What steps has the agency taken to consult and incorporate feedback from groups affected by this AI "
        "use case?",
    ),
    _text("consultation_other", _OTHER),
    _one_of(
        "appeal_process",
        "Is there an established fallback and escalation process for this AI use case in the event that an "
        "impacted individual or group would like to appeal or contest the AI system’s outcome?",
        "Yes",
        "No – it is not operationally practical to offer this",
        "No – Law, operational limitations, or governmentwide guidance precludes an opportunity for an "
        "individual to appeal",
        "CAIO Waived",
        NOT_APPLICABLE,
    ),
    _text("appeal_process_other", "If No, please explain."),
    _one_of(
        "opt_out",
        "Where practicable and consistent with applicable law and governmentwide policy, is there an "
        "established mechanism for individuals to opt-out from the AI functionality in favor of a human "
        "alternative?",
        "Yes",
        "Other",
        "No – fraud or cybersecurity",
        "No – law or guidance restricts it",
        "CAIO Waived",
        NOT_APPLICABLE,
    ),
    _text("opt_out_other", _OTHER),
)

# Other spellings, in the form of `cells.words`; a key that ends in "…" stands for everything that begins so.
SPELLINGS_2024: Mapping[str, Mapping[str, str]] = {
    "development_stage": {"in production": "Operation and Maintenance"},
    "impact": {
        "rights impacting": "Rights",
        "safety impacting": "Safety",
    },
    "demographic_features": {"gender": "Sex", "n a": "None of the above"},
    "extension": {
        "yes agency requested an extension …": "Yes",
        "no agency did not request an extension …": "No",
        "no use case is not rights or safety impacting …": NOT_APPLICABLE,
    },
    "real_world_testing": {
        "no testing …": "No testing",
        "benchmark evaluation …": "Benchmark evaluation",
        "performance evaluation in operational environment …": "Performance evaluation in operational environment",
        "impact evaluation in operational environment …": "Impact evaluation in operational environment",
    },
    "monitoring": {
        "no monitoring protocols have been established …": "No monitoring protocols have been established",
        "intermittent and manually updated …": "Intermittent and Manually Updated",
        "automated and regularly scheduled updates …": "Automated and Regularly Scheduled Updates",
        "established process of machine learning operations …": (
            "Established Process of Machine Learning Operations"
        ),
    },
    "appeal_process": {
        "no it is not operationally practical to offer this …": (
            "No – it is not operationally practical to offer this"
        ),
    },
    "opt_out": {
        "no this ai use case is not subject to the opt out requirement …": "No – fraud or cybersecurity",
        "no there is law or governmentwide guidance that restricts opt out …": "No – law or guidance restricts it",
    },
}
# What any question of 2024 may be answered with.
ANYWHERE_2024: Mapping[str, str] = {
    "n a": NOT_APPLICABLE,
    "na": NOT_APPLICABLE,
    "not applicable": NOT_APPLICABLE,
    "agency caio has waived this minimum practice …": "CAIO Waived",
}
