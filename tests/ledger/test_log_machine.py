"""Append, sign, prove, export and audit in any order: what was once acknowledged holds ever after."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from counterseal.ledger.audit import audit
from counterseal.ledger.errors import LedgerError
from counterseal.ledger.fsck import LogRow, fsck
from counterseal.ledger.receipt import build_receipt, verify_receipt
from counterseal.ledger.tree import Frontier, Node, consistency_proof, inclusion_proof, verify_consistency

MAKE = []


class LogMachine(RuleBasedStateMachine):
    """Beside the real log it keeps what it was told: receipts, checkpoints, files exported in steps."""

    @initialize()
    def start(self):
        self.log = MAKE[0]()
        self.receipts: list[tuple[bytes, bytes]] = []
        self.heads = [self.log.head]
        self.files = type(self.log.files())()
        self.exported = 0
        self.open: list[int] = []

    @rule(count=st.integers(1, 90))
    def append(self, count):
        for _ in range(count):
            self.log.seal()
        self.receipts.append((self.log.receipt_of_last(), self.log.bodies[-1]))

    @rule()
    def intend(self):
        self.open.append(self.log.seal("search.intent", outcome="permitted"))

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def conclude(self, data):
        intent = data.draw(st.sampled_from(self.open))
        self.open.remove(intent)
        self.log.seal(data.draw(st.sampled_from(["search.outcome", "search.failed"])), causes=[intent])

    @rule()
    def sign(self):
        self.log.checkpoint()
        self.heads.append(self.log.head)

    @precondition(lambda self: len(self.log.keys.periods) < 4)
    @rule()
    def rotate(self):
        self.log.rotate(bytes([100 + len(self.log.keys.periods)]) * 32)
        self.heads.append(self.log.head)

    @precondition(lambda self: self.log.size)
    @rule(data=st.data())
    def prove(self, data):
        index = data.draw(st.integers(0, self.log.size - 1))
        proof = inclusion_proof(index, self.log.size, self.log.node)
        self.receipts.append((build_receipt(index, proof, self.log.checkpoint()), self.log.bodies[index]))

    @rule()
    def export(self):
        self.files.update(self.log.export(since=self.exported))
        self.files.update({f"checkpoints/{size}": note for size, note in self.log.checkpoints.items()})
        self.exported = self.log.size
        report = audit(self.files.read, self.log.keys, older=list(self.log.checkpoints.values()))
        assert report.findings == ()
        assert report.open_intents == tuple(self.open)

    @precondition(lambda self: self.exported)
    @rule(data=st.data())
    def tamper(self, data):
        path = data.draw(st.sampled_from([path for path in sorted(self.files) if path.startswith("tile/")]))
        live = {each for each, _ in self.log.export()}
        if path not in live or self.exported != self.log.size:
            return  # a partial tile of an older size, or a checkpoint that lags
        changed = type(self.files)(self.files)
        bit = data.draw(st.integers(0, len(changed[path]) * 8 - 1))
        changed.flip(path, bit // 8, 1 << bit % 8)
        assert not audit(changed.read, self.log.keys).sound

    @invariant()
    def receipts_hold_for_ever(self):
        for receipt, body in self.receipts[-3:]:
            verify_receipt(receipt, body, self.log.keys, self.log.origin)
            try:
                verify_receipt(receipt, body + b" ", self.log.keys, self.log.origin)
            except LedgerError:
                continue
            raise AssertionError("a receipt for other bytes was accepted")

    @invariant()
    def the_log_only_grows(self):
        new = self.log.head
        for old in self.heads:
            proof = consistency_proof(old.size, new.size, self.log.node)
            verify_consistency(old.size, new.size, old.root, new.root, proof)
        assert Frontier.from_bytes(self.log.frontier.to_bytes()) == self.log.frontier

    def teardown(self):
        if not hasattr(self, "log"):
            return
        report = fsck(
            [
                LogRow(index, body, tuple(each.encoded for each in self.log.disclosures[index]))
                for index, body in enumerate(self.log.bodies)
            ],
            [Node(level, index, value) for (level, index), value in self.log.nodes.items()],
            frontier=self.log.frontier,
            checkpoint=self.log.checkpoint(),
            trust=self.log.keys,
            sealed=[],
            read=self.files.read if self.exported else None,
        )
        assert report.findings == ()
        assert report.open_intents == tuple(self.open)


def test_any_order_of_acts(new_log):
    from hypothesis.stateful import run_state_machine_as_test

    MAKE[:] = [new_log]
    run_state_machine_as_test(
        LogMachine, settings=settings(max_examples=15, stateful_step_count=15, deadline=None)
    )
