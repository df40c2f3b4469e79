"""The use cases: one verb, one file, named after what is done. The only place that changes state.

Each verb takes the office (its ports: clock, randomness, policies, log, vault, services), the person who
acts and plain values. It answers with the row it made, or with a `Refusal`; both are sealed. Exceptions are
broken promises: bad input, a stale object, something unreachable, something that does not verify.
"""
