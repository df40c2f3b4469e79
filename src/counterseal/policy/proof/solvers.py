"""The two solvers, loaded here and nowhere else.

z3 builds the formulas and finds witnesses. What is claimed as proved is asked in one SMT-LIB 2 script, and that
same text is read by z3 and by cvc5: a fault in one solver's reading or search shows as a disagreement.
"""

from typing import Any

from counterseal.policy.proof.errors import ProofError, SolverMissingError

try:
    import cvc5
    import z3
except ImportError as error:
    raise SolverMissingError(
        f"proofs need two solvers, and `{error.name}` is not installed; install the extra: "
        "`pip install 'counterseal[proof]'`"
    ) from error

__all__ = ["SOLVERS", "Formula", "answers_of_cvc5", "answers_of_z3", "z3"]

# The solver's own classes carry no types.
Formula = Any

SOLVERS = {
    "z3": z3.get_version_string(),
    "cvc5": str(cvc5.__version__),
}


def answers_of_z3(script: str) -> tuple[str, ...]:
    """What z3 prints for each `(check-sat)` of a script, in a context of its own. Raises: ProofError."""
    context = z3.Context()
    return _words("z3", z3.Z3_eval_smtlib2_string(context.ref(), script))


def answers_of_cvc5(script: str) -> tuple[str, ...]:
    """What cvc5 prints for each `(check-sat)` of a script. Raises: ProofError."""
    manager = cvc5.TermManager()
    solver = cvc5.Solver(manager)
    solver.setOption("incremental", "true")
    symbols = cvc5.SymbolManager(manager)
    parser = cvc5.InputParser(solver, symbols)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, script, "claims")
    printed = []
    try:
        while True:
            command = parser.nextCommand()
            if command.isNull():
                break
            printed.append(command.invoke(solver, symbols))
    except RuntimeError as error:
        raise ProofError(f"cvc5 cannot read the script: {error}") from error
    return _words("cvc5", "".join(printed))


def _words(solver: str, printed: str) -> tuple[str, ...]:
    words = tuple(printed.split())
    if not set(words) <= {"sat", "unsat", "unknown"}:
        raise ProofError(f"{solver} cannot read the script: {printed.strip()[:300]}")
    return words
